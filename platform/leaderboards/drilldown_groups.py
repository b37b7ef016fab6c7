"""Scores of groups and tags behind the rows of a leaderboard, as far as the viewer may see them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Run, Score
from evaluations.selectors import suite_columns
from leaderboards.selectors import Board


class GroupScore(NamedTuple):
    """The score of a group or tag with its interval and items."""

    value: float | None
    low: float | None
    high: float | None
    n: int


# By entry, column, and then by ("group" or "tag", its name).
GroupScores = Mapping[int, Mapping[str, Mapping[tuple[str, str], GroupScore]]]


def sees_groups(board: Board, *, reviewer: bool) -> bool:
    """Whether the viewer may see scores of groups: of hidden data before the reveal, reviewers and organizers alone."""
    return board.visible and board.snapshot is not None and (reviewer or not board.guarded)


def group_scores(
    board: Board, entries: Sequence[int], *, columns: Sequence[str] | None = None, tags: bool = False
) -> GroupScores:
    """What the entries' finished models scored on each group, with `tags` on each tag too, by the suite's own metric.

    Only scores that were there when the board was computed count, the newest of them. Two queries, however many entries
    and groups. Whoever calls this has asked `sees_groups`.
    """
    suites = list(board.phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk"))
    keys = suite_columns(suites)
    metrics = {column["key"]: column["metric"] for column in board.columns}
    wanted = set(metrics if columns is None else columns)
    versions = {version for (version, _), key in keys.items() if key in wanted}
    until = board.snapshot.computed_at if board.snapshot is not None else None
    sets = "evaluation__response_set"
    run = f"{sets}__run_response_sets__run"
    rows = Score.objects.filter(
        **{
            f"{run}__phase": board.phase,
            f"{run}__entry__in": list(entries),
            f"{run}__purpose": Run.Purpose.PHASE,
            f"{run}__state": Run.State.DONE,
            f"{sets}__suite_version__in": versions,
            f"{sets}__checkpoint__in": (MAIN, ALL),
            # Replicates of the training are asked the same: the last of them would stand for the finished model.
            f"{sets}__train_seed": 0,
        }
    ).exclude(group="", tag="")
    if until is not None:
        rows = rows.filter(evaluation__created_at__lte=until)
    if not tags:
        rows = rows.filter(tag="")
    found: dict[int, dict[str, dict[tuple[str, str], GroupScore]]] = defaultdict(lambda: defaultdict(dict))
    names = (f"{run}__entry", f"{sets}__suite_version", f"{sets}__selection", "metric", "group", "tag")
    for entry, version, selection, metric, group, tag, *numbers in rows.order_by("evaluation__pk", "pk").values_list(
        *names, "value", "low", "high", "n"
    ):
        key = keys.get((version, selection))
        if key in wanted and metric == metrics.get(key or ""):
            found[entry][key or ""][("tag", tag) if tag else ("group", group)] = GroupScore(*numbers)
    return found
