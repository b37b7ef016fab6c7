"""Whether the entries of a table fit their tracks: what a document's fields can't say alone."""

from collections.abc import Iterator
from itertools import pairwise

from evaluators.protocol.problems import Problem
from evaluators.protocol.questions import fault_of
from evaluators.protocol.results import ResultColumn, ResultEntry, ResultsDocument, ResultTrack
from evaluators.results.places import Path, Places

ENTRY = "E-RESULTS-ENTRY"
# How far rounding may carry a score beyond the end of its range, or out of its own interval.
SLACK = 1e-9


def problems_in(document: ResultsDocument, places: Places) -> list[Problem]:
    """Every fault of the entries: a key that stands twice, a score that can't be, an answer of the wrong kind."""
    return [
        places.problem(ENTRY, message, path, remedy)
        for number, track in enumerate(document.tracks)
        for path, message, remedy in _of_track(track, ("tracks", number))
    ]


def _of_track(track: ResultTrack, at: Path) -> Iterator[tuple[Path, str, str]]:
    seen: set[str] = set()
    columns = {column.key: column for column in track.columns}
    questions = {question.key: question for question in track.questions}
    for number, entry in enumerate(track.entries):
        here = (*at, "entries", number)
        if entry.place in seen:
            field = "key" if entry.key else "name"
            yield (*here, field), f"two entries are {entry.place!r}", "Give each a `key` of its own."
        seen.add(entry.place)
        if entry.status in ("not_eligible", "disqualified") and not entry.reason:
            yield (*here, "status"), f"why is it {entry.status}?", "Give a `reason`: readers see it beside the entry."
        for key in entry.scores:
            for inner, message, remedy in _of_score(columns, entry, key):
                yield (*here, "scores", key, *inner), message, remedy
        for key, answer in entry.answers.items():
            fault = fault_of(answer, questions[key]) if key in questions else f"no question {key!r} is asked"
            if fault:
                yield (*here, "answers", key), fault, "Correct it, or keep the text under `unread`."
        for key in entry.unread:
            if key not in questions:
                yield (*here, "unread", key), f"no question {key!r} is asked", "Put it under `declared`."


def _of_score(columns: dict[str, ResultColumn], entry: ResultEntry, key: str) -> Iterator[tuple[Path, str, str]]:
    score, column = entry.scores[key], columns.get(key)
    if column is None:
        yield (), f"the track has no column {key!r}", f"Its columns are: {', '.join(columns)}."
        return
    low, high = column.range
    for name in ("value", "low", "high"):
        number = getattr(score, name)
        if number is not None and not low - SLACK <= number <= high + SLACK:
            remedy = "Correct the number, or the column's `range`."
            yield (name,), f"{number:g} lies outside the column's range, {low:g} to {high:g}", remedy
    ends = (score.low, score.value, score.high)
    known = [end for end in ends if end is not None]
    if any(one > other + SLACK for one, other in pairwise(known)):
        yield ("low",), "the interval does not hold the value", "Give `low`, `value` and `high` in this order."
