"""Stage 1: scenarios/*.toml -> frozen scenarios, remedies, carried aspects, expectations.

Input: `catalog.toml`, `remedies.toml` and `expectations.toml` of the scenarios folder,
and the text of the scenario modules, which is parsed but never imported. Output: one
`Catalog`. Anything wrong is a `ConfigurationError` that names file, entry and next step.
"""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from runner.declare.strict import (
    StrictTable,
    parse_entries,
    read_toml,
    refuse_duplicates,
    top_level,
)
from runner.domain import Aspect, Catalog, Expectation, Format, Isolation, Outcome, Remedy, Scenario
from runner.domain.errors import ConfigurationError, SelectionError
from runner.domain.selector import compile_glob, parse_pattern

OLDEST_PYTHON = (3, 7)
"""Scenario modules run inside every environment, so they keep to this syntax."""
BARE = "none"
READER_KNOWS = ("nothing", "registered")
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
"""What can be done to a file after it was written, with the options each kind takes."""
_NUMBERS = ("rtol", "atol", "timeout_s")


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
    document = read_toml(path)
    top_level(path, document, ("formats", "remedy"))
    remedies = parse_entries(path, document, "remedy", _parse_remedy)
    refuse_duplicates(path, "remedy", (remedy.id for remedy in remedies))
    if BARE not in {remedy.id for remedy in remedies}:
        raise ConfigurationError(
            f"{path}: the remedy {BARE!r} is missing",
            cause="the bare load is what every other remedy is compared with",
            next_step=f"add a [[remedy]] with id = {BARE!r} to {path}",
        )
    return {remedy.id: remedy for remedy in remedies}, _parse_carries(path, document)


def load_scenarios(
    path: Path, remedies: Mapping[str, Remedy]
) -> tuple[dict[str, Scenario], dict[str, tuple[str, ...]]]:
    """Return the scenarios by id, in file order, and those of each profile that is kept to some.

    The modules are checked for syntax.
    """
    document = read_toml(path)
    top_level(path, document, ("profiles", "scenario"))
    scenarios = parse_entries(
        path, document, "scenario", lambda table: _parse_scenario(table, remedies)
    )
    refuse_duplicates(path, "scenario", (scenario.id for scenario in scenarios))
    if not scenarios:
        raise ConfigurationError(
            f"{path}: no scenario is declared",
            cause="the file is empty or was cut",
            next_step=f"add a [[scenario]] to {path}, or restore it with git",
        )
    for module in dict.fromkeys(scenario.module for scenario in scenarios):
        check_module(path.parent / f"{module}.py")
    by_id = {scenario.id: scenario for scenario in scenarios}
    return by_id, _parse_profiles(path, document, by_id)


def _parse_profiles(
    path: Path, document: Mapping[str, Any], scenarios: Collection[str]
) -> dict[str, tuple[str, ...]]:
    top = StrictTable(path, "top level", document)
    declared = top.table("profiles") if top.has("profiles") else {}
    table = StrictTable(path, "profiles", declared)
    return {
        name: table.known(name, table.texts(name, required=True), scenarios) for name in declared
    }


def load_expectations(
    path: Path, scenarios: Mapping[str, Scenario], remedies: Mapping[str, Remedy]
) -> tuple[Expectation, ...]:
    """Return the expectations in file order; each must be able to match some cell."""
    document = read_toml(path)
    top_level(path, document, ("expectation",))
    return tuple(
        parse_entries(
            path,
            document,
            "expectation",
            lambda table: _parse_expectation(table, scenarios, remedies),
        )
    )


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
            f"{path}: the scenario module cannot be read: {error.strerror}",
            cause="the module of a scenario was renamed, or is not written yet",
            next_step=f"write {path}, or correct `module` in {path.with_name('catalog.toml')}",
        ) from error
    except SyntaxError as error:
        raise ConfigurationError(
            f"{path}:{error.lineno}: syntax error in a scenario module: {error.msg}",
            cause=f"a typing error, or syntax newer than Python {oldest}",
            next_step=f"correct line {error.lineno} of {path}; it runs on Python {oldest} too",
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"{path}: the scenario module is not Python source: {error}",
            cause="the file is damaged or binary",
            next_step=f"restore it: git checkout -- {path}",
        ) from error


def check_environment_globs(catalog: Catalog, environment_ids: Collection[str]) -> None:
    """Fail when a glob over environments in scenarios/ matches none of those declared."""
    for scenario in catalog.scenarios.values():
        _check_globs(f"scenario {scenario.id!r}", "writers", scenario.writers, environment_ids)
    for remedy in catalog.remedies.values():
        _check_globs(f"remedy {remedy.id!r}", "environments", remedy.environments, environment_ids)
    for expected in catalog.expectations:
        entry = f"expectation {expected.cells!r}"
        pattern = parse_pattern(expected.cells)
        _check_globs(entry, "writers", expected.writers, environment_ids)
        _check_globs(entry, "readers", expected.readers, environment_ids)
        _check_globs(entry, "cells", (pattern.writer, pattern.reader), environment_ids)


def check_profiles(catalog: Catalog, profiles: Collection[str]) -> None:
    """Fail when scenarios/ says what a profile runs that is not declared."""
    for name in catalog.profiles:
        if name not in profiles:
            raise ConfigurationError(
                f"scenarios/catalog.toml: profiles: {name!r} is no profile",
                cause="a typing error, or the profile is no longer declared",
                next_step="see [profiles] in containers/environments.toml",
            )


def _check_globs(entry: str, key: str, globs: Iterable[str], ids: Collection[str]) -> None:
    for glob in globs:
        if glob != "*" and not any(map(compile_glob(glob), ids)):
            raise ConfigurationError(
                f"scenarios/: {entry}: `{key}` names {glob!r}, which matches no environment",
                cause="a typing error, or the environment is no longer declared",
                next_step="see the ids in containers/environments.toml",
            )


def _parse_carries(path: Path, document: Mapping[str, Any]) -> dict[Format, frozenset[Aspect]]:
    declared = document.get("formats", {})
    formats = StrictTable(path, "formats", declared if isinstance(declared, dict) else {})
    formats.known("formats", tuple(declared), list(Format))
    carries = {}
    for name in Format:
        if not formats.has(name):
            formats.fail(
                f"[formats.{name}] is missing",
                cause="a format was added to the vocabulary, not to this file",
                next_step=f"add [formats.{name}] with `carries` to {path}",
            )
        table = StrictTable(path, f"formats.{name}", formats.table(name))
        carries[name] = frozenset(table.members("carries", Aspect))
        table.finish()
    return carries


def _parse_remedy(table: StrictTable) -> Remedy:
    return Remedy(
        id=table.id(),
        title=table.text("title"),
        code=table.text("code"),
        formats=frozenset(table.members("formats", Format, required=True)),
        environments=table.texts("environments", required=True),
        cost=table.integer("cost"),
        gives_up=frozenset(table.members("gives_up", Aspect, ())),
        isolation=table.member("isolation", Isolation)
        if table.has("isolation")
        else Isolation.SHARED,
        sibling=table.member("sibling", Format) if table.has("sibling") else None,
    )


def _parse_scenario(table: StrictTable, remedies: Mapping[str, Remedy]) -> Scenario:
    numbers = {key: table.number(key) for key in _NUMBERS if table.has(key)}
    scenario = Scenario(
        id=table.id(),
        module=table.id("module"),
        group=table.text("group"),
        title=table.text("title"),
        summary=table.text("summary"),
        formats=table.members("formats", Format, required=True),
        aspects=frozenset(table.members("aspects", Aspect, required=True)),
        remedies=table.known("remedies", table.texts("remedies"), _beyond_bare(remedies)),
        variant=table.text("variant", ""),
        damage=_parse_damage(table),
        reader_knows=table.choice("reader_knows", READER_KNOWS, "nothing"),
        links=table.texts("links", ()),
        writers=table.texts("writers", ("*",), required=True),
        trained=table.flag("trained", default=False),
        **numbers,
    )
    if not scenario.module.isidentifier():
        table.fail(f"`module` = {scenario.module!r} is not a Python module name")
    if not scenario.timeout_s:
        table.fail("`timeout_s` is 0", cause="a job needs some time", next_step="raise it")
    return scenario


def _parse_damage(table: StrictTable) -> str:
    """Take a specification `kind:key=value,key=value`, which runner/probe/damage.py carries out."""
    damage = table.text("damage", "")
    if not damage:
        return damage
    kind, _, options = damage.partition(":")
    table.known("damage", (kind,), DAMAGE)
    for option in filter(None, options.split(",")):
        key, written, value = option.partition("=")
        table.known("damage", (key,), DAMAGE[kind])
        if not written or not value:
            table.fail(f"`damage` = {damage!r}: {key!r} has no value")
    return damage


def _beyond_bare(remedies: Mapping[str, Remedy]) -> list[str]:
    return [remedy for remedy in remedies if remedy != BARE]


def _parse_expectation(
    table: StrictTable, scenarios: Mapping[str, Scenario], remedies: Mapping[str, Remedy]
) -> Expectation:
    expected = Expectation(
        cells=table.text("cells"),
        outcome=table.member("outcome", Outcome),
        reason=table.text("reason"),
        link=table.text("link"),
        writers=table.texts("writers", ("*",), required=True),
        readers=table.texts("readers", ("*",), required=True),
    )
    table.entry = f"expectation {expected.cells!r}"
    try:
        pattern = parse_pattern(expected.cells)
    except SelectionError as error:
        table.fail(error.message, cause=error.cause, next_step=error.next_step)
    for part, ids in (("scenario", scenarios), ("format", Format), ("remedy", remedies)):
        if not fnmatch.filter(map(str, ids), pattern.glob(part)):
            table.fail(
                f"`cells`: the {part} {pattern.glob(part)!r} matches nothing",
                cause=f"a typing error, or the {part} was renamed or removed",
                next_step=f"correct or remove this entry in {table.path}",
            )
    return expected
