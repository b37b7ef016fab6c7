"""What a submission's page says of the declared training text and of each track's budget."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from challenges.models import Track
from submissions.declared import declared
from submissions.models import Submission
from tests.platform.submissions.conftest import manifest

pytestmark = pytest.mark.django_db
MakeTrack = Callable[..., Track]
DATA = {
    "words_seen": 600,
    "corpora": [
        {"name": "Tales", "words": 60, "license": "CC0-1.0"},
        {"name": "Uilen", "role": "ancillary", "words": 20, "bytes": 105_160, "language": "nld"},
        {"name": "Answers of a large model", "role": "teacher", "words": 10**9},
    ],
    "teachers": ["owl-9000"],
}


def lines(track: Track, **data: Any) -> list[tuple[str, str, str, float | None]]:
    """The account of one track: what, used, most, per cent."""
    found = declared(manifest(data={**DATA, **data}, answers={"epochs": 7.5}), [track])
    assert found is not None
    return [(line.what, line.used, line.most, line.share) for line in found.lines]


def test_each_bound_of_the_budget_says_how_much_of_it_is_used(make_track: MakeTrack) -> None:
    track = make_track(budget={"words": 100, "words_seen": 1000, "epochs": 10})
    assert lines(track) == [
        ("words of text", "80", "100", 80.0), ("words seen", "600", "1,000", 60.0), ("epochs", "7.5", "10", 75.0),
    ]  # fmt: skip


def test_bytes_count_over_the_premium_of_their_language(make_track: MakeTrack) -> None:
    track = make_track(budget={"bytes": 200_000, "byte_premium": "table"})
    only = [DATA["corpora"][1]]  # type: ignore[index]
    ((what, used, most, share),) = lines(track, corpora=only)
    assert (what, used, most) == ("bytes of text", "99,999", "200,000")
    assert share == pytest.approx(50, abs=0.01)


def test_what_is_not_declared_is_said_to_be_so(make_track: MakeTrack) -> None:
    assert lines(make_track(budget={"bytes": 100})) == [("bytes of text", "not declared", "100", None)]


def test_without_budget_and_declaration_there_is_nothing_to_show(make_track: MakeTrack) -> None:
    assert declared(manifest(), [make_track()]) is None
    assert declared(None, [make_track(budget={"words": 5})]) is None


def test_the_page_shows_corpora_account_teachers_and_image(
    hand_in: Callable[..., Submission], make_phase: Callable[..., Any], make_track: MakeTrack,
    client_of: Callable[[User | None], Client],
) -> None:  # fmt: skip
    track = make_track(budget={"words": 100}, image_id="sha256:" + "0" * 64, image_versions={"transformers": "9.9.9"})
    submission = hand_in(make_phase(track), described=manifest(data=DATA))
    text = client_of(submission.submitted_by).get(reverse("submission", args=[submission.pk])).content.decode()
    assert '80 of 100 <span class="meta">(80.0 %)</span>' in text
    assert "for an ancillary model, 20 words, 105,160 bytes, nld, byte premium 1.0516" in text
    assert "Taught by: owl-9000." in text
    assert "CC0-1.0" in text
    assert "transformers 9.9.9" in text
    assert "no text was handed in to compare it with" in text
