"""Measure a random sample of cells again, each in a fresh process.

It is drawn over all strata: groups of scenarios, formats, remedies and pairs of generations; rare
ones get more than their share. The outcomes are compared with the recorded ones; the next run's
run.json has the result. With --saves, models are saved again instead, and the writers' records are
compared. With --data, the cells are drawn from a published run: their models are saved again, and
all is measured from nothing, as on another machine.
"""

from __future__ import annotations

from pathlib import Path

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
        ("nox -s audit -- --saves --writer keras3.15", "200 saves of one writer"),
        (
            "nox -s audit -- --in-containers --reader tf2.15,keras3.15",
            "200 cells of two readers, in containers",
        ),
        (
            "nox -s audit -- --data reports/published --profile full --sample 50 --reader tf2.15",
            "50 cells of the published run, from nothing",
        ),
    ),
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=200,
    metavar="N",
    help="Number of cells, or of saves (default 200).",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, metavar="N", help="Seed of the sample (default 1)."
)
@click.option(
    "--saves",
    is_flag=True,
    help="Save models again: each must give the record it gave.",
)
@click.option(
    "--in-containers",
    is_flag=True,
    help="Load the cells in containers; the image of each of their readers is built.",
)
@click.option(
    "--data",
    type=options.PATH,
    metavar="FOLDER",
    help="Draw from the run in this folder, and measure its cells here from nothing.",
)
@click.option("--note", is_flag=True, help="Tell the result of --data in that run and its report.")
@options.image_settings
@options.profile
@options.selection
@options.store
@options.jobs
def command(
    request: Request,
    *,
    sample: int,
    seed: int,
    saves: bool,
    in_containers: bool,
    data: Path | None,
    note: bool,
) -> int:
    """Run the audit."""
    if saves and in_containers:
        raise click.UsageError("--in-containers loads models; leave out --saves")
    if data is not None and (saves or in_containers):
        raise click.UsageError("--data saves and loads; leave out --saves and --in-containers")
    if note and data is None:
        raise click.UsageError("--note is about the run that --data names")
    if data is not None:
        from runner.cli.audit_work import audit_published

        return audit_published(request, data, sample=sample, seed=seed, note=note)
    if saves:
        from runner.cli.save_audit import audit_saves

        return audit_saves(request, sample=sample, seed=seed)
    from runner.cli.audit_work import audit_run

    return audit_run(request, sample=sample, seed=seed, contained=in_containers)
