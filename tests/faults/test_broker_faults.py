"""Messages lost, doubled and late: the database alone says what is to be done."""

import pytest

from config.celery import app
from evaluations.models import Run
from tests.faults import rules
from tests.faults.conftest import assert_settled
from tests.faults.contest import Contest, slow
from tests.faults.running import RunningPlatform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


def test_a_broker_that_is_killed_and_comes_back_empty_loses_nobody(platform: RunningPlatform, contest: Contest) -> None:
    platform.worker()
    handed_in = [contest.submit(slow(2)) for _ in range(3)]
    wait_for(rules.runs_of(handed_in[0]).filter(state=Run.State.RUNNING).exists, what="the first run", poll=0.01)
    platform.broker.stop()
    handed_in.append(contest.submit())  # while nobody can be woken
    platform.broker.start()
    for submission in handed_in:
        assert_settled(submission)


def test_wake_ups_that_are_lost_are_sent_again(platform: RunningPlatform, contest: Contest) -> None:
    submission = contest.submit()
    platform.broker.empty()
    checker = platform.worker(queues="default")
    wait_for(rules.runs_of(submission).filter(state=Run.State.QUEUED).exists, what="the plan")
    platform.end(checker)
    platform.broker.empty()
    platform.worker()
    assert_settled(submission)


@pytest.mark.parametrize("copies", [2, 10])
def test_messages_that_come_several_times_do_their_work_once(
    platform: RunningPlatform, contest: Contest, copies: int
) -> None:
    submission = contest.submit()
    for _ in range(copies):
        app.send_task("submissions.check", args=(str(submission.pk),), queue="default")
    platform.worker(slots=2)
    platform.worker(slots=2)
    run = wait_for(rules.runs_of(submission).first, what="the plan", poll=0.01)
    for _ in range(copies):
        app.send_task("evaluations.plan", args=(str(submission.pk),), queue="default")
        app.send_task("evaluations.run", args=(str(run.pk),), queue=run.queue)
    assert_settled(submission)
    for _ in range(copies):  # and when all is over
        app.send_task("submissions.check", args=(str(submission.pk),), queue="default")
        app.send_task("evaluations.plan", args=(str(submission.pk),), queue="default")
        app.send_task("evaluations.run", args=(str(run.pk),), queue=run.queue)
    later = contest.submit()
    assert_settled(later)
    assert_settled(submission)
    # Two checks at once may unpack under a run's feet, which then begins again; one attempt alone comes to a result.
    assert run.attempts.filter(outcome__fault__isnull=True).count() == 1
