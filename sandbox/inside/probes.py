"""Probes: what a program can reach from inside. Prints one JSON line a probe; `python3 -m sandbox.inside.probes`."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandbox.inside import probing_calls

RESPONSES = "/eval/responses"
PROBED = ("/", "/etc", "/opt/proctor", "/usr/bin", "/var/tmp", "/submission", "/eval", "/proc/sys/kernel", "/sys")  # noqa: S108
ADDRESSES = (("192.0.2.1", 80), ("169.254.169.254", 80), ("8.8.8.8", 53), ("2001:db8::1", 80), ("fd00:ec2::254", 80))
WRITTEN = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/drop_caches",
    "/proc/sysrq-trigger",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/uevent_helper",
    "/dev/kmsg",
    "/dev/mem",
)
READ = ("/proc/kcore", "/proc/kmsg", "/proc/keys", "/dev/mem", "/dev/sda", "/dev/vda", "/etc/shadow")
SOCKETS = ("/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock")
NULL = (1, 3)  # what the engine puts over a file that must not be read


def network() -> dict[str, Any]:
    """Try to reach addresses and names."""
    reached = []
    for address, port in ADDRESSES:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as client:
                client.settimeout(1)
                if client.connect_ex((address, port)) == 0:
                    reached.append(address)
    try:
        socket.getaddrinfo("example.org", 80)
        reached.append("example.org")
    except OSError:
        pass
    return {"interfaces": sorted(os.listdir("/sys/class/net")), "reached": reached}  # noqa: PTH208


def root() -> dict[str, Any]:
    """Try to write where nothing may be written."""
    written = []
    for folder in PROBED:
        try:
            handle = os.open(f"{folder}/probe", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            continue
        os.close(handle)
        written.append(folder)
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {"written": written, "root": next(mount[5].split(",")[0] for mount in mounts if mount[4] == "/")}


def kernel_files() -> dict[str, Any]:
    """Try to write the kernel's settings, and to read its memory and the host's disks."""
    wrote = [path for path in WRITTEN if _opens(path, os.O_WRONLY)]
    return {"wrote": wrote, "read": [path for path in READ if _opens(path, os.O_RDONLY)]}


def _opens(path: str, way: int) -> bool:
    try:
        handle = os.open(path, way | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        device = os.fstat(handle).st_rdev
        if (os.major(device), os.minor(device)) == NULL:
            return False
        return way == os.O_WRONLY or bool(os.read(handle, 1))
    except OSError:
        return False
    finally:
        os.close(handle)


def pids() -> dict[str, Any]:
    """Fork until it is refused."""
    children: list[int] = []
    refused = False
    while len(children) < 5000 and not refused:
        try:
            child = os.fork()
        except OSError:
            refused = True
            break
        if child == 0:
            signal.pause()
            os._exit(0)
        children.append(child)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return {"forked": len(children), "refused": refused}


def disk() -> dict[str, Any]:
    """Fill the response volume and count what fitted; try to run a program from /tmp."""
    block = bytes(1024 * 1024)
    written = 0
    path = f"{RESPONSES}/probe"
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with open(path, "wb", buffering=0) as file:  # noqa: PTH123
            while written < 1 << 40:
                written += file.write(block)
    except OSError:
        pass
    os.unlink(path)  # noqa: PTH108
    program = Path("/tmp/probe")  # noqa: S108
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    try:
        ran = subprocess.run([str(program)], check=False).returncode == 0
    except OSError:
        ran = False
    program.unlink()
    return {"written": written, "program_ran": ran}


def privileges() -> dict[str, Any]:
    """Read what the process may do, and try to become root."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    try:
        os.setuid(0)
        became_root = True
    except OSError:
        became_root = False
    return {
        "uid": os.getuid(),
        "groups": sorted({os.getgid(), *os.getgroups()}),
        "capabilities": int(status["CapEff"].strip(), 16) | int(status["CapBnd"].strip(), 16),
        "no_new_privs": status.get("NoNewPrivs", "0").strip(),
        "seccomp": status.get("Seccomp", "0").strip(),
        "became_root": became_root,
        "set_uid": _set_uid_programs(),
        "su": _runs(["su", "-c", "id"]),
    }


def _set_uid_programs() -> list[str]:
    found = []
    device = os.lstat("/").st_dev
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if _device(f"{folder}/{name}") == device]
        for name in files:
            mode = os.lstat(f"{folder}/{name}").st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                found.append(f"{folder}/{name}")
    return found


def _device(path: str) -> int:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return -1


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def surroundings() -> dict[str, Any]:
    """List what the environment says, and look for an engine's socket."""
    return {"environment": sorted(os.environ), "sockets": [path for path in SOCKETS if Path(path).exists()]}


def kill_everything() -> dict[str, Any]:
    """Kill all that can be reached; whoever asks survives, and so must everything outside."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    return {"survived": True}


def hog_memory() -> None:
    """Take memory until killed."""
    taken = []
    while True:
        taken.append(bytearray(b"x" * (8 * 1024 * 1024)))


def hog_time() -> None:
    """Sleep through every polite signal."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)


PROBES: dict[str, Callable[[], dict[str, Any]]] = {
    "network": network,
    "root": root,
    "kernel_files": kernel_files,
    "pids": pids,
    "disk": disk,
    "privileges": privileges,
    "surroundings": surroundings,
    "system_calls": probing_calls.system_calls,
    "sockets": probing_calls.sockets,
    "other_interfaces": probing_calls.other_interfaces,
    "processes": probing_calls.processes,
    "kill": kill_everything,
}
HOGS = {"memory": hog_memory, "time": hog_time}


def main(arguments: list[str]) -> int:
    """Run one hog, or every probe."""
    if arguments and arguments[0] in HOGS:
        HOGS[arguments[0]]()
        return 0
    for name, probe in PROBES.items():
        sys.stdout.write(json.dumps({"probe": name, **probe()}) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
