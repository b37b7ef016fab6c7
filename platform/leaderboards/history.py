"""The earlier states of a board, as far as the viewer may know that there were any."""

from datetime import datetime

from leaderboards.models import Snapshot
from leaderboards.snapshots import SHOWN_BEFORE


def history_of(snapshot: Snapshot, *, told: bool) -> list[tuple[datetime, str]]:
    """The earlier states, newest first: when each that the viewer sees as another one began.

    What is told may stay the same while exact scores change: then there is nothing to see, not even when.
    """
    found: list[tuple[datetime, str]] = []
    following = snapshot.told_digest if told else snapshot.digest
    for at, exact, shown in snapshot.history:
        digest = shown if told else exact
        if digest and found and found[-1][1] == digest:
            found[-1] = (datetime.fromisoformat(at), digest)
        elif digest and digest != following:
            found.append((datetime.fromisoformat(at), digest))
        following = digest or following
    if told and len(snapshot.history) >= SHOWN_BEFORE and found:
        # Of the oldest one it isn't known here when it began.
        found.pop()
    return found


def since_of(snapshot: Snapshot) -> datetime:
    """When what is told began to read as in this snapshot: its own time is that of a change that may not be told."""
    since = snapshot.created_at
    for at, _, shown in snapshot.history:
        if shown != snapshot.told_digest:
            return since
        since = datetime.fromisoformat(at)
    if len(snapshot.history) < SHOWN_BEFORE:
        return since
    before = Snapshot.objects.filter(phase=snapshot.phase_id, created_at__lt=since).order_by("-created_at")
    for at, shown in before.values_list("created_at", "told_digest"):
        if shown != snapshot.told_digest:
            break
        since = at
    return since
