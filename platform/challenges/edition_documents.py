"""Published editions of shared tasks as challenge documents that one opens under one's own key and dates."""

from datetime import datetime
from importlib.resources import files
from typing import Any

from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.documents import parse_yaml

FOLDER = "editions"
ENDING = ".yaml"


def editions() -> list[str]:
    """The names of the editions, such as babylm-2026."""
    found = (files("challenges") / FOLDER).iterdir()
    return sorted(item.name.removesuffix(ENDING) for item in found if item.name.endswith(ENDING))


def edition(name: str) -> ChallengeDocument:
    """The edition's own document, with the dates that it had; raises KeyError where there is none."""
    return ChallengeDocument.from_value(_value(name), file=f"{name}{ENDING}")


def opened_anew(
    name: str, *, key: str, opens: datetime, title: str | None = None, suites: str | None = None
) -> ChallengeDocument:
    """The edition under another key, all its times moved so that its first phase opens then.

    `opens` is in the edition's zone unless it names one; `suites`: the folder that holds each suite's folder, by its
    key. Raises KeyError where there is no such edition, ProblemsFound for a key or a time that no document may have.
    """
    value = _value(name)
    document = ChallengeDocument.from_value(value, file=f"{name}{ENDING}")
    phases = [phase for track in document.tracks for phase in track.phases]
    first = min(phase.opens for phase in phases)
    moved = opens - first if opens.tzinfo is None else document.moment(opens) - document.moment(first)
    for track, written in zip(document.tracks, value["tracks"], strict=True):
        if track.metadata_until is not None:
            written["metadata_until"] = (track.metadata_until + moved).isoformat()
        for phase, place in zip(track.phases, written["phases"], strict=True):
            place["opens"] = (phase.opens + moved).isoformat()
            place["closes"] = (phase.closes + moved).isoformat()
    value["key"] = key
    if title:
        value["title"] = title
    if suites is not None:
        for source in value["suites"]:
            source["source"] = f"{suites}/{source['key']}"
    return ChallengeDocument.from_value(value, file=f"{name}{ENDING}")


def _value(name: str) -> dict[str, Any]:
    if name not in editions():
        raise KeyError(name)
    text = (files("challenges") / FOLDER / f"{name}{ENDING}").read_text(encoding="utf-8")
    value, _lines = parse_yaml(text, file=f"{name}{ENDING}")
    return dict(value)
