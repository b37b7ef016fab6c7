"""The work on one claimed attempt: what every step of it needs, and how it ends."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from evaluations import leases, outcomes, spotchecks, states
from evaluations.faults import ParticipantFault, storable
from evaluations.hearts import Heart
from evaluations.models import Attempt, ResponseSet, Run
from sandbox.interface import Sandbox
from submissions import engine
from submissions.models import Submission


@dataclass(frozen=True)
class Work:
    """An attempt at a run, with the heart that keeps its lease and the sandbox that it uses."""

    attempt: Attempt
    run: Run
    heart: Heart
    sandbox: Sandbox

    @property
    def submission(self) -> Submission:
        """What is evaluated."""
        return self.run.entry.submission

    @property
    def labels(self) -> dict[str, str]:
        """What everything that the attempt starts is labelled with."""
        return labels_of(self.attempt)

    def move(self, new: str, **fields: Any) -> None:
        """Move the run while the lease is ours; raises LeaseLost."""
        self.heart.check()
        states.move(self.run, new, lease=self.attempt.lease, **fields)

    def sets(self) -> list[ResponseSet]:
        """The response sets that the run needs, in the order in which suites are answered."""
        sets = self.run.response_sets.select_related("suite_version__suite", "submission__artifact")
        return list(sets.order_by("run_response_sets__position"))

    def finish(self) -> None:
        """The run has scores."""
        # Before the transaction, since it takes its time.
        compared = spotchecks.compared(self.run) if self.run.purpose == Run.Purpose.SPOT_CHECK else None
        with transaction.atomic():
            self.move(Run.State.DONE)
            leases.end(self.attempt)
            outcomes.done(self.run, compared)

    def fail(self, fault: ParticipantFault) -> None:
        """The run failed through the participant, for good."""
        detail = dict(fault.detail or {})
        if fault.message:
            detail["message"] = fault.message
        stage = self.run.state
        with transaction.atomic():
            self.move(Run.State.FAILED, code=fault.code, stage=stage, detail=storable(detail))
            leases.note_fault(
                self.attempt, leases.Fault.FINAL, stage=stage, code=fault.code, reason=fault.message or fault.code
            )
            leases.end(self.attempt)
            outcomes.failed(self.run)

    def send_back(self, error: Exception, fault: leases.Fault) -> None:
        """A fault of ours: the run waits for its next attempt, or is given up; raises LeaseLost."""
        self.heart.check()
        reason = f"{type(error).__name__}: {error}"
        # An end that is not clear says nothing against trying again at once.
        back_off = fault is not leases.Fault.UNCLEAR
        leases.send_back(self.run, reason=reason, back_off=back_off, attempt=self.attempt, fault=fault)


def labels_of(attempt: Attempt) -> dict[str, str]:
    """What everything that the attempt starts is labelled with, so that what is left behind is found."""
    return engine.labels(
        submission=str(attempt.run.entry.submission_id),
        run=str(attempt.run_id),
        attempt=str(attempt.pk),
        lease=str(attempt.lease),
    )
