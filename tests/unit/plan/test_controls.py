"""Every run holds the same controls, whatever is selected."""

from __future__ import annotations

from plan_fixtures import ENVIRONMENTS, NEW, OLD, field, ids

from runner import plan
from runner.domain import Format


def test_controls_are_each_environment_with_itself_whatever_is_selected():
    found = plan.plan_controls(field(filters={"scenario": ["custom_loss_metric"]}))
    assert all(cell.writer == cell.reader and cell.remedy == "none" for cell in found.cells)
    assert ids(found.readbacks) == [
        "plain_dense/h5/tf1.15->tf1.15/none",
        "plain_dense/h5/keras3.15->keras3.15/none",
        "plain_dense/keras/keras3.15->keras3.15/none",
    ]
    assert ids(found.damaged) == [
        "truncated_file/h5/tf1.15->tf1.15/none",
        "truncated_file/h5/keras3.15->keras3.15/none",
        "truncated_file/keras/keras3.15->keras3.15/none",
    ]
    assert found.cells == found.readbacks + found.damaged


def test_the_comparison_is_controlled_in_every_environment():
    found = plan.plan_controls(field())
    assert {cell.reader for cell in found.tampered} == {each.id for each in ENVIRONMENTS}
    assert {cell.format for cell in found.tampered} == {Format.H5}


def test_what_is_declared_of_writing_and_reading_is_probed():
    chosen = field()
    found = plan.plan_controls(chosen)
    assert [(save.id, declared) for save, declared in found.saves] == [
        ("plain_dense/h5/tf1.15", True),
        ("plain_dense/keras/tf1.15", False),
        ("plain_dense/h5/keras3.15", True),
        ("plain_dense/keras/keras3.15", True),
    ]
    bare = plan.plan_bare(chosen)
    unread = plan.plan_undeclared_reads(chosen, bare)
    assert ids(unread) == [
        "plain_dense/keras/tf1.15->tf1.15/none",
        "plain_dense/keras/keras3.15->tf1.15/none",
    ]
    assert {OLD.id, NEW.id} == {each.writer for each in unread}
