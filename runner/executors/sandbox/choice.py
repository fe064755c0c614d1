"""The ways to confine jobs on a user's file, best first: the first that holds is taken.

Input: a request. Output: a sandbox that was tried on this machine; or a refusal that says how to
get one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.domain.errors import NoSandbox
from runner.domain.request import Request
from runner.executors.sandbox import bubblewrap
from runner.executors.sandbox.interface import Exchange, Sandbox, remove_exchange

WAYS = ("bubblewrap",)


def sandboxes() -> tuple[str, ...]:
    """Return the names of the ways."""
    return WAYS


@contextmanager
def open_sandbox(request: Request) -> Iterator[tuple[Sandbox, Exchange]]:
    """Give a sandbox, and the empty exchange folder that it shows.

    Raises:
        NoSandbox: nothing confines a job on this machine.
    """
    folder = Path(tempfile.mkdtemp(prefix="keras-matrix-"))
    exchange = Exchange.make(folder / "exchange", request.root)
    folder.chmod(0o711)
    try:
        fault = bubblewrap.find_fault(exchange.root)
        if fault:
            raise NoSandbox(
                f"a model file may run code, and nothing confines it here: bubblewrap: {fault}",
                cause="a container or a system without namespaces for its users",
                next_step="apt install bubblewrap",
            )
        sandbox = bubblewrap.Bubblewrap(store=request.store)
        try:
            yield sandbox, exchange
        finally:
            sandbox.close()
    finally:
        remove_exchange(exchange)
        folder.rmdir()
