"""The lock of a store, which admits one run at a time.

Input: the store's folder and the command. Output: an exclusive lock that the kernel
releases when the process ends, however it ends; `<store>/lock` says who holds it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path

from runner.domain.errors import BusyError
from runner.store.files import disk_errors, write_all

_SHOWN = 200
"""Characters of the holder's command that a message has."""


class StoreLock:
    """The exclusive lock of a store, held from construction until `release`."""

    def __init__(self, folder: Path, command: str) -> None:
        """Take the lock.

        Raises:
            BusyError: another process holds it; the message names its pid and command.
            StoreError: the lock file cannot be written.
        """
        self._path = folder / "lock"
        with disk_errors(self._path, "lock the store"):
            # Not truncated on opening: it still names the run that may hold it.
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                self._acquire(command)
            except BaseException:
                os.close(self._descriptor)
                raise

    def _acquire(self, command: str) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise
            raise self._busy() from error
        os.ftruncate(self._descriptor, 0)
        write_all(self._descriptor, json.dumps({"pid": os.getpid(), "command": command}).encode())

    def _busy(self) -> BusyError:
        try:
            holder = json.loads(os.pread(self._descriptor, 65536, 0))
            pid, command = _checked(holder["pid"]), str(holder["command"])[:_SHOWN]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return BusyError(
                f"{self._path.parent}: another run holds this store",
                cause="it started a moment ago",
                next_step=f"wait for it to end (fuser {self._path} names it)",
            )
        return BusyError(
            f"{self._path.parent}: another run holds this store: pid {pid}",
            cause=f"`{command}` is still at work",
            next_step=f"wait for it to end, or stop it (kill {pid}); nothing it wrote is lost",
        )

    def release(self) -> None:
        """Give the lock back; calling it again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _checked(pid: object) -> int:
    """Return the id of one process: the message advises to kill it.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < 1 << 32:
        raise ValueError(pid)
    return pid
