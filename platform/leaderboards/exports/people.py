"""Who is behind the teams: for organizers who ask for it, and noted in the challenge's history."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from accounts.models import Membership, User
from challenges.models import Challenge
from challenges.selectors import is_organizer
from leaderboards.exports.query import ExportQuery, ExportRefused


class Members(NamedTuple):
    """A team's people on one line each: names, and e-mail addresses in the same order."""

    names: str = ""
    emails: str = ""


def members_of(challenge: Challenge) -> Mapping[str, Members]:
    """The members of each team that takes part, by the team's name. One query."""
    found: dict[str, list[User]] = defaultdict(list)
    memberships = Membership.objects.filter(team__registrations__challenge=challenge).select_related("team", "user")
    for one in memberships.order_by("team__name", "joined_at", "pk"):
        found[one.team.name].append(one.user)
    return {
        team: Members("; ".join(user.name for user in users), "; ".join(user.email for user in users))
        for team, users in found.items()
    }


def allow_people(challenge: Challenge, query: ExportQuery, user: User) -> None:
    """Raises ExportRefused where the query asks for people and the user may not have them."""
    if query.people and not is_organizer(user, challenge):
        raise ExportRefused("People's names and e-mail addresses are for the challenge's organizers.")


def note_people(*, challenge: Challenge, query: ExportQuery, user: User) -> None:
    """Note in the challenge's history that somebody exported people; raises ExportRefused where they may not."""
    allow_people(challenge, query, user)
    if not query.people:
        return
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Challenge),
        object_id=str(challenge.pk),
        object_repr=str(challenge)[:200],
        action_flag=CHANGE,
        change_message=f"Exported results with people's names and e-mail addresses: {query.text}",
    )
