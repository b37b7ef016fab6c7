"""Who may see what of a run: the table of what must not leak from hidden data, as pure functions."""

from dataclasses import dataclass, replace
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
    `scores`: the suites' own scores; `groups_from`: the least items of a group or tag that is shown (None: none);
    `guarded`: what is told is told coarsely, since the data is hidden and not revealed yet.
    """

    progress: bool
    reason: bool
    log: bool
    resources: Resources
    scores: bool
    groups_from: int | None
    guarded: bool = False


SMALLEST_GROUP_BEFORE_REVEAL = 100

EVERYTHING = Sight(True, True, True, Resources.EXACT, True, 1)
NOTHING = Sight(False, False, False, Resources.NONE, False, None, guarded=True)


def is_guarded(*, hidden: bool, visibility: str, closed: bool) -> bool:
    """Whether the phase's hidden data is still to be guarded: it is until the phase has closed and is revealed."""
    return hidden and not (closed and visibility != Phase.Visibility.HIDDEN)


def sight(viewer: Viewer, *, hidden: bool, visibility: str, closed: bool) -> Sight:
    """What the viewer sees in a phase, by whether it asks hidden data, shows scores when, and has closed."""
    guarded = is_guarded(hidden=hidden, visibility=visibility, closed=closed)
    revealed = closed and visibility != Phase.Visibility.HIDDEN
    published = revealed or visibility == Phase.Visibility.PUBLIC
    if viewer is Viewer.STAFF:
        return EVERYTHING
    if viewer is Viewer.PUBLIC:
        return replace(NOTHING, scores=published, groups_from=1 if revealed else None, guarded=guarded)
    if not hidden:
        return EVERYTHING
    if not guarded:
        return replace(EVERYTHING, log=False)
    groups_from = SMALLEST_GROUP_BEFORE_REVEAL if published else None
    return Sight(False, False, False, Resources.COARSE, published, groups_from, guarded=True)


def sight_of_rehearsal(viewer: Viewer, *, hidden: bool) -> Sight:
    """What the viewer sees of a rehearsal, which asks public items alone: the team everything, nobody else anything.

    Groups of a sample this small are no scores. Where an item is hidden after all, nothing is told.
    """
    if viewer is Viewer.STAFF:
        return EVERYTHING
    if viewer is Viewer.PUBLIC or hidden:
        return NOTHING
    return replace(EVERYTHING, groups_from=None)


def curves_from(seen: Sight) -> int | None:
    """The least items of a suite whose score at a checkpoint is shown (None: none), as of a group or tag.

    Each checkpoint of a submission is one more number that a hand-in learns of hidden data, just as each group is.
    """
    return seen.groups_from if seen.scores else None


def failure_in_words(*, ours: bool) -> str:
    """What a team is told of any failure on hidden data: one fixed sentence for its own faults, one for ours."""
    if ours:
        return "The platform could not finish this run. It is not charged, and the organizers have been told."
    return (
        "The run failed because of the submission. On hidden data nothing more is told before the results are "
        "published: its rehearsal, and a run in a phase with public data, show everything."
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


def position_in_words(position: int, *, guarded: bool) -> str:
    """A place in the queue, exact or as a bucket: others' runs, and the team's own, can be timed by watching it."""
    if not guarded:
        return f"queued, at position {position}"
    for most in (10, 100):
        if position <= most:
            return f"queued, among the first {most}"
    return "queued"
