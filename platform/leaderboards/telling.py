"""What everybody may see of a board on hidden data before the reveal: rounded scores, and the ladder's answers."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from challenges.models import Track
from evaluations.answers import item_scores
from evaluations.models import Run
from evaluations.presentation import BETTER, INCOMPLETE, LADDER, NOT_BETTER
from evaluations.rounding import coarse, digits_for, standard_error
from evaluations.selectors import ScoredEntry, SuiteScore
from evaluators.aggregates import Mean, coefficients
from evaluators.protocol.ranking import ladder_value
from leaderboards.ladder import Items, climb, deviation, paired_error, unpaired_error
from leaderboards.parts import in_percent, means_in
from leaderboards.presentation import percent_scale
from leaderboards.ranking import Contender, Rule, aggregate, trusted
from submissions.models import Entry

Column = Mapping[str, Any]
RANKED = frozenset({Entry.Status.OFFICIAL, Entry.Status.LATE})


@dataclass(frozen=True)
class Told:
    """The contenders as they may be told, by the rule that then ranks them.

    `digits`: by suite and by part, and under "" of the aggregate.
    """

    contenders: list[Contender]
    rule: Rule
    digits: dict[str, int]
    words: str


def told(
    track: Track, columns: Sequence[Column], entries: Sequence[ScoredEntry], contenders: Sequence[Contender], rule: Rule
) -> Told:
    """The contenders with rounded scores; with a ladder, each team's one entry that its shown score came from.

    `entries` are all that were scored, also those that were taken out: a team that withdraws its best entry must not
    be told more about the next one. The ladder's answer is noted on each run.
    """
    digits = {column["key"]: _digits(track, column, entries) for column in columns}
    digits |= {node.key: _digits_of_mean(node, track, columns, entries) for node in (rule.mean, *means_in(rule.mean))}
    rule = replace(rule, digits=digits[rule.mean.key])
    coarsened = [_coarsened(contender, track, columns) for contender in contenders]
    words = (
        "Until this phase is revealed its scores are rounded to about their standard error, intervals are the widest "
        "that so many items allow, and ranks follow from what is shown. The final ranking uses exact scores."
    )
    if track.ladder != "off":
        coarsened, rule = _on_ladder(track, columns, entries, coarsened, rule), replace(rule, counts="best")
        words = f"{words} {ladder_in_words(track, rule.mean, columns)}"
    return Told(coarsened, rule, digits, words)


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


def _most(track: Track, *, percent: bool) -> int:
    return track.round_digits + (2 if percent else 0)


def _items(entries: Sequence[ScoredEntry], key: str) -> int:
    """How many items the suite asks, by the scores that are there."""
    return max((entry.scores[key].n for entry in entries if key in entry.scores), default=0)


def _digits(track: Track, column: Column, entries: Sequence[ScoredEntry]) -> int:
    most, items = _most(track, percent=percent_scale(dict(column))), _items(entries, column["key"])
    return digits_for(standard_error(items, _span(column)), most=most) if items else most


def _digits_of_mean(mean: Mean, track: Track, columns: Sequence[Column], entries: Sequence[ScoredEntry]) -> int:
    most = _most(track, percent=in_percent(mean, columns))
    counted = coefficients(mean)
    counts = {key: _items(entries, key) for key in counted}
    if not counted or not all(counts.values()):
        return most
    spans = {column["key"]: _span(column) for column in columns}
    errors = {key: standard_error(count, spans[key]) for key, count in counts.items()}
    return digits_for(deviation(errors, counted), most=most)


def _coarsened(contender: Contender, track: Track, columns: Sequence[Column]) -> Contender:
    scores = {}
    for column in columns:
        score = contender.scores.get(column["key"])
        if score is not None:
            low, high = column["range"]
            most = _most(track, percent=percent_scale(dict(column)))
            shown = coarse(score.value, n=score.n, bounds=(low, high), most=most)
            scores[column["key"]] = replace(score, value=shown.value, low=shown.low, high=shown.high)
    return replace(contender, scores=scores)


def _on_ladder(
    track: Track, columns: Sequence[Column], entries: Sequence[ScoredEntry], coarsened: Sequence[Contender], rule: Rule
) -> list[Contender]:
    """References, and of each team the last entry that changed what is shown of it and is still in."""
    standing = {contender.entry_id: contender for contender in coarsened}
    shown = [contender for contender in coarsened if contender.reference]
    teams: dict[int, list[ScoredEntry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: (entry.finished_at, entry.entry_id)):
        if entry.status != Entry.Status.BASELINE:
            teams[entry.team_id].append(entry)
    answers: dict[Any, str] = {}
    for own in teams.values():
        better = _climbed(track, columns, own, rule, answers)
        still_in = [standing[entry.entry_id] for entry in better if entry.entry_id in standing]
        shown += still_in[-1:]
    _note(answers)
    return shown


def _climbed(
    track: Track, columns: Sequence[Column], own: Sequence[ScoredEntry], rule: Rule, answers: dict[Any, str]
) -> list[ScoredEntry]:
    """The team's entries that changed what is shown of it, in order; every entry's answer goes into `answers`."""
    sign = 1.0 if rule.higher_is_better else -1.0
    exact_rule = replace(rule, digits=None)
    whole, values, told_values = [], [], []
    for entry in own:
        contender = contender_of(entry)
        exact, rough = aggregate(contender, exact_rule), aggregate(_coarsened(contender, track, columns), rule)
        # What the board does not rank is no step: it would stand in the way of what it ranks.
        if exact is None or rough is None or not trusted(contender, rule):
            answers[entry.run_id] = INCOMPLETE
            continue
        whole.append(entry)
        values.append(sign * exact)
        told_values.append(sign * rough)
    changed = climb(values, told_values, _error(track, rule.mean, columns, whole))
    for entry, better in zip(whole, changed, strict=True):
        answers[entry.run_id] = BETTER if better else NOT_BETTER
    return [entry for entry, better in zip(whole, changed, strict=True) if better]


def _error(
    track: Track, mean: Mean, columns: Sequence[Column], own: Sequence[ScoredEntry]
) -> Callable[[int, int], float]:
    step = ladder_value(track.ladder)
    if not isinstance(step, str):
        # A step is in the units that are shown: points where scores are percent.
        fixed = step / (100 if in_percent(mean, columns) else 1)
        return lambda _new, _best: fixed
    counted = coefficients(mean)

    def error(new: int, best: int) -> float:
        errors = {
            column["key"]: _suite_error(column, own[new].scores.get(column["key"]), own[best].scores.get(column["key"]))
            for column in columns
        }
        return deviation(errors, counted)

    return error


def _suite_error(column: Column, new: SuiteScore | None, best: SuiteScore | None) -> float:
    """The paired error on one suite; a suite that one of the two lacks counts as the worst score, and is no chance."""
    if new is None or best is None:
        return 0.0
    if not new.items_name or not best.items_name:
        return unpaired_error(min(new.n, best.n), _span(column))
    return paired_error(_items_of(new), _items_of(best), column["group_weights"])


def _items_of(score: SuiteScore) -> Items:
    return item_scores(score.items_name)


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
