"""The item scores of several entries side by side. They reveal gold: for trusted code only, never for a page."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from challenges.models import Phase
from evaluations.checkpoints import ALL, MAIN
from evaluations.draws import Items, sealed_items
from evaluations.models import Evaluation, Run
from evaluations.selectors import suite_columns
from evaluators.drawing import ranked_metric


class ItemMatrix(NamedTuple):
    """Scores of entries on a suite's items: `scores` is items × entries, nan where an entry lacks the item.

    `strata` is each item's place in `groups`; `clusters` are numbers of what is drawn as one, None where every item is
    drawn by itself; `weights` are the items' own, None where all weigh the same.
    """

    ids: list[str]
    strata: NDArray[np.intp]
    groups: list[str]
    clusters: NDArray[np.intp] | None
    weights: NDArray[np.float64] | None
    scores: NDArray[np.float32]


def item_matrix(phase: Phase, column: str, entry_ids: Sequence[int]) -> ItemMatrix | None:
    """The item scores of these entries' finished models on one column of the phase's board, in the order of ids.

    Of replicates of a training, each item's mean. None where the suite's score is no mean of items, where the column is
    not there, and where no items are kept.
    """
    suites = list(phase.phase_suites.select_related("suite_version__suite"))
    keys = {key: place for place, key in suite_columns(suites).items()}
    if column not in keys:
        return None
    version_id, selection = keys[column]
    version = next(one.suite_version for one in suites if one.suite_version_id == version_id)
    metric = ranked_metric(version.manifest)
    if metric is None or not metric.mean:
        return None
    evaluations = (
        Evaluation.objects.counting()
        .filter(
            response_set__suite_version=version_id,
            response_set__selection=selection,
            response_set__checkpoint__in=(MAIN, ALL),
            response_set__runs__phase=phase,
            response_set__runs__purpose=Run.Purpose.PHASE,
            response_set__runs__state=Run.State.DONE,
            response_set__runs__entry__in=entry_ids,
        )
        .order_by("pk")
        .values_list("response_set__runs__entry", "response_set", "items_name")
    )
    # The newest evaluation of each response set counts.
    newest = {(entry, answers): name for entry, answers, name in evaluations if name}
    return _matrix([[sealed_items(name) for (one, _), name in newest.items() if one == entry] for entry in entry_ids])


def _matrix(found: Sequence[Sequence[Items]]) -> ItemMatrix | None:
    """The matrix of these item scores, by entry and within it by replicate of the training."""
    whole = _every_item([items for of_entry in found for items in of_entry])
    if whole is None:
        return None
    groups = sorted(set(whole.groups))
    place = {name: number for number, name in enumerate(groups)}
    clusters = {name: number for number, name in enumerate(dict.fromkeys(whole.clusters))}
    missing = np.full(len(whole.ids), np.nan)
    columns = [
        np.mean([_under(whole.ids, items) for items in of_entry], axis=0) if of_entry else missing for of_entry in found
    ]
    return ItemMatrix(
        ids=whole.ids,
        strata=np.array([place[group] for group in whole.groups], dtype=np.intp),
        groups=groups,
        clusters=None
        if len(clusters) == len(whole.ids)
        else np.array([clusters[name] for name in whole.clusters], dtype=np.intp),
        weights=None if (whole.weights == whole.weights[0]).all() else whole.weights,
        scores=np.array(columns, dtype=np.float32).T,
    )


def _every_item(found: Sequence[Items]) -> Items | None:
    """Every item that one of them has, in the order of ids; None where there is none."""
    if not any(items.ids for items in found):
        return None
    first = max(found, key=lambda items: len(items.ids))
    if all(items.ids == first.ids for items in found):
        return first
    rows = {
        one: (group, cluster, weight)
        for items in found
        for one, group, cluster, weight in zip(items.ids, items.groups, items.clusters, items.weights, strict=True)
    }
    ids = sorted(rows)
    groups, clusters, weights = zip(*(rows[one] for one in ids), strict=True)
    return Items(ids, list(groups), list(clusters), np.array(weights), np.full(len(ids), np.nan))


def _under(ids: Sequence[str], items: Items) -> NDArray[np.float64]:
    """The scores in the order of these ids, nan for one that is not there."""
    if items.ids == ids:
        return items.scores
    by_id = dict(zip(items.ids, items.scores, strict=True))
    return np.array([by_id.get(one, np.nan) for one in ids])
