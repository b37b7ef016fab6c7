"""Task families: how items become requests and responses become item scores. One module each."""

from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.suite import SuiteManifest
from evaluators.tasks import choice
from evaluators.tasks.interface import Task

TASKS: dict[str, Task] = {"choice": choice.TASK}


def task_of(manifest: SuiteManifest) -> Task:
    """The task of a suite; raises ProblemsFound where this version has none of that name."""
    task = TASKS.get(manifest.task)
    if task is None:
        raise ProblemsFound(
            [Problem("E-SUITE-TASK", f"this version does not implement the task {manifest.task!r}", "suite.yaml",
                     field="task", remedy=f"It implements: {', '.join(sorted(TASKS))}.")]
        )  # fmt: skip
    if manifest.metric not in task.metrics:
        raise ProblemsFound(
            [Problem("E-SUITE-METRIC", f"the task {manifest.task!r} has no metric {manifest.metric!r}", "suite.yaml",
                     field="metric", remedy=f"It has: {', '.join(task.metrics)}.")]
        )  # fmt: skip
    return task
