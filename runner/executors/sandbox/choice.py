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
from runner.executors.registry import executor_row
from runner.executors.sandbox import bubblewrap, landlock
from runner.executors.sandbox.interface import Exchange, Sandbox, remove_exchange


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
        with _find(request, exchange) as sandbox:
            yield sandbox, exchange
    finally:
        remove_exchange(exchange)
        folder.rmdir()


@contextmanager
def _find(request: Request, exchange: Exchange) -> Iterator[Sandbox]:
    if executor_row(request.executor).contained:
        # Imported by who asks for it alone: its libraries are slow.
        from runner.executors.sandbox.containers import open_containers  # noqa: PLC0415

        with open_containers(request) as containers:
            yield containers
        return
    found = _find_here(request, exchange)
    try:
        yield found
    finally:
        found.close()


def _find_here(request: Request, exchange: Exchange) -> Sandbox:
    """Return what this machine's kernel offers."""
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
        next_step="apt install bubblewrap; or, where a container engine answers, add: "
        "--executor docker",
    )
