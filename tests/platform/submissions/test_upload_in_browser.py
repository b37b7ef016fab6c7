"""The hand-in form's script in a real browser: chunks, going on after a reload, and nothing typed is lost."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Page, Route, expect, sync_playwright
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from challenges.models import Phase
from submissions.models import Registration, Submission, UploadSession

from .conftest import packed

CHROMIUM = "/usr/bin/chromium"
CHUNK = 10_000
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed"),
]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A zip of about ten chunks."""
    path = tmp_path / "parrot.zip"
    path.write_bytes(packed({"model.py": "class Model: ...\n", "words.bin": os.urandom(10 * CHUNK - CHUNK // 2)}))
    return path


@pytest.fixture
def phase(make_phase: Callable[..., Phase]) -> Phase:
    return make_phase()


@pytest.fixture
def page(
    phase: Phase, make_registration: Callable[..., Registration], client_of: Callable[..., Client],
    live_server: LiveServer, settings: Settings, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Page]:  # fmt: skip
    """The hand-in form in the browser of a team's owner."""
    settings.UPLOAD_CHUNK_BYTES = CHUNK
    client = client_of(make_registration(challenge=phase.track.challenge).created_by)
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    # The browser's driver runs an event loop in this thread, in which Django would refuse to ask the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(base_url=live_server.url)
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        shown = context.new_page()
        faults: list[str] = []
        shown.on("pageerror", lambda error: faults.append(str(error)))
        shown.goto(f"/c/{phase.track.challenge.key}/{phase.track.key}/submit")
        yield shown
        browser.close()
    assert faults == []


def test_a_chosen_file_is_uploaded_in_chunks_and_handed_in(page: Page, archive: Path) -> None:
    chunks: list[str] = []
    page.on("request", lambda request: chunks.append(request.url) if request.method == "PATCH" else None)
    page.set_input_files("#id_file", archive)
    expect(page.locator("#upload-status")).to_contain_text("parrot.zip is uploaded")
    size = archive.stat().st_size
    assert len(chunks) == -(-size // CHUNK)
    upload = UploadSession.objects.get()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert (upload.expected_digest, upload.artifact.digest) == (digest, digest)  # type: ignore[union-attr]
    page.get_by_label("Method name").fill("Parrot")
    page.get_by_label("Kind", exact=False).first.select_option("code")
    page.get_by_role("button", name="Hand in").click()
    expect(page).to_have_url(re.compile(r"/s/[0-9a-f-]{36}/$"))
    assert Submission.objects.get().name == "Parrot"


def test_an_upload_goes_on_after_a_reload_and_what_was_typed_is_there(page: Page, archive: Path) -> None:
    sent: list[str] = []

    def first_three(route: Route) -> None:
        sent.append(route.request.headers.get("upload-offset", ""))
        if len(sent) > 3:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/uploads/*-*", first_three)
    page.get_by_label("Method name").fill("Parrot")
    page.set_input_files("#id_file", archive)
    expect(page.locator("#upload-status")).to_contain_text("interrupted")
    page.unroute("**/uploads/*-*")
    page.reload()
    expect(page.get_by_label("Method name")).to_have_value("Parrot")
    expect(page.locator("[data-unfinished]")).to_contain_text("An upload of parrot.zip stopped at")
    offsets: list[str] = []
    page.on(
        "request",
        lambda request: offsets.append(request.headers["upload-offset"]) if request.method == "PATCH" else None,
    )
    page.set_input_files("#id_file", archive)
    expect(page.locator("#upload-status")).to_contain_text("parrot.zip is uploaded")
    assert offsets[0] == str(3 * CHUNK)
    assert UploadSession.objects.count() == 1


def test_a_file_of_another_type_is_refused_with_its_code(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    page.set_input_files("#id_file", path)
    expect(page.locator("#upload-error")).to_contain_text("E-UP-TYPE")


def test_only_the_fields_of_the_chosen_kind_are_shown(page: Page) -> None:
    kind = page.get_by_label("Kind", exact=False).first
    kind.select_option("code")
    expect(page.locator("#id_entry")).to_be_visible()
    expect(page.locator("#id_backend")).to_be_hidden()
    page.get_by_label("My archive holds submission.yaml").check()
    expect(page.locator("#id_name")).to_be_hidden()
