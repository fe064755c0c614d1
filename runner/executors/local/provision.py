"""The virtual environments, built from their locks, or the reason why not (stage 2).

    <store>/environments/<id>-<key>/                    one environment; key = lock + Python
    <store>/environments/<id>-<key>/environment.files   sizes and times of the installed files
    <store>/environments/<id>-<key>/environment.json    written last: it is finished
    <store>/environments/.building-<id>-<key>-*/        being built, or left by a killed build
    <store>/environments/.locks/                        one lock file for each build

Building is idempotent. The virtual environment is made relocatable under a temporary name
and renamed once everything is installed; it is accepted once its framework was imported
in it and every installed version is the pinned one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import MatrixError, ProvisionError
from runner.executors.identity import Identity, check_versions, parse_json
from runner.executors.interface import Warn
from runner.executors.local import integrity
from runner.executors.local.identify import identify
from runner.executors.local.interpreters import find_interpreter
from runner.executors.locks import LOCKS, Lock, lock_path, usable_lock
from runner.executors.uv import run_uv, torch_arguments
from runner.host.process import Completed
from runner.store.builds import WHEELS

MARKER = "environment.json"
MARKER_SCHEMA = "environment/1"
INSTALL_TIMEOUT_S = 3600.0


def provision(
    environment: Environment, store: Path, *, folder: Path = LOCKS
) -> ProvisionedEnvironment | ProvisionError:
    """Build one environment, or find it built.

    A failure is a value: the other environments are still worth a run. Safe to call
    from several threads and processes at once; the same environment is built only once.
    """
    try:
        lock = usable_lock(environment, lock_path(environment.id, folder))
        place = _place(environment, lock, store)
        finished = _read_finished(place, lock)
        if finished is not None:
            return finished
        place.root.mkdir(parents=True, exist_ok=True)
        remove_leftovers(store)
        with _held(place.root, place.name):
            # Another process may have built it while this one waited.
            return _read_finished(place, lock) or _build(place, lock, store)
    except ProvisionError as error:
        return error
    except MatrixError as error:
        return ProvisionError(error.message, cause=error.cause, next_step=error.next_step)
    except OSError as error:
        return _explain_os_error(environment, error)


def require_whole(
    built: ProvisionedEnvironment, store: Path, warn: Warn, *, folder: Path = LOCKS
) -> None:
    """Hold an environment's files against the installed ones; build it again if they differ.

    Safe to call from several threads and processes at once, like `provision`.

    Raises:
        ProvisionError: it is damaged, and could not be built again as it was.
    """
    environment = built.environment
    try:
        lock = usable_lock(environment, lock_path(environment.id, folder))
        place = _place(environment, lock, store)
        if integrity.find_damage(place.directory) is None:
            return
        place.root.mkdir(parents=True, exist_ok=True)
        with _held(place.root, place.name):
            # Another process may have built it again while this one waited.
            damage = integrity.find_damage(place.directory)
            if damage is None:
                return
            warn(f"{environment.id}: its environment is damaged ({damage}); it is built again")
            again = _build(place, lock, store)
    except ProvisionError:
        raise
    except MatrixError as error:
        raise ProvisionError(error.message, cause=error.cause, next_step=error.next_step) from error
    except OSError as error:
        raise _explain_os_error(environment, error) from error
    if (again.python_version, again.resolved) != (built.python_version, built.resolved):
        raise ProvisionError(
            f"{environment.id}: built again, its Python is {again.python_version}, which was"
            f" {built.python_version}",
            cause="this machine's Python was replaced since the run began",
            next_step="repeat the command",
        )


def remove_leftovers(store: Path) -> tuple[Path, ...]:
    """Remove and return the leftovers of killed builds.

    A build that is still running holds its lock and is left alone.
    """
    root = store / "environments"
    removed = []
    for leftover in sorted(root.glob(".building-*")):
        name = leftover.name.removeprefix(".building-").rpartition("-")[0]
        with contextlib.suppress(BlockingIOError), _held(root, name, wait=False):
            shutil.rmtree(leftover, ignore_errors=True)
            removed.append(leftover)
    return tuple(removed)


def probe_home(store: Path, environment_id: str) -> Path:
    """The HOME of processes that import this environment's framework; made if missing."""
    home = store / "home" / environment_id
    home.mkdir(parents=True, exist_ok=True)
    return home


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one environment is built."""

    root: Path
    environment: Environment
    name: str

    @property
    def directory(self) -> Path:
        return self.root / self.name

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    @property
    def marker(self) -> Path:
        return self.directory / MARKER


class _Marker(msgspec.Struct, frozen=True, kw_only=True):
    """The content of environment.json."""

    schema: str
    environment: str
    lock_sha256: str
    identity: Identity


def _place(environment: Environment, lock: Lock, store: Path) -> _Place:
    name = f"{environment.id}-{lock.key(environment)}"
    return _Place(store / "environments", environment, name)


def _read_finished(place: _Place, lock: Lock) -> ProvisionedEnvironment | None:
    """The environment if it was finished for this lock and can still be started."""
    try:
        marker = parse_json(place.marker.read_bytes(), _Marker)
        if marker.schema != MARKER_SCHEMA or marker.lock_sha256 != lock.digest:
            return None
        # Follows the link: the interpreter it was made from may have been uninstalled.
        if not os.access(place.python, os.X_OK):
            return None
        check_versions(place.environment, lock, marker.identity)
        return _provisioned(place, lock, marker.identity)
    except (OSError, ValueError, ProvisionError):
        return None


def _build(place: _Place, lock: Lock, store: Path) -> ProvisionedEnvironment:
    if place.directory.exists():  # damaged, or killed between rename and marker
        place.marker.unlink(missing_ok=True)  # first: a kill must not leave half of it finished
        shutil.rmtree(place.directory)
    building = Path(tempfile.mkdtemp(prefix=f".building-{place.name}-", dir=place.root))
    try:
        _install(place.environment, lock, building / "venv")
        if integrity.find_wrong_content(building / "venv"):
            # uv's cache is damaged. Without it everything is fetched, and held against the lock.
            shutil.rmtree(building / "venv")
            _install(place.environment, lock, building / "venv", cache=False)
        (building / "venv").rename(place.directory)
        (building / "tmp").mkdir()
        identity = _identify(place, store, building / "tmp")
    finally:
        shutil.rmtree(building, ignore_errors=True)
    check_versions(place.environment, lock, identity)
    integrity.write_listing(place.directory)
    _write_marker(place, lock, identity)
    return _provisioned(place, lock, identity)


def _install(environment: Environment, lock: Lock, target: Path, *, cache: bool = True) -> None:
    interpreter = find_interpreter(environment.python)
    # Where the machine has none, uv is asked by version and downloads it if it can.
    wanted = str(interpreter) if interpreter else environment.python
    made = run_uv(
        ["venv", "--quiet", "--relocatable", "--no-project", "--python", wanted, str(target)],
        timeout_s=INSTALL_TIMEOUT_S,
    )
    if not made.ok:
        raise explain_failure(environment, "venv", made)
    install = ["pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    # As it was read: a release's lies nowhere else.
    requirements = target.parent / lock.path.name
    requirements.write_bytes(lock.content)
    installed = run_uv(
        [
            *install,
            *(() if cache else ("--no-cache",)),
            *torch_arguments(lock.pins),
            *_wheel_arguments(environment, lock),
            *("--python", str(target / "bin" / "python")),
            *("--requirements", str(requirements)),
        ],
        timeout_s=INSTALL_TIMEOUT_S,
    )
    if not installed.ok:
        raise explain_failure(environment, "install", installed)


def _wheel_arguments(environment: Environment, lock: Lock) -> tuple[str, ...]:
    """Where the wheel of a build lies: its lock has the digest alone, which no index has."""
    if environment.build is None or not environment.build.wheel:
        return ()
    return ("--find-links", str(lock.path.parent / WHEELS / environment.build.wheel))


def _identify(place: _Place, store: Path, temporary: Path) -> Identity:
    """Import the framework at its final place; what it leaves goes with the temporary folder."""
    environment = place.environment
    return identify(
        environment,
        place.python,
        home=probe_home(store, environment.id),
        temporary=temporary,
        explain=lambda asked: explain_failure(environment, "import", asked),
    )


def _write_marker(place: _Place, lock: Lock, identity: Identity) -> None:
    marker = _Marker(
        schema=MARKER_SCHEMA,
        environment=place.environment.id,
        lock_sha256=lock.digest,
        identity=identity,
    )
    part = place.marker.with_suffix(".part")
    with part.open("w", encoding="utf-8") as stream:
        json.dump(msgspec.to_builtins(marker), stream, indent=2, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(place.marker)


def _provisioned(place: _Place, lock: Lock, identity: Identity) -> ProvisionedEnvironment:
    return ProvisionedEnvironment(
        environment=place.environment,
        executable=str(place.python),
        lock_digest=lock.digest,
        python_version=identity.python_version,
        resolved=MappingProxyType(dict(identity.distributions)),
        import_s=identity.import_s,
        fork=identity.fork,
    )


@contextlib.contextmanager
def _held(root: Path, name: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the build lock of one environment; it vanishes with the process that holds it.

    With `wait=False` raises BlockingIOError if another holds it.
    """
    folder = root / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


_OFFLINE = "|".join(
    (
        *("network was disabled", "error sending request", "failed to fetch", "dns error"),
        *("connection (refused|reset)", "timed out", "tunnel error", "certificate"),
    )
)

# Most specific first; uv's texts are under tests/unit/data/uv/.
_SYMPTOMS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cause, next_step)
    for pattern, cause, next_step in (
        (
            r"no space left on device|os error 28|disk quota exceeded",
            "the disk is full",
            "free some space (an environment takes 1 to 2 GB), then repeat the command",
        ),
        (
            r"read-only file system|os error 30|permission denied|os error 13",
            "the store, or uv's cache, may not be written",
            "choose a writable store with --store, or correct the permissions",
        ),
        (
            r"hash mismatch",
            "a download is not the file that was locked: a damaged cache, or another index",
            "run: {uv} cache clean, then repeat; if it stays, distrust the index",
        ),
        (
            r"no interpreter found|python-build-standalone|python downloads are",
            "this machine has no such Python, and uv could not download one",
            "run: {uv} python install {python} (or pyenv install {python}), then repeat",
        ),
        (
            _OFFLINE,
            "the package index cannot be reached",
            "check the network, the proxy variables and SSL_CERT_FILE, then repeat the command",
        ),
        (
            r"in `--require-hashes` mode",
            "the lock has a requirement without a hash: it was edited by hand",
            "run: nox -s update -- {id}",
        ),
        (
            r"no solution found",
            "the index no longer has that version for this Python and platform",
            "run: nox -s update -- {id}; the locks are made for Linux on x86-64",
        ),
        (
            r"failed to build|build failures|build backend",
            "a package has no wheel for this platform and could not be compiled",
            "measure in a container, which is Linux: nox -s matrix -- --executor docker",
        ),
        (
            r"illegal instruction|avx",
            "the processor lacks instructions this build of the framework needs",
            "use another machine for {id}",
        ),
    )
)

_STEPS = {
    "venv": "its Python could not be set up",
    "install": "its packages could not be installed",
    "import": "its framework could not be imported",
}


def explain_failure(environment: Environment, step: str, ended: Completed) -> ProvisionError:
    """The error of a failed step `venv`, `install` or `import`, with its likely cause."""
    text = ended.stderr.strip() or ended.stdout.strip()
    what = f"{environment.id}: {_STEPS[step]}: {_last_words(text, ended)}"
    if ended.timed_out:
        return ProvisionError(
            what, cause="the machine or the network is too slow", next_step="repeat the command"
        )
    for pattern, cause, next_step in _SYMPTOMS:
        if pattern.search(text):
            advice = next_step.format(
                id=environment.id,
                python=environment.python,
                # The tool's own: a user may have no other on PATH.
                uv=f"{shlex.quote(sys.executable)} -m uv",
            )
            return ProvisionError(what, cause=cause, next_step=advice)
    if step == "import":
        return ProvisionError(
            what,
            cause="a pinned package does not fit the others, or a system library is missing",
            next_step=f"run: nox -s update -- {environment.id}",
        )
    return ProvisionError(what, cause="see the message", next_step="repeat the command")


def _last_words(text: str, ended: Completed) -> str:
    """The line that says it: uv's `error:` line, or the last line of a traceback."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    if ended.timed_out:
        return f"no end after {ended.duration_s:.0f} s"
    if ended.returncode < 0:
        return f"ended by signal {-ended.returncode}"
    chosen = errors[0] if errors else lines[-1] if lines else f"exit code {ended.returncode}"
    return chosen[:300]


def _explain_os_error(environment: Environment, error: OSError) -> ProvisionError:
    """An error of this process' own file operations."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    denied = error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}
    cause, next_step = "see the message", "repeat the command"
    if full or denied:
        _, cause, next_step = _SYMPTOMS[0 if full else 1]
    return ProvisionError(
        f"{environment.id}: its place in the store cannot be written: {error}",
        cause=cause,
        next_step=next_step,
    )
