"""The help about codes: a list, and a page for each."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from challenges.models import Phase
from evaluations.models import Run
from submissions.models import Artifact, Entry, Registration, Submission
from web import help_pages

pytestmark = pytest.mark.django_db

ClientOf = Callable[[User | None], Client]
PAGE = """# E-RUN-INVENTED: Something invented happened

- Stage: run, rehearsal
- Whose fault: yours
- Charged: yes
- On hidden data: nothing

## What happened

See [E-RUN-OOM](E-RUN-OOM.md) and [Owls](../reference/owls.md#at-night). <script>alert(1)</script>

## What to do

Nothing.
"""


def test_the_list_names_every_code_once_and_leads_to_its_page(client: Client) -> None:
    text = client.get(reverse("help")).content.decode()
    for code, page in help_pages.pages().items():
        assert text.count(f'href="/help/{code}/"') == 1
        assert f"<code>{code}</code>" in text
        assert page.stages[0] in help_pages.STAGES


@pytest.mark.parametrize("code", sorted(help_pages.pages()))
def test_every_code_has_its_page(client: Client, code: str) -> None:
    response = client.get(reverse("help_code", args=[code]))
    assert response.status_code == 200
    text = response.content.decode()
    assert f"<h1><code>{code}</code></h1>" in text
    assert "<h2>What happened</h2>" in text
    assert "<h2>What to do</h2>" in text
    assert ".md)" not in text
    assert '.md"' not in text


@pytest.mark.parametrize("code", ["E-NO-SUCH", "e-run-oom", "E-RUN-OOM.md", "..", "index"])
def test_an_unknown_code_is_not_found(client: Client, code: str) -> None:
    assert client.get(f"/help/{code}/").status_code == 404


def test_anybody_may_read_the_help(make_user: Callable[..., User], client_of: ClientOf) -> None:
    for person in (None, make_user(), make_user(is_staff=True)):
        assert client_of(person).get(reverse("help")).status_code == 200
        assert client_of(person).get(reverse("help_code", args=["E-RUN-OOM"])).status_code == 200


@pytest.mark.parametrize("address", ["/help/", "/help/E-RUN-OOM/"])
def test_the_help_takes_nothing(client: Client, address: str) -> None:
    assert client.post(address).status_code == 405


def test_a_page_needs_no_query(client: Client, django_assert_num_queries: Callable[[int], object]) -> None:
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        client.get(reverse("help_code", args=["E-RUN-OOM"]))
        client.get(reverse("help"))


def test_every_page_of_the_site_leads_to_the_help(client: Client) -> None:
    assert f'href="{reverse("help")}"' in client.get("/").content.decode()


def test_links_among_pages_lead_to_where_they_are_served_and_html_stays_text() -> None:
    html = help_pages.body(help_pages.parse(PAGE))
    assert 'href="/help/E-RUN-OOM/"' in html
    assert "and Owls." in html
    assert html.count("href=") == 1
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_pages_first_lines_are_read() -> None:
    page = help_pages.parse(PAGE)
    assert (page.code, page.sentence) == ("E-RUN-INVENTED", "Something invented happened")
    assert page.stages == ("run", "rehearsal")
    assert (page.fault, page.charged, page.hidden) == ("yours", "yes", "nothing")


@pytest.mark.parametrize("removed", ["- Stage: run, rehearsal\n", "- Charged: yes\n", "E-RUN-INVENTED: "])
def test_a_page_without_one_of_its_facts_is_refused(removed: str) -> None:
    with pytest.raises(ValueError, match="does not begin with"):
        help_pages.parse(PAGE.replace(removed, ""))


@pytest.fixture
def handed_in(make_registration: Callable[..., Registration]) -> Callable[[Phase], Submission]:
    """A submission in the phase's track; nothing was unpacked or run."""

    def make(phase: Phase) -> Submission:
        registration = make_registration(challenge=phase.track.challenge)
        digest = hashlib.sha256(str(registration.pk).encode()).hexdigest()
        artifact = Artifact.objects.create(digest=digest, size=1, storage_name=digest)
        submission = Submission.objects.create(
            registration=registration, number=1, name="Invented", kind="code", artifact=artifact, digest=digest,
            state=Submission.State.ACCEPTED, submitted_by=registration.created_by,
        )  # fmt: skip
        Entry.objects.create(submission=submission, track=phase.track)
        return submission

    return make


def status_of(submission: Submission, client_of: ClientOf) -> str:
    """What the submission's own team sees of it."""
    return client_of(submission.submitted_by).get(reverse("submission", args=[submission.pk])).content.decode()


def test_a_rejection_links_its_code(
    make_phase: Callable[..., Phase], handed_in: Callable[[Phase], Submission], client_of: ClientOf
) -> None:
    submission = handed_in(make_phase())
    problem = {"code": "E-SUB-FILE", "message": "the archive has no model.py", "file": "model.py"}
    Submission.objects.update(state=Submission.State.REJECTED, problems=[problem])
    assert 'href="/help/E-SUB-FILE/"' in status_of(submission, client_of)


@pytest.mark.parametrize(("items", "linked"), [("public", True), ("hidden", False)])
def test_a_failed_run_links_its_code_where_it_may_be_told(
    make_phase: Callable[..., Phase], make_suite_version: Callable[..., Any],
    handed_in: Callable[[Phase], Submission], client_of: ClientOf, items: str, linked: bool,
) -> None:  # fmt: skip
    phase = make_phase(visibility=Phase.Visibility.AFTER_CLOSE)
    make_suite_version(phase, items=items, gold=items)
    submission = handed_in(phase)
    entry = submission.entries.get()
    Run.objects.create(
        entry=entry, phase=phase, purpose=Run.Purpose.PHASE, queue="cpu", state=Run.State.FAILED, code="E-RUN-OOM",
        stage="running",
    )  # fmt: skip
    text = status_of(submission, client_of)
    assert ('href="/help/E-RUN-OOM/"' in text) is linked
    assert ("E-RUN-OOM" in text) is linked
