"""Stage 3: what is asked and what is known -> which saves and cells are to be run. Pure."""

from runner.plan.cells import (
    CONTROL_SCENARIO,
    DAMAGED_SCENARIO,
    applicable,
    plan_bare,
    plan_control_cells,
    plan_remedies,
    plan_saves,
    writes,
)

__all__ = [
    "CONTROL_SCENARIO",
    "DAMAGED_SCENARIO",
    "applicable",
    "plan_bare",
    "plan_control_cells",
    "plan_remedies",
    "plan_saves",
    "writes",
]
