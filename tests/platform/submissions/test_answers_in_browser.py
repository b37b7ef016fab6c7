"""The page of answers in a real browser: narrow, without JavaScript, and open to everybody."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from challenges.models import Track
from submissions.answers import current_answers
from submissions.models import Submission

CHROMIUM = "/usr/bin/chromium"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed"),
]


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Debian's Chromium."""
    # The browser's driver runs an event loop in this thread, in which Django would refuse to ask the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def window_of(
    browser: Browser, live_server: LiveServer, client_of: Callable[..., Client]
) -> Callable[..., BrowserContext]:
    """`window_of(user, scripts=…)`: a phone on which the user is logged in."""

    def make(user: User, *, scripts: bool) -> BrowserContext:
        cookie = client_of(user).cookies[django_settings.SESSION_COOKIE_NAME].value
        window = browser.new_context(
            base_url=live_server.url, java_script_enabled=scripts, viewport={"width": 360, "height": 800}
        )
        window.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        return window

    return make


def test_a_team_answers_on_a_phone_without_javascript(
    accepted: Callable[..., Submission], window_of: Callable[..., BrowserContext]
) -> None:
    one = accepted()
    page = window_of(one.submitted_by, scripts=False).new_page()
    page.goto(reverse("submission_method", args=[one.pk]))
    page.get_by_label("curriculum").check()
    page.get_by_label("Hardware").fill("One card,\nnine hours.")
    page.get_by_role("button", name="Save answers").click()
    page.get_by_text("2 answers are saved.").wait_for()
    assert current_answers([one])[one.pk] == {
        "epochs": 3, "approaches": ["curriculum"], "hardware": "One card,\nnine hours.",
    }  # fmt: skip
    # A second save of the page as it stands writes nothing: what it shows is what it would send.
    page.get_by_role("button", name="Save answers").click()
    page.get_by_text("Nothing has changed.").wait_for()
    assert one.method_answers.count() == 2


def test_the_pages_fit_a_phone_and_axe_finds_nothing(
    accepted: Callable[..., Submission], window_of: Callable[..., BrowserContext], asking_track: Track, organizer: User
) -> None:
    one = accepted()
    addresses = [
        (one.submitted_by, reverse("submission_method", args=[one.pk])),
        (organizer, reverse("method_completeness", args=[asking_track.challenge.key])),
    ]
    for user, address in addresses:
        page = window_of(user, scripts=True).new_page()
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
