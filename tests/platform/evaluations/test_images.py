"""Images are kept once, loaded where an engine lacks them, and never taken on trust."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from challenges.models import Phase, Track
from evaluations import images
from evaluations.models import Run, RunnerImage
from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import ImageMissing, ImageRefused
from sandbox.images.build import build

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _images_apart(settings: LazySettings, tmp_path: Path) -> None:
    changed = {alias: {**storage} for alias, storage in settings.STORAGES.items()}
    changed["images"]["OPTIONS"] = {"location": tmp_path / "storages" / "images"}
    settings.STORAGES = changed


@pytest.fixture(scope="session")
def image_id() -> str:
    build(["base"], say=lambda _: None)
    return DockerSandbox().image_id("base")


class Elsewhere(DockerSandbox):
    """Another host's engine, which has no images, and takes note of what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def has_image(self, image_id: str) -> bool:
        return image_id in self.loaded

    def load_image(self, file: BinaryIO, image_id: str) -> None:
        # This host has the image: what is checked of the archive is checked all the same.
        super().load_image(file, image_id)
        self.loaded.append(image_id)


def test_an_image_is_kept_once_and_loaded_on_another_host(image_id: str) -> None:
    kept = images.keep(image_id, "base")
    assert images.keep(image_id, "base") == kept
    assert RunnerImage.objects.count() == 1
    assert kept.size == storages["images"].size(kept.storage_name)
    elsewhere = Elsewhere()
    images.ensure(image_id, sandbox=elsewhere)
    images.ensure(image_id, sandbox=elsewhere)
    assert elsewhere.loaded == [image_id]

    storages["images"].delete(kept.storage_name)
    storages["images"].save(kept.storage_name, ContentFile(b"something else"))
    with pytest.raises(ImageRefused, match="digest differs"):
        images.ensure(image_id, sandbox=Elsewhere())
    storages["images"].delete(kept.storage_name)
    with pytest.raises(ImageMissing, match="neither on this worker's engine nor kept"):
        images.ensure(image_id, sandbox=Elsewhere())


def test_an_image_that_this_engine_has_needs_no_archive(image_id: str) -> None:
    images.ensure(image_id)
    assert not RunnerImage.objects.exists()


def test_what_is_not_here_goes_by_the_newest_kept_under_its_name(
    image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert images.id_of("base") == image_id
    assert images.id_of(f"base@sha256:{'1' * 64}") == f"sha256:{'1' * 64}"

    def missing(_: Any, name: str) -> str:
        raise ImageMissing(f"The image {name} is not on this engine.")

    monkeypatch.setattr(DockerSandbox, "image_id", missing)
    with pytest.raises(ImageMissing):
        images.id_of("base")
    for digit in "23":
        RunnerImage.objects.create(
            image_id=f"sha256:{digit * 64}", name="base", storage_name=digit, size=1, digest=digit * 64
        )
    assert images.id_of("base") == f"sha256:{'3' * 64}"


def test_the_images_in_use_are_those_of_open_tracks_and_waiting_runs(
    image_id: str, make_track: Callable[..., Track], make_phase: Callable[..., Phase], make_run: Callable[..., Run]
) -> None:
    assert images.in_use() == {}
    gone = f"sha256:{'0' * 64}"
    phase = make_phase(make_track(image=f"base@{gone}"))
    make_run(phase)
    assert images.in_use() == {}, "this engine has no such image"
    Run.objects.update(image_id=image_id)
    assert images.in_use() == {image_id: "base"}
    Run.objects.update(state=Run.State.DONE)
    assert images.in_use() == {}
    make_phase(make_track(image="base"))
    assert images.in_use() == {image_id: "base"}


def test_the_command_lists_keeps_and_loads(image_id: str) -> None:
    def said(*arguments: str) -> str:
        out = StringIO()
        call_command("image", *arguments, stdout=out)
        return out.getvalue()

    assert said("list") == ""
    assert f"{image_id}  base is kept." in said("keep", image_id)
    assert said("keep", "base") == f"{image_id}  base is kept.\n"
    assert image_id in said("list")
    assert said("load") == f"{image_id} is here.\n"
    with pytest.raises(CommandError, match="neither on this worker"):
        said("load", f"sha256:{'0' * 64}")
