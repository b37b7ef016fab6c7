"""One container from creation to removal, under the fixed options."""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import docker
import requests.exceptions
from docker.errors import APIError, NotFound

from sandbox.engine.archives import Entry, read_head, read_single, tar_stream
from sandbox.engine.connection import LOST, connect, known, translated
from sandbox.engine.names import new_name
from sandbox.engine.options import Plan, create_arguments, traits
from sandbox.errors import SandboxUnavailable

WAIT_SLICE = 15.0  # seconds of one wait call; a lost connection is noticed by then
RETURN_TIME = 60.0  # seconds that a lost engine gets to come back
KILL_GRACE = 30.0  # seconds from kill to exit, before the engine counts as broken
SIGNALLED = frozenset({129, 130, 131, 137, 143})  # exit codes that a signal sent by way of the engine can leave
SIGNAL_AGE = 15.0  # seconds before an end in which such a signal may have been sent


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended; `killed` by us, or `disturbed`: the engine went away, or somebody used it to kill."""

    exit_code: int
    oom_killed: bool
    killed: bool
    disturbed: bool
    error: str
    started_at: str
    finished_at: str


class Container:
    """A created container."""

    def __init__(self, client: docker.APIClient, identity: str) -> None:
        self._client = client
        self.id = identity

    @classmethod
    def create(cls, client: docker.APIClient, plan: Plan) -> "Container":
        """Create a container under a random name; raises SandboxUnavailable."""
        arguments = create_arguments(client, plan, traits(known(client)))
        with translated():
            created = client.create_container(name=new_name(), **arguments)
        return cls(client, str(created["Id"]))

    def start(self) -> None:
        """Start it; raises SandboxUnavailable."""
        with translated():
            self._client.start(self.id)

    def put(self, folder: str, entries: Iterable[Entry]) -> None:
        """Unpack entries into a mounted volume; the engine streams them."""
        with translated():
            done = self._client.put_archive(self.id, folder, tar_stream(entries))
        if not done:
            raise SandboxUnavailable("The Docker engine did not take the files.")

    def get(self, path: str, *, max_bytes: int) -> bytes:
        """Return the bytes of one file; raises FileNotFoundError, ValueError where it is larger or no file."""
        with translated():
            try:
                stream, _ = self._client.get_archive(self.id, path)
            except NotFound as error:
                raise FileNotFoundError(path) from error
            return read_single(stream, max_bytes=max_bytes)

    def get_head(self, path: str, *, size: int) -> bytes:
        """Return the first bytes of one file; raises FileNotFoundError, ValueError where it is no file."""
        with translated():
            try:
                stream, _ = self._client.get_archive(self.id, path)
            except NotFound as error:
                raise FileNotFoundError(path) from error
            with closing(stream):  # the rest of a large file is not waited for
                return read_head(stream, size=size)

    def run_inside(self, command: list[str], *, user: int, environment: Mapping[str, str]) -> tuple[int, bytes, bytes]:
        """Run a program of ours in the running container; return exit code, stdout, stderr."""
        with translated():
            created = self._client.exec_create(
                self.id,
                command,
                stdout=True,
                stderr=True,
                stdin=False,
                tty=False,
                user=f"{user}:{user}",
                environment=dict(environment),
            )
            out, err = self._client.exec_start(created["Id"], demux=True)
            code = self._client.exec_inspect(created["Id"])["ExitCode"]
        return (255 if code is None else int(code)), out or b"", err or b""

    def kill(self) -> bool:
        """Send SIGKILL; False where it was not running any more."""
        with translated():
            try:
                self._client.kill(self.id, signal="SIGKILL")
            except APIError as error:
                if error.status_code in (404, 409):
                    return False
                raise
        return True

    def wait(self, deadline: float) -> Ended:
        """Wait until it ends or the monotonic clock passes `deadline`, then kill it; raises SandboxUnavailable."""
        killed = disturbed = False
        last = deadline
        while True:
            left = last - time.monotonic()
            if left <= 0:
                if killed:
                    raise SandboxUnavailable("A container did not end after it was killed.")
                killed = self.kill()
                last = time.monotonic() + KILL_GRACE
                continue
            try:
                self._client.wait(self.id, timeout=max(0.05, min(left, WAIT_SLICE)))
                break
            except NotFound as error:
                raise SandboxUnavailable("A container was removed by somebody else while it ran.") from error
            except LOST as error:
                if not _is_timeout(error):
                    disturbed = True
                    self._await_engine()
            except APIError as error:
                raise SandboxUnavailable(f"The Docker engine refused: {error.explanation or error}") from error
        state = self.state()
        ended = Ended(
            exit_code=int(state.get("ExitCode", -1)),
            oom_killed=bool(state.get("OOMKilled")),
            killed=killed,
            disturbed=disturbed,
            error=str(state.get("Error") or ""),
            started_at=str(state.get("StartedAt", "")),
            finished_at=str(state.get("FinishedAt", "")),
        )
        if not killed and not ended.oom_killed and ended.exit_code in SIGNALLED and self._was_signalled(ended):
            return replace(ended, disturbed=True)
        return ended

    def _was_signalled(self, ended: Ended) -> bool:
        """Say whether the engine sent it a signal shortly before its end: a program's own exit code can look the same.

        Both times are the engine's, so a clock of ours does not matter.
        """
        at = engine_seconds(ended.finished_at)
        if at is None:
            return False
        window = {"since": f"{at - SIGNAL_AGE:.3f}", "until": f"{at + 0.2:.3f}"}
        wanted = {"container": self.id, "event": "kill"}
        with translated():
            return any(True for _ in self._client.events(filters=wanted, decode=True, **window))

    def _await_engine(self) -> None:
        """Come back when the engine answers again; raises SandboxUnavailable when it does not."""
        until = time.monotonic() + RETURN_TIME
        pause = 0.1
        while True:
            try:
                self._client.ping()
            except (*LOST, APIError):
                if time.monotonic() > until:
                    raise SandboxUnavailable("The Docker engine went away during a run.") from None
                time.sleep(pause)
                pause = min(pause * 2, 2.0)
            else:
                return

    def state(self) -> Mapping[str, Any]:
        """Return the engine's State of it."""
        with translated():
            state: Mapping[str, Any] = self._client.inspect_container(self.id)["State"]
        return state

    def volumes(self) -> set[str]:
        """Return the names of the volumes that it mounts; none where it is gone."""
        with translated():
            try:
                facts: Mapping[str, Any] = self._client.inspect_container(self.id)
            except NotFound:
                return set()
        return {mount["Name"] for mount in facts["Mounts"] if mount["Type"] == "volume"}

    def seconds_since_end(self) -> float:
        """Return how long ago it ended, or was created and never started; 0 while it runs or cannot be seen."""
        with translated():
            try:
                facts: Mapping[str, Any] = self._client.inspect_container(self.id)
            except NotFound:
                return 0.0
        if facts["State"].get("Running"):
            return 0.0
        ended = engine_seconds(str(facts["State"].get("FinishedAt", ""))) or engine_seconds(str(facts["Created"]))
        return 0.0 if ended is None else time.time() - ended

    def log_lines(self, *, tail: int) -> list[tuple[str, str]]:
        """Return the last lines of its bounded log as (engine's time, text)."""
        with translated():
            raw: bytes = self._client.logs(self.id, stdout=True, stderr=True, timestamps=True, follow=False, tail=tail)
        lines = []
        for line in raw.decode(errors="replace").split("\n"):
            stamp, _, text = line.partition(" ")
            if stamp:
                lines.append((stamp, text))
        return lines

    def remove(self) -> None:
        """Kill and remove it; one that is gone already is no error."""
        with translated():
            try:
                self._client.remove_container(self.id, force=True, v=False)
            except APIError as error:
                if error.status_code == 409 and "already in progress" in str(error.explanation):
                    return
                if error.status_code != 404:
                    raise


def _is_timeout(error: BaseException) -> bool:
    if isinstance(error, requests.exceptions.Timeout):
        return True
    return isinstance(error, requests.exceptions.ConnectionError) and "Read timed out" in str(error)


def kill_from_anywhere(identity: str) -> bool:
    """Kill a container over a connection of its own, so that a busy one can't hold it up."""
    client = connect(timeout=10)
    try:
        return Container(client, identity).kill()
    finally:
        client.close()


def engine_seconds(stamp: str) -> float | None:
    """Return an engine's time in seconds, None for one it left empty; nanoseconds are cut to what datetime reads."""
    head, _, fraction = stamp.rstrip("Z").partition(".")
    try:
        value = datetime.fromisoformat(f"{head}.{(fraction + '000000')[:6]}+00:00").timestamp()
    except ValueError:
        return None
    return value if value > 0 else None


def parse_events(lines: Iterable[tuple[str, str]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the runner's `@proctor` lines among log lines, as (engine's time, event)."""
    events = []
    for stamp, text in lines:
        if not text.startswith("@proctor "):
            continue
        try:
            event = json.loads(text.removeprefix("@proctor "))
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            events.append((stamp, event))
    return events
