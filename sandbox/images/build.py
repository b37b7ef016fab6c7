"""Builds the sandbox images, each only where its content changed."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import docker

from sandbox.engine.archives import Entry, tar_stream, tree_entries
from sandbox.engine.connection import connect, translated
from sandbox.errors import ImageBuildFailed, ImageMissing
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
    try:
        with translated():
            return str(client.inspect_image(recipe.image_tag(name))["Id"])
    except Exception as error:
        if isinstance(error.__cause__, docker.errors.ImageNotFound):
            raise ImageMissing(
                f"The sandbox image '{name}' is not built on this engine. Run: python -m sandbox images build {name}"
            ) from error
        raise


def build(
    names: Sequence[str] = recipe.IMAGES,
    *,
    say: Callable[[str], None] = print,
    torch_index: str | None = None,
    cache: Path = CACHE,
) -> list[Built]:
    """Build the named images, side by side; raises ImageBuildFailed, SandboxUnavailable."""
    client = connect()
    standing = {name: _standing(client, name) for name in names}
    if all(standing.values()):
        return [Built(name, recipe.image_tag(name), image_id, 0.0) for name, image_id in standing.items() if image_id]
    missing_sites = [name for name in names if not foundation.has_image(client, recipe.site_tag(name))]
    with ThreadPoolExecutor(max_workers=len(names) + 1) as pool:
        ground = pool.submit(foundation.foundation, say) if missing_sites else None
        futures = [pool.submit(_build_one, name, ground, say, torch_index, cache) for name in names]
        return [future.result() for future in futures]


def _standing(client: docker.APIClient, name: str) -> str | None:
    try:
        return find(client, name)
    except ImageMissing:
        return None


def _build_one(
    name: str, ground: Future[str] | None, say: Callable[[str], None], torch_index: str | None, cache: Path
) -> Built:
    began = time.monotonic()
    client = connect(timeout=BUILD_SILENCE)
    if standing := _standing(client, name):
        return Built(name, recipe.image_tag(name), standing, 0.0)
    if not foundation.has_image(client, recipe.site_tag(name)):
        house = wheels.wheelhouse(name, cache=cache, torch_index=torch_index, say=say)
        with wheels.site(house) as folder:
            base = ground.result() if ground else foundation.foundation(say)
            say(f"{name}: building on {base}")
            context = [_dockerfile(name), *tree_entries(Path(folder), "site")]
            labels = {recipe.LABEL_DIGEST: recipe.site_digest(name)}
            _run(client, context, recipe.site_tag(name), {"BASE": base}, labels)
    tag = recipe.image_tag(name)
    files = (Entry(f"sandbox/{inner}", path) for inner, path in recipe.package_files())
    labels = {recipe.LABEL_DIGEST: recipe.image_digest(name), recipe.LABEL_IMAGE: name}
    _run(client, [_dockerfile("package"), *files], tag, {"SITE": recipe.site_tag(name)}, labels)
    seconds = time.monotonic() - began
    say(f"{name}: built {tag} in {seconds:.0f} s")
    return Built(name, tag, find(client, name), seconds)


def _dockerfile(folder: str) -> Entry:
    return Entry("Dockerfile", recipe.HERE / folder / "Dockerfile")


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
