"""Models that crash, hang or take all memory cost one cell each; their neighbours are right."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from matrix_harness import (
    Measured,
    cells,
    copy_tree,
    make_store,
    observed,
    probes_of,
    run,
    selection,
)

HOSTILE = Path(__file__).parent / "data" / "hostile.py"
HARMS = ("segfault", "hang", "grow", "huge", "abort", "exit", "system_exit", "harmless")
BROKEN = ("raises", "silent")
SABOTAGE = ("forge", "ruin", "hide")
"""What reaches for the probe and for the other jobs."""
NEIGHBOUR = "custom_layer_trained.corrected"
ENTRY = """
[[scenario]]
id = "hostile.{variant}"
variant = "{variant}"
module = "hostile"
group = "control"
title = "A model that does harm"
summary = "Only in tests."
formats = ["h5", "keras"]
aspects = ["structure", "outputs", "weights"]
remedies = ["custom_objects"]
timeout_s = 4.0
"""


def _measure(folder: Path, environments: Path, harms: Sequence[str]) -> Measured:
    tree = copy_tree(folder / "repository")
    shutil.copy(HOSTILE, tree / "scenarios")
    with (tree / "scenarios" / "catalog.toml").open("a", encoding="utf-8") as catalog:
        catalog.write("".join(ENTRY.format(variant=each) for each in harms))
    store = make_store(folder / "store", environments)
    chosen = selection(store, profile="single", scenarios=("hostile.*", NEIGHBOUR))
    arguments = ("run", *chosen, "--remedy", "none,custom_objects", "--memory-mb", "900")
    return Measured(run(tree, *arguments), store, arguments)


@pytest.fixture(scope="module")
def hostile(environments, tmp_path_factory) -> Measured:
    return _measure(tmp_path_factory.mktemp("hostile"), environments, (*HARMS, *BROKEN))


@pytest.fixture(scope="module")
def sabotaged(environments, tmp_path_factory) -> Measured:
    return _measure(tmp_path_factory.mktemp("sabotaged"), environments, SABOTAGE)


def _cell(scenario: str, remedy: str, format_: str = "h5") -> str:
    return f"{scenario}/{format_}/tf2.15->tf2.15/{remedy}"


def test_the_run_itself_succeeds(hostile):
    assert hostile.finished.code == 0, hostile.finished.text
    assert not set(cells(hostile.store)["outcome"]) & {"harness_error", "not_run"}


@pytest.mark.parametrize("format_", ["h5", "keras"])
@pytest.mark.parametrize(
    ("harm", "outcome"),
    [
        ("segfault", "crashed"),
        ("abort", "crashed"),
        ("exit", "crashed"),
        ("system_exit", "crashed"),
        ("hang", "timed_out"),
        ("grow", "out_of_memory"),
        ("huge", "out_of_memory"),
        ("harmless", "equivalent"),
    ],
)
def test_each_harm_is_its_own_cell_s_outcome(hostile, harm, outcome, format_):
    table = cells(hostile.store)["outcome"]
    assert table[_cell(f"hostile.{harm}", "custom_objects", format_)] == outcome


def test_signals_limits_and_exit_codes_are_named(hostile):
    def reason(harm):
        return observed(hostile.store, _cell(f"hostile.{harm}", "custom_objects"))["message"]

    assert "SIGSEGV" in reason("segfault")
    assert "SIGABRT" in reason("abort")
    assert "exit code 3" in reason("exit")
    assert "4 s" in reason("hang")
    assert "900 MB" in reason("grow") or reason("grow") == ""


@pytest.mark.parametrize("format_", ["h5", "keras"])
def test_neighbours_in_the_same_chain_are_right(hostile, format_):
    table = cells(hostile.store)["outcome"]
    assert table[_cell(NEIGHBOUR, "custom_objects", format_)] == "equivalent"
    for harm in HARMS:
        assert table[_cell(f"hostile.{harm}", "none", format_)] == "load_error"


def test_a_hang_is_tried_twice_before_it_is_believed(hostile):
    assert "second tries: 2 of 2" in hostile.finished.out


@pytest.mark.parametrize("variant", BROKEN)
def test_a_model_that_cannot_be_saved_is_a_save_error(hostile, variant):
    table = cells(hostile.store)
    rows = table[table["scenario"] == f"hostile.{variant}"]
    assert len(rows) == 2
    assert set(rows["outcome"]) == {"save_error"}
    wanted = "this model cannot be built" if variant == "raises" else "wrote no model.h5"
    assert wanted in rows.loc[_cell(f"hostile.{variant}", "none"), "message"]


def test_nothing_is_left_running(hostile):
    assert probes_of(hostile.store) == []


def test_sabotage_costs_its_own_cells(sabotaged):
    table = cells(sabotaged.store)
    assert "Traceback" not in sabotaged.finished.text
    assert not table["message"].str.contains("forged").any()
    for format_ in ("h5", "keras"):
        for remedy in ("none", "custom_objects"):
            outcome = table["outcome"].get(_cell(NEIGHBOUR, remedy, format_))
            assert outcome in {None, "equivalent", "load_error"}, (format_, remedy)
        assert table["outcome"][_cell(NEIGHBOUR, "custom_objects", format_)] == "equivalent"
    lost = table.index[table["outcome"].isin(["harness_error", "not_run"])]
    allowed = {
        _cell(f"hostile.{harm}", "custom_objects", format_)
        for harm in SABOTAGE
        for format_ in ("h5", "keras")
    }
    assert set(lost) <= allowed, lost
    assert {_cell("hostile.hide", "custom_objects", each) for each in ("h5", "keras")} <= set(lost)


def test_nothing_is_left_of_what_hid(sabotaged):
    assert probes_of(sabotaged.store) == []
    assert list((sabotaged.store / "batches").glob("*")) == []
