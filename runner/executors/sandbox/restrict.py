"""Confinement by the kernel's own means, for a machine without bubblewrap: Landlock and seccomp.

    python -I -S runner/executors/sandbox/restrict.py '{"read": [...], ...}' PROGRAM ARGUMENT...

Landlock leaves the program the files below `read` and `write` alone, lets it signal nobody outside,
and takes away TCP; a seccomp filter takes away every socket, io_uring, and calls by which a process
looks into another or leaves its place. What is left is tried before the program starts: if the
file `secret` can still be read or a socket be made, nothing is started. Standard library alone.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import socket
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

REFUSED = 125
LEAST_ABI = 6
"""Of Landlock: from there on a process can be kept from signalling others (Linux 6.12)."""
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, RULE_PATH = 1, 1
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP = 38, 22, 24
SECCOMP_FILTER = 2
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_SOCK, MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 11
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
ALL_FILES = (1 << 16) - 1
READ = EXECUTE | READ_FILE | READ_DIR
WRITE = ALL_FILES & ~(MAKE_CHAR | MAKE_BLOCK | MAKE_SOCK | IOCTL_DEV)
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
TCP = 0b11
"""Bind and connect."""
SCOPES = 0b11
"""Abstract Unix sockets, and signals."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
MACHINE, ARCHITECTURE = "x86_64", 0xC000003E
X32 = 0x40000000
"""Set in the number of a call in another form, which the filter does not know."""
DENIED: Mapping[str, int] = {
    "socket": 41,
    "ptrace": 101,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "reboot": 169,
    "init_module": 175,
    "delete_module": 176,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "pidfd_getfd": 438,
}
"""Call -> its number on x86-64."""
MOST_CAPABILITIES = 64


class NotConfined(Exception):
    """Something could not be taken away; the sentence says what."""


def find_abi() -> int:
    """Return the version of Landlock that this kernel has; 0 for none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)))


def find_fault() -> str:
    """Return why this kernel does not offer what is needed; empty if it does."""
    if platform.machine() != MACHINE:
        return f"the filter is written for {MACHINE}, and this is {platform.machine()}"
    abi = find_abi()
    if abi == 0:
        return "this kernel has no Landlock, or it is not enabled"
    if abi < LEAST_ABI:
        return f"this kernel's Landlock is of version {abi}; {LEAST_ABI} is needed (Linux 6.12)"
    return ""


def main(argv: Sequence[str]) -> NoReturn:
    """Confine this process and become the program, or end with the reason."""
    told = json.loads(argv[1])
    try:
        become(told.get("user", 0))
        confine(told["read"], told["write"])
        try_out(told["secret"])
    except (NotConfined, OSError) as error:
        sys.stderr.write(f"not confined: {error}\n")
        sys.exit(REFUSED)
    os.chdir(told["folder"])
    os.execvp(argv[2], list(argv[2:]))  # noqa: S606 - a program and its arguments, as given


def become(user: int) -> None:
    """Become another user, who is root no more; 0 to stay."""
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def confine(read: Iterable[str], write: Iterable[str]) -> None:
    """Take everything away but the files below these places.

    Raises:
        NotConfined: the kernel refused a part of it.
    """
    fault = find_fault()
    if fault:
        raise NotConfined(fault)
    libc = ctypes.CDLL(None, use_errno=True)
    rules = struct.pack("=QQQ", ALL_FILES, TCP, SCOPES)
    ruleset = _call(libc.syscall(CREATE_RULESET, rules, len(rules), 0), "a set of rules")
    for places, rights in ((read, READ), (write, WRITE)):
        for place in places:
            _allow(libc, ruleset, place, rights)
    for device in DEVICES:
        _allow(libc, ruleset, device, READ_FILE | WRITE_FILE)
    for capability in range(MOST_CAPABILITIES):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    _call(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    _call(libc.syscall(RESTRICT_SELF, ruleset, 0), "Landlock")
    os.close(ruleset)
    _filter_calls(libc)


def _allow(libc: Any, ruleset: int, place: str, rights: int) -> None:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(f"/proc/self/fd/{opened}"):  # noqa: PTH112 - of an open file
            rights &= OF_A_FILE
        rule = struct.pack("=Qi", rights, opened)
        _call(libc.syscall(ADD_RULE, ruleset, RULE_PATH, rule, 0), f"the rule of {place}")
    finally:
        os.close(opened)


def _filter_calls(libc: Any) -> None:
    """Have the kernel refuse calls, for this process and all that it starts."""
    load, jump_equal, jump_most, answer = 0x20, 0x15, 0x35, 0x06
    allowed, refused = 0x7FFF0000, 0x00050000 | errno.EPERM
    numbers = sorted(DENIED.values())
    steps = [
        struct.pack("HBBI", load, 0, 0, 4),
        struct.pack("HBBI", jump_equal, 0, len(numbers) + 3, ARCHITECTURE),
        struct.pack("HBBI", load, 0, 0, 0),
        struct.pack("HBBI", jump_most, len(numbers) + 1, 0, X32),
        *(
            struct.pack("HBBI", jump_equal, len(numbers) - place, 0, number)
            for place, number in enumerate(numbers)
        ),
        struct.pack("HBBI", answer, 0, 0, allowed),
        struct.pack("HBBI", answer, 0, 0, refused),
    ]
    program = ctypes.create_string_buffer(b"".join(steps))
    told = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(program))
    kept = ctypes.create_string_buffer(told)
    _call(libc.prctl(PR_SET_SECCOMP, SECCOMP_FILTER, kept, 0, 0), "a filter of calls")


def try_out(secret: str) -> None:
    """Try what must be refused by now.

    Raises:
        NotConfined: it is not.
    """
    try:
        Path(secret).read_bytes()
    except PermissionError:
        pass
    else:
        raise NotConfined("a file outside can still be read")
    try:
        socket.socket().close()
    except PermissionError:
        return
    raise NotConfined("a socket can still be made")


def _call(returned: int, what: str) -> int:
    if returned < 0:
        number = ctypes.get_errno()
        raise NotConfined(f"{what}: {os.strerror(number)}")
    return int(returned)


if __name__ == "__main__":
    main(sys.argv)
