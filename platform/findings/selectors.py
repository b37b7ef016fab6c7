"""What a report is made of, read from the platform; and the versions that were built."""

from collections import defaultdict

from django.db.models import QuerySet

from challenges.models import Challenge, Phase
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Run, Score
from evaluations.selectors import suite_columns
from findings.material import CurvePoint, LearningCurve, Material, SuiteItems
from findings.models import ReportVersion
from leaderboards.gathering import results_of
from leaderboards.items import item_matrix
from leaderboards.results import TrackResults


def material_of(challenge: Challenge) -> Material:
    """Everything that is known of a challenge's final phases: exact, for organizers and reviewers."""
    results = results_of(challenge)
    phases = {
        phase.pk: phase
        for phase in Phase.objects.filter(pk__in=[track.phase_id for track in results.tracks]).select_related(
            "track__challenge"
        )
    }
    curves: list[LearningCurve] = []
    items: dict[tuple[str, str], SuiteItems] = {}
    for track in results.tracks:
        phase = phases.get(track.phase_id or 0)
        if phase is not None and not track.source:
            curves += _curves(track, phase)
            items |= _items(track, phase)
    return Material(results=results, curves=tuple(curves), items=items)


def _items(track: TrackResults, phase: Phase) -> dict[tuple[str, str], SuiteItems]:
    """The item scores of ranked entries, where a suite's score is a mean of them."""
    entries = [one for one in track.ranked if one.entry_id is not None]
    found = {}
    for column in track.columns if entries else ():
        matrix = item_matrix(phase, column.key, [one.entry_id for one in entries if one.entry_id is not None])
        if matrix is not None:
            found[track.key, column.key] = SuiteItems(
                matrix.strata, matrix.clusters, matrix.scores, tuple(one.key for one in entries)
            )
    return found


def _curves(track: TrackResults, phase: Phase) -> list[LearningCurve]:
    """Each ranked entry's scores at its checkpoints; of several evaluations the newest."""
    keys = suite_columns(list(phase.phase_suites.select_related("suite_version__suite")))
    metrics = {column.key: column.metric for column in track.columns}
    of_entry = {one.entry_id: one.key for one in track.ranked}
    answers = "evaluation__response_set"
    rows = (
        Score.objects.filter(
            group="",
            tag="",
            **{
                f"{answers}__runs__phase": phase,
                f"{answers}__runs__purpose": Run.Purpose.PHASE,
                f"{answers}__runs__state": Run.State.DONE,
                f"{answers}__train_seed": 0,
            },
        )
        .exclude(**{f"{answers}__checkpoint__in": (MAIN, ALL)})
        .order_by("evaluation__pk", "pk")
        .values_list(
            f"{answers}__runs__entry",
            f"{answers}__suite_version",
            f"{answers}__selection",
            f"{answers}__steps",
            "metric",
            "value",
        )
    )
    points: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for entry_id, version_id, selection, steps, metric, value in rows:
        column, entry = keys.get((version_id, selection)), of_entry.get(entry_id)
        if column and entry and steps and value is not None and metric == metrics.get(column):
            points[entry, column][int(steps[0][1])] = value
    return [
        LearningCurve(track.key, entry, column, tuple(CurvePoint(words, found[words]) for words in sorted(found)))
        for (entry, column), found in sorted(points.items())
    ]


def versions_of(challenge: Challenge) -> QuerySet[ReportVersion]:
    """The builds of a challenge's report, newest first."""
    return challenge.report_versions.select_related("requested_by")
