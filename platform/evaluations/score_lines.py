"""A run's scores as text and as rounded numbers, as finely as a viewer may see them."""

from collections.abc import Iterator
from dataclasses import dataclass

from challenges.models import Track
from evaluations.models import Evaluation, ResponseSet, Run, Score
from evaluations.rounding import Shown, coarse
from evaluations.visibility import Sight


@dataclass(frozen=True)
class ScoreLine:
    """A score as text, rounded as the track says; `value`, `low` and `high` are rounded numbers."""

    suite: str
    title: str
    metric: str
    group: str
    text: str
    interval: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    asked: int
    answered: int
    percent: bool

    @property
    def partial(self) -> bool:
        """Whether items were left without an answer; such a result is never ranked."""
        return self.answered < self.asked


def score_lines(run: Run, seen: Sight, *, groups: bool) -> Iterator[ScoreLine]:
    """The suites' own scores, or with `groups` those of groups and tags that have as many items as it takes."""
    for asked in run.run_response_sets.all():
        evaluations = list(asked.response_set.evaluations.all())
        if evaluations:
            yield from _lines_of(evaluations[-1], asked.response_set, run.entry.track, seen, groups)


def _lines_of(
    evaluation: Evaluation, answers: ResponseSet, track: Track, seen: Sight, groups: bool
) -> Iterator[ScoreLine]:
    version = answers.suite_version
    low, high = version.manifest.get("range") or [0, 1]
    percent = high == 1
    for score in sorted(evaluation.scores.all(), key=lambda score: (score.metric, score.tag, score.group)):
        within = bool(score.group or score.tag)
        if within != groups or (within and (seen.groups_from is None or score.n < seen.groups_from)):
            continue
        shown = _shown(score, seen, most=track.round_digits + (2 if percent else 0), bounds=(low, high))
        texts = [_text(number, shown.digits, percent) for number in (shown.value, shown.low, shown.high)]
        yield ScoreLine(
            suite=version.suite.key,
            title=version.suite.title,
            metric=score.metric,
            group=score.group or score.tag,
            text=texts[0],
            interval=f"{texts[1]}–{texts[2]}" if shown.low is not None and shown.high is not None else "",
            value=shown.value,
            low=shown.low,
            high=shown.high,
            n=score.n,
            asked=score.n if within else answers.asked,
            answered=score.n if within else answers.answered,
            percent=percent,
        )


def _shown(score: Score, seen: Sight, *, most: int, bounds: tuple[float, float]) -> Shown:
    if seen.guarded:
        return coarse(score.value, n=score.n, bounds=bounds, most=most)
    value, low, high = (
        None if number is None else round(number, most) for number in (score.value, score.low, score.high)
    )
    return Shown(value, low, high, most)


def _text(value: float | None, digits: int, percent: bool) -> str:
    if value is None:
        return "–"
    return f"{value * 100:.{max(0, digits - 2)}f}" if percent else f"{value:.{max(0, digits)}f}"
