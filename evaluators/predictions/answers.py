"""What every prediction format is read into."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluators.protocol.items import ChoiceItem
from evaluators.protocol.problems import Problem, ProblemsFound

MAX_PROBLEMS = 20
MAX_NAMES = 1000


@dataclass
class Answers:
    """Answers by item id and candidate, in the form of responses; parts of the file that belong to other suites."""

    by_item: dict[str, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def ignore(self, name: str) -> None:
        """Note a part that belongs to another suite; a file may name millions, and the first few tell enough."""
        if len(self.ignored) < MAX_NAMES:
            self.ignored.add(name)

    def refuse(self, problem: Problem) -> None:
        """Note a fault; with the twentieth the file is given up and ProblemsFound raised."""
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise ProblemsFound(self.problems)

    def finish(self) -> "Answers":
        """The answers, or ProblemsFound with every fault."""
        if self.problems:
            raise ProblemsFound(self.problems)
        return self


def chosen(item: ChoiceItem, positions: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """A choice as responses: the chosen candidate is certain, the others less by a nat.

    Several positions where the item's candidates can't be told apart: they share the point, as ties do.
    """
    return {candidate: {"logprob": 0.0 if candidate in positions else -1.0} for candidate in range(len(item.choices))}
