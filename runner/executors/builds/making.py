"""The making of a build: its environment as declared -> the same with a lock, in the store.

Input: the environment of a `--with`, and the lock of its base. Output: the environment with its
version, digests and lock, recorded in `<store>/builds/`. The lock is that of the base with one
package replaced, and whatever that needs else, resolved by uv; a wheel and a base that were
locked before keep their lock, so that the same build is the same environment.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from runner.declare.builds import built_requirements
from runner.declare.environments import read_environments
from runner.domain import Build, BuildKind, Environment
from runner.domain.errors import BuildError, MatrixError, ProvisionError
from runner.executors.builds import sources, wheels
from runner.executors.builds.wheels import Wheel
from runner.executors.foreign import find_reach
from runner.executors.locks import (
    LOCKS,
    Lock,
    drop_pin,
    lock_path,
    lock_text,
    normalise_name,
    read_lock,
    replace_pin,
    usable_lock,
)
from runner.executors.resolve import compile_lock
from runner.store import atomic_write_text
from runner.store.builds import (
    SCHEMA,
    BuildRecord,
    builds_folder,
    find_build_record,
    write_build_record,
)

Warn = Callable[[str], None]
FOREIGN = frozenset({BuildKind.CHECKOUT, BuildKind.GIT})
"""Kinds that are built here."""


def make_build(
    environment: Environment, store: Path, warn: Warn, *, locks: Path = LOCKS
) -> Environment:
    """Return the environment of a build with its version, its digests and its lock.

    One that an earlier run made, and that is not given anew, is returned as it was.

    Raises:
        BuildError: it cannot be fetched, built or locked, or is no build of that package.
    """
    build = environment.build
    if build is None or build.version:
        return environment
    base = read_environments().by_id(build.base)
    base_lock = usable_lock(base, lock_path(base.id, locks))
    if build.package not in base_lock.pins:
        raise BuildError(
            f"{environment.id}: {base.id} has no package {build.package} to be replaced",
            cause="a typing mistake, or a package that the measured models do not use",
            next_step=f"grep == containers/locks/{base.id}.txt",
        )
    builds_folder(store).mkdir(parents=True, exist_ok=True)
    wheel, build = _find_wheel(environment, build, base, store, warn)
    lock, build = _lock(environment, build, base, base_lock, wheel, store)
    made = with_build(environment, base, build)
    atomic_write_text(_lock_path(store, environment.id), lock)
    write_build_record(
        store,
        BuildRecord(
            schema=SCHEMA,
            id=environment.id,
            build=build,
            base_lock=base_lock.digest,
            lock=read_lock(_lock_path(store, environment.id)).digest,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )
    return made


def with_build(environment: Environment, base: Environment, build: Build) -> Environment:
    """Return the environment with its build as it was made."""
    return msgspec.structs.replace(
        environment, build=build, requirements=built_requirements(base.requirements, build)
    )


def _find_wheel(
    environment: Environment, build: Build, base: Environment, store: Path, warn: Warn
) -> tuple[Wheel | None, Build]:
    """Return the wheel of a build, kept in the store; None where an index has it."""
    if build.kind in {BuildKind.VERSION, BuildKind.NEWEST}:
        return None, build
    if build.kind is BuildKind.WHEEL:
        wheel = wheels.keep_wheel(Path(build.source), build.distribution, store, environment.id)
        return wheel, build
    scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=builds_folder(store)))
    try:
        copy = scratch / "sources"
        commit = ""
        if build.kind is BuildKind.GIT:
            commit = sources.fetch_commit(build.source, copy)
        else:
            sources.copy_checkout(Path(build.source), copy)
        confined = find_reach().describe()
        warn(f"{environment.id}: its wheel is built from {build.source} ({confined})")
        built = wheels.build_wheel(copy, scratch, base.python, environment.id)
        wheel = wheels.keep_wheel(built, build.distribution, store, environment.id)
    finally:
        wheels.remove_folder(scratch)
    return wheel, msgspec.structs.replace(build, commit=commit, confined=confined)


def _lock(
    environment: Environment,
    build: Build,
    base: Environment,
    base_lock: Lock,
    wheel: Wheel | None,
    store: Path,
) -> tuple[str, Build]:
    """Return the text of a build's lock, and the build with its version and digest."""
    if wheel is not None:
        build = msgspec.structs.replace(build, version=wheel.version, wheel=wheel.sha256)
    elif build.kind is BuildKind.VERSION:
        build = msgspec.structs.replace(build, version=build.source)
    before = _locked_before(environment.id, build, base_lock, store)
    if before is not None:
        return before.content.decode(), build
    compiled = _compile(environment, build, base, base_lock, wheel)
    version = _version_in(compiled, build.distribution)
    if not version or (build.version and _plain(version) != _plain(build.version)):
        raise BuildError(
            f"{environment.id}: {build.distribution} was resolved to {version or 'nothing'},"
            f" not {build.version or 'its newest'}",
            cause=f"another requirement of {base.id} asks for it",
            next_step="name another base: --base ENVIRONMENT",
        )
    build = msgspec.structs.replace(build, version=version)
    made = with_build(environment, base, build)
    return lock_text(made, compiled), build


def _locked_before(build_id: str, build: Build, base_lock: Lock, store: Path) -> Lock | None:
    """Return the lock of the same build on the same base, where there is one."""
    record = find_build_record(store, build_id)
    if record is None or not build.version or record.base_lock != base_lock.digest:
        return None
    then = record.build
    same = (build.base, build.distribution, build.version, build.wheel)
    if (then.base, then.distribution, then.version, then.wheel) != same:
        return None
    try:
        lock = read_lock(_lock_path(store, build_id))
    except ProvisionError:
        return None
    return lock if lock.digest == record.lock else None


def _compile(
    environment: Environment,
    build: Build,
    base: Environment,
    base_lock: Lock,
    wheel: Wheel | None,
) -> str:
    """Resolve the base's requirements with the build in the place of its package."""
    wanted = build.distribution
    if wheel is not None:
        wanted = f"{build.distribution} @ {wheel.path.as_uri()}"
    elif build.version:
        wanted = f"{build.distribution}=={build.version}"
    kept = [each for each in base.requirements if normalise_name(_name_of(each)) != build.package]
    # Another package than the replaced one brings the same module: not both are installed.
    without = () if build.distribution == build.package else (build.package,)
    preferred = drop_pin(base_lock.content.decode().partition("\n")[2], build.package)
    try:
        compiled = compile_lock(
            environment.id, base.python, [wanted, *kept], preferred=preferred, without=without
        )
    except MatrixError as error:
        raise _explain(environment, build, error) from error
    if wheel is None:
        return compiled
    return replace_pin(compiled, build.distribution, wheel.version, wheel.sha256)


def _explain(environment: Environment, build: Build, error: MatrixError) -> BuildError:
    said = error.message.partition("\n")[2].strip() or error.message
    text = " ".join(said.split())
    # The tree of uv's answer is drawn with these.
    text = re.sub(r"[\u2500-\u257f\u25b6\u00d7]+ ?", "", text)[:600]
    index = build.kind in {BuildKind.VERSION, BuildKind.NEWEST}
    if re.search(r"error sending request|network|dns|connect|timed out", text, re.IGNORECASE):
        cause = "the package index cannot be reached"
        next_step = "check the network and the proxy variables, then repeat the command"
    elif index and re.search(r"no version of|not found in the package registry", text):
        cause = f"the index has no {build.distribution} {build.source} for Python"
        cause += f" {environment.python}"
        next_step = f"python -m pip index versions --pre {build.distribution}"
    else:
        cause = f"the build asks for other versions than {build.base} can have"
        next_step = "name another base: --base ENVIRONMENT"
    return BuildError(
        f"{environment.id}: it cannot be locked: {text}", cause=cause, next_step=next_step
    )


def _version_in(compiled: str, distribution: str) -> str:
    found = re.search(rf"^{re.escape(distribution)}==([^\s;\\]+)", compiled, re.MULTILINE)
    return found[1] if found else ""


def _name_of(requirement: str) -> str:
    return re.split(r"[=<>!~\[; ]", requirement)[0]


def _plain(version: str) -> str:
    return re.sub(r"(\.0)+$", "", version.lower().replace("-", "."))


def _lock_path(store: Path, build_id: str) -> Path:
    return lock_path(build_id, builds_folder(store))
