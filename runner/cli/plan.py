"""Print the cells that a run would measure, their number, and those it skips.

Nothing is built and nothing is measured.
"""

from __future__ import annotations

from collections import Counter

import click

from runner.cli import options
from runner.cli.columns import align
from runner.cli.command import Command
from runner.domain.request import Request


@click.command(
    "plan",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s plan", "the default profile"),
        (
            "nox -s plan -- --profile full --format saved_model",
            "the SavedModels between all environments",
        ),
        ("nox -s plan -- --scenario 'custom_layer_*'", "some scenarios"),
    ),
)
@options.profile
@options.selection
@options.scenarios
@options.builds
@options.store
def command(request: Request) -> int:
    """Print the plan."""
    from runner.declare.scope import declare
    from runner.domain import Outcome
    from runner.domain.selector import require_cells
    from runner.plan.cells import plan_bare, plan_remedies, plan_saves

    declared = declare(request)
    bare = plan_bare(declared.scope)
    if not bare:
        require_cells(declared.scope.selection, bare)
    upper = plan_remedies(declared.scope, dict.fromkeys(bare, Outcome.LOAD_ERROR), "all")
    loads = Counter(cell.scenario for cell in bare)
    remedies = Counter(cell.scenario for cell in upper)
    rows = [
        (name, ", ".join(map(str, scenario.formats)), str(loads[name]), str(remedies[name]))
        for name, scenario in declared.scope.scenarios.items()
        if loads[name]
    ]
    for line in align(("scenario", "formats", "bare loads", "remedies, at most"), rows):
        print(line)
    left_out = len(declared.scope.scenarios) - len(loads)
    print(f"environments: {', '.join(each.id for each in declared.environments)}")
    print(f"saves: {len(plan_saves(declared.scope, bare))}")
    print(f"bare loads: {len(bare)}; remedies: at most {len(upper)}, where the bare load fails")
    narrow = declared.catalog.of_profile(request.profile) and not request.names_scenarios
    whose = "profile (--scenario '*' has all)" if narrow else "selection"
    print(f"skipped: {left_out} scenarios outside the {whose}")
    print("skipped: formats a writer does not have, except in the control scenario")
    return 0
