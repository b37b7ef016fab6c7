"""What a board says of each entry by itself: made of its scores, kept, and read again without them."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from challenges.models import Phase
from evaluations import draws
from evaluations.models import Run
from evaluations.selectors import ScoredEntry, SuiteScore, scored_entries
from evaluators.protocol.documents import canonical_json
from evaluators.statistics.draws import interval_of
from leaderboards import tags as by_tag
from leaderboards.methods import counted
from leaderboards.models import Standing
from leaderboards.ranking import Contender, aggregate, parts, row_of
from leaderboards.rules import Basis
from leaderboards.splits import by_split, columns_split, public_of
from leaderboards.telling import coarsened, contender_of
from submissions.models import QuotaCharge

BATCH = 200  # entries whose scores are looked at together


class Facts(NamedTuple):
    """What is known of a finished run without its scores; where it changed, so has the standing."""

    run_id: UUID
    entry_id: int
    team_id: int
    name: str
    team_name: str
    kind: str
    status: str
    reason: str
    picked: bool
    handed_in_at: datetime
    finished_at: datetime


class Light(NamedTuple):
    """A standing as far as ranking needs it; `facts` are those that it was made with."""

    pk: int
    facts: Facts
    basis: str
    complete: bool
    provenance: str
    row: bytes
    told_row: bytes
    aggregate: float | None
    told_aggregate: float | None
    low: float | None
    high: float | None
    digest: str
    told_digest: str


FACTS = Facts._fields
OWN = Light._fields[2:]


def finished(phase: Phase) -> QuerySet[Run]:
    """The runs that a standing of the phase is due to, in the order in which they were planned."""
    done = Run.objects.filter(phase=phase, purpose=Run.Purpose.PHASE, state=Run.State.DONE, finished_at__isnull=False)
    return done.order_by("created_at", "pk")


def astray(basis: Basis) -> list[UUID]:
    """The finished runs without a standing, and those of which something else than a score has changed. One query."""
    charged = QuotaCharge.objects.filter(entry=OuterRef("entry"), phase=OuterRef("phase"))
    submission = "entry__submission"
    as_it_is = Standing.objects.current().filter(
        run=OuterRef("pk"),
        basis=basis.digest,
        team=OuterRef(f"{submission}__registration__team"),
        name=OuterRef(f"{submission}__name"),
        team_name=OuterRef(f"{submission}__registration__team__name"),
        kind=OuterRef(f"{submission}__kind"),
        status=OuterRef("entry__status"),
        reason=OuterRef("entry__reason"),
        picked=OuterRef("entry__picked"),
        finished_at=OuterRef("finished_at"),
        handed_in_at=OuterRef("handed_in"),
    )
    handed_in = Coalesce(Subquery(charged.values("created_at")[:1]), F("entry__created_at"))
    runs = finished(basis.phase).annotate(handed_in=handed_in)
    return list(runs.filter(~Exists(as_it_is)).values_list("pk", flat=True))


def lights_of(phase: Phase) -> list[Light]:
    """The phase's current standings in the order of their entries. One query."""
    rows = Standing.objects.current().filter(phase=phase).order_by("entry")
    count = len(FACTS)
    return [
        Light(row[0], Facts(*row[1 : 1 + count]), *row[1 + count :]) for row in rows.values_list("pk", *FACTS, *OWN)
    ]


def light_of(standing: Standing) -> Light:
    """The standing as ranking needs it."""
    facts = Facts(*(getattr(standing, name) for name in FACTS))
    return Light(standing.pk, facts, *(getattr(standing, name) for name in OWN))


def whole_scores(standings: Collection[int]) -> dict[int, dict[str, SuiteScore]]:
    """The scores of these standings by entry and column. One query."""
    rows = Standing.objects.filter(pk__in=standings).values_list("entry", "scores")
    return {entry: {key: _score(numbers) for key, numbers in scores.items()} for entry, scores in rows}


def _score(numbers: Sequence[Any]) -> SuiteScore:
    value, low, high, n, asked, answered, *more = numbers
    sd, trainings = more or (None, 1)
    return SuiteScore("", value, low, high, n, asked, answered, "", "", "", sd=sd, trainings=trainings)


def made(basis: Basis, run_ids: Collection[UUID]) -> Iterator[Standing]:
    """The standings of these runs by their scores now, not saved; draws that are missing are computed and kept."""
    ids = list(run_ids)
    for start in range(0, len(ids), BATCH):
        entries = scored_entries(basis.phase, suites=basis.suites, runs=ids[start : start + BATCH])
        by_tags = by_tag.tag_scores(entries, basis.keys, basis.columns)
        evaluations = [pk for entry in entries for score in entry.scores.values() for pk in score.evaluations]
        draws.keep_draws(evaluations)
        drawn = {} if basis.rule.method.relative else draws.stored_draws(evaluations)
        for entry in entries:
            yield standing_of(basis, entry, by_tags.get(entry.entry_id, {}), drawn)


def standing_of(
    basis: Basis, entry: ScoredEntry, tags: Mapping[str, Mapping[str, Any]], drawn: Mapping[int, draws.Draws]
) -> Standing:
    """The standing of a scored entry, not saved; `tags` are its scores by tag, `drawn` the draws of its evaluations."""
    rule = basis.rule
    exact = contender_of(entry)
    told = coarsened(exact, basis.track, basis.columns) if basis.hidden else None
    sampled = _draws(basis, exact, drawn)
    interval = None if sampled is None else interval_of(sampled)
    standing = Standing(
        phase=basis.phase,
        entry_id=entry.entry_id,
        run_id=entry.run_id,
        team_id=entry.team_id,
        basis=basis.digest,
        name=entry.submission_name,
        team_name=entry.team_name,
        kind=entry.kind,
        status=entry.status,
        reason=entry.reason,
        picked=entry.picked,
        complete=all(score.answered == score.asked for score in entry.scores.values()),
        provenance=entry.provenance,
        handed_in_at=entry.handed_in_at,
        finished_at=entry.finished_at,
        scores={key: _numbers(score) for key, score in entry.scores.items()},
        told={key: _numbers(score)[:6] for key, score in told.scores.items()} if told else {},
        parts=parts(exact, rule),
        told_parts=parts(told, rule) if told else {},
        tags={tag: {key: list(numbers) for key, numbers in values.items()} for tag, values in sorted(tags.items())},
        splits={
            key: by_split(asked, entry.scores[key])
            for key, asked in columns_split(basis.suites, basis.keys).items()
            if key in entry.scores
        },
        evaluations={key: list(score.evaluations) for key, score in entry.scores.items()},
        row=_bytes(row_of(exact, rule)),
        told_row=_bytes(row_of(told, rule)) if told else b"",
        aggregate=aggregate(exact, rule),
        told_aggregate=aggregate(told, rule) if told else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        draws=b"" if sampled is None else sampled.astype("<f4").tobytes(),
    )
    standing.digest, standing.told_digest = digests(standing)
    return standing


def _numbers(score: SuiteScore) -> list[Any]:
    numbers = [score.value, score.low, score.high, score.n, score.asked, score.answered]
    return numbers if score.trainings == 1 else [*numbers, score.sd, score.trainings]


def _bytes(row: NDArray[np.float64]) -> bytes:
    return row.astype("<f8").tobytes()


def rows_in(lights: Sequence[Light], *, told: bool = False) -> list[NDArray[np.float64]]:
    """What the aggregate takes of each column, by standing."""
    return [np.frombuffer(light.told_row if told else light.row, dtype="<f8") for light in lights]


def _draws(basis: Basis, exact: Contender, drawn: Mapping[int, draws.Draws]) -> NDArray[np.float64] | None:
    """The paired draws of the aggregate; None where it is relative, or a suite that counts has no draws."""
    rule, row = basis.rule, row_of(exact, basis.rule)
    needed = counted(rule.method, rule.mean, rule.columns)
    if rule.method.relative or not needed.any() or np.isnan(row[needed]).any():
        return None
    columns: list[Any] = []
    for key, value, counts in zip(rule.columns, row, needed, strict=True):
        score = exact.scores.get(key)
        if not counts:
            columns.append(0.0)
        elif score is None or score.value is None or score.answered < score.asked:
            columns.append(value)  # the worst there is, whatever items are drawn
        else:
            found = [drawn[pk] for pk in score.evaluations if pk in drawn]
            if not found or len(found) < len(score.evaluations):
                return None
            mean = np.mean(found, axis=0, dtype=np.float64)
            columns.append(rule.mirrored[key] - mean if key in rule.mirrored else mean)
    lengths = {len(one) for one in columns if isinstance(one, np.ndarray)}
    if len(lengths) != 1:
        return None
    (length,) = lengths
    return rule.joined(np.column_stack([np.broadcast_to(one, length) for one in columns]))


def digests(standing: Standing) -> tuple[str, str]:
    """sha256 over what an organizer sees of it, and over what everybody does before the reveal."""
    known = [standing.name, standing.team_name, standing.kind, standing.status, standing.reason, standing.provenance]
    exact = [
        *known, standing.basis, standing.picked, standing.handed_in_at.isoformat(), standing.finished_at.isoformat(),
        standing.scores, standing.parts, standing.tags, standing.aggregate, standing.splits,
        hashlib.sha256(standing.draws).hexdigest() if standing.draws else "",
    ]  # fmt: skip
    public = {key: public_of(splits) for key, splits in standing.splits.items()}
    told = [*known, standing.told, standing.told_parts, public]
    return tuple(hashlib.sha256(canonical_json(one)).hexdigest() for one in (exact, told))  # type: ignore[return-value]
