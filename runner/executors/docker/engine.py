"""The container engine: reached through the docker SDK, its errors put into words.

The SDK raises errors of its own and of the HTTP library below it; both end here. What is
wrong with the engine as a whole raises NoEnvironmentError, because then nothing can be
measured; what is wrong with one image is a ProvisionError, and costs its environment alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any, TypeVar

import docker
import requests
from docker.errors import APIError, BuildError, ContainerError, DockerException, NotFound

from runner.domain.errors import NoEnvironmentError, ProvisionError

ENGINE_ERRORS = (DockerException, requests.RequestException)
"""Everything a call of the SDK may raise for reasons outside this tool."""
ANSWER_S = 30.0
"""Until an engine that is there must have answered."""
TIMEOUT_S = 1800.0
"""Until the engine must have said something: a step of a build may install for minutes."""
STEP_TIMEOUT_S = 120.0
"""The same once images are there: a container is made, started or removed in seconds."""
CONNECTIONS = 64
"""Connections at once; each running container holds one that waits for its end."""
STORE_LABEL = "keras-matrix.store"
"""On every container: the store whose run it belongs to."""
_STOP_POLL_S = 0.2
_LAST_LINES = 3

Result = TypeVar("Result")

_UNREACHABLE: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cause, next_step)
    for pattern, cause, next_step in (
        (
            r"permission denied|PermissionError",
            "this user may not use the engine's socket",
            "run: sudo usermod -aG docker $USER, log in again; or leave --executor out",
        ),
        (
            r"No such file|FileNotFoundError|Connection refused|ConnectionRefused",
            "none is installed, or it is not running, or DOCKER_HOST names another place",
            "run: sudo systemctl start docker (or set DOCKER_HOST); or leave --executor out",
        ),
        (
            r"timed out|timeout",
            "the engine is overloaded or hangs",
            "run: docker info; restart the engine if that hangs as well",
        ),
    )
)

_UNBUILDABLE: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cause, next_step)
    for pattern, cause, next_step in (
        (
            r"no space left on device|disk quota exceeded",
            "the engine's disk is full",
            "run: docker system df; images of older locks are removed by: nox -s images -- --prune",
        ),
        (
            # pip's headline may be lost from the log: its list of digests follows.
            (
                r"do not match the hashes|hashes are required|hash mismatch"
                r"|expected +(sha256|or) +\w{64}"
            ),
            "a download is not the file that was locked",
            "distrust the index; if it is right, run: nox -s update -- {id}",
        ),
        (
            (
                r"pull access denied|manifest( for \S+)? (unknown|not found)|no such image"
                r"|name unknown"
            ),
            "the base image does not exist there, or needs a login",
            "name another: --base-image 'registry.example/python:{{python}}-slim'",
        ),
        (
            r"certificate|SSLError",
            "the index or the registry has a certificate of a private authority",
            "give it: --ca-bundle FILE (index), or install it for the engine (registry)",
        ),
        (
            (
                r"dial tcp|lookup|name resolution|connection (refused|reset)|time(d |-)?out"
                r"|unreachable"
            ),
            "the registry or the package index cannot be reached",
            "check network and proxy; or use mirrors: --base-image, --build-arg PIP_INDEX_URL=...",
        ),
        (
            r"no matching distribution|could not find a version",
            "the index has no such package for this Python and platform",
            "run: nox -s update -- {id}; or add an index: --build-arg PIP_EXTRA_INDEX_URL=...",
        ),
        (
            r"gcc|compil|build wheel|subprocess-exited",
            "a package has no wheel and the base image no compiler",
            "give the first stage one: --build-arg BUILD_PACKAGES='gcc g++ libc6-dev'",
        ),
    )
)


def connect() -> docker.DockerClient:
    """Return a client of the engine that DOCKER_HOST, or the usual socket, names.

    Raises:
        NoEnvironmentError: it does not answer, or not to this user.
    """
    try:
        client = docker.from_env(timeout=ANSWER_S, max_pool_size=CONNECTIONS)
        client.ping()
    except ENGINE_ERRORS as error:
        raise explain_unreachable(error) from error
    client.api.timeout = TIMEOUT_S
    return client


def store_key(store: Path) -> str:
    """A short name of a store, the same in every run."""
    return hashlib.sha256(str(store).encode()).hexdigest()[:12]


def remove_container(container: Any) -> None:
    """Remove a container, running or not; one that is gone already is no error."""
    with contextlib.suppress(NotFound):
        try:
            container.remove(force=True)
        except DockerException as error:
            if "already in progress" not in str(error):
                raise


def while_wanted(stopped: threading.Event, work: Callable[[], Result]) -> Result:
    """Do work that may wait for the engine for minutes; CancelledError once `stopped` is set.

    The waiting thread is left behind then. It ends with this process, and the engine ends a build
    whose connection is gone.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again below
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    while not wait([future], timeout=_STOP_POLL_S).done:
        if stopped.is_set():
            raise CancelledError
    return future.result()


def explain_unreachable(error: Exception) -> NoEnvironmentError:
    """The error of an engine that did not answer."""
    text = f"{error} {error.__cause__ or error.__context__ or ''}"
    cause, next_step = _match(_UNREACHABLE, text) or ("see the message", "run: docker info")
    return NoEnvironmentError(
        f"no container engine answers: {_one_line(str(error))}", cause=cause, next_step=next_step
    )


def explain_image_failure(environment_id: str, step: str, error: Exception) -> ProvisionError:
    """The error of an image that could not be had; `step` names the work in hand."""
    text = _image_text(error)
    cause, next_step = _match(_UNBUILDABLE, text) or (
        "see the message",
        "repeat: nox -s images -- {id}",
    )
    return ProvisionError(
        f"{environment_id}: {step}: {_one_line(text)}",
        cause=cause,
        next_step=next_step.format(id=environment_id),
    )


def explain_engine_error(doing: str, error: Exception) -> NoEnvironmentError:
    """The error of an engine that refused something other than building an image."""
    # No environment is concerned: of the things an image may lack, only the disk can be at fault.
    cause, next_step = _match(_UNBUILDABLE[:1], str(error)) or (
        _match(_UNREACHABLE, str(error)) or ("see the message", "run: docker info")
    )
    return NoEnvironmentError(
        f"the container engine failed to {doing}: {_one_line(str(error))}",
        cause=cause,
        next_step=next_step,
    )


def _image_text(error: Exception) -> str:
    if isinstance(error, BuildError):
        # The engine colours a step's output as an error.
        printed = _plain("".join(str(each.get("stream", "")) for each in error.build_log))
        said = [line.strip() for line in printed.splitlines() if line.strip()]
        # pip ends with "no such version" even where it never reached the index.
        wanted = [line for line in said if re.search(r"\bERROR\b|Error:|\bE: |Retrying \(", line)]
        return " | ".join([*(wanted or said)[-_LAST_LINES:], str(error.msg)])
    if isinstance(error, APIError):
        return str(error.explanation or error)
    if isinstance(error, ContainerError):
        said = (error.stderr or b"").decode("utf-8", "replace").strip().splitlines()
        return f"exit code {error.exit_status}" + (f": {said[-1]}" if said else "")
    return str(error)


def _match(
    table: tuple[tuple[re.Pattern[str], str, str], ...], text: str
) -> tuple[str, str] | None:
    for pattern, cause, next_step in table:
        if pattern.search(text):
            return cause, next_step
    return None


def _one_line(text: str) -> str:
    return " ".join(_plain(text).split())[:300]


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
