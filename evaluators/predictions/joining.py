"""Predictions of BabyLM's layout joined with a suite's items on their ids: never by order."""

from collections.abc import Mapping
from typing import Any

from evaluators.predictions.answers import Answers
from evaluators.predictions.taking import REMEDIES, taker_of
from evaluators.protocol.problems import Problem
from evaluators.suites.folder import Suite

MAX_DIGITS = 9
SHOWN = 80


class Join:
    """A suite's items by the ids that files give them, and the answers found so far.

    Names of subtasks are compared in lower case: years differ in how they write them.
    """

    def __init__(self, suite: Suite, file: str, part: str) -> None:
        self.suite, self.file, self.part = suite, file, part
        self.answers = Answers()
        self.take = taker_of(suite, part)
        self._items = {item.id: item for item in suite.items}
        self._known = {str(identifier).lower(): identifier for identifier in suite.all_ids}
        self._seen: set[str] = set()

    def subtask(self, name: str, predictions: Any, *, field: str, prefix: str = "", line: int | None = None) -> None:
        """Read a subtask's predictions, ids `<name>_<k>`, as items `<prefix or name>/<k>`."""
        if not isinstance(predictions, list):
            problem = Problem("E-PRED-FORMAT", "a list of predictions is required", self.file, line, field)
            self.answers.refuse(problem)
            return
        lower, start = name.lower(), (prefix or name).lower()
        for index, prediction in enumerate(predictions):
            identifier = prediction.get("id") if isinstance(prediction, dict) else None
            head, _, number = identifier.rpartition("_") if isinstance(identifier, str) else ("", "", "")
            counted = number.isdigit() and number.isascii() and len(number) <= MAX_DIGITS
            key = f"{start}/{int(number)}" if counted and (head == name or head.lower() == lower) else None
            self._one(name, key, identifier, prediction, field, index, line)

    def example(self, name: str, predictions: Any, *, field: str) -> None:
        """Read an example's one prediction as the item `<part>/<name>`."""
        if not isinstance(predictions, list):
            self.answers.count(self.part, Problem("E-PRED-FORMAT", "a list of predictions is required", self.file,
                                                  field=field))  # fmt: skip
            return
        for index, prediction in enumerate(predictions):
            identifier = prediction.get("id") if isinstance(prediction, dict) else None
            key = f"{self.part}/{name}".lower() if identifier in (f"{name}_0", name) else None
            self._one(self.part, key, identifier, prediction, field, index, None)

    def _one(
        self, task: str, key: str | None, identifier: Any, prediction: Mapping[str, Any], field: str, index: int,
        line: int | None,
    ) -> None:  # fmt: skip
        """Read one prediction into the answers, or count what is wrong with it."""
        item_id = self._known.get(key) if key is not None else None
        if item_id is None:
            message = f"{self.suite.name} has no item for the id {str(identifier)[:SHOWN]!r}"
            remedy = "Ids are `<subtask>_<k>`, counted from 0 within each subtask."
            self._refuse(task, "E-PRED-UNKNOWN-ID", message, f"{field}[{index}]", line, remedy)
            return
        if item_id in self._seen:
            message, remedy = f"the id {str(identifier)[:SHOWN]!r} stands twice", "Keep one prediction for each id."
            self._refuse(task, "E-PRED-DUPLICATE", message, f"{field}[{index}]", line, remedy)
            return
        self._seen.add(item_id)
        item = self._items.get(item_id)
        if item is None:
            return  # an item of another split than the one that is asked
        taken = self.take(item, prediction)
        if isinstance(taken, str):
            remedy = REMEDIES[self.suite.manifest.task]
            self._refuse(task, "E-PRED-VALUE", taken, f"{field}[{index}]", line, remedy)
        else:
            self.answers.by_item[item_id] = taken

    def _refuse(self, task: str, code: str, message: str, field: str, line: int | None, remedy: str) -> None:
        self.answers.count(task, Problem(code, message, self.file, line, field, remedy))
