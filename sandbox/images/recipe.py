"""What an image is made of, and the digest that names it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

IMAGES = ("base", "model")
HERE = Path(__file__).parent
PACKAGE = HERE.parent
INSIDE = ("__init__.py", "inside", "runner")
PYTHON_VERSION = "3.11"
LABEL_DIGEST = "proctor.digest"
LABEL_IMAGE = "proctor.image"


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
    """Return the digest of an image's heavy part: its Dockerfile and its lock."""
    folder = HERE / name
    return _digest([(file, folder / file) for file in ("Dockerfile", "requirements.txt")], f"site/1 {name}")


def image_digest(name: str) -> str:
    """Return the digest of the whole image: the heavy part, and the package that runs inside."""
    files = [("Dockerfile", HERE / "package" / "Dockerfile"), *package_files()]
    return _digest(files, f"image/1 {site_digest(name)}")


def site_tag(name: str) -> str:
    """Return the tag of the heavy part."""
    return f"proctor/{name}-site:{site_digest(name)[:12]}"


def image_tag(name: str) -> str:
    """Return the tag of the image."""
    return f"proctor/{name}:{image_digest(name)[:12]}"
