"""The whole platform with a small challenge, one browser for all tests, and pages that must not complain."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, expect, sync_playwright

from evaluators.grammar.folders import write_all
from web.demo.stack import Stack, free_port

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = 1280, 360  # px
PATIENCE = 30_000  # ms: other tests may be running beside this one
PASSWORD = "correct horse battery staple"

CHALLENGE = """
schema: challenge/1
key: pairs
title: Minimal pairs in a browser
summary: Which of two sentences is grammatical?
description: |
  Each item is a pair of sentences that differ in **one** rule.
timezone: UTC
published: true
tracks:
  - key: small
    title: Small
    description: Anything that answers within a minute.
    kinds: [code, predictions]
    max_size: 64m
    sandbox: {image: base, cpus: 1, memory: 512m, pids: 64, wall: 1m, disk: 16m, hardware: cpu}
    ranking: {counts: best, aggregate: {method: macro}, missing: unranked, round: 2}
    phases:
      - key: dev
        title: Development
        opens: 2020-01-01T00:00:00Z
        closes: 2099-12-31T00:00:00Z
        suites: [{suite: minimal-pairs-public@1, splits: [dev]}]
        quota: {day: 20, total: 200, concurrent: 4}
        visibility: public
      - key: test
        title: Test
        opens: 2020-01-01T00:00:00Z
        closes: 2099-12-31T00:00:00Z
        suites: [{suite: minimal-pairs-hidden@1, splits: [private]}]
        quota: {day: 3, total: 3, concurrent: 2}
        visibility: after_close
suites:
  - {key: minimal-pairs-public, version: "1", source: minimal-pairs-public}
  - {key: minimal-pairs-hidden, version: "1", source: minimal-pairs-hidden}
"""

# Everybody here is invented. A team of their own takes part for each of MEMBERS.
MEMBERS = ("bela", "cleo", "dora", "emil", "finn")
PREPARE = f"""
import django
django.setup()
from pathlib import Path
from allauth.account.models import EmailAddress
from django.core.management import call_command
from accounts.models import User
from accounts.services import create_team
from challenges.models import Role
from challenges.services import grant_role
from evaluators.protocol.challenge import ChallengeDocument
from submissions.services import register
from suites import configuration
import sys
call_command("migrate", verbosity=0, interactive=False)
def person(name, **fields):
    user = User.objects.create_user(f"{{name}}@example.org", {PASSWORD!r}, name=name.title(), **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
document = Path(sys.argv[1])
organizer = person("olga")
read = ChallengeDocument.from_yaml(document.read_text(), file=document.name)
challenge = configuration.apply(read, user=organizer, base=document.parent).challenge
grant_role(challenge=challenge, user=person("rosa"), kind=Role.Kind.REVIEWER)
for name in {MEMBERS!r}:
    member = person(name)
    register(user=member, team=create_team(name=f"Team of {{name.title()}}", owner=member), challenge=challenge)
person("sven")
"""
# Submissions keep a volume each on the engine, for runs to come; here none comes.
CLEAR = """
import django
django.setup()
from web.demo.engine import clear
clear()
"""


@dataclass(frozen=True)
class Site:
    """A running platform: its address, and the folder its mail is written to."""

    url: str
    mail: Path

    def mail_to(self, address: str) -> str:
        """The newest mail to the address, read as it was sent."""
        mails = sorted(self.mail.iterdir(), key=lambda path: path.stat().st_mtime)
        found = [text for text in (path.read_text() for path in mails) if f"To: {address}" in text]
        assert found, f"no mail to {address}"
        return found[-1]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Redis, web, worker and sweeper over a challenge with eight pairs of each rule."""
    var = tmp_path_factory.mktemp("site")
    folder = tmp_path_factory.mktemp("challenge")
    write_all(folder, seed=7, pairs=4, sentences=10)
    document = folder / "challenge.yaml"
    document.write_text(CHALLENGE)
    mail = var / "mail"
    environment = {"PROCTOR_EMAIL_URL": f"filemail:///{mail}", "PROCTOR_SWEEP_SECONDS": "1"}
    # Far from the ports that a demo beside this run looks at, and another one for each run.
    stack = Stack(var=var, port=free_port(20_000 + os.getpid() % 10_000), environment=environment)
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, str(document)],
        cwd=ROOT, env=stack.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    try:
        with stack:
            yield Site(stack.url, mail)
    finally:
        subprocess.run([sys.executable, "-c", CLEAR], cwd=ROOT, env=stack.environment, timeout=60, check=True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, started once."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visits:
    """Opens browsers for people, and collects what the pages complain about."""

    browser: Browser
    site: Site
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    # Answers that a test asks for: (status, path); Chromium writes a line on the console for each.
    expected: list[tuple[int, str]] = field(default_factory=list)

    def open(self, name: str = "") -> Page:
        """A fresh browser, in which the person is logged in where one is named."""
        context = self.browser.new_context(base_url=self.site.url, viewport={"width": WIDE, "height": 800})
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        context.on("console", lambda line: self._console(line.type, line.text, line.location["url"]))
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)
        page = context.new_page()
        if name:
            log_in(page, f"{name}@example.org")
        return page

    def _console(self, kind: str, text: str, url: str) -> None:
        if kind in ("error", "warning") and not self._is_expected(text, url):
            self.complaints.append(f"console {kind}: {text} ({url})")

    def _is_expected(self, text: str, url: str) -> bool:
        return any(f"status of {status} " in text and url.endswith(path) for status, path in self.expected)

    def _failed(self, request: Request) -> None:
        # A page that is left ends what it was still asking; a download ends its navigation.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        known = any(response.status == status and response.url.endswith(path) for status, path in self.expected)
        if response.status >= 400 and not known:
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")


@pytest.fixture
def visits(chromium: Browser, site: Site) -> Iterator[Visits]:
    """Browsers of their own for the test; no page may have complained, about its CSP or anything else."""
    made = Visits(chromium, site)
    yield made
    for context in made.contexts:
        context.close()
    assert made.complaints == []


def log_in(page: Page, email: str) -> None:
    """Log in by the form."""
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


@pytest.fixture(scope="session")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page, str], None]:
    """`shoot(page, name)`: pictures of the page in light and dark, wide and narrow; nothing may stick out.

    They land in PROCTOR_SCREENSHOTS where it is set, so that somebody can look at them.
    """
    given = os.environ.get("PROCTOR_SCREENSHOTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        # A click that leads to another page may still be on its way there.
        page.wait_for_load_state()
        expect(page.locator("html")).to_be_attached()
        for width in (NARROW, WIDE):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} sticks out at {width} px"
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)

    return take
