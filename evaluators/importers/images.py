"""Finding a source's image files and naming them by digest."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from evaluators.importers.interface import Options
from evaluators.protocol.problems import Problem, ProblemsFound

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


class Images:
    """The images of a folder; those that are asked for are kept by their digest."""

    def __init__(self, options: Options, *, hint: str) -> None:
        if options.images is None or not options.images.is_dir():
            remedy = f"Say --images FOLDER, whose files are named {hint}."
            raise ProblemsFound([Problem("E-DOC-FILE", "this suite shows images", remedy=remedy)])
        self._folder = options.images
        self._digests: dict[Path, str] = {}

    @property
    def media(self) -> dict[str, Path]:
        """The files that were asked for, by digest."""
        return {digest: path for path, digest in self._digests.items()}

    def digest(self, stems: Iterable[str]) -> str:
        """The digest of the image with one of these names, with or without an ending; raises ProblemsFound."""
        names = list(stems)
        for name in names:
            for ending in ("", *ENDINGS):
                path = self._folder / f"{name}{ending}"
                if path.is_file():
                    return self._digest(path)
        message = f"there is no image {names[0]!r}"
        raise ProblemsFound([Problem("E-DOC-FILE", message, str(self._folder), remedy="Fetch the images again.")])

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            with path.open("rb") as file:
                self._digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[path]
