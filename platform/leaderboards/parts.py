"""The parts of a track's aggregate over what a phase asks: as nested means, as columns, and in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from challenges.models import Track
from evaluators.aggregates import Mean
from evaluators.protocol.ranking import Aggregate, Part

Column = Mapping[str, Any]
AGGREGATE = ""  # the key of the whole; no part can have it


def aggregate_of(track: Track) -> Aggregate:
    """The track's aggregate as its document."""
    return Aggregate.model_validate(track.aggregate)


def tree_of(aggregate: Aggregate, columns: Sequence[Column]) -> Mean:
    """The aggregate over the phase's columns; a part of which the phase asks no suite is not there.

    Parts stand where their first suite stands.
    """
    return _Builder(aggregate, columns).whole()


class _Builder:
    """Builds the nested means of one aggregate over one phase's columns."""

    def __init__(self, aggregate: Aggregate, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.parts = {part.key: part for part in aggregate.parts}
        self.holder = {member: part.key for part in aggregate.parts for member in part.members}
        self.weights, self.scales = dict(aggregate.weights), dict(aggregate.scales)

    def whole(self) -> Mean:
        """The mean that ranks."""
        tops = dict.fromkeys(self._top(column["suite"]) for column in self.columns)
        return self._mean(AGGREGATE, tops)

    def _top(self, name: str) -> str:
        """The outermost part that holds the suite; the suite where none does."""
        while name in self.holder:
            name = self.holder[name]
        return name

    def _mean(self, key: str, names: Iterable[str], *, of_groups: bool = False) -> Mean:
        members: list[Mean | str] = []
        weights: dict[str, float] = {}
        scales: dict[str, float] = {}
        for name in names:
            for member, column in self._members(name):
                place = member.key if isinstance(member, Mean) else member
                weight = float(self.weights.get(name, 1))
                weights[place] = weight * (column["groups"] if of_groups and column is not None else 1)
                scales[place] = float(self.scales.get(name, 1))
                members.append(member)
        return Mean(key, tuple(members), weights, scales)

    def _members(self, name: str) -> Iterator[tuple[Mean | str, Column | None]]:
        part = self.parts.get(name)
        if part is not None:
            inner = self._mean(part.key, self._ordered(part), of_groups=part.of == "groups")
            if inner.members:
                yield inner, None
            return
        for column in self.columns:
            if column["suite"] == name:
                yield column["key"], column

    def _ordered(self, part: Part) -> list[str]:
        """The part's members in the order in which the phase asks their suites."""
        places = {column["suite"]: number for number, column in reversed(list(enumerate(self.columns)))}

        def place(name: str) -> int:
            inner = self.parts.get(name)
            if inner is None:
                return places.get(name, len(places))
            return min((place(member) for member in inner.members), default=len(places))

        return sorted(part.members, key=place)


def suites_in(node: Mean) -> list[str]:
    """The keys of the columns that a mean is over, in order."""
    found: list[str] = []
    for member in node.members:
        found += suites_in(member) if isinstance(member, Mean) else [member]
    return found


def means_in(node: Mean) -> Iterator[Mean]:
    """Every mean inside this one, each before those inside it."""
    for member in node.members:
        if isinstance(member, Mean):
            yield member
            yield from means_in(member)


def scaled(node: Mean) -> bool:
    """Whether a scale of its own stands anywhere in the mean: then it is in the units that the track has made."""
    return any(scale != 1 for scale in node.scales.values()) or any(scaled(inner) for inner in means_in(node))


def in_percent(node: Mean, columns: Sequence[Column]) -> bool:
    """Whether the mean is printed as percent: it is where all its suites are, and no scale has done so already."""
    inside = set(suites_in(node))
    return not scaled(node) and all(column["range"][1] == 1 for column in columns if column["key"] in inside)


def part_columns(aggregate: Aggregate, tree: Mean, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The parts as columns of the table, each before the parts inside it; `parent` is "" for those of the whole."""
    titles = {part.key: part.title or part.key for part in aggregate.parts}
    of = {part.key: part.of for part in aggregate.parts}
    parents = {
        inner.key: outer.key for outer in (tree, *means_in(tree)) for inner in outer.members if isinstance(inner, Mean)
    }
    return [
        {
            "key": node.key,
            "title": titles[node.key],
            "parent": parents[node.key],
            "members": [member.key if isinstance(member, Mean) else member for member in node.members],
            "suites": suites_in(node),
            "of": of[node.key],
            "weight": float(aggregate.weights.get(node.key, 1)),
            "percent": in_percent(node, columns),
        }
        for node in means_in(tree)
    ]


def definition(tree: Mean, aggregate: Aggregate, columns: Sequence[Column], *, lead: str = "mean of") -> str:
    """The aggregate in words: `the mean of 2: GLUE, BLiMP. GLUE is the mean of 2 suites: BoolQ, RTE.`

    `lead`: what its outermost members are joined by, where that is no mean.
    """
    titles = {column["key"]: column["title"] for column in columns}
    titles |= {part.key: part.title or part.key for part in aggregate.parts}
    of_groups = {part.key for part in aggregate.parts if part.of == "groups"}
    inner = [
        f"{titles[node.key]} is the {_mean_in_words(node, titles, groups=node.key in of_groups)}"
        for node in means_in(tree)
    ]
    return ". ".join([f"the {_mean_in_words(tree, titles, lead=lead)}", *inner]) + ("." if inner else "")


def _mean_in_words(node: Mean, titles: Mapping[str, str], *, groups: bool = False, lead: str = "mean of") -> str:
    counted = [(member.key if isinstance(member, Mean) else member, weight, scale)
               for member, weight, scale in node.counted()]  # fmt: skip
    weighted = len({weight for _, weight, _ in counted}) > 1
    names = []
    for key, weight, scale in counted:
        times = f" × {scale:g}" if scale != 1 else ""
        share = f" ({weight:g}{' groups' if groups else ''})" if weighted or groups else ""
        names.append(f"{titles[key]}{times}{share}")
    parted = any(isinstance(member, Mean) for member in node.members)
    many = f"{sum(weight for _, weight, _ in counted):g} groups" if groups else f"{len(counted)}"
    many += "" if groups or parted else " suites"
    beside = _listed([titles[key] for key in _left_out(node)])
    beside = f" (shown beside, without weight: {beside})" if beside else ""
    return f"{'weighted ' if weighted and not groups else ''}{lead} {many}: {_listed(names)}{beside}"


def _listed(names: Sequence[str]) -> str:
    """The names in a row, parted so that a comma inside one of them does not look like another."""
    return ("; " if any("," in name for name in names) else ", ").join(names)


def _left_out(node: Mean) -> list[str]:
    keys = [member.key if isinstance(member, Mean) else member for member in node.members]
    return [key for key in keys if node.weights.get(key, 1) <= 0]
