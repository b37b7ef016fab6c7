"""Who may see what of a run: the table of what must not leak from hidden data, as pure functions."""

from dataclasses import dataclass
from enum import StrEnum

from challenges.models import Phase


class Viewer(StrEnum):
    """Who looks: the team itself, the challenge's organizers and reviewers, or anybody else."""

    TEAM = "team"
    STAFF = "staff"
    PUBLIC = "public"


class Resources(StrEnum):
    """How exactly time and memory are told: they are a channel that a submission could speak through."""

    NONE = "none"
    COARSE = "coarse"
    EXACT = "exact"


@dataclass(frozen=True)
class Sight:
    """What a viewer sees of a run.

    `progress`: suite i of m and items/s; `reason`: the exact code and place of a failure; `log`: the end of the log;
    `scores`: the suites' own scores; `groups_from`: the least items of a group or tag that is shown (None: none).
    """

    progress: bool
    reason: bool
    log: bool
    resources: Resources
    scores: bool
    groups_from: int | None


SMALLEST_GROUP_BEFORE_REVEAL = 100

EVERYTHING = Sight(True, True, True, Resources.EXACT, True, 1)


def sight(viewer: Viewer, *, hidden: bool, visibility: str, closed: bool) -> Sight:
    """What the viewer sees in a phase, by whether it asks hidden data, shows scores when, and has closed."""
    revealed = closed and visibility != Phase.Visibility.HIDDEN
    published = revealed or visibility == Phase.Visibility.PUBLIC
    if viewer is Viewer.STAFF:
        return EVERYTHING
    if viewer is Viewer.PUBLIC:
        return Sight(False, False, False, Resources.NONE, published, 1 if revealed else None)
    if not hidden:
        return EVERYTHING
    if revealed:
        return Sight(True, True, False, Resources.EXACT, True, 1)
    return Sight(False, False, False, Resources.COARSE, published, SMALLEST_GROUP_BEFORE_REVEAL if published else None)


def failure_in_words(*, ours: bool) -> str:
    """What a team is told of any failure on hidden data: one fixed sentence for its own faults, one for ours."""
    if ours:
        return "The platform could not finish this run. It is not charged, and the organizers have been told."
    return (
        "The run failed because of the submission. On hidden data nothing more is told before the results are "
        "published: the same submission shows its exact error in a phase with public data."
    )


def wall_in_words(seconds: float, how: Resources) -> str:
    """A duration, exact or as a bucket."""
    if how is Resources.EXACT:
        return f"{seconds:,.1f} s"
    for most, words in ((60, "under a minute"), (600, "1 to 10 minutes"), (3600, "10 to 60 minutes")):
        if seconds < most:
            return words
    return "over an hour"


def memory_in_words(size: int, how: Resources) -> str:
    """Peak memory in bytes, exact or as a bucket."""
    if how is Resources.EXACT:
        return f"{size / 1024**2:,.0f} MiB"
    for most, words in ((1, "under 1 GiB"), (4, "1 to 4 GiB"), (16, "4 to 16 GiB")):
        if size < most * 1024**3:
            return words
    return "over 16 GiB"
