"""The list of a submission's corpus files: one JSON line a file, with its digest, words and bytes. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.budgets.accounts import counting
from evaluators.protocol.lines import parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.submission import Corpus

MAX_LEDGER_BYTES = 16 * 1024**2
MAX_PATH = 1000
SHA256 = re.compile(r"^[0-9a-f]{64}\Z")
FIELDS = {"path", "sha256", "words", "bytes", "corpus"}


@dataclass(frozen=True)
class ListedFile:
    """A file of the training text: where it stood, its digest and its counts."""

    path: str
    sha256: str
    words: int
    bytes: int
    corpus: str = ""


def read_ledger(data: bytes, *, file: str) -> list[ListedFile]:
    """The files that the list names; raises ProblemsFound for a line that can't be read."""
    return [_listed(value, file, number) for number, value in parse_lines(data, file=file, code="E-SUB-CORPORA")]


def ledger_problems(files: Sequence[ListedFile], corpora: Sequence[Corpus], *, file: str) -> list[Problem]:
    """Where the list and the declared corpora do not agree: a file twice, an unknown corpus, other sums.

    With several corpora each line names its own; what is declared for a text that counts once is compared once.
    """
    problems = []
    seen: set[str] = set()
    for listed in files:
        if listed.sha256 in seen:
            problems.append(_problem(f"the file {listed.path} is listed twice, by its digest", file))
        seen.add(listed.sha256)
    declared = {corpus.name: corpus for corpus in counting(corpora)}
    by_corpus: dict[str, list[ListedFile]] = defaultdict(list)
    for listed in files:
        name = listed.corpus or (next(iter(declared)) if len(declared) == 1 else "")
        if name not in declared:
            fault = f"the file {listed.path} names no corpus" if not name else f"no corpus {name!r} is declared"
            return [*problems, _problem(fault, file, remedy=f"Declared are: {', '.join(declared) or 'none'}.")]
        by_corpus[name].append(listed)
    for name, corpus in declared.items():
        problems += _sums(corpus, by_corpus.get(name, []), file)
    return problems


def _sums(corpus: Corpus, files: Sequence[ListedFile], file: str) -> list[Problem]:
    problems = []
    for what in ("words", "bytes"):
        told, listed = getattr(corpus, what), sum(getattr(one, what) for one in files)
        if told is not None and told != listed:
            message = f"the corpus {corpus.name} is declared with {told:,} {what}, and its files come to {listed:,}"
            problems.append(_problem(message, file, remedy="Count again: python -m evaluators words --json."))
    return problems


def _listed(value: Mapping[str, Any], file: str, line: int) -> ListedFile:
    unknown = sorted(set(value) - FIELDS)
    faults = [f"the field {unknown[0]!r} is not known here"] if unknown else []
    path = value.get("path")
    if not isinstance(path, str) or not 0 < len(path) <= MAX_PATH or not path.isprintable():
        faults.append(f"`path` must be a text of one line, of at most {MAX_PATH:,} characters")
    if not isinstance(value.get("sha256"), str) or not SHA256.match(value["sha256"]):
        faults.append("`sha256` must be 64 hexadecimal digits")
    for name in ("words", "bytes"):
        number = value.get(name)
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            faults.append(f"`{name}` must be a whole number")
    if not isinstance(value.get("corpus", ""), str):
        faults.append("`corpus` must be a text")
    if faults:
        raise ProblemsFound([_problem(fault, file, line=line) for fault in faults])
    return ListedFile(value["path"], value["sha256"], value["words"], value["bytes"], value.get("corpus", ""))


def _problem(message: str, file: str, *, line: int | None = None, remedy: str = "") -> Problem:
    return Problem("E-SUB-CORPORA", message, file, line, "data.manifest", remedy)
