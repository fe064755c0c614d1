"""Cells that ran, run again in fresh processes: results that came once are no evidence."""

from __future__ import annotations

from collections.abc import Sequence

from runner import pipeline
from runner.domain import Cell, CellResult
from runner.judge.cause import CauseTable, explain
from runner.judge.outcome import classify_cell
from runner.measure.rounds import repeat_jobs

REPEATS = 1
"""Further runs of each of the two cells of a change."""


def repeat_cells(
    run: pipeline.Run, cells: Sequence[Cell], times: int = REPEATS
) -> dict[Cell, list[CellResult]]:
    """Load the cells again, each in a fresh process; nothing of it is recorded.

    A cell whose artifact could not be written has no load to repeat.
    """
    known = [each for each in pipeline.know(run, cells) if each.loadable]
    table = CauseTable(run.declared.causes)
    found: dict[Cell, list[CellResult]] = {each.cell: [] for each in known}
    jobs = [(each.cell.reader, run.look_up.load_job(each)) for each in known]
    for turn in range(times if jobs else 0):
        label = f"what changed, in fresh processes, {turn + 1} of {times}"
        seen = repeat_jobs(run.jobs, jobs, label)
        for each in known:
            if each.job_id in seen:
                result = classify_cell(pipeline.observed(each, seen[each.job_id]))
                damaged = bool(run.declared.catalog.scenarios[each.cell.scenario].damage)
                found[each.cell].append(explain(result, table, damaged=damaged))
    return found
