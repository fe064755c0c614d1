"""The process that reads one file under limits, and prints its description as JSON.

    python -I runner/inspect/child.py ROOT PATH

Started by `confined`. The limits are set before the file is opened: processor time, memory, no
file written, no process started; and, where the kernel gives it, no network.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

CPU_S = 10
MEMORY = 1024 * 2**20
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_NO_NEW_PRIVS = 38


def confine(*, file_size: int = 0, cpu_s: int = CPU_S) -> None:
    """Give up what reading a file does not need; what the system has no word for is left.

    `file_size` is that of the largest file it may write, in bytes.
    """
    with contextlib.suppress(ImportError):
        import resource  # noqa: PLC0415 - not on every system

        for name, limit in (
            ("CPU", cpu_s),
            ("AS", MEMORY),
            ("FSIZE", file_size),
            ("CORE", 0),
            ("NPROC", 0),
            ("NOFILE", 32),
        ):
            kind = getattr(resource, f"RLIMIT_{name}", None)
            if kind is not None:
                _, hard = resource.getrlimit(kind)
                allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(kind, (allowed, allowed))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def main(root: str, path: str) -> int:
    """Print the description, or the error, as one JSON line."""
    sys.path.insert(0, root)
    # Everything is imported before the limits are set: imports open files and need memory.
    import msgspec  # noqa: PLC0415

    from runner.domain.errors import MatrixError  # noqa: PLC0415
    from runner.inspect.names import keras_names  # noqa: PLC0415
    from runner.inspect.reading import describe_here  # noqa: PLC0415

    keras_names()
    confine()
    try:
        answer: object = {"description": describe_here(Path(path))}
    except MatrixError as error:
        answer = {
            "error": type(error).__name__,
            "message": error.message,
            "cause": error.cause,
            "next_step": error.next_step,
        }
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
