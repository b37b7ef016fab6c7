"""The watch over a host on which attacks run: what is there before them must be there after them, and nothing else."""

import hashlib
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import docker
import pytest
from django.conf import settings

from sandbox.engine import resources
from submissions.engine import deployment
from tests.attacks.hostile import MARK

# Where attacks try to leave a file of this name.
PLACES = ("/", "/tmp", "/var/tmp", "/dev/shm", "/etc", "/etc/cron.d", "/root", "/usr/bin", "/mnt", "/run", "/home")
FILES = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/ld.so.cache")
KERNEL = (
    "kernel/core_pattern",
    "kernel/modprobe",
    "kernel/hostname",
    "kernel/domainname",
    "kernel/panic",
    "vm/overcommit_memory",
    "fs/suid_dumpable",
    "net/ipv4/ip_forward",
)
# Threads and files that Python, Docker's client and Django may keep for later.
SPARE_THREADS, SPARE_FILES = 4, 16


class Surroundings:
    """A host before and after; temporary files of this process go to a folder of their own meanwhile."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._groups: list[resources.Accounting] = []
        self._patch = pytest.MonkeyPatch()
        self._before: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._before = self._facts()
        self._threads, self._open_files = threading.active_count(), open_files()
        prepare = resources.Accounting.prepare

        def noted(info: Any) -> resources.Accounting | None:
            group = prepare(info)
            if group is not None:
                self._groups.append(group)
            return group

        # Only a note of each group's random name, since other installations on this host have groups as well.
        self._patch.setattr(resources.Accounting, "prepare", noted)
        self._patch.setattr(tempfile, "tempdir", str(self._temporary))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patch.undo()

    def changes(self) -> list[str]:
        """What is not as it was, in words; empty where everything is."""
        after = self._facts()
        found = [
            f"{name}: {self._before[name]} became {after[name]}" for name in after if after[name] != self._before[name]
        ]
        found += [f"left over: {thing}" for thing in (*self._containers(), *self._volumes(), *self._folders())]
        found += [f"left over: {path}" for path in self._temporary.iterdir()]
        found += [f"an attack wrote {path}" for path in marks()]
        found += [f"an attack still runs: process {pid}" for pid in marked_processes()]
        threads, files = threading.active_count(), open_files()
        if threads > self._threads + SPARE_THREADS:
            found.append(f"{threads} threads, {self._threads} before")
        if files > self._open_files + SPARE_FILES:
            found.append(f"{files} open files, {self._open_files} before")
        return found

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {name: digest(Path(name)) for name in FILES}
        facts |= {name: read(Path("/proc/sys") / name) for name in KERNEL}
        var = Path(settings.VAR)
        facts["files of the platform"] = sorted(
            str(path.relative_to(var))
            for path in var.rglob("*")
            if path.is_file() and not path.name.startswith("test-")
        )
        return facts

    def _containers(self) -> list[str]:
        client = docker.APIClient(version="auto")
        try:
            label = f"proctor.deployment={deployment()}"
            return [
                f"container {found['Names']} {found['Labels']}"
                for found in client.containers(all=True, filters={"label": label})
            ]
        finally:
            client.close()

    def _volumes(self) -> list[str]:
        client = docker.APIClient(version="auto")
        try:
            label = f"proctor.deployment={deployment()}"
            return [
                f"volume {found['Name']} {found['Labels']}"
                for found in client.volumes(filters={"label": label})["Volumes"] or []
            ]
        finally:
            client.close()

    def _folders(self) -> list[str]:
        paths = (path for group in self._groups for path in resources.ROOT.glob(f"*{group.parent}"))
        unified = (path for group in self._groups for path in resources.ROOT.glob(group.parent.lstrip("/")))
        return [f"control group {path}" for path in (*paths, *unified)]


def marks() -> list[Path]:
    """Files on this host that only an attack can have written."""
    places = [*map(Path, PLACES), Path.cwd(), Path.home(), Path(settings.VAR), Path(settings.VAR).parent]
    return [path for place in set(places) if place.is_dir() for path in place.glob(f"*{MARK}*")]


def marked_processes() -> list[str]:
    """Processes of this host that only an attack can have started."""
    commands = {path.name: read(path / "cmdline") for path in Path("/proc").iterdir() if path.name.isdigit()}
    return [pid for pid, command in commands.items() if MARK in command]


def open_files() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def digest(path: Path) -> str:
    """The file's sha256 with its mode; what can't be read is said as such."""
    try:
        return f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mode:o}"
    except OSError as error:
        return f"errno {error.errno}"


def read(path: Path) -> str:
    """The file's text, or why it can't be read."""
    try:
        return path.read_text(errors="replace")
    except OSError as error:
        return f"errno {error.errno}"
