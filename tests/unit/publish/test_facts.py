"""What is true of a run as a whole: the code of its scenarios, what confined its cells."""

from pathlib import Path

from runner.declare.scope import declare
from runner.domain import Cell, CellResult, Format, Observation, Outcome
from runner.domain.request import Request
from runner.publish import facts

ROOT = Path(__file__).resolve().parents[3]


def test_every_scenario_module_has_a_docstring(tmp_path):
    declared = declare(Request(root=ROOT, store=tmp_path / "store", out=tmp_path / "out"))
    docs = facts.module_docs(ROOT, declared.catalog)
    assert all(docs.values())
    assert set(docs) == {each.module for each in declared.catalog.scenarios.values()}


def test_what_confined_cells_is_counted():
    cell = Cell(scenario="s", format=Format.H5, writer="a", reader="b", remedy="none")
    said = ["container", "process", "container", ""]
    seen = [Observation(data={"status": "done", "isolation": name}) for name in said]
    results = [
        CellResult(cell=cell, outcome=Outcome.EQUIVALENT, observation=each)
        for each in (*seen, Observation(data={"status": "done"}), None)
    ]
    assert facts.count_confined(results) == {"container": 2, "process": 1}
