"""The phenomena of the grammar, by family; a new one is a function and a line in its family's list."""

from evaluators.grammar.phenomena import agreement, dependencies, selection
from evaluators.grammar.twins import Phenomenon

PHENOMENA: tuple[Phenomenon, ...] = (*agreement.PHENOMENA, *selection.PHENOMENA, *dependencies.PHENOMENA)
