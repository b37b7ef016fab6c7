"""Probes: what a program can reach from inside. Prints one JSON line a probe; `python3 -m sandbox.inside.probes`."""

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

RESPONSES = "/eval/responses"
PROBED = ("/", "/etc", "/opt/proctor", "/usr/bin", "/var/tmp", "/submission", "/eval", "/proc/sys/kernel", "/sys")  # noqa: S108
ADDRESSES = (("192.0.2.1", 80), ("169.254.169.254", 80), ("8.8.8.8", 53))
# x86-64 numbers, then arm64's.
CALLS = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
}
UNSHARE = (272, 97)
NEW_USER = 0x10000000


def network() -> dict[str, Any]:
    """Try to reach addresses and names."""
    reached = []
    for address in ADDRESSES:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            if client.connect_ex(address) == 0:
                reached.append(address[0])
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
        ran = os.spawnv(os.P_WAIT, str(program), [str(program)]) == 0  # noqa: S606
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
        "capabilities": int(status["CapEff"].strip(), 16) | int(status["CapBnd"].strip(), 16),
        "no_new_privs": status.get("NoNewPrivs", "0").strip(),
        "seccomp": status.get("Seccomp", "0").strip(),
        "became_root": became_root,
    }


def system_calls() -> dict[str, Any]:
    """Make calls that only an administrator needs; one that is neither refused nor absent was let through."""
    library = ctypes.CDLL(None, use_errno=True)
    column = 0 if os.uname().machine == "x86_64" else 1
    let_through = []
    for name, numbers in CALLS.items():
        ctypes.set_errno(0)
        library.syscall(numbers[column], 0, 0, 0, 0, 0)
        if ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS, errno.EACCES):
            let_through.append(name)
    child = os.fork()
    if child == 0:
        os._exit(0 if library.syscall(UNSHARE[column], NEW_USER) == 0 else 1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        let_through.append("unshare")
    return {"let_through": let_through, "tried": len(CALLS) + 1}


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


PROBES = {
    "network": network,
    "root": root,
    "pids": pids,
    "disk": disk,
    "privileges": privileges,
    "system_calls": system_calls,
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
