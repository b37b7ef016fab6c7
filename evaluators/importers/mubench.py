"""The layout of MuBench, in which BabyLM 2026 asks HellaSwag, WinoGrande and XStoryCloze: prompt, choices, label."""

from collections.abc import Callable, Iterable

from evaluators.importers.interface import Collector, continuations
from evaluators.importers.sources import Row


def read_rows(found: Iterable[Row], collector: Collector, *, part: str, published: Callable[[Row], None]) -> bool:
    """Add every line: those of this layout here, the others by `published`; says whether all were the source's own."""
    own = True
    for row in found:
        if is_mubench(row):
            own = False
            add(collector, row, part=part)
        else:
            published(row)
    return own


def is_mubench(row: Row) -> bool:
    """Whether the line is in this layout."""
    return row.has("prompt", "choices", "label")


def add(collector: Collector, row: Row, *, part: str) -> None:
    """Add a line: its choices continue its prompt after a blank, as lm-evaluation-harness joins them."""
    texts = row.texts("choices", least=2)
    gold = row.whole("label", below=len(texts))
    collector.choice(part, continuations(row.text("prompt", empty=True).strip(), [one.strip() for one in texts]), gold)
