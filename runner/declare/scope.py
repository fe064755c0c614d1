"""The scope of a command: all declarations, held against each other, and the part asked for.

Input: the repository and the command line's profile and selectors. Output: `Declared`.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.declare.catalog import check_environment_globs, check_profiles, load_catalog
from runner.declare.causes import check_remedies, check_seen, load_causes
from runner.declare.claims import check_reasons, load_claims
from runner.declare.environments import RELEASES, read_environments
from runner.domain import Declared, Environment, Format, Scope
from runner.domain.request import Request
from runner.domain.selector import KnownIds, compile_glob, names_release, select


def declare(request: Request) -> Declared:
    """Stage 1: read the declarations and hold the selection against them."""
    catalog = load_catalog(request.root)
    environment_set = read_environments(request.root / "containers" / "environments.toml").naming(
        request.profile, _texts(request)
    )
    environment_ids = environment_set.ids
    check_environment_globs(catalog, environment_ids)
    check_profiles(catalog, {*environment_set.profiles, RELEASES})
    causes_file = request.root / "scenarios" / "causes.toml"
    causes = load_causes(causes_file)
    check_seen(causes_file, causes, environment_ids)
    check_remedies(causes_file, causes, catalog.remedies)
    claims_file = request.root / "scenarios" / "claims.toml"
    # A claim speaks of versions and their neighbours, which a release is none of.
    minors = [each for each in environment_set.environments if each.derived is None]
    claims = load_claims(claims_file, catalog, minors)
    check_reasons(claims_file, claims, [each.id for each in causes])
    environments = environment_set.profile(request.profile)
    known = KnownIds(
        scenarios=tuple(catalog.scenarios),
        formats=tuple(map(str, Format)),
        environments=tuple(each.id for each in environment_set.environments),
        remedies=tuple(catalog.remedies),
    )
    filters = dict(request.filters)
    if not request.names_scenarios:
        filters["scenario"] = catalog.of_profile(request.profile)
    selection = select(request.patterns, filters, known)
    # A selector may name environments beyond the profile: then they are meant. Those that
    # no selected cell writes or reads are left out, controls and all.
    if not selection.everything:
        environments = tuple(
            each
            for each in _named_environments(environment_set.environments, environments, request)
            if selection.matches_writer(each.id) or selection.matches_reader(each.id)
        )
    scope = Scope(
        scenarios=catalog.scenarios,
        remedies=catalog.remedies,
        environments=environments,
        selection=selection,
    )
    return Declared(
        catalog=catalog, environments=environments, scope=scope, causes=causes, claims=claims
    )


def _texts(request: Request) -> tuple[str, ...]:
    """Return every text of the command line that may name an environment."""
    filters = (request.filters.get(part, ()) for part in ("writer", "reader"))
    return (*request.patterns, *(value for values in filters for value in values))


def _named_environments(
    every: Sequence[Environment], profile: Sequence[Environment], request: Request
) -> tuple[Environment, ...]:
    """Return the profile's environments and those a selector names without a wildcard.

    A glob of releases (`keras3.14.*`) names them, since no other profile has any.
    """
    named = {
        name.strip()
        for part in ("writer", "reader")
        for value in request.filters.get(part, ())
        for name in value.split(",")
    }
    for pattern in request.patterns:
        ends = (pattern.split("/") + ["*"] * 3)[2]
        named.update(name for end in ends.split("->") for name in end.split(","))
    ids = {each.id for each in profile} | named
    globs = [compile_glob(name) for name in named if names_release([name])]
    ids.update(each.id for each in every if any(match(each.id) for match in globs))
    return tuple(each for each in every if each.id in ids)
