"""The media that items name: each must be in media/, and nothing else need be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluators.protocol.items import ChoiceItem, ProbabilityItem, SimilarityItem
from evaluators.protocol.problems import Problem
from evaluators.suites.folder import ITEMS, MAX_PROBLEMS, MEDIA, Suite


def digests_of(item: Any) -> Iterator[str]:
    """The digests of the files that an item shows."""
    if isinstance(item, ChoiceItem | ProbabilityItem):
        for choice in item.choices:
            yield from choice.images
    elif isinstance(item, SimilarityItem):
        yield from (seen.image for seen in (*item.rows, *item.cols) if seen.image is not None)


def media_findings(suite: Suite, folder: Path) -> tuple[list[Problem], list[Problem]]:
    """Items that name a file which media/ lacks, and a warning where media/ holds files that no item names."""
    media = folder / MEDIA
    there = {path.name for path in media.iterdir()} if media.is_dir() else set()
    named: set[str] = set()
    problems: list[Problem] = []
    for item in suite.items:
        digests = set(digests_of(item))
        named |= digests
        for digest in sorted(digests - there):
            message = f"the item {item.id!r} names the file {digest[:12]}…, which media/ lacks"
            remedy = "Put the file there, named by its sha256."
            problems.append(Problem("E-SUITE-MEDIA", message, ITEMS, field="images", remedy=remedy))
    unused = sorted(there - named)
    warnings = []
    if unused:
        message = f"no item names {len(unused):,} of the {len(there):,} files"
        remedy = "Take them out, so that nobody wonders what they are for."
        warnings.append(Problem("W-SUITE-MEDIA", message, f"{MEDIA}/{unused[0]}", remedy=remedy))
    return problems[:MAX_PROBLEMS], warnings
