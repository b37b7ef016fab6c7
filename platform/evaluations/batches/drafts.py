"""What a batch has prepared and does not count yet: what selectors lay over the scores that count, for its preview."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from challenges.models import Phase
from evaluations.batch_models import Batch, BatchItem
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Evaluation, RunResponseSet
from evaluators.protocol.scores import ScoresDocument
from suites.models import PhaseSuite


def asked_in(batch: Batch, phase: Phase) -> list[tuple[UUID, int, int, str]]:
    """What the batch asked of the phase's entries: the phase's run, and set, version and selection. One query."""
    done = RunResponseSet.objects.filter(
        run__batch_item__batch=batch, run__batch_item__state=BatchItem.State.DONE, run__batch_item__run__phase=phase,
        response_set__checkpoint__in=(MAIN, ALL),
    )  # fmt: skip
    return list(
        done.order_by("response_set__train_seed", "pk").values_list(
            "run__batch_item__run", "response_set_id", "response_set__suite_version_id", "response_set__selection"
        )
    )


def evaluations_of(batch: Batch, set_ids: Iterable[int], counting: Mapping[int, Evaluation]) -> list[Evaluation]:
    """The batch's evaluations of these sets that would count, given those that count now. One query.

    One that was made by the same evaluator since, or by a newer one, stays.
    """
    rows = Evaluation.objects.filter(batch=batch, counts=False, response_set__in=list(set_ids))
    return [
        draft
        for draft in rows.select_related("response_set__suite_version").order_by("pk")
        if (now := counting.get(draft.response_set_id)) is not None
        and draft.pk > now.pk
        and draft.evaluator != now.evaluator
    ]


def score_of(draft: Evaluation) -> dict[str, Any]:
    """What the draft's document says of the suite's own score, as the fields of a SuiteScore that it changes."""
    document = ScoresDocument.model_validate(draft.document)
    metric = str(draft.response_set.suite_version.manifest["metric"])
    measure, coverage = document.metrics[metric], document.coverage
    return {
        "metric": metric, "value": measure.value, "low": measure.low, "high": measure.high, "n": measure.n,
        "asked": coverage.asked, "answered": coverage.answered, "evaluator": draft.evaluator,
        "items_name": draft.items_name, "evaluations": (draft.pk,),
    }  # fmt: skip


def phase_suite_of(batch: Batch, phase: Phase) -> PhaseSuite | None:
    """What the phase is to ask of the batch's suite, as a row that is not saved; None where it asks nothing new."""
    if batch.suite_version is None:
        return None
    how = batch.batch_phases.get(phase=phase)
    return PhaseSuite(
        phase=phase, suite_version=batch.suite_version, splits=how.splits, sample=how.sample,
        checkpoints=how.checkpoints,
    )  # fmt: skip


def suites_after(batch: Batch, phase: Phase) -> list[PhaseSuite]:
    """What the phase asks once the batch is applied, in its order."""
    now = list(phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk"))
    own = phase_suite_of(batch, phase)
    if own is None:
        return now
    if batch.replaces_id is None:
        return [*now, own]
    return [own if one.suite_version_id == batch.replaces_id else one for one in now]
