"""Claims of a paper, each an expression about the data:

winner strict = ELC-BERT        who leads a track
rank strict BootBERT = 2        an entry's rank
strict: ELC-BERT > BootBERT     one entry's aggregate is better than another's
strict: ELC-BERT ~ BootBERT     both are tied with the first
all.entries = 182               a number of stats.json; also < > <= >= !=, and another key on the right
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from findings.numbers import slug
from findings.paper.truth import Truth

WINNER = re.compile(r"winner\s+(?P<track>\S+)\s*=\s*(?P<name>.+)")
RANK = re.compile(r"rank\s+(?P<track>\S+)\s+(?P<name>.+?)\s*=\s*(?P<rank>\d+)")
PAIR = re.compile(r"(?P<track>[^\s:]+)\s*:\s*(?P<one>.+?)\s*(?P<sign>[>~])\s*(?P<other>.+)")
COMPARISON = re.compile(r"(?P<key>[A-Za-z0-9.-]+)\s*(?P<sign><=|>=|!=|=|<|>)\s*(?P<right>[A-Za-z0-9.+−-]+)")
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class Unclear(Exception):
    """A claim that can't be judged; the sentence says why."""


def disagreement(expression: str, truth: Truth) -> str:
    """What the data say instead; "" where they agree. Raises Unclear for a claim that they can't judge."""
    plain = re.sub(r"\\([_&%#$])", r"\1", expression)
    for form, judge in ((WINNER, _winner), (RANK, _rank), (PAIR, _pair), (COMPARISON, _comparison)):
        found = form.fullmatch(plain)
        if found is not None:
            return judge(found.groupdict(), truth)
    raise Unclear(
        "it is none of: `winner TRACK = NAME`, `rank TRACK NAME = N`, `TRACK: A > B`, `TRACK: A ~ B`, `KEY = N`"
    )


def _track(name: str, truth: Truth) -> Mapping[str, Any]:
    track = truth.tracks.get(slug(name))
    if not isinstance(track, Mapping):
        raise Unclear(f"there is no track {name!r}: {', '.join(truth.tracks)}")
    return track


def _entry(name: str, track: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """An entry by its name in the table or by the slug that its numbers have."""
    name = name.strip()
    entries: Mapping[str, Mapping[str, Any]] = track["entries"]
    if slug(name) in entries:
        return slug(name), entries[slug(name)]
    found = [(key, one) for key, one in entries.items() if one["name"] == name]
    if len(found) > 1:
        raise Unclear(f"{len(found)} entries are called {name!r}; use one of: {', '.join(key for key, _ in found)}")
    if not found:
        raise Unclear(f"the track's table has no entry {name!r}")
    return found[0]


def _winner(claim: Mapping[str, str], truth: Truth) -> str:
    track = _track(claim["track"], truth)
    key, _ = _entry(claim["name"], track)
    names = [track["entries"][one]["name"] for one in track["winners"]]
    if [key] == track["winners"]:
        return ""
    if not names:
        return "nobody is ranked in this track"
    return f"{names[0]} leads" if len(names) == 1 else f"{', '.join(names)} share the first place"


def _rank(claim: Mapping[str, str], truth: Truth) -> str:
    _, entry = _entry(claim["name"], _track(claim["track"], truth))
    if entry["rank"] == int(claim["rank"]):
        return ""
    return f"its rank is {entry['rank']}" if entry["rank"] is not None else "it has no rank"


def _pair(claim: Mapping[str, str], truth: Truth) -> str:
    track = _track(claim["track"], truth)
    (_, one), (_, other) = _entry(claim["one"], track), _entry(claim["other"], track)
    if claim["sign"] == "~":
        if not track["ties_known"]:
            raise Unclear("the entries' items were not compared in pairs, so ties are not known")
        alone = [entry["name"] for entry in (one, other) if not entry["tied"]]
        return f"not tied with the first: {', '.join(alone)}" if alone else ""
    sign = 1 if track["higher_is_better"] else -1
    if sign * one["score"] > sign * other["score"]:
        return ""
    return f"{one['name']} has {one['score']:.4g} and {other['name']} {other['score']:.4g}"


def _comparison(claim: Mapping[str, str], truth: Truth) -> str:
    number = truth.numbers.get(claim["key"])
    if number is None:
        raise Unclear(f"stats.json has no number {claim['key']!r}")
    right, text = claim["right"].replace("−", "-"), claim["right"]
    against = truth.numbers.get(right)
    if against is not None:
        return (
            ""
            if SIGNS[claim["sign"]](number.value, against.value)
            else f"it is {number.text}, and {right} {against.text}"
        )
    try:
        value = float(right)
    except ValueError as error:
        raise Unclear(f"{text!r} is neither a number nor one of stats.json") from error
    # A claim is as exact as it is written.
    decimals = len(right.partition(".")[2])
    own = round(number.value, decimals) if claim["sign"] in ("=", "!=") else number.value
    return "" if SIGNS[claim["sign"]](own, value) else f"it is {number.text}"
