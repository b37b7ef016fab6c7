"""The layout of MuBench, in which BabyLM 2026 asks HellaSwag, WinoGrande and XStoryCloze: prompt, choices, label."""

from evaluators.importers.interface import Collector, continuations
from evaluators.importers.sources import Row


def is_mubench(row: Row) -> bool:
    """Whether the line is in this layout."""
    return row.has("prompt", "choices", "label")


def add(collector: Collector, row: Row, *, part: str) -> None:
    """Add a line: its choices continue its prompt after a blank, as lm-evaluation-harness joins them."""
    texts = row.texts("choices", least=2)
    gold = row.whole("label", below=len(texts))
    collector.choice(part, continuations(row.text("prompt", empty=True).strip(), [one.strip() for one in texts]), gold)
