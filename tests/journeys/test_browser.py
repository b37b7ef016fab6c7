"""People at the pages: a participant from sign-up to a score, a second member, a reviewer; nothing gets lost."""

import io
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
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
    # The click does not wait for the answer, and leaving before it comes would leave without the session.
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
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
    wait_for(page, "done")
    shoot(page, "submission-done")
    expect(page.locator("ol.stepper > li[data-state=done]")).to_have_count(page.locator("ol.stepper > li").count())
    score = page.locator("#status table.data strong").first.inner_text()
    page.goto("/c/pairs/small/dev/leaderboard")
    row = page.get_by_role("row", name=re.compile("Able Parsers"))
    expect(row).to_contain_text("Shorter is better")
    expect(row).to_contain_text(score)
    shoot(page, "leaderboard")


def test_an_invited_person_joins_the_team_by_the_link_in_the_mail(visits: Visits, site: Site, shoot: Shoot) -> None:
    page = visits.open("bela")
    page.goto("/teams/")
    shoot(page, "teams")
    page.get_by_role("link", name="Team of Bela").click()
    page.get_by_label("E-mail address").fill("sven@example.org")
    page.get_by_role("button", name="Send an invitation").click()
    expect(page.get_by_text("An invitation is on its way to sven@example.org.")).to_be_visible()
    other = visits.open("sven")
    other.goto(link_in(site.mail_to("sven@example.org")))
    shoot(other, "invitation")
    other.get_by_role("button", name="Join the team").click()
    expect(other.get_by_text("You are in the team Team of Bela.")).to_be_visible()
    other.goto(SUBMIT)
    expect(other.get_by_text("As Team of Bela.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("sven@example.org")).to_be_visible()
    shoot(page, "team")


def test_upload_and_typed_fields_are_there_after_a_reload_and_a_double_click_hands_in_once(
    visits: Visits, shoot: Shoot, tmp_path: Path
) -> None:
    page = visits.open("cleo")
    page.goto("/c/pairs/submissions/")
    shoot(page, "submissions-empty")
    page.goto(SUBMIT)
    attach(page, packed(tmp_path, BROKEN, "broken.zip"))
    fill(page, "Kept over a reload")
    page.get_by_label("What it is").fill("Typed before the reload")
    page.reload()
    expect(page.locator("#upload-status")).to_contain_text("broken.zip is uploaded")
    expect(page.get_by_label("Method name")).to_have_value("Kept over a reload")
    expect(page.get_by_label("What it is")).to_have_value("Typed before the reload")
    expect(page.get_by_label("Kind")).to_have_value("code")
    page.get_by_role("button", name="Hand in").dblclick()
    page.wait_for_url("**/s/*/")
    wait_for(page, "failed")
    expect(page.locator("#status .notice.bad")).to_contain_text("E-RUN-")
    expect(page.locator("#status .notice.bad")).to_contain_text("The submission's fault")
    shoot(page, "submission-failed")
    page.get_by_role("link", name="Submissions").click()
    expect(page.locator("table.data tbody tr")).to_have_count(1)
    shoot(page, "submissions")


def test_a_wrong_file_is_answered_with_code_sentence_and_remedy(visits: Visits, shoot: Shoot, tmp_path: Path) -> None:
    visits.expected += [(415, "")]
    page = visits.open("dora")
    page.goto(SUBMIT)
    wrong = {"notes.zip": b"These are notes, not an archive.", "weights.pkl": pickle.dumps({"weights": [1.0]})}
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
        page.get_by_label("File", exact=True).set_input_files(tmp_path / name)
        fault = page.locator("#upload-error")
        expect(fault).to_contain_text("E-UP-TYPE")
        expect(fault).to_contain_text("neither a zip or tar archive nor JSON")
        expect(fault).to_contain_text("Pack the folder as a zip or tar.gz.")
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_text("Name the method: the leaderboard shows it.")).to_be_visible()
    expect(page.locator("#upload-error")).to_contain_text("E-UP-TYPE")
    shoot(page, "submit-error")


def test_an_archive_with_a_pickle_is_rejected_and_its_quota_given_back(
    visits: Visits, shoot: Shoot, tmp_path: Path
) -> None:
    path = packed(tmp_path, name="pickled.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("weights.pkl", pickle.dumps({"weights": [1.0]}))
    page = visits.open("emil")
    page.goto(SUBMIT)
    attach(page, path)
    fill(page, "Pickled")
    page.get_by_label("Kind").select_option("predictions")
    page.get_by_label("Prediction file").fill("weights.pkl")
    page.get_by_role("button", name="Hand in").click()
    fault = page.locator("#status .notice.bad")
    expect(fault).to_contain_text("E-ARC-PICKLE")
    expect(fault).to_contain_text("weights.pkl")
    expect(fault).to_contain_text("safetensors")
    shoot(page, "submission-rejected")
    page.goto(SUBMIT)
    expect(page.get_by_text("Development: 20 of 20 left today")).to_be_visible()


def test_a_hidden_phase_shows_its_scores_to_the_reviewer_only_and_its_table_to_nobody_else(
    visits: Visits, shoot: Shoot, tmp_path: Path
) -> None:
    visits.expected += [(404, "/c/pairs/results.csv"), (404, "/c/nothing/")]
    member = visits.open("finn")
    hand_in(member, packed(tmp_path), "Hidden shorter", phase="Test")
    wait_for(member, "done")
    expect(member.locator("#status")).not_to_contain_text("%")
    expect(member.locator("#status table")).to_have_count(0)
    shoot(member, "submission-hidden")
    for page in (member, visits.open()):
        page.goto("/c/pairs/small/test/leaderboard")
        expect(page.get_by_text("These scores are not published yet")).to_be_visible()
        expect(page.locator("table")).to_have_count(0)
        assert "Hidden shorter" not in page.content()
        shoot(page, "leaderboard-hidden")
    assert member.goto("/c/pairs/results.csv").status == 404
    assert member.goto("/c/nothing/").status == 404
    shoot(member, "not-found")

    reviewer = visits.open("rosa")
    reviewer.goto("/c/pairs/small/test/leaderboard")
    expect(reviewer.get_by_text("Only organizers and reviewers see this table now.")).to_be_visible()
    expect(reviewer.get_by_role("row", name=re.compile("Hidden shorter"))).to_be_visible()
    with reviewer.expect_download() as download:
        reviewer.get_by_role("link", name="Download all results as CSV").click()
    rows = pd.read_csv(download.value.path())
    wanted = {
        "submission", "team", "track", "phase", "suite", "metric", "value", "n", "coverage", "suite_digest",
    }  # fmt: skip
    assert wanted <= set(rows.columns)
    mine = rows[
        (rows["team"] == "Team of Finn") & (rows["phase"] == "test") & rows["group"].isna() & rows["tag"].isna()
    ]
    assert list(mine["suite"]) == ["minimal-pairs-hidden"]
    assert list(mine["coverage"]) == [1.0]
    assert list(mine["metric"]) == ["accuracy"]
    # Twins differ in nothing but order, so that length decides half of them.
    assert list(mine["value"]) == [0.5]
    assert mine["n"].item() > 0
    assert re.fullmatch("[0-9a-f]{64}", mine["suite_digest"].item())


def test_the_organizer_looks_after_the_challenge_in_the_admin(visits: Visits, shoot: Shoot) -> None:
    page = visits.open("olga")
    page.goto("/c/pairs/")
    page.get_by_role("link", name="Configure").click()
    shoot(page, "admin-challenge")
    page.goto("/admin/challenges/track/")
    page.get_by_role("link", name="Small").first.click()
    shoot(page, "admin-track")
    page.goto("/admin/suites/suiteversion/")
    page.locator("#result_list a, table a").filter(has_text="minimal-pairs-hidden").first.click()
    shoot(page, "admin-suite-version")
