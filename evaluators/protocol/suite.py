"""`suite/1`: the manifest of a suite folder."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from evaluators.protocol.documents import Document

TaskName = Literal[
    "choice", "probability", "surprisal", "acquisition", "classification", "generation", "similarity"
]  # fmt: skip
LengthNorm = Literal["none", "tokens", "bytes"]
Access = Literal["hidden", "public"]


class WeightedAggregate(Document):
    """The suite's score as a weighted mean over groups."""

    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if not sum(self.weights.values()):
            raise ValueError("at least one group needs a weight above 0")
        return self


class SuiteManifest(Document):
    """`suite.yaml`; `range` bounds the metric, and a score outside it is refused."""

    schema_: Literal["suite/1"] = Field(alias="schema")
    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    task: TaskName
    metric: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    group_by: Literal["group"] = "group"
    aggregate: Literal["macro", "micro"] | WeightedAggregate = "macro"
    chance: float | None = None
    range: tuple[float, float]
    direction: Literal["higher", "lower"]
    length_norm: LengthNorm = "none"
    # What the task needs to know beside; each task family says which.
    options: dict[str, Any] = Field(default_factory=dict)
    items: Access = "hidden"
    gold: Access = "hidden"
    gated: bool = False
    license: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    citation: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        low, high = self.range
        if low >= high:
            raise ValueError("range: the lower bound must be below the upper one")
        if self.chance is not None and not low <= self.chance <= high:
            raise ValueError("chance must lie within range")
        if self.items == "hidden" and self.gold == "public":
            raise ValueError("gold can't be public where items are hidden")
        return self
