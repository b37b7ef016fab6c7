"""challenge.yaml: what it refuses, and that a document means the same however it is written."""

from datetime import UTC, datetime
from typing import Any

import pytest

from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.values import DURATION_UNITS, SIZE_UNITS, read_duration, read_size, unscaled

PHASE = {"key": "dev", "opens": "2030-01-01T00:00", "closes": "2030-02-01T00:00"}


def challenge(
    *, phase: dict[str, Any] | None = None, track: dict[str, Any] | None = None, **top: Any
) -> ChallengeDocument:
    """A small document with some of its fields changed."""
    whole = {"key": "strict", "kinds": ["model"], "phases": [{**PHASE, **(phase or {})}], **(track or {})}
    value = {"schema": "challenge/1", "key": "heron", "title": "Heron", "tracks": [whole], **top}
    return ChallengeDocument.from_value(value, file="challenge.yaml")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"key": "Not A Key"}, "key"),
        ({"key": "key\n"}, "key"),
        ({"title": "  "}, "title"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": "Europe"}, "timezone"),
        ({"track": {"kinds": []}}, "tracks[0].kinds"),
        ({"track": {"kinds": ["model", "model"]}}, "tracks[0].kinds"),
        ({"track": {"kinds": ["pickle"]}}, "tracks[0].kinds[0]"),
        ({"track": {"backends": ["mamba"]}}, "tracks[0].backends[0]"),
        ({"track": {"max_size": "lots"}}, "tracks[0].max_size"),
        ({"track": {"budget": {"words": -1}}}, "tracks[0].budget.words"),
        ({"track": {"sandbox": {"memory": "8 apples"}}}, "tracks[0].sandbox.memory"),
        ({"track": {"sandbox": {"memory": 2**70}}}, "tracks[0].sandbox.memory"),
        ({"track": {"sandbox": {"wall": "2 weeks"}}}, "tracks[0].sandbox.wall"),
        ({"track": {"sandbox": {"wall": 0}}}, "tracks[0].sandbox.wall"),
        ({"track": {"sandbox": {"image": "model:latest"}}}, "tracks[0].sandbox.image"),
        ({"track": {"sandbox": {"pids": 1}}}, "tracks[0].sandbox.pids"),
        ({"track": {"sandbox": {"privileged": True}}}, "tracks[0].sandbox.privileged"),
        ({"track": {"questions": [{"key": "x", "type": "choice"}]}}, "tracks[0].questions[0]"),
        ({"track": {"ranking": {"aggregate": {"method": "magic"}}}}, "tracks[0].ranking.aggregate.method"),
        ({"track": {"ranking": {"aggregate": {"weights": {"owls": -1}}}}}, "tracks[0].ranking.aggregate.weights.owls"),
        ({"track": {"ranking": {"alpha": float("nan")}}}, "tracks[0].ranking.alpha"),
        ({"phase": {"opens": "2030-01-01"}}, "tracks[0].phases[0].opens"),
        ({"phase": {"closes": 1_900_000_000}}, "tracks[0].phases[0].closes"),
        ({"phase": {"closes": "9999-12-31T23:59"}}, "tracks[0].phases[0].closes"),
        ({"phase": {"quota": {"day": -1}}}, "tracks[0].phases[0].quota.day"),
        ({"phase": {"quota": {"concurrent": 0}}}, "tracks[0].phases[0].quota.concurrent"),
        ({"phase": {"quota": {"total": 10**12}}}, "tracks[0].phases[0].quota.total"),
        ({"phase": {"visibility": "sometimes"}}, "tracks[0].phases[0].visibility"),
        ({"phase": {"suites": [{"suite": "owls"}]}}, "tracks[0].phases[0].suites[0].suite"),
        ({"phase": {"suites": [{"suite": "owls@1", "splits": []}]}}, "tracks[0].phases[0].suites[0].splits"),
        ({"phase": {"suites": [{"suite": "owls@1", "splits": ["dev"] * 2}]}}, "tracks[0].phases[0].suites[0].splits"),
        ({"phase": {"suites": [{"suite": "owls@1", "sample": 0}]}}, "tracks[0].phases[0].suites[0].sample"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ProblemsFound) as refused:
        challenge(**changes)
    assert [problem.field for problem in refused.value.problems] == [field]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"phase": {"closes": "2029-01-01T00:00"}}, "strict/dev closes before it opens"),
        ({"track": {"phases": [PHASE, PHASE]}}, "two phases have the key 'dev'"),
        ({"tracks": [{"key": "a", "kinds": ["code"]}] * 2}, "two tracks have the key 'a'"),
        ({"suites": [{"key": "owls", "version": "1"}] * 2}, "two suites have the key 'owls@1'"),
        ({"baselines": [{"key": "n", "track": "none", "source": "x"}]}, "'none', which is not here"),
        ({"phase": {"suites": [{"suite": "owls@1"}] * 2}}, "stands twice in this phase"),
        ({"timezone": "Europe/Berlin", "phase": {"opens": "2030-03-31T02:30"}}, "does not exist in Europe/Berlin"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ProblemsFound, match=sentence):
        challenge(**changes)


def test_anywhere_on_earth_is_twelve_hours_behind() -> None:
    document = challenge(timezone="AoE")
    assert document.moment(datetime(2030, 5, 31, 23, 59)) == datetime(2030, 6, 1, 11, 59, tzinfo=UTC)  # noqa: DTZ001


def test_documents_that_mean_the_same_moment_are_equal() -> None:
    plain = challenge(timezone="Europe/Berlin", phase={"opens": "2030-07-01T12:00", "closes": "2030-08-01T12:00"})
    zoned = challenge(
        timezone="Europe/Berlin", phase={"opens": "2030-07-01T10:00Z", "closes": "2030-08-01T06:00-04:00"}
    )
    assert plain == zoned
    assert plain.to_yaml() == zoned.to_yaml()


def test_an_hour_that_comes_twice_keeps_its_offset() -> None:
    first, second = (
        challenge(timezone="Europe/Berlin", phase={"closes": f"2030-10-27T02:30{offset}"})
        for offset in ("+02:00", "+01:00")
    )
    assert first != second
    for document in (first, second):
        again = ChallengeDocument.from_yaml(document.to_yaml(), file="")
        assert again == document
        assert again.moment(again.tracks[0].phases[0].closes) == document.moment(document.tracks[0].phases[0].closes)


def test_a_title_that_repeats_the_key_is_none() -> None:
    assert challenge(track={"title": "strict"}) == challenge()
    assert challenge(track={"title": "Strict"}).tracks[0].title == "Strict"


@pytest.mark.parametrize(
    ("text", "value"), [("8g", 8 * 1024**3), ("512M", 512 * 1024**2), ("1GiB", 1024**3), ("10", 10), (10, 10)]
)
def test_sizes_are_read_with_their_unit(text: str | int, value: int) -> None:
    assert read_size(text) == value


@pytest.mark.parametrize(("text", "value"), [("2h", 7200), ("90m", 5400), ("1d", 86_400), ("45", 45)])
def test_durations_are_read_with_their_unit(text: str, value: int) -> None:
    assert read_duration(text) == value


@pytest.mark.parametrize("value", [1, 59, 60, 90, 3600, 5400, 86_400])
def test_a_number_is_written_in_the_largest_unit_that_keeps_it_exact(value: int) -> None:
    assert read_duration(unscaled(value, DURATION_UNITS)) == value
    assert read_size(unscaled(value * 1024, SIZE_UNITS)) == value * 1024


@pytest.mark.parametrize(
    "text",
    ["# Rules\n\nTrain on **little**.\n", "  indented\nthen not", "ends in spaces  \nand\ttabs\n\n", "- a: [b", "yes",
     "a\u2028b\u0085c\n", "\ufefffirst", "null", "", "quote ' and \" and \\", "\r\nwindows\r\n"],
)  # fmt: skip
def test_any_text_survives_yaml(text: str) -> None:
    document = challenge(description=text)
    assert ChallengeDocument.from_yaml(document.to_yaml(), file="").description == text


def test_a_text_of_several_lines_is_written_as_it_reads() -> None:
    assert "description: |\n  # Rules\n\n  Train.\n" in challenge(description="# Rules\n\nTrain.\n").to_yaml()
