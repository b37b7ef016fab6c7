"""A container engine of the test's own, in a network namespace of its own, which can be killed and restarted."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults.running import wait_for

DISK = "1200m"  # room for the base image and a little more


class PrivateEngine:
    """dockerd with its own data, on a disk of its own, at its own socket; a context manager that leaves nothing."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="proctor-engine-", dir="/tmp"))
        self.disk = self._folder / "data"
        self.host = f"unix://{self._folder / 'docker.sock'}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "proctor-test", str(self.disk)], check=True)
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._end_containerd()
        for place in sorted(self._mounted(), reverse=True):
            subprocess.run(["umount", place], check=True)
        if error is None:
            shutil.rmtree(self._folder)

    def _mounted(self) -> list[str]:
        """Its disk, and what it mounted below."""
        places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        return [place for place in places if place.startswith(f"{self._folder}/")]

    def start(self) -> None:
        """Start it; returns once it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "dockerd", "--data-root", str(self.disk), "--exec-root",
                 str(self._folder / "run"), "--pidfile", str(self._folder / "pid"), "--host", self.host,
                 "--bridge", "none", "--iptables=false", "--ip6tables=false"],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_for(self._answers, seconds=40, what="an answer of the private engine")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, politely or not; returns when it is gone."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None
        if number == signal.SIGKILL:
            # Its containerd dies with it, and the number in the file may be anybody's by now.
            self._end_containerd()

    def load(self, image: str) -> None:
        """Copy an image, by its tag, from the usual engine."""
        environment = {**os.environ, "DOCKER_HOST": self.host}
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "load"], stdin=saved.stdout, env=environment, check=True, capture_output=True)

    def log(self) -> str:
        """The end of what it said."""
        return (self._folder / "log").read_text(errors="replace")[-5000:]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the private engine ended: {self.log()}"
        with socket.socket(socket.AF_UNIX) as caller:
            try:
                caller.settimeout(5)
                caller.connect(self.host.removeprefix("unix://"))
                caller.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in caller.recv(100)
            except OSError:
                return False

    def _end_containerd(self) -> None:
        """See to it that its containerd is gone, and that the next one does not take its number for it."""
        for file in self._folder.glob("run/containerd/containerd.pid"):
            process = Path("/proc") / file.read_text()
            if process.exists() and str(self._folder) in (process / "cmdline").read_text():
                os.kill(int(process.name), signal.SIGKILL)
            file.unlink()
