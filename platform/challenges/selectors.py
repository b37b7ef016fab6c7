"""Who may see what of a challenge, and how its times read."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from challenges.models import Challenge, Phase, Role, Track
from evaluators.protocol.challenge import zone


def roles_of(user: AbstractBaseUser | AnonymousUser, challenge: Challenge) -> frozenset[str]:
    """The user's roles in the challenge; an organizer is a reviewer too, a superuser both."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if getattr(user, "is_superuser", False):
        return frozenset({Role.Kind.ORGANIZER, Role.Kind.REVIEWER})
    kinds = set(Role.objects.filter(challenge=challenge, user_id=user.pk).values_list("kind", flat=True))
    if Role.Kind.ORGANIZER in kinds:
        kinds.add(Role.Kind.REVIEWER)
    return frozenset(kinds)


def is_organizer(user: AbstractBaseUser | AnonymousUser, challenge: Challenge) -> bool:
    """Whether the user looks after the challenge."""
    return Role.Kind.ORGANIZER in roles_of(user, challenge)


def is_reviewer(user: AbstractBaseUser | AnonymousUser, challenge: Challenge) -> bool:
    """Whether the user may see results before they are published."""
    return Role.Kind.REVIEWER in roles_of(user, challenge)


@dataclass(frozen=True)
class PhaseLine:
    """A phase as the challenge's page shows it."""

    phase: Phase
    state: str
    opens_text: str
    closes_text: str
    quota: str


def phase_lines(track: Track) -> list[PhaseLine]:
    """The track's phases with their times in the challenge's zone and their quota in words."""
    where = zone(track.challenge.timezone)
    return [
        PhaseLine(
            phase=phase,
            state="open" if phase.is_open else "closed" if phase.is_closed else "upcoming",
            opens_text=_local(phase.opens, where),
            closes_text=_local(phase.closes, where),
            quota=quota_in_words(phase),
        )
        for phase in track.phases.all()
    ]


def _local(moment: datetime, where: tzinfo) -> str:
    """The moment in a zone; Django's template filter would turn it back into the site's own."""
    return f"{moment.astimezone(where):%-d %B %Y, %H:%M}"


def quota_in_words(phase: Phase) -> str:
    """`5 a day, 50 in all, 2 at a time`; empty where nothing is limited."""
    parts = [
        (phase.quota_day, "a day"),
        (phase.quota_total, "in all"),
        (phase.quota_concurrent, "at a time"),
    ]
    return ", ".join(f"{number} {what}" for number, what in parts if number is not None)
