"""A re-score by real worker processes: one is killed half-way, another goes on, and nothing is scored twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase, Track
from evaluations import selectors
from evaluations.batch_models import Batch, BatchItem
from evaluations.batches import opening, working
from evaluations.models import Run
from leaderboards import previews
from suites.models import SuiteVersion
from tests.platform.evaluations.batch_orders import answer, as_scored_before
from tests.platform.evaluations.test_worker_processes import Processes, processes, wait_for  # noqa: F401 - a fixture

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
SETS, PAIRS = 6, 3000
State = BatchItem.State


def test_a_worker_killed_half_way_through_a_rescore_is_followed_by_another(
    make_user: Callable[..., User], make_challenge: Callable[..., Any], make_track: Callable[..., Track],
    make_phase: Callable[..., Phase], make_suite_version: Callable[..., SuiteVersion], make_run: Callable[..., Run],
    processes: Processes,  # noqa: F811
) -> None:  # fmt: skip
    organizer = make_user()
    track = make_track(make_challenge(organizers=(organizer,)), image=f"base@sha256:{'0' * 64}")
    phase = make_phase(track, open=False)
    make_suite_version(phase, pairs=PAIRS)
    rights = [300 * (number + 1) for number in range(SETS)]
    for right in rights:
        as_scored_before(answer(make_run(phase), right), 0.5)
    batch = opening.open_rescore(challenge=track.challenge, user=organizer, reason="The scorer had a fault.")

    doomed = processes.start("worker")
    working.start(batch=batch, user=organizer)
    wait_for(lambda: batch.items.filter(state=State.DONE).exists())
    processes.kill(doomed)
    done = batch.items.filter(state=State.DONE).count()
    assert 0 < done < SETS, "it was killed half-way"

    # As if its claims had run out: nobody has to wait for them here.
    batch.items.filter(state=State.WAITING).update(claimed_until=timezone.now() - timedelta(seconds=1))
    processes.start("sweep")
    processes.start("worker")
    wait_for(lambda: Batch.objects.get().preview_digest)
    batch.refresh_from_db()
    assert batch.state == Batch.State.READY
    assert batch.evaluations.count() == SETS
    previews.apply(batch=batch, user=organizer, digest=batch.preview_digest)
    found = [score.value for row in selectors.scored_entries(phase) for score in row.scores.values()]
    assert found == [right / PAIRS for right in rights]
