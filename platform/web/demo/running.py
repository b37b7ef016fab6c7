"""The demo from an empty folder to a scored leaderboard, and what it does until it is stopped."""

import fcntl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from rich.console import Console

from accounts.models import User
from challenges.models import Challenge, Phase
from config.celery import app
from leaderboards import selectors, services
from web.demo import engine, preparing
from web.demo.archives import KEYS, archive_of
from web.demo.display import Progress, leaderboard, step
from web.demo.stack import Stack
from web.demo.teams import Team

POLL = 0.4  # seconds between two looks at the events
# With one run at a time the second track finds the answers of the first, and the engine works half as much.
SLOTS = 1
LIMIT = 1200  # seconds after which baselines that are not scored yet count as stuck


class DemoRunning(Exception):
    """Another process runs the demo over the same folder."""


class DemoStuck(Exception):
    """The baselines were not scored in time."""


def run(*, console: Console, var: Path, port: int | None, once: bool) -> None:
    """Bring everything up, show the leaderboards, and stay until interrupted; with `once`, end there.

    Whatever ends it, every process, container and volume of it is gone afterwards.
    """
    folder = var / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        _run(console, var, folder, port, once)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, since what this start leaves is cleared away in the end; raises DemoRunning."""
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoRunning(
                f"The demo is running already over {folder.parent}. Stop it with Ctrl-C first."
            ) from error
        yield


def _run(console: Console, var: Path, folder: Path, port: int | None, once: bool) -> None:
    """`run`, once the folder is ours."""
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
        challenge = preparing.challenge(organizer, text.parent)
    teams = [Team.of(key, challenge, organizer) for key in KEYS]
    unfinished = [team for team in teams if not team.finished]
    if not unfinished:
        _show_leaderboards(console, challenge, organizer)
    with _cleared(), Stack(var=var, port=port, slots=SLOTS) as stack:
        # What this process queues goes to the same broker as what the web process queues.
        app.conf.broker_url = stack.environment["PROCTOR_BROKER_URL"]
        if unfinished:
            submit(unfinished, stack=stack, text=text, folder=folder / "baselines", console=console)
            _show_leaderboards(console, challenge, organizer)
        _show_addresses(console, challenge, organizer, stack, var)
        connection.close()
        if not once:
            console.print("\nCtrl-C stops everything that was started.")
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
    stop = threading.Event()
    with Progress(console) as progress, ThreadPoolExecutor(len(teams)) as pool:
        archives: dict[str, Future[Path]] = {}
        for team in teams:
            if team.submission is None:

                def say(line: str, title: str = team.title) -> None:
                    progress.show(title, "training", line)

                archives[team.key] = pool.submit(
                    archive_of, team.key, text=text, folder=folder, say=say, wanted=lambda: not stop.is_set()
                )
        try:
            for team in teams:
                team.arrive(stack.url)
            _follow(teams, archives, progress, stack)
        finally:
            stop.set()
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


def _show_leaderboards(console: Console, challenge: Challenge, organizer: User) -> None:
    """Print the leaderboards as the organizer sees them."""
    phases = Phase.objects.filter(track__challenge=challenge).select_related("track__challenge")
    for phase in phases.order_by("track__position", "position"):
        services.refresh(phase=phase)  # does nothing where the worker has been here
        console.print()
        console.print(leaderboard(selectors.board(organizer, phase, section="table")))


def _show_addresses(console: Console, challenge: Challenge, organizer: User, stack: Stack, var: Path) -> None:
    """Print where to go from here, and the organizer's password where it was made at this start."""
    console.print()
    lines = [
        ("Challenge", stack.url + reverse("challenge", args=[challenge.key])),
        ("Organizers", stack.url + reverse("admin:index")),
        ("Logs", str(stack.logs)),
        ("Mail", f"{var / 'mail'} (whoever signs up finds the link that confirms the address here)"),
    ]
    for title, value in lines:
        console.print(f"{title:<12}{value}", markup=False, highlight=False, soft_wrap=True)
    email, password = organizer.email, preparing.first_password(organizer)
    if password is not None:
        console.print(f"{'Log in as':<12}{email}  {password}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"{'':<12}This password is shown once and stored only as a hash.", style="dim")
    else:
        console.print(f"{'Log in as':<12}{email}", markup=False, highlight=False)
        console.print(f"{'':<12}A new password: python manage.py changepassword {email}", style="dim", soft_wrap=True)
