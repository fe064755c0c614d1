"""The plan, stage 3: the request and the results so far -> saves and cells to be run. Pure."""

from runner.plan.cells import (
    every_cell,
    must_run,
    plan_bare,
    plan_remedies,
    plan_rounds,
    plan_saves,
    still_needed,
)
from runner.plan.controls import (
    CONTROL_SCENARIO,
    DAMAGED_SCENARIO,
    ControlPlan,
    plan_controls,
    plan_undeclared_reads,
)
from runner.plan.hops import plan_hops

__all__ = [
    "CONTROL_SCENARIO",
    "DAMAGED_SCENARIO",
    "ControlPlan",
    "every_cell",
    "must_run",
    "plan_bare",
    "plan_controls",
    "plan_hops",
    "plan_remedies",
    "plan_rounds",
    "plan_saves",
    "plan_undeclared_reads",
    "still_needed",
]
