"""Images as archives: the same bytes on every worker, and nothing taken on trust."""

import contextlib
import gzip
import hashlib
import io
import json
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import docker
import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import ImageMissing, ImageRefused
from sandbox.images import archive
from sandbox.interface import SavedImage

ROOT = Path(__file__).parents[2]
CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
CONFIG_NAME = hashlib.sha256(CONFIG).hexdigest()
IMAGE_ID = f"sha256:{CONFIG_NAME}"


def tarred(files: Mapping[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def manifest(*images: Mapping[str, object]) -> bytes:
    return json.dumps(images).encode()


ONE = {"Config": f"{CONFIG_NAME}.json", "RepoTags": None, "Layers": []}
GOOD = {f"{CONFIG_NAME}.json": CONFIG, "manifest.json": manifest(ONE)}


def test_file_name_is_the_images_digest() -> None:
    assert archive.archive_name(IMAGE_ID) == f"{CONFIG_NAME}.tar.gz"


@pytest.mark.parametrize("name", ["proctor/base:latest", "sha256:0", "sha256:" + "g" * 64, "", "../etc"])
def test_only_an_id_names_an_image(name: str) -> None:
    with pytest.raises(ValueError, match="Not an image's id"):
        archive.archive_name(name)
    with pytest.raises(ValueError, match="Not an image's id"):
        archive.load(io.BytesIO(), image_id=name)


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_archive_says_which_image_it_holds(pack: type[bytes]) -> None:
    assert archive.identify(io.BytesIO(pack(tarred(GOOD)))) == IMAGE_ID


BAD = {
    "empty": b"",
    "no archive": b"x" * 5000,
    "broken off": gzip.compress(tarred({**GOOD, "layer.tar": secrets.token_bytes(50_000)}))[:-20_000],
    "damaged": gzip.compress(tarred(GOOD))[:-8] + b"12345678",
    "no manifest": tarred({f"{CONFIG_NAME}.json": CONFIG}),
    "manifest that is no list": tarred({**GOOD, "manifest.json": b"{}"}),
    "manifest that is no JSON": tarred({**GOOD, "manifest.json": b"["}),
    "deep manifest": tarred({**GOOD, "manifest.json": b"[" * 200_000}),
    "no image": tarred({**GOOD, "manifest.json": manifest()}),
    "two images": tarred({**GOOD, "manifest.json": manifest(ONE, ONE)}),
    "no configuration": tarred({"manifest.json": manifest(ONE)}),
    "names": tarred({**GOOD, "manifest.json": manifest({**ONE, "RepoTags": ["proctor/base:latest"]})}),
    "names in the older form": tarred({**GOOD, "repositories": b"{}"}),
    "two manifests": tarred([*GOOD.items(), ("./manifest.json", manifest({**ONE, "RepoTags": ["proctor/base:x"]}))]),
    "ten thousand files": tarred([*GOOD.items(), *((f"file{number}", b"") for number in range(10_000))]),
    "outside": tarred([*GOOD.items(), ("../manifest.json", manifest(ONE))]),
    "absolute": tarred([*GOOD.items(), ("/manifest.json", manifest(ONE))]),
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_archive_that_is_not_in_order_is_refused(raw: bytes) -> None:
    with pytest.raises(ImageRefused):
        archive.identify(io.BytesIO(raw))


def test_archive_of_another_image_never_reaches_the_engine() -> None:
    other = "sha256:" + "1" * 64
    with pytest.raises(ImageRefused, match=f"holds the image {IMAGE_ID}, not {other}"):
        archive.load(
            io.BytesIO(tarred(GOOD)),
            image_id=other,
            client=docker.APIClient(base_url="tcp://127.0.0.1:1", version="1.41"),
        )


@pytest.fixture
def tiny() -> Iterator[str]:
    """A small image of the test's own, under no name."""
    client = docker.APIClient(version="auto")
    made = client.import_image_from_data(tarred({"hello": secrets.token_bytes(200_000)}))
    image_id = str(json.loads(made.splitlines()[-1])["status"])
    yield image_id
    with contextlib.suppress(docker.errors.ImageNotFound):
        client.remove_image(image_id, force=True)
    client.close()


@pytest.mark.docker
def test_saved_image_comes_back_with_its_id(sandbox: DockerSandbox, tiny: str, tmp_path: Path) -> None:
    path = tmp_path / archive.archive_name(tiny)
    with path.open("w+b") as file:
        saved = sandbox.save_image(tiny, file)
    raw = path.read_bytes()
    assert saved == SavedImage(len(raw), hashlib.sha256(raw).hexdigest())
    assert raw.startswith(b"\x1f\x8b")
    client = docker.APIClient(version="auto")
    client.remove_image(tiny)
    assert sandbox.has_image(tiny) is False
    with path.open("rb") as file:
        sandbox.load_image(file, tiny)
    assert sandbox.has_image(tiny) is True
    # A name keeps it from being swept away as unused.
    assert client.inspect_image(tiny)["RepoTags"] == [f"proctor/kept:{tiny[7:19]}"]
    with path.open("rb") as file:
        sandbox.load_image(file, tiny)
    client.close()


@pytest.mark.docker
def test_layer_that_was_exchanged_is_refused(sandbox: DockerSandbox, tiny: str) -> None:
    file = io.BytesIO()
    sandbox.save_image(tiny, file)
    file.seek(0)
    with tarfile.open(fileobj=file) as original:
        members = [(member, original.extractfile(member)) for member in original]
        files = {member.name: content.read() for member, content in members if content is not None}
    changed = {name: tarred({"hello": b"evil"}) if name.endswith("layer.tar") else raw for name, raw in files.items()}
    assert changed != files
    client = docker.APIClient(version="auto")
    client.remove_image(tiny)
    client.close()
    with pytest.raises(ImageRefused):
        sandbox.load_image(io.BytesIO(tarred(changed)), tiny)
    assert sandbox.has_image(tiny) is False


@pytest.mark.docker
def test_image_that_is_not_here_is_not_saved(sandbox: DockerSandbox) -> None:
    missing = "sha256:" + "2" * 64
    assert sandbox.has_image(missing) is False
    with pytest.raises(ImageMissing, match="does not hold"):
        sandbox.save_image(missing, io.BytesIO())


@pytest.mark.docker
def test_commands_save_and_load(tiny: str, tmp_path: Path) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "sandbox", "images", *arguments]
        return subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)

    file = str(tmp_path / "image.tar.gz")
    saved = command("save", tiny, file)
    assert (saved.returncode, saved.stdout.split()[0]) == (0, tiny)
    loaded = command("load", file)
    assert (loaded.returncode, loaded.stdout.strip()) == (0, tiny)
    refused = command("load", file, "--id", "sha256:" + "3" * 64)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: The archive holds the image {tiny}, not sha256:333")
    unknown = command("save", "nothing", file)
    assert unknown.returncode == 2
    assert "choose from: base" in unknown.stderr
