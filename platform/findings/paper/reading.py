"""LaTeX, read as far as a check needs it: lines without comments, files that are drawn in, macros and claims."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from findings.writers.latex import MARK

HEAD = re.compile(r"^% proctor-findings: challenge=(?P<challenge>\S+) version=(?P<version>\S+)", re.MULTILINE)
DEFINITION = re.compile(r"^\\newcommand\{\\(?P<macro>num[A-Z][A-Za-z]*)\}\{(?P<text>.*)\} % (?P<key>\S+)$")
USE = re.compile(r"\\(num[A-Z][A-Za-z]*)")
OWN = re.compile(
    r"\\(?:re)?(?:newcommand|providecommand|def|DeclareMathOperator|NewDocumentCommand|DeclareRobustCommand)"
    r"\*?\s*\{?\s*\\(num[A-Z][A-Za-z]*)"
)
DRAWN_IN = re.compile(r"\\(?:input|include|InputIfFileExists|subfile)\s*\{([^}]+)\}")
ANNOTATION = re.compile(r"%\s*proctor:\s*(?P<keys>[A-Za-z0-9.,\s-]+?)\s*$")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*$")
_RAW = re.compile(r"\\(begin|end)\{(verbatim|lstlisting|minted|comment)\*?\}")
MOST_FILES = 500
# A claim's expression may be folded over so many lines.
MOST_LINES = 5


@dataclass(frozen=True)
class Line:
    """A line of a paper: the code without its comment, and the keys that its comment annotates."""

    file: Path
    number: int
    code: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """`\\claim{expression}{text}`, and where it stands."""

    file: Path
    number: int
    expression: str


@dataclass(frozen=True)
class Defined:
    """A number as numbers.tex has it."""

    file: Path
    number: int
    macro: str
    text: str


@dataclass(frozen=True)
class Numbers:
    """A numbers.tex that a paper draws in."""

    file: Path
    challenge: str
    version: str
    defined: tuple[Defined, ...]


@dataclass(frozen=True)
class Paper:
    """What a check needs of a paper and of all that it draws in."""

    lines: tuple[Line, ...]
    claims: tuple[Claim, ...]
    numbers: tuple[Numbers, ...]
    own: frozenset[str]


def read_paper(path: Path) -> Paper:
    """Read a paper with the files that it draws in; raises OSError where it can't be read, ValueError for no UTF-8."""
    texts = dict(_files(path))
    numbers = tuple(found for file, text in texts.items() if (found := _numbers(file, text)) is not None)
    of_numbers = {one.file for one in numbers}
    lines: list[Line] = []
    for file, text in texts.items():
        if file not in of_numbers:
            lines += _lines(file, text)
    own = frozenset(name for line in lines for name in OWN.findall(line.code))
    return Paper(tuple(lines), tuple(_claims(lines)), numbers, own)


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """The paper and every file that it draws in, each once; LaTeX seeks them from the main file's folder."""
    waiting: list[Path] = [path]
    seen: set[Path] = set()
    while waiting and len(seen) < MOST_FILES:
        file = waiting.pop(0)
        if file.resolve() in seen:
            continue
        seen.add(file.resolve())
        text = file.read_text(encoding="utf-8")
        yield file, text
        # What `findings` wrote draws in tables and prose of its own.
        for line in text.splitlines():
            for name in DRAWN_IN.findall(_without_comment(line)):
                inner = path.parent / name.strip()
                inner = inner if inner.suffix == ".tex" else inner.with_name(f"{inner.name}.tex")
                if inner.is_file():
                    waiting.append(inner)


def _without_comment(line: str) -> str:
    return _COMMENT.sub(r"\1", line)


def _numbers(file: Path, text: str) -> Numbers | None:
    head = HEAD.search(text)
    if head is None or not text.startswith(MARK):
        return None
    defined = tuple(
        Defined(file, number, found["macro"], found["text"])
        for number, line in enumerate(text.splitlines(), 1)
        if (found := DEFINITION.match(line)) is not None
    )
    return Numbers(file, head["challenge"], head["version"], defined)


def _lines(file: Path, text: str) -> Iterator[Line]:
    """The lines with code; an annotation on a line of its own is about the next line that has some."""
    raw = False
    waiting: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        code = _without_comment(line)
        for kind, _ in _RAW.findall(code):
            raw = kind == "begin"
        if raw:
            continue
        found = ANNOTATION.search(line) if len(code) < len(line) else None
        keys = tuple(key for key in re.split(r"[,\s]+", found["keys"]) if key) if found else ()
        if code.strip():
            yield Line(file, number, code, waiting + keys)
            waiting = ()
        else:
            waiting += keys


def _claims(lines: list[Line]) -> Iterator[Claim]:
    for place, line in enumerate(lines):
        for found in re.finditer(r"\\claim\s*\{", line.code):
            # The command's own definition is none.
            if re.search(r"(command\*?\s*\{?|def)\s*$", line.code[: found.start()]):
                continue
            following = [other.code for other in lines[place + 1 : place + MOST_LINES] if other.file == line.file]
            inner = _braced(" ".join([line.code[found.end() :], *following]))
            yield Claim(line.file, line.number, " ".join(inner.split()))


def _braced(text: str) -> str:
    """What stands before the brace that closes."""
    depth = 1
    for place, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if not depth:
            return text[:place]
    return text
