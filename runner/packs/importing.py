"""The import of a pack: a foreign file, verified, then put into the store.

Input: the file. Output: `<store>/frozen/`, where `--frozen` finds it. All of it is held against
its digests, its manifests, the records of its saves, and today's declarations and code, before
anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from runner.declare.catalog import load_catalog
from runner.declare.environments import read_environments
from runner.domain import (
    UNJUDGED,
    Catalog,
    Environment,
    Format,
    Observation,
    Save,
    writes,
)
from runner.domain.errors import PackError
from runner.domain.frozen import FrozenSave, FrozenWriter
from runner.domain.request import Request
from runner.executors.locks import Lock, parse_lock
from runner.host.progress import Reporter
from runner.judge.outcome import find_fault
from runner.measure.digests import InputDigests, probe_digest
from runner.measure.frozen import as_provisioned, find_unfitting
from runner.packs.contents import Contents
from runner.store import Store, open_store, packs
from runner.store.artifacts import require_whole_files
from runner.store.frozen import write_frozen
from runner.store.packs import OpenPack


def import_pack(request: Request, path: Path, reporter: Reporter, sha256: str = "") -> Contents:
    """Verify a pack and put its artifacts into the store; nothing, if anything is wrong.

    Raises:
        PackError: it is damaged or hostile, another one, or does not fit this version.
        StoreError: it cannot be read, or the store not be written.
    """
    with (
        packs.open_pack(path, sha256) as pack,
        open_store(request.store, command=request.command, warn=reporter.message) as store,
    ):
        environments = _declared(request, pack)
        _require_fitting(request, pack, environments)
        # All of it is read and verified once before the first file is written.
        for writer in pack.index.writers:
            _verified(pack, writer)
        _bring_in(pack, store)
        return Contents(
            sha256=pack.sha256,
            size=path.stat().st_size,
            writers=pack.index.writers,
            left_out={},
        )


def _bring_in(pack: OpenPack, store: Store) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for writer in pack.index.writers:
        lock = pack.member(packs.lock_member(writer.id))
        assert lock is not None  # noqa: S101 - `_require_lock` read it
        write_frozen(
            store.folder,
            structs.replace(writer, pack=pack.sha256),
            _verified(pack, writer),
            lock=lock,
            at=now,
        )


def _declared(request: Request, pack: OpenPack) -> dict[str, Environment]:
    """Return the declarations of the writers, by id."""
    names = [each.id for each in pack.index.writers]
    declared = read_environments(request.root / "containers" / "environments.toml").naming(
        request.profile, names
    )
    found = {each.id: each for each in declared.environments if each.id in set(names)}
    if len(names) != len(set(names)) or not names:
        raise _refused(pack, "it names no writer, or one twice")
    unknown = [name for name in names if name not in found]
    if unknown:
        raise _refused(pack, f"no environment is called {unknown[0]} here")
    return found


def _require_fitting(
    request: Request, pack: OpenPack, environments: Mapping[str, Environment]
) -> None:
    """Raise unless today's declarations and code would have made these saves."""
    catalog = load_catalog(request.root)
    for writer in pack.index.writers:
        _require_writer(pack, writer, environments[writer.id], catalog)
    absent = {each.id: as_provisioned(environments[each.id], each) for each in pack.index.writers}
    digests = InputDigests(request.root, catalog.scenarios, absent)
    wrong = find_unfitting({each.id: each for each in pack.index.writers}, digests)
    if wrong:
        code = {
            *(["the probe"] if pack.index.probe != probe_digest(request.root) else []),
            *(save.scenario for save in wrong),
        }
        raise PackError(
            f"{pack.path}: {len(wrong)} of its artifacts were made with other code: "
            f"{', '.join(sorted(code))[:200]}",
            cause=f"version {pack.index.tool_version[:40]} of this tool made it, or its scenarios "
            "changed since",
            next_step="make it again with this version: nox -s artifacts -- export",
        )


def _require_writer(
    pack: OpenPack, writer: FrozenWriter, environment: Environment, catalog: Catalog
) -> None:
    lock = _read_lock(pack, writer)
    if lock.digest != writer.lock or not lock.fits(environment):
        raise _refused(
            pack, f"the lock of {writer.id} is not one of the requirements declared here"
        )
    if not writer.python_version.startswith(environment.python + "."):
        raise _refused(
            pack, f"{writer.id} had Python {writer.python_version}, not {environment.python}"
        )
    if not writer.saves:
        raise _refused(pack, f"{writer.id} has no saves")
    seen: set[tuple[str, Format]] = set()
    for each in writer.saves:
        named = f"{each.scenario}/{each.format}/{writer.id}"
        scenario = catalog.scenarios.get(each.scenario)
        if scenario is None or not writes(environment, scenario, each.format):
            raise _refused(pack, f"{named} is not declared here")
        if (each.scenario, each.format) in seen:
            raise _refused(pack, f"{named} is there twice")
        seen.add((each.scenario, each.format))
        if _fault(each):
            raise _refused(pack, f"{named}: {_fault(each)}")


def _fault(save: FrozenSave) -> str:
    """Say in which way the record of a save is none; empty if it is one."""
    seen = Observation(data=save.observation)
    fault = find_fault(seen)
    if fault:
        return fault
    if seen.status == "harness_error":
        return "it is a fault of a harness"
    if (seen.status == "done") != (save.readback is not None):
        return "its record contradicts itself"
    if save.readback is not None and save.readback in UNJUDGED:
        return "its writer's own reading of it was not measured"
    return ""


def _read_lock(pack: OpenPack, writer: FrozenWriter) -> Lock:
    name = packs.lock_member(writer.id)
    content = pack.member(name) if name in pack.index.files else None
    if content is None:
        raise _refused(pack, f"the lock of {writer.id} is missing")
    try:
        return parse_lock(Path(name), content)
    except UnicodeDecodeError as error:
        raise _refused(pack, f"the lock of {writer.id} is no text") from error


def _verified(pack: OpenPack, writer: FrozenWriter) -> dict[Save, dict[str, bytes | None]]:
    """Return the files of a writer's artifacts, held against their manifests and records."""
    found: dict[Save, dict[str, bytes | None]] = {}
    for each in writer.saves:
        save = Save(scenario=each.scenario, format=each.format, writer=writer.id)
        folder = packs.artifact_member(save)
        files = {name.removeprefix(f"{folder}/"): pack.member(name) for name in pack.below(folder)}
        if each.readback is None:
            if files:
                raise _refused(pack, f"{save.id} was not written, and has files")
            continue
        facts = each.observation.get("facts")
        reason = require_whole_files(files, save, facts if isinstance(facts, Mapping) else {})
        if reason:
            raise _refused(pack, f"{save.id}: {reason}")
        found[save] = files
    return found


def _refused(pack: OpenPack, reason: str) -> PackError:
    return PackError(
        f"{pack.path}: {reason}; nothing of it was imported",
        cause="it is damaged, was made by hand, or belongs to another version of this tool",
        next_step="make one with this version: nox -s artifacts -- export",
    )
