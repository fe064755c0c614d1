"""Which cells a run has: complete, in order, and no remedy where none is needed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs
from plan_fixtures import MIDDLE, OLD, REMEDIES, field, ids
from report_fixtures import make_scenario

from runner import plan
from runner.domain import REMEDIABLE, Aspect, Cell, Format, Outcome, Save


def test_bare_loads_are_every_writer_by_every_reader_in_declared_order():
    found = ids(plan.plan_bare(field(filters={"scenario": ["custom_loss_metric"]})))
    assert found == [
        "custom_loss_metric/h5/tf1.15->tf1.15/none",
        "custom_loss_metric/h5/tf1.15->keras3.15/none",
        "custom_loss_metric/h5/keras3.15->tf1.15/none",
        "custom_loss_metric/h5/keras3.15->keras3.15/none",
        # tf1.15 does not write it, but is asked to read it.
        "custom_loss_metric/keras/keras3.15->tf1.15/none",
        "custom_loss_metric/keras/keras3.15->keras3.15/none",
    ]


def test_the_control_probes_the_formats_a_writer_is_declared_without():
    found = ids(plan.plan_bare(field(filters={"scenario": ["plain_dense"], "format": ["keras"]})))
    assert "plain_dense/keras/tf1.15->keras3.15/none" in found
    assert len(found) == 4


def test_a_scenario_can_name_the_writers_that_can_write_it():
    only_new = {"x": make_scenario("x", writers=("keras3*",))}
    found = plan.plan_bare(field(scenarios=only_new))
    assert {cell.writer for cell in found} == {"keras3.15"}
    assert {cell.reader for cell in found} == {"tf1.15", "keras3.15"}


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 6 + 6 + 8),
        ({"reader": ["tf1.15"]}, 3 + 3 + 4),
        ({"writer": ["tf1.15"]}, 2 + 2 + 4),
        ({"format": ["h5"], "scenario": ["trunc*"]}, 4),
        # A remedy alone selects no bare load away: it decides what runs after it.
        ({"remedy": ["custom_objects"]}, 6 + 6 + 8),
    ],
)
def test_a_selection_leaves_cells_out(filters, count):
    assert len(plan.plan_bare(field(filters=filters))) == count


def test_the_readers_of_one_pattern_do_not_read_the_files_of_another():
    patterns = (
        "custom_loss_metric/h5/tf1.15->keras3.15",
        "custom_loss_metric/h5/keras3.15->tf1.15",
    )
    assert ids(plan.plan_bare(field(patterns))) == [
        "custom_loss_metric/h5/tf1.15->keras3.15/none",
        "custom_loss_metric/h5/keras3.15->tf1.15/none",
    ]


def outcomes(chosen, outcome):
    return dict.fromkeys(plan.plan_bare(chosen), outcome)


FAILED = [each for each in Outcome if each in REMEDIABLE]


def test_a_remedy_is_tried_after_every_failure_of_the_model():
    expected = {"diverged", "unusable", "load_error", "crashed", "timed_out"}
    assert set(map(str, FAILED)) == expected | {"out_of_memory", "unsupported"}


@pytest.mark.parametrize("outcome", FAILED)
def test_remedies_run_where_the_bare_load_failed_cheapest_first(outcome):
    chosen = field(filters={"scenario": ["custom_loss_metric"], "format": ["h5"]})
    found = ids(plan.plan_remedies(chosen, outcomes(chosen, outcome)))
    assert len(found) == 4 * 2
    assert found[:2] == [
        "custom_loss_metric/h5/tf1.15->tf1.15/custom_objects",
        "custom_loss_metric/h5/tf1.15->tf1.15/rebuild_weights",
    ]


@pytest.mark.parametrize(
    "outcome", sorted(set(Outcome) - REMEDIABLE - {Outcome.EQUIVALENT}), ids=str
)
@pytest.mark.parametrize("wanted", ["auto", "needed", "all"])
def test_no_remedy_runs_where_nothing_was_loaded(outcome, wanted):
    chosen = field()
    assert plan.plan_remedies(chosen, outcomes(chosen, outcome), wanted) == []


def test_where_the_bare_load_works_a_remedy_runs_once_a_reader_and_format():
    chosen = field(filters={"format": ["h5"]})
    bare = outcomes(chosen, Outcome.EQUIVALENT)
    found = plan.plan_remedies(chosen, bare)
    keys = [(cell.reader, cell.format, cell.remedy) for cell in found]
    assert len(keys) == len(set(keys)) == 2 * 2
    every = plan.plan_remedies(chosen, bare, "all")
    assert len(every) == 2 * 4 * 2
    assert set(found) <= set(every)


def test_a_selected_remedy_alone_is_planned():
    chosen = field(filters={"remedy": ["rebuild_weights"], "format": ["h5"]})
    found = plan.plan_remedies(chosen, outcomes(chosen, Outcome.LOAD_ERROR))
    assert {cell.remedy for cell in found} == {"rebuild_weights"}


def test_a_remedy_exists_only_in_its_formats_and_environments():
    remedies = {
        **REMEDIES,
        "custom_objects": structs.replace(
            REMEDIES["custom_objects"],
            formats=frozenset({Format.KERAS}),
            environments=("keras3.?*",),
        ),
    }
    chosen = field(remedies=remedies)
    found = plan.plan_remedies(chosen, outcomes(chosen, Outcome.LOAD_ERROR), "all")
    custom = [cell for cell in found if cell.remedy == "custom_objects"]
    assert custom
    assert {(cell.reader, cell.format) for cell in custom} == {("keras3.15", Format.KERAS)}


EVERYWHERE = structs.replace(REMEDIES["custom_objects"], id="shims", everywhere=True, cost=2)


def everywhere_field(scenario, **changes):
    remedies = {**REMEDIES, "shims": structs.replace(EVERYWHERE, **changes)}
    return field(scenarios={scenario.id: scenario}, remedies=remedies, filters={"format": ["h5"]})


def remedies_planned(chosen):
    found = plan.plan_remedies(chosen, outcomes(chosen, Outcome.LOAD_ERROR))
    return [cell.remedy for cell in found if (cell.writer, cell.reader) == ("tf1.15", "keras3.15")]


def test_a_remedy_of_every_scenario_is_named_by_none_and_takes_its_place_by_cost():
    chosen = everywhere_field(make_scenario("x", remedies=("rebuild_weights", "custom_objects")))
    assert remedies_planned(chosen) == ["custom_objects", "shims", "rebuild_weights"]
    assert remedies_planned(everywhere_field(make_scenario("x", remedies=()))) == ["shims"]


def test_a_remedy_of_every_scenario_may_ask_for_an_aspect():
    for aspects, expected in [({Aspect.OUTPUTS}, []), ({Aspect.COMPILE}, ["shims"])]:
        scenario = make_scenario("x", remedies=(), aspects=frozenset(aspects))
        chosen = everywhere_field(scenario, for_aspects=frozenset({Aspect.COMPILE}))
        assert remedies_planned(chosen) == expected


def test_no_remedy_runs_for_a_file_that_was_damaged_on_purpose():
    damaged = make_scenario("x", remedies=("rebuild_weights",), damage="truncate:keep=0.5")
    assert remedies_planned(everywhere_field(damaged)) == []


def rounds_of(chosen, outcome=Outcome.LOAD_ERROR, wanted="first"):
    return plan.plan_rounds(chosen, outcomes(chosen, outcome), wanted)


ONE = {"scenario": ["custom_loss_metric"], "format": ["h5"]}


def test_the_remedies_of_a_cost_make_a_round_the_cheapest_first():
    found = rounds_of(field(filters=ONE))
    assert [{cell.remedy for cell in cells} for cells in found] == [
        {"custom_objects"},
        {"rebuild_weights"},
    ]
    assert [len(cells) for cells in found] == [4, 4]
    for wanted in ("auto", "needed", "all"):
        chosen = field(filters=ONE)
        planned = plan.plan_remedies(chosen, outcomes(chosen, Outcome.LOAD_ERROR), wanted)
        assert rounds_of(chosen, wanted=wanted) == [planned]


def test_where_a_cheaper_remedy_helped_no_other_is_tried():
    chosen = field(filters=ONE)
    bare = outcomes(chosen, Outcome.LOAD_ERROR)
    second = rounds_of(chosen)[1]
    helped = [cell for cell in bare if cell.reader == "keras3.15"]
    left = plan.still_needed(chosen, bare, second, helped)
    assert {cell.reader for cell in left} == {"tf1.15"}
    assert plan.still_needed(chosen, bare, second, []) == second


def test_controls_and_what_is_named_are_tried_though_a_cheaper_remedy_helped():
    chosen = field(filters=ONE)
    bare = outcomes(chosen, Outcome.EQUIVALENT)
    controls = rounds_of(chosen, Outcome.EQUIVALENT)[1]
    assert controls
    assert plan.still_needed(chosen, bare, controls, list(bare)) == controls
    named = field(filters={**ONE, "remedy": ["rebuild_weights"]})
    bare = outcomes(named, Outcome.LOAD_ERROR)
    cells = rounds_of(named)[0]
    assert plan.still_needed(named, bare, cells, list(bare)) == cells


def sibling_field():
    formats = (Format.H5, Format.SAVED_MODEL)
    scenarios = {"x": make_scenario("x", formats=formats, remedies=("saved_model",))}
    return field(scenarios=scenarios, environments=(OLD, MIDDLE), filters={"format": ["h5"]})


def test_a_sibling_is_loaded_only_where_the_writer_writes_it():
    chosen = sibling_field()
    found = plan.plan_remedies(chosen, outcomes(chosen, Outcome.LOAD_ERROR))
    assert ids(found) == [
        "x/h5/tf2.15->tf1.15/saved_model",
        "x/h5/tf2.15->tf2.15/saved_model",
    ]


def test_each_artifact_is_saved_once_with_its_siblings():
    chosen = sibling_field()
    cells = plan.plan_bare(chosen)
    cells += plan.plan_remedies(chosen, outcomes(chosen, Outcome.LOAD_ERROR))
    assert plan.plan_saves(chosen, cells) == [
        Save(scenario="x", format=Format.H5, writer="tf1.15"),
        Save(scenario="x", format=Format.H5, writer="tf2.15"),
        Save(scenario="x", format=Format.SAVED_MODEL, writer="tf2.15"),
    ]


def test_saves_of_cells_are_each_named_once():
    chosen = field()
    cell = plan.plan_bare(chosen)[0]
    other = replace(cell, reader="keras3.15")
    save = Save(scenario=cell.scenario, format=cell.format, writer=cell.writer)
    assert plan.plan_saves(chosen, [cell, other]) == [save]


def remedies_of(patterns=(), filters=None, wanted="auto"):
    chosen = field(patterns, filters)
    return ids(plan.plan_remedies(chosen, outcomes(chosen, Outcome.EQUIVALENT), wanted))


NAMED = "custom_loss_metric/h5/*->*/custom_objects"
OPEN = "plain_dense/h5/*->*/*"
"""Equivalent bare loads: without a name each remedy runs once a reader."""


def test_a_remedy_that_a_selector_names_runs_everywhere():
    assert len(remedies_of([NAMED])) == 4
    assert len(remedies_of([OPEN])) == 2 * 2
    assert len(remedies_of(filters={"remedy": ["custom_objects"], "format": ["h5"]})) == 2 * 4


def test_a_selector_that_names_a_remedy_says_nothing_of_another():
    found = remedies_of([NAMED, OPEN])
    assert [each for each in found if each.startswith("custom_loss_metric")] == remedies_of([NAMED])
    others = [each for each in found if each.startswith("plain_dense")]
    assert set(others) == set(remedies_of([OPEN]))


def test_only_what_is_asked_for_runs_where_nothing_needs_a_remedy():
    assert len(remedies_of([NAMED], wanted="needed")) == 2
    assert len(remedies_of([OPEN], wanted="all")) == 4 * 2


@pytest.mark.parametrize("outcome", [None, *Outcome], ids=str)
def test_what_says_nothing_of_the_model_is_measured_again(outcome):
    again = plan.must_run(outcome, force=False, failed=False)
    assert again is (outcome in {Outcome.NOT_RUN, Outcome.HARNESS_ERROR, UNAVAILABLE})
    failed = plan.must_run(outcome, force=False, failed=True)
    assert failed is (outcome not in {None, Outcome.EQUIVALENT})
    assert plan.must_run(outcome, force=True, failed=False)


UNAVAILABLE = Outcome.ENVIRONMENT_UNAVAILABLE


def test_the_same_declarations_give_the_same_plan():
    first, second = plan.plan_bare(field()), plan.plan_bare(field())
    assert first == second
    assert len(set(first)) == len(first)
    assert all(isinstance(cell, Cell) for cell in first)
