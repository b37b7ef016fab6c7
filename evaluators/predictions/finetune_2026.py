"""`babylm-2026-finetune`: predictions.txt of the fine-tuning tasks of 2026, with the columns `index` and `prediction`.

One file where the suite has one group; else a tar of `<task>/predictions.txt`. `index` is the line of the task's file,
from 0.
"""

import io
import tarfile
from pathlib import PurePosixPath

from evaluators.predictions.answers import Answers
from evaluators.predictions.joining import Join
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites.folder import Suite

HEADER = "index\tprediction"
NAME = "predictions.txt"
MAX_MEMBERS = 10_000
# Lines that are no item's are counted, so many of them: each takes a hundred times the memory that it takes here.
MORE_LINES = 100_000
# Where a tar says what it is.
MAGIC, MAGIC_PLACE = b"ustar", 257


def read(data: bytes, suite: Suite, file: str) -> Answers:
    """The file's answers to the suite; tasks of a tar that the suite does not have are listed as ignored."""
    join = Join(suite, file, "finetune")
    groups = {str(identifier).rpartition("/")[0] for identifier in suite.all_ids}
    if data[MAGIC_PLACE : MAGIC_PLACE + len(MAGIC)] == MAGIC:
        for task, text in _members(data, file):
            if task in groups:
                _table(join, task, text, f"{task}/{NAME}")
            else:
                join.answers.ignore(task)
    elif len(groups) == 1:
        _table(join, groups.pop(), data, file)
    else:
        sentence = f"the suite has {len(groups)} tasks, and the file says not which it is of"
        remedy = f"Pack the folders <task>/{NAME} as a tar."
        raise ProblemsFound([Problem("E-PRED-FORMAT", sentence, file, remedy=remedy)])
    return join.answers.finish()


def _members(data: bytes, file: str) -> list[tuple[str, bytes]]:
    """Each task's file; the tar lies in memory already, and its members are no larger than itself."""
    found = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= MAX_MEMBERS:
                    raise _refused(f"the tar has more than {MAX_MEMBERS:,} members", file)
                path = PurePosixPath(member.name)
                # A sparse member may be of any size, whatever the archive's own is.
                if path.name == NAME and member.isreg() and not member.issparse():
                    content = archive.extractfile(member)
                    found.append((path.parent.name, content.read() if content else b""))
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        # One extended header behind another is read by recursion.
        if isinstance(error, ProblemsFound):
            raise
        raise _refused("the tar is broken", file) from error
    return found


def _refused(sentence: str, file: str) -> ProblemsFound:
    return ProblemsFound([Problem("E-PRED-FORMAT", sentence, file, remedy="Pack the folders again.")])


def _table(join: Join, task: str, data: bytes, file: str) -> None:
    """Read one task's lines as predictions with the ids `<task>_<index>`."""
    most = len(join.suite.all_ids) + MORE_LINES
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    predictions = []
    try:
        header = lines.readline().strip()
        for line in lines:
            index, _, label = line.rstrip("\n").partition("\t")
            predictions.append({"id": f"{task}_{index.strip()}", "pred": label})
            if len(predictions) > most:
                sentence = f"it has more than {most:,} lines, and the suite {len(join.suite.all_ids):,} items in all"
                remedy = "Write one line for each item."
                raise ProblemsFound([Problem("E-PRED-SIZE", sentence, file, remedy=remedy)])
    except UnicodeDecodeError as error:
        raise ProblemsFound([Problem("E-PRED-FORMAT", "the file is not UTF-8", file)]) from error
    if header != HEADER:
        sentence, remedy = "the first line must name the columns", "Write index and prediction, with a tab between."
        raise ProblemsFound([Problem("E-PRED-FORMAT", sentence, file, 1, remedy=remedy)])
    join.subtask(task, predictions, field=f"{task}.predictions")
