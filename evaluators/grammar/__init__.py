"""A small grammar of English minimal pairs: two suites and a text to train on, all from one seed."""

from evaluators.grammar.phenomena import PHENOMENA
from evaluators.grammar.suites import Pair, SuitePairs, draw_pairs, training_text
from evaluators.grammar.twins import Phenomenon, Twin

__all__ = [
    "PHENOMENA",
    "Pair",
    "Phenomenon",
    "SuitePairs",
    "Twin",
    "draw_pairs",
    "training_text",
]
