"""Registering, handing in, entering further phases, and what organizers decide about entries."""

import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Membership, Team, User
from challenges.models import Challenge, Phase, Track
from config.queue import enqueue
from evaluators.protocol.documents import canonical_json
from evaluators.protocol.problems import Problem
from evaluators.protocol.submission import SubmissionManifest
from submissions import quota, rehearsals
from submissions.answers import manifest_now
from submissions.errors import SubmissionRefused
from submissions.manifests import check_against_track, check_against_tracks
from submissions.models import Artifact, Entry, HubFetch, QuotaCharge, Registration, Submission, UploadSession
from submissions.uploads import keep_document


def _refuse(code: str, message: str, remedy: str = "") -> SubmissionRefused:
    return SubmissionRefused([Problem(code, message, remedy=remedy)])


def registration_of(user: User, challenge: Challenge) -> Registration | None:
    """The registration of the team in which this person takes part, if there is one."""
    return Registration.objects.filter(challenge=challenge, team__members=user).select_related("team").first()


def register(*, user: User, team: Team, challenge: Challenge) -> Registration:
    """Let the team take part; raises SubmissionRefused where one of its members takes part in another team already."""
    with transaction.atomic():
        # The team, so that nobody joins it meanwhile, and then the challenge, so that no rival registers: whoever
        # gives somebody a seat locks in this order.
        team = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
        if not team.memberships.filter(user=user).exists():
            raise _refuse("E-REG-MEMBER", f"you are not in the team {team.name}")
        there = Registration.objects.filter(team=team, challenge=challenge).first()
        if there is not None:
            return there
        clash = (
            Membership.objects.filter(user__teams=team, team__registrations__challenge=challenge)
            .exclude(team=team)
            .select_related("team", "user")
            .first()
        )
        if clash is not None:
            who = "you take" if clash.user_id == user.pk else f"{clash.user}, a member of {team.name}, takes"
            raise _refuse("E-REG-ONCE", f"{who} part in {challenge.title} with the team {clash.team.name} already",
                          "A person takes part in a challenge with one team: leave one of the two, or have them "
                          "merged.")  # fmt: skip
        return Registration.objects.create(team=team, challenge=challenge, created_by=user)


def submission_digest(artifact_digest: str, manifest: SubmissionManifest) -> str:
    """sha256 over the artifact's digest and the canonical manifest: what a run depends on."""
    return hashlib.sha256(artifact_digest.encode() + b"\0" + canonical_json(manifest.to_value())).hexdigest()


def submit(
    *,
    registration: Registration,
    phases: Sequence[Phase],
    upload: UploadSession | None,
    manifest: SubmissionManifest | None,
    user: User,
) -> Submission:
    """Record a hand-in, entered in each of the phases' tracks, and queue its check; raises SubmissionRefused.

    Without a manifest the archive must hold submission.yaml; without an upload the manifest must say where on a hub
    the model is. An upload makes one submission: a second click, or a second tab, gets the first one's submission
    back; and so does a model on a hub while it is being fetched.
    """
    if not phases:
        raise _refuse("E-SUB-TRACK", "no track was chosen", "Tick at least one track.")
    if len({phase.track_id for phase in phases}) < len(phases):
        raise _refuse("E-SUB-TRACK", "a track was chosen twice", "Enter one phase of each track.")
    with transaction.atomic():
        registration = Registration.objects.select_for_update().get(pk=registration.pk)
        _check_person(user, registration)
        first, artifact = _handed_in(registration, phases, upload, manifest, user)
        if first is not None:
            return first
        for phase in phases:
            _check_phase(phase, registration, artifact.size)
            rehearsals.check_rate(registration=registration, phase=phase, kind=manifest.kind if manifest else "")
        tracks = [phase.track for phase in phases]
        problems = check_against_tracks(manifest, tracks) if manifest is not None else []
        if problems:
            raise SubmissionRefused(problems)
        last = registration.submissions.aggregate(last=Max("number"))["last"] or 0
        submission = Submission.objects.create(
            registration=registration,
            number=last + 1,
            name=manifest.method.name if manifest else _named_after(upload),
            kind=manifest.kind if manifest else "",
            artifact=artifact,
            upload=upload,
            manifest=manifest.to_value() if manifest else {},
            digest=submission_digest(artifact.digest, manifest) if manifest and upload else "",
            submitted_by=user,
        )
        for phase in phases:
            entry = Entry.objects.create(submission=submission, track=phase.track, status=_status(registration, phase))
            quota.reserve(registration=registration, phase=phase, entry=entry)
        if upload is None:
            HubFetch.objects.create(submission=submission)
        else:
            UploadSession.objects.filter(pk=upload.pk).update(state=UploadSession.State.USED)
        enqueue("submissions.fetch" if upload is None else "submissions.check", str(submission.pk))
    return submission


def _handed_in(
    registration: Registration,
    phases: Sequence[Phase],
    upload: UploadSession | None,
    manifest: SubmissionManifest | None,
    user: User,
) -> tuple[Submission | None, Artifact]:
    """The submission that this hand-in made already, if it did, and what it consists of; raises SubmissionRefused."""
    source = manifest.model.source if manifest is not None and manifest.model is not None else None
    if upload is not None:
        if source is not None:
            raise _refuse("E-HUB-SOURCE", "there is a file, and a model on a hub as well", "Hand in one of them.")
        return _uploaded(registration, upload, user)
    if manifest is None or source is None:
        raise _refuse("E-HUB-SOURCE", "there is neither a file nor a model on a hub", "Choose a file first.")
    if not settings.HUB_HOSTS:
        raise _refuse("E-HUB-SOURCE", "nothing is fetched from hubs here", "Hand in an archive.")
    order = keep_document(canonical_json({"schema": "source/1", "manifest": manifest.to_value()}), size=0)
    waiting = registration.submissions.filter(artifact=order, state=Submission.State.RECEIVED)
    for one in waiting.exclude(hub=None):
        if set(one.entries.values_list("charges__phase", flat=True)) == {phase.pk for phase in phases}:
            return one, order
    return None, order


def _uploaded(registration: Registration, upload: UploadSession, user: User) -> tuple[Submission | None, Artifact]:
    """The same for an upload, which has to be whole."""
    upload = UploadSession.objects.select_for_update().get(pk=upload.pk, user=user)
    if upload.challenge_id != registration.challenge_id:
        raise _refuse("E-UP-CLOSED", f"{upload.filename} was uploaded for another challenge", "Upload it here.")
    if upload.state == UploadSession.State.USED:
        first = Submission.objects.filter(registration=registration, upload=upload).select_related("artifact").first()
        if first is not None:
            return first, first.artifact
    if upload.state == UploadSession.State.OPEN:
        raise _refuse("E-UP-TRUNCATED", f"{upload.received:,} of the {upload.size:,} bytes have arrived",
                      "Choose the same file again: the upload goes on where it stopped.")  # fmt: skip
    if upload.artifact is None or upload.state != UploadSession.State.COMPLETE:
        raise _refuse("E-UP-CLOSED", f"the upload of {upload.filename} is {upload.get_state_display().lower()}",
                      "Choose the file again.")  # fmt: skip
    return None, upload.artifact


def _named_after(upload: UploadSession | None) -> str:
    return PurePosixPath(upload.filename if upload else "").stem[:120] or "unnamed"


def _check_person(user: User, registration: Registration) -> None:
    """Only a member hands in, and only one who takes part in the challenge with no other team."""
    teams = Team.objects.filter(members=user, registrations__challenge=registration.challenge_id).distinct()
    if not any(team.pk == registration.team_id for team in teams):
        raise _refuse("E-REG-MEMBER", f"you are not in the team {registration.team.name}")
    if len(teams) > 1:
        names = ", ".join(team.name for team in teams)
        raise _refuse("E-REG-ONCE", f"you are in several teams that take part: {names}", "Leave all but one of them.")


def _check_phase(phase: Phase, registration: Registration, size: int) -> None:
    if phase.track.challenge_id != registration.challenge_id:
        raise _refuse("E-SUB-TRACK", "that track belongs to another challenge")
    if not phase.is_open:
        raise _refuse("E-SUB-CLOSED", f"{phase} is {'closed' if phase.is_closed else 'not open yet'}",
                      "Look at the challenge's page for what is open.")  # fmt: skip
    if size > phase.track.max_bytes:
        raise _refuse("E-UP-SIZE", f"the file has {size:,} bytes; {phase.track.title} takes {phase.track.max_bytes:,}")


def _status(registration: Registration, phase: Phase) -> str:
    """An organizer's own hand-in is a baseline: shown, and never ranked."""
    organizers = phase.track.challenge.roles.filter(kind="organizer", user__in=registration.team.members.all())
    return Entry.Status.BASELINE if organizers.exists() else Entry.Status.OFFICIAL


def enter_phase(*, submission: Submission, phase: Phase, user: User) -> Entry:
    """Enter an accepted submission into another phase or track, without a new upload; raises SubmissionRefused."""
    registration = submission.registration
    _check_person(user, registration)
    if submission.state != Submission.State.ACCEPTED:
        raise _refuse("E-SUB-STATE", "only an accepted submission can be entered")
    with transaction.atomic():
        registration = Registration.objects.select_for_update().get(pk=registration.pk)
        _check_phase(phase, registration, submission.artifact.size)
        manifest = manifest_now(submission)
        entered = [entry.track for entry in submission.entries.select_related("track")]
        problems = check_against_track(manifest, phase.track, beside=entered)
        if problems:
            raise SubmissionRefused(problems)
        entry, _ = Entry.objects.get_or_create(
            submission=submission, track=phase.track, defaults={"status": _status(registration, phase)}
        )
        if entry.status in (Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED):
            raise _refuse("E-SUB-STATE", f"the entry is {entry.get_status_display().lower()}")
        there = entry.charges.filter(phase=phase).first()
        if there is not None:
            if there.state == QuotaCharge.State.RELEASED:
                raise _refuse("E-SUB-STATE", f"{phase} was left without being charged ({there.reason})",
                              "Hand in what is mended; where the fault was the platform's, ask the organizers to "
                              "queue it again.")  # fmt: skip
            return entry
        rehearsals.check_rate(registration=registration, phase=phase, kind=submission.kind)
        quota.reserve(registration=registration, phase=phase, entry=entry, reason="entered without a new upload")
        rehearsals.settle_unrehearsed(entries=[entry], kind=submission.kind)
        enqueue("evaluations.plan", str(submission.pk))
    return entry


def set_status(*, entry: Entry, status: str, reason: str, user: User) -> Entry:
    """An organizer's decision about an entry, with its reason."""
    entry.status, entry.reason, entry.decided_by, entry.decided_at = status, reason[:300], user, timezone.now()
    entry.save(update_fields=["status", "reason", "decided_by", "decided_at"])
    for phase in Phase.objects.filter(track=entry.track):
        enqueue("leaderboards.refresh_runs", phase.pk)
    return entry


def open_phases(challenge: Challenge) -> list[Phase]:
    """Every phase of the challenge that takes hand-ins now, track by track."""
    now = timezone.now()
    tracks = Track.objects.filter(challenge=challenge)
    return list(
        Phase.objects.filter(track__in=tracks, opens__lte=now, closes__gt=now)
        .select_related("track__challenge")
        .order_by("track__position", "track__key", "position")
    )
