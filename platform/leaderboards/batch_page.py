"""A batch as its page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from challenges.models import Challenge
from evaluations.batch_models import Batch, BatchItem, BatchMove
from leaderboards import batch_lines

# Rows of a preview that a page shows; the command's --json has all of them.
MOST = 200
TONES = {Batch.State.READY: "info", Batch.State.APPLIED: "good", Batch.State.DISCARDED: "", Batch.State.RUNNING: "warn"}


@dataclass(frozen=True)
class SuiteChange:
    """A suite's score before and after, and what each depends on: evaluator, suite and answers by their digests."""

    text: str
    depends: str


@dataclass(frozen=True)
class Row:
    """An entry that changes; `tone` marks who loses or gains a rank or moves."""

    name: str
    team: str
    submission: str
    before: str
    after: str
    score_before: str
    score_after: str
    tone: str
    why: str
    suites: list[SuiteChange]


@dataclass(frozen=True)
class PhaseTable:
    """What changes in a phase; `left_out` are rows beyond those that the page shows."""

    title: str
    counts: Mapping[str, int]
    first: str
    rows: list[Row]
    left_out: int
    notes: list[str]


@dataclass(frozen=True)
class BatchLine:
    """A batch in the list."""

    batch: Batch
    what: str
    tone: str


@dataclass(frozen=True)
class BatchPage:
    """All that the page of a batch shows."""

    batch: Batch
    what: str
    tone: str
    estimate: str
    phases: list[str]
    items: list[tuple[str, int]]
    troubles: list[BatchItem]
    tables: list[PhaseTable]
    moves: list[BatchMove]

    @property
    def may_start(self) -> bool:
        """Whether it waits to be started, or for what failed through us to be tried again."""
        errors = any(item.state == BatchItem.State.ERRORED for item in self.troubles)
        return self.batch.state == Batch.State.DRAFT or (self.batch.state == Batch.State.RUNNING and errors)

    @property
    def may_apply(self) -> bool:
        """Whether it is complete and was previewed."""
        return self.batch.state == Batch.State.READY and bool(self.batch.preview_digest)

    @property
    def is_open(self) -> bool:
        """Whether it is neither applied nor discarded."""
        return self.batch.finished_at is None


def lines_of(challenge: Challenge) -> list[BatchLine]:
    """The challenge's batches, the newest first."""
    found = challenge.batches.select_related("suite_version__suite", "replaces__suite", "created_by")
    return [BatchLine(one, batch_lines.what_of(one), _tone(one)) for one in found]


def page_of(batch: Batch) -> BatchPage:
    """The batch with its stored preview; as many queries for one entry as for many."""
    phases = list(batch.batch_phases.select_related("phase__track"))
    bad = batch.items.filter(state__in=(BatchItem.State.ERRORED, BatchItem.State.DIFFERS, BatchItem.State.FAILED))
    troubles = bad.select_related(
        "response_set__submission__registration__team", "response_set__suite_version__suite",
        "run__entry__submission__registration__team",
    ).order_by("pk")[:MOST]  # fmt: skip
    labels = dict(BatchItem.State.choices)
    counts = sorted(batch_lines.counts_of(batch).items())
    return BatchPage(
        batch=batch,
        what=batch_lines.what_of(batch),
        tone=_tone(batch),
        estimate=batch_lines.estimate_of(batch),
        phases=[str(one.phase) for one in phases],
        items=[(str(labels[state]), count) for state, count in counts],
        troubles=list(troubles),
        tables=[_table(one.preview) for one in phases if one.preview],
        moves=list(batch.moves.select_related("by")),
    )


def _tone(batch: Batch) -> str:
    return TONES.get(Batch.State(batch.state), "")


def _table(preview: Mapping[str, Any]) -> PhaseTable:
    changed = [change for change in preview["changes"] if not batch_lines.unchanged(change)]
    before, after = (" and ".join(preview[key]) or "nobody" for key in ("first_before", "first_after"))
    return PhaseTable(
        title=preview["title"],
        counts=preview["counts"],
        first=f"{before} → {after}" if preview["new_winner"] else "",
        rows=[_row(change) for change in changed[:MOST]],
        left_out=max(0, len(changed) - MOST),
        notes=list(preview["notes"]),
    )


def _row(change: Mapping[str, Any]) -> Row:
    before, after = change["before"], change["after"]
    lost, gained = after["rank"] is None, before["rank"] is None
    tone = "" if before["rank"] == after["rank"] else "bad" if lost else "good" if gained else "info"
    return Row(
        name=change["name"], team=change["team"], submission=change["submission"],
        before=_text(before["rank"]), after=_text(after["rank"]),
        score_before=_number(before["score"]), score_after=_number(after["score"]),
        tone=tone, why=after["why"],
        suites=[_suite(key, was, will) for key, (was, will) in change["suites"].items()],
    )  # fmt: skip


def _suite(key: str, was: Mapping[str, Any] | None, will: Mapping[str, Any] | None) -> SuiteChange:
    values = " → ".join(_number(one["value"] if one else None) for one in (was, will))
    depends = [_depends(one) for one in (was, will) if one]
    return SuiteChange(f"{key}: {values}", " → ".join(dict.fromkeys(depends)))


def _depends(number: Mapping[str, Any]) -> str:
    return f"evaluator {number['evaluator']}, suite {number['suite'][:12]}, answers {number['responses'][:12]}"


def _text(rank: int | None) -> str:
    return "–" if rank is None else str(rank)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
