"""The published editions as documents: each validates, opens under other dates, and is applied without loss."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from challenges.edition_documents import edition, editions, opened_anew
from challenges.models import Challenge, Track
from evaluators.aggregates import coefficients, mean_of
from evaluators.protocol.challenge import ChallengeDocument
from leaderboards.parts import aggregate_of, definition, part_columns, suites_in, tree_of
from suites import configuration, exporting

NAMES = ["babylm-2023", "babylm-2024", "babylm-2025", "babylm-2026"]
OPENS = datetime.fromisoformat("2031-03-01T00:00")  # in the zone of the edition


def test_the_editions_are_those_of_2023_to_2026_with_all_tracks() -> None:
    assert editions() == NAMES
    assert {name: [track.key for track in edition(name).tracks] for name in NAMES} == {
        "babylm-2023": ["strict-small", "strict", "loose"],
        "babylm-2024": ["strict-small", "strict", "multimodal"],
        "babylm-2025": ["strict-small", "strict", "multimodal", "interaction"],
        "babylm-2026": ["strict-small", "strict", "multilingual"],
    }


@pytest.mark.parametrize("name", NAMES)
def test_opened_anew_all_times_move_together(name: str) -> None:
    old, new = edition(name), opened_anew(name, key="mine", opens=OPENS)
    first = min(phase.opens for track in old.tracks for phase in track.phases)
    for before, after in zip(old.tracks, new.tracks, strict=True):
        for one, other in zip(before.phases, after.phases, strict=True):
            assert (other.opens - OPENS, other.closes - OPENS) == (one.opens - first, one.closes - first)
    assert new.key == "mine"


@pytest.mark.parametrize("name", NAMES)
def test_a_track_requires_what_forms_left_empty_and_knows_nine_approaches(name: str) -> None:
    for track in edition(name).tracks:
        required = {question.key for question in track.questions if question.required}
        assert {"approaches", "epochs", "parameters"} <= required
        assert [len(question.options) for question in track.questions if question.type == "multi"] == [9]
        assert track.budget.words is not None or track.budget.bytes is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_track_takes_every_backend_of_text_and_the_multimodal_those_that_see(name: str) -> None:
    for track in edition(name).tracks:
        assert {"causal", "masked", "mntp", "encoder-decoder"} <= set(track.backends)
        assert ({"vision", "dual-encoder"} <= set(track.backends)) is (track.key == "multimodal")


def columns_of(document: ChallengeDocument, track: str, groups: dict[str, int]) -> list[dict[str, Any]]:
    (found,) = [one for one in document.tracks if one.key == track]
    keys = [entry.suite.partition("@")[0] for entry in found.phases[-1].suites]
    wide = {"reading-eye-tracking", "reading-self-paced"}
    return [
        {"key": key, "suite": key, "title": key, "groups": groups.get(key, 1), "range": [0, 100 if key in wide else 1]}
        for key in keys
    ]


def tree(name: str, track: str, **groups: int) -> tuple[Any, list[dict[str, Any]], Any]:
    document = edition(name)
    columns = columns_of(document, track, {key.replace("_", "-"): count for key, count in groups.items()})
    (found,) = [one for one in document.tracks if one.key == track]
    aggregate = found.ranking.aggregate
    return tree_of(aggregate, columns), columns, aggregate


def test_2023_is_half_blimp_over_17_groups_three_tenths_glue_and_a_fifth_msgs() -> None:
    mean, columns, aggregate = tree("babylm-2023", "strict", blimp_2023=12, blimp_supplement=5)
    expected = {"blimp-2023": 0.5 * 12 / 17, "blimp-supplement": 0.5 * 5 / 17, "glue-2024": 0.3, "msgs": 0.2}
    assert coefficients(mean) == pytest.approx(expected)
    assert "mean of 17 groups" in definition(mean, aggregate, columns)


def test_2026_is_the_mean_of_nine_on_a_scale_of_100() -> None:
    mean, columns, aggregate = tree("babylm-2026", "strict")
    assert len(list(mean.counted())) == 9
    # A perfect model is at 100 where its partial R² are: shares and correlations of 1, reading of 100 per cent.
    assert mean_of(mean, {column["key"]: float(column["range"][1]) for column in columns}) == 100
    parts = {part["key"]: part["suites"] for part in part_columns(aggregate, mean, columns)}
    assert parts["reading"] == ["reading-eye-tracking", "reading-self-paced"]
    assert set(suites_in(mean)) == {column["key"] for column in columns}


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_with_its_suites_an_edition_is_applied_and_exported_without_loss(
    name: str, tmp_path: Path, make_suite_folder: Callable[..., Path]
) -> None:
    document = opened_anew(name, key="mine", opens=OPENS, suites="suites")
    (tmp_path / "suites").mkdir()
    for source in document.suites:
        folder = make_suite_folder(key=source.key, version=source.version)
        folder.rename(tmp_path / "suites" / source.key)
    (tmp_path / "mine.yaml").write_text(document.to_yaml())
    call_command("challenge", "apply", str(tmp_path / "mine.yaml"))
    challenge = Challenge.objects.get(key="mine")
    assert exporting.export(challenge) == document
    assert configuration.apply(document).changes == []
    for track in Track.objects.filter(challenge=challenge):
        assert aggregate_of(track).note
