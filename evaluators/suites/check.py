"""Is this folder a valid suite: everything that is wrong with it at once, and what is in it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.suite import WeightedAggregate
from evaluators.suites.folder import ITEMS, MAX_PROBLEMS, Suite, open_suite
from evaluators.suites.media import media_findings
from evaluators.tasks import setting_of, task_of
from evaluators.tasks.interface import Sample


@dataclass(frozen=True)
class CheckReport:
    """The findings: problems make the folder unusable, warnings do not."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    suite: Suite | None = None

    @property
    def ok(self) -> bool:
        """Whether the folder can be used."""
        return not self.problems

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Items per split, group and tag."""
        if self.suite is None:
            return {}
        items = self.suite.items
        return {
            "splits": dict(Counter(item.split for item in items)),
            "groups": dict(Counter(item.group for item in items)),
            "tags": dict(Counter(tag for item in items for tag in item.tags)),
        }


def check_suite(folder: Path) -> CheckReport:
    """Check a suite folder; never raises for what is in it."""
    try:
        suite = open_suite(folder)
    except ProblemsFound as error:
        return CheckReport(problems=list(error.problems))
    problems = []
    if not suite.items:
        problems.append(Problem("E-SUITE-EMPTY", "the suite has no items", ITEMS, remedy="Add a line for each item."))
    problems += _weight_problems(suite)
    problems += _range_problems(suite)
    problems += _task_problems(suite)
    missing, unused = media_findings(suite, folder)
    return CheckReport(problems=problems + missing, warnings=_warnings(folder, suite) + unused, suite=suite)


def _task_problems(suite: Suite) -> list[Problem]:
    """What the suite's own task finds."""
    return task_of(suite.manifest).faults(_sample(suite), suite.train)[:MAX_PROBLEMS]


def _sample(suite: Suite) -> Sample:
    return Sample(suite.items, suite.gold_in_order, [], setting_of(suite.manifest))


def _range_problems(suite: Suite) -> list[Problem]:
    """The range must hold every value of the metric: scoring a value outside of it is refused."""
    manifest, metric = suite.manifest, task_of(suite.manifest).metrics[suite.manifest.metric]
    if manifest.range[0] <= metric.low and metric.high <= manifest.range[1]:
        return []
    sentence = (
        f"{manifest.metric} may be anything from {metric.low:g} to {metric.high:g}, and the range leaves some out"
    )
    remedy = "A submission that scored there could not be scored: widen the range."
    return [Problem("E-SUITE-METRIC", sentence, "suite.yaml", field="range", remedy=remedy)]


def _weight_problems(suite: Suite) -> list[Problem]:
    """Groups and weights must name each other, one to one."""
    how = suite.manifest.aggregate
    if not isinstance(how, WeightedAggregate):
        return []
    strange = sorted({item.group for item in suite.items} ^ how.weights.keys())
    return [
        Problem(
            "E-SUITE-WEIGHT",
            f"{name!r} is only {'weighted' if name in how.weights else 'a group'}",
            "suite.yaml",
            field="aggregate.weights",
            remedy="Give every group a weight, and nothing else.",
        )
        for name in strange[:MAX_PROBLEMS]
    ]


def _warnings(folder: Path, suite: Suite) -> list[Problem]:
    warnings = []
    if not (folder / "README.md").is_file():
        warnings.append(
            Problem(
                "W-SUITE-README",
                "there is no README.md",
                "README.md",
                remedy="Say where the items come from, their licence, and how they were checked.",
            )
        )
    return warnings + task_of(suite.manifest).warnings(_sample(suite))
