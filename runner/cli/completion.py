"""Ids for the completion of a shell, read from the declarations: beginning of an id -> ids.

A declaration that cannot be read completes nothing: its error is for the command itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from runner.domain.errors import MatrixError
from runner.domain.formats import Format

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def environments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the id of an environment."""
    del ctx, param
    return _begin(incomplete, _environment_ids)


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a profile."""
    del ctx, param
    return _begin(incomplete, _profile_names)


def scenarios(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the id of a scenario."""
    del ctx, param
    return _begin(incomplete, _scenario_ids)


def remedies(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the id of a remedy."""
    del ctx, param
    return _begin(incomplete, _remedy_ids)


def formats(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a format."""
    del ctx, param
    return _begin(incomplete, lambda: map(str, Format))


OF_PART: dict[str, Completer] = {
    "scenario": scenarios,
    "format": formats,
    "writer": environments,
    "reader": environments,
    "remedy": remedies,
}


def _begin(incomplete: str, ids: Callable[[], Iterable[str]]) -> list[str]:
    """Return the ids that begin so; after a comma the next one of several is completed."""
    before, comma, begun = incomplete.rpartition(",")
    try:
        return [f"{before}{comma}{each}" for each in ids() if each.startswith(begun)]
    except MatrixError:
        return []


def _environment_ids() -> Iterable[str]:
    from runner.declare.environments import read_environments

    return list(read_environments().ids)


def _profile_names() -> Iterable[str]:
    from runner.declare.environments import DEPENDENCIES, RELEASES, read_environments

    return [*read_environments().profiles, RELEASES, DEPENDENCIES]


def _scenario_ids() -> Iterable[str]:
    from runner.cli.invocation import ROOT
    from runner.declare.catalog import load_catalog

    return list(load_catalog(ROOT).scenarios)


def _remedy_ids() -> Iterable[str]:
    from runner.cli.invocation import ROOT
    from runner.declare.catalog import load_catalog

    return list(load_catalog(ROOT).remedies)
