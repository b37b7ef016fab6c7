"""What an image is made of, and the digest that names it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parent
INSIDE = ("__init__.py", "inside", "runner")
PYTHON_VERSION = "3.11"
LABEL_DIGEST = "proctor.digest"
LABEL_IMAGE = "proctor.image"
LABEL_VERSIONS = "proctor.versions"


@dataclass(frozen=True, slots=True)
class Part:
    """A heavy part of images: a Dockerfile and a lock, on another part or on the system."""

    name: str
    dockerfile: Path
    lock: Path
    below: str | None = None


PARTS = {
    part.name: part
    for part in (
        Part("base", HERE / "base" / "Dockerfile", HERE / "base" / "requirements.txt"),
        Part("torch", HERE / "torch" / "Dockerfile", HERE / "torch" / "requirements.txt"),
        Part("model-transformers-5", HERE / "transformers" / "Dockerfile", HERE / "transformers" / "5.txt", "torch"),
        Part("model-transformers-4", HERE / "transformers" / "Dockerfile", HERE / "transformers" / "4.txt", "torch"),
    )
}
# Every image is the part of its name with the package on top.
IMAGES = ("base", "model-transformers-5", "model-transformers-4")
# A short name is the newest release's. A track that chose it keeps what it stood for when the track began.
ALIASES = {"model": "model-transformers-5"}
# What an installation needs whose tracks choose nothing else.
USUAL = ("base", "model")
# The packages whose release can move a score, the most telling first.
TELLING = ("transformers", "torch", "tokenizers", "safetensors", "numpy")


def full_name(name: str) -> str:
    """Return the name of the image that a name or short name stands for."""
    return ALIASES.get(name, name)


def parts(name: str) -> list[Part]:
    """Return the image's parts, the upper one first; raises KeyError where there is no such image."""
    part = PARTS[full_name(name)]
    return [part, *(parts(part.below) if part.below else [])]


def versions(name: str) -> dict[str, str]:
    """Return what an image holds of the packages that can move a score, as its locks say, and Python's release."""
    pinned = dict(line.split("==", 1) for part in parts(name) for line in locked(part))
    return {package: pinned[package] for package in TELLING if package in pinned} | {"python": PYTHON_VERSION}


def locked(part: Part) -> list[str]:
    """Return the lines of a part's lock that name a package."""
    lines = part.lock.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def labels(name: str) -> dict[str, str]:
    """Return the labels by which an image says what it is."""
    return {
        LABEL_DIGEST: image_digest(name),
        LABEL_IMAGE: full_name(name),
        LABEL_VERSIONS: json.dumps(versions(name)),
    }


def read_versions(written: str | None) -> dict[str, str]:
    """Return what the label of that text says; nothing where it is missing or is none of ours."""
    try:
        value = json.loads(written or "{}")
    except ValueError:
        return {}
    return {str(name): str(version) for name, version in value.items()} if isinstance(value, dict) else {}


def in_words(versions: Mapping[str, str]) -> str:
    """Return `transformers 5.23.0, torch 2.13.0`: the two that name a model image, else all there are."""
    names = [name for name in TELLING[:2] if name in versions] or list(versions)
    return ", ".join(f"{name} {versions[name]}" for name in names)


def package_files() -> Iterator[tuple[str, Path]]:
    """Yield name and path of every file of the package that runs inside an image."""
    for part in INSIDE:
        path = PACKAGE / part
        if path.is_file():
            yield part, path
        else:
            for file in sorted(path.rglob("*.py")):
                yield file.relative_to(PACKAGE).as_posix(), file


def _digest(files: Iterator[tuple[str, Path]] | list[tuple[str, Path]], seed: str) -> str:
    digest = hashlib.sha256(seed.encode())
    for name, path in files:
        content = path.read_bytes()
        digest.update(f"\n{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def site_digest(name: str) -> str:
    """Return the digest of a part: its Dockerfile, its lock, and the part below it."""
    part, *below = parts(name)
    files = [("Dockerfile", part.dockerfile), ("requirements.txt", part.lock)]
    return _digest(files, f"site/2 {part.name} {site_digest(below[0].name) if below else ''}")


def image_digest(name: str) -> str:
    """Return the digest of the whole image: its parts, and the package that runs inside."""
    files = [("Dockerfile", HERE / "package" / "Dockerfile"), *package_files()]
    return _digest(files, f"image/1 {site_digest(name)}")


def site_tag(name: str) -> str:
    """Return the tag of a part."""
    return f"proctor/{full_name(name)}-site:{site_digest(name)[:12]}"


def image_tag(name: str) -> str:
    """Return the tag of an image."""
    return f"proctor/{full_name(name)}:{image_digest(name)[:12]}"
