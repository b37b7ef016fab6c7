"""What a phase asks of a suite: some splits, and of these perhaps a fixed sample."""

import hashlib
from collections.abc import Collection
from dataclasses import replace

from evaluators.protocol.items import Item
from evaluators.suites.folder import Suite


def select(suite: Suite, *, splits: Collection[str], sample: int | None = None) -> Suite:
    """The suite with the items of these splits only; `sample` keeps that many, spread evenly over the groups.

    The sample is fixed: it follows from the item ids alone, so every submission is asked the same items.
    """
    items = [item for item in suite.items if item.split in splits]
    if sample is not None and sample < len(items):
        items = _sample(items, sample)
    kept = {item.id for item in items}
    return replace(suite, items=items, gold={name: line for name, line in suite.gold.items() if name in kept})


def only(suite: Suite, ids: Collection[str]) -> Suite:
    """The suite with these items alone, in its own order."""
    kept = set(ids)
    items = [item for item in suite.items if item.id in kept]
    return replace(suite, items=items, gold={name: line for name, line in suite.gold.items() if name in kept})


def _sample(items: list[Item], size: int) -> list[Item]:
    """Every group's share, as even as can be: the groups give one item in turn until there are enough."""
    groups: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda item: hashlib.sha256(item.id.encode()).digest()):
        groups.setdefault(item.group, []).append(item)
    turns = sorted(
        (turn, hashlib.sha256(name.encode()).digest(), item.id)
        for name, members in groups.items()
        for turn, item in enumerate(members)
    )
    kept = {identifier for _, _, identifier in turns[:size]}
    return [item for item in items if item.id in kept]
