"""Runner images kept in the platform's storage, so that every worker runs the same bytes."""

import hashlib
import logging
import tempfile
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import storages
from django.db import transaction

from challenges.models import Track
from evaluations.models import Run, RunnerImage
from evaluations.states import FINISHED
from sandbox.errors import ImageMissing, ImageRefused, SandboxError
from sandbox.images import recipe
from sandbox.interface import Sandbox
from submissions import engine

logger = logging.getLogger(__name__)

BLOCK = 1024 * 1024


def keep(image_id: str, name: str, *, sandbox: Sandbox | None = None) -> RunnerImage:
    """Save this engine's image into the storage, once; raises ImageMissing, SandboxUnavailable."""
    there = RunnerImage.objects.filter(image_id=image_id).first()
    if there is not None and storages["images"].exists(there.storage_name):
        return there
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as spool:
        saved = (sandbox or engine.sandbox()).save_image(image_id, cast("BinaryIO", spool))
        spool.seek(0)
        stored = storages["images"].save(f"{image_id.removeprefix('sha256:')}.tar.gz", File(spool))
    facts = {"name": name[:60], "storage_name": stored, "size": saved.size, "digest": saved.sha256}
    with transaction.atomic():
        image, made = RunnerImage.objects.select_for_update().get_or_create(image_id=image_id, defaults=facts)
        mine = made or not storages["images"].exists(image.storage_name)
        if mine and not made:
            RunnerImage.objects.filter(pk=image.pk).update(**facts)
            image.refresh_from_db()
    if not mine:
        # Another worker was first; what it stored is as good.
        storages["images"].delete(stored)
    return image


def ensure(image_id: str, *, sandbox: Sandbox | None = None) -> None:
    """Make sure that this host's engine has the image, from the storage where it lacks it.

    Raises ImageMissing where neither has it, ImageRefused where what is stored is not what was kept.
    """
    sandbox = sandbox or engine.sandbox()
    if sandbox.has_image(image_id):
        return
    image = RunnerImage.objects.filter(image_id=image_id).first()
    if image is None or not storages["images"].exists(image.storage_name):
        raise ImageMissing(
            f"The image {image_id} is neither on this worker's engine nor kept. On a host that has it: "
            f"python manage.py image keep {image_id}"
        )
    logger.info("Loading the image %s (%s) from the storage.", image.name, image_id)
    with storages["images"].open(image.storage_name) as file:
        if _digest(file) != image.digest:
            raise ImageRefused(f"The archive of {image_id} is not the one that was kept: its digest differs.")
        file.seek(0)
        sandbox.load_image(cast("BinaryIO", file.file), image_id)


def id_of(image: str) -> str:
    """The id of a track's image, `name` or `name@sha256:…`: this engine's, else the newest kept under the name.

    Raises ImageMissing.
    """
    name, _, digest = image.partition("@")
    if digest:
        return digest
    try:
        return engine.sandbox().image_id(name)
    except ImageMissing:
        # A short name may have been kept under the name it stands for, and the other way round.
        names = {name, recipe.full_name(name), *(short for short, full in recipe.ALIASES.items() if full == name)}
        kept = RunnerImage.objects.filter(name__in=names).order_by("-created_at", "-pk").first()
        if kept is None:
            raise
        return kept.image_id


def of_track(track: Track) -> str:
    """The id of the track's image, frozen by whoever asks first; raises ImageMissing.

    To be asked once a phase is open or a run is planned: a name may stand for another image in the next release.
    """
    if not track.image_id:
        Track.objects.filter(pk=track.pk, image_id="").update(image_id=id_of(track.image))
        track.refresh_from_db(fields=["image_id", "image_versions"])
    if not track.image_versions and (versions := _versions(track.image_id)):
        Track.objects.filter(pk=track.pk).update(image_versions=versions)
        track.image_versions = versions
    return track.image_id


def _versions(image_id: str) -> dict[str, str]:
    """What the image holds, as far as this engine knows it."""
    try:
        return dict(engine.sandbox().image_versions(image_id))
    except SandboxError:
        return {}


def in_use() -> dict[str, str]:
    """The images, by id with their names, that open tracks and unfinished runs use as far as this engine has them."""
    used: dict[str, str] = {}
    for track in open_tracks():
        try:
            used[of_track(track)] = track.image.partition("@")[0]
        except ImageMissing as missing:
            logger.warning("The image %s of an open track is not here: %s", track.image, missing)
    waiting = (
        Run.objects.exclude(state__in=FINISHED).exclude(image_id="").values_list("image_id", "entry__track__image")
    )
    for image_id, image in waiting.distinct():
        used.setdefault(image_id, image.partition("@")[0])
    sandbox = engine.sandbox()
    return {image_id: name for image_id, name in used.items() if sandbox.has_image(image_id)}


def open_tracks(*, hardware: str | None = None) -> list[Track]:
    """The tracks with an open phase that run anything, on this hardware or any."""
    tracks = Track.objects.prefetch_related("phases")
    if hardware is not None:
        tracks = tracks.filter(hardware=hardware)
    running = [track for track in tracks if set(track.kinds) - {"predictions"}]
    return [track for track in running if any(phase.is_open for phase in track.phases.all())]


def keep_in_use() -> list[RunnerImage]:
    """Keep every image in use that this engine has and the storage lacks; raises SandboxUnavailable."""
    return [keep(image_id, name) for image_id, name in in_use().items()]


def _digest(file: "File[bytes]") -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()
