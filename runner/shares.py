"""The share of a run that one shard measures, and the artifacts that it shares with others.

Input: the request, the declarations, the durations measured before. Output: the bare loads of
the shard, the environments that it builds, and those that an exchange already knows: their
artifacts were written by another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from runner import __version__, plan
from runner.contract import Job
from runner.domain import (
    Cell,
    Declared,
    Environment,
    Kind,
    Outcome,
    Provisioned,
    ProvisionedEnvironment,
    Save,
    Scope,
)
from runner.domain.errors import MatrixError, ProvisionError, SelectionError
from runner.domain.request import PUBLISHED, Request
from runner.domain.shards import Shard
from runner.executors.interface import Place
from runner.measure.digests import InputDigests, probe_digest
from runner.plan.shards import Split, split_plan, split_saves
from runner.publish.durations import (
    SAVE_S,
    UNKNOWN_S,
    Durations,
    read_durations,
    read_scenario_durations,
)
from runner.publish.record import ShardRecord
from runner.store import Store
from runner.store.artifacts import Place as ArtifactPlace
from runner.store.exchange import EnvironmentFacts, Exchange, saved_record


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The part of a plan that one shard measures."""

    shard: Shard
    record: ShardRecord
    cells: Sequence[Cell]
    """Its bare loads, in planned order."""
    readers: tuple[str, ...]
    """The environments that it builds whatever an exchange has, and controls."""
    writers: tuple[str, ...]
    """The others, whose artifacts it reads."""
    estimated_s: float

    @property
    def environments(self) -> tuple[str, ...]:
        """All that it has to do with."""
        return (*self.readers, *self.writers)


def take_share(request: Request, declared: Declared) -> Share | None:
    """Return the share of the request's shard; None if it names none.

    Raises:
        SelectionError: it is combined with what only a whole run can do.
    """
    if request.shard is None:
        return None
    if request.keep is not None:
        raise SelectionError(
            "--keep with --shard: each shard would keep the cells of all others",
            cause="earlier cells belong to the whole run",
            next_step="leave --keep out, and join the shards with `nox -s merge -- PARTS`",
        )
    split = split_run(request, declared, request.shard.of)
    index = request.shard.index
    cells = split.cells(index)
    readers = split.readers(index)
    saves = plan.plan_saves(declared.scope, cells)
    writers = dict.fromkeys(save.writer for save in saves if save.writer not in readers)
    return Share(
        shard=request.shard,
        record=ShardRecord(
            index=index,
            of=request.shard.of,
            plan=split.digest,
            remedies=request.wanted_remedies,
        ),
        cells=cells,
        readers=readers,
        writers=tuple(writers),
        estimated_s=split.estimated_s[index - 1],
    )


def split_run(request: Request, declared: Declared, of: int) -> Split:
    """Split the plan of a request, by the durations of the run that the repository publishes.

    These are the same in every clone; each machine comes to the same parts.
    """
    scope = declared.scope
    known = published_durations(request)
    about = f"{__version__} {probe_digest(request.root)} {known.digest} {request.wanted_remedies}"
    return split_plan(
        plan.plan_bare(scope),
        [each.id for each in scope.environments],
        of,
        cost_s=known.load_s,
        setup_s=known.setup_s,
        about=about,
    )


def published_durations(request: Request) -> Durations:
    """Return the durations of the run that the repository publishes; it is read once."""
    return _published_durations(request.root)


@cache
def _published_durations(root: Path) -> Durations:
    return read_durations(root / PUBLISHED)


def job_estimate(request: Request, warn: Callable[[str], object]) -> Callable[[Job], float]:
    """Return the estimate of a job by its scenario; the published run is read when it is asked.

    No run ends for an estimate: where the published one is damaged, `warn` is told so, once.
    """

    @cache
    def find_durations() -> tuple[Mapping[str, float], float]:
        try:
            return read_scenario_durations(request.root / PUBLISHED)
        except MatrixError as error:
            warn(f"note: {error.message}; how long jobs take is not known from it")
            return {}, UNKNOWN_S

    def estimate_s(job: Job) -> float:
        if job.kind == Kind.SAVE:
            return SAVE_S
        scenarios, mean_s = find_durations()
        return scenarios.get(job.payload["scenario"]["id"], mean_s)

    return estimate_s


def plan_all_saves(scope: Scope, bare: Sequence[Cell]) -> list[Save]:
    """Return every save that loads, their remedies and the controls may read."""
    upper = plan.plan_remedies(scope, dict.fromkeys(bare, Outcome.LOAD_ERROR), "all")
    controlled = plan.plan_controls(scope)
    saves = plan.plan_saves(scope, [*bare, *upper, *controlled.cells])
    return list(dict.fromkeys([*saves, *(save for save, _ in controlled.saves)]))


def share_of_saves(request: Request, declared: Declared) -> list[Save]:
    """Return the saves that are written here, for shards to read."""
    scope = declared.scope
    saves = plan_all_saves(scope, plan.plan_bare(scope))
    if request.shard is None:
        return saves
    known = published_durations(request)
    parts = split_saves(
        saves,
        [each.id for each in scope.environments],
        request.shard.of,
        setup_s=known.setup_s,
        save_s=SAVE_S,
    )
    return parts[request.shard.index - 1]


# --- artifacts of other machines -------------------------------------------------------


def find_elsewhere(
    request: Request, declared: Declared, share: Share, place: Place, exchange: Exchange
) -> dict[str, ProvisionedEnvironment]:
    """Return the writers that need not be built here: the exchange has all their saves."""
    environments = {each.id: each for each in declared.environments}
    known = {
        name: facts
        for name in share.writers
        if (facts := _known_facts(environments[name], place, exchange)) is not None
    }
    digests = InputDigests(request.root, declared.catalog.scenarios, known)
    missing = {
        save.writer
        for save in plan_all_saves(declared.scope, share.cells)
        if save.writer in known and not exchange.has(artifact_place(save, digests))
    }
    return {name: facts for name, facts in known.items() if name not in missing}


def _known_facts(
    environment: Environment, place: Place, exchange: Exchange
) -> ProvisionedEnvironment | None:
    if environment.build is not None:
        return None
    try:
        digest = place.lock_digest(environment)
    except ProvisionError:
        return None
    facts = exchange.facts(environment.id, digest)
    return facts.elsewhere(environment) if facts is not None else None


def note_environments(built: Mapping[str, ProvisionedEnvironment], exchange: Exchange) -> None:
    """Tell the other machines what the environments are that were built here."""
    for each in built.values():
        if each.executable and each.environment.build is None:
            exchange.note(EnvironmentFacts.of(each))


def take_artifacts(
    store: Store, exchange: Exchange, saves: Iterable[Save], digests: InputDigests
) -> int:
    """Take over the saves that the exchange has into the store; return how many."""
    taken = 0
    for save in saves:
        where = artifact_place(save, digests)
        record = exchange.find(where)
        if record is None:
            continue
        exchange.take(record, store.artifacts.folder(where))
        store.journal.append(
            {
                "kind": "save",
                "id": record.id,
                "inputs": record.inputs,
                "observation": record.observation,
                "run": record.run,
                "at": record.at,
            }
        )
        taken += 1
    return taken


def offer_artifacts(
    store: Store, exchange: Exchange, saves: Iterable[Save], digests: InputDigests
) -> list[Save]:
    """Offer saves of the store to the other machines; return those that another offered first."""
    places = {(save.id, digests.of_save(save)): save for save in saves}
    late = []
    for key, record in store.journal.find("save", places):
        save = places[key]
        where = artifact_place(save, digests)
        if record.observation.get("status") == "harness_error" or exchange.has(where):
            late += [save] if exchange.has(where) else []
            continue
        offered = saved_record(*key, record.observation, run="", at=record.at)
        if not exchange.offer(where, offered, store.artifacts.folder(where)):
            late.append(save)
    return late


def artifact_place(save: Save, digests: InputDigests) -> ArtifactPlace:
    """Return where the artifact of a save is filed; its writer is known."""
    return ArtifactPlace(save.writer, save.scenario, save.format, digests.of_save(save))


def narrow(declared: Declared, names: Iterable[str]) -> Declared:
    """Return the declarations with these environments alone, for what is controlled."""
    chosen = frozenset(names)
    environments = [each for each in declared.scope.environments if each.id in chosen]
    return replace(declared, scope=replace(declared.scope, environments=environments))


def join_provisioned(
    built: Provisioned, elsewhere: Mapping[str, ProvisionedEnvironment]
) -> Provisioned:
    """Return the environments that were built, with those that another machine built."""
    return Provisioned(available={**built.available, **elsewhere}, unavailable=built.unavailable)
