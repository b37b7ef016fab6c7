"""Faults of every kind, drawn from a seed, over a platform that works meanwhile; then what became of everybody."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from docker.errors import APIError

from config.celery import app
from evaluations.models import Evaluation, Event, Run
from submissions.models import QuotaCharge, Submission
from tests.faults import rules
from tests.faults.contest import QUICK, Contest, slow
from tests.faults.running import RunningPlatform, wait_for
from web.demo.processes import Child

WORKERS = 2
# Tries of a run: chaos ends no run through the platform, so that every submission must come to its own end.
ENVIRONMENT = {"PROCTOR_MAX_ATTEMPTS": "50"}
BROKEN_CODE = "raise RuntimeError('it never works')\n"
SCORED, FAILED = frozenset({Run.State.DONE}), frozenset({Run.State.FAILED})
# Between two faults the platform gets on by so many steps, or has had so many seconds.
STEPS, PATIENCE = (1, 6), 4.0
SECONDS_EACH = 4.0  # that a submission may take at the most, when the last fault is over and all have piled up
STOPPED = (0.5, 5.0)  # seconds for which a worker stands still; a lease lasts three


@dataclass
class Report:
    """What was done to whom, and every rule that was broken; `seconds` from the first hand-in to the last end."""

    submissions: int
    faults: Counter[str]
    lost: list[str]
    doubled: int
    broken: list[str]
    seconds: float


@dataclass
class Chaos:
    """One round of it; the same seed draws the same faults, though time decides whom they meet."""

    platform: RunningPlatform
    contests: Sequence[Contest]
    seed: int
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._workers: list[Child] = []
        self._standing: list[tuple[float, Child]] = []
        self._handed_in: list[tuple[Submission, frozenset[str]]] = []
        self._killed: set[str] = set()
        kinds: list[tuple[Callable[[], bool], int]] = [
            (self._kill_worker, 2), (self._stop_worker, 1), (self._kill_container, 3), (self._stand_still, 2),
            (self._repeat_messages, 4), (self._empty_broker, 1), (self._restart_broker, 1),
        ]  # fmt: skip
        self._kinds = [kind for kind, weight in kinds for _ in range(weight)]

    def run(self, submissions: int) -> Report:
        """Hand in so many while faults come, as many of them as submissions; then wait for the rest."""
        began = time.monotonic()
        self._workers = [self.platform.worker(wait=True) for _ in range(WORKERS)]
        while len(self._handed_in) < submissions or self.faults.total() < submissions:
            for _ in range(self._random.randint(0, 3)):
                if len(self._handed_in) < submissions:
                    self._hand_in()
            self._harm()
            self._rest()
        for _, child in self._standing:
            self.platform.resume(child)
        everybody = [submission for submission, _ in self._handed_in]
        with suppress(AssertionError):
            rules.wait_until_settled(everybody, seconds=max(rules.SETTLED_WITHIN, SECONDS_EACH * submissions))
        seconds = time.monotonic() - began
        lost = [rules.story(submission) for submission in rules.unsettled(everybody)]
        broken = [
            f"{problem}\n{rules.story(submission)}"
            for submission, ends in self._handed_in
            for problem in rules.broken(submission, ends=ends)
        ]
        broken += self._left_over()
        return Report(submissions, self.faults, lost, sum(map(doubled, everybody)), broken, seconds)

    def _hand_in(self) -> None:
        contest = self._random.choice(self.contests)
        code, ends = self._random.choices(
            [(QUICK, SCORED), (slow(1), SCORED), (BROKEN_CODE, FAILED)], weights=[6, 3, 1]
        )[0]
        self._handed_in.append((contest.submit(code), ends))

    def _harm(self) -> None:
        kind = self._random.choice(self._kinds)
        if kind():
            self.faults[kind.__name__.strip("_").replace("_", " ")] += 1

    def _rest(self) -> None:
        """Let the platform get on, or stand, for a while."""
        wanted = Event.objects.count() + self._random.randint(*STEPS)
        until = time.monotonic() + PATIENCE
        wait_for(lambda: time.monotonic() >= until or Event.objects.count() >= wanted, what="the end of a rest")
        over = [(end, child) for end, child in self._standing if end <= time.monotonic()]
        for pair in over:
            self._standing.remove(pair)
            self.platform.resume(pair[1])

    def _one_that_moves(self) -> Child | None:
        standing = [child for _, child in self._standing]
        moving = [one for one in self._workers if one not in standing and " ready." in one.log.read_text()]
        return self._random.choice(moving) if moving else None

    def _kill_worker(self) -> bool:
        child = self._one_that_moves()
        if child is None:
            return False
        self._workers.remove(child)
        self.platform.kill(child)
        self._workers.append(self.platform.worker())
        return True

    def _stop_worker(self) -> bool:
        child = self._one_that_moves()
        if child is None:
            return False
        self._workers.remove(child)
        self._workers.append(self.platform.worker())
        self.platform.end(child)
        return True

    def _stand_still(self) -> bool:
        child = self._one_that_moves()
        if child is None:
            return False
        self.platform.pause(child)
        self._standing.append((time.monotonic() + self._random.uniform(*STOPPED), child))
        return True

    def _kill_container(self) -> bool:
        """Kill one that runs; a run's own program at most once, since the second time it is taken for its own end."""
        found = [one for one in rules.containers() if one["State"] == "running" and not self._spared(one["Labels"])]
        if not found:
            return False
        chosen = self._random.choice(found)
        client = rules.client_of()
        try:
            client.kill(chosen["Id"], signal="SIGKILL")
        except APIError:  # it ended by itself meanwhile
            return False
        finally:
            client.close()
        self._killed.add(chosen["Labels"].get("proctor.run", ""))
        return True

    def _spared(self, labels: dict[str, Any]) -> bool:
        return labels.get("proctor.stage") == "predict" and labels.get("proctor.run", "") in self._killed

    def _repeat_messages(self) -> bool:
        if not self._handed_in:
            return False
        submission, _ = self._random.choice(self._handed_in)
        run = rules.runs_of(submission).first()
        for _ in range(self._random.randint(1, 10)):
            app.send_task("submissions.check", args=(str(submission.pk),), queue="default")
            app.send_task("evaluations.plan", args=(str(submission.pk),), queue="default")
            if run is not None:
                app.send_task("evaluations.run", args=(str(run.pk),), queue=run.queue)
        return True

    def _empty_broker(self) -> bool:
        self.platform.broker.empty()
        return True

    def _restart_broker(self) -> bool:
        self.platform.broker.stop()
        self.platform.broker.start()
        return True

    def _left_over(self) -> list[str]:
        """What stands around still when the sweeper has had its time."""
        try:
            wait_for(lambda: not rules.leftovers(), seconds=40, poll=0.5)
        except AssertionError:
            return [f"left over: {thing}" for thing in rules.leftovers()]
        return []


def doubled(submission: Submission) -> bool:
    """Whether it has two of what it may have one of: runs, charges, evaluations of its answers, ends."""
    runs, charges = rules.runs_of(submission), QuotaCharge.objects.filter(entry__submission=submission)
    evaluations = Counter(Evaluation.objects.filter(response_set__submission=submission).values_list("response_set"))
    ends = Event.objects.filter(run__in=runs, new=Run.State.DONE)
    return max(runs.count(), charges.count(), ends.count(), *evaluations.values(), 0) > 1
