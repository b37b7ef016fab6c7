"""The demo's invented teams: each hands its baseline in as any participant would, and takes it on to the test."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from challenges.models import Challenge, Phase
from submissions.models import Entry, Submission
from submissions.services import set_status
from web.demo import preparing
from web.demo.display import Progress
from web.demo.participant import Participant

PHASES = ("dev", "test")
BAD = ("failed", "errored", "cancelled")
REASON = "A baseline of the demo."


class BaselineFailed(Exception):
    """A baseline was rejected, or one of its runs failed; the message says where to look."""


@dataclass(frozen=True, slots=True)
class Persona:
    """An invented person and the team of which that person is the only member."""

    email: str
    name: str
    team: str


PERSONAS = {
    "random": Persona("cora@example.org", "Cora Coin", "The Coin Tossers"),
    "ngram": Persona("tristan@example.org", "Tristan Three", "Three Words Deep"),
    "neural": Persona("nell@example.org", "Nell Layer", "Two Small Layers"),
}


@dataclass
class Team:
    """One team's way through the demo; `submission` is what it has handed in, at this start or an earlier one."""

    key: str
    challenge: Challenge
    organizer: User
    persona: Persona
    title: str
    submission: Submission | None = None
    _participant: Participant | None = field(default=None, repr=False)

    @classmethod
    def of(cls, key: str, challenge: Challenge, organizer: User) -> "Team":
        """The team behind a baseline, with what it handed in last, if that was not rejected and no run of it failed."""
        persona = PERSONAS[key]
        handed_in = Submission.objects.filter(
            registration__challenge=challenge, registration__team__name=persona.team
        ).exclude(Q(state=Submission.State.REJECTED) | Q(entries__runs__state__in=BAD))
        titles = {baseline["key"]: baseline.get("title", key) for baseline in challenge.baselines}
        return cls(key, challenge, organizer, persona, titles[key], handed_in.order_by("number").last())

    @property
    def finished(self) -> bool:
        """Whether its baseline is scored in every phase of every track."""
        return self.submission is not None and not self._unscored()

    def _unscored(self) -> list[Phase]:
        """The phases in which the submission is not scored yet."""
        scored = Phase.objects.filter(runs__entry__submission=self.submission, runs__state="done")
        phases = Phase.objects.filter(track__challenge=self.challenge, key__in=PHASES)
        return list(phases.exclude(pk__in=scored).select_related("track"))

    def _phases(self, key: str) -> list[Phase]:
        """The phase `key` of every track."""
        return list(Phase.objects.filter(track__challenge=self.challenge, key=key).select_related("track"))

    @property
    def _here(self) -> Participant:
        """The person's browser; raises RuntimeError before `arrive`."""
        if self._participant is None:
            raise RuntimeError(f"{self.persona.name} has not arrived.")
        return self._participant

    def arrive(self, site: str) -> None:
        """Log in through the form, with a password that this start alone knows; raises ParticipantRefused."""
        password = secrets.token_urlsafe(16)
        user = preparing.account(self.persona.email, self.persona.name, password)
        self._participant = Participant(site)
        self._participant.log_in(self.persona.email, password)
        if not user.teams.exists():
            self._participant.open_team(self.persona.team)
        team = user.teams.get()
        if not team.registrations.filter(challenge=self.challenge).exists():
            self._participant.register(self.challenge.key, team.slug)

    def leave(self) -> None:
        """Close the connection."""
        if self._participant is not None:
            self._participant.close()
            self._participant = None

    @property
    def _page(self) -> str:
        """The path of the submission's page."""
        return reverse("submission", args=[self.submission.pk]) if self.submission else ""

    def hand_in(self, archive: Path) -> None:
        """Upload the archive and enter it in the development phase of both tracks; raises ParticipantRefused."""
        phases = self._phases(PHASES[0])
        upload = self._here.upload(self.challenge.key, archive)
        page = self._here.hand_in(self.challenge.key, phases[0].track.key, upload, [phase.pk for phase in phases])
        self.submission = Submission.objects.get(pk=page.strip("/").rpartition("/")[2])
        for entry in self.submission.entries.exclude(status=Entry.Status.BASELINE):
            set_status(entry=entry, status=Entry.Status.BASELINE, reason=REASON, user=self.organizer)

    def follow(self, progress: Progress) -> bool:
        """Poll the submission's events once and take the next step; returns whether everything is scored.

        Raises BaselineFailed where something was rejected or failed, and ParticipantRefused.
        """
        told = self._here.events(self._page)
        self._show(told, progress)
        if told["state"] != Submission.State.ACCEPTED or not told["finished"]:
            return False
        entered = {(run["track"], run["phase"]) for run in told["runs"]}
        missing = [phase for phase in self._phases(PHASES[1]) if (phase.track.key, phase.key) not in entered]
        for phase in missing:
            self._here.enter_phase(self._page, phase.pk)
        return not missing

    def _show(self, told: dict[str, Any], progress: Progress) -> None:
        """Show each run's state, and raise BaselineFailed where one will not come to a score."""
        title = self.title
        if told["state"] == Submission.State.REJECTED:
            problem = told["problems"][0]
            progress.show(title, "rejected", problem["message"])
            raise BaselineFailed(f"{title} was rejected: {problem['code']} {problem['message']}")
        if told["state"] == Submission.State.RECEIVED:
            progress.show(title, "received", "being checked")
            return
        progress.show(title, "accepted")
        for run in told["runs"]:
            name = f"{title}, {run['track']}/{run['phase']}"
            progress.show(name, run["state"], run["stage_text"])
            if run["state"] in BAD:
                raise BaselineFailed(
                    f"{name} {run['state']}: {run.get('code') or ''} {run.get('message') or ''}".rstrip(": ")
                    + f" See {self._page}"
                )
