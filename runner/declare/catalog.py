"""The catalogue: scenarios, remedies, carried aspects, expectations of scenarios/*.toml (stage 1).

Input: `catalog.toml`, `remedies.toml` and `expectations.toml` of the scenarios folder,
and the text of the scenario modules, which is parsed but never imported. Output: one
`Catalog`. Anything wrong is a `ConfigurationError` that names file, entry and next step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from runner.declare.documents import Document, Entry, read_document, refuse_duplicates
from runner.declare.place import Place, shortened_sentence, shown
from runner.domain import BARE, Aspect, Catalog, Expectation, Format, Remedy, Scenario
from runner.domain.errors import ConfigurationError, SelectionError
from runner.domain.selector import CellPattern, parse_pattern, unmatched

OLDEST_PYTHON = (3, 7)
"""Scenario modules run inside every environment, so they keep to this syntax."""
DAMAGE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "random_bytes": frozenset({"offset", "where", "count", "seed"}),
        "zeros": frozenset({"offset", "where", "count"}),
        "flip": frozenset({"offset", "where"}),
        "truncate": frozenset({"keep", "keep_bytes"}),
        "empty": frozenset(),
        "interrupted": frozenset(),
        "content": frozenset({"of"}),
        "nest": frozenset(),
        "unpack": frozenset(),
        "function": frozenset({"module", "name"}),
        "vocabulary": frozenset(),
        "external_link": frozenset(),
        "huge_shape": frozenset(),
    }
)
"""The kinds of damage to a file after it was written, with the options of each."""
_OPTION_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "offset": r"[0-9]+",
        "count": r"[0-9]+",
        "seed": r"[0-9]+",
        "where": "header|config|weight|directory|index",
        "keep": r"0\.[0-9]+",
        "keep_bytes": r"[0-9]+",
        "of": "html|lfs_pointer",
        "module": r"\w+",
        "name": r"\w+",
    }
)
"""The pattern of an option's value."""


class Carried(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The aspects one format can carry, as in remedies.toml."""

    carries: frozenset[Aspect]


def load_catalog(root: Path) -> Catalog:
    """Read the declarations below `root`, the root of the repository.

    Raises:
        ConfigurationError: a file is missing or malformed, an entry is inconsistent, or
            a scenario module is missing or has a syntax error.
    """
    folder = root / "scenarios"
    remedies, carries = load_remedies(folder / "remedies.toml")
    scenarios, profiles = load_scenarios(folder / "catalog.toml", remedies)
    expectations = load_expectations(folder / "expectations.toml", scenarios, remedies)
    return Catalog(
        scenarios=scenarios,
        remedies=remedies,
        carries=carries,
        expectations=expectations,
        profiles=profiles,
    )


def load_remedies(
    path: Path,
) -> tuple[dict[str, Remedy], dict[Format, frozenset[Aspect]]]:
    """Return the remedies by id, in file order, and the aspects each format carries."""
    document = read_document(path, ("formats", "remedy"))
    remedies = {each.id: each for each in _read_all(document, "remedy", Remedy)}
    if BARE not in remedies:
        document.place.fail(
            f"the remedy {BARE!r} is missing",
            cause="every other remedy is compared with the bare load",
            next_step=f"add a [[remedy]] with id = {BARE!r} to {path}",
        )
    return remedies, _read_carried(document)


def load_scenarios(
    path: Path, remedies: Mapping[str, Remedy]
) -> tuple[dict[str, Scenario], dict[str, tuple[str, ...]]]:
    """Return the scenarios by id, in file order, and those of each profile that is kept to some.

    The modules are checked for syntax.
    """
    document = read_document(path, ("profiles", "scenario"))
    beyond_bare = [remedy for remedy in remedies if remedy != BARE]
    scenarios: dict[str, Scenario] = {}
    for entry in document.entries("scenario"):
        scenario = entry.read(Scenario)
        entry.place.require("remedies", scenario.remedies, beyond_bare)
        _check_damage(entry.place, scenario.damage)
        if scenario.damage and scenario.remedies:
            entry.place.fail(
                f"the damaged file of {shown(scenario.id)} has remedies",
                key="remedies",
                cause="there is no model left to be found in it, so none would be run",
            )
        if scenario.id in scenarios:
            refuse_duplicates(document.place, "scenario", [*scenarios, scenario.id])
        scenarios[scenario.id] = scenario
    if not scenarios:
        document.place.fail(
            "no scenario is declared",
            cause="the file is empty or was cut",
            next_step=f"add a [[scenario]] to {path}, or restore it with git",
        )
    for module in dict.fromkeys(scenario.module for scenario in scenarios.values()):
        check_module(path.parent / f"{module}.py")
    profiles = document.table("profiles")
    kept = profiles.lists()
    for name, ids in kept.items():
        profiles.place.require(name, ids, scenarios)
    return scenarios, kept


def load_expectations(
    path: Path, scenarios: Mapping[str, Scenario], remedies: Mapping[str, Remedy]
) -> tuple[Expectation, ...]:
    """Return the expectations in file order; each must be able to match some cell."""
    ids: Mapping[str, Collection[str]] = {
        "scenario": scenarios,
        "format": [str(each) for each in Format],
        "remedy": remedies,
    }
    document = read_document(path, ("expectation",))
    return tuple(_read_expectation(entry, ids) for entry in document.entries("expectation"))


def check_module(path: Path) -> None:
    """Parse a scenario module as the oldest Python would; it is not executed.

    Raises:
        ConfigurationError: naming the file, and the line of a syntax error.
    """
    oldest = ".".join(map(str, OLDEST_PYTHON))
    try:
        ast.parse(path.read_bytes(), filename=str(path), feature_version=OLDEST_PYTHON)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the module that catalog.toml names cannot be read: {error.strerror}",
            cause="the module of a scenario was renamed, or is not written yet",
            next_step=f"write {path}, or correct `module` in {path.with_name('catalog.toml')}",
        ) from error
    except SyntaxError as error:
        raise ConfigurationError(
            f"{path}:{error.lineno}: syntax error in a scenario module: "
            f"{shortened_sentence(error.msg)}",
            cause=f"a typing error, or syntax newer than Python {oldest}",
            next_step=f"correct line {error.lineno} of {path}; it runs on Python {oldest} too",
        ) from error
    except (RecursionError, MemoryError) as error:
        raise ConfigurationError(
            f"{path}: an expression in the scenario module is nested too deep to be read",
            cause="the file is damaged, or a table in it was generated",
            next_step=f"split the expression, or restore the file: git checkout -- {path}",
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"{path}: a scenario module that is no Python: {shortened_sentence(str(error))}",
            cause="the file is damaged or binary",
            next_step=f"restore it: git checkout -- {path}",
        ) from error


def check_environment_globs(catalog: Catalog, environment_ids: Collection[str]) -> None:
    """Fail when a glob over environments in scenarios/ matches none of those declared."""
    for scenario in catalog.scenarios.values():
        entry = f"catalog.toml: scenario {scenario.id!r}"
        _check_globs(entry, "writers", scenario.writers, environment_ids)
    for remedy in catalog.remedies.values():
        entry = f"remedies.toml: remedy {remedy.id!r}"
        _check_globs(entry, "environments", remedy.environments, environment_ids)
    for expected in catalog.expectations:
        entry = f"expectations.toml: expectation {shown(expected.cells)}"
        pattern = parse_pattern(expected.cells)
        _check_globs(entry, "writers", expected.writers, environment_ids)
        _check_globs(entry, "readers", expected.readers, environment_ids)
        _check_globs(entry, "cells", (pattern.writer, pattern.reader), environment_ids)


def check_profiles(catalog: Catalog, profiles: Collection[str]) -> None:
    """Fail when scenarios/ names scenarios of a profile that is not declared."""
    for name in catalog.profiles:
        if name not in profiles:
            raise ConfigurationError(
                f"scenarios/catalog.toml: profiles: {shown(name)} is no profile",
                cause="a typing error, or the profile is no longer declared",
                next_step="see [profiles] in containers/environments.toml",
            )


def _check_globs(entry: str, key: str, globs: Iterable[str], ids: Collection[str]) -> None:
    for glob in globs:
        missing = unmatched(glob, ids)
        if missing:
            raise ConfigurationError(
                f"scenarios/{entry}: `{key}` names {shown(missing)}, which matches no environment",
                cause="a typing error, or the environment is no longer declared",
                next_step="see the ids in containers/environments.toml",
            )


def _read_all(document: Document, name: str, type_: type[Remedy]) -> list[Remedy]:
    found = [entry.read(type_) for entry in document.entries(name)]
    refuse_duplicates(document.place, name, (each.id for each in found))
    return found


def _read_carried(document: Document) -> dict[Format, frozenset[Aspect]]:
    formats = document.table("formats")
    formats.place.require("formats", formats.values, list(Format))
    carries = {}
    for name in Format:
        if name not in formats.values:
            formats.place.fail(
                f"[formats.{name}] is missing",
                cause="a format was added to the vocabulary, not to this file",
                next_step=f"add [formats.{name}] with `carries` to {document.place.path}",
            )
        carries[name] = formats.table(name).read(Carried).carries
    return carries


def _check_damage(place: Place, damage: str) -> None:
    """Check a specification `kind:key=value,key=value`, as runner/probe/damage.py reads it."""
    if not damage:
        return
    kind, _, options = damage.partition(":")
    place.require("damage", (kind,), DAMAGE)
    for option in filter(None, options.split(",")):
        key, _, value = option.partition("=")
        place.require("damage", (key,), DAMAGE[kind])
        if not re.fullmatch(_OPTION_VALUES[key], value):
            place.fail(
                f"`damage` is {shown(damage)}: {shown(key)} has the value {shown(value)}",
                key="damage",
                cause=f"the value must look like {_OPTION_VALUES[key]}",
            )


def _read_expectation(entry: Entry, ids: Mapping[str, Collection[str]]) -> Expectation:
    expected = entry.read(Expectation)
    pattern = read_pattern(entry.place, expected.cells)
    for part, known in ids.items():
        require_match(entry.place, part, pattern.glob(part), known, key="cells")
    return expected


def read_pattern(place: Place, selector: str) -> CellPattern:
    """Return a selector's parts; one that is none is the entry's ConfigurationError."""
    try:
        return parse_pattern(selector)
    except SelectionError as error:
        place.fail(error.message, key="cells", cause=error.cause, next_step=error.next_step)


def require_match(
    place: Place, part: str, glob: str, known: Collection[str], *, key: str = ""
) -> None:
    """Fail when a glob, or an alternative of it, matches none of the ids."""
    missing = unmatched(glob, known)
    if missing:
        place.fail(
            f"the {part} {shown(missing)} matches nothing",
            key=key,
            cause=f"a typing error, or the {part} was renamed or removed",
            next_step=f"correct or remove this entry in {place.path}",
        )
