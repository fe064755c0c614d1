"""The releases of each minor version -> containers/releases.toml.

Asked of the index through its ordinary clients: pip says which versions there are for the Python
of the minor version, uv when each was uploaded and what else of the minor's lock must differ.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path

import msgspec

from runner.declare.documents import read_document
from runner.declare.releases import Axis, Missing, Release, replaced_requirements
from runner.domain import Environment
from runner.domain.errors import MatrixError, ProvisionError
from runner.domain.selector import minor_of
from runner.executors.local.interpreters import find_interpreter
from runner.executors.locks import (
    LOCKS,
    Lock,
    lock_path,
    normalise_name,
    pinned_files,
    usable_lock,
)
from runner.executors.resolve import compile_lock
from runner.executors.uv import run_uv
from runner.host import process

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64", "any")
INDEX_TIMEOUT_S = 300.0
PARALLEL = 4
_HEAD = """\
# Every release of the minor versions that environments.toml names, as the index has them.
# Generated: nox -s update -- --releases
#
# A release is the environment of its minor version with `packages` in the place of what its lock
# has of those names, and without those of `without`; `lock` is the digest of that lock. Nothing
# of this is read until a release is named: `--reader keras3.14.0`, or `--profile releases`.
"""


DEPENDENCIES_HEAD = """\
# One version of the framework with other versions of h5py, NumPy, protobuf or Python: the cross
# product of each [[dependencies]] of environments.toml. Generated: nox -s update -- --dependencies
#
# The fields are those of releases.toml. Nothing of this is read until one is named:
# `--reader 'tf2.8.4.h5py*'`, or `--profile dependencies`.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Minor:
    """An environment whose releases are declared."""

    environment: Environment
    package: str
    """The distribution that its id is named after."""
    pinned: str
    """The version of it that the environment has."""

    @property
    def version(self) -> str:
        """The minor version, such as `3.14`."""
        return ".".join(self.pinned.split(".")[:2])

    def id_of(self, version: str) -> str:
        """The id of one of its releases."""
        return self.environment.id + version.removeprefix(self.version)


def minor(environment: Environment) -> Minor:
    """Return what an environment is a minor version of: of its first requirement.

    Raises:
        ProvisionError: its first requirement is not an exact version of that minor.
    """
    package, _, pinned = environment.requirements[0].partition("==")
    found = Minor(environment=environment, package=package, pinned=pinned)
    if not pinned or not environment.id.endswith(found.version):
        raise ProvisionError(
            f"{environment.id}: its releases cannot be told",
            cause=f"its first requirement, {environment.requirements[0]}, is no version of it",
            next_step="put the package that names the environment first in environments.toml",
        )
    return found


def find_releases(
    environments: Sequence[Environment], wanted: Iterable[str], locks: Path = LOCKS
) -> tuple[list[Release], list[Missing]]:
    """Return the releases of some minor versions, and those the index has but nobody can install.

    `wanted` narrows them to some ids; empty for all.

    Raises:
        ProvisionError: the index does not answer, or a minor's lock is not usable.
    """
    only = set(wanted)
    minors = [minor(each) for each in environments]
    asked = sorted({(each.package, each.environment.python) for each in minors})
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = pool.map(lambda each: list_versions(*each), asked)
        versions = dict(zip(asked, answers, strict=True))
        jobs = []
        for each in minors:
            lock = usable_lock(each.environment, lock_path(each.environment.id, locks))
            listed = versions[each.package, each.environment.python]
            own = [one for one in listed if one.startswith(each.version + ".")]
            withdrawn = find_yanked(each, own)
            own = [one for one in [*own, *withdrawn] if not only or each.id_of(one) in only]
            dates = upload_dates(each, own) if own else {}
            jobs += [
                pool.submit(work_out, each, one, lock, dates[one], yanked=one in withdrawn)
                for one in sorted(own, key=_version_key)
            ]
        found = [job.result() for job in jobs]
    return (
        [each for each in found if isinstance(each, Release)],
        [each for each in found if isinstance(each, Missing)],
    )


def list_versions(package: str, python: str) -> list[str]:
    """Return the final versions of a package that have a wheel for this Python on Linux."""
    platforms = (part for platform in PLATFORMS for part in ("--platform", platform))
    asked = process.run(
        [
            *(sys.executable, "-m", "pip", "index", "versions", package, "--json"),
            *("--python-version", python, "--only-binary=:all:", *platforms),
        ],
        env=process.base_environment(network=True),
        timeout_s=INDEX_TIMEOUT_S,
    )
    if not asked.ok:
        without_pip = "No module named pip" in asked.stderr
        raise ProvisionError(
            f"{package}: the index does not say its versions: {_last_line(asked.stderr)}",
            cause="pip is not installed beside the tool"
            if without_pip
            else "the package index cannot be reached: no network, or a proxy stands between",
            next_step=f"run: {sys.executable} -m ensurepip, then repeat"
            if without_pip
            else "check the network and the proxy variables, then repeat the command",
        )
    return msgspec.json.decode(asked.stdout, type=_Versions).versions


class _Versions(msgspec.Struct):
    versions: list[str]


def upload_dates(of: Minor, versions: Sequence[str]) -> Mapping[str, date]:
    """Return when each version was uploaded: uv states it in the lock of a project.

    The project has one version in each of its extras, which exclude each other, and is told that
    none has dependencies.
    """
    # Two, because a conflict of one is none.
    names = [f"v{number}" for number in range(max(2, len(versions)))]
    extras = [f'{name} = ["{of.package}=={v}"]' for name, v in zip(names, versions, strict=False)]
    extras += [f"{name} = []" for name in names[len(versions) :]]
    conflict = ", ".join(f'{{ extra = "{name}" }}' for name in names)
    python = of.environment.python
    text = [
        f'[project]\nname = "releases"\nversion = "0"\nrequires-python = "=={python}.*"',
        "[project.optional-dependencies]",
        *extras,
        f"[tool.uv]\nconflicts = [[{conflict}]]",
    ]
    for version in versions:
        text.append("[[tool.uv.dependency-metadata]]")
        text.append(f'name = "{of.package}"\nversion = "{version}"\nrequires-dist = []')
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "pyproject.toml").write_text("\n".join(text) + "\n", encoding="utf-8")
        interpreter = find_interpreter(python)
        locked = run_uv(
            [
                *("lock", "--quiet", "--project", scratch),
                *("--python", str(interpreter or python)),
            ],
            timeout_s=INDEX_TIMEOUT_S,
        )
        lock = Path(scratch) / "uv.lock"
        found = _dates(lock.read_text(encoding="utf-8")) if locked.ok else {}
    missing = sorted(set(versions) - found.keys())
    if missing:
        raise ProvisionError(
            f"{of.environment.id}: the index does not say when {of.package} {missing[0]} was"
            f" uploaded: {_last_line(locked.stderr)}",
            cause="a mirror that leaves out upload times, or an older uv",
            next_step="ask an index that has them: set UV_DEFAULT_INDEX, then repeat the command",
        )
    return found


def _dates(text: str) -> dict[str, date]:
    found = {}
    for package in tomllib.loads(text).get("package", []):
        files = [*package.get("wheels", []), package.get("sdist", {})]
        times = sorted(each["upload-time"] for each in files if "upload-time" in each)
        if times:
            found[package["version"]] = date.fromisoformat(times[0][:10])
    return found


def find_yanked(of: Minor, versions: Sequence[str]) -> list[str]:
    """Return the versions that are missing in a minor's row and were withdrawn, not left out.

    pip does not list them; uv takes one that is asked for exactly, and says so.
    """
    patches = {int(one.split(".")[2]) for one in versions if one.split(".")[2].isdigit()}
    found = []
    for patch in sorted(set(range(max(patches, default=0))) - patches):
        version = f"{of.version}.{patch}"
        with tempfile.TemporaryDirectory() as scratch:
            wanted = Path(scratch) / "requirements.in"
            wanted.write_text(f"{of.package}=={version}\n", encoding="utf-8")
            arguments = ("--no-deps", "--python-version", of.environment.python, str(wanted))
            asked = run_uv(["pip", "compile", *arguments], timeout_s=INDEX_TIMEOUT_S)
        if asked.ok and "is yanked" in asked.stderr:
            found.append(version)
    return found


def work_out(
    of: Minor, version: str, lock: Lock, released: date, *, yanked: bool = False
) -> Release | Missing:
    """Return one release: what must differ from its minor's lock, or why it cannot be installed."""
    release = of.id_of(version)
    if version == of.pinned:
        return Release(id=release, released=released, lock=lock.digest)
    pin = (f"{of.package}=={version}",)
    requirements = replaced_requirements(of.environment.requirements, pin)
    before = lock.content.decode().partition("\n")[2]
    try:
        compiled = compile_lock(release, of.environment.python, requirements, preferred=before)
    except MatrixError as error:
        return Missing(id=release, reason=_reason(error.message))
    old, new = pinned_files(before), pinned_files(compiled)
    if not new.get(normalise_name(of.package), "").startswith(pin[0] + " "):
        return Missing(id=release, reason=f"the resolver took another version than {version}")
    return Release(
        id=release,
        released=released,
        lock=lock.digest,
        packages=tuple(text for name, text in new.items() if old.get(name) != text),
        without=tuple(name for name in old if name not in new),
        yanked=yanked,
    )


def find_dependencies(
    axes: Iterable[Axis], environments: Mapping[str, Environment], locks: Path = LOCKS
) -> tuple[list[Release], list[Missing]]:
    """Return the environments of each axis' cross product, and those without a solution.

    Raises:
        ProvisionError: a lock is not usable, or the index does not answer.
    """
    jobs = []
    with ThreadPoolExecutor(PARALLEL) as pool:
        for axis in axes:
            of = minor(environments[axis.of])
            lock = usable_lock(of.environment, lock_path(axis.of, locks))
            for python, pins in crossed(axis, of.environment.python):
                jobs.append(pool.submit(_vary, of, lock, python, pins))
        found = [job.result() for job in jobs]
    return (
        [each for each in found if isinstance(each, Release) and _differs(each)],
        [each for each in found if isinstance(each, Missing)],
    )


def crossed(axis: Axis, python: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return (Python, `name==version` ...) of each member of the cross product."""
    named = [
        [f"{name}=={version}" for version in versions]
        for name, versions in (
            ("h5py", axis.h5py),
            ("numpy", axis.numpy),
            ("protobuf", axis.protobuf),
        )
        if versions
    ]
    return [(one, tuple(pins)) for one in axis.python or (python,) for pins in product(*named)]


def _differs(release: Release) -> bool:
    return bool(release.packages or release.without or release.python)


def _vary(of: Minor, lock: Lock, python: str, pins: Sequence[str]) -> Release | Missing:
    """Return an environment with other dependencies, or why there is none."""
    named = [pin.replace("==", "") for pin in pins] + [f"python{python}"]
    name = ".".join([of.id_of(of.pinned), *named])
    kept = replaced_requirements(of.environment.requirements, pins)
    before = lock.content.decode().partition("\n")[2]
    try:
        compiled = compile_lock(name, python, (*kept, *pins), preferred=before)
    except MatrixError as error:
        return Missing(id=name, reason=_reason(f"{error.message}\n{error.cause}"))
    old, new = pinned_files(before), pinned_files(compiled)
    return Release(
        id=name,
        released=of.environment.released,
        lock=lock.digest,
        packages=tuple(text for package, text in new.items() if old.get(package) != text),
        without=tuple(package for package in old if package not in new),
        python=python if python != of.environment.python else None,
    )


def read_file(path: Path) -> tuple[list[Release], list[Missing]]:
    """Return what releases.toml holds; nothing if there is none."""
    if not path.is_file():
        return [], []
    document = read_document(path, ("release", "missing"))
    return (
        [entry.read(Release) for entry in document.entries("release")],
        [entry.read(Missing) for entry in document.entries("missing")],
    )


def file_text(
    releases: Iterable[Release],
    missing: Iterable[Missing],
    order: Mapping[str, int],
    head: str = _HEAD,
) -> str:
    """Return the text of releases.toml, in the order of the minor versions.

    `order` is the place of each minor version's environment, `head` the comment at the top.
    """

    def place(entry: Release | Missing) -> tuple[int, tuple[int, ...]]:
        return order[minor_of(entry.id)], _version_key(entry.id)

    text = [head]
    for release in sorted(releases, key=place):
        text += ["[[release]]", f'id = "{release.id}"', f"released = {release.released}"]
        text.append(f'lock = "{release.lock}"')
        if release.yanked:
            text.append("yanked = true")
        if release.python:
            text.append(f'python = "{release.python}"')
        if release.packages:
            text += ["packages = [", *(f'    "{each}",' for each in release.packages), "]"]
        if release.without:
            text.append(f"without = {json.dumps(release.without)}")
        text.append("")
    for each in sorted(missing, key=place):
        text += ["[[missing]]", f'id = "{each.id}"', f"reason = {json.dumps(each.reason)}", ""]
    return "\n".join(text)


def _version_key(text: str) -> tuple[int, ...]:
    """Numbers of a version or an id, by which it is sorted."""
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _reason(message: str) -> str:
    """The sentence of uv's answer that says it, on one line."""
    lines = [line.strip(" \u2570\u2500\u25b6\u00d7") for line in message.splitlines()]
    said = [line for line in lines if line.startswith("Because")]
    return " ".join((said or lines)[0].split())[:300]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "nothing"
