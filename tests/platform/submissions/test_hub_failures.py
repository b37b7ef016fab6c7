"""What goes wrong on the way from a hub: gone on with, told, refused with a reason, and never charged."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from challenges.models import Track
from submissions import checks
from submissions.hub.archives import awaits_files
from submissions.hub.fetching import parts_of
from submissions.models import HubFetch, QuotaCharge, Submission
from submissions.selectors import fetching_in_words, stale_received

from .hub_orders import FILES, REPO, HandIn, again, answering, codes
from .hub_server import Handler, HubServer

pytestmark = pytest.mark.django_db


def test_a_connection_that_is_cut_goes_on_where_it_ended(order: HandIn, hub: HubServer) -> None:
    big = bytes(range(256)) * 4096
    hub.push(REPO, {**FILES, "model.safetensors": big})

    def cut(handler: Handler) -> bool:
        handler.cut(big, 300_000)
        return True

    hub.fail("^/cdn/", cut, times=1)
    submission = checks.fetch(submission=order())
    first, second = hub.asked_for("^/cdn/")
    assert "Range" not in first
    assert (second["Range"], second["If-Range"]) == ("bytes=300000-", f'"{hashlib.sha256(big).hexdigest()}"')
    assert submission.stored_files.get(path="model.safetensors").artifact.digest == hashlib.sha256(big).hexdigest()


def test_a_file_that_changed_between_is_fetched_anew(order: HandIn, hub: HubServer) -> None:
    big, other = b"a" * 500_000, b"b" * 500_000
    hub.push(REPO, {**FILES, "model.safetensors": big})

    def cut_another(handler: Handler) -> bool:
        handler.cut(other, 200_000)
        return True

    hub.fail("^/cdn/", cut_another, times=1)
    submission = checks.fetch(submission=order())
    assert hub.asked_for("^/cdn/")[1]["Range"] == "bytes=200000-"
    assert submission.stored_files.get(path="model.safetensors").artifact.digest == hashlib.sha256(big).hexdigest()


def test_a_hub_that_always_breaks_off_is_away_and_is_gone_on_with(order: HandIn, hub: HubServer) -> None:
    big = b"a" * 100_000
    hub.push(REPO, {**FILES, "model.safetensors": big})

    def cut(handler: Handler) -> bool:
        handler.cut(big, 0)
        return True

    hub.fail("^/cdn/", cut, times=3)
    submission = checks.fetch(submission=order())
    assert awaits_files(submission)
    assert "breaks off" in (fetching_in_words(submission) or "")
    assert not awaits_files(again(submission))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_bytes_that_are_not_those_the_hub_names_are_fetched_twice_and_refused(
    order: HandIn, hub: HubServer, name: str
) -> None:
    wrong = bytes(len(FILES[name]))
    hub.fail(rf"resolve/.*/{name}", answering(200, wrong))
    submission = checks.fetch(submission=order())
    assert codes(submission) == ["E-HUB-DIGEST"]
    assert submission.problems[0]["file"] == name
    assert len(hub.asked_for(rf"resolve/.*/{name}")) == 2
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED
    assert not any(parts_of(submission).iterdir())


def test_bytes_that_are_wrong_once_do_no_harm(order: HandIn, hub: HubServer) -> None:
    hub.fail("resolve/.*/tokenizer.json", answering(200, b"[]"), times=1)
    assert not awaits_files(checks.fetch(submission=order()))


def test_a_body_without_an_end_is_left_at_the_size_that_was_said(order: HandIn, hub: HubServer) -> None:
    sent = []

    def endless(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        try:
            for _ in range(10_000):
                handler.wfile.write(bytes(64 * 1024))
                sent.append(1)
        except OSError:
            return True
        return True

    hub.fail("resolve/.*/config.json", endless)
    submission = checks.fetch(submission=order())
    assert codes(submission) == ["E-HUB-DIGEST"]
    assert "more bytes" in submission.problems[0]["message"]
    assert len(sent) < 2000


def test_fewer_bytes_than_were_said_are_refused(order: HandIn, hub: HubServer) -> None:
    hub.fail("resolve/.*/config.json", answering(200, b"{}"))
    assert codes(checks.fetch(submission=order())) == ["E-HUB-DIGEST"]


def test_a_packed_body_is_not_unpacked(order: HandIn, hub: HubServer) -> None:
    hub.fail("resolve/.*/config.json", answering(200, b"\x1f\x8b" + bytes(20), Content_Encoding="gzip"))
    submission = checks.fetch(submission=order())
    assert awaits_files(submission)
    assert "packs" in (fetching_in_words(submission) or "")


@pytest.mark.parametrize(
    "place", ["http://169.254.169.254/latest", "https://elsewhere.example.org/x", "http://10.0.0.7/x"]
)
def test_a_file_that_lies_elsewhere_is_not_fetched(order: HandIn, hub: HubServer, place: str) -> None:
    def lead(handler: Handler) -> bool:
        handler.redirect(place)
        return True

    hub.fail("resolve/.*safetensors", lead)
    submission = checks.fetch(submission=order())
    assert codes(submission) == ["E-HUB-HOST"]
    assert submission.state == Submission.State.REJECTED


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_repository_that_is_not_there_or_private_is_said_to_be(order: HandIn, hub: HubServer, status: int) -> None:
    hub.fail("^/api/", answering(status, b"{}"))
    submission = checks.fetch(submission=order())
    assert codes(submission) == ["E-HUB-NOT-FOUND"]
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED


def test_a_hub_that_is_away_is_asked_again_ever_later_and_nothing_is_charged(
    order: HandIn, hub: HubServer, settings: Settings
) -> None:
    settings.BACK_OFF_SECONDS, settings.MOST_BACK_OFF_SECONDS = 100, 300
    hub.fail("^/api/", answering(503), times=3)
    submission = order()
    waits = []
    for _ in range(3):
        again(submission)
        waits.append((HubFetch.objects.get().not_before - timezone.now()).total_seconds())
        assert "nothing is charged" in (fetching_in_words(submission) or "")
    assert waits == pytest.approx([100, 200, 300], abs=10)
    assert submission.state == Submission.State.RECEIVED
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RESERVED
    assert not awaits_files(again(submission))


def test_a_hub_that_says_when_to_come_back_is_left_alone_until_then(order: HandIn, hub: HubServer) -> None:
    hub.fail("^/api/", answering(429, Retry_After="1234"), times=1)
    submission = checks.fetch(submission=order())
    wait = (HubFetch.objects.get().not_before - timezone.now()).total_seconds()
    assert wait == pytest.approx(1234, abs=10)
    asked = len(hub.requests)
    checks.check(submission=submission)
    checks.fetch(submission=submission)
    assert len(hub.requests) == asked
    assert not stale_received(older_than=timedelta(seconds=-1)).exists()
    assert not awaits_files(again(submission))


def test_a_hub_that_stays_away_is_given_up_and_nothing_is_charged(
    order: HandIn, hub: HubServer, settings: Settings
) -> None:
    hub.fail("^/api/", answering(503))
    submission = checks.fetch(submission=order())
    HubFetch.objects.update(created_at=timezone.now() - timedelta(hours=settings.HUB_GIVE_UP_HOURS + 1))
    submission = again(submission)
    assert codes(submission) == ["E-HUB-AWAY"]
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../config.json", "E-ARC-PATH"),
        ("/etc/passwd.json", "E-ARC-PATH"),
        ("a/../../b.json", "E-ARC-PATH"),
        ("a\\b.json", "E-ARC-PATH"),
        ("C:config.json", "E-ARC-PATH"),
        ("con\u202efig.json", "E-ARC-NAME"),
        ("a\0.json", "E-ARC-NAME"),
        ("x" * 300 + ".json", "E-ARC-NAME"),
        ("CONFIG.json", "E-ARC-DUPLICATE"),
    ],
)
def test_a_name_that_could_mean_another_place_is_refused(order: HandIn, hub: HubServer, name: str, code: str) -> None:
    hub.push(REPO, {**FILES, name: b"{}"})
    submission = checks.fetch(submission=order())
    assert codes(submission) == [code]
    assert not submission.stored_files.exists()


def test_files_that_are_too_large_together_are_refused_before_any_is_fetched(
    order: HandIn, hub: HubServer, make_track: Callable[..., Track]
) -> None:
    submission = checks.fetch(submission=order(track=make_track(max_bytes=50)))
    assert codes(submission) == ["E-UP-SIZE"]
    assert not hub.asked_for("resolve")


def test_more_files_than_a_model_has_are_refused(
    order: HandIn, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("submissions.hub.fetching.MOST_FILES", 2)
    assert codes(checks.fetch(submission=order())) == ["E-ARC-ENTRIES"]


def test_a_repository_without_a_model_is_refused(order: HandIn, hub: HubServer) -> None:
    hub.push(REPO, {"README.md": b"soon"})
    assert codes(checks.fetch(submission=order())) == ["E-SUB-FILE"]
