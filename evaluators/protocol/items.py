"""The lines of items.jsonl, gold.jsonl and train.jsonl: one pair of documents for each task family."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from evaluators.protocol.documents import Document

Split = Literal["dev", "public", "private"]
ItemId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, StringConstraints(max_length=100_000)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
# What a classifier answers: whole numbers where the source numbers its classes, words where it names them.
Class = Annotated[int, Field(strict=True, ge=-1000, le=100_000)] | Label
Cell = Annotated[float, Field(ge=-1e12, le=1e12)]


class Item(Document):
    """One scored unit, as a model may see it; `cluster` names items that share a template or passage."""

    id: ItemId
    group: Label = "all"
    tags: tuple[Label, ...] = ()
    split: Split = "private"
    cluster: Label | None = None
    weight: float = Field(default=1.0, gt=0)


class Gold(Document):
    """The hidden answer to the item of the same id."""

    id: ItemId


class Candidate(Document):
    """One candidate of a choice item: a continuation after a context."""

    context: Text = ""
    continuation: Annotated[Text, StringConstraints(min_length=1)]
    images: tuple[Digest, ...] = ()


class ChoiceItem(Item):
    """An item of a choice suite."""

    choices: tuple[Candidate, ...] = Field(min_length=2, max_length=64)


class ChoiceGold(Gold):
    """The right candidate's position in the item, from 0."""

    gold: int = Field(ge=0, strict=True)


class ProbabilityItem(Item):
    """Two candidates between which people are divided."""

    choices: tuple[Candidate, Candidate]


class ProbabilityGold(Gold):
    """The share of people that took candidate 0."""

    probability: float = Field(ge=0, le=1)


class SurprisalItem(Item):
    """A text in words, and what is known of each: `covariates` by name, a number (null: missing) for each word."""

    words: tuple[Word, ...] = Field(min_length=1, max_length=5000)
    covariates: dict[Label, tuple[Cell | None, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_for_each_word(self) -> Self:
        for name, values in self.covariates.items():
            if len(values) != len(self.words):
                raise ValueError(f"covariates.{name} has {len(values)} numbers for {len(self.words)} words")
        return self


class SurprisalGold(Gold):
    """What was measured on people: by name of the measure, a number (null: missing) for each word."""

    measures: dict[Label, tuple[Cell | None, ...]] = Field(min_length=1)


class AcquisitionItem(Item):
    """A word and contexts that it continues; asked once at each checkpoint."""

    word: Word
    contexts: tuple[Text, ...] = Field(min_length=1, max_length=1000)


class AcquisitionGold(Gold):
    """The share of children who know the word (`known`, 0 to 1) at each age (`months`)."""

    months: tuple[Annotated[float, Field(ge=0, le=1200)], ...] = Field(min_length=1)
    known: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if len(self.months) != len(self.known):
            raise ValueError("months and known must have as many numbers")
        if list(self.months) != sorted(set(self.months)):
            raise ValueError("months must rise")
        return self


class Inputs(Document):
    """What is classified: `text`, or `premise` and `hypothesis`, or other named texts under `inputs`."""

    text: Text | None = None
    premise: Text | None = None
    hypothesis: Text | None = None
    inputs: dict[Label, Text] = Field(default_factory=dict, max_length=8)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        pair = self.premise is not None and self.hypothesis is not None
        some = self.premise is not None or self.hypothesis is not None
        if (self.text is not None) + some + bool(self.inputs) != 1 or some != pair:
            raise ValueError("give either `text`, or `premise` and `hypothesis`, or `inputs`")
        return self

    @property
    def texts(self) -> dict[str, str]:
        """The texts by name, in the order in which a classifier reads them."""
        if self.text is not None:
            return {"text": self.text}
        if self.premise is not None and self.hypothesis is not None:
            return {"premise": self.premise, "hypothesis": self.hypothesis}
        return dict(self.inputs)


class ClassificationItem(Inputs, Item):
    """An item of a classification suite."""


class ClassificationGold(Gold):
    """The right class."""

    label: Class


class TrainLine(Inputs):
    """A line of train.jsonl, which the model that is to be trained sees whole; `group` as its items have it."""

    id: ItemId
    group: Label = "all"
    label: Class


class Seen(Document):
    """What a model of similarity looks at: a text, an image, or both."""

    text: Text | None = None
    image: Digest | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.text is None and self.image is None:
            raise ValueError("give `text`, `image` or both")
        return self


class SimilarityItem(Item):
    """Rows and columns whose similarity is asked."""

    rows: tuple[Seen, ...] = Field(min_length=1, max_length=5000)
    cols: tuple[Seen, ...] = Field(min_length=1, max_length=5000)


class SimilarityGold(Gold):
    """What people answered: a number for each row and column (null: nobody was asked).

    `target` is the right column of each row, from 0, where one is right.
    """

    matrix: tuple[tuple[Cell | None, ...], ...] = Field(min_length=1)
    target: tuple[Annotated[int, Field(ge=0, strict=True)], ...] | None = None


def shape_fault(value: Any, *, rows: int, cols: int) -> str | None:
    """What keeps a list of lists from being a matrix of that shape; None where nothing does."""
    if not isinstance(value, list | tuple) or len(value) != rows:
        return f"{rows} rows are required"
    if not all(isinstance(row, list | tuple) and len(row) == cols for row in value):
        return f"each row must have {cols} numbers"
    return None
