"""A track as a report speaks of it: who counts, who is compared with whom, and under which names numbers stand."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from evaluators.aggregates import LOWER_IS_BETTER
from findings.document import Inline, Strong
from findings.numbers import slug
from leaderboards.results import Column, Result, TrackResults

# Entries of these statuses take part in the findings on methods.
COUNTED = ("official", "late")
# The formula of an aggregate, which stands once for each track.
BY_RULE = "the aggregate by the rule of the track's table, which stands in facts"


@dataclass(frozen=True)
class Subject:
    """One track of the results."""

    track: TrackResults

    @property
    def key(self) -> str:
        """What the names of the track's numbers begin with."""
        return slug(self.track.key) or "track"

    @property
    def title(self) -> Strong:
        """The track by name."""
        return Strong(self.track.title)

    @property
    def digits(self) -> int:
        """Decimals that its aggregates are printed with: three for shares, two for what is counted in other units."""
        values = [abs(one.aggregate) for one in self.track.results if one.aggregate is not None]
        return 3 if not values or max(values) <= 1 else 2

    @property
    def better(self) -> int:
        """1 where more is better, −1 where less is."""
        return 1 if self.higher else -1

    @property
    def higher(self) -> bool:
        """Whether more of the aggregate is better: of a mean rank less is, whatever the columns are."""
        return self.track.higher_is_better and self.track.ranking.aggregate.method not in LOWER_IS_BETTER

    @cached_property
    def ranked(self) -> tuple[Result, ...]:
        """The ranked entries, best first."""
        return self.track.ranked

    @cached_property
    def winners(self) -> tuple[Result, ...]:
        """Those on the first rank: more than one where their aggregates are equal."""
        return tuple(one for one in self.ranked if one.rank == self.ranked[0].rank) if self.ranked else ()

    @cached_property
    def counted(self) -> tuple[Result, ...]:
        """Eligible entries of teams that have an aggregate, a team's several entries included."""
        return tuple(one for one in self.track.results if one.status in COUNTED and one.aggregate is not None)

    def best(self, status: str) -> Result | None:
        """The best reference of a status, "baseline" or "skyline"."""
        found = [one for one in self.track.results if one.status == status and one.aggregate is not None]
        return max(found, key=lambda one: self.better * (one.aggregate or 0), default=None)

    @cached_property
    def table(self) -> tuple[Result, ...]:
        """Ranked entries and references by their aggregate."""
        shown = [
            one for one in self.track.results if one.rank is not None or (one.reference and one.aggregate is not None)
        ]
        return tuple(
            sorted(shown, key=lambda one: (-self.better * (one.aggregate or 0), one.rank or 0, one.name, one.key))
        )

    @cached_property
    def names(self) -> dict[str, str]:
        """The part of a number's name that stands for an entry, by its key: its name where no other has it."""
        return unique_slugs((one.key, one.name) for one in self.track.results)

    @cached_property
    def columns(self) -> dict[str, str]:
        """The part of a number's name that stands for a column, by its key."""
        return unique_slugs((one.key, one.key) for one in self.track.columns)

    def entry(self, one: Result) -> str:
        """What the names of an entry's numbers begin with."""
        return f"{self.key}.entry.{self.names[one.key]}"

    def value(self, one: Result, column: Column) -> float | None:
        """An entry's score on a column."""
        score = one.scores.get(column.key)
        return score.value if score is not None else None

    def better_of(self, column: Column) -> int:
        """1 where more is better on the column."""
        return 1 if column.higher_is_better else -1


def unique_slugs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """{key: slug of the name}; of names that several have, the key goes behind."""
    found = [(key, slug(name)) for key, name in pairs]
    often = Counter(name for _, name in found)
    return {
        key: name if name and often[name] == 1 else "-".join(filter(None, (name, slug(key)))) for key, name in found
    }


def digits_of(column: Column) -> int:
    """Decimals that a column's scores are printed with."""
    return 3 if max(abs(bound) for bound in column.bounds) <= 1 else 2


def named(one: Result) -> tuple[Inline, ...]:
    """`the method by the team`, in two parts."""
    return (Strong(one.name), f" by {one.team}") if one.team else (Strong(one.name),)
