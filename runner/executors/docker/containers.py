"""The containers of probes, one each and none left behind (stages 4 and 5).

The batch contract is the local one, and so are the paths: the batch's folder and the
artifacts are mounted where they are on the host. A container has no network, a root it
cannot write, no capability, and limits; it may write its batch's folder, a temporary file
system, and, only while it saves, the artifacts of its own environment.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.types import Mount, Ulimit

from runner.domain import ProvisionedEnvironment
from runner.executors import confine
from runner.executors.docker.engine import (
    ENGINE_ERRORS,
    STORE_LABEL,
    explain_engine_error,
    explain_image_failure,
    remove_container,
    store_key,
)
from runner.executors.docker.images import framework_variables

NAME = "keras-matrix"
PROBE_FOLDER = Path("/opt/probe")
IMAGE_USER = 10001
"""The user of the images, for a host that is root itself and has no other to lend."""

PIDS = 512
TEMPORARY_MB = 1024
RESERVE_MB = 3072
"""Memory beside one child's: the probe itself, and address space a child may reserve. The
probe's own limit is lower, so that it, and not the kernel, names the job that took too much."""
LAST_WORDS = 50
REMOVED_S = 60.0
KILLED_BY_SIGNAL = 128


def container_user(*, rootless: bool) -> str:
    """Return the user that a container's process is, as the engine takes it."""
    if rootless:
        # The engine's root is this very user; any other number would be nobody's.
        return "0:0"
    return f"{os.getuid() or IMAGE_USER}:{os.getgid() or IMAGE_USER}"


@dataclass(slots=True)
class DockerExecutor:
    """Runs probes in containers; one for each store, which has one run at a time."""

    client: docker.DockerClient
    root: Path
    store: Path
    memory_mb: int
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    alone: bool = True
    """Whether the store is this run's: then leftovers of a killed one are removed at once."""
    rootless: bool = False

    def __post_init__(self) -> None:
        try:
            options = self.client.info().get("SecurityOptions") or []
            self.rootless = any("rootless" in str(option) for option in options)
            if self.alone:
                self.sweep()
        except ENGINE_ERRORS as error:
            raise explain_engine_error("list containers", error) from error

    @property
    def isolation(self) -> str:
        """How a job is confined, for the report."""
        return "container"

    def start(self, folder: Path, environment: ProvisionedEnvironment) -> DockerProbe:
        """Start the probe in a container of its own; its output ends up in `probe.log`."""
        batch = json.loads((folder / "batch.json").read_text(encoding="utf-8"))
        declared = environment.environment
        saves = any(job["kind"] != "load" for job in batch["jobs"])
        try:
            container = self.client.containers.create(
                environment.image,
                [
                    *("--batch", f"{folder}/batch.json"),
                    *("--out", f"{folder}/observations.jsonl", "--unlink"),
                ],
                name=f"{NAME}-{self.key}-{os.getpid()}-{next(self.numbers)}-{declared.id}",
                labels={STORE_LABEL: self.key, "keras-matrix.environment": declared.id},
                user=container_user(rootless=self.rootless),
                environment=framework_variables(declared),
                mounts=self._mounts(folder, declared.id, saves=saves),
                **self._limits(batch),
            )
            try:
                container.start()
            except BaseException:
                remove_container(container)
                raise
        except ENGINE_ERRORS as error:
            step = "its container could not be started"
            raise explain_image_failure(declared.id, step, error) from error
        return DockerProbe(container, folder / "probe.log")

    def sweep(self) -> int:
        """Remove every container of this store: a killed run leaves its own; return how many."""
        found = self.client.containers.list(
            all=True, filters={"label": f"{STORE_LABEL}={self.key}"}, ignore_removed=True
        )
        for container in found:
            remove_container(container)
        return len(found)

    def close(self) -> None:
        """Remove the containers that are left."""
        with contextlib.suppress(*ENGINE_ERRORS):
            if self.alone:
                self.sweep()

    @property
    def key(self) -> str:
        """A short name of the store, the same in every run."""
        return store_key(self.store)

    def _mounts(self, folder: Path, environment_id: str, *, saves: bool) -> list[Mount]:
        artifacts = self.store / "artifacts"
        written = [artifacts / environment_id] if saves else []
        artifacts.mkdir(exist_ok=True)
        for path in written:
            path.mkdir(exist_ok=True)
        for path in (folder, *written):
            self._give(path)
        scenarios = str(PROBE_FOLDER / "scenarios")
        return [
            Mount(scenarios, str(self.root / "scenarios"), type="bind", read_only=True),
            Mount(str(artifacts), str(artifacts), type="bind", read_only=True),
            *(Mount(str(each), str(each), type="bind") for each in (folder, *written)),
        ]

    def _give(self, folder: Path) -> None:
        """Make a folder the container's to write: root has no unprivileged self to run as."""
        if self.rootless or os.getuid() != 0:
            return
        for parent, _, names in os.walk(folder):
            for path in (Path(parent), *(Path(parent, name) for name in names)):
                os.chown(path, IMAGE_USER, IMAGE_USER, follow_symlinks=False)

    def _limits(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        memory = (self.memory_mb + RESERVE_MB + TEMPORARY_MB) * 2**20
        seconds, size = confine.cpu_seconds(batch), confine.FILE_MB * 2**20
        return {
            "network_mode": "none",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "mem_limit": memory,
            # No swap besides: it would only turn a limit into a slow machine.
            "memswap_limit": memory,
            "pids_limit": PIDS,
            "tmpfs": {"/tmp": f"size={TEMPORARY_MB}m,mode=1777,nosuid,nodev"},  # noqa: S108
            "ulimits": [
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="fsize", soft=size, hard=size),
                # The probe watches the clock; this ends one that spins on after the host is gone.
                Ulimit(name="cpu", soft=seconds, hard=seconds),
            ],
            "hostname": "probe",
            "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "1"}},
        }


class DockerProbe:
    """A probe in its container, which is gone when `poll` says that it has ended."""

    def __init__(self, container: Any, log: Path) -> None:
        self._container = container
        self._log = log
        self._code = 0
        self._gone = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal, or None while it runs."""
        return self._code if self._gone.is_set() else None

    def kill(self) -> None:
        """End it and everything in it."""
        with contextlib.suppress(*ENGINE_ERRORS):
            self._container.kill()
        if not self._gone.wait(REMOVED_S):
            self._say("the engine did not say in time that the container is gone")
            self._code = self._code or 1
            self._gone.set()

    def _wait(self) -> None:
        code = 1
        try:
            code = int(self._container.wait(timeout=None)["StatusCode"])
            self._keep_last_words()
        except ENGINE_ERRORS as error:
            # Removed behind our back, or the engine itself went away.
            self._say(f"the container was lost: {error}")
        finally:
            with contextlib.suppress(*ENGINE_ERRORS):
                remove_container(self._container)
            self._code = KILLED_BY_SIGNAL - code if code > KILLED_BY_SIGNAL else code
            self._gone.set()

    def _keep_last_words(self) -> None:
        self._say(self._container.logs(tail=LAST_WORDS).decode("utf-8", "replace"))
        self._container.reload()
        if self._container.attrs["State"].get("OOMKilled"):
            self._say("\nthe container's memory limit was reached")

    def _say(self, text: str) -> None:
        # Its folder is removed once the probe was killed: then nobody asks.
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as log:
            log.write(text)
