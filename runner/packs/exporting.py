"""The export of a pack: what writers wrote here, in a file whose bytes depend on that alone.

Input: a selection of writers, scenarios and formats. Output: the file. What was not saved yet is
saved, and each writer reads back all of its files, by the bare load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from runner import pipeline, plan
from runner.declare.catalog import load_catalog
from runner.domain import (
    BARE,
    UNJUDGED,
    Artifact,
    Catalog,
    Cell,
    CellResult,
    Environment,
    Format,
    Outcome,
    Save,
    writes,
)
from runner.domain.errors import ControlFailure, CouldNotJudge, SelectionError
from runner.domain.frozen import FrozenSave, FrozenWriter
from runner.domain.known import save_of
from runner.domain.request import Request
from runner.executors.locks import lock_path, usable_lock
from runner.host.progress import Reporter
from runner.measure.digests import probe_digest, scenario_digest
from runner.packs.contents import Contents
from runner.publish.facts import tool_version
from runner.store import packs
from runner.store.packs import Pack

FORMATS = (Format.H5, Format.KERAS)
GROUP = "compile state"
"""The group of scenarios that is packed beside the control, if no other is named."""
MEGABYTE = 1_000_000


def export_pack(
    request: Request,
    path: Path,
    reporter: Reporter,
    *,
    groups: Sequence[str] = (),
    limit_mb: float = 20,
    partial: bool = False,
) -> Contents:
    """Write what the selected writers wrote into one file; what is not there is saved first.

    With `partial`, writers that cannot be built here are left out.

    Raises:
        MatrixError: a writer is missing, does not read back its own control, or the pack is
            larger than `limit_mb` megabytes.
    """
    asked = _as_export(request, groups)
    with pipeline.opened(asked, reporter) as run:
        unavailable = {name: error.message for name, error in run.built.unavailable.items()}
        if unavailable and not partial:
            raise CouldNotJudge(
                f"{len(unavailable)} writers cannot be built here, so that a pack would lack them: "
                f"{', '.join(unavailable)[:300]}",
                cause=next(iter(unavailable.values())),
                next_step="leave them out: add --partial",
            )
        cells = [
            cell
            for cell in plan.plan_bare(run.declared.scope)
            if cell.writer == cell.reader and cell.writer in run.built.available
            if writes(
                _by_id(run, cell.writer), run.declared.catalog.scenarios[cell.scenario], cell.format
            )
        ]
        found = pipeline.measure_cells(run, cells, "readbacks")
        _require_sound(list(found.values()))
        writers = tuple(
            _freeze(run, name, [cell for cell in found if cell.writer == name], found)
            for name in sorted({cell.writer for cell in found})
        )
        index, members = _pack(run, writers)
        packs.write_pack(path, index, members)
    size = path.stat().st_size
    if size > limit_mb * MEGABYTE:
        path.unlink()
        raise SelectionError(
            f"the pack would have {size / MEGABYTE:.1f} MB, and {limit_mb:g} are allowed",
            cause="it has many writers, or scenarios with large models",
            next_step="name fewer scenarios or writers, or allow more: --limit-mb "
            f"{size / MEGABYTE + 1:.0f}",
        )
    with packs.open_pack(path) as made:
        return Contents(sha256=made.sha256, size=size, writers=writers, left_out=unavailable)


def _as_export(request: Request, groups: Sequence[str]) -> Request:
    """Return the request of an export: each writer reads its own, of a small set."""
    catalog = load_catalog(request.root)
    filters = dict(request.filters)
    if filters.get("reader") or filters.get("remedy") or request.patterns:
        raise SelectionError(
            "an export takes --writer, --scenario and --format, and no other part of a cell",
            cause="each writer reads back its own files, by the bare load",
            next_step="nox -s artifacts -- export --writer 'keras3*'",
        )
    if filters.get("writer"):
        filters["reader"] = filters["writer"]
    filters.setdefault("format", tuple(map(str, FORMATS)))
    named = filters.get("scenario") or _of_groups(catalog, groups or (GROUP,))
    # Without its control nothing says that a writer's files are good.
    filters["scenario"] = tuple(dict.fromkeys([plan.CONTROL_SCENARIO, *named]))
    filters["remedy"] = (BARE,)
    return replace(request, filters=filters, remedies="needed")


def _of_groups(catalog: Catalog, groups: Sequence[str]) -> list[str]:
    there = {each.group for each in catalog.scenarios.values()}
    unknown = [name for name in groups if name not in there]
    if unknown:
        raise SelectionError(
            f"no group of scenarios is called {unknown[0][:60]!r}",
            cause=f"there are: {', '.join(sorted(there))}",
            next_step=f"nox -s artifacts -- export --group '{GROUP}'",
        )
    control = catalog.scenarios[plan.CONTROL_SCENARIO].group
    return [
        each.id
        for each in catalog.scenarios.values()
        if each.group in groups or each.group == control
    ]


def _by_id(run: pipeline.Run, name: str) -> Environment:
    return next(each for each in run.declared.environments if each.id == name)


def _require_sound(results: Sequence[CellResult]) -> None:
    """Raise unless every cell was measured, and every writer reads back its control."""
    silent = [each for each in results if each.outcome in UNJUDGED]
    if silent or not results:
        first = f", the first {silent[0].cell.id}: {silent[0].reason}" if silent else ""
        raise CouldNotJudge(
            f"{len(silent)} of {len(results)} artifacts could not be made{first}",
            cause="a job failed through no fault of a model, or with --recorded never ran",
            next_step="run the same command again without --recorded",
        )
    wrong = [
        each
        for each in results
        if each.cell.scenario == plan.CONTROL_SCENARIO
        and each.outcome not in {Outcome.EQUIVALENT, Outcome.SAVE_ERROR}
    ]
    if wrong:
        raise ControlFailure(
            f"{wrong[0].cell.id}: {wrong[0].outcome}; a writer must read back its own control",
            cause="the environment or the harness is wrong: nothing of it is packed",
            next_step=f"nox -s matrix -- --select '{wrong[0].cell.id}' --force",
        )


def _freeze(
    run: pipeline.Run, name: str, cells: Sequence[Cell], found: Mapping[Cell, CellResult]
) -> FrozenWriter:
    built = run.built.available[name]
    return FrozenWriter(
        id=name,
        python_version=built.python_version,
        lock=built.lock_digest,
        base=built.base,
        resolved=dict(sorted(built.resolved.items())),
        saves=tuple(
            _frozen_save(_artifact(run, cell), cell, found[cell]) for cell in sorted(cells)
        ),
    )


def _artifact(run: pipeline.Run, cell: Cell) -> Artifact:
    artifact = run.artifacts[save_of(cell)]
    assert artifact is not None  # noqa: S101 - `_require_sound` saw to it
    return artifact


def _frozen_save(artifact: Artifact, cell: Cell, readback: CellResult) -> FrozenSave:
    return FrozenSave(
        scenario=cell.scenario,
        format=cell.format,
        inputs=artifact.inputs,
        at=artifact.measured_at,
        observation=artifact.observation.data,
        readback=readback.outcome if artifact.sha256 else None,
    )


def _pack(
    run: pipeline.Run, writers: Sequence[FrozenWriter]
) -> tuple[Pack, dict[str, Path | bytes]]:
    members: dict[str, Path | bytes] = {}
    folders: list[str] = []
    for writer in writers:
        lock = usable_lock(
            _by_id(run, writer.id), lock_path(writer.id, run.request.root / "containers" / "locks")
        )
        members[packs.lock_member(writer.id)] = lock.content
        for each in writer.saves:
            if each.readback is None:
                continue
            save = Save(scenario=each.scenario, format=each.format, writer=writer.id)
            artifact = run.artifacts[save]
            assert artifact is not None  # noqa: S101 - as above
            for path in sorted(artifact.folder.rglob("*")):
                inside = path.relative_to(artifact.folder).as_posix()
                name = f"{packs.artifact_member(save)}/{inside}"
                if path.is_file():
                    members[name] = path
                elif not any(path.iterdir()):
                    folders.append(name)
    scenarios = run.declared.catalog.scenarios
    names = sorted({each.scenario for writer in writers for each in writer.saves})
    index = Pack(
        schema=packs.SCHEMA,
        tool_version=tool_version(),
        probe=probe_digest(run.request.root),
        recipes={name: scenario_digest(scenarios[name], run.request.root) for name in names},
        writers=tuple(writers),
        files={name: packs.describe_member(members[name]) for name in sorted(members)},
        folders=tuple(sorted(folders)),
    )
    return index, members
