"""Scored runs, written as the evaluation writes them, without a sandbox."""

import hashlib
import io
from collections.abc import Callable, Sequence
from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from challenges.models import Phase
from evaluations.models import Evaluation, ResponseSet, Run, RunResponseSet, Score
from submissions.models import Artifact, Entry, Registration, Submission
from suites import sealing

_numbers = count(1)


def _sealed(scores: Sequence[float], ids: str) -> str:
    """Item scores as the evaluation writes them; returns their sealed name."""
    rows = {
        "item_id": [f"{ids}/{n}" for n in range(len(scores))], "group": ["all"] * len(scores), "score": list(scores),
    }  # fmt: skip
    out = io.BytesIO()
    pq.write_table(pa.table(rows), out)
    return sealing.write_bytes(f"items/{next(_numbers)}.parquet", out.getvalue())


@pytest.fixture
def make_scored(make_registration: Callable[..., Registration]) -> Callable[..., Run]:
    """`make_scored(phase, value, registration=None, …)`: a finished run with a score for each suite.

    With `items`, the scores of its items are sealed as well, all in one group.
    """

    def make(
        phase: Phase,
        value: float,
        *,
        registration: Registration | None = None,
        name: str = "",
        status: str = Entry.Status.OFFICIAL,
        state: str = Run.State.DONE,
        answered: int = 100,
        items: Sequence[float] = (),
        item_ids: str = "item",
    ) -> Run:
        number = next(_numbers)
        registration = registration or make_registration(challenge=phase.track.challenge)
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        submission = Submission.objects.create(
            registration=registration, number=number, name=name or f"Method {number}", kind="code", digest=digest,
            artifact=Artifact.objects.create(digest=digest, size=1, storage_name=digest),
            state=Submission.State.ACCEPTED, submitted_by=registration.created_by,
        )  # fmt: skip
        entry = Entry.objects.create(submission=submission, track=phase.track, status=status)
        run = Run.objects.create(entry=entry, phase=phase, state=state, image_id="sha256:1", finished_at=timezone.now())
        for position, phase_suite in enumerate(phase.phase_suites.all()):
            answers = ResponseSet.objects.create(
                key=f"{number}-{position}", submission=submission, suite_version=phase_suite.suite_version,
                selection=phase_suite.selection, draw_key=b"k", complete=True, digest=digest, asked=100,
                answered=answered,
            )  # fmt: skip
            RunResponseSet.objects.create(run=run, response_set=answers, position=position)
            evaluation = Evaluation.objects.create(
                response_set=answers, evaluator="0.1.0", suite_digest=phase_suite.suite_version.digest,
                complete=answered == 100, items_name=_sealed(items, item_ids) if items else "",
            )  # fmt: skip
            for group, number_of_items in (("", 100), ("group-0", 50)):
                Score.objects.create(
                    evaluation=evaluation, metric="accuracy", group=group, value=value, low=value - 0.1,
                    high=value + 0.1, n=number_of_items,
                )  # fmt: skip
        return run

    return make
