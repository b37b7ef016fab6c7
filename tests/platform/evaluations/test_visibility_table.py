"""The table of what must not leak from a hidden phase, walked cell by cell through the pages themselves."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase, Track
from evaluations import leases, services, states
from evaluations.models import Attempt, Evaluation, Event, ResponseSet, Run, RunResponseSet, Score
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites import write_suite
from leaderboards.services import refresh
from submissions.models import Entry, Registration
from suites import services as suites
from suites.models import PhaseSuite

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"

# What stands where: in the gold (an item's own name, which leads to its answer), in an item's text, in the log, in an
# exception's text, and in the name of a file that a submission wrote.
GOLD, ITEM, LOG, DETAIL, FILE = (f"canary-in-the-{place}" for place in ("gold", "item", "log", "detail", "file-name"))
EXACT_TIME, EXACT_MEMORY, EXACT_MOMENT = "12.3 s", "150 MiB", ":37.123456"
RESOURCES = {
    "wall": {"start": 0.31, "load": 4.52, "answer": 7.51, "total": 12.34}, "cpu_seconds": 9.87,
    "peak_memory": 150 * 1024**2, "response_bytes": 65_432, "disk_bytes": 7_654,
}  # fmt: skip
EXACT_SCORE, ROUNDED_SCORE, SCORE_DIGITS = "<strong>61.23</strong>", "<strong>61</strong>", ("61.2", "0.612")
# At a checkpoint with 250 items, and at one with 99, which is told as little as a group of that size.
CURVE, ROUNDED_CURVE, CURVE_DIGITS = ["chck_1M", "47.12", "chck_2M"], ["chck_1M", '"value": 0.47,'], ("47.1", "0.471")
SMALL_CURVE = ["chck_2M", "53.9", "0.539"]
LARGE, SMALL = "group-of-100-items", "group-of-99-items"
STAGES = ["suite 1 of 2: 320 of 1,200, 40 a second"]


@dataclass(frozen=True)
class Cell:
    """What the pages of one row show in one column, and what stands in none of them."""

    shows: list[str] = field(default_factory=list)
    hides: list[str] = field(default_factory=list)


ANY = [GOLD, ITEM]
REASONS = ["E-RUN-CODE", "while answering", "line: 7"]
WORDS = [LOG, DETAIL, FILE]
NUMBERS = [EXACT_TIME, EXACT_MEMORY, "4.5 s loading, 7.5 s answering", "9.9 s", "65,432 bytes", "7,654 bytes"]
BUCKETS = ["under a minute", "under 1 GiB"]
THEIRS, OURS = "because of the submission", "The platform could not finish this run"
BOARD = ["Heron", EXACT_SCORE]

PUBLIC_DATA = "public data"
HIDDEN = "hidden data, before the reveal"
HIDDEN_OPEN = "hidden data, before the reveal, scores public"
HIDDEN_KEPT = "hidden data, closed and not revealed"
REVEALED = "after the reveal"
COLUMNS = (PUBLIC_DATA, HIDDEN, HIDDEN_OPEN, HIDDEN_KEPT, REVEALED)

NO_SCORE = Cell(hides=["<strong>", *SCORE_DIGITS, *CURVE_DIGITS, *SMALL_CURVE, "0.47", LARGE, SMALL, "curve", *ANY])
NO_REASON = Cell([THEIRS], [*REASONS, *WORDS, *NUMBERS, *BUCKETS, EXACT_MOMENT, "running", "answering", *ANY])
NO_FAULT_OF_OURS = Cell([OURS], ["E-PLATFORM", LOG, EXACT_MOMENT, *ANY])
COARSE = Cell(BUCKETS, [*NUMBERS, EXACT_MOMENT, *ANY])
STAGE_ONLY = Cell(["answering"], ["320", "1,200", "suite 1", "scoring", "Scoring", EXACT_MOMENT, *ANY])
PLACE_IN_WORDS = Cell(["queued, among the first 10", '"queue_position": null'], ["position 5", *ANY])
NO_BOARD = Cell(hides=["Heron", "Wren", *SCORE_DIGITS, "<strong>", *ANY])
EVERYTHING = [*STAGES, *REASONS, *WORDS, *NUMBERS, EXACT_SCORE, LARGE, SMALL, *CURVE, EXACT_MOMENT]

# The rows of the table, each with a cell for each column.
TABLE: dict[str, dict[str, Cell]] = {
    "team: stage": {
        PUBLIC_DATA: Cell(STAGES, ANY),
        HIDDEN: STAGE_ONLY,
        HIDDEN_OPEN: STAGE_ONLY,
        HIDDEN_KEPT: STAGE_ONLY,
        REVEALED: Cell(STAGES, ANY),
    },
    "team: stage while it is scored": {
        PUBLIC_DATA: Cell(["scoring"], ANY),
        HIDDEN: STAGE_ONLY,
        HIDDEN_OPEN: STAGE_ONLY,
        HIDDEN_KEPT: STAGE_ONLY,
        REVEALED: Cell(["scoring"], ANY),
    },
    "team: place in the queue": {
        PUBLIC_DATA: Cell(["queued, at position 5", '"queue_position": 5'], ANY),
        HIDDEN: PLACE_IN_WORDS,
        HIDDEN_OPEN: PLACE_IN_WORDS,
        HIDDEN_KEPT: PLACE_IN_WORDS,
        REVEALED: Cell(["queued, at position 5"], ANY),
    },
    "team: outcome, theirs": {
        PUBLIC_DATA: Cell([*REASONS, *WORDS, EXACT_MOMENT], ANY),
        HIDDEN: NO_REASON,
        HIDDEN_OPEN: NO_REASON,
        HIDDEN_KEPT: NO_REASON,
        REVEALED: Cell(["E-RUN-CODE", "while answering"], [*WORDS, *ANY]),
    },
    "team: outcome, ours": {
        PUBLIC_DATA: Cell([OURS, "E-PLATFORM"], ANY),
        HIDDEN: NO_FAULT_OF_OURS,
        HIDDEN_OPEN: NO_FAULT_OF_OURS,
        HIDDEN_KEPT: NO_FAULT_OF_OURS,
        REVEALED: Cell([OURS, "E-PLATFORM"], [LOG, *ANY]),
    },
    "team: resources": {
        PUBLIC_DATA: Cell(NUMBERS, ANY),
        HIDDEN: COARSE,
        HIDDEN_OPEN: COARSE,
        HIDDEN_KEPT: COARSE,
        REVEALED: Cell(NUMBERS, ANY),
    },
    "team: scores": {
        PUBLIC_DATA: Cell([EXACT_SCORE, LARGE, SMALL, *CURVE], ANY),
        HIDDEN: NO_SCORE,
        HIDDEN_OPEN: Cell(
            [ROUNDED_SCORE, '"value": 0.61,', LARGE, *ROUNDED_CURVE],
            [*SCORE_DIGITS, *CURVE_DIGITS, *SMALL_CURVE, SMALL, LOG, *ANY],
        ),
        HIDDEN_KEPT: NO_SCORE,
        REVEALED: Cell([EXACT_SCORE, LARGE, SMALL, *CURVE], [LOG, *ANY]),
    },
    "public": {
        PUBLIC_DATA: Cell(BOARD, ["Wren", *WORDS, *NUMBERS, *ANY]),
        HIDDEN: NO_BOARD,
        HIDDEN_OPEN: Cell(
            ["Heron", ROUNDED_SCORE], ["Wren", *SCORE_DIGITS, *CURVE_DIGITS, "chck_1M", *WORDS, *NUMBERS, *ANY]
        ),
        HIDDEN_KEPT: NO_BOARD,
        REVEALED: Cell(BOARD, ["Wren", *WORDS, *NUMBERS, *ANY]),
    },
    # Organizers see a hidden suite's items in the admin, as a model sees them; what is right nobody sees.
    "organizer": {column: Cell([*EVERYTHING, *BOARD, "0.612345"], [GOLD]) for column in COLUMNS},
    "reviewer": {column: Cell([*EVERYTHING, *BOARD, "0.612345"], ANY) for column in COLUMNS},
}

# Which of the submissions a row looks at; the others look at every one.
ABOUT = {
    "team: stage": "Kite",
    "team: stage while it is scored": "Lark",
    "team: place in the queue": "Gull",
    "team: outcome, theirs": "Wren",
    "team: outcome, ours": "Crow",
    "team: resources": "Heron",
    "team: scores": "Heron",
}


@dataclass
class World:
    """A phase with a team's six submissions: queued, answering, being scored, scored, failed and given up."""

    phase: Phase
    runs: dict[str, Run]
    people: dict[str, User]
    browser: Callable[[User | None], Client]

    def pages(self, row: str) -> str:
        """All that the row's viewer finds, each page as it is and with its markup's escapes undone."""
        viewer = row.partition(":")[0]
        client = self.browser(self.people.get(viewer))
        names = [ABOUT[row]] if row in ABOUT else list(self.runs)
        addresses = [self._address(name, run) for run in map(self.runs.__getitem__, names) for name in SUBMISSION_PAGES]
        if row not in ABOUT:
            addresses += self._pages_of_all()
        if viewer == "organizer":
            addresses += self._pages_of_the_admin()
        text = "\n".join(_body(client, address) for address in addresses)
        return f"{text}\n{html.unescape(text)}"

    @staticmethod
    def _address(name: str, run: Run) -> str:
        return reverse(name, args=[run.entry.submission_id])

    def _pages_of_all(self) -> list[str]:
        track, challenge = self.phase.track, self.phase.track.challenge
        return [
            reverse("home"),
            reverse("challenge", args=[challenge.key]),
            reverse("submissions", args=[challenge.key]),
            reverse("leaderboard", args=[challenge.key, track.key, self.phase.key]),
            reverse("results_csv", args=[challenge.key]),
        ]

    def _pages_of_the_admin(self) -> list[str]:
        models = [
            "evaluations_run", "evaluations_responseset", "evaluations_evaluation", "submissions_submission",
            "submissions_entry", "submissions_quotacharge", "suites_suiteversion", "suites_unsealing",
            "challenges_phase",
        ]  # fmt: skip
        rows = [reverse("admin:evaluations_run_change", args=[run.pk]) for run in self.runs.values()]
        rows += [reverse("admin:evaluations_evaluation_change", args=[one.pk]) for one in Evaluation.objects.all()]
        sets = [one for run in self.runs.values() for one in run.response_sets.all()]
        rows += [reverse("admin:evaluations_responseset_change", args=[one.pk]) for one in sets]
        rows += [
            reverse("admin:suites_suiteversion_change", args=[one.suite_version_id])
            for one in self.phase.phase_suites.all()
        ]
        return [reverse(f"admin:{model}_changelist") for model in models] + rows


SUBMISSION_PAGES = ("submission", "submission_status", "submission_events")


# Three digits in a row stand in many an id, nonce, token, digest or fraction of a second by chance.
RANDOM = re.compile(
    r"T\d\d:\d\d:\d\d\.\d+|[0-9a-f]{8}-[0-9a-f-]{27}|nonce=\"[^\"]*\"|nonce-[^' ]*"
    r"|\b[0-9a-f]{12,}\b|\b[A-Za-z0-9]{64}\b"
)
NUMBER = re.compile(r"[\d.,]+")


def _body(client: Client, address: str) -> str:
    """The answer with its headers; a viewer who may not look gets none."""
    response = client.get(address)
    body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    return f"{address} {response.status_code} {dict(response.items())}\n{body.decode()}"


@pytest.fixture
def world(
    make_user: Callable[..., User], make_challenge: Callable[..., Any], make_track: Callable[..., Track],
    make_phase: Callable[..., Phase], make_registration: Callable[..., Registration], make_run: Callable[..., Run],
    client_of: Callable[[User | None], Client], tmp_path: Path,
) -> Callable[[str], World]:  # fmt: skip
    """`world(column)`: everything that can happen to a submission, in a phase of the column's kind."""

    def make(column: str) -> World:
        people = {"organizer": make_user(), "reviewer": make_user()}
        challenge = make_challenge(organizers=(people["organizer"],), reviewers=(people["reviewer"],))
        visibility = {
            HIDDEN_OPEN: Phase.Visibility.PUBLIC, PUBLIC_DATA: Phase.Visibility.PUBLIC,
            HIDDEN_KEPT: Phase.Visibility.HIDDEN,
        }.get(column, Phase.Visibility.AFTER_CLOSE)  # fmt: skip
        phase = make_phase(make_track(challenge, image=IMAGE), visibility=visibility)
        _ask(phase, tmp_path / "suite", "public" if column == PUBLIC_DATA else "hidden")
        team = make_registration(challenge=challenge)
        people["team"] = team.created_by
        # Of one queue: the first five wait no more, and four of other teams wait before the last.
        steps = {"Heron": _score, "Wren": _fail, "Crow": _give_up, "Kite": _work, "Lark": _is_scored}
        runs = {name: _named(make_run(phase, registration=team), name) for name in steps}
        for name, step in steps.items():
            step(runs[name])
        for _ in range(4):
            make_run(phase)
        runs["Gull"] = _named(make_run(phase, registration=team), "Gull")
        moment = timezone.now().replace(second=37, microsecond=123456) - timedelta(minutes=5)
        Event.objects.update(at=moment)
        refresh(phase=phase)
        if column in (HIDDEN_KEPT, REVEALED):
            Phase.objects.filter(pk=phase.pk).update(closes=timezone.now() - timedelta(minutes=1))
        runs = {name: Run.objects.select_related("entry__submission").get(pk=run.pk) for name, run in runs.items()}
        return World(Phase.objects.get(pk=phase.pk), runs, people, client_of)

    return make


def _ask(phase: Phase, folder: Path, access: str) -> None:
    """A suite whose items and answers carry canaries."""
    values = {
        "schema": "suite/1", "key": "birds", "title": "Birds", "version": "1", "task": "choice", "metric": "accuracy",
        "chance": 0.5, "range": [0, 1], "direction": "higher", "license": "CC0-1.0", "items": access, "gold": access,
    }  # fmt: skip
    items: list[Any] = [
        {"id": f"{GOLD}/{number}", "group": "all", "split": "private",
         "choices": [{"continuation": f"{ITEM} {number} {word}"} for word in ("sing.", "sings.")]}
        for number in range(8)
    ]  # fmt: skip
    gold: list[Any] = [{"id": item["id"], "gold": number % 2} for number, item in enumerate(items)]
    write_suite(folder, SuiteManifest.from_value(values, file="suite.yaml"), items, gold, readme="Made for a test.\n")
    version = suites.freeze(version=suites.add_version(folder=folder))
    PhaseSuite.objects.create(phase=phase, suite_version=version, splits=["private"])


def _named(run: Run, name: str) -> Run:
    submission = run.entry.submission
    type(submission).objects.filter(pk=submission.pk).update(name=name)
    return run


def _work(run: Run, *, until: str = Run.State.RUNNING, resources: dict[str, Any] | None = None) -> Attempt:
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    assert attempt.run == run
    for step in (Run.State.RUNNING, Run.State.SCORING, Run.State.DONE):
        if attempt.run.state != until:
            states.move(attempt.run, step)
    Attempt.objects.filter(pk=attempt.pk).update(
        progress={"suite": "birds", "position": 1, "of": 2, "done": 320, "total": 1200, "rate": 40.4},
        resources=resources or RESOURCES,
        log_tail=LOG,
    )
    return attempt


def _is_scored(run: Run) -> None:
    _work(run, until=Run.State.SCORING)


def _fail(
    run: Run, *, code: str = "E-RUN-CODE", stage: str = Run.State.RUNNING, resources: dict[str, Any] | None = None
) -> None:
    attempt = _work(run, until=stage, resources=resources)
    detail = {"detail": DETAIL, "line": 7, "file": FILE}
    states.move(attempt.run, Run.State.FAILED, code=code, stage=stage, detail=detail)
    leases.end(attempt)


def _give_up(run: Run) -> None:
    attempt = _work(run)
    states.move(attempt.run, Run.State.ERRORED, code="E-PLATFORM", stage="running", detail={"reason": LOG})
    leases.end(attempt)


def _score(run: Run) -> None:
    attempt = _work(run, until=Run.State.DONE)
    leases.end(attempt)
    response_set = run.response_sets.get()
    evaluation = Evaluation.objects.create(response_set=response_set, evaluator="1", suite_digest="0" * 64)
    for group, value, n in (("", 0.612345, 250), (LARGE, 0.6, 100), (SMALL, 0.7, 99)):
        Score.objects.create(
            evaluation=evaluation, metric="accuracy", group=group, value=value, low=value - 0.05, high=value + 0.05, n=n
        )  # fmt: skip
    response_set.asked = response_set.answered = 250
    response_set.complete = True
    response_set.save()
    for position, (name, value, n) in enumerate((("chck_1M", 0.471234, 250), ("chck_2M", 0.539876, 99)), 1):
        _score_checkpoint(run, response_set, name, value, n, position)


def _score_checkpoint(run: Run, main: ResponseSet, name: str, value: float, n: int, position: int) -> None:
    """The same suite at a checkpoint, as a phase that asks it there gets it."""
    there = ResponseSet.objects.create(
        key=f"{name}-{run.pk}"[:64], submission=main.submission, suite_version=main.suite_version,
        selection=main.selection, splits=main.splits, checkpoint=name, steps=[[name, int(name[5]) * 10**6]],
        image_id=main.image_id, draw_key=b"", complete=True, asked=n, answered=n,
    )  # fmt: skip
    RunResponseSet.objects.create(run=run, response_set=there, position=position)
    evaluation = Evaluation.objects.create(response_set=there, evaluator="1", suite_digest="0" * 64)
    Score.objects.create(
        evaluation=evaluation, metric="accuracy", value=value, low=value - 0.05, high=value + 0.05, n=n
    )


@pytest.mark.parametrize("column", COLUMNS)
def test_every_cell_of_the_table_shows_what_it_says_and_nothing_else(
    world: Callable[[str], World], column: str
) -> None:
    there = world(column)
    for row, cells in TABLE.items():
        text, cell = there.pages(row), cells[column]
        assert [part for part in cell.shows if part not in text] == [], f"missing from {row}"
        plain = RANDOM.sub("", text)
        told = [part for part in cell.hides if part in (plain if NUMBER.fullmatch(part) else text)]
        assert told == [], f"told in {row}"


def test_the_table_has_a_cell_for_every_row_and_column() -> None:
    assert all(set(cells) == set(COLUMNS) for cells in TABLE.values())


@pytest.mark.parametrize("column", [HIDDEN, HIDDEN_OPEN])
def test_every_fault_of_a_participant_on_hidden_data_reads_the_same(
    world: Callable[[str], World], make_run: Callable[..., Run], column: str
) -> None:
    there = world(column)
    Run.objects.filter(state=Run.State.QUEUED).update(queue="elsewhere")
    faults = [
        ("E-RUN-TIMEOUT", Run.State.RUNNING, {"wall": {"total": 3_600.0}, "peak_memory": 1024}),
        ("E-RUN-OOM", Run.State.RUNNING, {"wall": {"total": 1.0}, "peak_memory": 16 * 1024**3}),
        ("E-OUT-FORMAT", Run.State.RUNNING, {"wall": {"total": 90.0}}),
        ("E-PRED-VALUE", Run.State.SCORING, {"wall": {}}),
    ]
    runs = [there.runs["Wren"]]
    for code, stage, resources in faults:
        run = _named(make_run(there.phase, registration=runs[0].entry.submission.registration), "Wren")
        _fail(run, code=code, stage=stage, resources=resources)
        runs.append(run)
    first = Event.objects.filter(run=runs[0]).earliest("pk")
    Event.objects.update(at=first.at)
    refresh(phase=there.phase)
    board = reverse("leaderboard", args=[there.phase.track.challenge.key, there.phase.track.key, there.phase.key])
    assert "Wren" not in _body(there.browser(None), board)
    client = there.browser(there.people["team"])
    for page in ("submission_status", "submission_events"):
        read = {_anonymous(client.get(reverse(page, args=[run.entry.submission_id])).content.decode()) for run in runs}
        assert len(read) == 1


def _anonymous(text: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+ bytes", "something of their own", text)


def test_a_reviewer_gets_into_no_admin_and_an_organizer_only_into_their_own_challenges(
    world: Callable[[str], World], make_user: Callable[..., User], make_challenge: Callable[..., Any]
) -> None:
    there = world(HIDDEN)
    stranger = make_user()
    make_challenge(organizers=(stranger,))
    addresses = there._pages_of_the_admin()
    reviewer = there.browser(there.people["reviewer"])
    assert {reviewer.get(address).status_code for address in addresses} == {302}
    text = "\n".join(_body(there.browser(stranger), address) for address in addresses)
    for part in (*ANY, *WORDS, "Heron", "Wren", "0.612345"):
        assert part not in text


def test_a_withdrawn_entry_stands_on_no_board_and_its_page_tells_no_more_than_before(
    world: Callable[[str], World],
) -> None:
    there = world(HIDDEN_OPEN)
    run = there.runs["Heron"]
    services.withdraw(submission=run.entry.submission, user=there.people["team"])
    refresh(phase=there.phase)
    assert Entry.objects.filter(runs=run, status=Entry.Status.WITHDRAWN).exists()
    assert "Heron" not in _body(there.browser(None), there._pages_of_all()[3])
    text = there.pages("team: scores")
    assert all(digits not in text for digits in SCORE_DIGITS)


def test_exact_scores_can_not_be_worked_out_from_what_the_public_board_prints(world: Callable[[str], World]) -> None:
    there = world(HIDDEN_OPEN)
    board = there._pages_of_all()[3]
    client = there.browser(None)
    before = _boards_numbers(_body(client, board))
    Score.objects.filter(value=0.612345).update(value=F("value") - 0.005, low=0.1, high=0.9)
    snapshot = refresh(phase=there.phase)
    assert snapshot.rows[0]["scores"]["birds"]["value"] == pytest.approx(0.607345)
    assert _boards_numbers(_body(client, board)) == before


def _boards_numbers(page: str) -> str:
    """The page without when it was computed, and without what changes at every request."""
    return re.sub(r'Computed <time.*?</time>|nonce="[^"]*"|nonce-[^\' ]*|\{.*\}\n', "", page.partition("\n")[2])
