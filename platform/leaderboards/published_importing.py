"""Archived editions: a published table becomes a challenge whose phases are closed and hold what was published."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from challenges.models import Challenge, Phase, Track
from challenges.rankings import ranking_fields
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.results import ResultsDocument, ResultTrack
from evaluators.results import digest_of
from leaderboards.models import PublishedTable
from leaderboards.published import published_results
from leaderboards.results import TrackResults
from leaderboards.services import refresh

# The one phase of an archived track.
PHASE = "final"


@dataclass(frozen=True)
class Imported:
    """The archived edition, and what was done, in sentences."""

    challenge: Challenge
    changed: bool
    sentences: tuple[str, ...]


def import_results(*, document: ResultsDocument, replace: bool = False) -> Imported:
    """Make an archived edition of a published table, or bring its new version in; the same table changes nothing.

    No account, team, submission or run is made. Raises ProblemsFound where the key is that of a challenge that runs
    here, where the table is another than the one that is there and `replace` is not set, or where it has not closed.
    """
    digest = digest_of(document)
    _check_closed(document)
    with transaction.atomic():
        challenge = Challenge.objects.select_for_update().filter(key=document.key).first()
        tables = PublishedTable.objects.filter(phase__track__challenge=challenge) if challenge else None
        there = tables.first() if tables is not None else None
        if challenge is not None and (there is None or _runs_here(challenge)):
            raise _refused("E-RESULTS-EDITION", f"the challenge {document.key!r} runs here", "key", "Give another key.")
        if challenge is not None and there is not None and there.digest == digest:
            return Imported(challenge, False, (f"{challenge.key}: the same table is here already; nothing to change",))
        if there is not None and not replace:
            message = f"another table of {document.key!r} was imported on {there.imported_at:%Y-%m-%d}"
            raise _refused("E-RESULTS-CHANGED", message, "", "Add --replace to bring the new one in.")
        version = there.version + 1 if there is not None else 1
        challenge = _challenge(document, challenge)
        phases = [_phase(document, challenge, place) for place in range(len(document.tracks))]
        challenge.tracks.exclude(key__in=[track.key for track in document.tracks]).delete()
        for phase, track in zip(phases, document.tracks, strict=True):
            _table(phase, document, track, digest=digest, version=version)
    sentences = [f"{challenge.key}: {challenge.title}, version {version} of its table"]
    sentences += [_track_in_words(results) for phase in phases if (results := published_results(phase)) is not None]
    return Imported(challenge, True, tuple(sentences))


def _runs_here(challenge: Challenge) -> bool:
    """Whether a phase of the challenge has no published table: then it is not an archived edition."""
    return Phase.objects.filter(track__challenge=challenge, published_table=None).exists()


def _check_closed(document: ResultsDocument) -> None:
    for place, track in enumerate(document.tracks):
        if document.closed(track) >= timezone.now():
            message = f"the track closes on {document.closed(track):%Y-%m-%d}, which is not past"
            field = f"tracks[{place}].closes"
            raise _refused("E-RESULTS-EDITION", message, field, "Import the results of an edition that is over.")


def _refused(code: str, message: str, field: str, remedy: str) -> ProblemsFound:
    return ProblemsFound([Problem(code, message, field=field, remedy=remedy)])


def _challenge(document: ResultsDocument, there: Challenge | None) -> Challenge:
    fields: dict[str, Any] = {
        "title": document.title,
        "summary": document.summary,
        "description": document.description,
        "timezone": document.timezone,
        "published": True,
    }
    if there is None:
        return Challenge.objects.create(key=document.key, **fields)
    Challenge.objects.filter(pk=there.pk).update(**fields)
    return Challenge.objects.get(pk=there.pk)


def _phase(document: ResultsDocument, challenge: Challenge, place: int) -> Phase:
    """The track of this place and its one phase, which closed when the edition did."""
    value = document.tracks[place]
    track, _ = Track.objects.update_or_create(
        challenge=challenge,
        key=value.key,
        defaults={
            "title": value.title or value.key,
            "description": value.description,
            "position": place,
            "kinds": ["predictions"],
            "questions": [question.to_value() for question in value.questions],
            **ranking_fields(value.ranking),
        },
    )
    closes = document.closed(value).astimezone(UTC)
    opens = min(datetime(closes.year, 1, 1, tzinfo=UTC), closes - timedelta(days=1))
    phase, _ = Phase.objects.update_or_create(
        track=track,
        key=PHASE,
        defaults={"title": "Final", "opens": opens, "closes": closes, "visibility": Phase.Visibility.AFTER_CLOSE},
    )
    return phase


def _table(phase: Phase, document: ResultsDocument, track: ResultTrack, *, digest: str, version: int) -> None:
    """The phase's table, and its board; that of an earlier version is among the board's earlier states."""
    PublishedTable.objects.update_or_create(
        phase=phase,
        defaults={
            "version": version,
            "digest": digest,
            "year": document.year,
            "source": document.source,
            "url": document.url or "",
            "license": document.license,
            "notes": list(document.notes),
            "decimals": track.decimals,
            "columns": [column.to_value() for column in track.columns],
            "rows": [entry.to_value() for entry in track.entries],
            "failures": [failure.to_value() for failure in track.failures],
            "imported_at": timezone.now(),
        },
    )
    refresh(phase=phase)


def _track_in_words(results: TrackResults) -> str:
    """`strict: 38 entries, 7 ranked; first: Heron (.743)`."""
    ranked = results.ranked
    first = f"; first: {ranked[0].name} ({ranked[0].aggregate:.4g})" if ranked else ""
    return f"{results.key}: {len(results.results)} entries, {len(ranked)} ranked{first}"
