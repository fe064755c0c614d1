"""Measure a random sample of cells again, each in a fresh process.

The outcomes are compared with the recorded ones; the next run's run.json has the result.
"""

from __future__ import annotations

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request


@click.command(
    "audit",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s audit", "200 cells of the default profile"),
        ("nox -s audit -- --sample 20 --seed 2 --format h5", "20 others, H5 files only"),
    ),
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=200,
    metavar="N",
    help="Number of cells (default 200).",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, metavar="N", help="Seed of the sample (default 1)."
)
@options.profile
@options.selection
@options.store
@options.jobs
def command(request: Request, *, sample: int, seed: int) -> int:
    """Run the audit."""
    from runner.cli.audit_work import audit_run

    return audit_run(request, sample=sample, seed=seed)
