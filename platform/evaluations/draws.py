"""The paired draws of each evaluation: what its suite's score would be on items drawn anew.

All evaluations of a suite take the same items in each draw, so that their differences can be compared. Draws are exact:
before a reveal they are nobody's to see.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluations import answers
from evaluations.checkpoints import steps_asked
from evaluations.models import Evaluation, SuiteDraws
from evaluators.drawing import draws_of_mean, ranked_metric
from evaluators.tasks.interface import ItemScore
from suites import sealing
from suites import services as suites

Draws = NDArray[np.float32]
KEPT_AT_ONCE = 200


class Items(NamedTuple):
    """Sealed item scores in the order of their ids; they reveal gold."""

    ids: list[str]
    groups: list[str]
    clusters: list[str]
    weights: NDArray[np.float64]
    scores: NDArray[np.float64]


def sealed_items(name: str) -> Items:
    """The item scores that were sealed under this name; an item without a cluster is its own, one without a weight
    weighs 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(sealing.read_bytes(name))).sort_by("item_id")
    ids: list[str] = table.column("item_id").to_pylist()
    there = table.column_names
    clusters = table.column("cluster").to_pylist() if "cluster" in there else [None] * len(ids)
    weights = table.column("weight").to_pylist() if "weight" in there else [None] * len(ids)
    return Items(
        ids=ids,
        groups=table.column("group").to_pylist(),
        clusters=[cluster or own for cluster, own in zip(clusters, ids, strict=True)],
        weights=np.array([1.0 if weight is None else weight for weight in weights]),
        scores=np.array(table.column("score").to_pylist(), dtype=float),
    )


def stored_draws(evaluation_ids: Iterable[int]) -> dict[int, Draws]:
    """The draws that are kept of these evaluations. One query."""
    kept = SuiteDraws.objects.filter(evaluation__in=list(evaluation_ids)).exclude(values=b"")
    return {pk: np.frombuffer(values, dtype="<f4") for pk, values in kept.values_list("evaluation", "values")}


def keep_draws(evaluation_ids: Iterable[int]) -> None:
    """Compute the draws of those of these evaluations that have none yet, and keep them. One query for none.

    It takes its time where suites are large, so it has no place in a transaction. An evaluation whose metric is
    undefined in too many draws is noted as one without any.
    """
    missing = Evaluation.objects.filter(pk__in=list(evaluation_ids), draws__isnull=True).exclude(items_name="")
    rows = []
    for evaluation in missing.select_related("response_set__suite_version").defer("document").order_by("pk"):
        found = _computed(evaluation)
        rows.append(SuiteDraws(evaluation=evaluation, values=b"" if found is None else found.astype("<f4").tobytes()))
        if len(rows) == KEPT_AT_ONCE:
            SuiteDraws.objects.bulk_create(rows, ignore_conflicts=True)
            rows = []
    if rows:
        SuiteDraws.objects.bulk_create(rows, ignore_conflicts=True)


def _computed(evaluation: Evaluation) -> Draws | None:
    answered = evaluation.response_set
    version = answered.suite_version
    metric = ranked_metric(version.manifest)
    if metric is None:
        return None
    if metric.mean:
        return draws_of_mean(version.manifest, version.digest, *sealed_items(evaluation.items_name)[1:])
    rows: Mapping[str, ItemScore] = {row.item_id: row for row in answers.item_rows(evaluation)}
    return suites.metric_draws(
        version=version,
        selection=answers.selection_of(answered),
        scores=rows,
        steps=steps_asked(answered),
        reason=f"drawing the items of evaluation {evaluation.pk} anew",
    )
