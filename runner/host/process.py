"""The processes of the host: only this module starts them.

A child gets a small, named part of the user's environment and never all of it: a stray
`TF_*`, `KERAS_*` or `PYTHONPATH` of the person who runs the matrix would change what is
measured. Every child leads a process group of its own, so that a time-out ends what the
child has started as well.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runner.domain import Environment

BASE_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
"""The variables that every child gets."""

NETWORK_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CONFIG_DIRS",
    "NETRC",
    "UV_*",
    "PIP_FIND_LINKS",
)
"""Variables that an installer gets besides: proxies, certificates, its user's own settings."""

PLAIN_VARIABLES = {
    # Named in full: nothing of the user's is in them, and they are the same everywhere.
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
"""All that a child that runs a framework has of an environment."""

QUIET_FRAMEWORK = {
    # A GPU would make the numbers of two machines differ, and forks after CUDA fail.
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Packages of the user's site directory would shadow the pinned ones.
    "PYTHONNOUSERSITE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8",
}

Child = subprocess.Popen[bytes]
"""A running child."""

NOT_FOUND = 127
"""Return code for a program that does not exist or may not be executed, as in a shell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """A child that has ended; a failure is a value, never an exception."""

    args: tuple[str, ...]
    returncode: int
    """As `subprocess` has it: negative for a signal; 127 if it could not be started."""
    stdout: str
    stderr: str
    duration_s: float
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with exit code 0."""
        return self.returncode == 0 and not self.timed_out


def base_environment(*, network: bool = False) -> dict[str, str]:
    """The part of this process' environment that a child may see."""
    names = BASE_VARIABLES + (NETWORK_VARIABLES if network else ())
    exact = {name for name in names if not name.endswith("*")}
    prefixes = tuple(name[:-1] for name in names if name.endswith("*"))
    return {
        key: value
        for key, value in os.environ.items()
        if key in exact or (prefixes and key.startswith(prefixes))
    }


def framework_environment(environment: Environment, home: Path) -> dict[str, str]:
    """The variables of a child that imports the framework of `environment`.

    Nothing of the user's own, not even a locale. `home` becomes its HOME: Keras reads and
    writes `~/.keras/keras.json`, which would otherwise let a setting of the user decide the
    backend.
    """
    return {
        **PLAIN_VARIABLES,
        **QUIET_FRAMEWORK,
        "HOME": str(home),
        "KERAS_HOME": str(home / ".keras"),
        **environment.env,
    }


def start(
    args: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start a child that outlives this call; end it with `kill_group`.

    `env` is all it gets (default: `base_environment()`). Raises OSError if it cannot start.
    """
    return subprocess.Popen(
        list(args),
        env=dict(base_environment() if env is None else env),
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def start_logged(args: Sequence[str], log: Path, *, env: Mapping[str, str], cwd: Path) -> Child:
    """Start a child as `start` does, all it prints going to the end of the file `log`."""
    with log.open("ab") as file:
        return start(args, env=env, cwd=cwd, stdout=file, stderr=subprocess.STDOUT)


def start_piped(args: Sequence[str], log: Path, *, env: Mapping[str, str], cwd: Path) -> Child:
    """Start a child that is written to and read from; its errors go to the end of `log`."""
    with log.open("ab") as file:
        return start(args, env=env, cwd=cwd, stdin=subprocess.PIPE, stderr=file)


def signal_name(number: int) -> str:
    """Return `SIGSEGV` for 11; real-time signals have no name of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """End a child of `start` with everything it started, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def end_guarded(child: subprocess.Popen[bytes], patience_s: float = 10.0) -> None:
    """Tell a child that guards others to end them and itself; kill its group if it does not."""
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=patience_s)
    kill_group(child)


def end_marked(name: str, value: str) -> None:
    """Kill every process that was started with the environment variable `name=value`."""
    mark = f"{name}={value}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)


def run(
    args: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float | None = None,
) -> Completed:
    """Run a child to its end and capture its output.

    Never raises for the child's behaviour: a program that does not exist has return code
    127, a time-out has `timed_out`. Its group is killed if this call is interrupted.
    """
    begun = time.monotonic()
    command = tuple(args)
    try:
        child = start(command, env=env, cwd=cwd)
    except OSError as error:
        return Completed(
            args=command, returncode=NOT_FOUND, stdout="", stderr=str(error), duration_s=0.0
        )
    timed_out = False
    try:
        out, err = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        timed_out = True
        kill_group(child)
        out, err = child.communicate()
    except BaseException:  # an interrupt as well: nothing may stay behind
        kill_group(child)
        raise
    return Completed(
        args=command,
        returncode=child.returncode,
        stdout=out.decode("utf-8", "replace"),
        stderr=err.decode("utf-8", "replace"),
        duration_s=time.monotonic() - begun,
        timed_out=timed_out,
    )
