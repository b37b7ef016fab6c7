"""Flags: what organizers and reviewers should look at. They change no rank, and teams never see them."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from evaluations import clock
from evaluations.faults import storable
from evaluations.models import Flag, FlagDecision
from submissions.models import Submission

REASON_LENGTH = 300
AGAIN = "noticed again"


def notice(
    kind: str, submission: Submission, *, numbers: Mapping[str, Any], other: Submission | None = None,
    subject: str = "", again: bool = False,
) -> Flag:  # fmt: skip
    """Raise a flag, or find the one that is there; with `again` a dismissed one is opened anew, with new numbers."""
    identity = {"kind": kind, "submission": submission, "other": other, "subject": subject[:160]}
    try:
        with transaction.atomic():
            flag, new = Flag.objects.get_or_create(**identity, defaults={"numbers": storable(dict(numbers))})
    except IntegrityError:
        # Somebody else noticed it at the same moment.
        return Flag.objects.get(**identity)
    if not new and again:
        with transaction.atomic():
            flag = Flag.objects.select_for_update().get(pk=flag.pk)
            flag.numbers = storable(dict(numbers))
            if flag.state == Flag.State.DISMISSED:
                FlagDecision.objects.create(flag=flag, old=flag.state, new=Flag.State.OPEN, reason=AGAIN)
                flag.state = Flag.State.OPEN
            flag.save(update_fields=["numbers", "state"])
    return flag


def decide(*, flag: Flag, state: str, reason: str, user: User) -> Flag:
    """Dismiss, confirm or reopen a flag, with a reason; what was decided before stays on record.

    Raises ValueError without a reason. What follows for the entry is a decision of its own.
    """
    reason = reason.strip()[:REASON_LENGTH]
    if not reason:
        raise ValueError("a decision takes a reason")
    with transaction.atomic():
        current = Flag.objects.select_for_update().get(pk=flag.pk)
        FlagDecision.objects.create(flag=current, old=current.state, new=state, reason=reason, by=user)
        current.state, current.reason, current.decided_by, current.decided_at = state, reason, user, clock.now()
        current.save(update_fields=["state", "reason", "decided_by", "decided_at"])
    return current
