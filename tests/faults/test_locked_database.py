"""A database in which nobody can write for longer than a lease lasts."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from evaluations.models import Run
from tests.faults import rules
from tests.faults.conftest import assert_settled
from tests.faults.contest import Contest, slow
from tests.faults.running import RunningPlatform, database_url, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
LOCKED = 6.0  # seconds: a lease lasts three, a heart beats each second


@contextmanager
def locked() -> Iterator[None]:
    """Hold the lock that every writer needs, from a connection of its own."""
    if connection.vendor == "sqlite":
        holder = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=10)
        holder.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            holder.execute("ROLLBACK")
            holder.close()
        return
    with psycopg.connect(database_url()) as other:
        other.execute("LOCK TABLE evaluations_attempt, evaluations_run, submissions_submission IN EXCLUSIVE MODE")
        yield
        other.rollback()


def hold() -> None:
    """Nobody writes for a while."""
    with locked():
        until = time.monotonic() + LOCKED
        wait_for(lambda: time.monotonic() > until, what="the end of the lock")


def test_a_database_locked_while_it_runs_costs_at_most_an_attempt(platform: RunningPlatform, contest: Contest) -> None:
    platform.worker()
    submission = contest.submit(slow(4))
    running = rules.runs_of(submission).filter(state=Run.State.RUNNING)
    run = wait_for(running.first, what="the run", poll=0.01)
    hold()
    assert_settled(submission)
    assert run.attempts.count() <= 2


def test_a_database_locked_while_submissions_are_checked_and_planned_loses_none(
    platform: RunningPlatform, contest: Contest
) -> None:
    handed_in = [contest.submit() for _ in range(2)]
    platform.worker()
    wait_for(lambda: rules.containers("proctor.stage=intake"), what="a check", poll=0.01)
    hold()
    for submission in handed_in:
        assert_settled(submission)
