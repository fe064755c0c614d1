"""What ends processes with those that started them, however they were started.

Imports next to nothing, so that it holds before a framework is imported.
"""

import ctypes
import glob
import io
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(parent=None):
    """Ask the kernel to kill this process when its parent dies.

    `parent` is the parent's process id, where known: it may have died before we asked.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def adopt_orphans():
    """Become the parent of every process that a job leaves behind, wherever it hid."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_orphans():
    """Kill and reap all children of this process: only between two of its own are there none.

    In a container nobody else would, and the dead count as processes until they are reaped.
    """
    while True:
        left = _children()
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


def _children():
    found = []
    for path in glob.glob("/proc/self/task/*/children"):
        try:
            with io.open(path) as children:
                found += [int(word) for word in children.read().split()]
        except OSError:
            continue
    return found
