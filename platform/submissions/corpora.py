"""What a submission hands in of its training text: the list of its files, or the files, which are counted here."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from evaluators.budgets import MAX_LEDGER_BYTES, Counted, count_text, ledger_problems, read_ledger
from evaluators.budgets.accounts import counting
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.submission import Data, SubmissionManifest

# A corpus file is held as bytes while it is counted; 10 million words of English are about 54 MB.
MAX_FILE_BYTES = 128 * 1024**2
# Each is fetched from the unpacked archive by a container of its own, which takes a fraction of a second.
MAX_FILES = 500
# Only so much of it is text at a time: a file of one long line must not become millions of words in memory.
PIECE = 1 << 20
Read = Callable[[str, int], bytes]


def corpora_problems(manifest: SubmissionManifest, files: dict[str, int], read: Read) -> list[Problem]:
    """Where the list or the text that is handed in does not fit what is declared.

    `files`: the submission's files with their sizes in bytes; `read(path, most)` gives one. Raises what `read` raises.
    """
    data = manifest.data
    if data is None:
        return []
    problems: list[Problem] = []
    if data.manifest is not None:
        problems += _listed(data, data.manifest, files, read)
    if data.corpus is not None:
        problems += _counted(data, data.corpus, files, read)
    return problems


def _listed(data: Data, path: str, files: dict[str, int], read: Read) -> list[Problem]:
    if path not in files:
        return [Problem("E-SUB-FILE", f"the archive has no {path}", path, remedy="`data.manifest` names it.")]
    if files[path] > MAX_LEDGER_BYTES:
        return [_problem(f"the list is larger than {MAX_LEDGER_BYTES:,} bytes", path, "data.manifest")]
    try:
        return ledger_problems(read_ledger(read(path, MAX_LEDGER_BYTES), file=path), data.corpora, file=path)
    except ProblemsFound as error:
        return list(error.problems)


def _counted(data: Data, folder: str, files: dict[str, int], read: Read) -> list[Problem]:
    """The folder's texts, counted: they must come to what the corpora that count are declared with."""
    inside = sorted(path for path in files if PurePosixPath(path).is_relative_to(folder))
    if not inside:
        return [Problem("E-SUB-FILE", f"the archive has no {folder}/", folder, remedy="`data.corpus` names it.")]
    if len(inside) > MAX_FILES:
        sentence = f"the corpus has {len(inside):,} files, and at most {MAX_FILES} are counted"
        return [_problem(sentence, folder, "data.corpus", "Join them, or name their list under data.manifest.")]
    large = next((path for path in inside if files[path] > MAX_FILE_BYTES), None)
    if large is not None:
        return [_problem(f"a file of the corpus is larger than {MAX_FILE_BYTES:,} bytes", large, "data.corpus",
                         "Split it at line ends.")]  # fmt: skip
    texts: list[Counted] = []
    for path in inside:
        try:
            texts.append(count_text(_pieces(read(path, MAX_FILE_BYTES)), path=path))
        except UnicodeDecodeError:
            return [_problem("a file of the corpus is no UTF-8 text", path, "data.corpus", "Hand in plain text.")]
    return [*_differences(data, texts, folder)]


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


def _differences(data: Data, texts: Sequence[Counted], folder: str) -> list[Problem]:
    problems = []
    for what in ("words", "bytes"):
        declared = [getattr(corpus, what) for corpus in counting(data.corpora)]
        found = sum(getattr(text, what) for text in texts)
        if None not in declared and sum(declared) != found:
            message = f"{sum(declared):,} {what} are declared, and the corpus that was handed in has {found:,}"
            problems.append(_problem(message, folder, "data.corpora", "Count again: python -m evaluators words."))
    return problems


def _problem(message: str, file: str, field: str, remedy: str = "") -> Problem:
    return Problem("E-SUB-CORPORA", message, file, field=field, remedy=remedy)
