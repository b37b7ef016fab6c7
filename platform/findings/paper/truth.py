"""What a paper is held against: the numbers and facts of a report, from its stats.json or made anew."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from findings.bundle import stats_of
from findings.composing import compose
from findings.material import Material


class NoTruthError(Exception):
    """There is nothing to hold a paper against; the sentence says what is missing."""


@dataclass(frozen=True)
class Known:
    """A number of the report as a paper may print it."""

    key: str
    value: float
    text: str
    macro: str


@dataclass(frozen=True)
class Truth:
    """The numbers by key and by macro, and each track's winners, ranks, scores and ties."""

    challenge: str
    version: str
    numbers: Mapping[str, Known]
    macros: Mapping[str, Known]
    tracks: Mapping[str, Any]


def truth_of(material: Material) -> Truth:
    """The truth as the data has it now."""
    return _truth(stats_of(material, compose(material)))


def truth_in(folder: Path) -> Truth:
    """The truth as a folder that `findings` wrote has it; raises NoTruthError where it holds none."""
    path = folder / "stats.json"
    try:
        return _truth(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise NoTruthError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoTruthError(f"{path} is no stats.json that `findings` has written.") from error


def _truth(stats: Mapping[str, Any]) -> Truth:
    numbers = {key: Known(key, one["value"], one["text"], one["macro"]) for key, one in stats["numbers"].items()}
    return Truth(
        challenge=stats["challenge"],
        version=stats["version"],
        numbers=numbers,
        macros={one.macro: one for one in numbers.values()},
        tracks=stats["facts"]["tracks"],
    )
