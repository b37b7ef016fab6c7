"""The table of what must not leak from a hidden phase, walked cell by cell."""

from dataclasses import replace
from itertools import product

import pytest

from evaluations.visibility import (
    EVERYTHING,
    Resources,
    Sight,
    Viewer,
    failure_in_words,
    memory_in_words,
    position_in_words,
    sight,
    sight_of_rehearsal,
    wall_in_words,
)

COARSE_UNTIL_CLOSE = Sight(False, False, False, Resources.COARSE, False, None, guarded=True)
COARSE_WITH_SCORES = Sight(False, False, False, Resources.COARSE, True, 100, guarded=True)
REVEALED = Sight(True, True, False, Resources.EXACT, True, 1)
NOTHING = Sight(False, False, False, Resources.NONE, False, None)
BOARD = Sight(False, False, False, Resources.NONE, True, None)
AGGREGATES = Sight(False, False, False, Resources.NONE, True, 1)

TABLE = [
    # viewer, hidden data, visibility, closed, what is seen
    (Viewer.TEAM, False, "public", False, EVERYTHING),
    (Viewer.TEAM, False, "after_close", False, EVERYTHING),
    (Viewer.TEAM, False, "hidden", False, EVERYTHING),
    (Viewer.TEAM, False, "public", True, EVERYTHING),
    (Viewer.TEAM, False, "after_close", True, EVERYTHING),
    (Viewer.TEAM, False, "hidden", True, EVERYTHING),
    (Viewer.TEAM, True, "public", False, COARSE_WITH_SCORES),
    (Viewer.TEAM, True, "after_close", False, COARSE_UNTIL_CLOSE),
    (Viewer.TEAM, True, "hidden", False, COARSE_UNTIL_CLOSE),
    (Viewer.TEAM, True, "public", True, REVEALED),
    (Viewer.TEAM, True, "after_close", True, REVEALED),
    (Viewer.TEAM, True, "hidden", True, COARSE_UNTIL_CLOSE),
    *[(Viewer.PUBLIC, hidden, "public", False, replace(BOARD, guarded=hidden)) for hidden in (False, True)],
    *[(Viewer.PUBLIC, hidden, "after_close", False, replace(NOTHING, guarded=hidden)) for hidden in (False, True)],
    *[(Viewer.PUBLIC, hidden, "hidden", False, replace(NOTHING, guarded=hidden)) for hidden in (False, True)],
    *[(Viewer.PUBLIC, hidden, "public", True, AGGREGATES) for hidden in (False, True)],
    *[(Viewer.PUBLIC, hidden, "after_close", True, AGGREGATES) for hidden in (False, True)],
    *[(Viewer.PUBLIC, hidden, "hidden", True, replace(NOTHING, guarded=hidden)) for hidden in (False, True)],
    *[
        (Viewer.STAFF, hidden, visibility, closed, EVERYTHING)
        for hidden, visibility, closed in product((False, True), ("public", "after_close", "hidden"), (False, True))
    ],
]


@pytest.mark.parametrize(("viewer", "hidden", "visibility", "closed", "expected"), TABLE)
def test_each_viewer_sees_what_the_table_says(
    viewer: Viewer, hidden: bool, visibility: str, closed: bool, expected: Sight
) -> None:
    assert sight(viewer, hidden=hidden, visibility=visibility, closed=closed) == expected


def test_the_table_is_walked_whole() -> None:
    cells = {row[:4] for row in TABLE}
    every = set(product(Viewer, (False, True), ("public", "after_close", "hidden"), (False, True)))
    assert cells == every


def test_every_fault_of_a_submission_on_hidden_data_reads_the_same() -> None:
    assert failure_in_words(ours=False) != failure_in_words(ours=True)
    assert "E-" not in failure_in_words(ours=False)


def test_coarse_resources_are_buckets_and_exact_ones_numbers() -> None:
    assert wall_in_words(12.34, Resources.EXACT) == "12.3 s"
    assert {wall_in_words(seconds, Resources.COARSE) for seconds in (0, 1.5, 59.9)} == {"under a minute"}
    assert wall_in_words(7200, Resources.COARSE) == "over an hour"
    assert memory_in_words(150 * 1024**2, Resources.EXACT) == "150 MiB"
    assert memory_in_words(150 * 1024**2, Resources.COARSE) == memory_in_words(1, Resources.COARSE) == "under 1 GiB"
    assert memory_in_words(64 * 1024**3, Resources.COARSE) == "over 16 GiB"


def test_a_rehearsal_tells_its_team_everything_but_groups_and_everybody_else_nothing() -> None:
    assert sight_of_rehearsal(Viewer.TEAM, hidden=False) == replace(EVERYTHING, groups_from=None)
    assert sight_of_rehearsal(Viewer.STAFF, hidden=False) == EVERYTHING
    assert sight_of_rehearsal(Viewer.PUBLIC, hidden=False) == replace(NOTHING, guarded=True)


def test_a_rehearsal_that_asked_what_is_hidden_after_all_tells_its_team_nothing() -> None:
    assert sight_of_rehearsal(Viewer.TEAM, hidden=True) == replace(NOTHING, guarded=True)


def test_a_place_in_the_queue_is_a_bucket_on_hidden_data() -> None:
    assert position_in_words(7, guarded=False) == "queued, at position 7"
    assert {position_in_words(place, guarded=True) for place in (1, 10)} == {"queued, among the first 10"}
    assert position_in_words(11, guarded=True) == "queued, among the first 100"
    assert position_in_words(101, guarded=True) == "queued"
