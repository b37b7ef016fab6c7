"""Names that stand for teams and methods in anonymised tables: those of blind boards, the same in every export."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.crypto import salted_hmac

from accounts.models import Team
from challenges.models import Challenge
from challenges.selectors import phases_judged_blind
from leaderboards import blind
from leaderboards.exports.query import ExportQuery

DIGITS = 12  # of 16: 48 bits


@dataclass(frozen=True)
class Names:
    """Made-up names in one challenge; `teams` are its teams' ids by their names.

    All are HMACs under the installation's secret key, so nobody can try names.
    """

    challenge: str
    challenge_id: int = 0
    teams: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, challenge: Challenge) -> "Names":
        """Those of the challenge. One query."""
        teams = Team.objects.filter(registrations__challenge=challenge).values_list("name", "pk")
        return cls(challenge.key, challenge.pk, dict(teams))

    def method(self, entry_id: int | None, key: str = "") -> str:
        """`Method p7xw3c` of an entry; of one that was published elsewhere a name that follows from its key."""
        return self._word("Method", key) if entry_id is None else blind.method_name(self.challenge_id, entry_id)

    def team(self, name: str) -> str:
        """`Team h4kq2m`."""
        team_id = self.teams.get(name)
        return self._word("Team", name) if team_id is None else blind.team_name(self.challenge_id, team_id)

    def _word(self, what: str, name: str) -> str:
        made = salted_hmac(f"leaderboards.exports/{self.challenge}", f"{what}/{name}", algorithm="sha256")
        return f"{what} {made.hexdigest()[:DIGITS]}"


def judged_blind(challenge: Challenge, query: ExportQuery) -> bool:
    """Whether a track of the query is judged blind and not revealed, so that reviewers may see no names of it."""
    phases = phases_judged_blind().filter(track__challenge=challenge)
    if query.tracks:
        phases = phases.filter(track__key__in=query.tracks)
    return phases.exists()
