"""A large leaderboard: the refresh after one new score, and a page from the snapshot.

Run: python -m tests.bench.leaderboard [--entries 10000] [--suites 60] [--rounds 5]. Prints JSON. With
PROCTOR_DATABASE_URL it is measured in a database of its own on that server, else on SQLite. The standings of all
entries but the new ones are made by the platform's own code from invented scores; a new entry has every row that a
run leaves behind.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.bench.place import ROOT, fresh

if TYPE_CHECKING:
    from evaluations.models import Run

ITEMS = 1_000
DRAWS = 1_000
TARGETS = {"refresh_s": 1.0, "page_s": 0.05, "page_queries": 6}


@contextmanager
def database() -> Iterator[str]:
    """Django over a fresh database; its vendor."""
    if not os.environ.get("PROCTOR_DATABASE_URL"):
        with fresh():
            yield "sqlite"
        return
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    os.environ |= {"PROCTOR_LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings"}
    import django
    from django.db import connection

    django.setup()
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield connection.vendor
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


class Stage:
    """A phase of hidden suites, and entries that are scored in it."""

    def __init__(self, suites: int) -> None:
        from django.utils import timezone

        from accounts.models import User
        from challenges.models import Challenge, Phase, Track
        from suites.models import PhaseSuite, Suite, SuiteVersion

        now = timezone.now()
        self.random = np.random.default_rng(1)
        self.user = User.objects.create_user("bench@example.org", "none of your business", name="Bench")
        challenge = Challenge.objects.create(key="large", title="Large", published=True)
        track = Track.objects.create(challenge=challenge, key="small", title="Small", kinds=["code"])
        self.phase: Phase = Phase.objects.create(
            track=track, key="dev", title="Development", opens=now, closes=now + timedelta(days=9), visibility="public"
        )
        manifest = {
            "task": "choice", "metric": "accuracy", "range": [0, 1], "direction": "higher", "chance": 0.5,
            "aggregate": "micro",
        }  # fmt: skip
        for number in range(suites):
            suite = Suite.objects.create(key=f"suite-{number}", title=f"Suite {number}", task="choice")
            version = SuiteVersion.objects.create(
                suite=suite, version="1", state="frozen", digest=f"{number:064x}", manifest=manifest, items=ITEMS,
                groups=1, hidden=True, check_report={"counts": {"splits": {"private": ITEMS}}},
            )  # fmt: skip
            PhaseSuite.objects.create(phase=self.phase, suite_version=version, splits=["private"], position=number)

    def runs(self, count: int, *, first: int = 0) -> "list[Run]":
        """So many finished runs, each of a team of its own."""
        from django.utils import timezone

        from accounts.models import Team
        from evaluations.models import Run
        from submissions.models import Artifact, Entry, Registration, Submission

        numbers = range(first, first + count)
        challenge = self.phase.track.challenge
        teams = Team.objects.bulk_create(Team(name=f"Team {n}", slug=f"team-{n}") for n in numbers)
        registrations = Registration.objects.bulk_create(
            Registration(team=team, challenge=challenge, created_by=self.user) for team in teams
        )
        artifacts = Artifact.objects.bulk_create(
            Artifact(digest=f"{n:064x}", size=1, storage_name=str(n)) for n in numbers
        )
        submissions = Submission.objects.bulk_create(
            Submission(
                registration=registration, number=1, name=f"Method {n}", kind="code", artifact=artifact,
                state="accepted", submitted_by=self.user,
            )
            for n, registration, artifact in zip(numbers, registrations, artifacts, strict=True)
        )  # fmt: skip
        entries = Entry.objects.bulk_create(Entry(submission=one, track=self.phase.track) for one in submissions)
        return Run.objects.bulk_create(
            Run(entry=entry, phase=self.phase, state=Run.State.DONE, finished_at=timezone.now()) for entry in entries
        )

    def stand(self, count: int) -> None:
        """So many entries with standings, as if each had been scored and the board refreshed."""
        from evaluations.selectors import ScoredEntry, SuiteScore
        from leaderboards.models import Standing
        from leaderboards.rules import basis_of
        from leaderboards.standings import digests, standing_of

        basis = basis_of(self.phase)
        common = self.random.normal(0, 0.01, DRAWS)
        standings = []
        for run in self.runs(count):
            submission = run.entry.submission
            scores = {
                key: SuiteScore(
                    "accuracy", value, value - 0.03, value + 0.03, ITEMS, ITEMS, ITEMS, "", "", "0.1.0",
                )
                for key, value in zip(basis.rule.columns, self.values(), strict=True)
            }  # fmt: skip
            entry = ScoredEntry(
                run.pk, run.entry_id, "official", False, submission.pk, submission.name, "", "code", "run here",
                submission.registration.team_id, submission.registration.team.name, "", run.entry.created_at,
                run.finished_at or run.created_at, scores, True,
            )  # fmt: skip
            standing = standing_of(basis, entry, {}, {})
            drawn = (standing.aggregate or 0.0) + common + self.random.normal(0, 0.004, DRAWS)
            standing.draws = drawn.astype("<f4").tobytes()
            standing.low, standing.high = (float(end) for end in np.quantile(drawn, (0.025, 0.975)))
            standing.digest, standing.told_digest = digests(standing)
            standings.append(standing)
        Standing.objects.bulk_create(standings, batch_size=500)

    def values(self) -> list[float]:
        """One entry's scores: a level of its own, and what differs by suite."""
        count = self.phase.phase_suites.count()
        found = self.random.uniform(0.5, 0.8) + self.random.normal(0, 0.05, count)
        return [float(value) for value in np.clip(found, 0, 1).round(4)]

    def scored(self, first: int) -> "Run":
        """A new finished run with all its rows: answers, evaluations, scores and draws of every suite."""
        from evaluations.models import Evaluation, ResponseSet, RunResponseSet, Score, SuiteDraws

        (run,) = self.runs(1, first=first)
        asked = list(self.phase.phase_suites.select_related("suite_version"))
        sets = ResponseSet.objects.bulk_create(
            ResponseSet(
                key=f"{first}-{one.pk}", submission=run.entry.submission, suite_version=one.suite_version,
                selection=one.selection, draw_key=b"k", complete=True, asked=ITEMS, answered=ITEMS,
            )
            for one in asked
        )  # fmt: skip
        RunResponseSet.objects.bulk_create(
            RunResponseSet(run=run, response_set=one, position=number) for number, one in enumerate(sets)
        )
        evaluations = Evaluation.objects.bulk_create(
            Evaluation(response_set=one, evaluator="0.1.0", suite_digest="") for one in sets
        )
        Score.objects.bulk_create(
            Score(evaluation=one, metric="accuracy", value=value, low=value - 0.03, high=value + 0.03, n=ITEMS)
            for one, value in zip(evaluations, self.values(), strict=True)
        )
        SuiteDraws.objects.bulk_create(
            SuiteDraws(evaluation=one, values=self.random.normal(0.6, 0.01, DRAWS).astype("<f4").tobytes())
            for one in evaluations
        )
        return run


def timed(action: Callable[[], Any]) -> tuple[float, int]:
    """Seconds and queries of an action."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    began = time.perf_counter()
    action()
    seconds = time.perf_counter() - began
    with CaptureQueriesContext(connection) as captured:
        action()
    return seconds, len([one for one in captured.captured_queries if "SAVEPOINT" not in one["sql"]])


def measure(entries: int, suites: int, rounds: int, vendor: str) -> dict[str, Any]:
    """Medians over the rounds."""
    from django.contrib.auth.models import AnonymousUser
    from django.test import Client

    from challenges.models import Phase
    from leaderboards.selectors import board
    from leaderboards.services import refresh

    stage = Stage(suites)
    stage.stand(entries)
    began = time.perf_counter()
    refresh(phase=stage.phase, runs=[])
    first = time.perf_counter() - began
    refreshes, reads, pages = [], [], []
    client = Client()
    for number in range(rounds):
        run = stage.scored(entries + number)
        began = time.perf_counter()
        refresh(phase=stage.phase, runs=[run.pk])
        refreshes.append(time.perf_counter() - began)
        phase = Phase.objects.select_related("track__challenge").get(pk=stage.phase.pk)
        page = 1 + number % max(1, entries // 100)
        reads.append(timed(partial(board, AnonymousUser(), phase, page=page)))
        read = partial(client.get, f"/c/large/small/dev/leaderboard?page={page}", headers={"host": "localhost"})
        read()
        pages.append(timed(read))
    return {
        "entries": entries,
        "suites": suites,
        "database": vendor,
        "rounds": rounds,
        "first_s": round(first, 3),
        "refresh_s": round(statistics.median(refreshes), 3),
        "refresh_spread_s": round(max(refreshes) - min(refreshes), 3),
        "board_s": round(statistics.median(seconds for seconds, _ in reads), 4),
        "board_queries": max(queries for _, queries in reads),
        "page_s": round(statistics.median(seconds for seconds, _ in pages), 4),
        "page_spread_s": round(max(seconds for seconds, _ in pages) - min(seconds for seconds, _ in pages), 4),
        "page_queries": max(queries for _, queries in pages),
        "targets": TARGETS,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.leaderboard", description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--suites", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with database() as vendor:
        print(json.dumps(measure(options.entries, options.suites, options.rounds, vendor), indent=2))


if __name__ == "__main__":
    main()
