"""Pausing a track: nothing of it is claimed until an organizer has looked at what is lastingly wrong."""

from django.conf import settings
from django.utils import timezone

from challenges.models import Track
from evaluations.alerts import tell_organizers
from evaluations.models import Run

# What a run's end says of the platform; cancelled runs say nothing.
TELLING = (Run.State.DONE, Run.State.FAILED, Run.State.ERRORED)


def pause(track: Track, reason: str) -> bool:
    """Pause the track and tell its organizers; False where it is paused already."""
    changed = Track.objects.filter(pk=track.pk, paused_at__isnull=True).update(
        paused_at=timezone.now(), paused_reason=reason[:300]
    )
    if changed:
        text = (
            f"The track {track.title} is paused: {reason}\n\nIts runs wait, and teams are told so. Once the fault is "
            "mended, lift the pause in the admin: Tracks, action “Lift the pause”."
        )
        tell_organizers(track.challenge, f"Proctor: the track {track.title} is paused", text)
    return bool(changed)


def after_error(run: Run, reason: str) -> None:
    """A run has ended through a fault of ours: tell the organizers, and pause its track where it was not the first."""
    track = run.entry.track
    if _errors_in_a_row(track) >= settings.PAUSE_AFTER:
        pause(track, f"{settings.PAUSE_AFTER} runs in a row ended through the platform, at last: {reason}")
        return
    text = (
        f"Run {run.pk} in {run.phase} ended through the platform after {run.attempts.count()} attempts: {reason}\n\n"
        "It is not charged. Once the fault is mended, queue it again in the admin: Runs, action “Queue again”."
    )
    tell_organizers(track.challenge, f"Proctor: a run in {track.title} could not be finished", text)


def _errors_in_a_row(track: Track) -> int:
    ended = Run.objects.filter(entry__track=track, state__in=TELLING)
    if track.resumed_at is not None:
        # What went wrong before the pause was lifted has been looked at.
        ended = ended.filter(finished_at__gt=track.resumed_at)
    ended = ended.order_by("-finished_at", "-created_at")
    states = list(ended.values_list("state", flat=True)[: settings.PAUSE_AFTER])
    return next((n for n, state in enumerate(states) if state != Run.State.ERRORED), len(states))
