"""A challenge as the document that would bring it about: `export(apply(document)) == document`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from challenges.models import Challenge, Phase, Track
from challenges.rankings import ranking_value
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.values import written
from suites.models import SuiteVersion

FILE = "challenge.yaml"


def export(challenge: Challenge) -> ChallengeDocument:
    """The document that `apply` would bring about this challenge with; times in the challenge's zone."""

    def local(moment: datetime) -> str:
        return written(moment, zone_name=challenge.timezone).isoformat()

    tracks = list(challenge.tracks.prefetch_related("phases__phase_suites__suite_version__suite"))
    keys = {track.key for track in tracks}

    value: dict[str, Any] = {
        "schema": "challenge/1",
        "key": challenge.key,
        "title": challenge.title,
        "summary": challenge.summary,
        "description": challenge.description,
        "timezone": challenge.timezone,
        "published": challenge.published,
        "tracks": [_track_value(track, local) for track in tracks],
        "suites": _suite_values(challenge),
        "baselines": [baseline for baseline in challenge.baselines if baseline["track"] in keys],
    }
    return ChallengeDocument.from_value(value, file=FILE)


def _suite_values(challenge: Challenge) -> list[dict[str, Any]]:
    """The sources as the document named them, and what was added in the admin since."""
    named = {f"{source['key']}@{source['version']}": source for source in challenge.suite_sources}
    used = (
        SuiteVersion.objects.filter(phase_suites__phase__track__challenge=challenge).distinct().select_related("suite")
    )
    for version in used.order_by("suite__key", "version"):
        named.setdefault(str(version), {"key": version.suite.key, "version": version.version, "digest": version.digest})
    return list(named.values())


def _track_value(track: Track, local: Callable[[datetime], str]) -> dict[str, Any]:
    return {
        "key": track.key,
        "title": track.title if track.title != track.key else None,
        "description": track.description,
        "kinds": track.kinds,
        "backends": track.backends,
        "budget": track.budget,
        "max_size": track.max_bytes,
        "sandbox": {
            "image": track.image,
            "cpus": float(track.cpus),
            "memory": track.memory,
            "pids": track.pids,
            "gpus": track.gpus,
            "wall": track.wall,
            "disk": track.disk,
            "hardware": track.hardware,
        },
        "weights": {"convert": track.convert_weights, "remote_code": track.remote_code},
        "rehearsal": {"hour": track.rehearsals_hour, "items": track.rehearsal_items},
        "checkpoints": track.checkpoints or None,
        "questions": track.questions,
        "metadata_until": local(track.metadata_until) if track.metadata_until else None,
        "ranking": ranking_value(track),
        "phases": [_phase_value(phase, local) for phase in track.phases.all()],
    }


def _phase_value(phase: Phase, local: Callable[[datetime], str]) -> dict[str, Any]:
    return {
        "key": phase.key,
        "title": phase.title if phase.title != phase.key else None,
        "opens": local(phase.opens),
        "closes": local(phase.closes),
        "suites": [
            {
                "suite": str(entry.suite_version),
                "splits": entry.splits,
                "sample": entry.sample,
                "checkpoints": entry.checkpoints,
            }
            for entry in phase.phase_suites.all()
        ],
        "quota": {"day": phase.quota_day, "total": phase.quota_total, "concurrent": phase.quota_concurrent},
        "visibility": phase.visibility,
        "reveal": local(phase.reveal_at) if phase.reveal_at else None,
        "blind": phase.blind,
    }
