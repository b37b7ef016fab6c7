"""Probes of the kernel: system calls that a submission has no use for, made in children that may be killed for it."""

import ctypes
import errno
import json
import mmap
import os
import signal
from collections.abc import Callable
from typing import Any

X86 = os.uname().machine == "x86_64"
REFUSALS = (errno.EPERM, errno.ENOSYS, errno.EACCES)
# x86-64 numbers, then arm64's; calls that share one number everywhere are written once.
CALLS = {
    "acct": (163, 89), "add_key": (248, 217), "bpf": (321, 280), "chroot": (161, 51), "clone3": (435, 435),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273), "fsopen": (430, 430),
    "init_module": (175, 105), "io_setup": (206, 0), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425), "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104),
    "keyctl": (250, 219), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "pidfd_getfd": (438, 438), "pivot_root": (155, 41), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142),
    "request_key": (249, 218), "setns": (308, 268), "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39),
    "unshare": (272, 97), "userfaultfd": (323, 282),
}  # fmt: skip
# Arguments with which a call that is let through does nothing: all zero, save where that would stop the probe itself.
ARGUMENTS = {"ptrace": (0xFFFF,)}
CLONE, PERSONALITY, SOCKET = (56, 220), (135, 92), (41, 198)
NAMESPACES = {
    "mount": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000, "user": 0x10000000,
    "pid": 0x20000000, "net": 0x40000000,
}  # fmt: skip
NO_RANDOM_ADDRESSES = 0x0040000
ABOVE = 1 << 32  # bits that the kernel does not look at, and a careless filter does
STREAM, DGRAM, RAW, SEQPACKET = 1, 2, 3, 5
SOCKETS = {
    "AF_ALG": (38, SEQPACKET, 0), "AF_BLUETOOTH": (31, RAW, 1), "AF_CAN": (29, RAW, 1), "AF_KEY": (15, RAW, 2),
    "AF_NETLINK": (16, RAW, 0), "AF_PACKET": (17, RAW, 0), "AF_RDS": (21, SEQPACKET, 0), "AF_SMC": (43, STREAM, 0),
    "AF_TIPC": (30, STREAM, 0), "AF_VSOCK": (40, STREAM, 0), "AF_XDP": (44, RAW, 0), "ICMP": (2, DGRAM, 1),
    "MPTCP": (2, STREAM, 262), "SCTP": (2, STREAM, 132), "raw IP": (2, RAW, 1),
}  # fmt: skip
# mov eax, 20 (getpid by the 32-bit numbers); int 0x80; ret
OLD_GETPID = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
X32_GETPID = 0x40000000 | 39


def system_calls() -> dict[str, Any]:
    """Make calls that only an administrator needs; one that is neither refused nor absent was let through."""
    return in_child(lambda: {"let_through": _let_through(), "tried": len(CALLS) + len(NAMESPACES) + 1})


def sockets() -> dict[str, Any]:
    """Open sockets of families and protocols that reach the kernel, the machine below it or its devices."""

    def work() -> dict[str, Any]:
        opened = [
            f"{name}{' by its low bits' if above else ''}"
            for name, (family, kind, protocol) in SOCKETS.items()
            for above in (0, ABOVE)
            if _call(SOCKET, family | above, kind, protocol)[0] >= 0
        ]
        return {"opened": opened, "tried": len(SOCKETS)}

    return in_child(work)


def other_interfaces() -> dict[str, Any]:
    """Call the kernel by the 32-bit interfaces of the same machine, which a filter for one alone would miss."""
    if not X86:
        return {"reached": []}

    def old() -> dict[str, Any]:
        code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(OLD_GETPID)
        address = ctypes.addressof(ctypes.c_char.from_buffer(code))
        return {"reached": ctypes.CFUNCTYPE(ctypes.c_long)(address)() > 0}

    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "i386": old,
        "x32": lambda: {"reached": _call((X32_GETPID, 0))[0] > 0},
    }
    return {"reached": [name for name, way in ways.items() if in_child(way).get("reached")]}


def processes() -> dict[str, Any]:
    """Read and trace the first process, and count those that can be seen."""

    def work() -> dict[str, Any]:
        # To seize does not stop what is seized, as attaching would: a sandbox with this hole should still end.
        seize = 0x4206
        reached = ["ptrace"] if _call(CALLS["ptrace"], seize, 1)[0] >= 0 else []
        there = (ctypes.c_char * 16)()
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(there), 16)
        if (
            _call(CALLS["process_vm_readv"], os.getppid(), ctypes.addressof(vector), 1, ctypes.addressof(vector), 1)[0]
            > 0
        ):
            reached.append("process_vm_readv")
        return {"reached": reached, "seen": sum(name.isdigit() for name in os.listdir("/proc"))}  # noqa: PTH208

    return in_child(work)


def in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a child found; its death alone is a finding without any."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        raw = pipe.read()
    _, status = os.waitpid(child, 0)
    if raw:
        found: dict[str, Any] = json.loads(raw)
        return found
    return {"died": signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else str(status)}


def _call(numbers: tuple[int, int], *arguments: int) -> tuple[int, int]:
    """Make a system call; return its result and the error number."""
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    ctypes.set_errno(0)
    padded = [ctypes.c_ulong(value) for value in (*arguments, *(0,) * (5 - len(arguments)))]
    result = int(library.syscall(ctypes.c_long(numbers[0 if X86 else 1]), *padded))
    return result, ctypes.get_errno() if result < 0 else 0


def _let_through() -> list[str]:
    let_through = [
        name for name, numbers in CALLS.items() if _call(numbers, *ARGUMENTS.get(name, ()))[1] not in REFUSALS
    ]
    if _call(PERSONALITY, NO_RANDOM_ADDRESSES)[1] not in REFUSALS:
        let_through.append("personality")
    for name, flag in NAMESPACES.items():
        for above in (0, ABOVE):
            child, error = _call(CLONE, flag | above | signal.SIGCHLD)
            if child == 0:
                os._exit(0)
            if error not in REFUSALS:
                let_through.append(f"clone {name}{' by its low bits' if above else ''}")
    return let_through
