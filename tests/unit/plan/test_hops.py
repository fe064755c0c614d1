"""Chains of hops: they begin where the file was read, the most promising first, two at most."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs
from plan_fixtures import REMEDIES, field
from report_fixtures import make_environment, make_remedy, make_scenario

from runner import plan
from runner.domain import Aspect, Backend, Cell, Family, Format, MadeBy, Outcome
from runner.domain.hops import describe_hops, name_version, steps_of

BOTH = frozenset({Format.H5, Format.KERAS})
OLD, MIDDLE, NEAR, NEW = (
    structs.replace(make_environment(name, Family.KERAS3, place), formats=formats)
    for place, (name, formats) in enumerate(
        (
            ("tf2.3", frozenset({Format.H5})),
            ("tf2.15", BOTH),
            ("keras3.8", BOTH),
            ("keras3.15", BOTH),
        )
    )
)
ENVIRONMENTS = (OLD, MIDDLE, NEAR, NEW)
HOP = structs.replace(make_remedy("hop", 9), made_by=MadeBy.HOP)
SCENARIOS = {"s": make_scenario("s", remedies=("custom_objects", "hop"))}
BARE = Cell(scenario="s", format=Format.H5, writer="tf2.3", reader="keras3.15", remedy="none")
BAD, GOOD = Outcome.LOAD_ERROR, Outcome.EQUIVALENT


def planned(outcomes, wanted="first", helped=(), filters=None, **changes):
    remedies = {**REMEDIES, "hop": structs.replace(HOP, **changes)}
    scope = field((), filters, ENVIRONMENTS, SCENARIOS, remedies)
    found = plan.plan_hops(scope, outcomes, wanted, helped)
    return {cell.id: [steps_of(chain) for chain in chains] for cell, chains in found.items()}


def loads(*rows):
    """Return outcomes of (writer, reader, outcome) with a format and a remedy, where given."""
    return {
        replace(
            BARE,
            writer=row[0],
            reader=row[1],
            **({"format": row[3]} if len(row) > 3 else {}),
            **({"remedy": row[4]} if len(row) > 4 else {}),
        ): row[2]
        for row in rows
    }


ID = "s/h5/tf2.3->keras3.15/hop"


def test_a_chain_begins_where_the_file_was_read_and_its_nearest_neighbour_comes_first():
    found = planned(
        loads(("tf2.3", "keras3.15", BAD), ("tf2.3", "tf2.15", GOOD), ("tf2.3", "keras3.8", GOOD))
    )
    assert found == {
        ID: [
            ("keras3.8/none/h5",),
            ("keras3.8/none/keras",),
            ("tf2.15/none/h5",),
            ("tf2.15/none/keras",),
        ]
    }


def test_what_the_environments_own_files_came_to_decides_first():
    found = planned(
        loads(
            ("tf2.3", "keras3.15", BAD),
            ("tf2.3", "tf2.15", GOOD),
            ("tf2.3", "keras3.8", GOOD),
            ("keras3.8", "keras3.15", BAD),
            ("tf2.15", "keras3.15", GOOD, Format.KERAS),
        )
    )
    assert found[ID][0] == ("tf2.15/none/keras",)
    assert found[ID][-1] == ("keras3.8/none/h5",)


def test_two_hops_are_planned_of_measured_steps_alone_and_after_one():
    opened = loads(
        ("tf2.3", "keras3.15", BAD),
        ("tf2.3", "tf2.3", GOOD),
        ("tf2.3", "tf2.15", BAD),
        ("tf2.3", "keras3.8", BAD),
    )
    assert planned(opened)[ID] == [("tf2.3/none/h5",)]
    more = {**opened, **loads(("keras3.8", "keras3.15", GOOD, Format.KERAS))}
    assert planned(more)[ID] == [("tf2.3/none/h5",)]
    # The writer's own file is what a reader did not get: only another way helps.
    third = loads(("tf2.3", "keras3.8", GOOD, Format.H5, "custom_objects"))
    found = planned({**more, **third})[ID]
    assert ("keras3.8/custom_objects/keras",) in found
    assert ("tf2.3/none/h5", "keras3.8/custom_objects/keras") in found
    lengths = [len(each) for each in found]
    assert lengths == sorted(lengths)


def test_no_chain_begins_in_the_reader_itself():
    found = planned(
        loads(
            ("tf2.3", "keras3.15", BAD),
            ("tf2.3", "keras3.15", GOOD, Format.H5, "custom_objects"),
            ("keras3.15", "keras3.8", GOOD),
            ("keras3.8", "keras3.15", GOOD),
        ),
        "all",
    )
    assert found == {}


def test_a_way_that_gives_up_what_is_asked_opens_no_chain():
    opened = loads(
        ("tf2.3", "keras3.15", BAD), ("tf2.3", "keras3.8", GOOD, Format.H5, "custom_objects")
    )
    assert planned(opened)
    lossy = structs.replace(REMEDIES["custom_objects"], gives_up=frozenset({Aspect.OUTPUTS}))
    remedies = {**REMEDIES, "hop": HOP, "custom_objects": lossy}
    assert (
        plan.plan_hops(field((), None, ENVIRONMENTS, SCENARIOS, remedies), opened, "all", ()) == {}
    )


@pytest.mark.parametrize("bare", [GOOD, Outcome.SAVE_ERROR, Outcome.NOT_RUN])
def test_where_nothing_failed_there_is_no_hop(bare):
    assert planned(loads(("tf2.3", "keras3.15", bare), ("tf2.3", "keras3.8", GOOD)), "all") == {}


def test_no_chain_goes_through_a_variant_on_another_backend():
    variant = structs.replace(NEAR, id="keras3.8-jax", backend=Backend.JAX)
    scope = field((), None, (*ENVIRONMENTS, variant), SCENARIOS, {**REMEDIES, "hop": HOP})
    outcomes = loads(("tf2.3", "keras3.15", BAD), ("tf2.3", "keras3.8-jax", GOOD))
    assert plan.plan_hops(scope, outcomes, "all", ()) == {}


def test_what_a_cheaper_remedy_helped_needs_none_unless_it_is_asked_for():
    outcomes = loads(("tf2.3", "keras3.15", BAD), ("tf2.3", "keras3.8", GOOD))
    assert planned(outcomes, helped={BARE}) == {}
    assert set(planned(outcomes, "all", {BARE})) == {ID}
    assert set(planned(outcomes, "first", {BARE}, {"remedy": ["hop"]})) == {ID}
    assert planned(outcomes, "all", (), {"remedy": ["custom_objects"]}) == {}


def test_other_remedies_are_planned_without_hops():
    remedies = {**REMEDIES, "hop": HOP}
    scope = field((), None, ENVIRONMENTS, SCENARIOS, remedies)
    cells = plan.plan_remedies(scope, {BARE: BAD}, "all")
    assert {cell.remedy for cell in cells} == {"custom_objects"}


def test_a_chain_is_told_as_a_person_follows_it():
    steps = ("tf2.3/none/h5", "tf2.15/compat_shims/keras")
    assert describe_hops(steps, "keras3.15-jax") == (
        "open it in TF 2.3, save as .h5, open it in TF 2.15 with compat_shims, save as .keras, "
        "load in Keras 3.15-jax"
    )
    assert name_version("tf-keras2.16") == "tf-keras 2.16"
    assert name_version("keras@mine") == "keras@mine"
