"""What every prediction format is read into."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evaluators.protocol.items import ChoiceItem
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.tasks.interface import Step

MAX_PROBLEMS = 20
MAX_NAMES = 1000


@dataclass
class Answers:
    """Answers by item id and candidate, in the form of responses; parts of the file that belong to other suites.

    `steps` are the checkpoints that the file has answers for, where the task goes over them. `self_reported` are
    scores that the team computed itself: they are shown, and never ranked.
    """

    by_item: dict[str, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    steps: tuple[Step, ...] = ()
    self_reported: dict[str, float | None] = field(default_factory=dict)
    # The first fault of each kind in each task, and how many there are.
    counted: dict[tuple[str, str], tuple[Problem, int]] = field(default_factory=dict)

    def ignore(self, name: str) -> None:
        """Note a part that belongs to another suite; a file may name millions, and the first few tell enough."""
        if len(self.ignored) < MAX_NAMES:
            self.ignored.add(name)

    def refuse(self, problem: Problem) -> None:
        """Note a fault; with the twentieth the file is given up and ProblemsFound raised."""
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise ProblemsFound(self.problems)

    def count(self, task: str, problem: Problem) -> None:
        """Note a fault that a task may have thousands of: the first is told, the others are counted."""
        key = (problem.code, task)
        if key in self.counted:
            first, number = self.counted[key]
            self.counted[key] = (first, number + 1)
        elif len(self.counted) < MAX_NAMES:
            self.counted[key] = (problem, 1)

    def finish(self) -> "Answers":
        """The answers, or ProblemsFound with every fault."""
        counted = [
            first
            if number == 1
            else replace(first, message=f"{first.message}, and {number - 1:,} more in {task} with this fault")
            for (_, task), (first, number) in self.counted.items()
        ]
        if self.problems or counted:
            raise ProblemsFound([*self.problems, *counted][:MAX_PROBLEMS])
        return self


def chosen(item: ChoiceItem, positions: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """A choice as responses: the chosen candidate is certain, the others less by a nat.

    Several positions where the item's candidates can't be told apart: they share the point, as ties do.
    """
    return {candidate: {"logprob": 0.0 if candidate in positions else -1.0} for candidate in range(len(item.choices))}
