"""The canary baseline: a submission and a suite of our own whose scores are the same to the bit, or something is wrong.

It goes the way of every run (intake, predict, collect, score) in each image that open tracks use, with gold of its own.
"""

import hashlib
import hmac
import io
import logging
import tarfile
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from challenges.models import Track
from evaluations import images, pauses, scorer
from evaluations.faults import LastingFault
from evaluations.models import Canary
from evaluations.scorer import TooCostly
from evaluators import __version__
from evaluators.grammar.folders import write_all
from evaluators.protocol.documents import canonical_json
from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import score
from evaluators.suites import Suite, open_suite
from sandbox.errors import ImageMissing, SandboxError
from sandbox.interface import IntakeRules, Job, Sandbox, Verdict
from sandbox.limits import Limits, MiB
from submissions import engine

logger = logging.getLogger(__name__)

SEED = 1
PAIRS = 4
FOLDER = "main/canary/0"
LIMITS = Limits(cpus=1.0, memory=512 * MiB, pids=64, wall=60.0, disk=4 * MiB, tmp=16 * MiB)
# Sums of logarithms and powers in an order that is fixed: a library or a processor that rounds otherwise is seen.
MODEL = '''"""The canary: what it answers depends on nothing but the text."""

import math


class Model:
    """Scores text by a sum over its characters."""

    def loglikelihood(self, requests):
        """One number for each request."""
        return [-sum(_cost(place, ord(mark)) for place, mark in enumerate(_text(one))) for one in requests]


def _text(request):
    return request["context"] + request["continuation"]


def _cost(place, mark):
    return math.log1p(mark) * math.exp(-place / 37) + math.sin(mark * (place + 1)) ** 2
'''


class Silent(Exception):
    """The canary did not come to its end; that is a fault to look at, and no wrong score."""


def check_all(*, hardware: str, worker: str) -> list[Canary]:
    """Let the canary sing in every image that open tracks of this hardware use; returns what was recorded."""
    image_ids = set()
    for track in images.open_tracks(hardware=hardware):
        try:
            image_ids.add(images.of_track(track))
        except SandboxError as error:
            logger.warning("No canary for the image %s: %s", track.image, error)
    return [check(image_id, hardware=hardware, worker=worker) for image_id in sorted(image_ids)]


def check(image_id: str, *, hardware: str, worker: str, sandbox: Sandbox | None = None) -> Canary:
    """Compare what the canary scores with what it scored the first time; pauses the tracks where it differs.

    One that can't be run is recorded as a fault of the day, and pauses nothing.
    """
    scores, fault = "", ""
    try:
        scores = sing(image_id, sandbox=sandbox or engine.sandbox())
    except (SandboxError, Silent, LastingFault, TooCostly, OSError) as error:
        fault = f"{type(error).__name__}: {error}"
        logger.warning("The canary could not be run in %s: %s", image_id, fault)
    with transaction.atomic():
        canary, _ = Canary.objects.select_for_update().get_or_create(
            image_id=image_id, hardware=hardware, evaluator=_evaluator(), defaults={"expected": scores}
        )
        canary.fault, canary.worker, canary.checked_at = fault[:300], worker[:120], timezone.now()
        canary.expected = canary.expected or scores
        canary.found = scores or canary.found
        canary.save()
        if scores and scores != canary.expected:
            _pause(canary)
    return canary


def _pause(canary: Canary) -> None:
    reason = f"The canary baseline scored differently in the image {canary.image_id[:19]} on worker {canary.worker}."
    for track in Track.objects.filter(hardware=canary.hardware).select_related("challenge"):
        try:
            uses = (track.image_id or images.id_of(track.image)) == canary.image_id
        except ImageMissing:
            continue
        if uses:
            pauses.pause(track, reason)


def sing(image_id: str, *, sandbox: Sandbox) -> str:
    """Run the canary in the image and score it; sha256 over its answers, item scores and scores document.

    Raises SandboxError, Silent.
    """
    images.ensure(image_id, sandbox=sandbox)
    suite = _suite()
    draw = draw_requests(suite, key=seed_key(SEED))
    volume = _volume(sandbox)
    file = f"{FOLDER}/responses.jsonl"
    with sandbox.open_attempt(labels=engine.labels(canary="1"), limits=LIMITS) as workspace:
        workspace.put_requests(
            {f"{FOLDER}/requests.jsonl": b"".join(canonical_json(one) + b"\n" for one in draw.requests)}
        )
        outcome = workspace.predict(Job(image_id, volume, _job()))
        if outcome.verdict is not Verdict.COMPLETED:
            raise Silent(f"it ended as {outcome.verdict.value}, exit code {outcome.exit_code}")
        collected = workspace.collect({file: draw.origin.keys()})
    if collected.problems or len(collected.responses[file]) != len(draw.requests):
        raise Silent("its answers were not in order")
    answers = sorted(collected.responses[file], key=lambda one: str(one["id"]))
    try:
        scored = scorer.bounded(lambda: score(suite, answers, draw=draw))
    except ProblemsFound as found:
        raise Silent(f"its answers were refused: {found}") from found
    document = scored.document.model_dump(mode="json", by_alias=True)
    return hashlib.sha256(canonical_json([answers, document, [list(item) for item in scored.items]])).hexdigest()


def _job() -> Mapping[str, object]:
    names = ("checkpoint", "suite", "seed")
    return {"kind": "code", "entry": "model.py:Model", "suites": [dict(zip(names, FOLDER.split("/"), strict=True))]}


def volume_name() -> str:
    """The volume of the canary's code, on whichever host has it."""
    key = settings.SECRET_KEY.encode()
    return hmac.digest(key, f"canary {_evaluator()}".encode(), hashlib.sha256).hex()[:32]


def _volume(sandbox: Sandbox) -> str:
    """The volume with the canary's code on this host, unpacked where it is not there."""
    volume = volume_name()
    if not sandbox.has_volume(volume):
        report = sandbox.intake(
            _archive(), volume=volume, rules=IntakeRules(max_bytes=MiB, max_unpacked_bytes=MiB, wall=60.0),
            labels=engine.labels(canary="1"),
        )  # fmt: skip
        if not report.ok:
            raise Silent(f"its archive was refused: {report.problems[0].code}")
    return volume


def _archive() -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("model.py")
        info.size = len(MODEL.encode())
        archive.addfile(info, io.BytesIO(MODEL.encode()))
    out.seek(0)
    return out


@lru_cache(maxsize=1)
def _suite() -> Suite:
    with tempfile.TemporaryDirectory(prefix="canary-") as folder:
        public, _, _ = write_all(Path(folder), seed=SEED, pairs=PAIRS, sentences=1)
        return open_suite(public, with_gold=True)


@lru_cache(maxsize=1)
def _evaluator() -> str:
    """The evaluators' version and a digest of the canary itself: another canary may well score otherwise."""
    digest = hashlib.sha256(f"{_suite().digest} {MODEL}".encode()).hexdigest()
    return f"{__version__[:20]}+{digest[:12]}"
