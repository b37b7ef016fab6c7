"""A challenge's results as one value, from its boards and stored scores: exact, for organizers and reviewers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from challenges.models import Challenge, Phase, Track
from challenges.rankings import ranking_of
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Evaluation, Run, Score
from evaluations.selectors import ScoredEntry, SuiteScore, scored_entries, suite_columns
from evaluators.aggregates import coefficients
from leaderboards import published, services
from leaderboards.computing import BESIDE
from leaderboards.models import Snapshot
from leaderboards.parts import aggregate_of, tree_of
from leaderboards.ranking import NOT_COUNTED
from leaderboards.results import Column, Failure, Result, Results, ScoreOf, TrackResults
from submissions.answers import current_answers
from submissions.models import Entry, Submission

# Parts of a manifest that say what was handed in and what it was made with.
DECLARED = ("kind", "method", "model", "data", "checkpoints", "train_seeds")
BATCH = 500
T = TypeVar("T")


def results_of(challenge: Challenge, *, phases: Mapping[str, str] | None = None) -> Results:
    """Every track's results in the order of the tracks; a track in which nothing was scored is left out.

    Each track's phase is its last closed one with a scored entry, else its last with one; `phases` names another, by
    the track's key. Raises Phase.DoesNotExist for a phase that the track does not have.
    """
    chosen = []
    for track in challenge.tracks.all():
        named = (phases or {}).get(track.key)
        phase = track.phases.get(key=named) if named else _final_phase(track)
        if phase is not None:
            chosen.append(phase)
    tracks = tuple(phase_results(phase) for phase in chosen)
    evaluations = Evaluation.objects.counting().filter(
        response_set__runs__phase__in=chosen, response_set__runs__purpose=Run.Purpose.PHASE
    )
    images = Run.objects.filter(phase__in=chosen, purpose=Run.Purpose.PHASE, state=Run.State.DONE).exclude(image_id="")
    return Results(
        key=challenge.key,
        title=challenge.title,
        tracks=tracks,
        images=tuple(sorted(set(images.values_list("image_id", flat=True)))),
        evaluators=tuple(sorted(set(evaluations.values_list("evaluator", flat=True)))),
        year=published.year_of(challenge),
    )


def _final_phase(track: Track) -> Phase | None:
    """The last closed phase with results, else the last one with any; None where no phase has some."""
    phases = list(track.phases.order_by("closes", "pk"))
    done = Run.objects.filter(phase__in=phases, purpose=Run.Purpose.PHASE, state=Run.State.DONE)
    scored = set(done.values_list("phase", flat=True))
    there = [phase for phase in phases if phase.pk in scored or published.is_published(phase)]
    closed = [phase for phase in there if phase.is_closed]
    return next(reversed(closed or there), None)


def phase_results(phase: Phase) -> TrackResults:
    """The phase's table as its board has it, frozen where it is frozen; computed now where it never was."""
    found = published.published_results(phase)
    if found is not None:
        return found
    snapshot = services.shown(phase) or services.refresh(phase=phase)
    track = phase.track
    entries = {entry.entry_id: entry for entry in scored_entries(phase)}
    more = _More.of(phase, entries.values(), snapshot.columns)
    rows = [*snapshot.rows, *snapshot.rows_in(BESIDE)]
    placed = {row["entry"] for row in rows}
    results = [_result(row, entries.get(row["entry"]), more) for row in rows]
    results += [
        _uncounted(entry, snapshot, more)
        for entry in entries.values()
        if entry.entry_id not in placed and entry.status in services.SHOWN and entry.complete
    ]
    return TrackResults(
        key=track.key,
        title=track.title,
        phase=phase.key,
        ranking=ranking_of(track),
        rule=snapshot.rule,
        columns=_columns(track, snapshot.columns),
        results=tuple(results),
        failures=_failures(phase, entries.values()),
        questions=tuple(track.questions),
        higher_is_better=any(column["direction"] == "higher" for column in snapshot.columns) or not snapshot.columns,
        phase_id=phase.pk,
    )


def _columns(track: Track, columns: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    share = coefficients(tree_of(aggregate_of(track), columns)) if columns else {}
    total = sum(share.values()) or 1.0
    return tuple(
        Column(
            key=column["key"],
            title=column["title"],
            metric=column["metric"],
            bounds=(float(column["range"][0]), float(column["range"][1])),
            higher_is_better=column["direction"] == "higher",
            chance=column["chance"],
            weight=share.get(column["key"], 0.0) / total,
            version=column["version"],
            digest=column["digest"],
        )
        for column in columns
    )


@dataclass(frozen=True)
class _More:
    """What a board does not hold: manifests, and the scores of groups and tags by entry and column."""

    submissions: Mapping[UUID, Submission]
    answers: Mapping[UUID, Mapping[str, Any]]
    groups: Mapping[tuple[int, str], Mapping[str, float | None]] = field(default_factory=dict)
    tags: Mapping[tuple[int, str], Mapping[str, float | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, phase: Phase, entries: Iterable[ScoredEntry], columns: Sequence[Mapping[str, Any]]) -> "_More":
        """All of it for these entries."""
        entries = list(entries)
        submissions: dict[UUID, Submission] = {}
        for batch in _batches([entry.submission_id for entry in entries]):
            submissions |= Submission.objects.only("manifest", "digest", "kind").in_bulk(batch)
        groups, tags = _parts_of(phase, entries, {column["key"]: column["metric"] for column in columns})
        return cls(submissions, current_answers(submissions.values()), groups, tags)


Parts = dict[tuple[int, str], dict[str, float | None]]


def _parts_of(phase: Phase, entries: Sequence[ScoredEntry], metrics: Mapping[str, str]) -> tuple[Parts, Parts]:
    """The finished models' scores of groups and of tags, by entry and column."""
    suites = list(phase.phase_suites.select_related("suite_version__suite"))
    keys = suite_columns(suites)
    runs = {entry.run_id: entry.entry_id for entry in entries}
    sets = "evaluation__response_set"
    groups: Parts = defaultdict(dict)
    tags: Parts = defaultdict(dict)
    names = ("run_response_sets__run", "suite_version", "selection")
    for batch in _batches(list(runs)):
        rows = (
            Score.objects.filter(
                **{f"{sets}__run_response_sets__run__in": batch, f"{sets}__checkpoint__in": (MAIN, ALL)},
                **{f"{sets}__train_seed": 0},
            )
            .exclude(group="", tag="")
            .order_by("evaluation__pk", "pk")
            .values_list(*(f"{sets}__{name}" for name in names), "metric", "group", "tag", "value")
        )
        for run_id, version_id, selection, metric, group, tag, value in rows.iterator(chunk_size=5_000):
            key = keys.get((version_id, selection))
            if key is not None and run_id in runs and metric == metrics.get(key, metric):
                place = groups if group else tags
                place[runs[run_id], key][group or tag] = value
    return groups, tags


def _batches(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


def _result(row: Mapping[str, Any], entry: ScoredEntry | None, more: _More) -> Result:
    """A row of the board with what is known of its entry beside."""
    submission = more.submissions.get(entry.submission_id) if entry else None
    manifest = submission.manifest if submission is not None else {}
    answers = more.answers.get(submission.pk, {}) if submission is not None else {}
    scores = entry.scores if entry else {}
    return Result(
        key=f"entry-{row['entry']}",
        name=row["name"],
        team=row["team"],
        status=row["status"],
        provenance=row["provenance"],
        scores={key: _score(value, scores.get(key), more, (row["entry"], key)) for key, value in row["scores"].items()},
        aggregate=row["aggregate"],
        aggregate_low=row.get("low"),
        aggregate_high=row.get("high"),
        rank=row["rank"],
        rank_low=row.get("rank_low"),
        rank_high=row.get("rank_high"),
        p_best=row.get("p_best"),
        tied_with_first=bool(row.get("tied")),
        why_unranked=row["why_unranked"],
        kind=row["kind"],
        approaches=tuple(answers.get("approaches") or ()),
        backbone=str(answers.get("backbone") or ""),
        answers=answers,
        declared={name: manifest[name] for name in DECLARED if manifest.get(name)},
        submission_id=row["submission"],
        submission_digest=entry.submission_digest if entry else "",
        entry_id=row["entry"],
        run_id=str(entry.run_id) if entry else "",
        handed_in_at=entry.handed_in_at if entry else None,
        finished_at=entry.finished_at if entry else None,
    )


def _score(shown: Mapping[str, Any], score: SuiteScore | None, more: _More, place: tuple[int, str]) -> ScoreOf:
    return ScoreOf(
        value=shown["value"],
        low=shown["low"],
        high=shown["high"],
        n=shown["n"],
        asked=shown["asked"],
        answered=shown["answered"],
        sd=score.sd if score else None,
        trainings=score.trainings if score else 1,
        groups=more.groups.get(place, {}),
        tags=more.tags.get(place, {}),
    )


def _uncounted(entry: ScoredEntry, snapshot: Snapshot, more: _More) -> Result:
    """An entry of a team of which another one counts."""
    row = {
        "entry": entry.entry_id,
        "name": entry.submission_name,
        "team": entry.team_name,
        "status": entry.status,
        "provenance": entry.provenance,
        "aggregate": services.aggregate_by(snapshot, entry.entry_id),
        "rank": None,
        "why_unranked": NOT_COUNTED,
        "kind": entry.kind,
        "submission": str(entry.submission_id),
        "scores": {
            key: {name: getattr(score, name) for name in ("value", "low", "high", "n", "asked", "answered")}
            for key, score in entry.scores.items()
        },
    }
    return _result(row, entry, more)


def _failures(phase: Phase, entries: Iterable[ScoredEntry]) -> tuple[Failure, ...]:
    """The runs that failed through the submission's fault, and those that left items without an answer."""
    failed = (
        Run.objects.filter(phase=phase, purpose=Run.Purpose.PHASE, state=Run.State.FAILED)
        .exclude(entry__status=Entry.Status.WITHDRAWN)
        .select_related("entry__submission__registration__team")
        .order_by("created_at", "pk")
    )
    found = [
        Failure(
            name=run.entry.submission.name,
            team=run.entry.submission.registration.team.name,
            code=run.code,
            stage=run.stage,
            submission_id=str(run.entry.submission_id),
        )
        for run in failed
    ]
    found += [
        Failure(entry.submission_name, entry.team_name, "", "", partial=True, submission_id=str(entry.submission_id))
        for entry in entries
        if not entry.complete and entry.status in services.SHOWN
    ]
    return tuple(found)
