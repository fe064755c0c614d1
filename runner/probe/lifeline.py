"""What ends processes with those that started them, and keeps a job out of its probe.

Imports next to nothing, so that it holds before a framework is imported.
"""

from __future__ import annotations

import ctypes
import io
import os
import signal
from typing import Any, Iterable, List, Optional

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
CAPABILITIES_VERSION = 0x20080522
KEPT_CAPABILITIES = 0b11111
"""Those over the owner and the mode of files: a store may belong to another user than root."""


def die_with_parent(parent: Optional[int] = None) -> None:
    """Ask the kernel to kill this process when its parent dies.

    `parent` is the parent's process id, where known: it may have died before we asked.
    """
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every process that a job leaves behind, wherever it hid."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def close_to_others() -> None:
    """Keep this process' memory and descriptors from others of the same user."""
    _prctl(PR_SET_DUMPABLE, 0)


def give_up_privileges() -> None:
    """Give up, in a job's process, what would let it look into its probe.

    Root may look into every process, whatever that asked for; so may nobody without
    capabilities, and no program started from here has more.
    """
    _prctl(PR_SET_DUMPABLE, 1)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    # Effective, permitted and inheritable: the lower 32 of each, then the upper.
    held = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None)
    if libc.capget(header, held) != 0:
        return
    for index in range(6):
        held[index] &= KEPT_CAPABILITIES if index < 3 else 0
    libc.capset(header, held)


def end_orphans() -> None:
    """Kill and reap all children of this process: only between two of its own are there none.

    In a container nobody else would, and the dead count as processes until they are reaped.
    """
    while True:
        left = children()
        for process_id in left:
            try:
                os.kill(process_id, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            # Without the kernel's list of children, only the dead are known.
            if os.waitpid(-1, 0 if left else os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def children(process_id: Optional[int] = None) -> List[int]:
    """Return the ids of the children of a process, or of this one."""
    found: List[int] = []
    tasks = "/proc/{}/task".format(process_id or "self")
    try:
        threads = os.listdir(tasks)
    except OSError:
        return found
    for thread in threads:
        try:
            with io.open("{}/{}/children".format(tasks, thread)) as listed:
                found += [int(word) for word in listed.read().split()]
        except OSError:
            continue
    return found


def has_company(process_id: int) -> bool:
    """Whether a child of this process, or what it left to this process, runs beside it."""
    return bool(children(process_id)) or any(each != process_id for each in children())


def close_all(descriptors: Iterable[int]) -> None:
    """Close descriptors, those already closed too."""
    for descriptor in descriptors:
        try:
            os.close(descriptor)
        except OSError:
            pass


def _prctl(option: int, value: int) -> Any:
    return ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
