"""`babylm-2023`: JSON lines, one a subtask: {"task": "glue", "sub_task": "mnli", "predictions": [{"id", "pred"}]}."""

from evaluators.predictions.answers import Answers
from evaluators.predictions.joining import Join
from evaluators.predictions.parts import part_of
from evaluators.protocol.lines import parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites.folder import Suite

FORMAT = "babylm-2023"
# A line holds a whole subtask: QQP has 20,215 predictions.
MAX_LINE_BYTES = 64_000_000


def read(data: bytes, suite: Suite, file: str) -> Answers:
    """The file's answers to the suite; lines of other tasks are listed as ignored."""
    part = part_of(suite, FORMAT)
    names = part.names(FORMAT)
    join = Join(suite, file, names[0])
    found = False
    for number, line in parse_lines(data, file=file, code="E-PRED-FORMAT", max_line_bytes=MAX_LINE_BYTES):
        task, subtask = line.get("task"), line.get("sub_task")
        if not isinstance(task, str) or not isinstance(subtask, str):
            problem = Problem("E-PRED-FORMAT", "`task` and `sub_task` are required", file, number, "task")
            join.answers.refuse(problem)
        elif task not in names:
            join.answers.ignore(task)
        else:
            found = True
            join.subtask(subtask, line.get("predictions"), field="predictions", prefix=part.subtask, line=number)
    if not found and not join.answers.problems:
        sentence, remedy = f"the file has no line of the task {names[0]!r}", f"{suite.name} is read from these lines."
        raise ProblemsFound([Problem("E-PRED-FORMAT", sentence, file, field="task", remedy=remedy)])
    return join.answers.finish()
