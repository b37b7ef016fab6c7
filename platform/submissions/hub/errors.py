"""Why a fetch stops: the team's fault is a ProblemsFound, everything here is not."""


class HubAway(Exception):
    """The hub does not answer as it should, which passes: tried again, and never charged.

    `after`: seconds to wait where the hub says so. The sentence is shown to the team.
    """

    def __init__(self, sentence: str, *, after: float | None = None) -> None:
        self.after = after
        super().__init__(sentence)


class TurnOver(Exception):
    """The worker has fetched for long enough, and other work has its turn."""


class ClaimLost(Exception):
    """Another worker is at it, or the submission waits for nothing any more."""
