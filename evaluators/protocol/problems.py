"""What is wrong with a file somebody handed in, said so that they can mend it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: a code of the closed list in docs/reference/errors.md, a sentence, where, and what to do."""

    code: str
    message: str
    file: str = ""
    line: int | None = None
    field: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part)
        where = " ".join(part for part in (place, f"[{self.field}]" if self.field else "") if part)
        sentence = f"{where}: {self.message}" if where else self.message
        return f"{self.code} {sentence} {self.remedy}".rstrip()


class ProblemsFound(ValueError):
    """A document or file was refused; `problems` says each fault, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
