"""A team that attacks: what it hands in goes the way of every submission, and what it can see is looked through."""

import html
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from django.test import Client
from django.urls import reverse

from challenges.models import Phase
from evaluations import execution, leases, services
from evaluations.models import Attempt, Run, Score
from leaderboards.services import refresh
from submissions import checks
from submissions.models import QuotaCharge, Registration, Submission
from submissions.services import submit
from submissions.uploads import store_whole
from tests.attacks.hostile import CANARY, made_zip

PAGES = ("submission", "submission_status", "submission_events")
LINK = re.compile(r"""(?:href|src|action|hx-get|content)=["'](?:http://testserver)?(/[^"'#]*)""")
# Not followed: files and explanations of ours, and what would end the visit.
LEFT_OUT = ("/static/", "/accounts/", "/help/")
MOST_PAGES = 40


def manifest(kind: str = "code", **part: Any) -> dict[str, Any]:
    """A manifest of that kind."""
    return {
        "schema": "submission/1",
        "kind": kind,
        "method": {"name": "Magpie"},
        kind: part or {"entry": "model.py:Model"},
    }


def packed(files: Mapping[str, bytes | str], described: Mapping[str, Any] | None = None) -> bytes:
    """A zip of the files with its submission.yaml."""
    whole: dict[str, bytes | str] = {"submission.yaml": yaml.safe_dump(dict(described or manifest())), **files}
    contents = {name: text.encode() if isinstance(text, str) else text for name, text in whole.items()}
    return made_zip(contents, zipfile.ZIP_STORED)  # so that no ratio is looked at


@dataclass
class Attacker:
    """A team of one, its browser, and that of somebody who has not logged in."""

    registration: Registration
    browser: Client
    stranger: Client

    def hand_in(self, content: bytes, *phases: Phase, filename: str = "magpie.zip") -> Submission:
        """Upload, submit and have it checked; raises UploadRefused and SubmissionRefused."""
        user, challenge = self.registration.created_by, self.registration.challenge
        upload = store_whole(user=user, challenge=challenge, filename=filename, size=len(content), chunks=[content])
        submission = submit(registration=self.registration, phases=phases, upload=upload, manifest=None, user=user)
        return checks.check(submission=submission)

    def run(self, content: bytes, *phases: Phase) -> Run:
        """Hand in, work the queue off, and return the run of the last of the phases."""
        submission = self.hand_in(content, *phases)
        assert submission.state == Submission.State.ACCEPTED, submission.problems
        work_off(submission)
        return Run.objects.get(entry__submission=submission, phase=phases[-1], purpose=Run.Purpose.PHASE)

    def run_code(self, code: str, *phases: Phase, **files: str | bytes) -> Run:
        """The same for a class `Model`; more files may stand beside it, dots in their names written as `__`."""
        more = {name.replace("__", "."): content for name, content in files.items()}
        return self.run(packed({"model.py": code, **more}), *phases)

    def sees(self, submission: Submission | None = None, *, everywhere: bool = False) -> str:
        """What this team, and a stranger, find on the pages about it, or on every page that leads anywhere.

        Headers included; what stands escaped in a page is there as it is and unescaped.
        """
        first = [reverse("home"), reverse("challenge", args=[self.registration.challenge.key])]
        first += [
            reverse("submissions", args=[self.registration.challenge.key]),
            reverse("results_csv", args=[self.registration.challenge.key]),
        ]
        first += [reverse(page, args=[submission.pk]) for page in PAGES] if submission else []
        text = "\n".join(visited(browser, first, follow=everywhere) for browser in (self.browser, self.stranger))
        return f"{text}\n{html.unescape(text)}"

    @staticmethod
    def score(run: Run) -> float | None:
        """The run's one score, as it is recorded."""
        return Score.objects.get(evaluation__response_set__runs=run, group="", tag="").value

    @staticmethod
    def charge(run_or_submission: Run | Submission) -> tuple[str, bool]:
        """State of the quota's charge, and whether it still counts as under way."""
        submission = (
            run_or_submission if isinstance(run_or_submission, Submission) else run_or_submission.entry.submission
        )
        charge = QuotaCharge.objects.filter(entry__submission=submission).latest("pk")
        return charge.state, charge.active


def work_off(submission: Submission) -> None:
    """Do what worker and sweeper do, until no run of anybody waits."""
    while True:
        services.plan(submission)
        attempt = leases.claim(worker="attacked", queue="cpu")
        if attempt is None:
            break
        execution.execute(attempt)
    for phase in Phase.objects.filter(runs__entry__submission=submission).distinct():
        refresh(phase=phase)


def log_of(run: Run) -> str:
    """The end of the run's log, as organizers have it."""
    return Attempt.objects.filter(run=run).latest("number").log_tail


def visited(browser: Client, first: list[str], *, follow: bool) -> str:
    """Every answer, headers first, that these addresses give, and those that they link to where asked to follow."""
    waiting, known = list(first), set(first)
    answers: list[str] = []
    while waiting and len(answers) < MOST_PAGES:
        address = waiting.pop(0)
        response = browser.get(address)
        body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
        text = body.decode()
        answers.append(f"{address} {response.status_code} {dict(response.items())}\n{text}")
        for link in map(html.unescape, LINK.findall(text)):
            if follow and link not in known and not link.startswith(LEFT_OUT):
                known.add(link)
                waiting.append(link)
    return "\n".join(answers)


def assert_canary_unseen(attacker: Attacker, submission: Submission | None = None, *, everywhere: bool = False) -> str:
    """Nothing of the gold stands on the pages about the team, or anywhere; returns what it saw."""
    seen = attacker.sees(submission, everywhere=everywhere)
    assert CANARY not in seen
    return seen
