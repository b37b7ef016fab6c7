"""A board with parts and tags: what stands in its columns, what opens, and what hidden data lets be told."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import reverse

from challenges.models import Phase
from evaluations.models import Evaluation, ResponseSet, RunResponseSet, Score
from leaderboards.selectors import board
from leaderboards.services import refresh

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
AGGREGATE = {"parts": [{"key": "two", "title": "The two", "members": ["b", "c"]}], "weights": {"a": 3}}


@pytest.fixture
def phase(make_phase: Make, make_suite_version: Make) -> Phase:
    made: Phase = make_phase(visibility="public")
    made.track.aggregate = AGGREGATE
    made.track.save()
    for key in "abc":
        make_suite_version(made, key=key, items="public", gold="public")
    return made


def set_values(run: Any, **values: float) -> None:
    for key, value in values.items():
        Score.objects.filter(
            evaluation__response_set__run_response_sets__run=run,
            evaluation__response_set__suite_version__suite__key=key,
        ).update(value=value)


def tag(run: Any, name: str, value: float, n: int) -> None:
    evaluation = Evaluation.objects.filter(response_set__run_response_sets__run=run).order_by("pk").first()
    Score.objects.create(evaluation=evaluation, metric="accuracy", tag=name, value=value, n=n)


def test_a_part_is_a_mean_inside_the_mean(phase: Phase, make_scored: Make) -> None:
    set_values(make_scored(phase, 0.5), a=0.4, b=0.8, c=0.6)
    snapshot = refresh(phase=phase)
    (row,) = snapshot.rows
    assert row["parts"]["two"]["value"] == pytest.approx(0.7)
    assert row["aggregate"] == pytest.approx((3 * 0.4 + 0.7) / 4)
    assert [(part["key"], part["suites"]) for part in snapshot.parts] == [("two", ["b", "c"])]
    assert "The two is the mean of 2 suites" in snapshot.rule


def test_a_part_that_lacks_a_score_is_missing(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.5)
    Score.objects.filter(evaluation__response_set__suite_version__suite__key="c").delete()
    (row,) = refresh(phase=phase).rows
    assert (run.entry_id, row["parts"]["two"]["value"], row["aggregate"], row["rank"]) == (
        row["entry"], None, None, None,
    )  # fmt: skip


def test_what_has_less_provenance_than_the_track_ranks_is_shown_unranked(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.9)
    Evaluation.objects.update(provenance="predictions")
    phase.track.least_provenance = "spot-checked"
    phase.track.save()
    (row,) = refresh(phase=phase).rows
    assert (row["provenance"], row["rank"]) == ("predictions", None)
    assert "spot-checked" in row["why_unranked"]


def test_tags_have_tables_of_their_own_with_ranks(phase: Phase, make_scored: Make) -> None:
    tag(make_scored(phase, 0.9, name="Blind"), "sensitive", 0.3, 200)
    tag(make_scored(phase, 0.5, name="Keen"), "sensitive", 0.6, 200)
    refresh(phase=phase)
    shown = board(AnonymousUser(), phase, tag="sensitive")
    (table,) = shown.tags
    assert (table["tag"], table["columns"]) == ("sensitive", ["a"])
    assert [(row["rank"], row["aggregate"]) for row in table["rows"]] == [(1, 0.6), (2, 0.3)]
    assert [row["name"] for row in shown.rows] == ["Keen", "Blind"]
    assert board(AnonymousUser(), phase).tags[0]["rows"] == []


def test_a_replicate_of_the_training_does_not_stand_for_the_finished_model_in_a_tag(
    phase: Phase, make_scored: Make
) -> None:
    run = make_scored(phase, 0.5)
    tag(run, "sensitive", 0.3, 200)
    first = ResponseSet.objects.filter(run_response_sets__run=run).order_by("pk")[0]
    version, digest = first.suite_version, first.digest
    again = ResponseSet.objects.create(
        key="again", submission=first.submission, suite_version=version, selection=first.selection, draw_key=b"k",
        complete=True, digest=digest, asked=100, answered=100, train_seed=7,
    )  # fmt: skip
    RunResponseSet.objects.create(run=run, response_set=again, position=9)
    evaluation = Evaluation.objects.create(response_set=again, evaluator="0.1.0", suite_digest="", complete=True)
    for name, n in (("", 100), ("sensitive", 200)):
        Score.objects.create(evaluation=evaluation, metric="accuracy", tag=name, value=0.9, n=n)
    refresh(phase=phase)
    (table,) = board(AnonymousUser(), phase, tag="sensitive").tags
    assert table["rows"][0]["scores"]["a"]["value"] == 0.3


def test_before_the_reveal_small_tags_are_not_told_and_large_ones_are_rounded(
    make_phase: Make, make_suite_version: Make, make_scored: Make
) -> None:
    phase = make_phase(visibility="public")
    make_suite_version(phase, key="a")
    run = make_scored(phase, 0.5)
    tag(run, "few", 0.123456, 99)
    tag(run, "many", 0.654321, 100)
    snapshot = refresh(phase=phase)
    assert [table["tag"] for table in snapshot.tags] == ["few", "many"]
    assert [table["tag"] for table in snapshot.told_tags] == ["many"]
    (told,) = board(AnonymousUser(), phase, tag="many").tags
    assert told["rows"][0]["scores"]["a"]["value"] == 0.65
    assert board(AnonymousUser(), phase, tag="few").rows == []


def test_the_page_shows_parts_opens_them_and_shows_tags(phase: Phase, make_scored: Make, client: Client) -> None:
    tag(make_scored(phase, 0.5, name="Keen"), "sensitive", 0.6, 200)
    refresh(phase=phase)
    url = reverse("leaderboard", args=[phase.track.challenge.key, phase.track.key, phase.key])
    assert "?part=two" in client.get(url).content.decode()
    assert "The suites of The two" in client.get(f"{url}?part=two").content.decode()
    assert "Only items with the tag" in client.get(f"{url}?tag=sensitive").content.decode()
    assert client.get(f"{url}?tag=none").status_code == 404


def csv_of(client: Client, phase: Phase) -> list[dict[str, str]]:
    """The board's download, row by row."""
    response = client.get(reverse("board_csv", args=[phase.track.challenge.key, phase.track.key, phase.key]))
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def test_the_download_has_parts_and_suites_as_columns_as_they_are_printed(
    phase: Phase, make_scored: Make, client: Client
) -> None:
    set_values(make_scored(phase, 0.5, name="=Heron()"), a=0.41239, b=0.8, c=0.6)
    refresh(phase=phase)
    (row,) = csv_of(client, phase)
    assert list(row)[:7] == ["rank", "method", "team", "status", "provenance", "aggregate", "two"]
    assert (row["rank"], row["method"], row["two"], row["a"]) == ("1", "'=Heron()", "70.00", "41.24")
    assert [row[f"b {name}"] for name in ("low", "high", "answered", "asked")] == ["40.00", "60.00", "100", "100"]
    assert row["aggregate"] == "48.43"


def test_the_download_of_a_board_that_is_not_published_is_not_there(
    phase: Phase, make_scored: Make, client: Client
) -> None:
    make_scored(phase, 0.5)
    refresh(phase=phase)
    Phase.objects.filter(pk=phase.pk).update(visibility="hidden")
    address = reverse("board_csv", args=[phase.track.challenge.key, phase.track.key, phase.key])
    assert client.get(address).status_code == 404


def test_a_score_that_is_missing_is_an_empty_cell(phase: Phase, make_scored: Make, client: Client) -> None:
    make_scored(phase, 0.5)
    Score.objects.filter(evaluation__response_set__suite_version__suite__key="c").delete()
    refresh(phase=phase)
    (row,) = csv_of(client, phase)
    assert {row[name] for name in ("rank", "two", "c", "c low", "c answered", "aggregate")} == {""}


def test_the_board_says_in_which_image_models_run(phase: Phase, make_scored: Make, client: Client) -> None:
    make_scored(phase, 0.5)
    refresh(phase=phase)
    phase.track.image_id, phase.track.image_versions = "sha256:" + "0" * 64, {"transformers": "9.9.9"}
    phase.track.save()
    text = client.get(reverse("leaderboard", args=[phase.track.challenge.key, phase.track.key, phase.key]))
    assert "transformers 9.9.9 (sha256:000000000000, frozen)" in text.content.decode()
