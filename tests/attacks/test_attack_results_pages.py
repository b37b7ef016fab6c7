"""Leaderboards, exports, findings and batches: nobody learns from them what they may not know yet, nor breaks them."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from challenges.models import Challenge, Phase, Role
from challenges.services import grant_role
from evaluations.batch_models import Batch
from evaluations.models import Run
from findings import services as findings
from findings import tasks as building
from findings.models import ReportVersion
from leaderboards.exports.formats.latex_text import latex
from leaderboards.models import Snapshot
from leaderboards.selectors import board
from leaderboards.services import freeze, refresh
from submissions.models import Entry
from tests.platform.conftest import make_suite_folder, make_suite_version  # noqa: F401 - fixtures
from tests.platform.leaderboards.conftest import make_scored  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
NOBODY = AnonymousUser()
TAG_TEXT = "<script>alert(1)</script>"


@pytest.fixture(scope="session", autouse=True)
def _base_image() -> None:
    """Nothing here runs in a sandbox."""


@pytest.fixture(scope="module", autouse=True)
def surroundings(_base_image: None) -> None:
    """Nor does anything leave it."""


class Place(NamedTuple):
    """A phase of public and one of hidden data, both with scores that are shown at once, and the people around."""

    challenge: Challenge
    dev: Phase
    test: Phase
    browsers: dict[str, Client]

    def address(self, phase: Phase, name: str = "leaderboard", *more: Any) -> str:
        """An address of the phase."""
        return reverse(name, args=[self.challenge.key, phase.track.key, phase.key, *more])

    def blind(self) -> None:
        """From now on methods are judged blind in the phase of hidden data."""
        Phase.objects.filter(pk=self.test.pk).update(blind=True)


@pytest.fixture
def place(
    make_user: Make, make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make,  # noqa: F811
    client_of: Make,
) -> Place:  # fmt: skip
    people = {name: make_user() for name in ("organizer", "reviewer", "stranger", "other")}
    challenge = make_challenge("open", organizers=(people["organizer"],), reviewers=(people["reviewer"],))
    # Somebody with a role in another challenge.
    grant_role(challenge=make_challenge("elsewhere"), user=people["other"], kind=Role.Kind.ORGANIZER)
    track = make_track(challenge, key="small")
    dev, test = make_phase(track, key="dev"), make_phase(track, key="test", position=1)
    make_suite_version(dev, key="pairs", items="public", gold="public")
    make_suite_version(test, key="secret")
    browsers = {name: client_of(user) for name, user in people.items()} | {"nobody": client_of(None)}
    return Place(challenge, dev, test, browsers)


def body_of(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return str(content.decode())


def body_length(response: Any) -> int:
    assert response.status_code == 200
    return len(b"".join(response.streaming_content))


STRANGERS = ["nobody", "stranger", "other"]


# What tells when, or that, something happened which is not shown.


def told_twice(place: Place, make_scored: Make) -> tuple[Snapshot, Snapshot]:  # noqa: F811
    """Two states of the board of which only the exact one is another: what everybody sees is the same."""
    run = make_scored(place.test, 0.612345, name="Heron")
    first = refresh(phase=place.test)
    run.response_sets.get().evaluations.get().scores.filter(group="").update(value=0.613456)
    second = refresh(phase=place.test)
    assert first.pk != second.pk
    assert (first.told_digest, first.digest) == (second.told_digest, first.digest)
    assert first.digest != second.digest
    return first, second


@pytest.mark.parametrize("who", STRANGERS)
def test_a_change_that_is_not_shown_has_no_time(place: Place, make_scored: Make, who: str) -> None:  # noqa: F811
    first, second = told_twice(place, make_scored)
    for query in ("", f"?as_of={quote(second.created_at.isoformat())}"):
        text = body_of(place.browsers[who].get(f"{place.address(place.test)}{query}"))
        told = re.findall(r'datetime="([^"]*)"', text)
        assert first.created_at.isoformat() in told or f"{first.created_at:%Y-%m-%dT%H:%M:%S}" in text
        assert second.created_at.isoformat() not in told


def test_a_change_that_is_not_shown_has_no_time_even_after_many(place: Place, make_scored: Make) -> None:  # noqa: F811
    run = make_scored(place.test, 0.612345)
    first = refresh(phase=place.test)
    for number in range(23):  # more than the links to earlier states
        run.response_sets.get().evaluations.get().scores.filter(group="").update(value=0.613 + number / 100_000)
        refresh(phase=place.test)
    assert place.test.snapshots.count() == 24
    told = board(NOBODY, place.test)
    assert told.since == first.created_at
    assert told.history == []


def test_a_frozen_board_does_not_say_when_it_was_computed_last(place: Place, make_scored: Make) -> None:  # noqa: F811
    _, second = told_twice(place, make_scored)
    Snapshot.objects.filter(pk=second.pk).update(computed_at=timezone.now() - timedelta(hours=5))
    computed = freeze(phase=place.test).computed_at
    assert computed.isoformat() not in body_of(place.browsers["nobody"].get(place.address(place.test)))
    assert computed.isoformat() in body_of(place.browsers["organizer"].get(place.address(place.test)))


def test_an_earlier_board_does_not_say_how_many_had_failed_by_then(place: Place, make_scored: Make) -> None:  # noqa: F811
    make_scored(place.test, 0.5, name="Heron")
    make_scored(place.test, 0.5, name="Knot", state=Run.State.FAILED)
    then = quote(refresh(phase=place.test).created_at.isoformat())
    query = f"{place.address(place.test)}?as_of={then}"
    for who in STRANGERS:
        assert "failed or left items" not in body_of(place.browsers[who].get(query))
        assert "1 run failed" in body_of(place.browsers[who].get(place.address(place.test))), "of now everybody may"
    assert "Knot" in body_of(place.browsers["reviewer"].get(query))


# Earlier boards.


def test_a_board_of_hidden_data_stays_guarded_when_the_phase_asks_it_no_more(
    place: Place, make_scored: Make, make_suite_version: Make  # noqa: F811
) -> None:  # fmt: skip
    make_scored(place.test, 0.612345, name="Heron")
    before = refresh(phase=place.test)
    place.test.phase_suites.all().delete()
    make_suite_version(place.test, key="given-out", items="public", gold="public")
    make_scored(place.test, 0.5, name="Curlew")
    refresh(phase=place.test)
    query = f"?as_of={quote(before.created_at.isoformat())}"
    address = place.address(place.test)
    entry = place.address(place.test, "leaderboard_entry", _entry("Heron"))
    for who in STRANGERS:
        for page in (f"{address}{query}", f"{entry}{query}"):
            assert not re.search(r"61[.]2345|61[.]23|0[.]6123", body_of(place.browsers[who].get(page)))
        assert before.digest[:12] not in body_of(place.browsers[who].get(address)), "a digest of exact scores"
    assert "61.23" in body_of(place.browsers["organizer"].get(f"{address}{query}"))


def _entry(name: str) -> int:
    return int(Entry.objects.get(submission__name=name).pk)


def test_who_has_withdrawn_stands_in_no_part_of_an_earlier_board(
    place: Place, make_scored: Make, make_suite_version: Make  # noqa: F811
) -> None:  # fmt: skip
    make_suite_version(place.dev, key="second", items="public", gold="public")
    for name, value in (("Heron", 0.5), ("Curlew", 0.6), ("Knot", 0.7)):
        make_scored(place.dev, value, name=name)
    then = quote(refresh(phase=place.dev).created_at.isoformat())
    query = f"{place.address(place.dev)}?as_of={then}"
    assert "What if" in body_of(place.browsers["nobody"].get(query))
    Entry.objects.filter(submission__name="Knot").update(status=Entry.Status.WITHDRAWN)
    refresh(phase=place.dev)
    for who in STRANGERS:
        assert "Knot" not in body_of(place.browsers[who].get(query))


# Boards that are judged blind.


def test_a_digest_does_not_confirm_a_guess_of_who_is_behind_made_up_names(place: Place, make_scored: Make) -> None:  # noqa: F811
    for name, value in (("Heron", 0.5), ("Curlew", 0.6)):
        make_scored(place.test, value, name=name)
        shown = refresh(phase=place.test)
    place.blind()
    digests = [shown.told_digest, shown.digest, *(one for step in shown.history for one in step[1:])]
    for who in (*STRANGERS, "reviewer"):
        text = body_of(place.browsers[who].get(place.address(place.test)))
        assert not [one for one in digests if one[:12] in text], "it is a hash over the names"
    assert shown.digest[:12] in body_of(place.browsers["organizer"].get(place.address(place.test)))


@pytest.fixture
def report(place: Place, make_scored: Make) -> ReportVersion:  # noqa: F811
    make_scored(place.test, 0.612345, name="Heron")
    refresh(phase=place.test)
    organizer = place.challenge.roles.get(kind=Role.Kind.ORGANIZER).user
    version = findings.request_report(challenge=place.challenge, user=organizer)
    building.build(version.pk)
    version.refresh_from_db()
    return version


def test_the_report_names_nobody_to_those_who_judge_blind(place: Place, report: ReportVersion) -> None:
    address = reverse("findings_archive", args=[place.challenge.key, report.number])
    seen = place.browsers["reviewer"].get(address)
    with zipfile.ZipFile(io.BytesIO(b"".join(seen.streaming_content))) as archive:  # type: ignore[attr-defined]
        assert any(b"Heron" in archive.read(name) for name in archive.namelist()), "the report holds names"
    place.blind()
    assert place.browsers["reviewer"].get(address).status_code == 404
    page = body_of(place.browsers["reviewer"].get(reverse("findings", args=[place.challenge.key])))
    assert address not in page
    assert "judged blind" in page
    assert body_length(place.browsers["organizer"].get(address)) > 0
    Phase.objects.filter(pk=place.test.pk).update(closes=timezone.now() - timedelta(seconds=1))
    assert body_length(place.browsers["reviewer"].get(address)) > 0


def test_no_page_of_a_submission_names_it_to_those_who_judge_blind(place: Place, make_scored: Make) -> None:  # noqa: F811
    run = make_scored(place.test, 0.612345, name="Heron")
    make_scored_dev = make_scored(place.dev, 0.5, name="Curlew")
    for one in (place.dev, place.test):
        refresh(phase=one)
    pages = ("submission", "submission_status", "submission_events", "submission_method")
    addresses = [reverse(page, args=[found.entry.submission_id]) for page in pages for found in (run, make_scored_dev)]
    for address in addresses:
        assert place.browsers["reviewer"].get(address).status_code == 200
    place.blind()
    for address in addresses:
        assert place.browsers["reviewer"].get(address).status_code == 404
        assert place.browsers["organizer"].get(address).status_code == 200
    Phase.objects.filter(pk=place.test.pk).update(closes=timezone.now() - timedelta(seconds=1))
    for address in addresses:
        assert place.browsers["reviewer"].get(address).status_code == 200


@pytest.mark.parametrize("who", [*STRANGERS, "reviewer"])
def test_no_way_to_ask_a_blind_board_names_anybody(
    place: Place, make_scored: Make, make_suite_version: Make, who: str  # noqa: F811
) -> None:  # fmt: skip
    make_suite_version(place.test, key="second")
    for name, value in (("Heron", 0.5), ("Curlew", 0.6), ("Knot", 0.7)):
        make_scored(place.test, value, name=name)
    make_scored(place.test, 0.5, name="Plover", state=Run.State.FAILED)
    then = quote(refresh(phase=place.test).created_at.isoformat())
    place.blind()
    one, other = _entry("Heron"), _entry("Curlew")
    pages = [
        *(f"{place.address(place.test)}{query}" for query in (
            "", f"?as_of={then}", "?suite=secret", "?status=official", "?section=unfinished", "?section=beside",
        )),
        place.address(place.test, "board_csv"),
        place.address(place.test, "leaderboard_entry", one),
        f"{place.address(place.test, 'leaderboard_compare')}?a={one}&b={other}",
        reverse("years"),
        reverse("results_csv", args=[place.challenge.key]),
        reverse("export", args=[place.challenge.key]),
        f"{reverse('export', args=[place.challenge.key])}?layout=long",
        f"{reverse('export_file', args=[place.challenge.key])}?challenge=open&layout=long&format=json",
        f"{reverse('export_file', args=[place.challenge.key])}?challenge=open&anonymised=yes&format=json",
        f"{reverse('export_file', args=[place.challenge.key])}?challenge=open&phases=small/dev&format=json",
    ]  # fmt: skip
    teams = [run.entry.submission.registration.team.name for run in Run.objects.all()]
    for page in pages:
        text = body_of(place.browsers[who].get(page, follow=True))
        assert not [name for name in ("Heron", "Curlew", "Knot", "Plover") if name in text], page
        assert not [name for name in teams if re.search(rf"\b{name}\b", text)], page
        if "/leaderboard" in page:
            assert not re.search(rf"leaderboard/({one}|{other})\b", text.partition("<main")[2])
    blind = Phase.objects.get(pk=place.test.pk)
    for word in ("heron", "Curlew"):
        assert board(NOBODY, blind, query=word).rows == []


def test_no_export_for_those_who_judge_blind_stands_beside_real_names(
    place: Place, make_scored: Make, make_track: Make, make_phase: Make, make_suite_version: Make  # noqa: F811
) -> None:  # fmt: skip
    """The same made-up name beside the scores of a phase whose board has real names would say whose it is."""
    other = make_phase(make_track(place.challenge, key="open-track"), key="dev")
    make_suite_version(other, key="third", items="public", gold="public")
    team = make_scored(place.test, 0.612345, name="Heron").entry.submission.registration
    make_scored(place.dev, 0.7171, name="Heron", registration=team)
    make_scored(other, 0.8181, name="Heron", registration=team)
    for phase in (place.dev, place.test, other):
        refresh(phase=phase)
    file = f"{reverse('export_file', args=['open'])}?challenge=open"
    queries = [
        f"{file}{more}&anonymised=yes&layout={layout}"
        for layout in ("wide", "long")
        for more in ("", "&tracks=small", "&tracks=open-track", "&phases=small/dev", "&phases=open-track/dev",
                     "&tracks=small&tracks=open-track", "&phases=small/test")
    ]  # fmt: skip
    addresses = [*queries, reverse("results_csv", args=["open"]), reverse("export", args=["open"]),
                 f"{reverse('export', args=['open'])}?layout=long&phases=small/dev"]  # fmt: skip
    place.blind()
    for address in addresses:
        text = body_of(place.browsers["reviewer"].get(address, follow=True))
        assert not re.search(r"71[.]71|0[.]7171|81[.]81|0[.]8181", text), address
    seen = body_of(place.browsers["reviewer"].get(f"{file}&anonymised=yes&layout=wide"))
    assert "0.612345" in seen, "what is judged is there"
    assert "0.612345" in body_of(place.browsers["reviewer"].get(reverse("results_csv", args=["open"])))
    # By its real name a track that is not judged blind is there for reviewers, and everything for organizers.
    assert "0.8181" in body_of(place.browsers["reviewer"].get(f"{file}&tracks=open-track&layout=long"))
    assert "0.7171" in body_of(place.browsers["organizer"].get(f"{file}&anonymised=yes&layout=long"))


# Addresses that ask for what cannot be.


HOSTILE = [
    "?tag=%00", "?section=%00", "?status=%00", "?q=%00", "?suite=%00", "?part=%00", "?as_of=%00",
    "?page=99999999", "?page=-1", f"?page={'9' * 5000}", "?page=%D9%A3",
    "?as_of=0001-01-01T00:00:00%2B23:59", "?as_of=9999-12-31T23:59:59-23:59", "?as_of=9999-12-31",
    "?as_of=0001-01-01", "?as_of=2026-02-30", "?as_of=2026-01-01T25:00:00",
    f"?q={'(a%2B)%2B' * 500}", f"?tag={'x' * 5000}", "?section=tag:x", "?section=unfinished&page=2",
    "?status=official&status=late", "?q=%ED%A0%80",
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE)
def test_no_query_of_a_leaderboard_makes_the_platform_fail(
    place: Place, make_scored: Make, query: str  # noqa: F811
) -> None:  # fmt: skip
    make_scored(place.test, 0.612345, name="Heron")
    refresh(phase=place.test)
    number = _entry("Heron")
    for who in ("nobody", "stranger", "reviewer"):
        for page in (place.address(place.test), place.address(place.test, "leaderboard_entry", number)):
            assert place.browsers[who].get(f"{page}{query}").status_code in (200, 404)


@pytest.mark.parametrize("number", ["0", "-1", "1 OR 1=1", "9" * 17, "9" * 5000, "%00", "%D9%A3"])
def test_no_pair_to_compare_makes_the_platform_fail(
    place: Place, make_scored: Make, number: str  # noqa: F811
) -> None:  # fmt: skip
    make_scored(place.dev, 0.5, name="Heron")
    refresh(phase=place.dev)
    page = place.address(place.dev, "leaderboard_compare")
    assert place.browsers["nobody"].get(f"{page}?a={number}&b={_entry('Heron')}").status_code == 200


QUERIES = [
    "columns=%00", "layout=%00", "tracks=%00", "phases=%00", "phases=a/b", "phases=///", "statuses=x", "precision=-1",
    f"precision={'9' * 5000}", "precision=%D9%A3", "format=../../etc/passwd", "people=yes", "strange=1",
    "challenge=elsewhere", "challenge=%00", "columns=email", "columns=emails", "layout=long&columns=people",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_of_an_export_makes_the_platform_fail_or_tells_of_people(
    place: Place, make_scored: Make, query: str  # noqa: F811
) -> None:  # fmt: skip
    run = make_scored(place.dev, 0.5, name="Heron")
    refresh(phase=place.dev)
    email = run.entry.submission.registration.created_by.email
    file = reverse("export_file", args=["open"])
    for who in ("organizer", "reviewer"):
        browser = place.browsers[who]
        for address in (f"{file}?challenge=open&{query}", f"{reverse('export', args=['open'])}?{query}"):
            response = browser.get(address, follow=True)
            assert response.status_code == 200
            assert email not in body_of(response)


# Who is let in.


PAGES = ["export", "export_file", "results_csv", "batches", "findings", "method_completeness"]


@pytest.mark.parametrize("who", ["stranger", "other"])
def test_one_s_own_challenge_opens_no_page_of_another_s(place: Place, report: ReportVersion, who: str) -> None:
    batch = Batch.objects.create(
        challenge=place.challenge, kind=Batch.Kind.RESCORE, reason="A secret reason",
        created_by=place.challenge.roles.first().user,
    )  # fmt: skip
    addresses = [reverse(page, args=["open"]) for page in PAGES]
    addresses += [reverse("batch", args=["open", batch.pk]), reverse("findings_archive", args=["open", report.number])]
    # Nor is it had by a challenge of one's own.
    addresses += [reverse("batch", args=["elsewhere", batch.pk]), reverse("findings_archive", args=["elsewhere", 1])]
    for address in addresses:
        answer = place.browsers[who].get(address)
        assert answer.status_code == 404, address
        assert "A secret reason" not in body_of(answer)
    for action in ("start", "preview", "apply", "discard"):
        for challenge in ("open", "elsewhere"):
            address = reverse("batch_action", args=[challenge, batch.pk, action])
            assert place.browsers[who].post(address, {"reason": "x"}).status_code == 404
    mine = place.browsers["other"].get(f"{reverse('export_file', args=['elsewhere'])}?challenge=open", follow=True)
    assert "Heron" not in body_of(mine)


def test_an_unpublished_challenge_reads_like_none(place: Place, make_scored: Make) -> None:  # noqa: F811
    make_scored(place.dev, 0.5, name="Heron")
    refresh(phase=place.dev)
    Challenge.objects.filter(pk=place.challenge.pk).update(published=False)
    pages = [reverse(page, args=["KEY"]) for page in (*PAGES, "challenge")]
    pages += [
        reverse(page, args=["KEY", "small", "dev", *more])
        for page, more in (("leaderboard", ()), ("board_csv", ()), ("leaderboard_compare", ()),
                           ("leaderboard_entry", (_entry("Heron"),)))
    ]  # fmt: skip
    for who in STRANGERS:
        for page in pages:
            answers = [place.browsers[who].get(page.replace("KEY", key)) for key in ("open", "nope")]
            assert answers[0].status_code == answers[1].status_code, page
            told = [_plain(answer, key) for answer, key in zip(answers, ("open", "nope"), strict=True)]
            assert told[0] == told[1], page
        assert "Heron" not in body_of(place.browsers[who].get(reverse("years")))


def _plain(answer: Any, key: str) -> str:
    """The answer without what each answer draws anew, and without the key that was asked for."""
    text = f"{answer.get('Location', '')} {body_of(answer)}"
    return re.sub(r"[\w+/=-]{16,}", "", text).replace(f"/{key}/", "/KEY/").replace(f"%2F{key}%2F", "%2FKEY%2F")


# Nothing is changed by looking, nor from another site.


def test_looking_changes_nothing(place: Place, make_scored: Make) -> None:  # noqa: F811
    batch = Batch.objects.create(
        challenge=place.challenge, kind=Batch.Kind.RESCORE, reason="x", created_by=place.challenge.roles.first().user
    )
    browser, before = place.browsers["organizer"], batch.state
    for action in ("start", "preview", "apply", "discard"):
        assert browser.get(reverse("batch_action", args=["open", batch.pk, action])).status_code == 405
    assert browser.get(reverse("findings_build", args=["open"])).status_code == 405
    batch.refresh_from_db()
    assert (batch.state, ReportVersion.objects.count()) == (before, 0)


@pytest.mark.parametrize("page", ["export_file", "batches", "findings_build", "method_completeness"])
def test_another_site_posts_nothing(place: Place, page: str) -> None:
    user = place.challenge.roles.get(kind=Role.Kind.ORGANIZER).user
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    posted = {"query": "challenge=open", "people": "yes", "kind": "rescore", "reason": "x", "track": "small"}
    assert browser.post(reverse(page, args=["open"]), posted).status_code == 403


# Names that do something.


def test_a_name_is_text_on_every_page_and_in_every_file(
    place: Place, make_scored: Make, make_suite_version: Make  # noqa: F811
) -> None:  # fmt: skip
    make_suite_version(place.dev, key="second", items="public", gold="public")
    name = f"=1+1 {TAG_TEXT}"
    for value in (0.5, 0.6):
        make_scored(place.dev, value, name=name)
    for team in Team.objects.all():
        Team.objects.filter(pk=team.pk).update(name=f"@SUM({team.pk}) {TAG_TEXT}")
    make_scored(place.dev, 0.4, name=name, status=Entry.Status.NOT_ELIGIBLE)
    make_scored(place.dev, 0.4, name=name, state=Run.State.FAILED)
    refresh(phase=place.dev)
    one, other = (int(pk) for pk in Entry.objects.order_by("pk").values_list("pk", flat=True)[:2])
    pages = [
        place.address(place.dev), f"{place.address(place.dev)}?suite=pairs",
        f"{place.address(place.dev)}?q={quote(TAG_TEXT)}", place.address(place.dev, "leaderboard_entry", one),
        f"{place.address(place.dev, 'leaderboard_compare')}?a={one}&b={other}", reverse("export", args=["open"]),
        f"{reverse('export', args=['open'])}?layout=long",
    ]  # fmt: skip
    for page in pages:
        response = place.browsers["reviewer"].get(page)
        text = body_of(response)
        assert response.status_code == 200
        assert TAG_TEXT not in text, page
        assert "&lt;script&gt;" in text, page
    cells = body_of(place.browsers["nobody"].get(place.address(place.dev, "board_csv")))
    assert "'=1+1" in cells
    assert not re.search(r'(^|,|")=1', cells, re.MULTILINE)


COMMANDS = ["\\input{/etc/passwd}", "\\write18{id}", "$x$ & # % _ ^ ~ {}", "^^5cinput{x}", "?`\u2028%\n\\end{table}"]


@pytest.mark.parametrize("text", COMMANDS)
def test_a_name_is_no_command_of_latex(text: str) -> None:
    made = latex(text)
    # What we write ourselves: the names of characters, and characters behind a backslash.
    rest = re.sub(r"\\(text[a-z]+|char\d+)\{\}|\\[{}$&#_%]|\$-\$|-\{\}|\{[\[\]*]\}", "", made)
    assert not set(rest) & set("\\{}$&#_%^~"), made


def test_nothing_says_of_hidden_data_that_it_has_changed(place: Place, make_scored: Make) -> None:  # noqa: F811
    _, second = told_twice(place, make_scored)
    response = place.browsers["nobody"].get(place.address(place.test))
    assert not {"ETag", "Last-Modified"} & set(response.headers)
    assert second.digest[:12] not in body_of(response)
    moment = datetime.fromisoformat(second.created_at.isoformat())
    assert board(NOBODY, place.test, as_of=moment).digest == second.told_digest
