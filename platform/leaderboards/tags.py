"""Scores and ranks by tag: what a board says of the items that carry one, the culturally sensitive ones say."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from challenges.models import Track
from evaluations.models import Score
from evaluations.rounding import coarse, digits_for, standard_error
from evaluations.selectors import ScoredEntry, SuiteScore
from evaluations.visibility import SMALLEST_GROUP_BEFORE_REVEAL
from evaluators.aggregates import coefficients
from leaderboards.ladder import deviation
from leaderboards.parts import aggregate_of, in_percent, tree_of
from leaderboards.ranking import Contender, Placed, Rule, place

Column = Mapping[str, Any]
# By entry, tag and column: value, low, high, number of items.
TagScores = Mapping[int, Mapping[str, Mapping[str, tuple[float | None, float | None, float | None, int]]]]


def tag_scores(
    entries: Sequence[ScoredEntry], keys: Mapping[tuple[int, str], str], columns: Sequence[Column]
) -> TagScores:
    """What the entries' finished models score on each tag of what the phase asks. One query, however many entries.

    `keys`: the column of a suite version and selection.
    """
    runs: dict[UUID, int] = {entry.run_id: entry.entry_id for entry in entries}
    metrics = {column["key"]: column["metric"] for column in columns}
    sets = "evaluation__response_set"
    rows = (
        Score.objects.filter(
            **{f"{sets}__run_response_sets__run__in": runs, f"{sets}__checkpoint": "main", "group": ""},
            # Replicates of the training are asked the same: the last of them would stand for the finished model.
            **{f"{sets}__train_seed": 0},
        )
        .exclude(tag="")
        .order_by("evaluation__pk", "pk")
        .values_list(
            f"{sets}__run_response_sets__run",
            f"{sets}__suite_version",
            f"{sets}__selection",
            "metric",
            "tag",
            "value",
            "low",
            "high",
            "n",
        )
    )
    found: dict[int, dict[str, dict[str, tuple[float | None, float | None, float | None, int]]]] = {}
    for run_id, version_id, selection, metric, tag, value, low, high, n in rows:
        key = keys.get((version_id, selection))
        # A response set belongs to several runs where they ask the same.
        if key is not None and run_id in runs and metric == metrics[key]:
            found.setdefault(runs[run_id], {}).setdefault(tag, {})[key] = (value, low, high, n)
    return found


def tables(
    track: Track,
    columns: Sequence[Column],
    placed: Sequence[Placed],
    rule: Rule,
    scores: TagScores,
    *,
    guarded: bool = False,
) -> list[dict[str, Any]]:
    """A table for each tag: the board's own rows, ranked by their scores on the tag's items.

    The aggregate is the board's over the suites that have the tag. Where the board is `guarded`, scores are rounded as
    the board's are, and a suite with fewer than 100 items of the tag is left out.
    """
    found = []
    for tag, keys in _tags(columns, scores, least=SMALLEST_GROUP_BEFORE_REVEAL if guarded else 1).items():
        inside = [column for column in columns if column["key"] in keys]
        tree = tree_of(aggregate_of(track), inside)
        by = replace(rule, tree=tree, weights={column["key"]: column["weight"] for column in inside}, digits=None)
        digits = _digits(track, inside, tag, scores) if guarded else {}
        if guarded:
            by = replace(by, digits=digits[""])
        contenders = [_contender(item.contender, tag, inside, scores, track if guarded else None) for item in placed]
        found.append(
            {
                "tag": tag,
                "columns": [column["key"] for column in inside],
                "percent": in_percent(tree, inside),
                "rows": [_row(item, digits) for item in place(contenders, by)],
            }
        )
    return found


def _tags(columns: Sequence[Column], scores: TagScores, *, least: int) -> dict[str, set[str]]:
    """The columns that have each tag, with at least so many items; tags in order of their names."""
    known = {column["key"] for column in columns}
    found: dict[str, set[str]] = defaultdict(set)
    for tags in scores.values():
        for tag, by_column in tags.items():
            found[tag] |= {key for key, (_, _, _, n) in by_column.items() if key in known and n >= least}
    return {tag: found[tag] for tag in sorted(found) if found[tag]}


def _contender(
    contender: Contender, tag: str, columns: Sequence[Column], scores: TagScores, guarded: Track | None
) -> Contender:
    """The contender with its scores on the tag in place of its own, rounded where the board is guarded."""
    own: dict[str, SuiteScore] = {}
    for column in columns:
        whole = contender.scores.get(column["key"])
        part = scores.get(contender.entry_id, {}).get(tag, {}).get(column["key"])
        if whole is None or part is None:
            continue
        value, low, high, n = part
        if guarded is not None:
            bounds = (float(column["range"][0]), float(column["range"][1]))
            shown = coarse(value, n=n, bounds=bounds, most=_most(guarded, column))
            value, low, high = shown.value, shown.low, shown.high
        own[column["key"]] = replace(whole, value=value, low=low, high=high, n=n)
    return replace(contender, scores=own)


def _most(track: Track, column: Column) -> int:
    return track.round_digits + (2 if column["range"][1] == 1 else 0)


def _digits(track: Track, columns: Sequence[Column], tag: str, scores: TagScores) -> dict[str, int]:
    """The digits that may be told by column, and under "" those of the aggregate."""
    errors = {}
    for column in columns:
        counts = [tags[tag][column["key"]][3] for tags in scores.values() if column["key"] in tags.get(tag, {})]
        span = float(column["range"][1] - column["range"][0])
        errors[column["key"]] = standard_error(max(counts), span)
    digits = {column["key"]: digits_for(errors[column["key"]], most=_most(track, column)) for column in columns}
    tree = tree_of(aggregate_of(track), columns)
    most = track.round_digits + (2 if in_percent(tree, columns) else 0)
    return {**digits, "": digits_for(deviation(errors, coefficients(tree)), most=most)}


def _row(placed: Placed, digits: Mapping[str, int]) -> dict[str, Any]:
    return {
        "rank": placed.rank,
        "entry": placed.contender.entry_id,
        "aggregate": placed.aggregate,
        **({"digits": digits[""]} if digits else {}),
        "scores": {key: score_value(score, digits.get(key)) for key, score in placed.contender.scores.items()},
    }


def score_value(score: SuiteScore, digits: int | None) -> dict[str, Any]:
    """A score as a snapshot keeps it; `digits` where it was rounded for those who may not see it exactly."""
    names = ("value", "low", "high", "n", "asked", "answered")
    return {name: getattr(score, name) for name in names} | ({} if digits is None else {"digits": digits})
