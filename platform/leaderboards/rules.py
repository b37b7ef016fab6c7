"""What a phase's board is made by: its columns, the track's rule over them, and the rule in words."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from challenges.models import Phase, Track
from evaluations.selectors import suite_columns
from evaluators.protocol.documents import canonical_json
from evaluators.protocol.ranking import Aggregate
from leaderboards.methods import Method
from leaderboards.parts import aggregate_of, definition, tree_of
from leaderboards.ranking import Rule
from suites.access import asks_hidden
from suites.models import PhaseSuite

BEYOND = ("spot-checked", "run here")  # what is worth a sentence: all else is ranked by default
# What the outermost members are joined by, before "N: A, B".
LEADS = {
    "macro": "mean of",
    "weighted": "mean of",
    "geometric-mean": "geometric mean of",
    "above-chance": "mean, rescaled so that chance is 0 and a perfect score 1, of",
    "mean-win-rate": "mean win rate over",
    "mean-rank": "mean rank over",
    "borda": "Borda points over",
    "z-mean": "mean distance from the average entry, in standard deviations, over",
}
WHOLE = {
    "babylm-2023": "the score of BabyLM 2023: 0.5 BLiMP + 0.3 GLUE + 0.2 MSGS",
    "efficiency-2023": "the score of the 2023 LLM efficiency challenge: a third of the geometric mean of the win rates "
    "over the open scenarios and two thirds of that over the hidden ones",
}
RELATIVE_WORDS = " It depends on which entries are ranked, and entries of one team are told apart by the mean."


@dataclass(frozen=True)
class Basis:
    """Everything but scores that a board of a phase follows from; `digest` is of what the standing of one entry does.

    `keys`: the column of a suite version and selection. `hidden`: whether the phase asks hidden data.
    """

    phase: Phase
    suites: Sequence[PhaseSuite]
    keys: Mapping[tuple[int, str], str]
    columns: list[dict[str, Any]]
    rule: Rule
    hidden: bool
    digest: str

    @property
    def track(self) -> Track:
        """The track whose rule it is."""
        return self.phase.track


def basis_of(phase: Phase) -> Basis:
    """What the phase's board is made by now. One query."""
    track = phase.track
    suites = list(phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk"))
    keys = suite_columns(suites)
    columns = [column_of(track, suite, keys[suite.suite_version_id, suite.selection]) for suite in suites]
    hidden = asks_hidden(suites)
    parts: list[Any] = [columns, track.aggregate, track.missing, track.round_digits, hidden, track.counts == "picked"]
    digest = hashlib.sha256(canonical_json(parts)).hexdigest()
    return Basis(phase, suites, keys, columns, rule_of(track, columns), hidden, digest)


def rule_of(track: Track, columns: Sequence[Mapping[str, Any]]) -> Rule:
    """The track's rule over the phase's suites; a suite without a weight of its own weighs 1.

    Where some suites are better high and others low, the low ones are mirrored in their range.
    """
    higher = not columns or any(column["direction"] == "higher" for column in columns)
    aggregate = aggregate_of(track)
    # The efficiency challenge's score knows itself where less is better, and takes what is missing for the worst.
    raw = aggregate.method == "efficiency-2023"
    return Rule(
        counts=track.counts,
        missing="worst" if raw else track.missing,
        weights={column["key"]: column["weight"] for column in columns},
        worst={column["key"]: column["worst"] for column in columns},
        higher_is_better=higher,
        mirrored={} if raw else {column["key"]: sum(column["range"]) for column in _mirrored(columns)},
        tree=tree_of(aggregate, columns),
        least_provenance=track.least_provenance,
        method=method_of(aggregate, columns),
    )


def method_of(aggregate: Aggregate, columns: Sequence[Mapping[str, Any]]) -> Method:
    """How the aggregate joins its members; what guessing gets in a mirrored suite is mirrored too."""
    mirrored = {column["key"] for column in _mirrored(columns)}
    chance = {
        column["key"]: sum(column["range"]) - column["chance"] if column["key"] in mirrored else column["chance"]
        for column in columns
        if column["chance"] is not None
    }
    return Method(aggregate.method, aggregate.floor, chance)


def _mirrored(columns: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The columns that are better low while others are better high."""
    low = [column for column in columns if column["direction"] != "higher"]
    return low if len(low) < len(columns) else []


def rule_in_words(track: Track, columns: Sequence[Mapping[str, Any]], *, intervals: bool = False) -> str:
    """The ranking rule as it is printed under the table; `intervals`: the table has some."""
    if not columns:
        return "This phase asks no suite yet."
    aggregate = aggregate_of(track)
    which = {
        "best": "a team's best entry",
        "last": "the entry a team handed in last",
        "picked": "the entry a team picked",
    }
    what = _what(aggregate, columns)
    missing = {
        "unranked": "An entry that lacks a score is not ranked.",
        "worst": "A missing score counts as the worst possible one.",
    }[rule_of(track, columns).missing]
    least = f" Ranked is what is at least “{track.least_provenance}”." if track.least_provenance in BEYOND else ""
    ties = "Equal scores share a rank."
    if track.ties == "clusters":
        ties = f"Entries that their scores can't part (α = {track.alpha:g}) share a rank."
    note = f" {aggregate.note}" if aggregate.note else ""
    counts = f"{which[track.counts]} counts".capitalize() if what.endswith(".") else f"{which[track.counts]} counts"
    joined = f"{what} {counts}" if what.endswith(".") else f"{what}; {counts}"
    drawn = ""
    if intervals:
        drawn = (
            " Intervals hold 95 % of 1,000 re-draws of the items, the same for all entries; what another training "
            "would change is not in them."
        )
    return (
        f"Ranked by {joined}.{_direction(aggregate, columns)} "
        f"{missing}{least} {ties} Baselines and skylines are shown and not ranked.{drawn}{note}"
    )


def _what(aggregate: Aggregate, columns: Sequence[Mapping[str, Any]]) -> str:
    tree = tree_of(aggregate, columns)
    if aggregate.method in WHOLE:
        return WHOLE[aggregate.method]
    plain = aggregate.method in ("macro", "weighted") and len(columns) == 1
    if plain and tree.scales.get(columns[0]["key"], 1) == 1:
        return f"the score on {columns[0]['title']}"
    return definition(tree, aggregate, columns, lead=LEADS[aggregate.method])


def _direction(aggregate: Aggregate, columns: Sequence[Mapping[str, Any]]) -> str:
    """Where less is better, and what else the number depends on."""
    mirrored = [column["title"] for column in _mirrored(columns)]
    words = f" Lower is better in {', '.join(mirrored)}: mirrored in its range for the mean." if mirrored else ""
    if aggregate.method == "efficiency-2023":
        words = ""
    elif aggregate.method == "mean-rank" or (not mirrored and columns[0]["direction"] != "higher"):
        words += " Lower is better."
    if aggregate.floor is not None:
        words += f" What is less than {aggregate.floor:g} counts as {aggregate.floor:g}."
    return words + (RELATIVE_WORDS if aggregate.relative else "")


def column_of(track: Track, suite: PhaseSuite, key: str) -> dict[str, Any]:
    """A suite that the phase asks as a column of its board."""
    version = suite.suite_version
    low, high = version.manifest.get("range", [0, 1])
    direction = version.manifest.get("direction", "higher")
    return {
        "key": key,
        "suite": version.suite.key,
        "groups": version.groups,
        "title": version.suite.title,
        "version": version.version,
        "digest": version.digest,
        "selection": suite.selection,
        "metric": version.manifest.get("metric", ""),
        "chance": version.manifest.get("chance"),
        "range": [low, high],
        "direction": direction,
        "worst": low if direction == "higher" else high,
        "group_weights": _group_weights(version.manifest.get("aggregate", "macro")),
        "weight": float(track.aggregate.get("weights", {}).get(version.suite.key, 1)),
    }


def _group_weights(how: Any) -> dict[str, float] | None:
    """How the suite's own score weighs its groups: not at all where it is a plain mean over items."""
    if how == "micro":
        return None
    return dict(how["weights"]) if isinstance(how, dict) else {}
