"""The scope of a command: all declarations, held against each other, and the part asked for.

Input: the repository and the command line's profile and selectors. Output: `Declared`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from runner.declare.builds import declare_builds, named_builds, recorded_builds
from runner.declare.catalog import check_environment_globs, check_profiles, load_catalog
from runner.declare.causes import check_remedies, check_seen, load_causes
from runner.declare.claims import check_reasons, load_claims
from runner.declare.environments import DEPENDENCIES, RELEASES, EnvironmentSet, read_environments
from runner.domain import Declared, Environment, Format, Save, Scope, writes
from runner.domain.errors import SelectionError
from runner.domain.frozen import Frozen
from runner.domain.request import Request
from runner.domain.selector import KnownIds, compile_glob, is_build, names_release, select
from runner.store.frozen import read_frozen


def declare(request: Request) -> Declared:
    """Stage 1: read the declarations and hold the selection against them."""
    catalog = load_catalog(request.root)
    environment_set, builds = _declared_environments(request)
    environment_ids = environment_set.ids
    check_environment_globs(catalog, environment_ids)
    check_profiles(catalog, {*environment_set.profiles, RELEASES, DEPENDENCIES})
    causes_file = request.root / "scenarios" / "causes.toml"
    causes = load_causes(causes_file)
    check_seen(causes_file, causes, environment_ids)
    check_remedies(causes_file, causes, catalog.remedies)
    claims_file = request.root / "scenarios" / "claims.toml"
    # A claim speaks of versions and their neighbours, which a release or a build is none of.
    minors = [
        each for each in environment_set.environments if each.derived is None and not each.build
    ]
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
    packed = _packed(request)
    if packed and not request.patterns:
        filters.setdefault("format", _in_packs(packed, "format"))
    if not request.names_scenarios:
        filters["scenario"] = (
            _in_packs(packed, "scenario") if packed else catalog.of_profile(request.profile)
        )
    patterns = request.patterns or _with_builds(request, builds)
    selection = select(patterns, filters, known)
    # A selector may name environments beyond the profile: then they are meant. Those that
    # no selected cell writes or reads are left out, controls and all.
    if not selection.everything:
        environments = tuple(
            each
            for each in _named_environments(
                environment_set.environments, (*environments, *builds), request
            )
            if selection.matches_writer(each.id) or selection.matches_reader(each.id)
        )
    scope = Scope(
        scenarios=catalog.scenarios,
        remedies=catalog.remedies,
        environments=environments,
        selection=selection,
        carries=catalog.carries,
    )
    if packed:
        scope = with_frozen(scope, packed)
    return Declared(
        catalog=catalog, environments=scope.environments, scope=scope, causes=causes, claims=claims
    )


def _packed(request: Request) -> Frozen:
    """Return the writers of imported packs, if the command is to read those.

    Raises:
        SelectionError: it is, and there are none.
    """
    if not request.frozen:
        return {}
    found = read_frozen(request.store)
    if not found:
        raise SelectionError(
            "--frozen: this store has no frozen artifacts",
            cause="no pack was imported into it",
            next_step="nox -s artifacts -- import PACK",
        )
    return found


def _in_packs(packed: Frozen, part: str) -> tuple[str, ...]:
    saves = (save for writer in packed.values() for save in writer.saves)
    return tuple(dict.fromkeys(str(getattr(save, part)) for save in saves))


def with_frozen(scope: Scope, packed: Frozen) -> Scope:
    """Return a scope in which packs stand in for the environments that only write.

    One that only writes, and that no pack has, is left out, and said to be missing.

    Raises:
        SelectionError: every environment reads, so that each has to be built.
    """
    matches_reader = scope.selection.matches_reader
    writers = [each for each in scope.environments if not matches_reader(each.id)]
    found = {each.id: packed[each.id] for each in writers if each.id in packed}
    missing = [each.id for each in writers if each.id not in packed and each.build is None]
    if not found:
        raise SelectionError(
            "--frozen: no environment of this command has frozen artifacts and only writes",
            cause="without --reader or --with every environment is a reader, and has to be built",
            next_step="nox -s matrix -- --frozen --reader keras3.15",
        )
    kept = tuple(each for each in scope.environments if each.id not in missing)
    return replace(
        scope,
        environments=kept,
        frozen=found,
        unfrozen=(*missing, *(save.id for save in _find_gaps(scope, found))),
    )


def _find_gaps(scope: Scope, frozen: Frozen) -> Iterator[Save]:
    """Yield what a frozen writer is declared to write and lacks, while another has it."""
    by_id = {each.id: each for each in scope.environments}
    readers = [name for name in by_id if scope.selection.matches_reader(name)]
    packed = dict.fromkeys(
        (save.scenario, save.format) for writer in frozen.values() for save in writer.saves
    )
    for name, format_ in packed:
        scenario = scope.scenarios.get(name)
        for writer in frozen if scenario else ():
            save = Save(scenario=name, format=format_, writer=writer)
            declared = writes(by_id[writer], scope.scenarios[name], format_)
            if (
                declared
                and frozen[writer].find(save) is None
                and any(
                    scope.selection.matches_pair(name, format_, writer, reader)
                    for reader in readers
                )
            ):
                yield save


def _declared_environments(
    request: Request,
) -> tuple[EnvironmentSet, tuple[Environment, ...]]:
    """Return the environments there are, and those of them that are builds given with `--with`.

    Builds that earlier runs left in the store are among them if a selector names one.
    """
    texts = _texts(request)
    declared = read_environments(request.root / "containers" / "environments.toml").naming(
        request.profile, (*texts, request.base)
    )
    builds = declare_builds(request.builds, request.base, declared)
    before: tuple[Environment, ...] = ()
    if any(named_builds(texts)):
        before = recorded_builds(request.store, declared, besides=builds)
    return declared.with_builds((*builds, *before)), builds


def _with_builds(request: Request, builds: Sequence[Environment]) -> tuple[str, ...]:
    """Return selectors of the cells in which a build reads or writes, if none of them is named.

    The other cells of the profile have nothing to do with the question.
    """
    if request.filters.get("writer") or request.filters.get("reader"):
        return ()
    if request.frozen:
        # Whoever reads what a build writes has to be built: a selector says so.
        return tuple(f"*/*/*->{each.id}" for each in builds)
    return tuple(f"*/*/{ends}" for each in builds for ends in (f"{each.id}->*", f"*->{each.id}"))


def _texts(request: Request) -> tuple[str, ...]:
    """Return every text of the command line that may name an environment."""
    filters = (request.filters.get(part, ()) for part in ("writer", "reader"))
    return (*request.patterns, *(value for values in filters for value in values))


def _named_environments(
    every: Sequence[Environment], profile: Sequence[Environment], request: Request
) -> tuple[Environment, ...]:
    """Return the profile's environments and those a selector names without a wildcard.

    A glob of releases (`keras3.14.*`) or builds (`keras@*`) names them, since a profile has none.
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
    globs = [compile_glob(name) for name in named if names_release([name]) or is_build(name)]
    ids.update(each.id for each in every if any(match(each.id) for match in globs))
    return tuple(each for each in every if each.id in ids)
