"""Who may see what of a challenge, and how its times read."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.template.defaultfilters import filesizeformat
from django.utils.timezone import now

from accounts.models import Team, User
from challenges.models import Challenge, Phase, Role, Track
from evaluators.protocol.values import zone
from sandbox.images import recipe


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


def phases_judged_blind() -> QuerySet[Phase]:
    """The phases whose methods nobody but organizers may know by name yet: blind ones that are not revealed."""
    shown = Q(closes__lte=now()) & (Q(reveal_at=None) | Q(reveal_at__lte=now()))
    return Phase.objects.filter(blind=True).filter(Q(visibility=Phase.Visibility.HIDDEN) | ~shown)


def team_of(user: User, challenge: Challenge) -> Team | None:
    """The team with which the user takes part; registrations, too, lie in an app above this one."""
    return user.teams.filter(registrations__challenge=challenge).first()


def tracks_of(challenge: Challenge) -> QuerySet[Track]:
    """The challenge's tracks with what its page shows of them, in as many queries for one as for many.

    Suites lie in an app above this one, which is why they are reached by the name of their relation.
    """
    suites = "phases__phase_suites__suite_version__suite"
    return challenge.tracks.select_related("challenge").prefetch_related(suites)


def with_archived(challenges: QuerySet[Challenge]) -> QuerySet[Challenge]:
    """The challenges with `archived`: where their results were published, if they ran elsewhere; `archived_url`: there.

    Published tables lie in an app above this one, which is why they are reached by the name of their relation.
    """
    published = Phase.objects.filter(track__challenge=OuterRef("pk"), published_table__isnull=False).order_by("pk")
    return challenges.annotate(
        archived=Subquery(published.values("published_table__source")[:1]),
        archived_url=Subquery(published.values("published_table__url")[:1]),
    )


@dataclass(frozen=True)
class PhaseLine:
    """A phase as the challenge's page shows it."""

    phase: Phase
    state: str
    opens_text: str
    closes_text: str
    quota: str
    suites: tuple[str, ...]


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
            suites=tuple(str(asked.suite_version.suite.title) for asked in phase.phase_suites.all()),
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


def limits_in_words(track: Track) -> str:
    """`2 CPUs, 4 GB of memory, 1 h, 256 MB written, no network`."""
    parts = [
        _count(track.cpus, "CPU"),
        *([_count(track.gpus, "GPU")] if track.gpus else []),
        f"{filesizeformat(track.memory)} of memory",
        duration_in_words(track.wall),
        f"{filesizeformat(track.disk)} written",
        "no network",
    ]
    return ", ".join(parts)


def image_in_words(track: Track) -> str:
    """`model: transformers 5.23.0, torch 2.13.0`, and whether that is frozen; the id alone where no more is known."""
    name, _, digest = track.image.partition("@")
    image_id = track.image_id or digest
    if not image_id:
        return f"{name}, as it is when the track's first phase opens"
    held = f": {recipe.in_words(track.image_versions)}" if track.image_versions else ""
    return f"{name}{held} ({image_id[:19]}, frozen)"


def keeps_image(track: Track, image: str) -> bool:
    """Whether the track, given this image, goes on with the one that it was frozen to."""
    return image == track.image or (bool(track.image_id) and image.partition("@")[2] == track.image_id)


def frozen_against(track: Track, image: str) -> str:
    """The sentence that refuses another image once somebody has entered the track; empty where it may be chosen."""
    if not track.image_id or keeps_image(track, image) or not track.entries.exists():
        return ""
    return f"the track has entries, so its image is frozen to {track.image.partition('@')[0]}@{track.image_id}"


def metadata_deadline(track: Track) -> datetime | None:
    """Until when a team may answer the track's questions: what the track says, else the close of its last phase."""
    if track.metadata_until is not None:
        return track.metadata_until
    return max((phase.closes for phase in track.phases.all()), default=None)


def _count(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"


def duration_in_words(seconds: int) -> str:
    """`1 h 30 min`."""
    hours, rest = divmod(seconds, 3600)
    parts = [(hours, "h"), (rest // 60, "min"), (rest % 60, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


BUDGET_WORDS = {
    "words": "{:,} words of text",
    "words_seen": "{:,} words seen in training",
    "epochs": "{:,} epochs",
    "bytes": "{:,} bytes of text",
}


def budget_in_words(track: Track) -> str:
    """`10,000,000 words of text, 10 epochs`; empty where the track sets none."""
    parts = [
        text.format(track.budget[name]) for name, text in BUDGET_WORDS.items() if track.budget.get(name) is not None
    ]
    premium = track.budget.get("byte_premium")
    if premium is not None:
        parts.append("each language over its byte premium" if premium == "table" else f"byte premium {premium:g}")
    if track.budget.get("tolerance"):
        parts.append(f"{100 * track.budget['tolerance']:g} % tolerance")
    if track.budget.get("teachers") is not None:
        parts.append(f"teachers: {', '.join(track.budget['teachers']) or 'none'}")
    return ", ".join(parts)


COUNTS_WORDS = {
    "best": "the best of a team's entries",
    "last": "a team's last entry",
    "picked": "the entry a team picks",
}


def ranking_in_words(track: Track) -> str:
    """`the mean over the phase's suites; the best of a team's entries counts`; the note where the track has one."""
    weights = track.aggregate.get("weights", {})
    how = "the mean over the phase's suites"
    if track.aggregate.get("parts"):
        how = "a mean over parts, whose definition stands under each leaderboard"
    elif weights:
        listed = ", ".join(f"{key}: {value:g}" for key, value in weights.items())
        how = f"a weighted mean over the phase's suites ({listed})"
    note = track.aggregate.get("note", "")
    return f"{how}; {COUNTS_WORDS[track.counts]} counts" + (f". {note}" if note else "")
