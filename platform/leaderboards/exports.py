"""Tables to download: all results, one row a score, for reviewers; and a leaderboard as everybody sees it."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from challenges.models import Challenge, Track
from evaluations.models import ResponseSet, Run, Score
from evaluators.budgets import account_of
from evaluators.protocol.challenge import Budget
from evaluators.protocol.submission import Data
from leaderboards.presentation import columns_of
from leaderboards.selectors import Board
from sandbox.images import recipe

COLUMNS = (
    "submission",
    "submission_id",
    "team",
    "track",
    "phase",
    "status",
    "kind",
    "provenance",
    "suite",
    "suite_version",
    "selection",
    "checkpoint",
    "train_seed",
    "metric",
    "group",
    "tag",
    "value",
    "low",
    "high",
    "n",
    "asked",
    "answered",
    "coverage",
    "suite_digest",
    "submission_digest",
    "responses_digest",
    "image_id",
    "image_versions",
    "evaluator",
    "run_id",
    "finished_at",
    "declared_words",
    "declared_bytes",
    "declared_words_seen",
)

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows and does not run: what begins like a formula gets an apostrophe in front."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _number(value: float | None) -> str:
    """The shortest text that reads back to the same number; empty where there is none."""
    return "" if value is None else repr(float(value))


def board_csv(board: Board) -> Iterator[str]:
    """The lines of a leaderboard as its page prints it, with every part and suite as columns; nothing finer is told."""
    keys, lines = columns_of(board)
    suites = {str(column["key"]) for column in board.columns}
    writer = _Lines()
    beside = ("low", "high", "answered", "asked")
    heads = [head for key in keys for head in (key, *(f"{key} {one}" for one in beside if key in suites))]
    yield writer.line(["rank", "method", "team", "status", "provenance", "aggregate", *map(safe_cell, heads)])
    for line in lines:
        cells = [line.row["name"], line.row["team"], line.row["status"], line.row["provenance"]]
        numbers = [line.aggregate]
        for key, cell in zip(keys, line.cells, strict=True):
            score = line.row["scores"].get(key) or {}
            counts = [str(score.get(name, "")) for name in ("answered", "asked")]
            numbers += [cell.text, *cell.ends, *counts] if key in suites else [cell.text]
        yield writer.line([_known(line.rank), *map(safe_cell, map(str, cells)), *map(_known, numbers)])


def _known(text: str) -> str:
    """The printed number; empty where the page shows that there is none."""
    return "" if text == "–" else text


class _Lines:
    """Writes CSV, a line at a time."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer)

    def line(self, cells: Sequence[str]) -> str:
        """One line with these cells."""
        self._buffer.seek(0)
        self._buffer.truncate()
        self._writer.writerow(cells)
        return self._buffer.getvalue()


def results_csv(challenge: Challenge) -> Iterator[str]:
    """The lines of the challenge's result table, header first, in a fixed order; scores of finished runs in phases."""
    writer = _Lines()
    yield writer.line(COLUMNS)
    runs = (
        Run.objects.filter(purpose=Run.Purpose.PHASE, state=Run.State.DONE, entry__track__challenge=challenge)
        .select_related("entry__submission__registration__team", "entry__track", "phase")
        .order_by("entry__track__position", "entry__track__key", "phase__position", "created_at", "pk")
    )
    for run in runs.iterator(chunk_size=200):
        for cells in _rows(run):
            yield writer.line(cells)


def _rows(run: Run) -> Iterator[tuple[str, ...]]:
    entry, submission = run.entry, run.entry.submission
    declared = _declared(submission.manifest)
    scores = (
        Score.objects.filter(evaluation__response_set__run_response_sets__run=run)
        .select_related("evaluation__response_set__suite_version__suite")
        .order_by("evaluation__response_set__run_response_sets__position", "group", "tag", "metric", "pk")
    )
    for score in scores.iterator(chunk_size=500):
        answers = score.evaluation.response_set
        version = answers.suite_version
        yield (
            safe_cell(submission.name),
            str(submission.pk),
            safe_cell(submission.registration.team.name),
            entry.track.key,
            run.phase.key,
            entry.status,
            submission.kind,
            score.evaluation.provenance,
            version.suite.key,
            version.version,
            answers.selection,
            answers.checkpoint,
            str(answers.train_seed or ""),
            score.metric,
            safe_cell(score.group),
            safe_cell(score.tag),
            _number(score.value),
            _number(score.low),
            _number(score.high),
            str(score.n),
            str(answers.asked),
            str(answers.answered),
            _number(answers.answered / answers.asked if answers.asked else 0.0),
            score.evaluation.suite_digest,
            submission.digest,
            answers.digest,
            answers.image_id,
            _versions(answers, entry.track),
            score.evaluation.evaluator,
            str(run.pk),
            run.finished_at.isoformat() if run.finished_at else "",
            *declared,
        )


def _declared(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    """Words and bytes of the declared corpora that a budget counts, and words seen; empty where not declared."""
    data = manifest.get("data")
    if not data:
        return "", "", ""
    declared = Data.model_validate(data)
    account = account_of(declared, Budget())
    known = (account.words, account.bytes) if declared.corpora else (None, None)
    words, size, seen = ("" if value is None else str(value) for value in (*known, declared.words_seen))
    return words, size, seen


def _versions(answers: ResponseSet, track: Track) -> str:
    """What the image that the answers were made in holds, where it is the one that the track was frozen to."""
    return recipe.in_words(track.image_versions) if answers.image_id and answers.image_id == track.image_id else ""
