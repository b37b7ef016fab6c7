"""The table of an edition that ran elsewhere: what its ranks are, and what nobody may take it for."""

import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from typer.testing import CliRunner

from accounts.models import Team, User
from challenges.models import Challenge, Phase, Role, Track
from evaluations.models import Run
from evaluators.aggregates import Table, aggregate
from evaluators.cli import app
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.results import ResultsDocument
from leaderboards.gathering import results_of
from leaderboards.models import PublishedTable, Snapshot
from leaderboards.published import differs, published_results, year_of
from leaderboards.published_importing import import_results
from leaderboards.results import Result, TrackResults
from submissions.models import Entry, Registration, Submission
from suites import configuration

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
HOW_TO = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "import-a-past-edition.md"
ENTRIES: list[dict[str, Any]] = [
    {"name": "Grey", "team": "Reed", "scores": {"wading": 0.8, "fishing": 0.6}, "aggregate": 0.7},
    {"name": "Old grey", "team": "Reed", "scores": {"wading": 0.6, "fishing": 0.6}, "aggregate": 0.6},
    {"name": "Purple", "team": "Rush", "status": "late", "scores": {"wading": 0.7, "fishing": 0.6}, "aggregate": 0.62},
    {"name": "Half", "team": "Mud", "scores": {"wading": 0.9, "fishing": None}},
    {"name": "Best", "team": "Sand", "status": "not_eligible", "reason": "trained on the test set",
     "scores": {"wading": 0.99, "fishing": 0.99}},
    {"name": "Night", "status": "baseline", "scores": {"wading": 0.5, "fishing": 0.5}},
    {"name": "Stork", "status": "skyline", "scores": {"wading": 0.95, "fishing": 0.95}},
]  # fmt: skip


def document(entries: list[dict[str, Any]] | None = None, *, key: str = "herons-2021", **track: Any) -> ResultsDocument:
    columns = [{"key": "wading", "suite": "wading@2021.1"}, {"key": "fishing"}]
    value = {
        "schema": "results/1", "key": key, "title": "Herons 2021", "year": 2021, "source": "Proceedings, table 3",
        "tracks": [{"key": "open", "columns": columns, "entries": ENTRIES if entries is None else entries, **track}],
    }  # fmt: skip
    return ResultsDocument.from_value(value, file="results.json")


def phase_of(challenge: Challenge) -> Phase:
    return Phase.objects.get(track__challenge=challenge)


def results(challenge: Challenge) -> TrackResults:
    found = published_results(phase_of(challenge))
    assert found is not None
    return found


def by_name(challenge: Challenge) -> dict[str, Result]:
    return {result.name: result for result in results(challenge).results}


@pytest.fixture
def challenge() -> Challenge:
    return import_results(document=document()).challenge


def test_an_archived_edition_is_public_and_closed_and_nobody_stands_behind_it(challenge: Challenge) -> None:
    phase = phase_of(challenge)
    assert (challenge.published, phase.is_closed, phase.closes.isoformat()) == (True, True, "2022-01-01T11:59:00+00:00")
    assert not any(model.objects.exists() for model in (User, Team, Registration, Submission, Entry, Run, Role))
    assert year_of(challenge) == 2021


def test_ranks_are_by_the_tracks_rule_among_what_is_eligible(challenge: Challenge) -> None:
    found = [(result.name, result.rank, result.aggregate) for result in results(challenge).results]
    assert found == [
        ("Stork", None, 0.95), ("Grey", 1, 0.7), ("Purple", 2, 0.65), ("Night", None, 0.5), ("Half", None, None),
        ("Old grey", None, 0.6), ("Best", None, 0.99),
    ]  # fmt: skip
    why = {name: result.why_unranked for name, result in by_name(challenge).items() if result.why_unranked}
    assert why == {
        "Stork": "reference row", "Night": "reference row", "Half": "a score is missing",
        "Old grey": "another entry of its team counts", "Best": "trained on the test set",
    }  # fmt: skip


def test_every_number_says_that_it_was_published(challenge: Challenge) -> None:
    assert {result.provenance for result in results(challenge).results} == {"published"}
    assert "published" not in Track.LeastProvenance.values


def test_a_published_aggregate_that_the_rule_does_not_give_is_named(challenge: Challenge) -> None:
    found = by_name(challenge)
    assert (found["Purple"].declared, found["Grey"].declared) == ({"reported": 0.62}, {})
    assert "2 of 3 published aggregates are what this rule gives" in results(challenge).rule
    assert "not those of Purple (published 0.62, by its scores 0.650)" in results(challenge).rule
    assert "not run here: Proceedings, table 3" in results(challenge).rule


@pytest.mark.parametrize(
    ("reported", "computed", "decimals", "other"),
    [(0.57, 0.5705, 3, False), (0.57, 0.571, 3, False), (0.57, 0.5712, 3, True), (0.57, 0.575, 2, False),
     (None, 0.5, 3, False), (0.5, None, 3, False)],
)  # fmt: skip
def test_rounding_makes_no_difference(
    reported: float | None, computed: float | None, decimals: int, other: bool
) -> None:
    assert differs(reported, computed, decimals=decimals) == other


def test_lower_is_better_where_the_table_says_so() -> None:
    columns = [{"key": "wading", "direction": "lower"}]
    entries = [{"name": name, "scores": {"wading": value}} for name, value in (("Grey", 0.3), ("Purple", 0.2))]
    challenge = import_results(document=document(entries, columns=columns)).challenge
    assert [(one.name, one.rank) for one in results(challenge).results] == [("Purple", 1), ("Grey", 2)]
    assert not results(challenge).higher_is_better


def test_answers_that_cant_be_read_are_kept_and_are_none() -> None:
    questions = [
        {"key": "approaches", "type": "multi", "options": ["curriculum", "distillation"]},
        {"key": "epochs", "type": "number"},
    ]
    entry = {
        "name": "Grey", "scores": {"wading": 0.5}, "unread": {"epochs": "3 or 4"}, "approaches": ["curriculum"],
        "declared": {"paper": "On wading"}, "link": "https://example.org/grey",
    }  # fmt: skip
    challenge = import_results(document=document([entry], questions=questions)).challenge
    found = by_name(challenge)["Grey"]
    assert (found.answers, found.approaches) == ({"approaches": ["curriculum"]}, ("curriculum",))
    assert found.declared == {
        "paper": "On wading", "link": "https://example.org/grey", "unread": {"epochs": "3 or 4"},
    }  # fmt: skip


def test_the_same_table_changes_nothing_and_another_needs_to_be_asked_for(challenge: Challenge) -> None:
    before = PublishedTable.objects.get()
    again = import_results(document=document())
    assert (again.changed, PublishedTable.objects.get().imported_at) == (False, before.imported_at)
    with pytest.raises(ProblemsFound, match="E-RESULTS-CHANGED"):
        import_results(document=document(ENTRIES[:3]))
    assert PublishedTable.objects.get().digest == before.digest
    changed = import_results(document=document(ENTRIES[:3]), replace=True)
    table = PublishedTable.objects.get()
    assert (changed.challenge, table.version, len(table.rows)) == (challenge, 2, 3)
    assert table.digest != before.digest


def test_the_board_as_it_was_is_kept(challenge: Challenge) -> None:
    import_results(document=document(ENTRIES[:1]), replace=True)
    boards = Snapshot.objects.order_by("pk")
    assert [(board.frozen, board.current) for board in boards] == [(False, False), (False, True)]
    names = [[row["name"] for row in board.rows if row["rank"] is not None] for board in boards]
    assert names == [["Grey", "Purple"], ["Grey"]]


def test_a_track_that_the_new_table_lacks_goes(challenge: Challenge) -> None:
    import_results(document=document(title="Open"), replace=True)
    assert Track.objects.get().title == "Open"
    renamed = document()
    renamed = renamed.model_copy(update={"tracks": (renamed.tracks[0].model_copy(update={"key": "wide"}),)})
    import_results(document=renamed, replace=True)
    assert Track.objects.get().key == "wide"


def test_a_challenge_that_runs_here_is_never_overwritten(make_phase: Make) -> None:
    phase = make_phase()
    key = phase.track.challenge.key
    with pytest.raises(ProblemsFound, match="E-RESULTS-EDITION"):
        import_results(document=document(key=key), replace=True)
    assert not PublishedTable.objects.exists()


def test_an_archived_edition_in_which_something_was_opened_is_left_alone(
    challenge: Challenge, make_phase: Make
) -> None:
    make_phase(challenge.tracks.get(), "again")
    with pytest.raises(ProblemsFound, match="E-RESULTS-EDITION"):
        import_results(document=document(ENTRIES[:1]), replace=True)


def test_a_document_never_takes_an_archived_editions_results_away(challenge: Challenge) -> None:
    opened = ChallengeDocument.from_value(
        {"schema": "challenge/1", "key": challenge.key, "title": "Herons again"}, file="challenge.yaml"
    )
    with pytest.raises(ProblemsFound, match="E-CHALLENGE-ARCHIVED"):
        configuration.apply(opened)
    assert PublishedTable.objects.exists()


def test_an_edition_that_is_not_over_is_refused() -> None:
    with pytest.raises(ProblemsFound) as caught:
        import_results(document=document(closes="2199-01-01T00:00"))
    assert caught.value.problems[0].field == "tracks[0].closes"
    assert not Challenge.objects.exists()


def test_the_results_of_the_challenge_are_those_of_its_tables(challenge: Challenge) -> None:
    found = results_of(challenge)
    (track,) = found.tracks
    assert (track, track.source, found.year) == (results(challenge), "Proceedings, table 3", 2021)


def test_the_board_shows_the_table_to_everybody(challenge: Challenge, client: Client) -> None:
    response = client.get("/c/herons-2021/open/final/leaderboard")
    text = " ".join(response.content.decode().split())
    assert response.status_code == 200
    assert all(part in text for part in ("Grey", "70.00", "published", "Proceedings, table 3", "Stork"))
    assert "trained on the test set" in text
    assert not any(part in text for part in ("own page has", "items answered", "version ,", "digest <code></code>"))


def test_every_row_of_the_table_is_on_the_board(challenge: Challenge) -> None:
    board = Snapshot.objects.get()
    table, beside = board.rows, board.rows_in("beside")
    assert [row["name"] for row in table] == ["Stork", "Grey", "Purple", "Night", "Half"]
    assert [(row["name"], row["reason"]) for row in beside] == [
        ("Old grey", "another entry of its team counts"), ("Best", "trained on the test set"),
    ]  # fmt: skip
    assert [row["name"] for row in table if row.get("reason")] == ["Purple"]
    assert {row["entry"] for row in (*table, *beside)} == {None}


def test_subtasks_are_the_groups_of_a_column(client: Client) -> None:
    entries = [
        {
            "name": name,
            "scores": {"wading": {"value": value, "groups": {"by day": value, "at dusk": 0.125}}, "fishing": 0.5},
        }
        for name, value in (("Grey", 0.25), ("Purple", 0.75))
    ]
    import_results(document=document(entries))
    response = client.get("/c/herons-2021/open/final/leaderboard", {"suite": "wading"})
    text = response.content.decode()
    assert response.status_code == 200
    assert all(part in text for part in ("at dusk", "by day", "12.50", "75.00"))


def test_a_part_may_be_a_mean_over_the_groups_of_its_columns() -> None:
    scores = {
        "wading": {"value": 0.8, "groups": {"by day": 0.7, "at dusk": 0.8, "at night": 0.9}},
        "fishing": {"value": 0.4, "groups": {"frogs": 0.4}},
    }
    parts = [{"key": "all", "members": ["wading", "fishing"], "of": "groups"}]
    entries = [{"name": "Grey", "scores": scores}]
    challenge = import_results(document=document(entries, ranking={"aggregate": {"parts": parts}})).challenge
    assert by_name(challenge)["Grey"].aggregate == pytest.approx((3 * 0.8 + 0.4) / 4)


def test_the_pages_say_that_the_edition_ran_elsewhere(challenge: Challenge, client: Client) -> None:
    text = client.get("/c/herons-2021/").content.decode()
    assert all(part in text for part in ("This edition ran elsewhere", "Proceedings, table 3", "Leaderboard of open"))
    assert not any(part in text for part in ("Sign up to take part", "Limits of a run", "Hand-ins per team"))
    assert "Archived" in client.get("/").content.decode()


def test_results_take_as_many_queries_for_many_rows_as_for_few(
    challenge: Challenge, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    phase = phase_of(challenge)
    many = [{"name": f"Heron {number}", "scores": {"wading": number / 300, "fishing": 0.5}} for number in range(300)]
    for entries in (ENTRIES, many):
        import_results(document=document(entries), replace=True)
        phase = Phase.objects.select_related("track").get(pk=phase.pk)
        with django_assert_num_queries(1):
            found = published_results(phase)
        assert found is not None
        assert len(found.results) == len(entries)


CSV = "name,team,status,wading,fishing\nGrey,Reed,,0.8,0.6\nNight,,baseline,0.5,0.5\n"
TOLD = ["--key", "herons-2021", "--title", "Herons 2021", "--year", "2021", "--source", "Proceedings"]


def test_the_command_imports_a_csv_file(tmp_path: Path, make_user: Make, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "herons.csv"
    file.write_text(CSV)
    organizer = make_user("olga@example.org")
    call_command("challenge", "import-results", str(file), *TOLD, "--organizer", "Olga@example.org")
    assert capsys.readouterr().out.splitlines() == [
        "herons-2021: Herons 2021, version 1 of its table", "main: 2 entries, 1 ranked; first: Grey (0.7)",
    ]  # fmt: skip
    assert Role.objects.get().user == organizer
    call_command("challenge", "import-results", str(file), *TOLD)
    assert "nothing to change" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "more", "sentence"),
    [
        (CSV.replace("0.8", "80%"), TOLD, r"E-RESULTS-CELL herons\.csv:2 \[wading\]"),
        (CSV, TOLD[:4], "Give --key, --title, --year and --source"),
        (CSV, [*TOLD, "--organizer", "nobody@example.org"], r"nobody@example\.org"),
        (CSV, [*TOLD[:2], "--title", "", *TOLD[4:]], "title"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path: Path, text: str, more: list[str], sentence: str) -> None:
    file = tmp_path / "herons.csv"
    file.write_text(text)
    with pytest.raises(CommandError, match=sentence):
        call_command("challenge", "import-results", str(file), *more)
    assert not Challenge.objects.exists()


def documented() -> list[list[str]]:
    """The commands of the how-to that load the real tables, in order, by their words."""
    text = HOW_TO.read_text()
    lines = re.findall(r"^    \.venv/bin/python (.+)$", text[text.index("## BabyLM 2023") :], re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.data
def test_the_documented_commands_load_the_real_tables(data: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    for words in documented():
        words = [
            str(data / word.partition("data/")[2]) if word.startswith("../shared/data/")
            else word.replace("var/", f"{tmp_path}/") for word in words
        ]  # fmt: skip
        if words[:2] == ["-m", "evaluators"]:
            done = CliRunner().invoke(app, words[2:])
            assert done.exit_code == 0, done.output
        else:
            assert words[0] == "manage.py"
            call_command(*words[1:], stdout=out)
    assert len(documented()) == 4
    assert "strict: 38 entries, 9 ranked; first: ELC_BERT (0.7433)" in out.getvalue()
    _check_babylm(Challenge.objects.get(key="babylm-2023"))
    _check_efficiency(Challenge.objects.get(key="efficiency-2023"), data)


def _check_babylm(challenge: Challenge) -> None:
    tracks = {track.key: track for track in results_of(challenge).tracks}
    assert sum(len(track.results) for track in tracks.values()) == 205
    first = {key: (track.ranked[0].name, round(track.ranked[0].aggregate or 0, 3)) for key, track in tracks.items()}
    assert first == {
        "strict": ("ELC_BERT", 0.743),
        "strict-small": ("ELC_BERT", 0.659),
        "loose": ("contextualizer-roberta-base-100M", 0.730),
    }
    reported = [one for track in tracks.values() for one in track.results if "reported" in one.declared]
    assert [(one.name, one.declared["reported"]) for one in reported] == [("Williams College - NBrz0", 0.57)]
    answered = [one.answers for track in tracks.values() for one in track.results]
    assert [sum(key in answers for answers in answered) for key in ("epochs", "parameters")] == [44, 60]


def _check_efficiency(challenge: Challenge, data: Path) -> None:
    (track,) = results_of(challenge).tracks
    table = {one.name: {key: score.value for key, score in one.scores.items()} for one in track.results}
    expected = {name: score["full"] or 0.0 for name, score in aggregate("efficiency-2023", Table(table)).items()}
    assert {one.name: one.aggregate for one in track.results} == pytest.approx(expected)
    assert [one.name for one in track.ranked] == sorted(expected, key=lambda name: -expected[name])
    assert (track.ranked[0].name, len(track.ranked)) == ("submission-2", 8)
