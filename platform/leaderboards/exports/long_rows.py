"""The rows of the long layout, streamed from the database in a number of queries that does not grow."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet

from challenges.models import Challenge, Phase
from evaluations.models import Evaluation, Run, Score
from evaluators.budgets import account_of
from evaluators.protocol.challenge import Budget
from evaluators.protocol.submission import Data
from leaderboards import published
from leaderboards.exports.long_layout import RunLine, ScoreLine
from leaderboards.exports.people import Members, members_of
from leaderboards.exports.pseudonyms import Names
from leaderboards.exports.query import ExportQuery
from leaderboards.exports.table import Standing
from leaderboards.results import Column, Result, TrackResults
from sandbox.images import recipe
from submissions.models import Entry
from suites.models import SuiteVersion

CHUNK = 2_000
REFERENCES = frozenset({Entry.Status.BASELINE, "skyline"})
SETS = "evaluation__response_set"


class _Version(NamedTuple):
    """What of a suite version goes into rows."""

    key: str
    version: str
    hidden: bool
    gated: bool

    def tells(self, group: str, tag: str, n: int) -> bool:
        """Whether a score may be told: of hidden data no single item, of gated data nothing finer than a group."""
        if not (group or tag):
            return True
        return not (self.hidden and n <= 1) and not (self.gated and tag)


def long_rows(challenge: Challenge, query: ExportQuery, standing: Standing) -> Iterator[ScoreLine]:
    """Every score that the query asks for, in a fixed order; what they stand on is noted as they go by."""
    wanted = _runs(challenge, query)
    runs = _run_lines(challenge, query, wanted)
    versions = _versions(wanted)
    newest = _superseded(wanted)
    for run_id, version_id, created_at, evaluation_id, set_id, *cells in _scores(query, wanted):
        run, version = runs.get(run_id), versions.get(version_id)
        if run is None or version is None:
            continue
        selection, checkpoint, seed, metric, group, tag, value, low, high, n, asked, answered, *origin = cells
        suite_digest, responses_digest, image_id, evaluator, provenance = origin
        stands = newest.get(set_id, evaluation_id) == evaluation_id
        if not version.tells(group, tag, n) or not (stands or query.superseded):
            continue
        line = ScoreLine(
            run, provenance, version.key, version.version, selection, checkpoint, seed or None, metric, group, tag,
            value, low, high, n, asked, answered, suite_digest, responses_digest, image_id, evaluator, stands,
        )  # fmt: skip
        standing.seen_at(created_at)
        _note(standing, line)
        yield line
    for phase in _published(challenge, query):
        yield from _of_published(phase, query, standing)


def _note(standing: Standing, line: ScoreLine) -> None:
    standing.tables.add(f"{line.run.track}/{line.run.phase}")
    if line.suite_digest:
        standing.suites.add(f"{line.suite}@{line.suite_version} sha256:{line.suite_digest}")
    if line.image_id:
        standing.images.add(f"{line.image_id} {line.image_versions}".strip())
    if line.evaluator:
        standing.evaluators.add(line.evaluator)


def _runs(challenge: Challenge, query: ExportQuery) -> QuerySet[Run]:
    runs = Run.objects.filter(purpose=Run.Purpose.PHASE, state=Run.State.DONE, entry__track__challenge=challenge)
    if query.tracks:
        runs = runs.filter(entry__track__key__in=query.tracks)
    if query.phases:
        runs = runs.filter(_of_phases(query, "phase__track__key", "phase__key"))
    return runs.filter(entry__status__in=query.statuses) if query.statuses else runs


def _of_phases(query: ExportQuery, track: str, phase: str) -> Q:
    asked = Q()
    for one in query.phases:
        track_key, _, phase_key = one.partition("/")
        asked |= Q(**{track: track_key, phase: phase_key})
    return asked


def _run_lines(challenge: Challenge, query: ExportQuery, wanted: QuerySet[Run]) -> dict[UUID, RunLine]:
    """What goes into every row of a run, by the run. One query, and one more for people."""
    members = members_of(challenge) if query.people else {}
    made_up = Names.of(challenge) if query.anonymised else None
    runs = wanted.select_related("entry__submission__registration__team", "entry__track", "phase")
    return {run.pk: _run_line(run, made_up, members) for run in runs.iterator(chunk_size=CHUNK)}


def _run_line(run: Run, made_up: Names | None, members: Mapping[str, Members]) -> RunLine:
    submission, team = run.entry.submission, run.entry.submission.registration.team
    names = (submission.name, team.name)
    if made_up is not None and run.entry.status not in REFERENCES:
        names = (made_up.method(run.entry_id), made_up.team(team.name))
    people = members.get(team.name, Members())
    words, size, seen = declared(submission.manifest)
    return RunLine(
        submission=names[0],
        submission_id=str(submission.pk),
        team=names[1],
        track=run.entry.track.key,
        phase=run.phase.key,
        status=run.entry.status,
        kind=submission.kind,
        submission_digest=submission.digest,
        run_id=str(run.pk),
        finished_at=run.finished_at.isoformat() if run.finished_at else "",
        declared_words=words,
        declared_bytes=size,
        declared_words_seen=seen,
        people=people.names,
        emails=people.emails,
        image=(run.entry.track.image_id, recipe.in_words(run.entry.track.image_versions)),
    )


def declared(manifest: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Words and bytes of the declared corpora that a budget counts, and words seen; None where not declared."""
    data = manifest.get("data")
    if not data:
        return None, None, None
    said = Data.model_validate(data)
    account = account_of(said, Budget())
    words, size = (account.words, account.bytes) if said.corpora else (None, None)
    return words, size, said.words_seen


def _versions(wanted: QuerySet[Run]) -> dict[int, _Version]:
    versions = SuiteVersion.objects.filter(response_sets__runs__in=wanted).select_related("suite").distinct()
    return {one.pk: _Version(one.suite.key, one.version, one.hidden, one.gated) for one in versions}


def _superseded(wanted: QuerySet[Run]) -> dict[int, int]:
    """The newest evaluation of each response set that has several which count."""
    several = (
        Evaluation.objects.counting().filter(response_set__runs__in=wanted).order_by().values("response_set")
        .annotate(newest=Max("pk"), evaluations=Count("pk", distinct=True)).filter(evaluations__gt=1)
    )  # fmt: skip
    return dict(several.values_list("response_set", "newest"))


def _scores(query: ExportQuery, wanted: QuerySet[Run]) -> Iterator[tuple[Any, ...]]:
    """Every score of these runs with what stands beside it; the order of an anonymised table tells nothing of times."""
    run = f"{SETS}__run_response_sets__run"
    within = ("pk",) if query.anonymised else ("created_at", "pk")
    order = ("entry__track__position", "entry__track__key", "phase__position", "phase__key", *within)
    scores = (
        Score.objects.annotate(of_run=F(run))
        .filter(of_run__in=wanted.order_by().values("pk"), evaluation__counts=True)
        .order_by(*(f"{run}__{name}" for name in order), f"{SETS}__run_response_sets__position", "group", "tag",
                  "metric", "pk")
        .values_list(
            "of_run", f"{SETS}__suite_version", "evaluation__created_at", "evaluation", SETS, f"{SETS}__selection",
            f"{SETS}__checkpoint", f"{SETS}__train_seed", "metric", "group", "tag", "value", "low", "high", "n",
            f"{SETS}__asked", f"{SETS}__answered", "evaluation__suite_digest", f"{SETS}__digest", f"{SETS}__image_id",
            "evaluation__evaluator", "evaluation__provenance",
        )
    )  # fmt: skip
    return scores.iterator(chunk_size=CHUNK)


def _published(challenge: Challenge, query: ExportQuery) -> list[Phase]:
    """The phases whose table came from elsewhere."""
    phases = Phase.objects.filter(track__challenge=challenge, published_table__isnull=False).select_related("track")
    if query.tracks:
        phases = phases.filter(track__key__in=query.tracks)
    if query.phases:
        phases = phases.filter(_of_phases(query, "track__key", "key"))
    return list(phases.order_by("track__position", "track__key", "position", "key"))


def _of_published(phase: Phase, query: ExportQuery, standing: Standing) -> Iterator[ScoreLine]:
    """The scores of a table that came from elsewhere, where no run stands behind any."""
    track = published.published_results(phase)
    if track is None:
        return
    for result in track.results:
        if query.statuses and result.status not in query.statuses:
            continue
        run = published_run(track, result, query)
        for column in track.columns:
            for line in _published_scores(run, column, result):
                _note(standing, line)
                standing.sources.add(f"{track.source} sha256:{track.source_digest}")
                yield line


def published_run(track: TrackResults, result: Result, query: ExportQuery) -> RunLine:
    """What an imported entry's rows have in common; its key is its id in its track."""
    names = (result.name, result.team)
    if query.anonymised and not result.reference:
        made_up = Names(query.challenge)
        names = (made_up.method(None, result.key), made_up.team(result.team))
    return RunLine(names[0], result.key, names[1], track.key, track.phase, result.status, result.kind, "", "", "")


def _published_scores(run: RunLine, column: Column, result: Result) -> Iterator[ScoreLine]:
    score = result.scores.get(column.key)
    if score is None:
        return
    values = [("", score.value, score.low, score.high, score.n)]
    values += [(group, value, None, None, 0) for group, value in sorted(score.groups.items())]
    # A published table rarely says how many items stand behind a score.
    asked, answered = (score.asked, score.answered) if score.asked else (None, None)
    for group, value, low, high, n in values:
        yield ScoreLine(
            run, result.provenance, column.key, column.version, "", "main", None, column.metric, group, "", value, low,
            high, n or None, asked, answered, column.digest, "", "", "", True,
        )  # fmt: skip
