"""Rehearsal and hidden run in the real sandbox: what passes is scored on hidden data, what crashes never sees it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from challenges.models import Phase, Track
from evaluations import execution, services
from evaluations.models import Run, Score
from sandbox.images.build import build
from submissions.models import QuotaCharge, Submission
from suites.models import Unsealing
from tests.platform.evaluations.conftest import LENGTH

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
CRASH = "class Model:\n    def loglikelihood(self, requests):\n        raise KeyError('what went wrong here')\n"


@pytest.fixture(scope="session", autouse=True)
def _base_image() -> None:
    build(["base"], say=lambda _: None)


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any]
) -> Phase:
    track = make_track(image="base", memory=256 * 1024**2, pids=64, wall=60, disk=16 * 1024**2, rehearsal_items=4)
    phase = make_phase(track, visibility=Phase.Visibility.AFTER_CLOSE)
    make_suite_version(phase, pairs=24, ask=("private",))
    return phase


def test_what_passes_its_rehearsal_is_scored_on_the_hidden_items(
    phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    submission = hand_in(phase, files={"model.py": LENGTH}, rehearses=True)
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RESERVED
    services.plan(submission)
    execution.drain(worker="one", queue="cpu")
    rehearsal, run = (Run.objects.get(purpose=purpose) for purpose in (Run.Purpose.REHEARSAL, Run.Purpose.PHASE))
    assert (rehearsal.state, run.state, run.image_id) == (Run.State.DONE, Run.State.DONE, rehearsal.image_id)
    counts = Score.objects.filter(group="", tag="").order_by("evaluation__pk").values_list("n", flat=True)
    assert list(counts) == [4, 12]
    charge = QuotaCharge.objects.get()
    assert (charge.state, charge.active) == (QuotaCharge.State.SETTLED, False)


def test_what_crashes_in_its_rehearsal_tells_its_log_and_never_meets_a_hidden_item(
    phase: Phase, hand_in: Callable[..., Submission], client_of: Callable[[User], Client]
) -> None:
    submission = hand_in(phase, files={"model.py": CRASH}, rehearses=True)
    before = Unsealing.objects.count()
    services.plan(submission)
    execution.drain(worker="one", queue="cpu")
    run = Run.objects.get()
    assert (run.purpose, run.state, run.code) == (Run.Purpose.REHEARSAL, Run.State.FAILED, "E-RUN-CODE")
    assert [one.selection for one in run.response_sets.all()] == ["dev#4"]
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED
    assert Unsealing.objects.count() == before, "gold was not opened"
    text = client_of(submission.submitted_by).get(reverse("submission", args=[submission.pk])).content.decode()
    for part in ("E-RUN-CODE", "what went wrong here", "Nothing was charged"):
        assert part in text
