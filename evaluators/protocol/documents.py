"""The base of every document: strict pydantic models read from YAML or JSON, faults named by file, line and field."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from evaluators.protocol.problems import Problem, ProblemsFound

Path = tuple[str | int, ...]

MAX_DOCUMENT_BYTES = 1_000_000
# Python writes whole numbers of more than 4,300 digits nowhere, and turns those above 10^308 into no float.
MAX_INTEGER = 10**40
# What PyYAML's constructors raise beside their own errors, for `!!int ''`, `!!bool x` or `!!timestamp x` say.
MISREAD = (RecursionError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError)

REMEDIES = {
    "missing": "Add the field.",
    "extra_forbidden": "Remove it, or correct its spelling.",
}


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without anchors' aliases (a bomb in ten lines) and without duplicate keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)


def _lines(node: yaml.Node | None, path: Path, found: dict[Path, int], problems: list[Problem], file: str) -> None:
    """Collect the line (from 1) of every path below `node`, and a problem for each duplicate key."""
    if node is None:
        return
    found.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode) and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in node.value):
        # Only an escape can bring them in; no database takes them, nor does UTF-8 take half of a surrogate pair.
        remedy = "Remove the escape (\\0 or \\ud800 to \\udfff)."
        problems.append(
            Problem("E-DOC-SYNTAX", "a text holds a character that can't be stored", file, node.start_mark.line + 1,
                    remedy=remedy)
        )  # fmt: skip
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            _lines(key, path, found, problems, file)
            name = str(key.value)
            if name in seen:
                problems.append(
                    Problem(
                        "E-DOC-DUPLICATE",
                        f"the key {name!r} stands twice",
                        file,
                        key.start_mark.line + 1,
                        _dotted((*path, name)),
                        "Keep one of them.",
                    )
                )
            seen.add(name)
            found[(*path, name)] = key.start_mark.line + 1
            _lines(value, (*path, name), found, problems, file)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _lines(value, (*path, position), found, problems, file)


def _dotted(path: Path) -> str:
    """`tracks[0].phases` from ("tracks", 0, "phases")."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def parse_yaml(text: str, *, file: str) -> tuple[Any, dict[Path, int]]:
    """The plain value of one YAML (or JSON) document and the line of every path in it; raises ProblemsFound."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_DOCUMENT_BYTES:
        raise ProblemsFound(
            [
                Problem(
                    "E-DOC-SIZE",
                    f"the document is larger than {MAX_DOCUMENT_BYTES} bytes",
                    file,
                    remedy="A document describes files; put the data itself into them.",
                )
            ]
        )
    loader = None
    try:
        loader = _StrictLoader(text)
        node = loader.get_single_node()
        lines: dict[Path, int] = {}
        problems: list[Problem] = []
        _lines(node, (), lines, problems, file)
        if problems:
            raise ProblemsFound(problems)
        value = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ProblemsFound(
            [
                Problem(
                    "E-DOC-SYNTAX",
                    f"this is not valid YAML: {error.problem}",
                    file,
                    mark.line + 1 if mark else None,
                    remedy="Check indentation, colons and quotes at this line.",
                )
            ]
        ) from error
    except (yaml.YAMLError, *MISREAD) as error:
        if isinstance(error, ProblemsFound):
            raise
        raise ProblemsFound(
            [
                Problem(
                    "E-DOC-SYNTAX",
                    f"this is not valid YAML: {type(error).__name__}",
                    file,
                    remedy="Save it as plain UTF-8 text.",
                )
            ]
        ) from error
    finally:
        if loader is not None:
            loader.dispose()
    return value, lines


def problems_of(error: ValidationError, *, file: str, lines: Mapping[Path, int] | None = None) -> list[Problem]:
    """Each pydantic fault as a Problem with the line of the nearest enclosing path that stands in the file."""
    problems = []
    for fault in error.errors(include_url=False, include_context=False):
        path = tuple(part for part in fault["loc"] if not (isinstance(part, str) and part.startswith("function-")))
        line = None
        if lines:
            line = next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), None)
        kind = fault["type"]
        if kind == "extra_forbidden":
            code, message = "E-DOC-UNKNOWN", f"the field {path[-1]!r} is not known here"
        elif kind == "missing":
            code, message = "E-DOC-MISSING", f"the required field {path[-1]!r} is missing"
        else:
            code, message = "E-DOC-VALUE", fault["msg"].removeprefix("Value error, ")
        problems.append(Problem(code, message, file, line, _dotted(path), REMEDIES.get(kind, "")))
    return problems


def _huge_number(value: Any) -> Path | None:
    """Where a whole number stands that is too large to be meant; None where there is none."""
    waiting: list[tuple[Path, Any]] = [((), value)]
    while waiting:
        path, part = waiting.pop()
        if isinstance(part, int) and abs(part) >= MAX_INTEGER:
            return path
        if isinstance(part, Mapping):
            waiting += [((*path, name), inner) for name, inner in part.items()]
        elif isinstance(part, list | tuple):
            waiting += [((*path, position), inner) for position, inner in enumerate(part)]
    return None


class _ReadableDumper(yaml.SafeDumper):
    """Safe YAML in which a text of several lines stands as it was written."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    if any(character in value for character in "\x85\u2028\u2029\ufeff"):
        style = '"'  # line breaks of Unicode's own come back right only where they are escaped
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_ReadableDumper.add_representer(str, _text)


def dump_yaml(value: Any) -> str:
    """Plain values as YAML for people; keys keep their order."""
    return yaml.dump(_plain(value), Dumper=_ReadableDumper, sort_keys=False, allow_unicode=True, width=100)


class Document(BaseModel):
    """A strict, immutable document: unknown keys are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def from_yaml(cls, text: str, *, file: str) -> Self:
        """Read the document from YAML or JSON text; raises ProblemsFound naming file, line and field."""
        value, lines = parse_yaml(text, file=file)
        if not isinstance(value, dict):
            raise ProblemsFound(
                [
                    Problem(
                        "E-DOC-SYNTAX",
                        "the document must be a mapping of fields",
                        file,
                        1,
                        remedy="Begin with `schema: …`.",
                    )
                ]
            )
        return cls.from_value(value, file=file, lines=lines)

    @classmethod
    def from_value(cls, value: Mapping[str, Any], *, file: str, lines: Mapping[Path, int] | None = None) -> Self:
        """Read the document from plain values (a form, JSON); raises ProblemsFound."""
        huge = _huge_number(value)
        if huge is not None:
            line = lines.get(huge) if lines else None
            raise ProblemsFound([Problem("E-DOC-VALUE", "a number has more than 40 digits", file, line, _dotted(huge))])
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ProblemsFound(problems_of(error, file=file, lines=lines)) from error

    def to_value(self) -> dict[str, Any]:
        """Plain JSON values, without what was left at its default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def to_yaml(self) -> str:
        """The document as YAML that `from_yaml` reads back to an equal one; keys in their declared order."""
        return dump_yaml(self._ordered())

    def _ordered(self) -> dict[str, Any]:
        """`to_value` with `schema` always present: it is the first thing a reader looks for."""
        value = self.to_value()
        head = {"schema": getattr(self, "schema_", None)} if hasattr(self, "schema_") else {}
        return {**head, **value}


def _plain(value: Any) -> Any:
    """Dates as ISO text, so that YAML does not turn them into objects of its own."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value that digests are taken over: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
