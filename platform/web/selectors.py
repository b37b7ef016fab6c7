"""What the front page shows."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from challenges.models import Challenge, Phase
from challenges.selectors import with_archived


@dataclass(frozen=True)
class ChallengeCard:
    """A challenge on the front page with its next deadline."""

    challenge: Challenge
    tracks: int
    open_phases: int
    next_close: datetime | None
    next_open: datetime | None


def front_page(user: AbstractBaseUser | AnonymousUser) -> list[ChallengeCard]:
    """A card for each challenge the user may see: open ones first, by their next deadline. Three queries."""
    now = timezone.now()
    cards = []
    for challenge in with_archived(Challenge.objects.visible_to(user)).prefetch_related("tracks__phases"):
        tracks = challenge.tracks.all()
        phases: list[Phase] = [phase for track in tracks for phase in track.phases.all()]
        running = [phase for phase in phases if phase.opens <= now < phase.closes]
        coming = [phase.opens for phase in phases if phase.opens > now]
        cards.append(
            ChallengeCard(
                challenge=challenge,
                tracks=len(tracks),
                open_phases=len(running),
                next_close=min((phase.closes for phase in running), default=None),
                next_open=min(coming, default=None),
            )
        )
    far = datetime.max.replace(tzinfo=now.tzinfo)
    return sorted(cards, key=lambda card: (card.next_close or far, card.next_open or far, card.challenge.title))
