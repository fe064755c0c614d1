"""Export frozen artifacts into a pack, or import one.

ACTION is `export` or `import`. `export` writes what the writers of the profile wrote of a few
scenarios, with their locks, their records and their own reading of it, into one file (default
pack.zip); what is not there is saved first. The same artifacts give the same bytes. `import`
takes a pack, verifies all of it, and puts it into the store: with `--frozen` a run reads its
artifacts and builds no environment that only writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.packs import Contents

FILE = Path("pack.zip")
LIMIT_MB = 20.0
DIGEST = 64


@click.command(
    "artifacts",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s artifacts -- export --profile full", "a pack of every declared writer"),
        (
            "nox -s artifacts -- export --writer 'keras3*' --group regularizers",
            "of some writers, and of another group of scenarios",
        ),
        ("nox -s artifacts -- import pack.zip", "verify it, and put it into the store"),
    ),
)
@click.argument("action", type=click.Choice(["export", "import"]))
@click.argument("pack", type=options.PATH, default=FILE)
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="GROUP",
    help="Export the scenarios of this group beside the control (default 'compile state'); may be "
    "repeated.",
)
@click.option(
    "--limit-mb",
    type=click.FloatRange(min=0, min_open=True),
    default=LIMIT_MB,
    metavar="MB",
    help=f"Size that an exported pack may have (default {LIMIT_MB:g}).",
)
@click.option(
    "--partial", is_flag=True, help="Export without the writers that cannot be built here."
)
@click.option(
    "--sha256", default="", metavar="HEX", help="Import no other file than that of this digest."
)
@options.measuring
def command(
    request: Request,
    *,
    action: str,
    pack: Path,
    groups: tuple[str, ...],
    limit_mb: float,
    partial: bool,
    sha256: str,
) -> int:
    """Write or take in the pack, and say what it has."""
    from runner.domain.errors import SelectionError
    from runner.host.progress import make_reporter
    from runner.packs import export_pack, import_pack

    if sha256 and (len(sha256) != DIGEST or set(sha256.lower()) - set("0123456789abcdef")):
        raise SelectionError(
            "--sha256 is no SHA-256",
            cause=f"it has {DIGEST} hex digits",
            next_step="copy it from what `artifacts export` printed",
        )
    reporter = make_reporter(sys.stdout)
    try:
        if action == "export":
            found = export_pack(
                request, pack, reporter, groups=groups, limit_mb=limit_mb, partial=partial
            )
        else:
            found = import_pack(request, pack, reporter, sha256)
    finally:
        reporter.close()
    _print_contents(pack, found)
    if action == "import":
        _print_confinement()
        print("read it: nox -s matrix -- --frozen --reader keras3.15")
    return 0


def _print_contents(pack: Path, found: Contents) -> None:
    days = sorted(writer.day for writer in found.writers)
    scenarios = {each.scenario for writer in found.writers for each in writer.saves}
    print(
        f"{pack}: {found.artifacts} artifacts of {len(found.writers)} writers and "
        f"{len(scenarios)} scenarios, {found.size / 1e6:.1f} MB, written {days[0]} to {days[-1]}"
    )
    if found.unwritten:
        print(f"{found.unwritten} saves failed, which is recorded in it")
    for name, reason in found.left_out.items():
        print(f"left out: {name}: {reason}")
    print(f"sha256: {found.sha256}")


def _print_confinement() -> None:
    """Say how jobs that read foreign artifacts are held back here."""
    from runner.executors.foreign import find_reach

    print(f"its artifacts are foreign files; jobs that read them: {find_reach().describe()}")
