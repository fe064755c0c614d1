"""Compare ways of running the same cells, as ratios.

The cells have to be recorded: `nox -s matrix` comes first.
"""

from __future__ import annotations

import click

from runner.cli import completion, options
from runner.cli.command import Command
from runner.domain.request import Request


@click.command(
    "bench",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s bench", "500 cells of one environment"),
        ("nox -s bench -- --scale", "a simulated cluster of 1,000 workers"),
        ("nox -s bench -- --cells 100 --environment 'tf2.15,keras3*'", "several in turn"),
    ),
)
@click.option(
    "--cells",
    type=click.IntRange(1),
    default=500,
    metavar="N",
    help="Cells in the probe (default 500).",
)
@click.option(
    "--environment",
    default="keras3.15",
    metavar="GLOB",
    shell_complete=completion.environments,
    help="Where to measure: ids or globs, commas between (default keras3.15).",
)
@click.option(
    "--scale",
    is_flag=True,
    help="Instead: simulate a cluster with the durations of the published run, and join a million "
    "cells.",
)
@options.profile
@options.selection
@options.store
@options.jobs
@options.image_settings
def command(request: Request, *, cells: int, environment: str, scale: bool) -> int:
    """Measure the ratios and print them."""
    if scale:
        from runner.cli.bench_scale import run_scale_bench

        return run_scale_bench(request)
    from runner.cli.bench_work import run_bench

    return run_bench(request, cells=cells, environments=environment)
