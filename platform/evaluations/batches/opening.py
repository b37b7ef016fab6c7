"""Opening a batch: what is to change, in which phases, by whom and why. Nothing is scored or asked yet."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import IntegrityError, transaction

from accounts.models import User
from challenges.models import Challenge, Phase
from evaluations.batch_models import Batch, BatchMove, BatchPhase
from evaluations.batches import listing
from evaluations.batches.estimates import estimate_of
from evaluations.batches.states import reason_of, refused, require_organizer
from evaluations.models import ResponseSet
from suites.models import PhaseSuite, SuiteVersion
from suites.selectors import missing_split, split_counts, versions_for


@dataclass(frozen=True)
class Ask:
    """What phases are to ask of an added suite; without `splits`, all that hold items."""

    splits: tuple[str, ...] = ()
    sample: int | None = None
    checkpoints: str = PhaseSuite.Checkpoints.MAIN
    weight: float | None = None


def open_rescore(*, challenge: Challenge, user: User, reason: str, phases: Sequence[Phase] = ()) -> Batch:
    """Open a re-score of the phases' stored answers by the evaluator that is installed; raises ProblemsFound.

    Without `phases`, of all that the challenge has. A phase that uses the same answers is taken in as well: a set of
    answers has one score.
    """
    require_organizer(user, challenge)
    chosen = list(phases) or _all_phases(challenge)
    chosen = _with_shared_answers(challenge, chosen)
    batch = Batch(challenge=challenge, kind=Batch.Kind.RESCORE, reason=reason_of(reason), created_by=user)
    return _open(batch, [BatchPhase(phase=phase) for phase in chosen])


def add_suite(
    *, phases: Sequence[Phase], version: SuiteVersion, user: User, reason: str, ask: Ask | None = None
) -> Batch:
    """Open a batch that asks a suite of what was handed in before it was there; raises ProblemsFound."""
    challenge, ask = _challenge_of(phases), ask or Ask()
    require_organizer(user, challenge)
    _usable(version, user)
    splits = list(ask.splits) or [split for split, count in split_counts(version).items() if count]
    if sentence := missing_split(version, splits):
        raise refused(sentence)
    if ask.weight is not None and ask.weight < 0:
        raise refused("a weight is not negative")
    for phase in phases:
        asked = phase.phase_suites.filter(suite_version__suite=version.suite).select_related("suite_version__suite")
        if there := asked.first():
            raise refused(
                f"{phase} asks {there.suite_version} already",
                "" if there.suite_version == version else "Open a batch for a new version of it.",
            )
    batch = Batch(
        challenge=challenge, kind=Batch.Kind.ADD_SUITE, reason=reason_of(reason), created_by=user,
        suite_version=version, weight=ask.weight,
    )  # fmt: skip
    how = {"splits": splits, "sample": ask.sample, "checkpoints": ask.checkpoints}
    return _open(batch, [BatchPhase(phase=phase, **how) for phase in phases])


def new_version(
    *, challenge: Challenge, version: SuiteVersion, user: User, reason: str, phases: Sequence[Phase] = ()
) -> Batch:
    """Open a batch that asks another version of a suite, with the splits and sample of the one that it replaces.

    Without `phases`, in all phases of the challenge that ask another version of it. Raises ProblemsFound.
    """
    require_organizer(user, challenge)
    _usable(version, user)
    asked = PhaseSuite.objects.filter(phase__track__challenge=challenge, suite_version__suite=version.suite)
    asked = asked.exclude(suite_version=version).select_related("suite_version__suite", "phase__track")
    if phases:
        asked = asked.filter(phase__in=phases)
    replaced = {one.suite_version for one in asked}
    if not replaced:
        raise refused(f"no phase asks another version of {version.suite}", "Open a batch for an added suite.")
    if len(replaced) > 1:
        names = ", ".join(sorted(map(str, replaced)))
        raise refused(f"the phases ask several versions of it ({names})", "Name phases that ask the same one.")
    for one in asked:
        if one.phase.phase_suites.filter(suite_version=version).exists():
            raise refused(f"{one.phase} asks {version} already, beside {one.suite_version}")
        if sentence := missing_split(version, list(one.splits)):
            raise refused(sentence)
    batch = Batch(
        challenge=challenge, kind=Batch.Kind.NEW_VERSION, reason=reason_of(reason), created_by=user,
        suite_version=version, replaces=replaced.pop(),
    )  # fmt: skip
    return _open(
        batch,
        [
            BatchPhase(phase=one.phase, splits=one.splits, sample=one.sample, checkpoints=one.checkpoints)
            for one in asked
        ],
    )


def _open(batch: Batch, phases: Sequence[BatchPhase]) -> Batch:
    """Write the batch with its phases, its items and what it is expected to cost."""
    if not phases:
        raise refused("there is no phase to change")
    try:
        with transaction.atomic():
            batch.save()
            for one in phases:
                one.batch = batch
                one.save()
            listing.list_items(batch)
            batch.estimate = asdict(estimate_of(batch))
            batch.save(update_fields=["estimate"])
            BatchMove.objects.create(batch=batch, new=batch.state, by=batch.created_by, reason=batch.reason)
    except IntegrityError as error:
        raise _refused_as_open(phases) from error
    return batch


def _refused_as_open(phases: Sequence[BatchPhase]) -> Exception:
    there = BatchPhase.objects.filter(phase__in=[one.phase for one in phases], open=True).select_related("batch")
    names = ", ".join(f"batch {one.batch_id} ({one.batch.state}) in {one.phase}" for one in there)
    return refused(f"one batch at a time: there is {names or 'another one'}", "Apply or discard that one first.")


def _all_phases(challenge: Challenge) -> list[Phase]:
    return list(Phase.objects.filter(track__challenge=challenge).select_related("track__challenge").order_by("pk"))


def _challenge_of(phases: Sequence[Phase]) -> Challenge:
    challenges = {phase.track.challenge for phase in phases}
    if len(challenges) != 1:
        raise refused("a batch is of phases of one challenge")
    return challenges.pop()


def _with_shared_answers(challenge: Challenge, phases: list[Phase]) -> list[Phase]:
    """These phases and those that use some of their answers, or share some with one that does."""
    chosen = {phase.pk: phase for phase in phases}
    if any(phase.track.challenge_id != challenge.pk for phase in phases):
        raise refused(f"a phase is not one of {challenge}")
    others = {phase.pk: phase for phase in _all_phases(challenge) if phase.pk not in chosen}
    while True:
        sets = ResponseSet.objects.filter(runs__phase__in=chosen)
        shared = set(sets.filter(runs__phase__in=others).values_list("pk", flat=True))
        more = set(Phase.objects.filter(pk__in=others, runs__response_sets__in=shared).values_list("pk", flat=True))
        if not more:
            return [chosen[pk] for pk in sorted(chosen)]
        chosen |= {pk: others.pop(pk) for pk in more}


def _usable(version: SuiteVersion, user: User) -> None:
    if version.state != SuiteVersion.State.FROZEN:
        raise refused(f"{version} is {version.state}", "Freeze it first: only then it never changes.")
    if not versions_for(user).filter(pk=version.pk).exists():
        raise refused(f"{version} is not yours to ask", "Ask whoever added it.")
