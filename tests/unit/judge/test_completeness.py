"""What a gate misses: artifacts, witnesses, controls, and writers that no pack has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import make_scenario

from runner.domain import Cell, CellResult, ControlResult, Detail, Format, Outcome, Verdict, Witness
from runner.domain.gate import Held, HeldCell
from runner.judge.completeness import find_incomplete

CELL = Cell(
    scenario="plain_dense",
    format=Format.KERAS,
    writer="keras3.10",
    reader="keras3.15",
    remedy="none",
)
WITNESSED = {"plain_dense": make_scenario("plain_dense", witness=(Witness(model="Sequential"),))}
CONTROLS = [
    ControlResult(id=f"readback plain_dense/keras/{name}->{name}/none", passed=True, detail="")
    for name in ("keras3.10", "keras3.15")
]
UNWRITTEN = CellResult(
    cell=CELL, outcome=Outcome.SAVE_ERROR, cause="unclassified", reason="ValueError: no"
)


def held(*cells):
    return Held(option="--release-baseline", name="last", mandatory=True, cells=cells)


def missing(*results, **changed):
    given = {
        "results": results,
        "held": held(),
        "scenarios": WITNESSED,
        "controls": CONTROLS,
        "built": ["keras3.10", "keras3.15"],
        **changed,
    }
    return find_incomplete(**given)


def test_a_run_with_artifacts_witnesses_and_controls_misses_nothing():
    assert missing(CellResult(cell=CELL, outcome=Outcome.EQUIVALENT)) == []


def test_an_artifact_that_was_not_written_is_told_once_with_why():
    other = replace(UNWRITTEN, cell=replace(CELL, reader="keras3.14"))

    assert missing(UNWRITTEN, other) == [
        "keras3.10 wrote no keras of plain_dense, and nothing declares why: ValueError: no"
    ]


def test_a_cause_or_an_acceptance_declares_the_absence():
    assert missing(replace(UNWRITTEN, cause="lambda_bytecode")) == []
    accepted = HeldCell(
        cell=CELL,
        verdict=Verdict.KNOWN_FAILURE,
        after=Detail(outcome=Outcome.SAVE_ERROR, cause="unclassified"),
        link="https://example.org/1",
    )
    assert missing(UNWRITTEN, held=held(accepted)) == []
    assert missing(UNWRITTEN, held=held(replace(accepted, link=""))) != []


@pytest.mark.parametrize("scenarios", [{}, {"plain_dense": make_scenario("plain_dense")}])
def test_a_scenario_without_a_witness_is_missing_something(scenarios):
    found = missing(CellResult(cell=CELL, outcome=Outcome.EQUIVALENT), scenarios=scenarios)

    assert found == [
        "plain_dense declares no witness: nothing proves that its artifacts are about it"
    ]


def test_a_damaged_artifact_needs_no_witness():
    damaged = {"plain_dense": make_scenario("plain_dense", damage="truncate:keep=0.5")}

    assert missing(CellResult(cell=CELL, outcome=Outcome.LOAD_ERROR), scenarios=damaged) == []


def test_an_environment_without_a_control_is_missing_something():
    # That a format is probed proves nothing of reading back.
    probed = ControlResult(id="format keras3.15/h5", passed=True, detail="")

    assert missing(controls=[CONTROLS[0], probed]) == [
        "keras3.15 has no control: nothing proves that it reads back its own file"
    ]


def test_what_no_pack_has_is_missing():
    assert missing(unfrozen=["keras3.9"]) == [
        "keras3.9: no pack has it, and with --frozen nothing writes it"
    ]
