"""challenge.yaml in and out: `export(apply(document)) == document`."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, QuerySet

from accounts.models import User
from challenges.models import Challenge, Phase, Role, Track
from challenges.questions import REMEDY, refused_changes
from challenges.rankings import ranking_fields
from challenges.selectors import frozen_against, is_organizer, keeps_image
from challenges.services import grant_role, refresh_leaderboards
from evaluators.protocol.challenge import ChallengeDocument, PhaseDocument, SuiteSource, TrackDocument
from evaluators.protocol.problems import Problem, ProblemsFound
from suites import selectors, services
from suites.models import PhaseSuite, SuiteVersion

FILE = "challenge.yaml"


def _refused(code: str, message: str, *, field: str = "", remedy: str = "") -> ProblemsFound:
    return ProblemsFound([Problem(code, message, FILE, field=field, remedy=remedy)])


@dataclass
class Applied:
    """What applying a document did; `changes` is empty where it was all there already."""

    challenge: Challenge
    changes: list[str] = field(default_factory=list)


def apply(document: ChallengeDocument, *, user: User | None = None, base: Path | None = None) -> Applied:
    """Bring the database to what the document says; raises ProblemsFound, and then nothing has changed.

    Idempotent. `base` is the folder that suite sources are relative to; without one, suites must be here already, and
    where a `user` applies it, be theirs to use. Tracks and phases that the document does not name are removed, unless
    somebody has entered them.
    """
    prepared = _prepare(document, base, user)
    try:
        return _apply(document, user, base, prepared)
    except BaseException:
        for suite in prepared.values():
            suite.forget()
        raise


def _apply(
    document: ChallengeDocument, user: User | None, base: Path | None, prepared: dict[str, services.Prepared]
) -> Applied:
    with transaction.atomic():
        changes: list[str] = []
        there = Challenge.objects.filter(key=document.key).first()
        if there is not None and user is not None and not is_organizer(user, there):
            raise _refused(
                "E-CHALLENGE-OTHERS",
                f"the challenge {document.key} is not yours",
                field="key",
                remedy="Choose another key, or ask its organizers for the role.",
            )
        if there is not None and there.tracks.filter(phases__published_table__isnull=False).exists():
            raise _refused(
                "E-CHALLENGE-ARCHIVED",
                f"{document.key} is an edition that ran elsewhere, and its published results are here",
                field="key",
                remedy="Give the challenge another key.",
            )
        versions = _suites(document, _usable(base, user), prepared, user, changes)
        challenge = _upsert(
            Challenge, {"key": document.key}, _challenge_fields(document), changes, f"challenge {document.key}"
        )
        if user is not None and there is None:
            grant_role(challenge=challenge, user=user, kind=Role.Kind.ORGANIZER)
        for position, track_document in enumerate(document.tracks):
            _weights(track_document, f"tracks[{position}]")
            track = _upsert(
                Track,
                {"challenge": challenge, "key": track_document.key},
                _track_fields(track_document, position)
                | _thawed(challenge, track_document, position)
                | _asking(challenge, document, position),
                changes,
                f"track {track_document.key}",
            )
            for number, phase_document in enumerate(track_document.phases):
                phase = _upsert(
                    Phase,
                    {"track": track, "key": phase_document.key},
                    _phase_fields(document, phase_document, number),
                    changes,
                    f"phase {track_document.key}/{phase_document.key}",
                )
                place = f"tracks[{position}].phases[{number}].suites"
                _phase_suites(phase, phase_document, versions, place, changes)
            _remove(track.phases.exclude(key__in=[phase.key for phase in track_document.phases]), "phase", changes)
            if changes:
                refresh_leaderboards(track=track)
        _remove(challenge.tracks.exclude(key__in=[track.key for track in document.tracks]), "track", changes)
        return Applied(challenge, changes)


def _usable(base: Path | None, user: User | None) -> QuerySet[SuiteVersion]:
    """Who runs the command on this machine may use every suite; who uploads a document, their own."""
    return SuiteVersion.objects.all() if user is None or base is not None else selectors.versions_for(user)


def _prepare(document: ChallengeDocument, base: Path | None, user: User | None) -> dict[str, services.Prepared]:
    """Check and seal the folders of versions that are missing, before any transaction; raises ProblemsFound."""
    prepared: dict[str, services.Prepared] = {}
    try:
        for number, source in enumerate(document.suites):
            name = f"{source.key}@{source.version}"
            if not _usable(base, user).filter(suite__key=source.key, version=source.version).exists():
                prepared[name] = _prepared(source, f"suites[{number}]", base)
    except BaseException:
        for suite in prepared.values():
            suite.forget()
        raise
    return prepared


def _suites(
    document: ChallengeDocument,
    usable: QuerySet[SuiteVersion],
    prepared: dict[str, services.Prepared],
    user: User | None,
    changes: list[str],
) -> dict[str, SuiteVersion]:
    """The frozen version behind every `key@version`; what was prepared is recorded."""
    found: dict[str, SuiteVersion] = {}
    for number, source in enumerate(document.suites):
        name = f"{source.key}@{source.version}"
        version = usable.filter(suite__key=source.key, version=source.version).select_related("suite").first()
        if version is None:
            version = services.record(prepared[name], user=user)
            changes.append(f"suite {name}: added")
        if source.digest and source.digest != version.digest:
            raise _refused(
                "E-CHALLENGE-DIGEST",
                f"the suite {name} has the digest {version.digest}",
                field=f"suites[{number}].digest",
                remedy="Name the version whose content you mean.",
            )
        found[name] = services.freeze(version=version)
    return found


def _prepared(source: SuiteSource, place: str, base: Path | None) -> services.Prepared:
    """The version in its source folder; raises ProblemsFound where there is none, or it holds another version."""
    name = f"{source.key}@{source.version}"
    if not source.source or "://" in source.source or base is None:
        raise _refused(
            "E-CHALLENGE-SUITE",
            f"the suite {name} is not here",
            field=place,
            remedy="Upload and freeze it in the admin first, or name its folder as `source` "
            "and apply the document with the command.",
        )
    try:
        prepared = services.prepare(base / source.source)
    except ProblemsFound as error:
        raise ProblemsFound(
            [
                replace(problem, file=f"{source.source}/{problem.file}", field=problem.field or f"{place}.source")
                for problem in error.problems
            ]
        ) from error
    manifest = prepared.opened.manifest
    if f"{manifest.key}@{manifest.version}" != name:
        prepared.forget()
        message = f"the folder holds {manifest.key}@{manifest.version}, not {name}"
        raise _refused("E-CHALLENGE-SUITE", message, field=f"{place}.source")
    return prepared


def _weights(track: TrackDocument, place: str) -> None:
    """A weight, scale or part of a suite that no phase asks would silently do nothing: raises ProblemsFound."""
    asked = {entry.suite.partition("@")[0] for phase in track.phases for entry in phase.suites}
    for part in track.ranking.aggregate.parts:
        if part.key in asked:
            raise _refused(
                "E-CHALLENGE-WEIGHT",
                f"the part {part.key!r} has the key of a suite that the track asks",
                field=f"{place}.ranking.aggregate.parts",
                remedy="Give the part another key.",
            )
    for key in track.ranking.aggregate.suites_named:
        if key not in asked:
            raise _refused(
                "E-CHALLENGE-WEIGHT",
                f"no phase of the track asks the suite {key!r}",
                field=f"{place}.ranking.aggregate",
                remedy="Weights, scales and parts go by a suite's key, without its version.",
            )


def _upsert(model: Any, identity: dict[str, Any], fields: dict[str, Any], changes: list[str], name: str) -> Any:
    """Create the row or bring its fields to these values; writes, and reports, only what differs."""
    row = model.objects.filter(**identity).first()
    if row is None:
        changes.append(f"{name}: created")
        return model.objects.create(**identity, **fields)
    differing = [field for field, value in fields.items() if getattr(row, field) != value]
    for name_of_field in differing:
        setattr(row, name_of_field, fields[name_of_field])
    if differing:
        row.save(update_fields=differing)
        changes.append(f"{name}: {', '.join(differing)} changed")
    return row


def _thawed(challenge: Challenge, document: TrackDocument, position: int) -> dict[str, Any]:
    """What another image resets of a track that is frozen to one; raises ProblemsFound once it has entries."""
    track, image = challenge.tracks.filter(key=document.key).first(), document.sandbox.image
    if track is None or keeps_image(track, image):
        return {}
    if sentence := frozen_against(track, image):
        raise _refused(
            "E-CHALLENGE-USED",
            sentence,
            field=f"tracks[{position}].sandbox.image",
            remedy="Keep the image, or add a track that runs in another.",
        )
    return {"image_id": "", "image_versions": {}}


def _asking(challenge: Challenge, document: ChallengeDocument, position: int) -> dict[str, Any]:
    """What the track asks about methods, and until when; raises ProblemsFound where answers forbid a change."""
    asked = document.tracks[position]
    refused = refused_changes(challenge.tracks.filter(key=asked.key).first(), asked.questions)
    if refused:
        raise ProblemsFound(
            [
                Problem("E-CHALLENGE-ANSWERED", one.message, FILE, remedy=REMEDY,
                        field=f"tracks[{position}].questions[{one.position}].{one.field}")
                for one in refused
            ]
        )  # fmt: skip
    return {
        "questions": [question.to_value() for question in asked.questions],
        "metadata_until": document.moment(asked.metadata_until) if asked.metadata_until else None,
    }


def _challenge_fields(document: ChallengeDocument) -> dict[str, Any]:
    return {
        "title": document.title,
        "summary": document.summary,
        "description": document.description,
        "timezone": document.timezone,
        "published": document.published,
        "baselines": [baseline.to_value() for baseline in document.baselines],
        "suite_sources": [source.to_value() for source in document.suites],
    }


def _track_fields(document: TrackDocument, position: int) -> dict[str, Any]:
    sandbox = document.sandbox
    return {
        "title": document.title or document.key,
        "description": document.description,
        "position": position,
        "kinds": list(document.kinds),
        "backends": list(document.backends),
        "budget": document.budget.to_value(),
        "checkpoints": document.checkpoints.to_value() if document.checkpoints else {},
        "image": sandbox.image,
        "cpus": sandbox.cpus,
        "memory": sandbox.memory,
        "pids": sandbox.pids,
        "gpus": sandbox.gpus,
        "wall": sandbox.wall,
        "disk": sandbox.disk,
        "hardware": sandbox.hardware,
        "max_bytes": document.max_size,
        **ranking_fields(document.ranking),
        "convert_weights": document.weights.convert,
        "remote_code": document.weights.remote_code,
        "rehearsals_hour": document.rehearsal.hour,
        "rehearsal_items": document.rehearsal.items,
    }


def _phase_fields(document: ChallengeDocument, phase: PhaseDocument, position: int) -> dict[str, Any]:
    return {
        "title": phase.title or phase.key,
        "position": position,
        "opens": document.moment(phase.opens),
        "closes": document.moment(phase.closes),
        "quota_day": phase.quota.day,
        "quota_total": phase.quota.total,
        "quota_concurrent": phase.quota.concurrent,
        "visibility": phase.visibility,
        "reveal_at": document.moment(phase.reveal) if phase.reveal else None,
        "blind": phase.blind,
    }


def _phase_suites(
    phase: Phase, document: PhaseDocument, versions: dict[str, SuiteVersion], place: str, changes: list[str]
) -> None:
    wanted = []
    for number, entry in enumerate(document.suites):
        version = versions.get(entry.suite)
        if version is None:
            raise _refused(
                "E-CHALLENGE-SUITE",
                f"the document's `suites` do not name {entry.suite}",
                field=f"{place}[{number}].suite",
                remedy="Add it to `suites`.",
            )
        if sentence := selectors.missing_split(version, list(entry.splits)):
            raise _refused("E-CHALLENGE-SPLIT", sentence, field=f"{place}[{number}].splits")
        wanted.append((version.pk, list(entry.splits), entry.sample, entry.checkpoints, number))
    there = list(phase.phase_suites.values_list("suite_version", "splits", "sample", "checkpoints", "position"))
    if [list(row) for row in there] == [list(row) for row in wanted]:
        return
    phase.phase_suites.all().delete()
    for pk, splits, sample, checkpoints, number in wanted:
        PhaseSuite.objects.create(
            phase=phase, suite_version_id=pk, splits=splits, sample=sample, checkpoints=checkpoints, position=number
        )
    changes.append(f"phase {phase.track.key}/{phase.key}: suites set")


def _remove(rows: Any, what: str, changes: list[str]) -> None:
    """Delete tracks or phases that the document left out, unless entries hang on them."""
    for row in rows:
        try:
            row.delete()
        except ProtectedError as error:
            raise _refused(
                "E-CHALLENGE-USED",
                f"the {what} {row.key} has entries, so it can't be left out",
                remedy="Keep it in the document.",
            ) from error
        changes.append(f"{what} {row.key}: removed")
