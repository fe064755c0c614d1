"""A Dask cluster as a place: environments and probes are those of its workers.

Without an address the workers are threads of this process, and their probes are processes as ever.
Orders pass in memory; the ports that Dask opens besides are on loopback, and serve no page.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import (
    BuildError,
    ClusterError,
    ConfigurationError,
    ProvisionError,
    SelectionError,
)
from runner.domain.request import Request
from runner.executors.interface import Place, Settings, Warn
from runner.executors.locks import lock_path, usable_lock
from runner.store.exchange import open_exchange

try:
    import dask.config
    from distributed import Client, LocalCluster

    from runner.executors.dask import worker
    from runner.executors.dask.address import is_loopback, require_address, security_of
    from runner.executors.dask.builders import Builders
    from runner.executors.dask.crew import DaskCrew, Packs
    from runner.executors.dask.team import Team
    from runner.executors.dask.version import tool_digest
except ImportError as error:
    import sys

    raise ConfigurationError(
        f"--executor dask: {error}",
        cause="the optional packages for a Dask cluster are not installed",
        next_step=f"{sys.executable} -m pip install 'distributed>=2024.8'",
    ) from error

CONNECT_S = 30.0
LOOPBACK = "127.0.0.1:0"
EXCHANGE = "exchange"
"""The folder of the store where artifacts are shared, if all workers are on this machine."""


@dataclass(kw_only=True)
class DaskPlace:
    """The workers of one scheduler."""

    request: Request
    warn: Warn
    team: Team
    builders_: Builders
    address: str
    """Of the exchange."""

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Have a worker build it, or find it there; a build of one's own is on no other machine."""
        if environment.build is not None:
            return BuildError(
                f"{environment.id}: the workers of a cluster take no builds of one's own",
                cause="its wheel is built on this machine, in confinement",
                next_step="leave out --executor",
            )
        try:
            digest = self.lock_digest(environment)
        except ProvisionError as error:
            return error
        return self.builders_.build(environment, digest)

    def lock_digest(self, environment: Environment) -> str:
        """Return the digest of its lock."""
        return usable_lock(environment, lock_path(environment.id)).digest

    def builders(self, workers: int) -> int:
        """Return how many environments are asked for at once: more than there are workers."""
        del workers
        return 64

    def crew(self, settings: Settings) -> DaskCrew:
        """Return the crew of the workers."""
        return DaskCrew(
            team=self.team,
            packs=Packs(open_exchange(self.address), self.request.store),
            settings=settings,
            warn=self.warn,
        )

    def abandon(self) -> None:
        """Wait for no build: workers end theirs by themselves."""
        self.builders_.stopped.set()


@contextmanager
def open_place(request: Request, warn: Warn) -> Iterator[Place]:
    """Give the cluster whose scheduler the request names, or workers of this process.

    Raises:
        ClusterError: no scheduler answers, or it may not be used.
        SelectionError: something is asked for that only this machine has.
    """
    if request.scheduler:
        require_address(request.scheduler)
    address = _exchange_address(request)
    with ExitStack() as closing:
        client = closing.enter_context(_client(request, closing))
        if address == str(request.store / EXCHANGE) and not request.recorded:
            shutil.rmtree(address, ignore_errors=True)
            closing.callback(shutil.rmtree, address, ignore_errors=True)
        head = _head(request, address)

        def order(queue: str, number: int) -> dict[str, Any]:
            return {"queue": queue, "number": number, **head}

        team = Team(
            client=client,
            order=order,
            tool=head["tool"],
            warn=warn,
            start_timeout_s=request.start_timeout_s,
        )
        closing.callback(team.close)
        yield DaskPlace(
            request=request,
            warn=warn,
            team=team,
            builders_=Builders(team=team),
            address=address,
        )


def _head(request: Request, address: str) -> dict[str, Any]:
    """Return the fields that all orders have in common; offer workers the user's own scenarios."""
    own = request.scenarios and request.scheduler and not request.recorded
    return {
        "tool": tool_digest(request.root),
        "executor": request.worker_executor,
        "settings": {
            "base_image": request.base_image,
            "build_args": list(request.build_args),
            "ca_bundle": str(request.ca_bundle.absolute()) if request.ca_bundle else None,
            "limits": msgspec.to_builtins(request.limits),
        },
        "root": str(request.root),
        "store": str(request.store),
        "here": not request.scheduler,
        "exchange": address,
        "scenarios": open_exchange(address).put(request.root / "scenarios") if own else "",
    }


def _exchange_address(request: Request) -> str:
    """Return where artifacts are shared: a folder of the store if all is on this machine."""
    if request.artifacts:
        remote = "://" in request.artifacts
        return request.artifacts if remote else str(Path(request.artifacts).absolute())
    if request.scheduler and not is_loopback(request.scheduler):
        raise SelectionError(
            "--scheduler on another machine without --artifacts: its workers would not find "
            "the saved models",
            cause="models travel through a folder or an address that all machines reach",
            next_step="add --artifacts s3://BUCKET/FOLDER, or a folder that all machines see",
        )
    return str(request.store / EXCHANGE)


@contextmanager
def _client(request: Request, closing: ExitStack) -> Iterator[Client]:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if not request.scheduler:
        pages: dict[str, list[str]] = {
            f"distributed.{name}.http.routes": [] for name in ("scheduler", "worker")
        }
        closing.enter_context(dask.config.set(pages))
        cluster = LocalCluster(
            n_workers=request.workers,
            threads_per_worker=1,
            processes=False,
            memory_limit=0,
            dashboard_address=None,
            worker_dashboard_address=LOOPBACK,
            scheduler_kwargs={"dashboard_address": LOOPBACK},
            local_directory=str(_scratch(request)),
            silence_logs=logging.CRITICAL,
        )
        closing.callback(_end_desks)
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client
        return
    security = security_of(request)
    try:
        client = Client(
            request.scheduler, security=security, timeout=CONNECT_S, set_as_default=False
        )
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no scheduler answers at {request.scheduler[:80]}: {str(error)[:200]}",
            cause="it was not started, its address is another, or it has other certificates",
            next_step="start one: dask scheduler; or leave --scheduler out for this machine alone",
        ) from error
    try:
        yield client
    finally:
        # A scheduler that is gone must not hold up the end.
        with suppress(Exception):
            client.close(timeout=2)


def _scratch(request: Request) -> Path:
    folder = request.store / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _end_desks() -> None:
    for desk in worker.open_desks():
        desk.closing.close()
