"""What a report is made of: the results of a challenge, and what is known beside them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaderboards.results import Results

# Seeds every random step of a report; it stands beside each number that rests on one.
SEED = 20_231
DRAWS = 2_000


@dataclass(frozen=True)
class CurvePoint:
    """A suite's score after so many words of training."""

    words: int
    value: float


@dataclass(frozen=True)
class LearningCurve:
    """One entry's scores on one suite over its checkpoints."""

    track: str
    entry: str
    suite: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class SuiteItems:
    """A suite's item scores in a track: items × entries, NaN where an entry lacks one; they reveal gold."""

    strata: NDArray[np.intp]
    clusters: NDArray[np.intp] | None
    scores: NDArray[np.float32]
    entries: tuple[str, ...]


@dataclass(frozen=True)
class Contamination:
    """A statement that a submission or a suite has been seen before, as somebody recorded it."""

    subject: str
    statement: str
    source: str = ""


@dataclass(frozen=True)
class Material:
    """All that a report is made of; `items` by track and column."""

    results: Results
    curves: tuple[LearningCurve, ...] = ()
    items: Mapping[tuple[str, str], SuiteItems] = field(default_factory=dict)
    contamination: tuple[Contamination, ...] = ()

    @property
    def digest(self) -> str:
        """The sha256 of everything in it: the same material, the same digest."""
        found = hashlib.sha256()
        document = [
            _bare(asdict(self.results)),
            _bare([asdict(one) for one in self.curves]),
            _bare([asdict(one) for one in self.contamination]),
        ]
        document += [track.ranking.model_dump(mode="json") for track in self.results.tracks]
        found.update(json.dumps(document, sort_keys=True, ensure_ascii=True).encode())
        for key in sorted(self.items):
            items = self.items[key]
            found.update(json.dumps([list(key), list(items.entries)]).encode())
            found.update(np.ascontiguousarray(items.scores).tobytes())
        return found.hexdigest()


def _bare(value: Any) -> Any:
    """The value as JSON knows it; a rule's document is added apart."""
    if isinstance(value, Mapping):
        return {str(key): _bare(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_bare(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value) if not hasattr(value, "model_dump") else value.model_dump(mode="json")
