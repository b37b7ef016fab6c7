"""Where in its files a part of a table stands, so that a fault can be found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from evaluators.protocol.problems import Problem

Path = tuple[str | int, ...]


class Place(NamedTuple):
    """A file, and a line in it where one is known."""

    file: str
    line: int | None


@dataclass
class Places:
    """The places of a document's parts; entries that came from a CSV file have their own in `rows`.

    `lines` is only called for where something is wrong: to number the lines of a large JSON file takes seconds.
    """

    file: str
    lines: Callable[[], Mapping[Path, int]]
    rows: dict[Path, Place] = field(default_factory=dict)

    def of(self, path: Path) -> Place:
        """Where the part stands, or the nearest that holds it."""
        prefixes = [path[:end] for end in range(len(path), -1, -1)]
        row = next((self.rows[prefix] for prefix in prefixes if prefix in self.rows), None)
        if row is not None:
            return row
        lines = self.lines()
        return Place(self.file, next((lines[prefix] for prefix in prefixes if prefix in lines), None))

    def problem(self, code: str, message: str, path: Path, remedy: str = "") -> Problem:
        """A problem with what stands at a path; the field is said as seen from the row where that is a CSV file's."""
        file, line = self.of(path)
        row = next((path[:end] for end in range(len(path), -1, -1) if path[:end] in self.rows), ())
        return Problem(code, message, file, line, _dotted(path[len(row) :]), remedy)


def _dotted(path: Path) -> str:
    """`tracks[0].entries[3].scores.blimp`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def lines_of_json(text: str) -> dict[Path, int]:
    """The line, from 1, of every part of a JSON text; none where it is not YAML too, as nearly all JSON is."""
    found: dict[Path, int] = {}
    try:
        waiting: list[tuple[Path, yaml.Node | None]] = [((), yaml.compose(text, Loader=_Loader))]
    except yaml.YAMLError:
        return found
    while waiting:
        path, node = waiting.pop()
        if node is None:
            continue
        found.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                found[(*path, str(key.value))] = key.start_mark.line + 1
                waiting.append(((*path, str(key.value)), value))
        elif isinstance(node, yaml.SequenceNode):
            waiting += [((*path, position), value) for position, value in enumerate(node.value)]
    return found


# The one of libyaml, where it is there, is ten times as fast.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
