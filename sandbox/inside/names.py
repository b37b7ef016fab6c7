"""Names of archive entries: refused when they could mean another place, or another file, on some system."""

import re
import unicodedata

from sandbox.inside.refusals import Refused

MAX_NAME_BYTES = 200
MAX_DEPTH = 16
DRIVE = re.compile(r"^[A-Za-z]:")
JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db")
# Control, format (right-to-left overrides, zero-width), surrogate, private, unassigned, line and paragraph separators.
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def check_name(name: str) -> str:
    """Return the entry's path below the root, "" for the root itself; raises Refused."""
    if any(unicodedata.category(character) in UNPRINTABLE for character in name):
        raise Refused("E-ARC-NAME", "The name holds a control or invisible character.", name)
    if "\\" in name:
        raise Refused("E-ARC-PATH", "The name holds a backslash.", name)
    if name.startswith("/") or DRIVE.match(name):
        raise Refused("E-ARC-PATH", "The path is absolute.", name)
    path = name.removeprefix("./").removesuffix("/")
    if path in ("", "."):
        return ""
    parts = path.split("/")
    if ".." in parts:
        raise Refused("E-ARC-PATH", "The path leaves the folder.", name)
    if "" in parts or "." in parts:
        raise Refused("E-ARC-PATH", "The path holds an empty part.", name)
    if len(path.encode()) > MAX_NAME_BYTES:
        raise Refused("E-ARC-NAME", f"The path is longer than {MAX_NAME_BYTES} bytes.", name)
    if len(parts) > MAX_DEPTH:
        raise Refused("E-ARC-NAME", f"The path is deeper than {MAX_DEPTH} folders.", name)
    if unicodedata.normalize("NFC", path) != path:
        raise Refused("E-ARC-NAME", "The name is not in Unicode's composed form (NFC).", name)
    return path


def is_junk(path: str) -> bool:
    """Say whether a path is what desktop systems add to archives, which is left out."""
    return any(part in JUNK or part.startswith("._") for part in path.split("/"))


class Names:
    """The paths taken so far; two that some file system could confuse are refused."""

    def __init__(self) -> None:
        self._folded: dict[str, tuple[str, bool]] = {}

    def take(self, path: str, *, folder: bool) -> None:
        """Note a path and the folders above it; raises Refused on a collision."""
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._take("/".join(parts[:depth]), folder=True)
        self._take(path, folder=folder)

    def _take(self, path: str, *, folder: bool) -> None:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        known = self._folded.get(key)
        if known is None:
            self._folded[key] = (path, folder)
        elif known != (path, True) or not folder:
            raise Refused("E-ARC-DUPLICATE", "The name stands twice, or differs only by case or accents' form.", path)
