"""The sandbox in Docker."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import docker

from sandbox.engine import taking_in, volumes
from sandbox.engine.connection import connect, describe
from sandbox.engine.names import new_name
from sandbox.engine.options import traits
from sandbox.engine.workspace import DockerWorkspace
from sandbox.images import archive as archives
from sandbox.images import recipe
from sandbox.images.build import find, standing, versions_of
from sandbox.interface import EngineInfo, IntakeReport, IntakeRules, KeptVolume, ListedImage, SavedImage
from sandbox.limits import Limits


class DockerSandbox:
    """Runs submissions in containers of the engine that DOCKER_HOST, or the default socket, leads to.

    It may be shared by threads: each call has a connection of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._info: EngineInfo | None = None
        self._images: dict[str, str] = {}

    def ping(self) -> EngineInfo:
        """Ask the engine for its version; raises SandboxUnavailable with the command that mends it.

        An engine that lacks the runtime which was asked for is of no use either.
        """
        with self._client(negotiate=True) as client:
            info = describe(client)
        traits(info)
        with self._lock:
            self._info = info
        return info

    def image_id(self, name: str) -> str:
        """Return the id of the image of this name built from these sources; raises ImageMissing."""
        with self._lock:
            known = self._images.get(name)
        if known is None:
            with self._client() as client:
                known = find(client, name)
            with self._lock:
                self._images[name] = known
        return known

    def image_versions(self, image_id: str) -> Mapping[str, str]:
        """Return what an image says it holds, by package; nothing where it says nothing. Raises ImageMissing."""
        with self._client() as client:
            return versions_of(client, image_id)

    def images(self) -> list[ListedImage]:
        """Return the images that this release can build."""
        with self._client() as client:
            return [
                ListedImage(
                    name,
                    tuple(short for short, full in recipe.ALIASES.items() if full == name),
                    recipe.versions(name),
                    standing(client, name),
                )
                for name in recipe.IMAGES
            ]

    def has_image(self, image_id: str) -> bool:
        """Say whether this engine holds the image; where it does not, load its archive."""
        with self._client() as client:
            return archives.has(client, image_id)

    def save_image(self, image_id: str, file: BinaryIO) -> SavedImage:
        """Write an image as a gzipped archive; raises ImageMissing, SandboxUnavailable."""
        return archives.save(None, image_id, file)

    def load_image(self, file: BinaryIO, image_id: str) -> None:
        """Load a seekable archive that `save_image` wrote; raises ImageRefused where it holds another image."""
        archives.load(file, image_id=image_id)

    def intake(self, archive: BinaryIO, *, volume: str, rules: IntakeRules, labels: Mapping[str, str]) -> IntakeReport:
        """Check and unpack a seekable archive into the named volume, inside a container; raises SandboxUnavailable.

        The volume's name can be read inside the sandbox: take one of `new_volume_name`. What a volume of that name
        held before is replaced; one that another worker is filling raises SandboxUnavailable.
        """
        base = self.image_id("base")
        with self._client() as client:
            return taking_in.take_in(
                client,
                archive,
                base_image=base,
                model_image=lambda: self.image_id("model"),
                volume=volume,
                rules=rules,
                labels=labels,
            )

    def new_volume_name(self) -> str:
        """Return a fresh, neutral name for a submission volume."""
        return new_name()

    def has_volume(self, volume: str) -> bool:
        """Say whether this engine holds the volume, filled; where it does not, take the archive in again."""
        with self._client() as client:
            return taking_in.is_complete(client, volume)

    def read_file(self, volume: str, path: str, *, max_bytes: int, labels: Mapping[str, str] | None = None) -> bytes:
        """Return the bytes of one unpacked file; raises FileNotFoundError, ValueError where it is larger."""
        base = self.image_id("base")
        with self._client() as client:
            if not volumes.exists(client, volume):
                raise FileNotFoundError(path)
            return taking_in.read_file(
                client, base_image=base, volume=volume, path=path, max_bytes=max_bytes, labels=labels or {}
            )

    def read_heads(
        self, volume: str, paths: Sequence[str], *, size: int, labels: Mapping[str, str] | None = None
    ) -> dict[str, bytes]:
        """Return the first bytes of some unpacked files; raises FileNotFoundError, SandboxUnavailable."""
        base = self.image_id("base")
        with self._client() as client:
            if not volumes.exists(client, volume):
                raise FileNotFoundError(volume)
            return taking_in.read_heads(
                client, base_image=base, volume=volume, paths=paths, size=size, labels=labels or {}
            )

    def remove_volume(self, volume: str) -> None:
        """Remove a submission volume; one that is not there is no error."""
        with self._client() as client:
            volumes.remove(client, volume)

    def kept_volumes(self, labels: Mapping[str, str]) -> list[KeptVolume]:
        """Return the submission volumes that bear these labels, the newest first."""
        with self._client() as client:
            return taking_in.kept(client, labels)

    def release_volume(self, volume: str) -> bool:
        """Remove a submission volume unless a container has it; say whether it is gone."""
        with self._client() as client:
            return taking_in.release(client, volume)

    def open_attempt(self, *, labels: Mapping[str, str], limits: Limits) -> DockerWorkspace:
        """Return a workspace for one attempt, to be entered with `with`."""
        with self._lock:
            info = self._info
        if info is None:
            info = self.ping()
        return DockerWorkspace(connect(), info, base_image=self.image_id("base"), labels=labels, limits=limits)

    @contextmanager
    def _client(self, *, negotiate: bool = False) -> Iterator[docker.APIClient]:
        client = connect(negotiate=negotiate)
        try:
            yield client
        finally:
            client.close()
