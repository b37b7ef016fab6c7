"""The rows of questions in a real browser: added, moved and removed, and saved as they stand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from challenges.models import Challenge, Track

CHROMIUM = "/usr/bin/chromium"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed"),
]


@pytest.fixture
def track(
    make_track: Callable[..., Track], make_challenge: Callable[..., Challenge], make_user: Callable[..., User]
) -> Track:
    """A track that asks two things."""
    questions = [{"key": "epochs", "type": "integer"}, {"key": "hardware", "type": "text"}]
    return make_track(make_challenge(organizers=(make_user(),)), questions=questions)


@pytest.fixture
def page(
    track: Track, client_of: Callable[..., Client], live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """The track's page in its organizer's browser."""
    client = client_of(track.challenge.roles.get().user)
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
        shown.goto(reverse("admin:challenges_track_change", args=[track.pk]))
        yield shown
        browser.close()
    assert faults == []


def test_rows_are_added_moved_and_removed(page: Page, track: Track) -> None:
    rows = page.locator(".question-row:visible")
    assert rows.count() == 3  # and one for a new question
    assert not page.locator("[name=questions-1-ORDER]").is_visible()
    rows.nth(1).get_by_role("button", name="Up").click()
    assert page.evaluate("document.activeElement.textContent") == "Up"
    page.locator("[name=questions-0-DELETE]").wait_for(state="attached")
    rows.nth(1).get_by_role("button", name="Remove").click()
    assert rows.count() == 2
    page.get_by_role("button", name="Add a question").click()
    page.locator("[name=questions-3-key]").fill("licence")
    options = page.locator("[name=questions-3-options]")
    assert not options.is_visible()
    page.locator("[name=questions-3-type]").select_option("choice")
    options.fill("MIT | as short as it gets\nGPL")
    with page.expect_navigation():
        page.get_by_role("button", name="Save", exact=True).click()
    track.refresh_from_db()
    assert track.questions == [
        {"key": "hardware", "type": "text"},
        {"key": "licence", "type": "choice", "options": ["MIT", "GPL"], "explain": {"MIT": "as short as it gets"}},
    ]


def test_what_a_type_does_not_take_is_hidden_unless_something_stands_there(page: Page) -> None:
    least = page.locator("[name=questions-0-min]")
    assert least.is_visible()
    least.fill("1")
    page.locator("[name=questions-0-type]").select_option("text")
    assert least.is_visible()  # it would be refused, and must be seen
    least.fill("")
    assert not least.is_visible()
