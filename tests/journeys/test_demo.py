"""`manage.py demo` from an empty folder to a scored leaderboard, and again from what it left."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRST_LIMIT, SECOND_LIMIT = 300, 60  # seconds; other tests may be running beside this one
PHASES = ("dev", "test")
TRACKS = ("small", "open")

pytestmark = [pytest.mark.docker, pytest.mark.model]


@dataclass(frozen=True)
class Demo:
    """What one start of the demo printed, and how long it took."""

    output: str
    seconds: float


def environment(var: Path) -> dict[str, str]:
    """Ours, with the folder of data and without what a test run sets for itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROCTOR_", "PYTEST_"))}
    return {**kept, "PROCTOR_VAR": str(var), "COLUMNS": "200"}


def run_demo(var: Path, limit: float) -> Demo:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--once"],
        cwd=ROOT, env=environment(var), capture_output=True, text=True, timeout=limit, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(done.stdout, time.monotonic() - began)


def left_running(var: Path) -> list[str]:
    """The command lines of living processes that belong to the demo over this folder.

    Its children have the folder in their environment; Redis overwrites its own, and is known by its sockets.
    """
    log = var / "demo" / "log" / "redis.log"
    sockets = re.findall(r"/\S+/redis\.sock", log.read_text()) if log.exists() else []
    marks = [mark.encode() for mark in (str(var), *sockets)]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            known = command + (folder / "environ").read_bytes()
        except OSError:  # it has just ended
            continue
        if any(mark in known for mark in marks):
            found.append(command.replace(b"\0", b" ").decode())
    return found


def left_on_engine(var: Path) -> list[str]:
    """The containers and volumes of this installation."""
    script = "from submissions.engine import deployment; print('deployment', deployment())"
    told = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=ROOT, env=environment(var), capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    chosen = f"label=proctor.deployment={told.split()[-1]}"
    return [
        subprocess.run([*command, "--filter", chosen], capture_output=True, text=True, check=True).stdout
        for command in (["docker", "ps", "-aq"], ["docker", "volume", "ls", "-q"])
    ]


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@dataclass(frozen=True)
class Left:
    """What a start that was interrupted left behind."""

    processes: list[str]
    engine: list[str]


@pytest.fixture(scope="module")
def interrupted(var: Path) -> Left:
    """A first start, ended by SIGTERM while the sandbox runs a baseline and another one is being trained."""
    with subprocess.Popen(
        [sys.executable, "manage.py", "demo"], cwd=ROOT, env=environment(var),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            # Said whichever states fall between two looks; its runs begin right after it, and take a second or two.
            assert any("Trigram: accepted" in line for line in process.stdout)
            process.terminate()
            process.wait(timeout=60)
        finally:
            process.kill()
    return Left(left_running(var), left_on_engine(var))


@pytest.fixture(scope="module")
def first(interrupted: Left, var: Path) -> Demo:
    """The start after it, which comes to the scores."""
    return run_demo(var, FIRST_LIMIT)


@pytest.fixture(scope="module")
def database(first: Demo, var: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{var / 'db.sqlite3'}?mode=ro", uri=True)
    yield connection
    connection.close()


def scores(database: sqlite3.Connection) -> dict[tuple[str, str], dict[str, tuple[str, float]]]:
    """By track and phase: each method's entry status and aggregate, as the current leaderboards are made of them."""
    found: dict[tuple[str, str], dict[str, tuple[str, float]]] = {}
    query = """
        SELECT track.key, phase.key, standing.name, standing.status, standing.aggregate
        FROM leaderboards_standing AS standing
        JOIN challenges_phase AS phase ON phase.id = standing.phase_id
        JOIN challenges_track AS track ON track.id = phase.track_id
        WHERE standing.superseded_at IS NULL AND standing.complete
    """
    for track, phase, name, status, value in database.execute(query):
        found.setdefault((track, phase), {})[name] = (status, value)
    return found


def test_an_interrupted_start_leaves_no_process_container_or_volume(interrupted: Left) -> None:
    assert interrupted == Left([], ["", ""])


def test_what_an_interrupted_start_handed_in_is_not_handed_in_again(database: sqlite3.Connection) -> None:
    assert database.execute("SELECT count(*) FROM submissions_submission").fetchone() == (3,)


def test_every_phase_of_every_track_shows_three_baselines_marked_as_such(database: sqlite3.Connection) -> None:
    found = scores(database)
    assert set(found) == {(track, phase) for track in TRACKS for phase in PHASES}
    for lines in found.values():
        assert {name: status for name, (status, _) in lines.items()} == dict.fromkeys(
            ("Random", "Trigram", "Small transformer"), "baseline"
        )


def test_random_is_near_chance_and_the_trained_models_are_better_in_order(database: sqlite3.Connection) -> None:
    for lines in scores(database).values():
        value = {name: score for name, (_, score) in lines.items()}
        assert value["Random"] == pytest.approx(0.5, abs=0.05)
        assert value["Random"] + 0.1 < value["Trigram"] < value["Small transformer"]


def test_both_tracks_show_the_same_scores_since_they_share_response_sets(database: sqlite3.Connection) -> None:
    found = scores(database)
    for phase in PHASES:
        assert found["small", phase] == found["open", phase]


def test_the_terminal_shows_the_leaderboards_the_addresses_and_a_password(first: Demo) -> None:
    for title in ("Small: Development", "Small: Test", "Open: Development", "Open: Test"):
        assert title in first.output
    assert re.search(r"http://127\.0\.0\.1:\d+/c/demo/", first.output)
    assert re.search(r"organizer@example\.org +\S{12,}", first.output)


def test_no_password_is_kept_in_clear(first: Demo, var: Path) -> None:
    match = re.search(r"organizer@example\.org +(\S{12,})", first.output)
    assert match is not None
    password = match[1].encode()
    assert [path for path in var.rglob("*") if path.is_file() and password in path.read_bytes()] == []


def test_no_process_is_left(first: Demo, var: Path) -> None:
    assert left_running(var) == []


def test_no_container_and_no_volume_is_left(first: Demo, var: Path) -> None:
    assert left_on_engine(var) == ["", ""]


def test_a_second_start_repeats_nothing_and_tells_no_password(
    first: Demo, var: Path, database: sqlite3.Connection
) -> None:
    def rows() -> list[int]:
        tables = ("submissions_submission", "evaluations_run", "evaluations_attempt", "evaluations_evaluation")
        return [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]  # noqa: S608

    before = rows()
    second = run_demo(var, SECOND_LIMIT)
    assert rows() == before
    assert "Open: Test" in second.output
    assert re.search(r"organizer@example\.org +\S{12,}", second.output) is None


def test_a_second_demo_over_the_same_folder_is_refused_and_ctrl_c_ends_the_first(first: Demo, var: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "manage.py", "demo"], cwd=ROOT, env=environment(var),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert any("Ctrl-C" in line for line in process.stdout)
            kinds = {kind for kind in ("redis-server", "gunicorn", "worker", "sweep") if kind in str(left_running(var))}
            other = subprocess.run(
                [sys.executable, "manage.py", "demo", "--once"],
                cwd=ROOT, env=environment(var), capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)
        finally:
            process.kill()
    assert kinds == {"redis-server", "gunicorn", "worker", "sweep"}
    assert other.returncode == 1
    assert "The demo is running already" in other.stderr
    assert code == 0
    assert left_running(var) == []
