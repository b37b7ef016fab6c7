"""Our own seccomp profile: the system calls a submission may make; everything that is not named here is refused."""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

EPERM, ENOSYS = 1, 38
LOW_32 = 0xFFFFFFFF
# The kernel reads these arguments as 32-bit numbers, so what a program puts above them must not matter.
AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
SOCKET_TYPE, SOCK_STREAM, SOCK_DGRAM = 0xF, 1, 2
DEFAULT_PROTOCOL, TCP, UDP = 0, 6, 17
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
NEW_NAMESPACES = 0x7E020000
PERSONALITIES = (0, LOW_32)  # plain Linux, and the question which one it is

ALLOWED = {
    "files": """
        access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
        fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock
        fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr
        inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr
        llistxattr lremovexattr lseek lsetxattr lstat memfd_create mkdir mkdirat mknod mknodat newfstatat open openat
        openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv
        removexattr rename renameat renameat2 rmdir sendfile setxattr stat statfs statx symlink symlinkat
        sync_file_range truncate umask unlink unlinkat utime utimensat utimes write writev
    """,
    "memory": """
        brk madvise map_shadow_stack membarrier mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock
        munlockall munmap pkey_alloc pkey_free pkey_mprotect semctl semget semop semtimedop shmat shmctl shmdt shmget
    """,
    "processes": """
        alarm arch_prctl capget execve execveat exit exit_group fork getcpu getegid geteuid getgid getgroups getitimer
        getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid kill
        pause pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall rseq rt_sigaction rt_sigpending
        rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
        sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
        sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
        sched_yield set_robust_list set_tid_address setitimer setpgid setpriority setrlimit setsid sigaltstack
        signalfd signalfd4 tgkill tkill vfork wait4 waitid
    """,
    "waiting and time": """
        clock_getres clock_gettime clock_nanosleep epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2
        epoll_wait eventfd eventfd2 futex futex_requeue futex_wait futex_waitv futex_wake getrandom gettimeofday
        nanosleep poll ppoll pselect6 select sysinfo time timer_create timer_delete timer_getoverrun timer_gettime
        timer_settime timerfd_create timerfd_gettime timerfd_settime times uname
    """,
    "sockets, once they are open": """
        accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg
        sendmsg sendto setsockopt shutdown
    """,
}
# Refused like the rest, but as a kernel without them would: libraries then take the older way. clone3 hides its flags
# in memory, where a filter can't read them, so threads and processes come from clone.
ABSENT = """
    clone3 fsconfig fsmount fsopen fspick io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit
    io_uring_enter io_uring_register io_uring_setup landlock_add_rule landlock_create_ruleset landlock_restrict_self
    listmount memfd_secret mount_setattr move_mount open_tree pidfd_getfd process_madvise process_mrelease quotactl_fd
    set_mempolicy_home_node splice statmount tee vmsplice
"""


def allowed() -> tuple[str, ...]:
    """Return the names that are allowed whatever their arguments, sorted."""
    return tuple(sorted(name for names in ALLOWED.values() for name in names.split()))


def absent() -> tuple[str, ...]:
    """Return the names that are answered as if the kernel did not know them, sorted."""
    return tuple(sorted(ABSENT.split()))


@lru_cache(maxsize=1)
def profile() -> str:
    """Return the profile as the engine takes it inline: one line of JSON, the same at every call.

    Each architecture stands alone: a call by the 32-bit interface of the same machine, whose numbers and arguments
    mean other things, ends the program.
    """
    rules: list[dict[str, Any]] = [_rule(allowed())]
    rules += [_rule(("clone",), [_masked(0, NEW_NAMESPACES, 0)])]
    rules += [_rule(("personality",), [_masked(0, LOW_32, value)]) for value in PERSONALITIES]
    rules += [_rule(("socket", "socketpair"), [_masked(0, LOW_32, AF_UNIX)])]
    rules += [
        _rule(("socket",), [_masked(0, LOW_32, family), _masked(1, SOCKET_TYPE, kind), _masked(2, LOW_32, protocol)])
        for family in (AF_INET, AF_INET6)
        for kind, known in ((SOCK_STREAM, TCP), (SOCK_DGRAM, UDP))
        for protocol in (DEFAULT_PROTOCOL, known)
    ]
    rules.append({"names": list(absent()), "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS, "args": []})
    document = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
        ],
        "syscalls": rules,
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


def _rule(names: Iterable[str], arguments: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", "args": arguments or []}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "op": "SCMP_CMP_MASKED_EQ", "value": mask, "valueTwo": value}
