"""Year over year: editions are compared where they asked the same, and only by what everybody may see."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from challenges.models import Challenge, Phase
from evaluators.protocol.results import ResultsDocument
from leaderboards.published_importing import import_results
from leaderboards.services import refresh
from leaderboards.years import SuiteYears, years
from leaderboards.years_chart import Chart, sections
from suites.models import SuiteVersion

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SCORES = {"Grey": 0.5, "Purple": 0.9, "Night": 0.6}


def archived(
    year: int,
    scores: dict[str, float | None] | None = None,
    *,
    suite: str | None = "wading@2021.1",
    track: str = "open",
    **column: Any,
) -> Challenge:
    """An edition that ran elsewhere: three ranked entries and a baseline of .4 on one column."""
    entries: list[dict[str, Any]] = [
        {"name": name, "team": f"The {name}s", "scores": {"wading": value}}
        for name, value in (SCORES if scores is None else scores).items()
    ]
    entries.append({"name": "Trigram", "status": "baseline", "scores": {"wading": 0.4}})
    columns = [{"key": "wading", "title": "Wading", "metric": "accuracy", "suite": suite, **column}]
    value = {
        "schema": "results/1", "key": f"herons-{year}", "title": f"Herons {year}", "year": year, "source": "Table 3",
        "tracks": [{"key": track, "title": "Open", "columns": columns, "entries": entries}],
    }  # fmt: skip
    return import_results(document=ResultsDocument.from_value(value, file="results.json")).challenge


def told() -> list[SuiteYears]:
    return years(AnonymousUser())


@pytest.fixture
def live(make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make) -> Callable[..., Phase]:
    """An edition that runs here, whose one phase asks the suite `wading`."""

    def make(*, closes: int = -1, sample: int | None = None, version: str = "2021.1", **fields: Any) -> Phase:
        published = fields.pop("published", True)
        challenge = make_challenge(f"live-{Challenge.objects.count()}", published=published)
        moment = timezone.now() + timedelta(days=closes)
        phase: Phase = make_phase(
            make_track(challenge, "open"), "final", closes=moment, **{"visibility": "after_close", **fields}
        )
        there = SuiteVersion.objects.filter(suite__key="wading", version=version).first()
        if there is None:
            make_suite_version(phase, key="wading", version=version, ask=("private",), sample=sample)
        else:
            phase.phase_suites.create(suite_version=there, splits=["private"], sample=sample)
        return phase

    return make


def test_nothing_is_shared_yet(client: Client) -> None:
    archived(2021)
    response = client.get("/years")
    assert (response.status_code, told()) == (200, [])
    assert "No suite is shared by two editions yet" in response.content.decode()


def test_editions_that_asked_the_same_suite_stand_side_by_side(client: Client) -> None:
    archived(2022, {"Grey": 0.7, "Purple": 0.8})
    archived(2021)
    (suite,) = told()
    (track,) = suite.tracks
    assert (suite.key, suite.title, track.key, track.comparable) == ("wading", "Wading", "open", True)
    first, second = track.years
    assert (first.year, first.n, first.median) == (2021, 3, 0.6)
    assert first.best is not None
    assert (first.best.value, first.best.name, first.best.team) == (0.9, "Purple", "The Purples")
    assert first.baseline is not None
    assert (first.baseline.value, second.median) == (0.4, 0.75)
    text = " ".join(client.get("/years").content.decode().split())
    assert all(part in text for part in ("90.00", "60.00", "75.00", "Herons 2021", "as published", "2021.1"))
    assert "can't be compared" not in text.replace("&#x27;", "'")


def test_where_the_version_differs_the_page_says_so_and_the_line_breaks(client: Client) -> None:
    for year, suite in ((2021, "wading@2021.1"), (2022, "wading@2021.1"), (2023, "wading@2023.1")):
        archived(year, suite=suite)
    ((table,),) = [section.tables for section in sections(told())]
    assert ([row.changed for row in table.rows], table.track.comparable) == ([False, False, True], False)
    chart = table.chart
    assert isinstance(chart, Chart)
    best = chart.curves[0]
    assert (len(best.points), len(best.paths), len(chart.cuts)) == (3, 1, 1)
    xs = [point.x for point in best.points]
    assert xs[1] < chart.cuts[0] < xs[2]
    text = client.get("/years").content.decode()
    assert all(part in text for part in ("did not all ask the same", "2023.1", "changed", "<polyline"))


def test_what_an_imported_column_is_must_be_said() -> None:
    archived(2021)
    archived(2022, suite=None)
    assert told() == []


def test_tracks_are_compared_by_their_keys() -> None:
    archived(2021)
    archived(2022, track="small")
    archived(2023)
    (suite,) = told()
    assert [(track.key, [one.year for one in track.years]) for track in suite.tracks] == [
        ("open", [2021, 2023]), ("small", [2022]),
    ]  # fmt: skip
    ((wide, narrow),) = [section.tables for section in sections([suite])]
    assert (wide.chart is None, narrow.chart) == (False, None)


def test_lower_is_better_where_the_suite_says_so() -> None:
    for year in (2021, 2022):
        archived(year, direction="lower")
    (suite,) = told()
    best = suite.tracks[0].years[0].best
    assert (suite.higher_is_better, best and best.name) == (False, "Grey")
    assert sections([suite])[0].unit == "accuracy, %, lower is better"


def test_an_edition_that_runs_here_stands_beside_an_imported_one(live: Callable[..., Phase], make_scored: Make) -> None:
    archived(2021)
    phase = live()
    make_scored(phase, 0.7, name="Little")
    make_scored(phase, 0.3, name="Trigram", status="baseline")
    refresh(phase=phase)
    (suite,) = told()
    old, new = suite.tracks[0].years
    assert (old.asked, new.asked, new.year) == (("2021.1", ""), ("2021.1", ""), phase.closes.year)
    assert (new.published, new.n, new.median) == (False, 1, 0.7)
    assert new.best is not None
    assert new.baseline is not None
    assert (new.best.name, new.baseline.value) == ("Little", 0.3)


def test_a_sample_of_a_suite_is_not_the_suite(live: Callable[..., Phase], make_scored: Make) -> None:
    archived(2021)
    phase = live(sample=2)
    make_scored(phase, 0.7)
    refresh(phase=phase)
    (suite,) = told()
    assert not suite.tracks[0].comparable
    assert suite.tracks[0].years[1].asked.words == "2021.1, private#2"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, True),
        ({"visibility": "hidden"}, False),
        ({"closes": 5}, False),
        # A board of hidden data that runs tells rounded scores only.
        ({"closes": 5, "visibility": "public"}, False),
        ({"published": False}, False),
    ],
)
def test_only_what_everybody_may_see_exactly_is_told(
    live: Callable[..., Phase], make_scored: Make, fields: dict[str, Any], shown: bool
) -> None:
    archived(2021)
    phase = live(**fields)
    make_scored(phase, 0.7)
    refresh(phase=phase)
    assert bool(told()) == shown


def test_the_last_closed_phase_of_a_track_counts(
    live: Callable[..., Phase], make_phase: Make, make_scored: Make, make_suite_version: Make
) -> None:
    archived(2021)
    early = live(closes=-5)
    late = make_phase(early.track, "later", closes=timezone.now() - timedelta(days=2), visibility="after_close")
    late.phase_suites.create(suite_version=early.phase_suites.get().suite_version, splits=["private"])
    for phase, value in ((early, 0.5), (late, 0.8)):
        make_scored(phase, value)
        refresh(phase=phase)
    assert [one.phase.key for one in told()[0].tracks[0].years] == ["final", "later"]
    assert told()[0].tracks[0].years[1].median == 0.8


def test_organizers_see_their_unpublished_edition_too(
    live: Callable[..., Phase], make_scored: Make, make_user: Make
) -> None:
    archived(2021)
    phase = live(published=False)
    make_scored(phase, 0.7)
    refresh(phase=phase)
    olga = make_user("olga@example.org")
    phase.track.challenge.roles.create(user=olga, kind="organizer")
    assert (len(years(olga)), told()) == (1, [])


def test_the_page_takes_as_many_queries_for_many_editions_as_for_few(
    live: Callable[..., Phase], make_scored: Make, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in (2, 4):
        phase = live()
        make_scored(phase, 0.7)
        refresh(phase=phase)
        for year in range(2015, 2015 + number):
            archived(year)
        with django_assert_num_queries(5):
            assert client.get("/years").status_code == 200


def test_the_page_only_reads(client: Client) -> None:
    assert client.post("/years").status_code == 405
