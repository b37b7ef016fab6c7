"""Made-up names on a board whose methods are to be judged blind: the same for a team and a method all the time."""

from typing import Any

from django.utils.crypto import salted_hmac

from challenges.models import Phase

LETTERS = 6  # of 32: among 1,000 names two are the same with a chance of 1 in 2,000
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789u"


def is_blind(phase: Phase, *, organizer: bool) -> bool:
    """Whether the viewer sees made-up names: everybody but organizers until the reveal, where the phase is blind."""
    revealed = phase.is_revealed and phase.visibility != Phase.Visibility.HIDDEN
    return phase.blind and not revealed and not organizer


def team_name(challenge_id: int, team_id: int) -> str:
    """`Team h4kq2m`, an HMAC under the installation's secret key, so that nobody can try names."""
    return f"Team {_word(challenge_id, 'team', str(team_id))}"


def method_name(challenge_id: int, entry_id: int) -> str:
    """`Method p7xw3c`, the same on every board that the entry stands on."""
    return f"Method {_word(challenge_id, 'method', str(entry_id))}"


def _word(challenge_id: int, what: str, name: str) -> str:
    made = salted_hmac(f"leaderboards.blind/{challenge_id}", f"{what}/{name}", algorithm="sha256").digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in made[:LETTERS])


def digest(plain: str) -> str:
    """What stands for a digest over names: as different from others as it is, and nobody can try names."""
    return salted_hmac("leaderboards.blind/digest", plain, algorithm="sha256").hexdigest() if plain else ""


def blinded(row: dict[str, Any], challenge_id: int) -> dict[str, Any]:
    """The row under made-up names, without an organizer's words about it; a baseline keeps its own name."""
    if row.get("status") in ("baseline", "skyline"):
        return row
    names = {
        "name": method_name(challenge_id, int(row.get("entry") or 0)),
        "team": team_name(challenge_id, int(row.get("team_id") or 0)),
        "blind": True,
    }
    return {**row, **names, **({"reason": ""} if "reason" in row else {})}
