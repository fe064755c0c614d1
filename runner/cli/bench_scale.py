"""The bench of many machines: a simulated cluster, and the joining of a million cells.

The dispatcher that local processes use runs in virtual time, with the durations of the published
run. Parts made of that run's rows, copies of which have scenarios of their own, are read and
joined. Then the workers of a cluster on this machine run recorded cells, and local processes the
same.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from msgspec import structs

from runner.cli.bench_cluster import print_cluster
from runner.domain.request import PUBLISHED, Request
from runner.executors.dispatch import Policy, Work, simulate
from runner.publish.columns import SCHEMA_OF
from runner.publish.durations import BUILD_S, IMPORT_S, OVERHEAD_S
from runner.publish.files import format_parquet, format_record
from runner.publish.joining import MADE_OF, Part, join_tables, require_alike
from runner.publish.reading import PublishedRun, load_data
from runner.publish.record import TotalsRecord
from runner.publish.tables import Order, count_outcomes

SIMULATED = ((1000, 10_000_000), (100, 1_000_000), (4, 100_000))
"""Workers and cells."""
JOINED = (250_000, 500_000, 1_000_000)
"""Cells."""
PARTS = 12
SEED = 7
Result = TypeVar("Result")


def run_scale_bench(request: Request) -> int:
    """Print what many machines would make of the published run.

    Raises:
        StoreError: there is no published run, or a damaged one.
    """
    folder = request.root / PUBLISHED
    # First: its processes take over the memory of this one.
    _print_joining(folder)
    data = load_data(folder)
    for workers, cells in SIMULATED:
        _print_simulation(data, workers, cells)
    print_cluster(request)
    return 0


def _print_simulation(data: PublishedRun, workers: int, cells: int) -> None:
    imports = {each.id: each.import_s or IMPORT_S for each in data.run.environments}
    rng = np.random.default_rng(SEED)
    known = data.cells[data.cells["duration_s"].notna()]
    works: dict[str, Work] = {}
    actual: dict[str, npt.NDArray[np.float64]] = {}
    for reader, rows in known.groupby("reader", observed=True):
        number = round(cells * len(rows) / len(known))
        mean = rows.groupby(["scenario", "remedy"], observed=True)["duration_s"].transform("mean")
        chosen = np.sort(rng.integers(0, len(rows), number))
        actual[str(reader)] = rows["duration_s"].to_numpy()[chosen] + OVERHEAD_S
        works[str(reader)] = Work(
            costs=mean.to_numpy()[chosen] + OVERHEAD_S,
            build_s=BUILD_S,
            import_s=imports[str(reader)],
        )
    begun = time.process_time()
    found = simulate(works, actual, workers, Policy())
    spent = time.process_time() - begun
    fair = max(1.0, len(works) / workers)
    print(f"simulated: {found.cells:,} cells of {len(works)} environments, {workers:,} workers:")
    print(f"  idle: {found.idle:.1%} of their time")
    print(f"  environments built: {found.builds / workers / fair:.2f} times a worker's fair share")
    print(f"  the dispatcher's own cost: {spent / found.cells * 1e6:.3f} microseconds a cell")


def _print_joining(folder: Path) -> None:
    print(f"{PARTS} published parts read, held against each other and joined, not published:")
    taken = []
    with TemporaryDirectory() as place:
        for cells in JOINED:
            parts = Path(place, str(cells))
            _apart(_write_parts, folder, parts, cells)
            empty_gb, most_gb, seconds = _apart(_join, parts)
            taken.append(most_gb - empty_gb)
            print(
                f"  {cells:,} cells: {seconds / cells * 1e6:.1f} microseconds of processor time a "
                f"cell, {taken[-1]:.2f} GB at most, besides {empty_gb:.2f} GB of the process"
            )
    (few, *_, many), (least, *_, most) = JOINED, taken
    print(
        f"  {(most - least) / (many - few) * 1e6:.2f} KB a cell more; {many / few:.0f} times the "
        f"cells take {most / least:.2f} times the memory"
    )


def _apart(task: Callable[..., Result], *arguments: object) -> Result:
    """Run a function in a process of its own: its memory is that of nothing else."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("fork")) as pool:
        return pool.submit(task, *arguments).result()


def _write_parts(folder: Path, target: Path, cells: int) -> None:
    """Write parts with so many cells: copies of a run's rows, each of scenarios of its own."""
    data = load_data(folder)
    cells_of_run = data.cells.copy()
    for column, keys, _ in MADE_OF:
        # A run may have kept cells of an earlier one, which are of other models.
        given = cells_of_run[column].astype(str)
        by = [cells_of_run[key].astype(str) for key in keys]
        one = given.groupby(by).transform("first") if by else given.mask(given != "", given.max())
        cells_of_run[column] = one.astype("category")
    size = len(cells_of_run)
    copies = -(-cells // size)
    scenarios = tuple(
        structs.replace(each, id=f"{each.id}.{copy}")
        for copy in range(copies)
        for each in data.run.scenarios
    )
    for part in range(PARTS):
        chosen = [
            (copy, np.arange(part, min(size, cells - copy * size), PARTS)) for copy in range(copies)
        ]
        rows, seen = (
            _concat([_copy(frame.iloc[rows], copy) for copy, rows in chosen])
            for frame in (cells_of_run, data.observations)
        )
        totals = TotalsRecord(cells=len(rows), by_outcome=count_outcomes(rows["outcome"]))
        run = structs.replace(data.run, scenarios=scenarios, totals=totals)
        into = target / f"{part:02}"
        into.mkdir(parents=True)
        (into / "run.json").write_bytes(format_record("run.json", run))
        for stem, frame in (("cells", rows), ("observations", seen)):
            content = format_parquet(f"{stem}.parquet", frame, SCHEMA_OF[stem])
            (into / f"{stem}.parquet").write_bytes(content)


def _join(folder: Path) -> tuple[float, float, float]:
    """Read and join parts; return the memory before and at most, and the time.

    In GB, and in seconds of the processor: other work on this machine does not count.
    """
    empty_gb = _most_gb()
    begun = time.process_time()
    parts = [Part(folder=each, data=load_data(each)) for each in sorted(folder.iterdir())]
    require_alike(parts)
    run = parts[0].data.run
    order = Order(
        scenarios=tuple(each.id for each in run.scenarios),
        formats=tuple(map(str, run.formats)),
        environments=run.environment_ids,
        remedies=tuple(each.id for each in run.remedies),
    )
    joined, _ = join_tables(parts, order)
    spent = time.process_time() - begun
    if len(joined) != sum(len(part.data.cells) for part in parts):
        raise ValueError(f"{len(joined)} cells came of the parts of {folder}")
    return empty_gb, _most_gb(), spent


def _most_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _copy(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return rows as those of other scenarios; texts of other rows are left out."""
    own = {
        str(name): column.cat.remove_unused_categories()
        for name, column in frame.items()
        if isinstance(column.dtype, pd.CategoricalDtype) and name != "scenario"
    }
    renamed = frame["scenario"].astype(str) + f".{number}"
    return frame.assign(**own, scenario=renamed.astype("category"))


def _concat(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables one below the other; columns of words stay such."""
    whole = pd.concat(frames, ignore_index=True)
    words = frames[0].select_dtypes("category").columns
    return whole.astype(dict.fromkeys(words, "category"))
