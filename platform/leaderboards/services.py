"""Leaderboards are computed when scores arrive, stored, and only read by pages."""

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from challenges.models import Challenge, Phase
from evaluations import draws
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Evaluation, Run
from leaderboards import published, snapshots
from leaderboards.computing import IN_TABLE, Computed, exact, tagged_in, told
from leaderboards.models import Snapshot, Standing
from leaderboards.parts import aggregate_of, part_columns
from leaderboards.published_rows import published_board
from leaderboards.rules import Basis, basis_of, column_of, rule_in_words, rule_of
from leaderboards.snapshots import EXACT, TOLD, shown
from leaderboards.standings import Light, astray, finished, light_of, lights_of, made
from leaderboards.telling import in_words

__all__ = ["SHOWN", "column_of", "freeze", "rebuild", "refresh", "rule_in_words", "rule_of", "shown", "unfreeze"]

SHOWN = IN_TABLE


def refresh(*, phase: Phase, runs: Collection[UUID] | None = None) -> Snapshot:
    """Compute the phase's leaderboard and make it the current one; the same scores give the same digest and no new row.

    `runs`: those whose scores may have changed, where the caller knows; every other entry then stands as it stood,
    unless something else about it has changed. Without it the scores of all are looked at. A frozen snapshot stays
    what the page shows.
    """
    now = timezone.now()
    if runs is None or runs:
        _draw_ahead(phase, runs)
    with _collector_at_rest(), transaction.atomic():
        # Refreshes of one phase queue up here, so that the last one to run has seen every score.
        phase = Phase.objects.select_for_update().select_related("track__challenge").get(pk=phase.pk)
        before = phase.snapshots.filter(current=True).first()
        table = published.published_results(phase)
        if table is not None:
            fields, whole = published_board(phase, table)
            boards = {str(EXACT): whole}
        else:
            fields, boards = _computed(phase, before, runs, now)
        if before is not None and _same(before, fields):
            before.computed_at = now
            before.save(update_fields=["computed_at"])
            return before
        Snapshot.objects.filter(phase=phase, current=True).update(current=False)
        history = snapshots.history_with(before)
        made_now = Snapshot.objects.create(phase=phase, created_at=now, computed_at=now, history=history, **fields)
        for audience, board in boards.items():
            snapshots.write_chunks(made_now, audience, board)
        snapshots.prune(phase, now=now)
        return made_now


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Without the search for cycles: all rows of a large board live until the end, and are no part of any."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _same(before: Snapshot, fields: Mapping[str, Any]) -> bool:
    """Whether nothing that anybody sees has changed."""
    return all(getattr(before, name) == fields.get(name, default) for name, default in _TELLING.items())


_TELLING: dict[str, Any] = {"digest": "", "told_digest": "", "told": False, "what_if": [], "told_what_if": []}


def _draw_ahead(phase: Phase, runs: Collection[UUID] | None) -> None:
    """Compute the draws that are missing before anybody has to wait for the phase."""
    evaluations = Evaluation.objects.counting().filter(
        response_set__runs__phase=phase,
        response_set__runs__purpose=Run.Purpose.PHASE,
        response_set__runs__state=Run.State.DONE,
        response_set__checkpoint__in=(MAIN, ALL),
        draws__isnull=True,
    )
    if runs is not None:
        evaluations = evaluations.filter(response_set__runs__in=runs)
    draws.keep_draws(list(evaluations.exclude(items_name="").values_list("pk", flat=True).distinct()))


def _computed(
    phase: Phase, before: Snapshot | None, runs: Collection[UUID] | None, now: datetime
) -> tuple[dict[str, Any], dict[str, Computed]]:
    """The fields of the snapshot, and the board for each audience."""
    basis = basis_of(phase)
    lights, items = _brought_up(basis, before, runs, now)
    tagged = tagged_in(basis)
    board = exact(basis, lights, tagged)
    parts = part_columns(aggregate_of(basis.track), basis.rule.mean, basis.columns)
    words = rule_in_words(basis.track, basis.columns, intervals=board.intervals)
    fields: dict[str, Any] = {
        "rule": words,
        "columns": basis.columns,
        "parts": parts,
        "tags": snapshots.tag_heads(board),
        "counts": board.counts(),
        "what_if": board.what_if,
        "items": items,
        "basis": basis.digest,
    }
    digests = {light.pk: light.digest for light in lights}
    fields["digest"] = snapshots.digest_of(board, digests, words, basis.columns, parts)
    boards = {str(EXACT): board}
    if basis.hidden:
        shown_to_all, digits = told(basis, lights, tagged, items)
        plain = rule_in_words(basis.track, basis.columns)
        told_words = f"{plain} {in_words(basis.track, basis.rule.mean, basis.columns)}"
        told_digests = {light.pk: light.told_digest for light in lights}
        fields |= {
            "told": True,
            "told_rule": told_words,
            "told_tags": snapshots.tag_heads(shown_to_all),
            "told_counts": shown_to_all.counts(),
            "told_what_if": shown_to_all.what_if,
            "digits": digits,
            "told_digest": snapshots.digest_of(shown_to_all, told_digests, told_words, basis.columns, parts),
        }
        boards[str(TOLD)] = shown_to_all
    return fields, boards


def _brought_up(
    basis: Basis, before: Snapshot | None, runs: Collection[UUID] | None, now: datetime
) -> tuple[list[Light], dict[str, int]]:
    """The phase's standings as they are now, those that changed followed by others; and each column's items."""
    there = {light.facts.entry_id: light for light in lights_of(basis.phase)}
    gone, new = set(), []
    if runs is None:
        looked_at = list(finished(basis.phase).values_list("pk", flat=True))
        still = set(looked_at)
        gone = {light.pk for light in there.values() if light.facts.run_id not in still}
    else:
        # A finished run stays finished, so nothing else has to be looked for.
        looked_at = list(dict.fromkeys([*runs, *astray(basis)]))
    items = dict(before.items) if before is not None and runs is not None and before.basis == basis.digest else {}
    for standing in made(basis, looked_at):
        for key, numbers in standing.scores.items():
            items[key] = max(items.get(key, 0), numbers[3])
        light = there.get(standing.entry_id)
        if light is None or (light.digest, light.basis) != (standing.digest, standing.basis):
            new.append(standing)
            gone |= {light.pk} if light is not None else set()
    if gone:
        Standing.objects.filter(pk__in=gone).update(superseded_at=now)
    Standing.objects.bulk_create(new, batch_size=500)
    lights = [light for light in there.values() if light.pk not in gone] + [light_of(one) for one in new]
    return sorted(lights, key=lambda light: light.facts.entry_id), items


def aggregate_by(snapshot: Snapshot, entry_id: int) -> float | None:
    """The aggregate of an entry by itself, as it stands now; None for one that has none."""
    standing = Standing.objects.current().filter(phase=snapshot.phase_id, entry=entry_id)
    return standing.values_list("aggregate", flat=True).first()


def freeze(*, phase: Phase, user: User | None = None) -> Snapshot:
    """Keep what the phase's page shows as it is until it is unfrozen; a board that is frozen already stays frozen."""
    snapshot = shown(phase) or refresh(phase=phase)
    if not snapshot.frozen:
        snapshot.frozen, snapshot.frozen_by, snapshot.frozen_at = True, user, timezone.now()
        snapshot.save(update_fields=["frozen", "frozen_by", "frozen_at"])
    return snapshot


def unfreeze(*, phase: Phase) -> None:
    """Let the phase's page show what was computed last."""
    with transaction.atomic():
        Phase.objects.select_for_update().get(pk=phase.pk)
        phase.snapshots.filter(frozen=True).update(frozen=False, frozen_by=None, frozen_at=None)


def rebuild(*, challenge: Challenge | None = None) -> list[Snapshot]:
    """Compute the boards of a challenge, or all, from their scores alone, as if nothing had been kept of them.

    The same scores give the same digests. Frozen boards, and what pages showed before, stay as they are.
    """
    finished_in = Q(runs__purpose=Run.Purpose.PHASE, runs__state=Run.State.DONE)
    phases = Phase.objects.filter(Q(snapshots__isnull=False) | finished_in).distinct().order_by("pk")
    if challenge is not None:
        phases = phases.filter(track__challenge=challenge)
    made_now = []
    for phase in phases:
        with transaction.atomic():
            Phase.objects.select_for_update().get(pk=phase.pk)
            Standing.objects.current().filter(phase=phase).update(superseded_at=timezone.now())
            phase.snapshots.filter(current=True, frozen=False).delete()
            phase.snapshots.filter(current=True).update(current=False)
            made_now.append(refresh(phase=phase))
    return made_now
