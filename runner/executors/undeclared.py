"""The versions that the index has and nobody declared -> entry, lock and row for each.

Input: the declared environments. Output: what is undeclared; and, for a new minor version, the text
of its entry in environments.toml and its lock. It is the environment before it with one package
replaced; where its companions do not fit, those that the resolver takes in their place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import msgspec

from runner.domain import Backend, Environment, Family
from runner.domain.errors import MatrixError
from runner.executors.locks import lock_path, normalise_name, pinned_files, usable_lock
from runner.executors.releases import PARALLEL, Minor, list_versions, minor, upload_dates
from runner.executors.resolve import compile_lock

GROWING = (Family.KERAS3, Family.LEGACY)
"""Families that get new minor versions; the Keras inside TensorFlow ended with 2.15."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Undeclared:
    """A version that the index has, and that is not declared."""

    of: Minor
    """Its minor version; for a new one, that of the newest declared."""
    version: str
    new_minor: bool

    @property
    def id(self) -> str:
        """The id that it gets: `keras3.16`, or `keras3.15.2` of a minor that is declared."""
        if not self.new_minor:
            return self.of.id_of(self.version)
        name = self.of.environment.id.removesuffix(self.of.version)
        return name + ".".join(self.version.split(".")[:2])


def find_undeclared(
    environments: Sequence[Environment], minors: Collection[str], known: Collection[str]
) -> list[Undeclared]:
    """Return what is not declared, in the order of versions.

    `minors` are the ids whose releases are declared, `known` the ids of all releases that are, or
    that cannot be installed.

    Raises:
        ProvisionError: the index does not answer.
    """
    declared = [minor(each) for each in environments if each.id in minors]
    asked = sorted({(each.package, each.environment.python) for each in declared})
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = pool.map(lambda each: list_versions(*each), asked)
        versions = dict(zip(asked, answers, strict=True))
    found = [
        Undeclared(of=each, version=version, new_minor=False)
        for each in declared
        for version in versions[each.package, each.environment.python]
        if version.startswith(f"{each.version}.") and each.id_of(version) not in known
    ]
    for family in GROWING:
        own = [
            each
            for each in declared
            if each.environment.family is family and each.environment.backend is Backend.TENSORFLOW
        ]
        if own:
            newest = max(own, key=lambda each: _numbers(each.version))
            listed = versions[newest.package, newest.environment.python]
            found += _new_minors(newest, listed)
    return sorted(found, key=lambda each: (each.of.environment.order, _numbers(each.version)))


def _new_minors(newest: Minor, versions: Iterable[str]) -> list[Undeclared]:
    """Return the last version of every minor version after the newest that is declared."""
    last = _numbers(newest.version)
    best: dict[tuple[int, ...], str] = {}
    for version in versions:
        numbers = _numbers(version)
        if numbers[:1] == last[:1] and numbers[:2] > last:
            best[numbers[:2]] = max(best.get(numbers[:2], version), version, key=_numbers)
    return [Undeclared(of=newest, version=best[key], new_minor=True) for key in sorted(best)]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version))


def make_environment(found: Undeclared) -> tuple[Environment, str]:
    """Return the environment of a new minor version, and its resolved requirements.

    Raises:
        ProvisionError: it has no solution, with or without the companions of the one before it.
    """
    base = found.of.environment
    pin = f"{found.of.package}=={found.version}"
    companions = base.requirements[1:]
    # So that only what must differ does: a boundary between the two is then the package's own.
    before = usable_lock(base, lock_path(base.id)).content.decode().partition("\n")[2]
    try:
        requirements = (pin, *companions)
        compiled = compile_lock(found.id, base.python, requirements, preferred=before)
    except MatrixError:
        names = [re.split(r"[=<>!~\[; ]", each)[0] for each in companions]
        loose = compile_lock(found.id, base.python, _kept_cpu(pin, names))
        pins = {name: text.split(" ")[0] for name, text in pinned_files(loose).items()}
        requirements = (pin, *(pins[normalise_name(each)] for each in names))
        compiled = compile_lock(found.id, base.python, requirements)
    released = _released(found)
    environment = msgspec.structs.replace(
        base,
        id=found.id,
        requirements=requirements,
        released=released,
        minor_released=_first(found, released),
        derived=None,
        note="",
    )
    return environment, compiled


def _kept_cpu(pin: str, names: Sequence[str]) -> list[str]:
    # A bound that holds nothing, so that the CPU build stands for TensorFlow.
    return [pin, *(f"{each}>=0" if "cpu" not in each else f"{each}==*" for each in names)]


def _released(found: Undeclared) -> date:
    return upload_dates(found.of, [found.version])[found.version]


def _first(found: Undeclared, released: date) -> date | None:
    """Return when the first of the minor version was uploaded, if that is another day."""
    first = ".".join([*found.version.split(".")[:2], "0"])
    try:
        day = upload_dates(found.of, [first])[first]
    except MatrixError:
        return None
    return day if day != released else None


def entry_text(environment: Environment) -> str:
    """Return the entry of an environment as environments.toml has it."""
    lines = [
        "[[environment]]",
        f'id = "{environment.id}"',
        f'family = "{environment.family}"',
        f'backend = "{environment.backend}"',
        f'python = "{environment.python}"',
        f"released = {environment.released}",
    ]
    if environment.minor_released:
        lines.append(f"minor_released = {environment.minor_released}")
    lines.append(f"requirements = [{_quoted(environment.requirements)}]")
    order = ["h5", "keras", "saved_model", "weights_h5", "json_weights", "tf_checkpoint", "export"]
    lines.append(f"formats = [{_quoted(sorted(environment.formats, key=order.index))}]")
    if environment.reads:
        lines.append(f"reads = [{_quoted(sorted(environment.reads))}]")
    if environment.env:
        lines.append("[environment.env]")
        lines += [f'{name} = "{value}"' for name, value in environment.env.items()]
    return "\n".join(lines) + "\n"


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f'"{each}"' for each in values)


def insert_entry(text: str, after: str, entry: str) -> str:
    """Return the text of environments.toml with an entry after that of another id.

    Raises:
        ValueError: there is no entry of that id.
    """
    header = "[[environment]]\n"
    blocks = text.split(header)
    for number, block in enumerate(blocks[1:], start=1):
        if block.startswith(f'id = "{after}"\n'):
            body, comment = _trailing_comment(block)
            blocks[number] = f"{body.rstrip()}\n\n{entry}\n{comment}"
            return header.join(blocks).rstrip("\n") + "\n"
    raise ValueError(f"no entry of {after}")


def _trailing_comment(block: str) -> tuple[str, str]:
    """Split off the comment before the next entry, which is that entry's."""
    lines = block.splitlines(keepends=True)
    last = len(lines)
    while last and (not lines[last - 1].strip() or lines[last - 1].startswith("#")):
        last -= 1
    rest = "".join(lines[last:]).lstrip("\n")
    return "".join(lines[:last]), rest
