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
from runner.executors.sandbox import bubblewrap, landlock
from runner.executors.sandbox.interface import Exchange, Sandbox, remove_exchange

WAYS = ("bubblewrap", "landlock")


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
        sandbox = _find(request, exchange)
        try:
            yield sandbox, exchange
        finally:
            sandbox.close()
    finally:
        remove_exchange(exchange)
        folder.rmdir()


def _find(request: Request, exchange: Exchange) -> Sandbox:
    fault = bubblewrap.find_fault(exchange.root)
    if not fault:
        return bubblewrap.Bubblewrap(store=request.store)
    found = landlock.find_sandbox(request.store, exchange.root)
    if isinstance(found, landlock.Landlock):
        return found
    raise NoSandbox(
        "a model file may run code, and nothing confines it here: "
        f"bubblewrap: {fault}; Landlock: {found}",
        cause="a container or a system without namespaces for its users",
        next_step="apt install bubblewrap",
    )
