"""Builds the sandbox images, each only where its content changed."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from sandbox.engine.archives import Entry, tar_stream, tree_entries
from sandbox.engine.connection import connect, translated
from sandbox.errors import ImageBuildFailed, ImageMissing, SandboxUnavailable
from sandbox.images import foundation, recipe, wheels

CACHE = recipe.PACKAGE.parent / "var" / "wheelhouse"
BUILD_SILENCE = 900  # seconds a build step may take without a word


@dataclass(frozen=True, slots=True)
class Built:
    """An image as it stands on the engine; `seconds` is 0 where nothing had to be done."""

    name: str
    tag: str
    image_id: str
    seconds: float


def find(client: docker.APIClient, name: str) -> str:
    """Return the id of the image built from these sources; raises ImageMissing."""
    if recipe.full_name(name) not in recipe.IMAGES:
        raise ImageMissing(f"There is no sandbox image '{name}'. There are: {', '.join(recipe.IMAGES)}.")
    sentence = f"The sandbox image '{name}' is not built on this engine. Run: python -m sandbox images build {name}"
    return str(_inspected(client, recipe.image_tag(name), sentence)["Id"])


def versions_of(client: docker.APIClient, image_id: str) -> dict[str, str]:
    """Return what an image's label says it holds; raises ImageMissing."""
    inspected = _inspected(client, image_id, f"This engine does not hold the image {image_id}.")
    written = ((inspected.get("Config") or {}).get("Labels") or {}).get(recipe.LABEL_VERSIONS)
    return recipe.read_versions(written)


def _inspected(client: docker.APIClient, name: str, missing: str) -> dict[str, Any]:
    try:
        with translated():
            found: dict[str, Any] = client.inspect_image(name)
            return found
    except SandboxUnavailable as error:
        if isinstance(error.__cause__, docker.errors.ImageNotFound):
            raise ImageMissing(missing) from error
        raise


def standing(client: docker.APIClient, name: str) -> str | None:
    """Return the id of the image built from these sources; None where it is not built."""
    try:
        return find(client, name)
    except ImageMissing:
        return None


def build(
    names: Sequence[str] = recipe.USUAL,
    *,
    say: Callable[[str], None] = print,
    torch_index: str | None = None,
    cache: Path = CACHE,
) -> list[Built]:
    """Build the named images, side by side; raises ImageBuildFailed, SandboxUnavailable."""
    client = connect()
    ids = {name: standing(client, name) for name in names}
    if all(ids.values()):
        return [Built(name, recipe.image_tag(name), image_id, 0.0) for name, image_id in ids.items() if image_id]
    builder = _Builder(say, torch_index, cache)
    with ThreadPoolExecutor(max_workers=len(names) + 1) as pool:
        if not all(foundation.has_image(client, recipe.site_tag(recipe.parts(name)[-1].name)) for name in names):
            # It takes half a minute where it has to be made: meanwhile, wheels are fetched.
            pool.submit(builder.foundation)
        return list(pool.map(builder.image, names))


class _Builder:
    """Builds images and the parts that they share, each part once, in several threads."""

    def __init__(self, say: Callable[[str], None], torch_index: str | None, cache: Path) -> None:
        self._say = say
        self._torch_index = torch_index
        self._cache = cache
        self._locks = {name: threading.Lock() for name in recipe.PARTS}
        self._ground = threading.Lock()

    def image(self, name: str) -> Built:
        """Build an image where it is missing."""
        began = time.monotonic()
        client = connect(timeout=BUILD_SILENCE)
        tag = recipe.image_tag(name)
        if there := standing(client, name):
            return Built(name, tag, there, 0.0)
        site = self._site(client, recipe.parts(name)[0])
        package = Entry("Dockerfile", recipe.HERE / "package" / "Dockerfile")
        files = (Entry(f"sandbox/{inner}", path) for inner, path in recipe.package_files())
        _run(client, [package, *files], tag, {"SITE": site}, recipe.labels(name))
        seconds = time.monotonic() - began
        self._say(f"{name}: built {tag} in {seconds:.0f} s")
        return Built(name, tag, find(client, name), seconds)

    def _site(self, client: docker.APIClient, part: recipe.Part) -> str:
        """Return the tag of a part, built where it is missing."""
        tag = recipe.site_tag(part.name)
        with self._locks[part.name]:
            if foundation.has_image(client, tag):
                return tag
            house = wheels.wheelhouse(part, cache=self._cache, torch_index=self._torch_index, say=self._say)
            with wheels.site(house) as folder:
                base = self._site(client, recipe.PARTS[part.below]) if part.below else self.foundation()
                self._say(f"{part.name}: building on {base}")
                context = [Entry("Dockerfile", part.dockerfile), *tree_entries(Path(folder), "site")]
                _run(client, context, tag, {"BASE": base}, {recipe.LABEL_DIGEST: recipe.site_digest(part.name)})
        return tag

    def foundation(self) -> str:
        """Return the name of the system to build on, made once."""
        with self._ground:
            return foundation.foundation(self._say)


class _Stream:
    """A tar stream in the shape that the client sends in chunks."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._chunks = tar_stream(entries)

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


def _run(
    client: docker.APIClient, context: Sequence[Entry], tag: str, arguments: dict[str, str], labels: dict[str, str]
) -> None:
    last: list[str] = []
    with translated():
        for event in client.build(
            fileobj=_Stream(context),
            custom_context=True,
            tag=tag,
            buildargs=arguments,
            labels={"app": "proctor", **labels},
            network_mode="none",
            rm=True,
            forcerm=True,
            pull=False,
            decode=True,
        ):
            if text := event.get("stream", "").strip():
                last = [*last[-4:], text]
            if "error" in event:
                raise ImageBuildFailed(f"{tag} could not be built: {event['error'].strip()} ({' | '.join(last)})")
