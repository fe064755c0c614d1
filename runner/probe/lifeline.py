"""What ends this process when the one that started it ends.

Imports next to nothing, so that it holds before a framework is imported.
"""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1


def die_with_parent(parent=None):
    """Ask the kernel to kill this process when its parent dies.

    `parent` is the parent's process id, where known: it may have died before we asked.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)
