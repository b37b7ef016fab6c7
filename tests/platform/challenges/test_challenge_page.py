"""A challenge's public page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team, User
from challenges import markdown, selectors
from challenges.models import Challenge, Phase, Track
from submissions.models import Registration
from suites.models import SuiteVersion

ClientOf = Callable[[User | None], Client]


def page(browser: Client, challenge: Challenge) -> str:
    """The page's text with its white space evened out."""
    response = browser.get(reverse("challenge", args=[challenge.key]))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_a_challenge_that_is_not_published_is_not_there(
    make_user: Callable[..., User], make_challenge: Callable[..., Challenge], client_of: ClientOf
) -> None:
    organizer = make_user()
    challenge = make_challenge(published=False, organizers=(organizer,))
    address = reverse("challenge", args=[challenge.key])
    for person in (None, make_user(), make_user(is_staff=True)):
        assert client_of(person).get(address).status_code == 404
    assert "is not published" in page(client_of(organizer), challenge)


def test_deadlines_stand_in_the_challenges_own_zone(
    make_challenge: Callable[..., Challenge], make_track: Callable[..., Track], make_phase: Callable[..., Phase],
    client_of: ClientOf,
) -> None:  # fmt: skip
    challenge = make_challenge(timezone="AoE")
    make_phase(
        make_track(challenge),
        opens=datetime(2020, 1, 1, 12, tzinfo=UTC),
        closes=datetime(2099, 6, 1, 11, 59, tzinfo=UTC),
    )
    shown = page(client_of(None), challenge)
    assert '<time datetime="2099-06-01T11:59:00+00:00">31 May 2099, 23:59</time>' in shown
    assert "AoE (anywhere on Earth" in shown


@pytest.mark.parametrize(
    ("opens", "closes", "state"), [(-2, -1, "closed"), (-1, 1, "open"), (1, 2, "upcoming")]
)  # fmt: skip
def test_a_phase_says_whether_it_is_open(
    make_track: Callable[..., Track], make_phase: Callable[..., Phase], client_of: ClientOf, opens: int, closes: int,
    state: str,
) -> None:  # fmt: skip
    now = timezone.now()
    track = make_track()
    make_phase(track, opens=now + timedelta(days=opens), closes=now + timedelta(days=closes))
    shown = page(client_of(None), track.challenge)
    assert f">{state}</span>" in shown
    assert ("Hand in" in shown) is (state == "open")


def test_quotas_limits_budget_and_ranking_are_told_in_words(
    make_track: Callable[..., Track], make_phase: Callable[..., Phase]
) -> None:
    track = make_track(
        cpus=1, gpus=2, memory=3 * 1024**3, wall=5430, disk=64 * 1024**2,
        budget={"words": 10_000_000, "epochs": 10, "teachers": ["heron-1b"]},
        aggregate={"weights": {"blimp": 2.0, "ewok": 0.5}}, counts=Track.Counts.PICKED,
    )  # fmt: skip
    assert selectors.limits_in_words(track).replace("\xa0", " ") == (
        "1 CPU, 2 GPUs, 3.0 GB of memory, 1 h 30 min 30 s, 64.0 MB written, no network"
    )
    assert selectors.budget_in_words(track) == "10,000,000 words of text, 10 epochs, teachers: heron-1b"
    assert selectors.ranking_in_words(track) == (
        "a weighted mean over the phase's suites (blimp: 2, ewok: 0.5); the entry a team picks counts"
    )
    phase = make_phase(track, quota_day=5, quota_total=0)
    assert selectors.quota_in_words(phase) == "5 a day, 0 in all"


def test_a_phase_lists_its_suites_by_name(
    make_phase: Callable[..., Phase], make_suite_version: Callable[..., SuiteVersion], client_of: ClientOf
) -> None:
    phase = make_phase()
    make_suite_version(phase, title="Minimal pairs of birds")
    assert "<td>Minimal pairs of birds</td>" in page(client_of(None), phase.track.challenge)


def test_only_reviewers_are_offered_the_results_and_only_organizers_the_configuration(
    make_user: Callable[..., User], make_challenge: Callable[..., Challenge], client_of: ClientOf
) -> None:
    organizer, reviewer = make_user(), make_user()
    challenge = make_challenge(organizers=(organizer,), reviewers=(reviewer,))
    shown = {person: page(client_of(person), challenge) for person in (None, make_user(), reviewer, organizer)}
    assert ["Download results" in text and "quotas" in text for text in shown.values()] == [False, False, True, True]
    assert [">Configure<" in text for text in shown.values()] == [False, False, False, True]


def test_who_takes_part_is_not_asked_to_and_finds_the_team_s_submissions(
    make_user: Callable[..., User], make_team: Callable[..., Team], make_registration: Callable[..., Registration],
    client_of: ClientOf,
) -> None:  # fmt: skip
    me, mate, stranger = make_user(), make_user(), make_user()
    team = make_team(me, mate, name="Grey Owls")
    challenge = make_registration(team).challenge
    links = (f'href="/c/{challenge.key}/submissions/"', f'href="/c/{challenge.key}/register"')
    offered = {person: [link in page(client_of(person), challenge) for link in links] for person in (me, mate)}
    assert list(offered.values()) == [[True, False], [True, False]]
    assert "You take part with Grey Owls." in page(client_of(me), challenge)
    assert [link in page(client_of(stranger), challenge) for link in links] == [False, True]
    assert [link in page(client_of(None), challenge) for link in links] == [False, False]


def test_a_team_of_another_challenge_is_no_team_here(
    make_registration: Callable[..., Registration], make_challenge: Callable[..., Challenge], client_of: ClientOf
) -> None:
    challenge = make_challenge()
    assert ">Take part<" in page(client_of(make_registration().created_by), challenge)


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_the_same_number_of_queries_for_any_number_of_tracks(
    make_challenge: Callable[..., Challenge], make_track: Callable[..., Track], make_phase: Callable[..., Phase],
    make_suite_version: Callable[..., SuiteVersion], client_of: ClientOf, count: int,
    django_assert_num_queries: Callable[..., object],
) -> None:  # fmt: skip
    challenge = make_challenge()
    for _ in range(count):
        track = make_track(challenge)
        for _ in range(count):
            make_suite_version(make_phase(track))
    with django_assert_num_queries(6):  # type: ignore[attr-defined]
        page(client_of(None), challenge)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("<b onclick=x>y</b>", "<p>&lt;b onclick=x&gt;y&lt;/b&gt;</p>"),
        ("# Rules", "<h2>Rules</h2>"),
        ("**bold**", "<p><strong>bold</strong></p>"),
        ("[us](https://example.org)", '<p><a href="https://example.org" rel="noopener nofollow">us</a></p>'),
    ],
)
def test_markdown_cannot_hurt_a_reader(text: str, html: str) -> None:
    assert markdown.render(text).strip() == html


def test_headings_of_a_text_stand_below_the_heading_of_its_place() -> None:
    assert markdown.render("# a\n\n###### b", below=2) == "<h3>a</h3>\n<h6>b</h6>\n"


def test_the_strict_policy_holds_on_the_challenges_page(
    make_challenge: Callable[..., Challenge], client_of: ClientOf
) -> None:
    response = client_of(None).get(reverse("challenge", args=[make_challenge().key]))
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
