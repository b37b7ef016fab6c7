"""What strangers send to the pages: shown as text, given back to nobody else, and run by no program."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.services import TeamError, create_team
from challenges.models import Phase, Role, Track
from challenges.services import grant_role
from evaluations.models import Run
from submissions.models import Submission, UploadSession
from submissions.uploads import store_whole
from tests.attacks.attacker import PAGES, Attacker, assert_canary_unseen, manifest, packed
from tests.attacks.hostile import CONSTANT, MARK, PLAIN, answering, made_zip

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

SCRIPT = f"<script>{MARK.replace('-', '_')}()</script><img src=x onerror={MARK.replace('-', '_')}()>"
FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1,1)", "\t=1+1", "\r=1+1", '=HYPERLINK("https://example.org")']


@pytest.fixture
def organizer(track: Track, make_user: Callable[..., User], client_of: Callable[[User | None], Client]) -> Client:
    """The browser of somebody who organizes the challenge."""
    user = make_user()
    grant_role(challenge=track.challenge, user=user, kind=Role.Kind.ORGANIZER)
    return client_of(user)


@pytest.fixture
def victim(make_attacker: Callable[[], Attacker], phase: Phase) -> tuple[Attacker, Run]:
    """Another team, with a run that is scored."""
    other = make_attacker()
    return other, other.run_code(CONSTANT.decode(), phase)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_in_an_export_is_text(attacker: Attacker, organizer: Client, phase: Phase, formula: str) -> None:
    described = manifest() | {"method": {"name": formula, "description": formula}}
    run = attacker.run(packed({"model.py": CONSTANT}, described), phase)
    assert run.state == Run.State.DONE
    response = organizer.get(reverse("results_csv", args=[phase.track.challenge.key]))
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(text)))
    cells = [cell for row in rows[1:] for cell in row]
    assert any(formula.strip() in cell for cell in cells), "the name is there"
    numbers = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r\n") and not numbers.fullmatch(cell)] == []
    assert response["Content-Type"].startswith("text/csv")
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"


ACTIONS = ["submission_withdraw", "submission_advance"]


def test_another_teams_submission_is_not_there(attacker: Attacker, victim: tuple[Attacker, Run], phase: Phase) -> None:
    other, run = victim
    pk = run.entry.submission_id
    for page in PAGES:
        assert other.browser.get(reverse(page, args=[pk])).status_code == 200
        assert attacker.browser.get(reverse(page, args=[pk])).status_code == 404
        answer = attacker.stranger.get(reverse(page, args=[pk]))
        assert (answer.status_code, str(pk) in answer.content.decode()) == (302, False)
    for action in ACTIONS:
        posted = {"entry": run.entry_id, "phase": phase.pk}
        assert attacker.browser.post(reverse(action, args=[pk]), posted).status_code == 404
        assert attacker.stranger.post(reverse(action, args=[pk]), posted).status_code == 302
    run.refresh_from_db()
    assert run.entry.status == "official"
    pages = [attacker.browser.get(reverse("submission", args=[key])).content for key in (pk, uuid4())]
    told = {re.sub(rb"[\w+/=-]{16,}", b"", page) for page in pages}  # without what each answer draws anew
    assert len(told) == 1, "one that is another team's reads like one that is not there"


def test_another_teams_upload_is_not_there(
    attacker: Attacker, make_attacker: Callable[[], Attacker], phase: Phase
) -> None:
    other = make_attacker()
    content = made_zip(PLAIN)
    upload = store_whole(
        user=other.registration.created_by, challenge=phase.track.challenge, filename="a.zip", size=len(content),
        chunks=[content],
    )  # fmt: skip
    address = reverse("upload", args=[upload.pk])
    assert attacker.browser.get(address).status_code == 404
    assert attacker.browser.patch(address, b"x", headers={"Upload-Offset": "0"}).status_code == 404
    assert attacker.browser.delete(address).status_code == 404
    form = {"upload": str(upload.pk), "phases": [phase.pk], "source": "archive"}
    attacker.browser.post(reverse("submit", args=[phase.track.challenge.key, phase.track.key]), form)
    assert not Submission.objects.exists()
    upload.refresh_from_db()
    assert upload.state == UploadSession.State.COMPLETE


@pytest.mark.parametrize("role", ["attacker", "stranger"])
def test_exports_and_the_admin_are_for_organizers(attacker: Attacker, phase: Phase, role: str) -> None:
    browser = attacker.browser if role == "attacker" else attacker.stranger
    challenge = phase.track.challenge.key
    assert browser.get(reverse("results_csv", args=[challenge])).status_code in (302, 404)
    for page in ("admin:index", "admin:suites_suiteversion_changelist", "admin:submissions_submission_changelist"):
        answer = browser.get(reverse(page))
        assert answer.status_code in (302, 403, 404)
        assert MARK not in answer.content.decode()


HTML = [
    pytest.param("page.html", SCRIPT.encode(), id="a page"),
    pytest.param("page.zip", b"<!doctype html>" + SCRIPT.encode(), id="a page called an archive"),
    pytest.param("image.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', id="a drawing with a script"),
    pytest.param("page.pdf", b"%PDF-1.4 " + SCRIPT.encode(), id="a page in another format"),
]


@pytest.mark.parametrize(("filename", "content"), HTML)
def test_a_page_is_not_taken_for_an_archive(attacker: Attacker, phase: Phase, filename: str, content: bytes) -> None:
    file = SimpleUploadedFile(filename, content, content_type="application/zip")
    form = {"file": file, "phases": [phase.pk], "source": "archive"}
    answer = attacker.browser.post(reverse("submit", args=[phase.track.challenge.key, phase.track.key]), form)
    assert "E-UP-TYPE" in answer.content.decode()
    assert not Submission.objects.exists()
    assert_canary_unseen(attacker)


def test_what_a_submission_says_is_shown_as_text(attacker: Attacker, phase: Phase, organizer: Client) -> None:
    described = manifest() | {"method": {"name": SCRIPT[:120], "description": SCRIPT, "approaches": [SCRIPT[:100]]}}
    files = {f"{SCRIPT.replace('/', '')[:100]}.html": SCRIPT, "index.html": SCRIPT}
    prints = f"print({SCRIPT!r}, file=sys.stderr, flush=True)"
    code = answering(f"{prints}\nraise RuntimeError({SCRIPT!r})")
    run = attacker.run(packed({"model.py": code, **files}, described), phase)
    assert run.state == Run.State.FAILED
    for browser in (attacker.browser, organizer):
        for page in PAGES:
            answer = browser.get(reverse(page, args=[run.entry.submission_id]))
            assert answer.status_code == 200
            is_json = answer["Content-Type"].startswith("application/json")
            assert is_json == (page == "submission_events")
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer["X-Frame-Options"] == "DENY"
            if not is_json:
                assert SCRIPT[:30] not in answer.content.decode()
                assert "&lt;script&gt;" in answer.content.decode()
    assert (
        "script-src"
        in attacker.browser.get(reverse("submission", args=[run.entry.submission_id]))["Content-Security-Policy"]
    )
    # A manifest, a file or a log of theirs has no address of its own.
    seen = attacker.sees(run.entry.submission, everywhere=True)
    assert "/index.html" not in re.findall(r'(?:href|src)="([^"]*)"', seen)


NAMES = [
    "../../etc/passwd",
    f"..\\..\\{MARK}.zip",
    "a\0b.zip",
    "x" * 5000,
    "a\r\nSet-Cookie: x=1.zip",
    SCRIPT,
    "\u202epiz.exe",
]


@pytest.mark.parametrize("filename", NAMES, ids=[ascii(name)[:20] for name in NAMES])
def test_an_uploads_name_is_a_name_and_no_path(attacker: Attacker, phase: Phase, filename: str) -> None:
    value = {"challenge": phase.track.challenge.key, "filename": filename, "size": len(made_zip(PLAIN))}
    created = attacker.browser.post(reverse("upload_create"), json.dumps(value), content_type="application/json")
    assert created.status_code == 201
    told = created.json()
    assert len(told["filename"]) <= 200
    assert not set(told["filename"]) & set("/\\\0\r\n\u202e")
    sent = attacker.browser.patch(
        told["url"], made_zip(PLAIN), content_type="application/offset+octet-stream", headers={"Upload-Offset": "0"}
    )
    assert (sent.status_code, sent.json()["state"]) == (200, "complete")
    assert "Set-Cookie" not in dict(created.items())


REQUESTS: list[tuple[str, Any, int]] = [
    ("no object", [], 400),
    ("another challenge", {"challenge": "nowhere", "filename": "a", "size": 1}, 404),
    ("a size below zero", {"challenge": "birds", "filename": "a", "size": -1}, 400),
    ("a size beyond all disks", {"challenge": "birds", "filename": "a", "size": 10**30}, 413),
    ("a size that is no number", {"challenge": "birds", "filename": "a", "size": "1"}, 400),
    ("a truth for a size", {"challenge": "birds", "filename": "a", "size": True}, 400),
    ("a name that is a list", {"challenge": "birds", "filename": ["a"], "size": 1}, 400),
    ("a digest that is none", {"challenge": "birds", "filename": "a", "size": 1, "sha256": "x' OR 1=1"}, 400),
    ("half a character", '{"challenge": "birds", "filename": "\\ud800.zip", "size": 10}', 201),
    ("a challenge with a NUL", {"challenge": "a\0", "filename": "a", "size": 1}, 404),
    ("brackets", "[" * 100_000, 400),
    ("a number of 5,000 digits", '{"challenge": "birds", "filename": "a", "size": %s}' % ("9" * 5000), 400),
]


@pytest.mark.parametrize(("value", "status"), [pytest.param(*rest, id=name) for name, *rest in REQUESTS])
def test_a_hostile_request_gets_an_answer(attacker: Attacker, phase: Phase, value: Any, status: int) -> None:
    body = value if isinstance(value, str) else json.dumps(value)
    answer = attacker.browser.post(reverse("upload_create"), body, content_type="application/json")
    assert answer.status_code == status, answer.content[:300]
    if status == 201:
        sent = {"content_type": "application/offset+octet-stream"}
        address = answer.json()["url"]
        for headers in ({"Upload-Offset": "-1"}, {"Upload-Offset": "9" * 5000}, {"Upload-Offset": "x"}, {}):
            assert attacker.browser.patch(address, b"x", headers=headers, **sent).status_code in (400, 409)  # type: ignore[arg-type]


FORMS: list[tuple[str, dict[str, Any]]] = [
    ("a number of 400 digits", {"answer_epochs": "9" * 400, "words_seen": "9" * 400}),
    ("no number", {"answer_epochs": "NaN", "words_seen": "1e999"}),
    ("a phase of another track", {"phases": ["999999999999999999999999"]}),
    ("a phase that is no number", {"phases": ["1 OR 1=1", "\0"]}),
    ("an upload that is none", {"upload": "../../x"}),
    ("NULs", {"name": "a\0b", "description": "\0"}),
    ("halves of characters", {"name": "a\ud800b".encode("utf-8", "surrogatepass").decode("latin-1")}),
    ("a kind that nobody takes", {"kind": "image"}),
    ("a path that leads out", {"entry": "../../x.py:Model"}),
]


@pytest.mark.parametrize("posted", [pytest.param(value, id=name) for name, value in FORMS])
def test_a_hostile_form_is_refused_and_never_fails(attacker: Attacker, phase: Phase, posted: dict[str, Any]) -> None:
    Track.objects.update(questions=[{"key": "epochs", "type": "integer"}], budget={"words_seen": 10**9})
    sound = {
        "phases": [str(phase.pk)], "source": "form", "kind": "code", "name": "Magpie", "entry": "model.py:Model",
        "file": SimpleUploadedFile("a.zip", made_zip(PLAIN)),
    }  # fmt: skip
    answer = attacker.browser.post(
        reverse("submit", args=[phase.track.challenge.key, phase.track.key]), {**sound, **posted}
    )
    assert answer.status_code == 200
    assert not Submission.objects.exists()


ADDRESSES = [
    "/s/..%2f..%2fetc%2fpasswd/",
    "/s/00000000-0000-0000-0000-000000000000/status",
    "/c/../../etc/passwd",
    "/c/birds%00/",
    f"/c/birds/{'9' * 5000}/submit",
    "/c/birds/small/dev%0d%0aX: 1/leaderboard",
    f"/teams/{'a' * 3000}/",
    "/uploads/1",
    f"/teams/team/invitations/{'9' * 400}/revoke",
    "/static/../manage.py",
    "/static/%2e%2e/%2e%2e/manage.py",
    "/media/secret_key",
    "//example.org/%2f..",
    "/accounts/login/?next=https://example.org/",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_hostile_address_leads_nowhere(attacker: Attacker, phase: Phase, address: str) -> None:
    for browser in (attacker.browser, attacker.stranger):
        answer = browser.get(address)
        assert answer.status_code in (200, 302, 404, 405)
        assert not answer.get("Location", "").startswith(("https://example.org", "//"))
        if answer.status_code == 200:
            assert "root:" not in answer.content.decode()
            assert address.startswith("/accounts/login/")


def test_a_hostile_phase_number_is_no_phase(victim: tuple[Attacker, Run]) -> None:
    other, run = victim
    for number in ("9" * 30, "9" * 5000, "-1", "\u0663", "1 OR 1=1", "", "\0"):
        address = reverse("submission_advance", args=[run.entry.submission_id])
        assert other.browser.post(address, {"entry": run.entry_id, "phase": number}).status_code in (302, 404)
    assert Run.objects.count() == 1


@pytest.mark.parametrize("name", ["\u202eevil", "a\nb", "\x1b[2J", "\u200b", "  ", "..."])
def test_a_teams_name_is_one_that_can_be_read(make_user: Callable[..., User], name: str) -> None:
    try:
        made = create_team(name=name, owner=make_user()).name
    except TeamError:
        return
    assert made.isprintable()
    assert "\n" not in made


def test_an_honest_run_is_scored_after_the_pages(honest_run_is_scored: Callable[[Phase], None], phase: Phase) -> None:
    honest_run_is_scored(phase)
