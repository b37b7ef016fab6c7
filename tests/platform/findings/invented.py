"""An invented challenge with everything that a report can speak of: intervals, ties, curves, items, trouble.

All numbers follow from one seed. Names hold what would hurt a careless writer.
"""

import numpy as np

from evaluators.protocol.ranking import Aggregate, Ranking
from findings.material import CurvePoint, LearningCurve, Material, SuiteItems
from leaderboards.results import Column, Failure, Result, Results, ScoreOf, TrackResults

HOSTILE = r"</table><script>alert(1)</script> & 50 % _of_ $x^2$ \input{/etc/passwd} | `=1+1` {#} ~ 中文 ‮evil"
COLUMNS = (
    Column("pairs", "Pairs", "accuracy", chance=0.5, weight=0.5, version="1", digest="a" * 64),
    Column("tracking", "Tracking", "accuracy", chance=0.2, weight=0.25, version="1", digest="b" * 64),
    Column("reading", "Reading times", "partial_r2", bounds=(0.0, 100.0), weight=0.25, version="2", digest="c" * 64),
)
QUESTIONS = (
    {"key": "epochs", "title": "Epochs", "type": "integer", "required": True},
    {"key": "training_flops", "title": "Training FLOPs", "type": "number"},
    {"key": "notes", "title": "Notes", "type": "text"},
)


def _score(value: float, n: int, random: np.random.Generator) -> ScoreOf:
    half = 1.96 * (value * (1 - value) / n) ** 0.5 if value <= 1 else 1.5
    groups = {f"group {number}": float(np.clip(value + random.normal(0, 0.04), 0, 1)) for number in range(5)}
    return ScoreOf(value, value - half, value + half, n, n, n, groups=groups if value <= 1 else {})


def _result(number: int, track: str, random: np.random.Generator) -> Result:
    skill = 0.9 - 0.03 * number
    pairs, tracking, reading = skill, skill - 0.2, 10 * skill
    aggregate = 0.5 * pairs + 0.25 * tracking + 0.25 * reading
    name = HOSTILE if number == 3 else f"Method {number}"
    return Result(
        key=f"entry-{track}-{number}",
        name=name,
        team=f"Team {number // 2}",
        status="late" if number == 4 else "official",
        provenance="run here" if number % 2 else "predictions",
        scores={
            "pairs": _score(pairs, 1_000, random),
            "tracking": _score(tracking, 500, random),
            "reading": _score(reading, 400, random),
        },
        aggregate=aggregate,
        aggregate_low=aggregate - 0.02,
        aggregate_high=aggregate + 0.02,
        rank=number + 1,
        rank_low=max(1, number),
        rank_high=number + 2,
        p_best=0.7 if number == 0 else 0.3 if number == 1 else 0.0,
        tied_with_first=number == 1,
        approaches=("curriculum", "architecture")[: 1 + (number < 6)] if number % 3 else (),
        backbone="BERT" if number % 2 else "GPT",
        answers={"epochs": 10 - number % 4, "training_flops": 10.0 ** (17 - 0.1 * number)} if number != 5 else {},
    )


def _references(random: np.random.Generator) -> tuple[Result, ...]:
    scores = {"pairs": _score(0.6, 1_000, random), "tracking": _score(0.3, 500, random)}
    return (
        Result("base", "n-gram", "", "baseline", "run here", scores, aggregate=2.0, why_unranked="reference row"),
        Result("sky", "A large model", "", "skyline", "run here", scores, aggregate=3.0, why_unranked="reference row"),
    )


def _track(key: str, title: str, entries: int, random: np.random.Generator) -> TrackResults:
    results = [_result(number, key, random) for number in range(entries)]
    unranked = Result(
        f"out-{key}", "Not ours", "Team 9", "not_eligible", "predictions", {}, aggregate=2.2,
        why_unranked="its budget is exceeded",
    )  # fmt: skip
    return TrackResults(
        key=key,
        title=title,
        phase="test",
        ranking=Ranking(aggregate=Aggregate(weights={"pairs": 2.0, "tracking": 1.0, "reading": 1.0})),
        rule="The weighted mean of three suites.",
        columns=COLUMNS,
        results=(*results, unranked, *_references(random)),
        failures=(Failure("Broken", "Team 8", "E-RUN-OOM", "run"), Failure("Half", "Team 7", "", "", partial=True)),
        questions=QUESTIONS,
        phase_id=None,
    )


def _items(track: TrackResults, random: np.random.Generator) -> dict[tuple[str, str], SuiteItems]:
    ranked = track.ranked
    values = np.array([one.scores["pairs"].value for one in ranked])
    ease = np.clip(values[None, :] + random.normal(0, 0.15, size=(300, 1)), 0.02, 0.98)
    scores = (random.random((300, len(ranked))) < ease).astype(np.float32)
    strata = (np.arange(300) % 3).astype(np.intp)
    return {(track.key, "pairs"): SuiteItems(strata, None, scores, tuple(one.key for one in ranked))}


def _curves(track: TrackResults) -> tuple[LearningCurve, ...]:
    return tuple(
        LearningCurve(
            track.key, one.key, "pairs",
            tuple(CurvePoint(words, 0.5 + (one.scores["pairs"].value or 0) * step / 10) for step, words in
                  enumerate((1_000_000, 10_000_000, 100_000_000))),
        )
        for one in track.ranked[:4]
    )  # fmt: skip


def results(entries: int = 12) -> Results:
    """Two tracks, the second of one entry alone."""
    random = np.random.default_rng(7)
    tracks = (_track("small", "Small", entries, random), _track("tiny", "Tiny", 1, random))
    return Results("invented", "An invented challenge", tracks, images=("sha256:1",), evaluators=("0.3.0",), year=2031)


def material(entries: int = 12) -> Material:
    """Its material."""
    found = results(entries)
    track = found.tracks[0]
    return Material(found, _curves(track), _items(track, np.random.default_rng(8)))


def bare() -> Material:
    """A challenge in which nothing has happened."""
    return Material(Results("bare", "A bare challenge", ()))
