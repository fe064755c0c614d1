"""Confinement by a container of the engine, with `--executor docker`: images of the matrix.

A container has no network, a root it cannot write, no capability, and limits of memory, processes
and disk space; it sees the exchange folder, read only. Its pipes are those of the engine's stream.
"""

from __future__ import annotations

import contextlib
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import msgspec
from docker.types import Mount, Ulimit

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.domain.request import Request
from runner.executors.docker.containers import container_user
from runner.executors.docker.engine import (
    ENGINE_ERRORS,
    STORE_LABEL,
    connect,
    explain_image_failure,
    remove_container,
    store_key,
)
from runner.executors.docker.images import ImageBuilder, framework_variables, image_builder
from runner.executors.sandbox.interface import Exchange, Pipe, Told, arguments_of

INSIDE = Path("/sandbox/exchange")
WORK = "/sandbox/work"
TEMPORARY_MB = 64
RESERVE_MB = 3072
"""Memory beside that of one job and of its files: the probe itself."""
PIECE = 1 << 20
HEAD = struct.Struct(">BxxxI")
"""Before each piece of the engine's stream: which of the outputs it is of, and its length."""
ERRORS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Containers:
    """Containers of one engine."""

    client: docker.DockerClient
    builder: ImageBuilder
    store: Path
    rootless: bool
    name: str = "container"

    @property
    def words(self) -> str:
        """How a job is confined."""
        return "a container: no network, no file but its own, limits of memory, disk and processes"

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build an image, or find it."""
        return self.builder.provision(environment)

    def start(
        self, environment: ProvisionedEnvironment, exchange: Exchange, told: Told, log: Path
    ) -> Pipe:
        """Start the probe."""
        told = msgspec.structs.replace(told, files=str(INSIDE / "files"), work=WORK, user=0)
        declared = environment.environment
        memory = (2 * told.limits["memory_mb"] + told.disk_mb + RESERVE_MB) * 2**20
        words = arguments_of(environment.executable, told)
        variables = {**framework_variables(declared), "HOME": f"{WORK}/home", "TMPDIR": WORK}
        try:
            container = self.client.containers.create(
                environment.image,
                words[1:],
                entrypoint=words[0],
                working_dir=str(INSIDE / "code"),
                stdin_open=True,
                labels={STORE_LABEL: store_key(self.store)},
                user=container_user(rootless=self.rootless),
                environment=variables,
                mounts=[Mount(str(INSIDE), str(exchange.root), type="bind", read_only=True)],
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                mem_limit=memory,
                memswap_limit=memory,
                pids_limit=told.rlimits["nproc"],
                tmpfs={
                    "/tmp": f"size={TEMPORARY_MB}m,mode=1777,nosuid,nodev",  # noqa: S108
                    WORK: f"size={told.disk_mb}m,mode=1777,nosuid,nodev,exec",
                },
                ulimits=[
                    Ulimit(name=name, soft=told.rlimits[name], hard=told.rlimits[name])
                    for name in ("core", "fsize", "cpu")
                ],
                hostname="sandbox",
                log_config={"type": "none"},
            )
            try:
                return ContainerPipe.open(container, log)
            except BaseException:
                remove_container(container)
                raise
        except ENGINE_ERRORS as error:
            step = "its container could not be started"
            raise explain_image_failure(declared.id, step, error) from error

    def close(self) -> None:
        """Nothing is left: every container ends with its pipe."""


@dataclass(slots=True)
class ContainerPipe:
    """A container whose standard input and output come over one stream of the engine."""

    container: Any
    stream: Any
    """A socket."""
    log: Path
    _rest: bytearray = field(default_factory=bytearray)
    _ended: bool = False

    @classmethod
    def open(cls, container: Any, log: Path) -> ContainerPipe:
        """Attach to a container, then start it."""
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        attached = container.attach_socket(params=wanted)
        container.start()
        return cls(container, getattr(attached, "_sock", attached), log)

    def send(self, data: bytes) -> None:
        """Write to its standard input."""
        self.stream.sendall(data)

    def receive(self, timeout_s: float) -> bytes | None:
        """Return a piece of its standard output."""
        found = self._take()
        if found or self._ended:
            return found
        ready, _, _ = select.select([self.stream], [], [], timeout_s)
        if not ready:
            return None
        data = self.stream.recv(PIECE)
        self._ended = not data
        self._rest += data
        return self._take() or (b"" if self._ended else None)

    def _take(self) -> bytes:
        """Return the whole pieces that are there; errors go to the log."""
        found = bytearray()
        while len(self._rest) >= HEAD.size:
            which, size = HEAD.unpack_from(self._rest)
            if len(self._rest) < HEAD.size + size:
                break
            piece = bytes(self._rest[HEAD.size : HEAD.size + size])
            del self._rest[: HEAD.size + size]
            if which == ERRORS:
                with self.log.open("ab") as log:
                    log.write(piece)
            else:
                found += piece
        return bytes(found)

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        with contextlib.suppress(*ENGINE_ERRORS):
            self.container.reload()
            state = self.container.attrs["State"]
            return None if state["Running"] else int(state["ExitCode"])
        return 1

    def kill(self) -> None:
        """End it and everything in it."""
        with contextlib.suppress(OSError):
            self.stream.close()
        with contextlib.suppress(*ENGINE_ERRORS):
            remove_container(self.container)


@contextmanager
def open_containers(request: Request) -> Iterator[Containers]:
    """Give the engine that DOCKER_HOST, or the usual socket, names.

    Raises:
        NoEnvironmentError: none answers.
    """
    client = connect()
    try:
        options = client.info().get("SecurityOptions") or []
        yield Containers(
            client=client,
            builder=image_builder(request, client),
            store=request.store,
            rootless=any("rootless" in str(option) for option in options),
        )
    finally:
        client.close()
