"""Results made by hand for the tests of exports: two tracks, a baseline, gaps, and names that strangers chose."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from evaluators.protocol.ranking import Ranking
from leaderboards.exports.formats.registry import FORMATS
from leaderboards.exports.making import wide_table
from leaderboards.exports.query import ExportQuery
from leaderboards.exports.table import Standing
from leaderboards.exports.wide_rows import selected
from leaderboards.results import Column, Result, ScoreOf, TrackResults

# What strangers call their methods: formulas, fields that turn into formulas, markup, commands, marks of direction.
HOSTILE = (
    '=HYPERLINK("https://example.org","click")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(1,1)", "\t=1+1", "\r=1+1", "＝1+1",
    "  =1+1", "a;=1+1;b", 'a;"=1+1', "# heading", "a # b", 'say "hi", friend', "\u202egnp.exe", "\\input{/etc/passwd}",
    "\\end{tabular}", "100% {of} $x_1$ & #2 ~ ^", "a | b", "`code`", "<script>alert(1)</script>", "--> <b>",
    "[x](http://e.org)", "![x](http://e.org/y.png)", "www.example.org", "@somebody", "<r><t>rich</t></r>", "_x0041_",
    "*", "[1ex]", "'quoted", "Łódź Gdańsk ąę Çelik ñ ß Ω λ 中文 🐦", "two\nlines", "null\0byte", "a--b", "\ud800",
)  # fmt: skip
NUMBERS = (0.65349, 0.1 + 0.2, 1.0, 0.0, -0.5, 1e-12, 1 / 3, 123456.789)
WHEN = datetime(2026, 11, 1, 12, 30, 15, tzinfo=UTC)


def score(value: float | None, **more: object) -> ScoreOf:
    """A score of a hundred items with an interval, or none at all."""
    ends = (None, None) if value is None else (value - 0.1, value + 0.1)
    return replace(ScoreOf(value, *ends, n=100, asked=100, answered=100), **more)  # type: ignore[arg-type]


def entry(
    number: int, value: float | None, *, name: str = "", rank: int | None = None, status: str = "official"
) -> Result:
    """An entry with the same score on both suites, the second of which has groups and tags."""
    return Result(
        key=f"entry-{number}", name=name or f"Method {number}", team=f"Team {number}", status=status,
        provenance="run here",
        scores={
            "pairs": score(value),
            "tales": score(value, groups={"verbs": value, "nouns": None}, tags={"rare": value}),
        },
        aggregate=value, aggregate_low=None if value is None else value - 0.05,
        aggregate_high=None if value is None else value + 0.05, rank=rank, rank_low=rank, rank_high=rank, p_best=0.5,
        why_unranked="" if rank else "a score is missing", kind="code", approaches=("curriculum", "data"),
        backbone="gpt-bert", answers={"epochs": number, "corpus": "our own words"},
        declared={"data": {"words_seen": 10**6}}, submission_id=f"submission-{number}", submission_digest="d" * 64,
        entry_id=number, run_id=f"run-{number}", handed_in_at=WHEN, finished_at=WHEN,
    )  # fmt: skip


def track(key: str, results: Sequence[Result]) -> TrackResults:
    """A track with two suites."""
    columns = (
        Column("pairs", "Minimal pairs", "accuracy", version="1", digest="a" * 64),
        Column("tales", "Tales", "accuracy", version="2", digest="b" * 64),
    )
    questions = ({"key": "epochs", "type": "integer"}, {"key": "corpus", "type": "text"})
    return TrackResults(key, f"The {key} track", "test", Ranking(), "Ranked by the mean.", columns, tuple(results),
                        questions=questions)  # fmt: skip


def tracks(names: Sequence[str] = HOSTILE) -> list[TrackResults]:
    """Two tracks: one whose entries strangers named, one with a baseline and an entry without scores."""
    entries = [
        entry(number, NUMBERS[number % len(NUMBERS)], name=name, rank=number + 1) for number, name in enumerate(names)
    ]
    others = [entry(91, 0.5, name="Heron", rank=1), entry(92, 0.4, name="A bigram", status="baseline"), entry(93, None)]
    return [track("small", entries), track("large", others)]


def standing() -> Standing:
    """What these results stand on."""
    return Standing(
        newest=WHEN, tables={"small/test", "large/test"}, suites={f"pairs@1 sha256:{'a' * 64}"},
        images={f"sha256:{'c' * 64} transformers 5.23.0, torch 2.13.0"}, evaluators={"0.1.0"},
    )  # fmt: skip


def written(query: ExportQuery, of: Sequence[TrackResults] | None = None) -> bytes:
    """The query's file over these results, without a database."""
    out = io.BytesIO()
    chosen = selected(tracks() if of is None else of, query)
    FORMATS[query.format].write(wide_table(chosen, query, standing()), out)
    return out.getvalue()
