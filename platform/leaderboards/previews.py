"""What a batch would change in scores and ranks, computed as the board is; looked at before the batch is applied."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase, Track
from evaluations.batch_models import Batch, BatchItem, BatchPhase
from evaluations.batches import applying, drafts, working
from evaluations.batches.states import refused
from evaluations.selectors import ScoredEntry, SuiteScore, scored_entries, suite_columns
from evaluators.protocol.documents import canonical_json
from leaderboards.computing import IN_TABLE
from leaderboards.ranking import Placed, place
from leaderboards.rules import column_of, rule_of
from leaderboards.telling import contender_of
from suites.models import PhaseSuite

NOT_COUNTED = "another entry of its team counts"
CLUSTERS = "Ranks are by the aggregate here, before and after: which entries share one, the board says once it counts."


@dataclass(frozen=True)
class Side:
    """An entry's place before or after; `why` says why it has no rank."""

    rank: int | None
    score: float | None
    why: str = ""


@dataclass(frozen=True)
class Number:
    """A suite's score before or after, with the digests that it depends on; None where it has none."""

    value: float | None
    evaluator: str
    suite: str
    responses: str


@dataclass(frozen=True)
class Change:
    """One entry; `suites` are those whose score changes, before and after."""

    entry: int
    submission: str
    name: str
    team: str
    status: str
    before: Side
    after: Side
    suites: Mapping[str, tuple[Number | None, Number | None]] = field(default_factory=dict)

    @property
    def identical(self) -> bool:
        """Whether neither its rank nor a score changes."""
        return self.before == self.after and not self.suites

    @property
    def loses_rank(self) -> bool:
        """Whether it was ranked and would not be."""
        return self.before.rank is not None and self.after.rank is None


@dataclass(frozen=True)
class PhasePreview:
    """A phase's board before and after, what changes most first; `first_*` are the names on its first rank."""

    track: str
    phase: str
    title: str
    changes: tuple[Change, ...]
    first_before: tuple[str, ...]
    first_after: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def new_winner(self) -> bool:
        """Whether the first rank would be somebody else's."""
        return self.first_before != self.first_after

    @property
    def counts(self) -> dict[str, int]:
        """How many entries there are, and how many of them change, move, lose their rank or stay as they are."""
        moved = [one for one in self.changes if one.before.rank != one.after.rank]
        return {
            "entries": len(self.changes),
            "identical": sum(one.identical for one in self.changes),
            "changed": sum(not one.identical for one in self.changes),
            "moved": len(moved),
            "unranked": sum(one.loses_rank for one in self.changes),
        }


def preview(batch: Batch) -> list[PhasePreview]:
    """What the batch would change in each of its phases, by what it has scored so far."""
    phases = batch.batch_phases.select_related("phase__track__challenge")
    return [_of_phase(batch, one) for one in phases]


def store(*, batch: Batch) -> str:
    """Compute the preview and keep it with the batch; returns its digest."""
    found = preview(batch)
    digest = digest_of(found)
    with transaction.atomic():
        for one, row in zip(found, batch.batch_phases.all(), strict=True):
            BatchPhase.objects.filter(pk=row.pk).update(preview=document_of(one))
        now = timezone.now()
        Batch.objects.filter(pk=batch.pk).update(preview_digest=digest, previewed_at=now)
    batch.preview_digest, batch.previewed_at = digest, now
    return digest


def apply(*, batch: Batch, user: User, digest: str) -> None:
    """Apply the batch as the preview with this digest showed it; raises ProblemsFound where it would do anything else.

    Where entries were scored since, the batch goes on with them; where scores have changed, there is a new preview.
    """
    if working.go_on(batch=batch):
        raise refused("entries were scored since the batch was ready", "They are taken in: look at it again soon.")
    if not batch.preview_digest or digest != batch.preview_digest:
        raise refused("this is not the preview that was computed last", "Look at the preview, then apply it.")
    with transaction.atomic():
        # No board of these phases is computed meanwhile, and no run of them is planned.
        list(Phase.objects.select_for_update().filter(batch_phases__batch=batch).order_by("pk"))
        fresh = digest_of(preview(batch))
        if fresh == digest:
            applying.apply(batch=batch, user=user, digest=digest)
    if fresh != digest:
        store(batch=batch)
        raise refused("scores have changed since the preview was computed", "There is a new one: look at it again.")


def document_of(found: PhasePreview) -> dict[str, Any]:
    """The preview of a phase as JSON."""
    return {**asdict(found), "counts": found.counts, "new_winner": found.new_winner}


def digest_of(found: Sequence[PhasePreview]) -> str:
    """sha256 over the previews of all phases, what their scores depend on included."""
    return hashlib.sha256(canonical_json([document_of(one) for one in found])).hexdigest()


def _of_phase(batch: Batch, row: BatchPhase) -> PhasePreview:
    phase = row.phase
    now = list(phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk"))
    entries = {entry.entry_id: entry for entry in scored_entries(phase, suites=now)}
    before = _placed(phase.track, now, list(entries.values()))
    suites = drafts.suites_after(batch, phase)
    later = {entry.entry_id: entry for entry in scored_entries(phase, suites=suites, batch=batch)}
    after = _placed(_track_after(batch, phase.track), suites, list(later.values()))
    changes = [
        _change(entries[pk], later[pk], before.get(pk), after.get(pk)) for pk in entries if pk in before or pk in after
    ]
    return PhasePreview(
        track=phase.track.key,
        phase=phase.key,
        title=str(phase),
        changes=tuple(sorted(changes, key=_biggest_first)),
        first_before=_first(before, entries),
        first_after=_first(after, entries),
        notes=tuple(_notes(batch, phase)),
    )


def _track_after(batch: Batch, track: Track) -> Track:
    """The track with the weight that the batch gives its suite, as a row that is not saved."""
    if batch.weight is None or batch.suite_version is None:
        return track
    changed = Track.objects.select_related("challenge").get(pk=track.pk)
    changed.aggregate = applying.weighed(track, batch.suite_version.suite.key, batch.weight)
    return changed


def _placed(track: Track, suites: Sequence[PhaseSuite], entries: Sequence[ScoredEntry]) -> dict[int, Placed]:
    """The rows of the board's table by entry, as it places them."""
    keys = suite_columns(suites)
    columns = [column_of(track, suite, keys[suite.suite_version_id, suite.selection]) for suite in suites]
    # One that answered only in part stands beside the table.
    whole = (entry for entry in entries if all(one.answered == one.asked for one in entry.scores.values()))
    contenders = [contender_of(entry) for entry in whole if entry.status in IN_TABLE]
    return {placed.contender.entry_id: placed for placed in place(contenders, rule_of(track, columns))}


def _change(now: ScoredEntry, later: ScoredEntry, before: Placed | None, after: Placed | None) -> Change:
    suites = {}
    for key in dict.fromkeys((*now.scores, *later.scores)):
        was, will = _number(now.scores.get(key)), _number(later.scores.get(key))
        if _differ(was, will):
            suites[key] = (was, will)
    return Change(
        entry=now.entry_id, submission=str(now.submission_id), name=now.submission_name, team=now.team_name,
        status=now.status, before=_side(before), after=_side(after), suites=suites,
    )  # fmt: skip


def _number(score: SuiteScore | None) -> Number | None:
    if score is None:
        return None
    return Number(score.value, score.evaluator, score.suite_digest, score.responses_digest)


def _differ(was: Number | None, will: Number | None) -> bool:
    """Whether the value or the suite changes; the same value by another evaluator is the same score."""
    if was is None or will is None:
        return was is not will
    return replace(was, evaluator="") != replace(will, evaluator="")


def _side(placed: Placed | None) -> Side:
    if placed is None:
        return Side(None, None, NOT_COUNTED)
    return Side(placed.rank, placed.aggregate, placed.why_unranked)


def _biggest_first(change: Change) -> tuple[Any, ...]:
    """Who loses or gains a rank, then by places, then by the score, then by name."""
    before, after = change.before, change.after
    gone = (before.rank is None) != (after.rank is None)
    places = abs(before.rank - after.rank) if before.rank is not None and after.rank is not None else 0
    moved = abs(before.score - after.score) if before.score is not None and after.score is not None else 0.0
    return (not gone, -places, -moved, change.identical, change.name, change.entry)


def _first(placed: Mapping[int, Placed], entries: Mapping[int, ScoredEntry]) -> tuple[str, ...]:
    first = (entries[pk] for pk, one in placed.items() if one.rank == 1)
    return tuple(sorted(f"{entry.submission_name} ({entry.team_name})" for entry in first))


def _notes(batch: Batch, phase: Phase) -> list[str]:
    """What did not come to a score, in sentences."""
    runs = batch.items.filter(run__phase=phase).exclude(state=BatchItem.State.DONE)
    told = [CLUSTERS] if phase.track.ties == "clusters" else []
    told += [
        f"{item.run.entry.submission.name} ({item.run.entry.submission.registration.team.name}): "
        f"{item.get_state_display().lower()}{f', {item.note}' if item.note else ''}."
        for item in runs.select_related("run__entry__submission__registration__team").order_by("pk")
        if item.run is not None
    ]
    sets = batch.items.filter(response_set__runs__phase=phase).distinct()
    identical = sets.filter(state=BatchItem.State.IDENTICAL).count()
    if identical:
        told.append(f"{identical} sets of answers were scored by the same evaluator before, and identically.")
    bad = sets.filter(state__in=(BatchItem.State.DIFFERS, BatchItem.State.ERRORED)).select_related(
        "response_set__suite_version__suite", "response_set__submission"
    )
    told += [f"{item.response_set}: {item.note}." for item in bad.order_by("pk")]
    return told
