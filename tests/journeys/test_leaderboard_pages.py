"""Leaderboards, entries and comparisons in a browser: nothing sticks out or complains, axe finds nothing grave."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.journeys.conftest import ROOT, Site, Visits
from web.demo.processes import Processes
from web.demo.stack import Stack, free_port

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
BOARD = "/c/heath/small/dev/leaderboard"
GRAVE = ("serious", "critical")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The web alone over boards of every kind: nothing here runs a model, so neither worker nor engine is needed."""
    var = tmp_path_factory.mktemp("boards")
    # Only its address and environment are used; its processes are not started.
    stack = Stack(var=var, port=free_port(30_000 + os.getpid() % 10_000))
    filled = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("boards_to_look_at.py"))],
        cwd=ROOT, env=stack.environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert filled.returncode == 0, filled.stderr
    with Processes(logs=var / "log", environment=stack.environment, folder=ROOT) as processes:
        command = [sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"127.0.0.1:{stack.port}"]
        web = processes.start("web", [*command, "--workers", "1", "--threads", "8", "--graceful-timeout", "3"])
        processes.wait_until(web, stack._web_answers, seconds=60)
        yield Site(stack.url, var / "mail")


def look(page: Page, name: str, shoot: Shoot) -> None:
    """Take pictures of the page, and ask axe in both colour schemes at both widths."""
    shoot(page, name)
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found = [one for one in Axe().run(page).response["violations"] if one["impact"] in GRAVE]
            told = [(one["id"], one["help"], [node["html"] for node in one["nodes"][:3]]) for one in found]
            assert told == [], f"{name} at {width} px, {scheme}"


def entry_of(page: Page, name: str) -> str:
    """The address of the entry of this name on the board that the page shows."""
    address = page.get_by_role("link", name=name, exact=True).first.get_attribute("href")
    assert address is not None
    return address


def test_a_board_shows_ranks_with_intervals_ties_and_what_stands_beside(visits: Visits, shoot: Shoot) -> None:
    page = visits.open()
    page.goto(BOARD)
    board = page.get_by_role("region", name="Leaderboard", exact=True)
    expect(board.get_by_role("row").nth(1)).to_contain_text(re.compile(r"1 \(1–\d\)"))
    expect(board.get_by_text("tied with first").first).to_be_visible()
    expect(board.locator("tr.cut").first).to_be_visible()
    expect(board.locator("svg.whisker").first).to_be_visible()
    expect(board.get_by_role("row", name=re.compile("Unigram"))).to_contain_text("Baseline")
    beside = page.get_by_role("region", name="Entries beside the table")
    expect(beside.get_by_role("row", name=re.compile("Ruff"))).to_contain_text("It was trained on the test items.")
    assert "Knot" not in page.content()
    expect(page.get_by_text(re.compile("2 runs failed or left items without an answer"))).to_be_visible()
    page.get_by_text("What if the track ranked by another aggregate").click()
    page.get_by_text("Compare two entries").click()
    look(page, "board", shoot)


def test_rows_are_found_by_status_and_by_name_without_a_script(visits: Visits, shoot: Shoot) -> None:
    page = visits.open()
    page.goto(BOARD)
    page.get_by_role("navigation", name="Entries by status").get_by_role("link", name=re.compile("Excluded")).click()
    expect(page.get_by_role("link", name="Ruff")).to_be_visible()
    expect(page.get_by_role("link", name="Curlew")).to_have_count(0)
    look(page, "board-excluded", shoot)
    page.goto(BOARD)
    page.get_by_label("Search methods and teams").fill("plover")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Lapwing")).to_be_visible()
    expect(page.get_by_role("link", name="Curlew")).to_have_count(0)
    page.goto(f"{BOARD}?q=nobody+is+called+so")
    expect(page.get_by_text("No entry matches")).to_be_visible()
    look(page, "board-no-match", shoot)


def test_an_earlier_state_says_so_and_leads_back(visits: Visits, shoot: Shoot) -> None:
    page = visits.open()
    page.goto(BOARD)
    expect(page.get_by_role("link", name="Godwit")).to_be_visible()
    page.get_by_text("Earlier states of this leaderboard").click()
    page.locator("details[open] ul a").first.click()
    expect(page.get_by_text("This is an earlier state of the leaderboard")).to_be_visible()
    expect(page.get_by_role("link", name="Godwit")).to_have_count(0)
    look(page, "board-earlier", shoot)
    page.get_by_role("link", name="See it as it is now").click()
    expect(page.get_by_role("link", name="Godwit")).to_be_visible()


def test_sixty_suites_are_read_with_the_names_in_place_and_one_s_own_row_on_top(visits: Visits, shoot: Shoot) -> None:
    page = visits.open("bela")
    page.goto("/c/heath/wide/dev/leaderboard")
    own = page.locator("tbody.own-rows tr")
    expect(own).to_have_count(1)
    expect(own).to_contain_text("Your team")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(".table-wrap").first.evaluate("table => table.scrollLeft = 2000")
    box = own.get_by_role("rowheader").bounding_box()
    assert box is not None
    assert 0 <= box["x"] < 200
    shoot(page, "board-wide")
    page.get_by_role("link", name="Next 100").click()
    expect(page.get_by_text("101 to 130 of 130")).to_be_visible()
    # axe looks at every cell: a page of thirty rows has enough of them.
    look(page, "board-wide-last", shoot)
    page.get_by_role("link", name="Previous 100").click()
    expect(page.get_by_text("1 to 100 of 130")).to_be_visible()


def test_the_groups_of_a_suite_are_a_heat_table(visits: Visits, shoot: Shoot) -> None:
    page = visits.open()
    page.goto(BOARD)
    page.get_by_role("link", name="Minimal pairs", exact=True).click()
    expect(page.get_by_role("heading", name="Minimal pairs, by group")).to_be_visible()
    expect(page.get_by_role("columnheader", name="anaphor gender")).to_be_visible()
    look(page, "board-matrix", shoot)


def test_an_entry_has_its_suites_groups_tags_and_curve(visits: Visits, shoot: Shoot) -> None:
    page = visits.open("rosa")
    page.goto(BOARD)
    page.goto(entry_of(page, "Curlew"))
    for name in ("Suites", "Groups", "Tags", "Learning curves", "As declared", "What the scores rest on"):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    page.get_by_text("The numbers").first.click()
    look(page, "entry", shoot)


def test_two_entries_are_compared_from_the_table(visits: Visits, shoot: Shoot) -> None:
    page = visits.open("rosa")
    page.goto("/c/heath/small/final/leaderboard")
    page.get_by_text("Compare two entries").click()
    page.get_by_label("One entry").select_option(label=page.locator("#a option").first.inner_text())
    page.get_by_label("The other").select_option(label=page.locator("#b option").nth(6).inner_text())
    page.get_by_role("button", name="Compare").click()
    row = page.get_by_role("row", name=re.compile("Overall"))
    expect(row).to_contain_text("A better")
    expect(page.get_by_role("heading", name="Configurations")).to_be_visible()
    look(page, "compare", shoot)


@pytest.mark.parametrize(
    ("name", "key", "sentence"),
    [
        ("", "guarded", "rounded to about their standard error"),
        ("rosa", "guarded", "Exact scores, which only organizers and reviewers see now."),
        ("", "early", "These scores are not published yet"),
        ("rosa", "early", "Only organizers and reviewers see this table now."),
        ("", "empty", "No entry has been scored yet"),
        ("", "final", "This leaderboard is frozen"),
        ("bela", "blind", "made up until the results are revealed"),
    ],
)
def test_a_board_says_what_of_it_is_shown(visits: Visits, shoot: Shoot, name: str, key: str, sentence: str) -> None:
    page = visits.open(name)
    page.goto(f"/c/heath/small/{key}/leaderboard")
    expect(page.get_by_role("main")).to_contain_text(sentence)
    look(page, f"board-{key}{'-' if name else ''}{name}", shoot)


def test_a_made_up_name_leads_to_nothing_that_gives_it_away(visits: Visits) -> None:
    """Entries have one address on all boards of a track, and another of them shows their real names."""
    page = visits.open("rosa")
    page.goto(BOARD)
    known = entry_of(page, "Curlew").replace("/dev/", "/blind/")
    number = known.rpartition("/")[2]
    page.goto("/c/heath/small/blind/leaderboard")
    assert not any(name in page.content() for name in ("Curlew", "Heron", "Wetland", "Snipe"))
    hidden = page.locator("table.board tbody tr:not(.reference)")
    assert hidden.count() > 5
    expect(hidden.get_by_role("link")).to_have_count(0)
    expect(page.locator("#a")).to_have_count(0)
    visits.expected += [(404, known)]
    assert page.goto(known).status == 404  # type: ignore[union-attr]
    page.goto(f"/c/heath/small/blind/compare?a={number}&b={number}")
    expect(page.get_by_text("does not stand on this leaderboard")).to_be_visible()
