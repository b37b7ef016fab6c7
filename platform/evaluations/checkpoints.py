"""Which models of a submission a suite is asked of: the finished one, its checkpoints, replicates of the training."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from challenges.models import Track
from evaluations.models import ResponseSet
from evaluators.predictions.parts import has_part
from evaluators.protocol.submission import SubmissionManifest
from evaluators.tasks import TASKS
from evaluators.tasks.interface import Step
from submissions.checkpoint_rules import expected
from suites.models import PhaseSuite, SuiteVersion

# The finished model, and the one response set of a task that goes over checkpoints.
MAIN, ALL = "main", "all"


class Place(NamedTuple):
    """The model that a response set asks: a checkpoint of a training; `steps` are the checkpoints that it goes over."""

    checkpoint: str = MAIN
    train_seed: int = 0
    steps: tuple[Step, ...] = ()


def goes_over_checkpoints(version: SuiteVersion) -> bool:
    """Whether the suite's task is asked once over all checkpoints, as acquisition is."""
    task = TASKS.get(version.manifest.get("task", ""))
    return task is not None and task.over_checkpoints


def steps_of(manifest: SubmissionManifest, track: Track) -> tuple[Step, ...]:
    """The submission's checkpoints that the track takes, by the words seen until then."""
    taken = set(expected(track))
    there = sorted(manifest.checkpoints, key=lambda checkpoint: checkpoint.words)
    return tuple(Step(one.name, one.words) for one in there if one.name in taken)


def train_seeds(manifest: SubmissionManifest) -> tuple[int, ...]:
    """The replicates of the training beside the finished model, which may stand among them and is asked once."""
    main = manifest.model.path if manifest.model is not None else "."
    return tuple(one.seed for one in manifest.train_seeds if one.path != main)


def places(
    phase_suite: PhaseSuite, manifest: SubmissionManifest, track: Track, *, rehearsal: bool = False
) -> Iterator[Place]:
    """Where the suite is asked; a rehearsal asks the finished model and one checkpoint.

    A task over checkpoints is asked once, over all there are: nowhere where there are none, so that its score is
    missing. A prediction file holds its checkpoints itself; what is asked at each of them, and has no part in its
    format, is not asked of it.
    """
    steps = steps_of(manifest, track)
    if manifest.predictions is not None:
        at_each = phase_suite.checkpoints == PhaseSuite.Checkpoints.ALL
        if at_each and not has_part(phase_suite.suite_version.suite.key, manifest.predictions.format):
            return
        yield Place(ALL if goes_over_checkpoints(phase_suite.suite_version) else MAIN)
        return
    if goes_over_checkpoints(phase_suite.suite_version):
        if steps:
            yield Place(steps[0].name, 0, steps[:1]) if rehearsal else Place(ALL, 0, steps)
        return
    yield Place()
    if phase_suite.checkpoints == PhaseSuite.Checkpoints.ALL:
        yield from (Place(step.name, 0, (step,)) for step in (steps[:1] if rehearsal else steps))
    if not rehearsal:
        yield from (Place(MAIN, seed) for seed in train_seeds(manifest))


def order_of(place: Place) -> tuple[int, int]:
    """Where a response set stands among those of its run: the finished model first, then as the training went."""
    first = place.checkpoint in (MAIN, ALL) or not place.steps
    return place.train_seed, -1 if first else place.steps[0].words


def steps_asked(response_set: ResponseSet) -> tuple[Step, ...]:
    """The checkpoints that a response set goes over, in their order."""
    return tuple(Step(str(name), int(words)) for name, words in response_set.steps)


def folder_name(checkpoint: str, train_seed: int) -> str:
    """What the sandbox calls a model: its checkpoint, and for a replicate the seed too, as `main~5`."""
    return f"{checkpoint}~{train_seed}" if train_seed else checkpoint


def folders(manifest: SubmissionManifest, names: Collection[str]) -> dict[str, dict[str, str]]:
    """The runner's `checkpoints`: where each of these models lies; empty where the finished model alone is asked."""
    if set(names) <= {MAIN}:
        return {}
    paths = {MAIN: manifest.model.path if manifest.model is not None else "."}
    paths |= {one.name: one.path for one in manifest.checkpoints}
    paths |= {folder_name(MAIN, one.seed): one.path for one in manifest.train_seeds}
    return {name: {"path": paths[name]} for name in dict.fromkeys(names)}
