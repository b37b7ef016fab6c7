"""What an escape tries: handed in beside a submission's code, it runs inside and notes how each try was refused.

A name in what it returns is a probe; the value is the error's name, or what the probe got.
"""

import ctypes
import errno
import os
import resource
import socket
import stat
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

ATTACH, SEIZE = 16, 0x4206
NAMESPACES = {
    "user": 0x10000000, "mount": 0x00020000, "network": 0x40000000, "process": 0x20000000, "cgroup": 0x02000000,
}  # fmt: skip
READABLE_IMPLIES_CODE = 0x0400000
# Numbers on x86-64 and on arm64; arguments, where BUFFER stands for a page of zeros.
BUFFER = object()
Argument = int | bytes | object
CALLS: dict[str, tuple[tuple[int, int], tuple[Argument, ...]]] = {
    "io_uring_setup": ((425, 425), (8, BUFFER)),
    "bpf": ((321, 280), (0, BUFFER, 72)),
    "perf_event_open": ((298, 241), (BUFFER, 0, -1, -1, 0)),
    "userfaultfd": ((323, 282), (0,)),
    "keyctl": ((250, 219), (0, -3, 0)),
    "add_key": ((248, 217), (b"user", b"mark", b"1", 1, -3)),
    "request_key": ((249, 218), (b"user", b"mark", 0, -3)),
    "mount": ((165, 40), (b"none", b"/tmp", b"tmpfs", 0, 0)),
    "umount2": ((166, 39), (b"/proc", 2)),
    "pivot_root": ((155, 41), (b"/tmp", b"/tmp")),
    "chroot": ((161, 51), (b"/tmp",)),
    "fsopen": ((430, 430), (b"tmpfs", 0)),
    "open_tree": ((428, 428), (-100, b"/", 1)),
    "move_mount": ((429, 429), (-1, b"", -1, b"", 0)),
    "init_module": ((175, 105), (BUFFER, 1, b"")),
    "finit_module": ((313, 273), (0, b"", 0)),
    "kexec_load": ((246, 104), (0, 0, 0, 0)),
    "reboot": ((169, 142), (0xFEE1DEAD, 672274793, 0, 0)),
    "swapon": ((167, 224), (b"/tmp/swap", 0)),
    "setns": ((308, 268), (0, 0)),
    "open_by_handle_at": ((304, 265), (-100, BUFFER, 0)),
    "name_to_handle_at": ((303, 264), (-100, b"/etc", BUFFER, BUFFER, 0)),
    "fanotify_init": ((300, 262), (0, 0)),
    "quotactl": ((179, 60), (0, b"/", 0, 0)),
    "acct": ((163, 89), (b"/tmp/acct",)),
    "settimeofday": ((164, 170), (BUFFER, 0)),
    "clock_settime": ((227, 112), (0, BUFFER)),
    "adjtimex": ((159, 171), (struct.pack("<I", 1) + bytes(300),)),
    "sethostname": ((170, 161), (b"mark", 4)),
    "syslog": ((103, 116), (3, BUFFER, 4096)),
    "vhangup": ((153, 58), ()),
    "personality": ((135, 92), (READABLE_IMPLIES_CODE,)),
    "process_vm_readv": ((310, 270), (1, BUFFER, 1, BUFFER, 1, 0)),
    "process_vm_writev": ((311, 271), (1, BUFFER, 1, BUFFER, 1, 0)),
    "kcmp": ((312, 272), (1, 2, 0, 0, 0)),
}
PTRACE, PIDFD_OPEN, PIDFD_GETFD, UNSHARE = (101, 117), (434, 434), (438, 438), (272, 97)
CLONE, CLONE3 = (56, 220), (435, 435)

ADDRESSES = {
    "an address outside": ("192.0.2.1", 80), "another one": ("8.8.8.8", 53), "metadata": ("169.254.169.254", 80),
    "the engine": ("172.17.0.1", 2375), "a neighbour": ("172.17.0.2", 80),
}  # fmt: skip
FAMILIES = {
    "AF_ALG": (38, socket.SOCK_SEQPACKET), "AF_NETLINK": (16, socket.SOCK_RAW), "AF_PACKET": (17, socket.SOCK_RAW),
    "AF_VSOCK": (40, socket.SOCK_STREAM), "AF_XDP": (44, socket.SOCK_RAW), "AF_KEY": (15, socket.SOCK_RAW),
    "AF_TIPC": (30, socket.SOCK_STREAM), "AF_RDS": (21, socket.SOCK_SEQPACKET),
}  # fmt: skip
FOLDERS = (
    "/", "/etc", "/usr/bin", "/opt/proctor", "/var/tmp", "/root", "/home", "/run", "/submission", "/eval",
    "/eval/requests", "/proc/sys/kernel", "/sys", "/sys/fs/cgroup", "/dev", "/mnt",
)  # fmt: skip
FILES = (
    "/etc/passwd", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/eval/job.json", "/submission/model.py",
    "/opt/proctor/sandbox/runner/code.py", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper", "/proc/1/mem", "/proc/1/environ",
)  # fmt: skip
SECRETS = (
    "/etc/shadow", "/proc/kcore", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/fuse", "/dev/kvm", "/dev/net/tun",
    "/sys/firmware/acpi/tables/DSDT", "/proc/1/root/etc/shadow",
)  # fmt: skip
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock")
LIMITS = {
    "open files": (resource.RLIMIT_NOFILE, 1 << 20), "larger files": (resource.RLIMIT_FSIZE, -1),
    "cores": (resource.RLIMIT_CORE, -1),
}  # fmt: skip

library = ctypes.CDLL(None, use_errno=True)
seen: dict[str, Any] = {}


def outcome(attempt: Callable[[], Any]) -> Any:
    """What the attempt returns, or the name of the error that it met."""
    try:
        return attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except (ValueError, TypeError, ctypes.ArgumentError) as error:
        return type(error).__name__


def probe(name: str, attempt: Callable[[], Any]) -> None:
    """Note what came of the attempt."""
    seen[name] = outcome(attempt)


def apart(attempt: Callable[[], Any]) -> str:
    """The same in a child, so that what it does to itself stays with it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(outcome(attempt)).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answers:
        return answers.read()


def call(number: tuple[int, int], *arguments: Argument) -> int:
    """A bare system call; what it answers where it is not refused."""
    page = ctypes.create_string_buffer(4096)
    ctypes.set_errno(0)
    result = library.syscall(
        number[os.uname().machine != "x86_64"], *(page if one is BUFFER else one for one in arguments)
    )
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return int(result)


def connected(family: int, kind: int, address: Any) -> str:
    """Connect and send a byte."""
    with socket.socket(family, kind) as client:
        client.settimeout(1)
        client.connect(address)
        client.send(b"x")
        return "connected"


def network(port: int, unix: str) -> None:
    """Reach anything at all."""
    hosts = {"the bridge": ("172.17.0.1", port), "a service of the host": ("127.0.0.1", port)}
    for name, address in {**ADDRESSES, **hosts}.items():
        probe(f"connect to {name}", lambda address=address: connected(socket.AF_INET, socket.SOCK_STREAM, address))  # type: ignore[misc]
    probe("connect by IPv6", lambda: connected(socket.AF_INET6, socket.SOCK_STREAM, ("2001:db8::1", 80)))
    probe("connect to the host's abstract socket", lambda: connected(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{unix}"))
    probe("send a packet out", lambda: connected(socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53)))
    probe("look a name up", lambda: len(socket.getaddrinfo("example.org", 80)))
    probe("see an interface", lambda: sorted(set(os.listdir("/sys/class/net")) - {"lo"}))  # noqa: PTH208
    for name, (family, kind) in FAMILIES.items():
        probe(f"open a socket of {name}", lambda family=family, kind=kind: socket.socket(family, kind).close())  # type: ignore[misc]
    probe("open a raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())


def system_calls() -> None:
    """Ask the kernel for what only an administrator needs."""
    for name, (number, arguments) in CALLS.items():
        seen[f"call {name}"] = apart(lambda number=number, arguments=arguments: call(number, *arguments))  # type: ignore[misc]
    seen["trace process 1"] = apart(lambda: call(PTRACE, ATTACH, 1, 0, 0))
    seen["trace process 1 by seizing it"] = apart(lambda: call(PTRACE, SEIZE, 1, 0, 0))
    seen["trace process 1 for its files"] = apart(lambda: call(PIDFD_GETFD, call(PIDFD_OPEN, 1, 0), 0, 0))
    for name, flag in NAMESPACES.items():
        seen[f"unshare into a {name} namespace"] = apart(lambda flag=flag: call(UNSHARE, flag))  # type: ignore[misc]
    seen["clone into a user namespace"] = apart(lambda: call(CLONE, NAMESPACES["user"] | 17, 0, 0, 0, 0))
    seen["clone3 into one"] = apart(
        lambda: call(CLONE3, struct.pack("<8Q", NAMESPACES["user"], 0, 0, 0, 17, 0, 0, 0), 64)
    )


def written(path: str) -> str:
    """Write a byte behind what is there."""
    with Path(path).open("ab") as file:
        file.write(b"1")
    return "written"


def read(path: str) -> int:
    """Read a few bytes."""
    with Path(path).open("rb") as file:
        return len(file.read(16))


def ran(folder: str) -> int:
    """Write a program and run it."""
    program = Path(folder) / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o6755)
    try:
        return subprocess.run([program], check=False).returncode
    finally:
        program.unlink()


def found(*arguments: str) -> list[str]:
    """Paths that `find` finds in the container's own file system."""
    command = ["find", "/", "-xdev", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def files(mark: str) -> None:
    """Write, read, link and run what is not for it."""
    for folder in FOLDERS:
        probe(f"write below {folder}", lambda folder=folder: written(f"{folder}/{mark}"))  # type: ignore[misc]
    for path in (*FILES, *map(str, Path("/eval/requests").rglob("*.jsonl"))):
        probe(f"write {path}", lambda path=path: written(path))  # type: ignore[misc]
    for path in SECRETS:
        probe(f"read {path}", lambda path=path: read(path))  # type: ignore[misc]
    for folder in ("/tmp", "/eval/responses", "/dev/shm"):
        probe(f"run a program from {folder}", lambda folder=folder: ran(folder))  # type: ignore[misc]
    probe("make a device", lambda: os.mknod(f"/tmp/{mark}", stat.S_IFBLK | 0o666, os.makedev(8, 0)))
    group = next(Path("/sys/fs/cgroup").iterdir())
    probe("make a folder in its control group", lambda: (group / mark).mkdir())
    probe("link a file of ours", lambda: Path(f"/eval/responses/{mark}").hardlink_to("/eval/job.json"))
    probe("find a socket", lambda: found("-type", "s"))
    probe("find the engine's socket", lambda: [path for path in SOCKETS if Path(path).exists()])
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    probe("exempt itself from being killed", lambda: os.write(score, b"-1000"))
    os.close(score)


def rooted(path: str) -> bool:
    """Whether a program, asked who it is, says root."""
    nothing = subprocess.DEVNULL
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=5, check=False, stdin=nothing)
    except PermissionError:
        return False
    return done.stdout.startswith(b"0")


def privileges() -> None:
    """Become more than it is."""
    for name, attempt in {
        "setuid": lambda: os.setuid(0),
        "setresuid": lambda: os.setresuid(0, 0, 0),
        "setgid": lambda: os.setgid(0),
        "setgroups": lambda: os.setgroups([0]),
        "a real-time schedule": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        "a higher priority": lambda: os.nice(-5),
        "another owner of a file": lambda: os.chown(os.open("/tmp/owned", os.O_CREAT), 0, 0),
    }.items():
        seen[f"take {name}"] = apart(attempt)
    for name, (limit, most) in LIMITS.items():
        seen[f"take {name}"] = apart(lambda limit=limit, most=most: resource.setrlimit(limit, (most, most)))  # type: ignore[misc]
    su = ["su", "-c", "id -u"]
    probe(
        "be root through su", lambda: subprocess.run(su, input=b"\n", capture_output=True, check=False).stdout.decode()
    )
    probe("be root through a set-uid program", lambda: [path for path in found("-perm", "/6000") if rooted(path)])
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    seen["capabilities"] = sum(int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"))
    seen["no new privileges"], seen["filtered calls"] = status["NoNewPrivs"].strip(), status["Seccomp"].strip()
    seen["user and groups"] = sorted({one >= 20_000 for one in (os.getuid(), os.getgid(), *os.getgroups())})


def looks() -> None:
    """Look around."""
    processes = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    programs = [(path / "cmdline").read_text().split("\0")[0] for path in processes]
    seen["environment"] = sorted(os.environ)
    seen["processes"] = sorted(program.rpartition("/")[2] for program in programs)
    seen["host"] = os.uname().nodename
    seen["eval"] = sorted(path.name for path in Path("/eval").iterdir())
    seen["submission"] = sorted(path.name for path in Path("/submission").iterdir())
    users = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    seen["users"] = [user[0] for user in users if 1000 <= int(user[2]) < 65_534]


def everything(*, port: int, mark: str) -> dict[str, Any]:
    """Try it all; `port` is of a service on the host, `mark` goes into the name of what it tries to leave."""
    network(port, mark)
    system_calls()
    files(mark)
    privileges()
    looks()
    return seen
