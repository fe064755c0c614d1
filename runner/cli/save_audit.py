"""A sample of saves carried out again, each in a fresh process: the record must be the same.

A reader is held against the writer's record. Where the writer's model is another one at each save,
a verdict hangs on chance: the seed is missing, or does not reach what is drawn.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from runner import pipeline
from runner.contract import Job
from runner.domain import Artifact, Observation, Save
from runner.domain.errors import AuditDisagreement, SelectionError
from runner.domain.request import Request
from runner.host.progress import make_reporter
from runner.measure.rounds import repeat_jobs
from runner.store import TEMPORARY_PREFIX

RTOL = 1e-6
"""Numbers of two saves agree within this part of them: sums may be taken in another order."""


def audit_saves(request: Request, *, sample: int, seed: int) -> int:
    """Save a sample of the recorded artifacts again, and compare the records.

    Raises:
        AuditDisagreement: a second save gave another record, or none.
        SelectionError: nothing is recorded.
    """
    reporter = make_reporter(sys.stdout)
    try:
        with pipeline.opened(request, reporter) as run:
            saved = pipeline.recorded_saves(run)
            if not saved:
                raise SelectionError(
                    "no save of the selection is recorded: there is nothing to audit",
                    cause=f"{request.store} holds no artifact with the present code",
                    next_step=f"measure first: nox -s matrix -- --profile {request.profile}",
                )
            chosen = random.Random(seed).sample(saved, min(sample, len(saved)))  # noqa: S311 - a sample
            offenders = _save_again(run, chosen)
    finally:
        reporter.close()
    print(f"{len(chosen)} of {len(saved)} saves made again: {len(offenders)} gave another record")
    for save, difference in offenders.items():
        print(f"  {save}: {difference}")
    if offenders:
        raise AuditDisagreement(
            f"{len(offenders)} of {len(chosen)} saves gave another record",
            cause="something of the model is drawn by chance, and not seeded",
            next_step=f"nox -s show -- --store {request.store} '{next(iter(offenders))}->*/none'",
        )
    return 0


def _save_again(run: pipeline.Run, chosen: Sequence[tuple[Save, Artifact]]) -> dict[str, str]:
    """Return the difference of each save that gave another record, by its id."""
    jobs: dict[str, tuple[Save, Artifact, Job]] = {}
    for save, artifact in chosen:
        job = run.look_up.save_job(save)
        if job is not None:
            # Where the writer's jobs may write; a killed audit leaves what the next run removes.
            again = artifact.folder.with_name(f"{TEMPORARY_PREFIX}again-{artifact.folder.name}")
            payload = {**job.payload, "artifact": str(again)}
            jobs[job.id] = save, artifact, replace(job, payload=payload)
    try:
        seen = repeat_jobs(run.jobs, [(save.writer, job) for save, _, job in jobs.values()])
        differences = (
            (name, _find_difference(artifact, Path(job.payload["artifact"]), seen.get(name)))
            for name, (_, artifact, job) in jobs.items()
        )
        return {name: said for name, said in differences if said}
    finally:
        for _, _, job in jobs.values():
            shutil.rmtree(job.payload["artifact"], ignore_errors=True)


def _find_difference(artifact: Artifact, again: Path, seen: Observation | None) -> str:
    if seen is None or seen.status != "done":
        status = seen.status if seen else "not run"
        return (
            f"the second save ended otherwise: {status} {seen.exception if seen else ''}".rstrip()
        )
    return compare_records(artifact.folder, again)


def compare_records(one: Path, other: Path) -> str:
    """Say in which way the records of two artifacts' folders differ; empty if they do not."""
    first, second = _read(one), _read(other)
    for place in sorted({*first, *second}):
        before, after = first.get(place), second.get(place)
        if not _same(before, after):
            return f"{place}: {_told(before)} became {_told(after)}"
    return ""


def _read(folder: Path) -> dict[str, Any]:
    """Return the facts and arrays of a record, flat, by their place."""
    record = json.loads((folder / "oracle.json").read_text(encoding="utf-8"))
    with np.load(folder / "oracle.npz", allow_pickle=False) as stored:
        arrays = {name: stored[f"a{place}"] for place, name in enumerate(record["arrays"])}
    return {**dict(_flat("", record["facts"])), **arrays}


def _flat(place: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{place}.{key}" if place else str(key), each)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _flat(f"{place}[{number}]", each)
    else:
        yield place, value


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        if one.dtype.kind not in "fc":
            return bool(np.array_equal(one, other))
        return np.allclose(one, other, rtol=RTOL, atol=RTOL, equal_nan=True)
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=RTOL, atol=RTOL, equal_nan=True))
    return type(one) is type(other) and one == other


def _told(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array {value.dtype} {value.shape} with the sum {_sum(value)}"
    return "nothing" if value is None else repr(value)


def _sum(array: np.ndarray[Any, Any]) -> str:
    return f"{float(array.sum()):.9g}" if array.dtype.kind in "biufc" else "-"
