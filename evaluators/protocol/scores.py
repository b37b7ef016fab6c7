"""`scores/1`: what scoring a suite's responses gives."""

from typing import Literal

from pydantic import Field

from evaluators.protocol.documents import Document

# Flags numbers that were computed as somebody published them, and not as they should be.
COMPATIBILITY = "compatibility"


class Measure(Document):
    """A metric's value over n items, with its 95 % interval where one is defined."""

    value: float | None
    n: int = Field(ge=0)
    low: float | None = None
    high: float | None = None


class Coverage(Document):
    """Items asked, and items answered."""

    asked: int = Field(ge=0)
    answered: int = Field(ge=0)


class ScoresDocument(Document):
    """The scores of one response set; where an item asked was not answered it is not complete, and never ranked.

    `self_reported` are numbers that the team computed itself: shown as such, and never ranked.
    """

    schema_: Literal["scores/1"] = Field(default="scores/1", alias="schema")
    suite: str
    suite_digest: str
    evaluator: str
    checkpoint: str = "main"
    train_seed: int | None = None
    metrics: dict[str, Measure]
    groups: dict[str, dict[str, Measure]]
    tags: dict[str, dict[str, Measure]] = Field(default_factory=dict)
    coverage: Coverage
    gaps: dict[str, int] = Field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    self_reported: dict[str, float | None] = Field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every item that was asked has an answer, and counts."""
        return self.coverage.answered == self.coverage.asked and COMPATIBILITY not in self.flags
