"""How a track ranks: which entry counts, the aggregate and its parts, and what a team is told of a change."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from evaluators.protocol.documents import Document
from evaluators.protocol.values import Key, Title, distinct, once, some

# How far a score can be trusted, least first: told by its team, computed from answers that were made elsewhere, those
# answers checked on the handed-in model for a secret sample of items, or all answered here.
Provenance = Literal["self-reported", "predictions", "spot-checked", "run here"]
PROVENANCES: tuple[Provenance, ...] = ("self-reported", "predictions", "spot-checked", "run here")
# Of a score that an edition elsewhere has published: shown, and ranked among what its own table holds alone.
PUBLISHED = "published"


def _six_digits(value: float) -> float:
    return round(value, 6)


def ladder_text(value: str | float) -> str:
    """A ladder's rule as a column holds it: 0.5 → "0.5"."""
    return value if isinstance(value, str) else f"{value:.6f}".rstrip("0").rstrip(".")


def ladder_value(text: str) -> str | float:
    """The rule back from the column."""
    return text if text in ("off", "standard-error") else float(text)


# When a team's shown score changes on a board of hidden data: at once, or once it is better by the standard error of
# the paired difference, or by a step in the units of the score.
Ladder = Literal["off", "standard-error"] | Annotated[float, Field(ge=1e-6, le=1000), AfterValidator(_six_digits)]


# How the outermost members of an aggregate are joined; those of RELATIVE depend on who else stands on the board.
AggregateMethod = Literal[
    "macro",
    "weighted",
    "geometric-mean",
    "above-chance",
    "babylm-2023",
    "mean-win-rate",
    "mean-rank",
    "borda",
    "z-mean",
    "efficiency-2023",
]
RELATIVE = frozenset({"mean-win-rate", "mean-rank", "borda", "z-mean", "efficiency-2023"})
# Methods that know themselves what weighs how much.
FIXED = frozenset({"babylm-2023", "efficiency-2023"})


class Part(Document):
    """A mean of its own inside the aggregate, over suites by their keys or over other parts.

    `of`: what has the same weight in it: its members, or the groups of all its suites together.
    """

    key: Key
    title: Title | None = None
    members: Annotated[tuple[Key, ...], AfterValidator(some), AfterValidator(distinct)]
    of: Literal["members", "groups"] = "members"


class Aggregate(Document):
    """How the scores of a phase's suites become the number that ranks.

    `method` joins the parts that stand in no other part and the suites that stand in none; a part is always a mean.
    `weights` and `scales` are by the key of a suite or part, in whichever mean it stands: what is not named weighs 1
    and is multiplied by 1; what weighs 0 is shown and does not count. `floor`: what a geometric mean takes at least of
    a score, since one score of 0 would make it 0.
    """

    method: AggregateMethod = "macro"
    floor: Annotated[float, Field(gt=0, lt=1)] | None = None
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    scales: dict[str, Annotated[float, Field(gt=0, le=1e6)]] = Field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    note: Annotated[str, StringConstraints(max_length=1_000)] = ""

    @model_validator(mode="after")
    def _tree(self) -> Self:
        """Every member stands in one mean, no part holds itself, and groups are those of suites."""
        keys = [part.key for part in self.parts]
        once(keys, "parts")
        held = [member for part in self.parts for member in part.members]
        twice = sorted({member for member in held if held.count(member) > 1})
        if twice:
            raise ValueError(f"{twice[0]!r} stands in two parts")
        inside = {member: part.key for part in self.parts for member in part.members if member in keys}
        for part in self.parts:
            if part.of == "groups" and any(member in keys for member in part.members):
                raise ValueError(f"the part {part.key!r} is a mean over groups, so its members must be suites")
            above, seen = part.key, set()
            while above in inside:
                seen.add(above)
                above = inside[above]
                if above in seen:
                    raise ValueError(f"the part {part.key!r} holds itself")
        return self

    @model_validator(mode="after")
    def _as_the_method_can(self) -> Self:
        if self.floor is not None and self.method not in ("geometric-mean", "efficiency-2023"):
            raise ValueError("`floor` belongs to the methods geometric-mean and efficiency-2023")
        if self.method in FIXED and (self.parts or self.weights or self.scales):
            raise ValueError(f"{self.method} has parts and weights of its own, so none can be given")
        return self

    @property
    def relative(self) -> bool:
        """Whether the number depends on who else stands on the board."""
        return self.method in RELATIVE

    @property
    def suites_named(self) -> tuple[str, ...]:
        """The suite keys that parts, weights and scales name."""
        keys = {part.key for part in self.parts}
        members = [member for part in self.parts for member in part.members]
        return tuple(dict.fromkeys(name for name in (*members, *self.weights, *self.scales) if name not in keys))


class Ranking(Document):
    """Which entry of a team counts, and how entries are ordered; what has less provenance is shown and not ranked.

    `ties`: who shares a rank: those of equal scores, or all of a cluster that scores can't part with `alpha`.
    """

    counts: Literal["best", "last", "picked"] = "best"
    aggregate: Aggregate = Aggregate()
    missing: Literal["unranked", "worst"] = "unranked"
    least_provenance: Provenance = "predictions"
    ladder: Ladder = "off"
    ties: Literal["shared", "clusters"] = "shared"
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    round: int = Field(default=2, ge=0, le=6)

    @model_validator(mode="after")
    def _ladder_by_itself(self) -> Self:
        if self.ladder != "off" and self.aggregate.relative:
            raise ValueError(
                f"a ladder compares a team's entries by themselves, and {self.aggregate.method} depends on the others"
            )
        return self
