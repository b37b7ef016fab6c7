"""A run's scores as text and as rounded numbers, as finely as a viewer may see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from challenges.models import Track
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Evaluation, ResponseSet, Run, Score
from evaluations.rounding import Shown, coarse
from evaluations.visibility import Sight
from evaluators.statistics.intervals import sampled_half_width
from suites.selectors import split_counts


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
    provenance: str = ""
    # "mean of 3 trainings: 61.2 ± 0.8", where there are replicates of the training.
    trainings: str = ""
    # "a sample of 200 of 59,875 items: ± 6.9", where not all items were asked.
    sampled: str = ""

    @property
    def partial(self) -> bool:
        """Whether items were left without an answer; such a result is never ranked."""
        return self.answered < self.asked

    def text_of(self, number: float) -> str:
        """A number of the same suite, with as many digits as this line has."""
        digits = len(self.text.partition(".")[2]) + (2 if self.percent else 0)
        return _text(number, digits, self.percent)


def score_lines(run: Run, seen: Sight, *, groups: bool) -> Iterator[ScoreLine]:
    """The suites' own scores, or with `groups` those of groups and tags that have as many items as it takes.

    They are the finished model's, with the mean over the replicates of its training beside.
    """
    sets = [asked.response_set for asked in run.run_response_sets.all()]
    for answers in sets:
        evaluation = newest(answers)
        if evaluation is None or answers.checkpoint not in (MAIN, ALL) or answers.train_seed:
            continue
        replicates = [one for one in sets if _replicates(one, answers)]
        for line in _lines_of(evaluation, answers, run.entry.track, seen, groups):
            told = "" if groups or not replicates else _trainings(line, run.entry.track, seen, [answers, *replicates])
            yield replace(line, trainings=told)


def own_line(run: Run, answers: ResponseSet, seen: Sight) -> ScoreLine | None:
    """The score that the suite is ranked by; None where there is none."""
    evaluation, metric = newest(answers), answers.suite_version.manifest.get("metric")
    if evaluation is None:
        return None
    lines = _lines_of(evaluation, answers, run.entry.track, seen, groups=False)
    return next((line for line in lines if line.metric == metric), None)


def newest(answers: ResponseSet) -> Evaluation | None:
    """The evaluation that counts."""
    counting = (one for one in answers.evaluations.all() if one.counts)
    return max(counting, key=lambda one: one.pk, default=None)


def _replicates(one: ResponseSet, main: ResponseSet) -> bool:
    same = (one.suite_version_id, one.selection) == (main.suite_version_id, main.selection)
    return same and one.checkpoint == MAIN and bool(one.train_seed)


def _trainings(line: ScoreLine, track: Track, seen: Sight, sets: Sequence[ResponseSet]) -> str:
    """The mean and the standard deviation over trainings, as finely as the score itself is told."""
    scores = [score for one in sets for score in _own(newest(one), line.metric)]
    values = [score.value for score in scores if score.value is not None]
    if len(values) < len(sets):
        return f"{len(sets)} trainings, of which {len(values)} have a score"
    mean = Score(value=fmean(values), n=scores[0].n)
    low, high = sets[0].suite_version.manifest.get("range") or [0, 1]
    shown = _shown(mean, seen, most=track.round_digits + (2 if line.percent else 0), bounds=(low, high))
    texts = [_text(number, shown.digits, line.percent) for number in (shown.value, stdev(values))]
    return f"mean of {len(values)} trainings: {texts[0]} ± {texts[1]}"


def _own(evaluation: Evaluation | None, metric: str) -> list[Score]:
    if evaluation is None:
        return []
    return [one for one in evaluation.scores.all() if (one.metric, one.group, one.tag) == (metric, "", "")]


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
            interval=_between(texts[1], texts[2]) if shown.low is not None and shown.high is not None else "",
            value=shown.value,
            low=shown.low,
            high=shown.high,
            n=score.n,
            asked=score.n if within else answers.asked,
            answered=score.n if within else answers.answered,
            percent=percent,
            provenance=evaluation.provenance,
            sampled="" if within else _sampled(score, answers, shown, seen, percent),
        )


def _between(low: str, high: str) -> str:
    """Both ends of an interval; a dash beside a minus would be read as one."""
    return f"{low} to {high}" if "-" in f"{low}{high}" else f"{low}–{high}"


def _sampled(score: Score, answers: ResponseSet, shown: Shown, seen: Sight, percent: bool) -> str:
    """How far the share over all items may lie from that over the sample; hidden data tells the widest there is."""
    counts = split_counts(answers.suite_version)
    of = sum(counts.get(split, 0) for split in answers.splits)
    if answers.sample is None or not percent or shown.value is None or not 0 < score.n < of or shown.value < 0:
        return ""
    half = sampled_half_width(0.5 if seen.guarded else min(1.0, shown.value), score.n, of=of)
    return f"a sample of {score.n:,} of {of:,} items: ± {half * 100:.1f}"


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
