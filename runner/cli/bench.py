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
@options.profile
@options.selection
@options.store
@options.jobs
@options.image_settings
def command(request: Request, *, cells: int, environment: str) -> int:
    """Measure the ratios and print them."""
    from runner.cli.bench_work import run_bench

    return run_bench(request, cells=cells, environments=environment)
