"""Minimal pairs, which many benchmarks are: two sentences of which one is right, compared as wholes."""

from collections.abc import Iterable

from evaluators.importers.interface import Collector, clip
from evaluators.importers.sources import Row


def add_pair(
    collector: Collector,
    row: Row,
    *,
    part: str,
    good: str = "sentence_good",
    bad: str = "sentence_bad",
    tags: Iterable[str] = (),
    cluster: str = "",
) -> None:
    """Add a row's two sentences to a part; raises ProblemsFound where one of the fields is missing."""
    sentences = [{"continuation": row.text(good)}, {"continuation": row.text(bad)}]
    kept = [clip(tag) for tag in tags if tag]
    collector.choice(part, sentences, 0, tags=kept, cluster=clip(cluster))
