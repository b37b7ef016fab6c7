"""What rows an export has: from the database, in both layouts, and for whom."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Team, User
from challenges.models import Challenge, Phase
from evaluations.models import Evaluation, ResponseSet, Run, RunResponseSet, Score
from leaderboards import blind, exports
from leaderboards.exports.making import column_words, usual_words, write
from leaderboards.exports.query import ExportQuery, ExportRefused
from leaderboards.exports.reading import ReadFile, read_bytes
from leaderboards.models import PublishedTable
from leaderboards.services import refresh
from submissions.models import Entry

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
LONG = ExportQuery(challenge="birds", layout="long")
WIDE = ExportQuery(challenge="birds")


@pytest.fixture
def people(make_user: Make) -> dict[str, User]:
    return {name: make_user(f"{name}@example.org", name.title()) for name in ("organizer", "reviewer", "ada", "bo")}


@pytest.fixture
def challenge(make_challenge: Make, people: dict[str, User]) -> Challenge:
    made: Challenge = make_challenge("birds", organizers=(people["organizer"],), reviewers=(people["reviewer"],))
    return made


@pytest.fixture
def phase(challenge: Challenge, make_track: Make, make_phase: Make, make_suite_version: Make) -> Phase:
    made: Phase = make_phase(make_track(challenge, "small"), "test", open=False)
    make_suite_version(made, key="pairs", items="public", gold="public")
    return made


def exported(query: ExportQuery) -> ReadFile:
    out = io.BytesIO()
    write(query, out)
    return read_bytes(out.getvalue())


def rows_of(query: ExportQuery) -> list[dict[str, str]]:
    found = exported(query)
    return [dict(zip(found.header or (), row, strict=True)) for row in found.rows]


def score_again(run: Run, value: float, evaluator: str = "0.2.0") -> Evaluation:
    """A newer evaluation of the run's answers."""
    answers = run.response_sets.get()
    evaluation = Evaluation.objects.create(response_set=answers, evaluator=evaluator, suite_digest="e" * 64)
    Score.objects.create(evaluation=evaluation, metric="accuracy", value=value, low=0.1, high=0.9, n=100)
    return evaluation


def test_the_long_layout_has_every_score_with_what_it_depends_on(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.65349, name="Heron")
    whole, group = rows_of(LONG)
    assert (whole["submission"], whole["track"], whole["phase"], whole["suite"]) == ("Heron", "small", "test", "pairs")
    assert (whole["group"], group["group"], whole["tag"]) == ("", "group-0", "")
    assert (whole["value"], whole["n"], whole["coverage"]) == ("0.65349", "100", "1.0")
    assert whole["suite_digest"] == phase.phase_suites.get().suite_version.digest
    assert (whole["run_id"], whole["submission_id"]) == (str(run.pk), str(run.entry.submission_id))


def test_the_fixed_download_has_the_rows_of_the_long_layout(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.65349, name="=Heron()")
    make_scored(phase, 0.1 + 0.2)
    lines = list(csv.DictReader(io.StringIO("".join(exports.results_csv(phase.track.challenge)))))
    assert lines == rows_of(LONG)


def test_the_wide_layout_has_a_row_an_entry_with_ranks(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.9, name="Heron")
    make_scored(phase, 0.5, name="Wren")
    make_scored(phase, 0.7, name="A bigram", status=Entry.Status.BASELINE)
    refresh(phase=phase)
    rows = {row["submission"]: row for row in rows_of(WIDE)}
    assert [rows[name]["rank"] for name in ("Heron", "Wren", "A bigram")] == ["1", "2", ""]
    assert (rows["Heron"]["pairs"], rows["Heron"]["pairs.low"], rows["Heron"]["pairs.asked"]) == ("0.9", "0.8", "100")
    assert rows["A bigram"]["status"] == "baseline"
    assert not [name for name in rows["Heron"] if name.startswith("pairs.group")]


def test_groups_stand_in_the_wide_layout_where_they_are_asked_for(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.9, name="Heron")
    (row,) = rows_of(replace(WIDE, columns=("submission", "suites", "groups")))
    assert row == {"submission": "Heron", "pairs": "0.9", "pairs.group.group-0": "0.9"}


@pytest.mark.parametrize("query", [LONG, WIDE, replace(LONG, anonymised=True)])
def test_more_entries_and_scores_cost_no_more_queries(
    query: ExportQuery, phase: Phase, make_scored: Make, make_suite_version: Make,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    make_scored(phase, 0.5)
    refresh(phase=phase)
    exported(query)
    with CaptureQueriesContext(connection) as first:
        exported(query)
    make_suite_version(phase, key="tales", items="public", gold="public")
    for value in (0.6, 0.7, 0.8, 0.9):
        make_scored(phase, value)
    refresh(phase=phase)
    with django_assert_num_queries(len(first.captured_queries)):
        assert len(exported(query).rows) >= 5


def test_a_score_that_a_newer_one_replaced_is_left_out_unless_asked_for(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.5)
    score_again(run, 0.6)
    assert [row["value"] for row in rows_of(LONG)] == ["0.6"]
    both = rows_of(replace(LONG, superseded=True, columns=("value", "evaluator", "stands", "group")))
    assert sorted((row["value"], row["evaluator"], row["stands"]) for row in both if not row["group"]) == [
        ("0.5", "0.1.0", "false"), ("0.6", "0.2.0", "true"),
    ]  # fmt: skip


def test_a_draft_of_a_batch_is_in_no_export(phase: Phase, make_scored: Make) -> None:
    draft = score_again(make_scored(phase, 0.5), 0.6)
    Evaluation.objects.filter(pk=draft.pk).update(counts=False)
    assert {row["value"] for row in rows_of(LONG)} == {"0.5"}


def test_the_time_is_that_of_the_newest_score_and_not_of_the_download(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.5)
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    Evaluation.objects.update(created_at=when)
    for query in (LONG, WIDE):
        assert exported(query).fact("time") == "2026-03-01T12:00:00Z"
    newer = score_again(run, 0.6)
    Evaluation.objects.filter(pk=newer.pk).update(created_at=when + timedelta(days=1))
    for query in (LONG, WIDE):
        assert exported(query).fact("time") == "2026-03-02T12:00:00Z"


def test_an_export_says_what_it_stands_on(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.5)
    version = phase.phase_suites.get().suite_version
    ResponseSet.objects.update(image_id="sha256:1")
    for query in (LONG, WIDE):
        found = exported(query)
        assert found.fact("table") == "small/test"
        assert found.fact("suite") == f"pairs@1 sha256:{version.digest}"
        assert (found.fact("image"), found.fact("evaluator")) == ("sha256:1", "0.1.0")


def test_nothing_finer_than_a_group_is_told_of_hidden_suites(
    challenge: Challenge, make_track: Make, make_phase: Make, make_suite_version: Make, make_scored: Make
) -> None:
    phase = make_phase(make_track(challenge, "hidden"), "test", open=False)
    version = make_suite_version(phase, key="secret")
    run = make_scored(phase, 0.5)
    evaluation = Evaluation.objects.get(response_set__runs=run)
    for group, tag, n in (("lonely", "", 1), ("", "lonely", 1), ("", "rare", 5), ("few", "", 5)):
        Score.objects.create(evaluation=evaluation, metric="accuracy", group=group, tag=tag, value=1.0, n=n)
    wide = replace(WIDE, columns=("groups", "tags"))
    assert {(row["group"], row["tag"]) for row in rows_of(LONG)} == {
        ("", ""),
        ("group-0", ""),
        ("few", ""),
        ("", "rare"),
    }
    assert exported(wide).header == ("secret.group.few", "secret.group.group-0", "secret.tag.rare")
    version.manifest = {**version.manifest, "gated": True}
    version.save()
    assert {(row["group"], row["tag"]) for row in rows_of(LONG)} == {("", ""), ("group-0", ""), ("few", "")}
    assert exported(wide).header == ("secret.group.few", "secret.group.group-0")


# Who is in it


def test_an_anonymised_export_names_nobody_but_the_organizers_baselines(
    phase: Phase, make_scored: Make, make_registration: Make, make_team: Make, people: dict[str, User]
) -> None:
    team: Team = make_team(people["ada"], people["bo"], name="The Gulls")
    registration = make_registration(team, phase.track.challenge)
    run = make_scored(phase, 0.9, name="Heron by the Gulls", registration=registration)
    submission = run.entry.submission
    submission.manifest = {"method": {"name": "Heron", "backbone": "gulls/own", "approaches": ["gullish"]}}
    submission.save()
    make_scored(phase, 0.7, name="A bigram", status=Entry.Status.BASELINE)
    refresh(phase=phase)
    secrets = ("Gulls", "Heron", "gull", "Ada", "@example", str(submission.pk), submission.digest, str(run.pk))
    for query in (replace(LONG, anonymised=True), replace(WIDE, anonymised=True)):
        text = "\n".join(exported(query).lines)
        assert [secret for secret in secrets if secret in text] == []
        assert "A bigram" in text


def test_pseudonyms_agree_between_exports_and_differ_between_challenges(
    phase: Phase, make_scored: Make, make_challenge: Make, make_track: Make, make_phase: Make, make_registration: Make,
    make_suite_version: Make,
) -> None:  # fmt: skip
    run = make_scored(phase, 0.9)
    refresh(phase=phase)
    (wide,) = rows_of(replace(WIDE, anonymised=True))
    long = rows_of(replace(LONG, anonymised=True))[0]
    assert (wide["team"], wide["submission"]) == (long["team"], long["submission"])
    assert wide["team"] == blind.team_name(phase.track.challenge_id, run.entry.submission.registration.team_id)
    other = make_phase(make_track(make_challenge("fish"), "small"), "test", open=False)
    make_suite_version(other, key="fish", items="public", gold="public")
    again = make_registration(run.entry.submission.registration.team, other.track.challenge)
    make_scored(other, 0.9, registration=again)
    assert rows_of(replace(LONG, anonymised=True, challenge="fish"))[0]["team"] != wide["team"]


def test_the_order_of_an_anonymised_export_is_not_that_of_the_hand_ins(phase: Phase, make_scored: Make) -> None:
    runs = sorted((make_scored(phase, 0.5) for _ in range(8)), key=lambda run: str(run.pk))
    expected = [blind.method_name(phase.track.challenge_id, run.entry_id) for run in runs]
    assert [row["submission"] for row in rows_of(replace(LONG, anonymised=True)) if not row["group"]] == expected


def test_people_are_there_only_where_they_are_asked_for(
    phase: Phase, make_scored: Make, make_registration: Make, make_team: Make, people: dict[str, User]
) -> None:
    registration = make_registration(make_team(people["ada"], people["bo"]), phase.track.challenge)
    make_scored(phase, 0.9, registration=registration)
    refresh(phase=phase)
    for query in (LONG, WIDE):
        assert "example.org" not in "\n".join(exported(query).lines)
        row = rows_of(replace(query, people=True))[0]
        assert (row["people"], row["emails"]) == ("Ada; Bo", "ada@example.org; bo@example.org")
        with pytest.raises(ExportRefused, match="emails"):
            exported(replace(query, columns=("emails",)))


# What is chosen


@pytest.fixture
def two_tracks(phase: Phase, make_track: Make, make_phase: Make, make_suite_version: Make, make_scored: Make) -> None:
    other = make_phase(make_track(phase.track.challenge, "large"), "test", open=False)
    early = make_phase(other.track, "dev", open=False, closes=timezone.now() - timedelta(days=3))
    for one in (other, early):
        make_suite_version(one, key=f"tales-{one.key}", items="public", gold="public")
    make_scored(phase, 0.9, name="Heron")
    make_scored(phase, 0.8, name="Wren", status=Entry.Status.LATE)
    make_scored(other, 0.7, name="Kite")
    make_scored(early, 0.6, name="Gull")


@pytest.mark.usefixtures("two_tracks")
@pytest.mark.parametrize(("chosen", "names"), [
    ({"tracks": ("small",)}, {"Heron", "Wren"}), ({"statuses": ("late",)}, {"Wren"}), ({}, {"Heron", "Wren", "Kite"}),
    ({"tracks": ("large",), "phases": ("large/dev",)}, {"Gull"}),
])  # fmt: skip
def test_tracks_statuses_and_phases_are_chosen(chosen: dict[str, Any], names: set[str]) -> None:
    assert {row["submission"] for row in rows_of(replace(WIDE, **chosen))} == names
    long = names | {"Gull"} if not chosen else names
    assert {row["submission"] for row in rows_of(replace(LONG, **chosen))} == long


@pytest.mark.usefixtures("two_tracks")
@pytest.mark.parametrize(("chosen", "says"), [
    ({"challenge": "fish"}, "no challenge “fish”"), ({"tracks": ("medium",)}, "no track “medium”; it has large, small"),
    ({"phases": ("small/dev",)}, "no phase “small/dev”"), ({"columns": ("colour",)}, "no column “colour”"),
    ({"phases": ("large/dev", "large/test")}, "choose the long layout"),
    ({"columns": ("submission_id",), "anonymised": True}, "no column “submission_id”: it could tell"),
])  # fmt: skip
def test_what_is_not_there_is_refused_with_a_sentence(chosen: dict[str, Any], says: str) -> None:
    with pytest.raises(ExportRefused, match=says):
        exported(replace(WIDE, **chosen))


@pytest.mark.parametrize(("chosen", "says"), [
    ({"layout": "broad"}, "no layout “broad”"), ({"format": "doc"}, "no format “doc”"), ({"precision": 16}, "0 to 15"),
    ({"statuses": ("fine",)}, "no status “fine”"), ({"phases": ("test",)}, "track/phase"),
    ({"people": True, "anonymised": True}, "choose one of the two"),
])  # fmt: skip
def test_what_is_no_query_is_refused(chosen: dict[str, Any], says: str) -> None:
    with pytest.raises(ExportRefused, match=says):
        replace(WIDE, **chosen)


@pytest.mark.parametrize("text", [
    "", "layout=long", "challenge=a&colour=red", "challenge=a&precision=1e3", "challenge=a&format=doc",
    "challenge=a&layout=broad", "challenge=a&precision=-1",
])  # fmt: skip
def test_a_text_that_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(ExportRefused):
        ExportQuery.from_text(text)


def test_a_query_reads_back_from_its_text() -> None:
    query = ExportQuery(
        challenge="birds", layout="long", tracks=("small", "large"), phases=("small/test",), statuses=("late",),
        columns=("a b&c", "π,;=%"), precision=0, superseded=True, people=True, format="xlsx",
    )  # fmt: skip
    assert ExportQuery.from_text(query.text) == query
    assert query.text.isascii()
    assert not set(query.text) & set(" ,;<>\"'")


@pytest.mark.usefixtures("two_tracks")
@pytest.mark.parametrize("query", [LONG, WIDE])
def test_every_word_for_columns_may_be_asked_for(query: ExportQuery) -> None:
    for word in {*column_words(query), *usual_words(query.layout)}:
        assert exported(replace(query, columns=(word,))).header is not None


def test_a_suite_that_is_called_like_a_column_has_one_of_its_own(
    phase: Phase, make_suite_version: Make, make_scored: Make
) -> None:
    make_suite_version(phase, key="rank", items="public", gold="public")
    make_scored(phase, 0.25)
    (row,) = rows_of(WIDE)
    assert (row["rank"], row["rank_"]) == ("1", "0.25")


def test_an_edition_that_ran_elsewhere_is_in_both_layouts(phase: Phase) -> None:
    PublishedTable.objects.create(
        phase=phase, digest="f" * 64, year=2023, source="Heron et al. (2023), The Birds",
        columns=[{"key": "pairs", "title": "Pairs", "metric": "accuracy", "range": [0, 1]}],
        rows=[{"name": "=Kite()", "team": "Team K", "scores": {"pairs": {"value": 0.75}}}],
    )  # fmt: skip
    (long,), (wide,) = rows_of(LONG), rows_of(WIDE)
    assert (long["submission"], long["suite"], long["value"], long["provenance"]) == (
        "'=Kite()",
        "pairs",
        "0.75",
        "published",
    )
    assert (wide["submission"], wide["rank"], wide["pairs"]) == ("'=Kite()", "1", "0.75")
    assert {long["n"], long["asked"], long["coverage"], wide["pairs.n"], wide["pairs.asked"]} == {""}
    for query in (LONG, WIDE):
        assert exported(query).fact("source").startswith("Heron et al. %282023%29 The Birds sha256:ffff")


def test_a_challenge_without_scores_gives_a_table_without_rows(phase: Phase) -> None:
    for query in (LONG, WIDE):
        found = exported(query)
        assert (found.rows, found.fact("time"), found.fact("rows")) == ((), "none", "0")


def test_a_replicate_of_the_training_has_its_seed(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.5)
    first = run.response_sets.get()
    again = ResponseSet.objects.create(
        key="again", submission=first.submission, suite_version=first.suite_version, selection=first.selection,
        draw_key=b"k", complete=True, digest="0" * 64, asked=100, answered=100, train_seed=7,
    )  # fmt: skip
    RunResponseSet.objects.create(run=run, response_set=again, position=9)
    evaluation = Evaluation.objects.create(response_set=again, evaluator="0.1.0", suite_digest="", complete=True)
    Score.objects.create(evaluation=evaluation, metric="accuracy", value=0.7, n=100)
    assert [row["train_seed"] for row in rows_of(LONG)] == ["", "", "7"]
    (row,) = rows_of(WIDE)
    assert (float(row["pairs"]), row["pairs.trainings"]) == (pytest.approx(0.6), "2")


def test_answers_that_two_tracks_share_stand_once_in_each(
    phase: Phase, make_scored: Make, make_track: Make, make_phase: Make
) -> None:
    run = make_scored(phase, 0.5, name="Heron")
    other = make_phase(make_track(phase.track.challenge, "large"), "test", open=False)
    entry = Entry.objects.create(submission=run.entry.submission, track=other.track)
    again = Run.objects.create(entry=entry, phase=other, state=Run.State.DONE, finished_at=timezone.now())
    RunResponseSet.objects.create(run=again, response_set=run.response_sets.get(), position=0)
    assert sorted((row["track"], row["group"]) for row in rows_of(LONG)) == [
        ("large", ""), ("large", "group-0"), ("small", ""), ("small", "group-0"),
    ]  # fmt: skip
    assert {row["track"] for row in rows_of(replace(LONG, tracks=("large",)))} == {"large"}


def test_what_is_kept_of_a_version_is_kept_in_each_of_its_columns(
    challenge: Challenge, make_track: Make, make_phase: Make, make_suite_version: Make, make_scored: Make
) -> None:
    for key in ("small", "large"):
        phase = make_phase(make_track(challenge, key), "test", open=False)
        if key == "small":
            version = make_suite_version(phase, key="secret")
        else:
            phase.phase_suites.create(suite_version=version, splits=["private"])
        run = make_scored(phase, 0.5)
        evaluation = Evaluation.objects.get(response_set__runs=run)
        Score.objects.create(
            evaluation=evaluation, metric="accuracy", group="lonely", value=1.0, n=1 if key == "small" else 9
        )
    assert exported(replace(WIDE, columns=("groups",))).header == ("secret.group.group-0",)
