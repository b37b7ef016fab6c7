"""The demo from an empty folder to a scored leaderboard, and what it does until it is stopped."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from rich.console import Console

from challenges.models import Challenge, Phase
from config.celery import app
from leaderboards import selectors, services
from web.demo import engine, preparing
from web.demo.archives import KEYS, archive_of
from web.demo.display import Progress, leaderboard, step
from web.demo.preparing import Organizer
from web.demo.stack import Stack
from web.demo.teams import Team

POLL = 0.4  # seconds between two looks at the events
SLOTS = 2
LIMIT = 1200  # seconds after which baselines that are not scored yet count as stuck


class DemoStuck(Exception):
    """The baselines were not scored in time."""


def run(*, console: Console, var: Path, port: int | None, once: bool) -> None:
    """Bring everything up, show the leaderboards, and stay until interrupted; with `once`, end there.

    Whatever ends it, every process, container and volume of it is gone afterwards.
    """
    folder = var / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with step(console, "Database"):
        call_command("migrate", verbosity=0, interactive=False)
    with step(console, "Sandbox images"):
        images = engine.prepare_images(lambda line: console.print(f"  {line}", markup=False, style="dim"))
    with step(console, "Sandbox self-test"):
        checks = engine.check_sandbox(images, folder)
    console.print(f"  {checks} checks hold", style="dim")
    with step(console, "Suites, challenge and accounts"):
        text = preparing.grammar(folder / "grammar")
        organizer = preparing.organizer()
        challenge = preparing.challenge(organizer.user, text.parent)
    with _cleared(), Stack(var=var, port=port, slots=SLOTS) as stack:
        # What this process queues goes to the same broker as what the web process queues.
        app.conf.broker_url = stack.environment["PROCTOR_BROKER_URL"]
        teams = [Team.of(key, challenge, organizer.user) for key in KEYS]
        unfinished = [team for team in teams if not team.finished]
        if unfinished:
            submit(unfinished, stack=stack, text=text, folder=folder / "baselines", console=console)
        _report(console, challenge, organizer, stack)
        connection.close()
        while not once:
            stack.processes.check()
            time.sleep(1)


@contextmanager
def _cleared() -> Iterator[None]:
    """Remove what a killed worker left on the engine, once nobody works any more."""
    try:
        yield
    finally:
        engine.clear()


def submit(teams: list[Team], *, stack: Stack, text: Path, folder: Path, console: Console) -> None:
    """Let each team hand its baseline in and follow it to its scores.

    Raises BaselineFailed, TrainingFailed, ParticipantRefused, ChildFailed or DemoStuck.
    """
    with Progress(console) as progress, ThreadPoolExecutor(len(teams)) as pool:
        archives: dict[str, Future[Path]] = {}
        for team in teams:
            if team.submission is None:

                def say(line: str, title: str = team.title) -> None:
                    progress.show(title, "training", line)

                archives[team.key] = pool.submit(archive_of, team.key, text=text, folder=folder, say=say)
            team.arrive(stack.url)
        try:
            _follow(teams, archives, progress, stack)
        finally:
            for team in teams:
                team.leave()


def _follow(teams: list[Team], archives: dict[str, Future[Path]], progress: Progress, stack: Stack) -> None:
    """Hand in what is ready and look at what is under way, in turn, until all is scored."""
    deadline = time.monotonic() + LIMIT
    open_teams = list(teams)
    while open_teams:
        if time.monotonic() > deadline:
            raise DemoStuck(f"{open_teams[0].title} was not scored within {LIMIT} s. The logs are in {stack.logs}")
        stack.processes.check()
        for team in list(open_teams):
            if team.submission is None:
                if not archives[team.key].done():
                    continue
                team.hand_in(archives[team.key].result())
            if team.follow(progress):
                open_teams.remove(team)
        time.sleep(POLL)


def _report(console: Console, challenge: Challenge, organizer: Organizer, stack: Stack) -> None:
    """Print the leaderboards as the organizer sees them, and where to go from here."""
    phases = Phase.objects.filter(track__challenge=challenge).select_related("track__challenge")
    for phase in phases.order_by("track__position", "position"):
        services.refresh(phase=phase)  # does nothing where the worker has been here
        console.print()
        console.print(leaderboard(selectors.board(organizer.user, phase)))
    console.print()
    lines = [
        ("Challenge", stack.url + reverse("challenge", args=[challenge.key])),
        ("Organizers", stack.url + reverse("admin:index")),
        ("Logs", str(stack.logs)),
    ]
    for title, value in lines:
        console.print(f"{title:<12}{value}", markup=False, highlight=False, soft_wrap=True)
    if organizer.password is not None:
        console.print(f"{organizer.user.email}  {organizer.password}", markup=False, highlight=False, soft_wrap=True)
        console.print("This password is shown once and stored only as a hash. Change it in your account.", style="dim")
