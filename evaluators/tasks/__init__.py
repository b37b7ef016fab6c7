"""Task families: how items become requests and responses become item scores. One module each."""

from pydantic import ValidationError

from evaluators.protocol.documents import problems_of
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.suite import SuiteManifest
from evaluators.tasks import acquisition, choice, classification, probability, similarity, surprisal
from evaluators.tasks.interface import Setting, Step, Task

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        acquisition.TASK,
        choice.TASK,
        classification.TASK,
        probability.TASK,
        similarity.TASK,
        surprisal.TASK,
    )
}


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


def setting_of(manifest: SuiteManifest, *, steps: tuple[Step, ...] = ()) -> Setting:
    """What of the manifest an item's score depends on; raises ProblemsFound where its options are not the task's."""
    try:
        options = task_of(manifest).options.model_validate(manifest.options)
    except ValidationError as error:
        problems = problems_of(error, file="suite.yaml")
        raise ProblemsFound(
            [Problem(one.code, one.message, one.file, one.line, f"options.{one.field}", one.remedy) for one in problems]
        ) from error
    return Setting(manifest.length_norm, options, steps, manifest.metric)
