"""The review of a run that is done: what organizers and reviewers should look at. Safe to run twice."""

from collections.abc import Iterator
from typing import Any

from evaluations import flags
from evaluations.checkpoints import ALL, MAIN
from evaluations.duplicates import duplicates_of
from evaluations.models import Flag, Run, Score
from evaluations.score_lines import newest
from submissions.models import Submission

# On fewer items than these everything right may be luck.
LARGE = 200
TOP = 1e-9
CONSTANT = "constant-predictor"


def review(run: Run) -> list[Flag]:
    """Flag what is constant, impossible or another team's; what is flagged already stays as it was decided."""
    if run.purpose != Run.Purpose.PHASE or run.state != Run.State.DONE:
        return []
    submission = run.entry.submission
    found = [flags.notice(kind, submission, subject=subject, numbers=numbers) for kind, subject, numbers in _alone(run)]
    for one in duplicates_of(run):
        if _noticed_of(one.other, submission, one.kind, one.subject):
            continue
        found.append(flags.notice(one.kind, submission, other=one.other, subject=one.subject, numbers=one.numbers))
    return found


def _noticed_of(one: Submission, other: Submission, kind: str, subject: str) -> bool:
    """Whether the pair is flagged the other way round: one look at it is enough."""
    return Flag.objects.filter(kind=kind, submission=one, other=other, subject=subject).exists()


def _alone(run: Run) -> Iterator[tuple[str, str, dict[str, Any]]]:
    sets = run.response_sets.filter(checkpoint__in=(MAIN, ALL), train_seed=0)
    for answers in sets.select_related("suite_version__suite").prefetch_related("evaluations__scores"):
        evaluation, version = newest(answers), answers.suite_version
        if evaluation is None:
            continue
        told = [flag for flag in evaluation.document.get("flags", []) if str(flag).startswith(CONSTANT)]
        if told:
            yield Flag.Kind.CONSTANT, str(version), {"flags": told}
        for score in evaluation.scores.all():
            own = (score.metric, score.group, score.tag) == (version.manifest.get("metric"), "", "")
            if own and _impossible(score, version.manifest):
                yield Flag.Kind.IMPOSSIBLE, str(version), {"metric": score.metric, "value": score.value, "n": score.n}


def _impossible(score: Score, manifest: dict[str, Any]) -> bool:
    """The best score there is, on many items."""
    if score.value is None or score.n < LARGE:
        return False
    low, high = manifest.get("range") or (0, 1)
    lower = manifest.get("direction") == "lower"
    return score.value <= low + TOP if lower else score.value >= high - TOP
