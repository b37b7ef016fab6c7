"""People at the pages: a participant from sign-up to a score, a second member, a reviewer; nothing gets lost."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import PASSWORD, Site, Visits

pytestmark = [pytest.mark.docker, pytest.mark.browser]

Shoot = Callable[[Page, str], None]
SUBMIT = "/c/pairs/small/submit"
SHORTER = """
class Model:
    def loglikelihood(self, requests):
        return [-float(len(request["continuation"])) for request in requests]
"""
BROKEN = """
class Model:
    def loglikelihood(self, requests):
        raise ValueError("the vocabulary is missing")
"""


def packed(folder: Path, code: str = SHORTER, name: str = "shorter.zip") -> Path:
    """A zip with model.py."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.py", code)
    path = folder / name
    path.write_bytes(buffer.getvalue())
    return path


def link_in(mail: str) -> str:
    """The address that a mail asks to open."""
    match = re.search(r"http://\S+/\S+", mail)
    assert match is not None
    return match[0]


def attach(page: Page, file: Path) -> None:
    """Choose the file and wait until the script has uploaded it."""
    page.get_by_label("File", exact=True).set_input_files(file)
    expect(page.locator("#upload-status")).to_contain_text(f"{file.name} is uploaded")


def fill(page: Page, name: str, *, phase: str = "Development") -> None:
    """Describe a code submission on the form."""
    for box in page.locator("input[name=phases]").all():
        box.uncheck()
    page.get_by_label(phase).check()
    page.get_by_label("Method name").fill(name)
    page.get_by_label("Kind").select_option("code")


def hand_in(page: Page, file: Path, name: str, *, phase: str = "Development") -> None:
    """Upload, describe, hand in; ends on the submission's page."""
    page.goto(SUBMIT)
    attach(page, file)
    fill(page, name, phase=phase)
    page.get_by_role("button", name="Hand in").click()
    page.wait_for_url("**/s/*/")


def wait_for(page: Page, state: str) -> None:
    """Watch the page, which asks by itself, until the run's chip says so."""
    expect(page.locator("#status .cluster.spread .chip")).to_have_text(state)


def test_a_participant_comes_from_sign_up_to_a_score_on_the_leaderboard(
    visits: Visits, site: Site, shoot: Shoot, tmp_path: Path
) -> None:
    page = visits.open()
    page.goto("/")
    shoot(page, "home")
    page.get_by_role("link", name="Minimal pairs in a browser").click()
    page.get_by_role("link", name="Sign up to take part").click()
    shoot(page, "sign-up")
    page.get_by_label("Your name").fill("Ada Able")
    page.get_by_label("Email").fill("ada@example.org")
    for box in page.locator("input[type=password]").all():
        box.fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.wait_for_url("**/confirm-email/")
    shoot(page, "sign-up-sent")
    page.goto(link_in(site.mail_to("ada@example.org")))
    shoot(page, "confirm")
    page.get_by_role("button", name="Yes, confirm").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Email").fill("ada@example.org")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.goto("/c/pairs/register")
    shoot(page, "register-no-team")
    page.get_by_role("link", name="Open a team").click()
    shoot(page, "team-new")
    page.get_by_label("Team name").fill("Able Parsers")
    page.get_by_role("button", name="Open the team").click()
    page.wait_for_url("**/register")
    shoot(page, "register")
    page.get_by_role("button", name="Take part").click()
    page.wait_for_url("**/c/pairs/")
    shoot(page, "challenge")
    page.get_by_role("link", name="Hand in").click()
    shoot(page, "submit-empty")
    attach(page, packed(tmp_path))
    fill(page, "Shorter is better")
    shoot(page, "submit-attached")
    page.get_by_role("button", name="Hand in").click()
    page.wait_for_url("**/s/*/")
    shoot(page, "submission-running")
    wait_for(page, "Done")
    shoot(page, "submission-done")
    expect(page.locator("ol.stepper > li[data-state=done]")).to_have_count(page.locator("ol.stepper > li").count())
    score = page.locator("#status table.data strong").first.inner_text()
    page.goto("/c/pairs/small/dev/leaderboard")
    row = page.get_by_role("row", name=re.compile("Able Parsers"))
    expect(row).to_contain_text("Shorter is better")
    expect(row).to_contain_text(score)
    shoot(page, "leaderboard")
