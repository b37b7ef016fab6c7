"""Two entries of a board tested against each other on the same items, suite by suite and over all that counts."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.cache import cache
from numpy.typing import NDArray

from evaluators.aggregates import coefficients
from evaluators.protocol.documents import canonical_json
from evaluators.statistics.draws import suite_seed
from evaluators.statistics.pairs import PairTest, paired_test
from leaderboards.items import ItemMatrix, item_matrix
from leaderboards.parts import aggregate_of, tree_of
from leaderboards.selectors import Board

Column = dict[str, Any]
# A test draws so often, or less often where there are so many items that it would take seconds.
DRAWS, LEAST_DRAWS, MOST_FLIPS = 10_000, 1_000, 200_000_000
KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Tests:
    """The test on each suite that has item scores of both, and on the aggregate; None with a reason where there is
    none."""

    suites: Mapping[str, PairTest]
    overall: PairTest | None
    why_no_overall: str = ""


@dataclass(frozen=True)
class _Side:
    """Both entries' item scores on one suite, as the suite's own mean weighs them."""

    scores: NDArray[np.float64]
    strata: NDArray[np.intp]
    weights: NDArray[np.float64]
    clusters: NDArray[np.intp] | None


def tests_of(board: Board, one: int, other: int) -> Tests:
    """The paired tests of two entries; computed once for what the board says of them, then remembered for a day.

    They rest on exact item scores: whoever calls this has asked whether the viewer may see those.
    """
    name = hashlib.sha256(canonical_json(["tests/1", board.phase.pk, board.digest, one, other])).hexdigest()
    kept: Tests | None = cache.get(f"leaderboards.comparison.{name}")
    if kept is None:
        kept = _tests(board, one, other)
        cache.set(f"leaderboards.comparison.{name}", kept, KEPT_SECONDS)
    return kept


def _tests(board: Board, one: int, other: int) -> Tests:
    sides: dict[str, _Side] = {}
    found: dict[str, PairTest] = {}
    for column in board.columns:
        read = item_matrix(board.phase, str(column["key"]), [one, other])
        if read is None:
            continue
        side = _side(read, column)
        if side is not None:
            sides[column["key"]] = side
            found[column["key"]] = _tested(side, column)
    overall, why = _overall(board, sides)
    return Tests(found, overall, why)


def _side(matrix: ItemMatrix, column: Column) -> _Side | None:
    """The items that both entries have, as the suite's mean counts them; None where a group has none of them.

    Where items have weights of their own, each score times its weight over the group's mean weight: the plain mean of
    these is the weighted mean.
    """
    scores = np.asarray(matrix.scores, dtype=np.float64)
    if np.isnan(scores).any():
        return None
    own = column["group_weights"]
    strata = np.zeros(len(matrix.ids), dtype=np.intp) if own is None else matrix.strata
    weights = np.ones(1) if own is None else np.array([float(own.get(name, 1.0)) for name in matrix.groups])
    if matrix.weights is not None:
        sums = np.bincount(strata, weights=matrix.weights, minlength=len(weights))
        counts = np.bincount(strata, minlength=len(weights))
        scores = scores * (matrix.weights * counts[strata] / sums[strata])[:, None]
    return _Side(scores, strata, weights, matrix.clusters)


def _tested(side: _Side, column: Column) -> PairTest:
    test = paired_test(
        side.scores[:, 0],
        side.scores[:, 1],
        strata=side.strata,
        stratum_weights=side.weights,
        clusters=side.clusters,
        seed=suite_seed(column["digest"]),
        draws=_draws(len(side.scores)),
    )
    return test if column["direction"] == "higher" else test._replace(won=test.lost, lost=test.won)


def _draws(items: int) -> int:
    return max(LEAST_DRAWS, min(DRAWS, MOST_FLIPS // max(1, items)))


def _overall(board: Board, sides: Mapping[str, _Side]) -> tuple[PairTest | None, str]:
    """The test on the aggregate, which is linear in the items of all suites: Σ of each suite's share times its mean."""
    aggregate = aggregate_of(board.phase.track)
    if len(board.columns) < 2:
        return None, ""
    if aggregate.method not in ("macro", "weighted"):
        return None, "The aggregate is no mean of suites, so items can't be tested for it."
    columns = {column["key"]: column for column in board.columns}
    shares = {key: share for key, share in coefficients(tree_of(aggregate, board.columns)).items() if share > 0}
    lacking = [columns[key]["title"] for key in shares if key not in sides]
    if lacking:
        return None, f"Not tested over all suites: no item scores of both on {_some(lacking)}."
    higher = any(column["direction"] == "higher" for column in board.columns)
    signs = {key: 1.0 if (columns[key]["direction"] == "higher") == higher else -1.0 for key in shares}
    joined = _joined([(sides[key], shares[key], signs[key]) for key in shares])
    test = paired_test(
        joined.scores[:, 0],
        joined.scores[:, 1],
        strata=joined.strata,
        stratum_weights=joined.weights,
        clusters=joined.clusters,
        seed=suite_seed("".join(str(columns[key]["digest"]) for key in shares)),
        draws=_draws(len(joined.scores)),
    )
    # The test's weights sum to 1; the aggregate's shares need not, where it has scales.
    total = sum(shares.values())
    scaled = test._replace(difference=test.difference * total, low=test.low * total, high=test.high * total)
    return (scaled if higher else scaled._replace(won=test.lost, lost=test.won)), ""


def _joined(parts: Sequence[tuple[_Side, float, float]]) -> _Side:
    """All suites' items in one; the weights of a suite's groups sum to its share of the aggregate."""
    strata, weights, clusters = [], [], []
    groups = drawn = 0
    for side, share, _ in parts:
        strata.append(side.strata + groups)
        weights.append(share * side.weights / side.weights.sum())
        own = np.arange(len(side.scores)) if side.clusters is None else side.clusters
        clusters.append(own + drawn)
        groups += len(side.weights)
        drawn += int(own.max(initial=0)) + 1
    return _Side(
        scores=np.concatenate([sign * side.scores for side, _, sign in parts]),
        strata=np.concatenate(strata),
        weights=np.concatenate(weights),
        clusters=None if all(side.clusters is None for side, _, _ in parts) else np.concatenate(clusters),
    )


def _some(titles: Sequence[str]) -> str:
    shown = ", ".join(titles[:3])
    return shown if len(titles) <= 3 else f"{shown} and {len(titles) - 3} more"
