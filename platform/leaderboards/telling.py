"""What everybody may see of a board on hidden data before the reveal: rounded scores, and the ladder's answers."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from challenges.models import Track
from evaluations.answers import item_scores
from evaluations.models import Evaluation, Run
from evaluations.presentation import BETTER, INCOMPLETE, LADDER, NOT_BETTER
from evaluations.rounding import coarse, digits_for, standard_error
from evaluations.selectors import ScoredEntry
from evaluators.aggregates import Mean, coefficients
from evaluators.protocol.ranking import ladder_value
from leaderboards.ladder import climb, deviation, paired_error, unpaired_error
from leaderboards.models import Standing
from leaderboards.parts import in_percent, means_in
from leaderboards.ranking import Contender, Rule, trusted
from submissions.models import Entry

Column = Mapping[str, Any]
RANKED = frozenset({Entry.Status.OFFICIAL, Entry.Status.LATE})
REFERENCES = frozenset({Entry.Status.BASELINE, Entry.Status.SKYLINE})
WORDS = (
    "Until this phase is revealed its scores are rounded to about their standard error, intervals are the widest "
    "that so many items allow, and ranks follow from what is shown. The final ranking uses exact scores."
)


@dataclass(frozen=True)
class Stepping:
    """A scored entry as the ladder looks at it, whatever became of it since; `value` and `told` are its aggregates.

    `whole`: none of its items was left without an answer.
    """

    standing: int
    run_id: Any
    contender: Contender
    status: str
    whole: bool
    value: float | None
    told: float | None


def told_digits(track: Track, mean: Mean, columns: Sequence[Column], items: Mapping[str, int]) -> dict[str, int]:
    """The decimals that may be told by column and part, and under "" of the aggregate; `items` are counts by column."""
    digits = {column["key"]: _digits(track, column, items) for column in columns}
    return digits | {node.key: _digits_of_mean(node, track, columns, items) for node in (mean, *means_in(mean))}


def in_words(track: Track, mean: Mean, columns: Sequence[Column]) -> str:
    """What is told and how, as it is printed under the table."""
    return WORDS if track.ladder == "off" else f"{WORDS} {ladder_in_words(track, mean, columns)}"


def ladder_in_words(track: Track, mean: Mean, columns: Sequence[Column]) -> str:
    """The ladder's rule as it is printed under the table."""
    step = ladder_value(track.ladder)
    by = "the standard error of the difference, item by item"
    if not isinstance(step, str):
        by = f"{step:g} {'points' if in_percent(mean, columns) else ''}".strip()
    return (
        f"A team's shown score changes only when a new entry beats it by more than {by} (the Ladder); entries count in "
        "the order in which they were scored, and one that is withdrawn still counts here."
    )


def _span(column: Column) -> float:
    low, high = column["range"]
    return float(high - low)


def _in_percent(column: Column) -> bool:
    return bool(column["range"][1] == 1)


def _most(track: Track, *, percent: bool) -> int:
    return track.round_digits + (2 if percent else 0)


def _digits(track: Track, column: Column, items: Mapping[str, int]) -> int:
    most, count = _most(track, percent=_in_percent(column)), items.get(column["key"], 0)
    return digits_for(standard_error(count, _span(column)), most=most) if count else most


def _digits_of_mean(mean: Mean, track: Track, columns: Sequence[Column], items: Mapping[str, int]) -> int:
    most = _most(track, percent=in_percent(mean, columns))
    counted = coefficients(mean)
    counts = {key: items.get(key, 0) for key in counted}
    if not counted or not all(counts.values()):
        return most
    spans = {column["key"]: _span(column) for column in columns}
    errors = {key: standard_error(count, spans[key]) for key, count in counts.items()}
    return digits_for(deviation(errors, counted), most=most)


def coarsened(contender: Contender, track: Track, columns: Sequence[Column]) -> Contender:
    """The contender with its scores as they may be told."""
    scores = {}
    for column in columns:
        score = contender.scores.get(column["key"])
        if score is not None:
            low, high = column["range"]
            shown = coarse(score.value, n=score.n, bounds=(low, high), most=_most(track, percent=_in_percent(column)))
            scores[column["key"]] = replace(score, value=shown.value, low=shown.low, high=shown.high)
    return replace(contender, scores=scores)


def on_ladder(track: Track, rule: Rule, columns: Sequence[Column], everybody: Iterable[Stepping]) -> list[Stepping]:
    """Of each team the entries that changed what is shown of it, in order; every answer is noted on its run.

    `everybody` is all that was scored, also what was taken out: a team that withdraws its best entry must not be told
    more about the next one.
    """
    teams: dict[int, list[Stepping]] = defaultdict(list)
    for one in sorted(everybody, key=lambda one: (one.contender.finished_at, one.contender.entry_id)):
        if one.status not in REFERENCES:
            teams[one.contender.team_id].append(one)
    answers: dict[Any, str] = {}
    better = [one for own in teams.values() for one in _climbed(track, rule, columns, own, answers)]
    _note(answers)
    return better


def _climbed(
    track: Track, rule: Rule, columns: Sequence[Column], own: Sequence[Stepping], answers: dict[Any, str]
) -> list[Stepping]:
    """The team's entries that changed what is shown of it, in order; every entry's answer goes into `answers`."""
    sign = 1.0 if rule.more_is_better else -1.0
    # What the board does not rank is no step: it would stand in the way of what it ranks.
    steps = [
        (one, sign * one.value, sign * one.told)
        for one in own
        if one.whole and one.value is not None and one.told is not None and trusted(one.contender, rule)
    ]
    answers |= dict.fromkeys((one.run_id for one in own), INCOMPLETE)
    changed = climb(
        [value for _, value, _ in steps],
        [told for _, _, told in steps],
        _error(track, rule.mean, columns, [one.standing for one, _, _ in steps]),
    )
    for (one, _, _), better in zip(steps, changed, strict=True):
        answers[one.run_id] = BETTER if better else NOT_BETTER
    return [one for (one, _, _), better in zip(steps, changed, strict=True) if better]


def _error(
    track: Track, mean: Mean, columns: Sequence[Column], standings: Sequence[int]
) -> Callable[[int, int], float]:
    step = ladder_value(track.ladder)
    if not isinstance(step, str):
        # A step is in the units that are shown: points where scores are percent.
        fixed = step / (100 if in_percent(mean, columns) else 1)
        return lambda _new, _best: fixed
    counted = coefficients(mean)

    def error(new: int, best: int) -> float:
        found = Standing.objects.in_bulk([standings[new], standings[best]])
        one, other = found[standings[new]], found[standings[best]]
        errors = {column["key"]: _suite_error(column, one, other) for column in columns}
        return deviation(errors, counted)

    return error


def _suite_error(column: Column, new: Standing, best: Standing) -> float:
    """The paired error on one suite; a suite that one of the two lacks counts as the worst score, and is no chance."""
    key = column["key"]
    if key not in new.scores or key not in best.scores:
        return 0.0
    names = [_items_name(standing, key) for standing in (new, best)]
    if not all(names):
        return unpaired_error(min(new.scores[key][3], best.scores[key][3]), _span(column))
    one, other = (item_scores(name) for name in names)
    return paired_error(one, other, column["group_weights"])


def _items_name(standing: Standing, key: str) -> str:
    """Where the finished model's item scores lie."""
    first = (standing.evaluations.get(key) or [None])[0]
    return Evaluation.objects.filter(pk=first).values_list("items_name", flat=True).first() or ""


def _note(answers: Mapping[Any, str]) -> None:
    """Write the ladder's answer where the team's page reads it."""
    for run in Run.objects.filter(pk__in=answers).only("pk", "detail"):
        if run.detail.get(LADDER) != answers[run.pk]:
            Run.objects.filter(pk=run.pk).update(detail={**run.detail, LADDER: answers[run.pk]})


def contender_of(entry: ScoredEntry) -> Contender:
    """The entry as the ranking sees it."""
    return Contender(
        entry_id=entry.entry_id,
        team_id=entry.team_id,
        handed_in_at=entry.handed_in_at,
        finished_at=entry.finished_at,
        reference=entry.status not in RANKED,
        picked=entry.picked,
        scores=entry.scores,
        provenance=entry.provenance,
    )
