"""Stage 1: the builds of one's own of the command line, and those of the store -> `Environment`s.

Input: the texts of `--with`, that of `--base`, the declared environments, and the records that
earlier runs left in `<store>/builds/`. Output: an environment for each build, in the place of its
base. Nothing is fetched and nothing is built here: `runner/executors/builds/` does that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import msgspec

from runner.declare.environments import EnvironmentSet
from runner.declare.place import shown
from runner.domain import Backend, Build, BuildKind, Environment
from runner.domain.errors import SelectionError
from runner.domain.selector import is_build, note_base
from runner.store.builds import read_build_records

NIGHTLY = "-nightly"
"""Ends the name of a distribution of nightly builds; the rest is the package it replaces."""
COMMIT = "commit+"
"""Begins the source of a commit, FOLDER@SHA; `bisect --commits` makes them."""
SHORT = 10
"""Digits of a commit in a label."""
LONGEST_LABEL = 40
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+_-]*")
_REQUIRED = re.compile(r"[=<>!~\[; ]")
_SHAPE = (
    "keras=3.16.0rc0, keras=./keras, keras=git+https://...@branch, keras=file.whl, keras-nightly"
)


def declare_builds(
    texts: Sequence[str], base: str, declared: EnvironmentSet
) -> tuple[Environment, ...]:
    """Return the environment of each `--with`.

    Raises:
        SelectionError: a text is malformed, names nothing that is there, two have one label, or
            there is no such base.
    """
    if base and not texts:
        _fail("--base names an environment for builds, and no build is given", "--with is missing")
    found: dict[str, Environment] = {}
    for text in texts:
        label, build = parse_build(text, base, declared)
        environment = _environment(label, build, declared, datetime.now(UTC).date())
        if environment.id in found:
            _fail(
                f"--with {shown(text)}: another build is called {environment.id}, too",
                "two builds have the same label",
                f"give one of them another label: --with {build.package}@LABEL=...",
            )
        found[environment.id] = environment
    return tuple(found.values())


def recorded_builds(
    store: Path, declared: EnvironmentSet, besides: Iterable[Environment] = ()
) -> tuple[Environment, ...]:
    """Return the builds that earlier runs left in a store, without those that are given anew.

    One whose base is not declared any more is left out: nothing says how it would be measured.
    """
    given = {each.id for each in besides}
    bases = {each.id for each in declared.environments}
    return tuple(
        _environment(record.label, record.build, declared, date.fromisoformat(record.made[:10]))
        for record in read_build_records(store)
        if record.id not in given and record.build.base in bases
    )


def parse_build(text: str, base: str, declared: EnvironmentSet) -> tuple[str, Build]:
    """Return the label and the build of one `--with`.

    Raises:
        SelectionError: it is malformed, or names nothing that is there.
    """
    left, equals, source = text.partition("=")
    name, at, label = left.strip().partition("@")
    if not _NAME.fullmatch(name) or (at and not _LABEL.fullmatch(label)):
        what = "label" if _NAME.fullmatch(name) else "name of a package"
        _fail(
            f"--with {shown(text)} is no build: {shown(label if what == 'label' else name)} is no"
            f" {what}",
            "a label has a-z, 0-9, and `.`, `_` or `-` inside" if what == "label" else "",
        )
    distribution = re.sub(r"[-_.]+", "-", name).lower()
    package = distribution.removesuffix(NIGHTLY)
    if equals:
        kind, found, suggested = _read_source(text, source.strip())
    elif package != distribution:
        kind, found, suggested = BuildKind.NEWEST, distribution, NIGHTLY[1:]
    else:
        _fail(f"--with {shown(text)} does not say which build", "its source is missing")
    chosen = declared.by_id(base) if base else _newest_of(package, declared)
    commit = ""
    if kind is BuildKind.COMMIT:
        found, _, commit = found.rpartition("@")
    build = Build(
        base=chosen.id,
        package=package,
        distribution=distribution,
        kind=kind,
        source=found,
        commit=commit,
    )
    return label or _as_label(suggested, package, kind), build


def _read_source(text: str, source: str) -> tuple[BuildKind, str, str]:
    """Return the kind of a source, itself, and the text that its label is made of."""
    if source.startswith(COMMIT):
        repository, _, sha = source.removeprefix(COMMIT).rpartition("@")
        return BuildKind.COMMIT, f"{Path(repository).absolute()}@{sha}", sha[:SHORT]
    if source.startswith("git+"):
        address, reference = split_reference(source)
        return BuildKind.GIT, source, reference if reference != "HEAD" else Path(address).stem
    path = Path(source).expanduser()
    if source.endswith(".whl"):
        if not path.is_file():
            _fail(f"--with {shown(text)}: there is no such wheel", f"{path.absolute()} is missing")
        return BuildKind.WHEEL, str(path.absolute()), _wheel_version(text, path)
    if "/" in source or source.startswith((".", "~")) or path.is_dir():
        folder = path.resolve()
        if not any((folder / name).is_file() for name in ("pyproject.toml", "setup.py")):
            there = folder.is_dir()
            _fail(
                f"--with {shown(text)}: {'this is no folder of sources' if there else 'no folder'}",
                f"{folder} has neither pyproject.toml nor setup.py"
                if there
                else f"{folder} is missing",
            )
        return BuildKind.CHECKOUT, str(folder), folder.name
    if not _VERSION.fullmatch(source):
        _fail(f"--with {shown(text)}: {shown(source)} is neither a version nor a path", "")
    return BuildKind.VERSION, source, source


def split_reference(source: str) -> tuple[str, str]:
    """Return the address and the reference of `git+ADDRESS@REFERENCE`; `HEAD` without one."""
    address = source.removeprefix("git+").partition("#")[0]
    path, at, reference = urlsplit(address).path.rpartition("@")
    if not at or not path:
        return address, "HEAD"
    return address[: -len(reference) - 1], reference or "HEAD"


def _wheel_version(text: str, path: Path) -> str:
    # name-version(-build)?-python-abi-platform.whl, says the standard of wheels.
    parts = path.stem.split("-")
    if len(parts) < 5:
        _fail(f"--with {shown(text)}: {path.name} is not the name of a wheel", "it was renamed")
    return parts[1]


def _as_label(suggested: str, package: str, kind: BuildKind) -> str:
    """Return a label made of what the source says: a version, a branch, a folder's name."""
    plain = re.sub(r"[^a-z0-9.]+", "-", suggested.lower())[:LONGEST_LABEL].strip("-._")
    return plain if plain and plain != package else kind.value


def _newest_of(package: str, declared: EnvironmentSet) -> Environment:
    """Return the newest environment that is named after a package and runs on TensorFlow."""
    named = [
        each
        for each in declared.environments
        if each.build is None
        and each.derived is None
        and each.backend is Backend.TENSORFLOW
        and _REQUIRED.split(each.requirements[0])[0] == package
    ]
    if not named:
        _fail(
            f"nothing says in which environment a build of {package} is to be measured",
            f"no declared environment is named after {package}",
            "name the environment for everything else: --base keras3.15",
        )
    return named[-1]


def _environment(label: str, build: Build, declared: EnvironmentSet, made: date) -> Environment:
    base = declared.by_id(build.base)
    name = f"{build.package}@{label}"
    note_base(name, base.id)
    return msgspec.structs.replace(
        base,
        id=name,
        released=made,
        minor_released=None,
        derived=None,
        build=build,
        requirements=built_requirements(base.requirements, build)
        if build.version
        else base.requirements,
        note=f"A build of one's own in the place of {build.package} in {base.id}.",
    )


def built_requirements(requirements: Iterable[str], build: Build) -> tuple[str, ...]:
    """Return the base's requirements with a build that was made in the place of its package."""
    pin = f"{build.distribution}=={build.version}"
    names = {_REQUIRED.split(each)[0] for each in requirements}
    kept = [pin if _REQUIRED.split(each)[0] == build.package else each for each in requirements]
    return tuple(kept if build.package in names else [*kept, pin])


def named_builds(texts: Iterable[str]) -> Iterator[str]:
    """Yield the ids and globs of builds among the alternatives of some globs."""
    for text in texts:
        yield from (each.strip() for each in text.split(",") if is_build(each))


def _fail(message: str, cause: str, next_step: str = "") -> NoReturn:
    raise SelectionError(
        message,
        cause=cause or "a typing mistake",
        next_step=next_step or f"write it as one of: {_SHAPE}",
    )
