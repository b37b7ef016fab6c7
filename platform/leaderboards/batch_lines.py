"""Batches as text and as JSON: for the command, and for the page."""

from collections.abc import Iterator, Mapping
from typing import Any

from evaluations.batch_models import Batch
from evaluations.batches.estimates import Estimate, in_words


def what_of(batch: Batch) -> str:
    """`Added suite late-task@1`, `New suite version blimp@2 for blimp@1`, `Re-score by evaluator 0.2.0`."""
    kind = batch.get_kind_display()
    if batch.kind == Batch.Kind.RESCORE:
        return f"{kind} by evaluator {batch.evaluator}" if batch.evaluator else kind
    replaced = f" for {batch.replaces}" if batch.replaces is not None else ""
    return f"{kind} {batch.suite_version}{replaced}"


def estimate_of(batch: Batch) -> str:
    """What the batch was expected to cost when it was opened, in a sentence."""
    return in_words(Estimate(**batch.estimate)) if batch.estimate else ""


def document(batch: Batch) -> dict[str, Any]:
    """The batch as JSON, its previews included."""
    phases = batch.batch_phases.select_related("phase__track")
    return {
        "batch": batch.pk,
        "challenge": batch.challenge.key,
        "kind": batch.kind,
        "what": what_of(batch),
        "state": batch.state,
        "reason": batch.reason,
        "by": batch.created_by.email if batch.created_by else None,
        "created_at": batch.created_at.isoformat(),
        "finished_at": batch.finished_at.isoformat() if batch.finished_at else None,
        "evaluator": batch.evaluator,
        "estimate": batch.estimate,
        "items": counts_of(batch),
        "phases": [f"{one.phase.track.key}/{one.phase.key}" for one in phases],
        "preview_digest": batch.preview_digest,
        "previews": [one.preview for one in phases if one.preview],
        "moves": [
            {"old": move.old, "new": move.new, "by": move.by.email if move.by else None, "reason": move.reason,
             "digest": move.digest, "at": move.at.isoformat()}
            for move in batch.moves.select_related("by")
        ],
    }  # fmt: skip


def counts_of(batch: Batch) -> dict[str, int]:
    """How many of the batch's items are in which state."""
    counts: dict[str, int] = {}
    for state in batch.items.values_list("state", flat=True):
        counts[state] = counts.get(state, 0) + 1
    return counts


def lines(batch: Batch) -> Iterator[str]:
    """The batch in a few lines."""
    counts = ", ".join(f"{count} {state}" for state, count in sorted(counts_of(batch).items())) or "nothing to do"
    yield f"batch {batch.pk}  {batch.state:<9}  {what_of(batch)}  ({batch.challenge.key})"
    yield f"  reason: {batch.reason}"
    yield f"  cost: {estimate_of(batch)}"
    yield f"  items: {counts}"


def preview_lines(preview: Mapping[str, Any], *, most: int = 40) -> Iterator[str]:
    """A phase's stored preview as a table, what changes most first."""
    counts = preview["counts"]
    yield (
        f"{preview['track']}/{preview['phase']}: {counts['entries']} entries, {counts['changed']} change, "
        f"{counts['moved']} move, {counts['unranked']} lose their rank, {counts['identical']} are identical"
    )
    if preview["new_winner"]:
        before, after = (" and ".join(preview[key]) or "nobody" for key in ("first_before", "first_after"))
        yield f"  first: {before} → {after}"
    changed = [change for change in preview["changes"] if not unchanged(change)]
    for change in changed[:most]:
        yield f"  {change['name']} ({change['team']}): {_place(change['before'])} → {_place(change['after'])}"
    if len(changed) > most:
        yield f"  … and {len(changed) - most} more"
    yield from (f"  {note}" for note in preview["notes"][:most])


def unchanged(change: Mapping[str, Any]) -> bool:
    """Whether neither rank nor a score of the entry changes."""
    return bool(change["before"] == change["after"] and not change["suites"])


def _place(side: Mapping[str, Any]) -> str:
    rank = f"rank {side['rank']}" if side["rank"] is not None else f"no rank ({side['why']})"
    return rank if side["score"] is None else f"{rank}, {side['score']:.6g}"
