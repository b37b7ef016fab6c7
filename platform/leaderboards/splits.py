"""The score of each split, where a phase asks a suite's public items together with others.

Public items are given out with their gold, so their score tells nothing new; that of the others waits for the reveal.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from evaluations.draws import sealed_items
from evaluations.selectors import SuiteScore
from evaluators.drawing import mean_of_items, ranked_metric
from suites import services as suites
from suites.access import public_splits
from suites.models import PhaseSuite
from suites.services import Selection

PUBLIC = "public"


def split_in(asked: PhaseSuite) -> bool:
    """Whether the phase asks public items of the suite, which anybody may read, together with others."""
    given_out = PUBLIC in asked.splits and PUBLIC in public_splits(asked.suite_version)
    metric = ranked_metric(asked.suite_version.manifest)
    return given_out and len(asked.splits) > 1 and metric is not None and metric.mean


def by_split(asked: PhaseSuite, score: SuiteScore) -> dict[str, float | None]:
    """The finished model's score on each split; nothing where its item scores were not kept."""
    if not score.items_name:
        return {}
    items = sealed_items(score.items_name)
    selection = Selection(splits=tuple(asked.splits), sample=asked.sample)
    split = suites.splits_of(version=asked.suite_version, selection=selection)
    found: dict[str, float | None] = {}
    for name in sorted(asked.splits):
        inside = np.flatnonzero([split.get(item) == name for item in items.ids])
        groups = [items.groups[place] for place in inside]
        manifest = asked.suite_version.manifest
        found[name] = mean_of_items(manifest, groups, items.weights[inside], items.scores[inside])
    return found


def public_of(splits: Mapping[str, float | None]) -> dict[str, float | None]:
    """What of it may be told before the reveal."""
    return {name: value for name, value in splits.items() if name == PUBLIC}


def columns_split(asked: Iterable[PhaseSuite], keys: Mapping[tuple[int, str], str]) -> dict[str, PhaseSuite]:
    """The suites that have a score of each split, by the key of their column."""
    return {keys[one.suite_version_id, one.selection]: one for one in asked if split_in(one)}
