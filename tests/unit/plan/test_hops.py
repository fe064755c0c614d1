"""Chains of hops: they begin where the file was read, the most promising first, two at most, and
none that the environments' own files say has no chance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs
from plan_fixtures import REMEDIES, field
from report_fixtures import make_environment, make_remedy, make_scenario

from runner import plan
from runner.domain import (
    Aspect,
    Backend,
    Cell,
    CellResult,
    Family,
    Format,
    MadeBy,
    Observation,
    Outcome,
)
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
HOP_OF_WEIGHTS = structs.replace(HOP, formats=frozenset(Format))
SCENARIOS = {"s": make_scenario("s", remedies=("custom_objects", "hop"))}
BARE = Cell(scenario="s", format=Format.H5, writer="tf2.3", reader="keras3.15", remedy="none")
BAD, GOOD = Outcome.LOAD_ERROR, Outcome.EQUIVALENT


def planned(outcomes, wanted="first", helped=(), filters=None, **changes):
    remedies = {**REMEDIES, "hop": structs.replace(HOP, **changes)}
    scope = field((), filters, ENVIRONMENTS, SCENARIOS, remedies)
    found = plan.plan_hops(scope, outcomes, wanted, helped)
    return {cell.id: [steps_of(chain) for chain in chains] for cell, chains in found.items()}


def loads(*rows):
    """Return results of (writer, reader, outcome) with a format and a remedy, where given."""
    found = {}
    for writer, reader, outcome, *more in rows:
        names = dict(zip(("format", "remedy"), more, strict=False))
        cell = replace(BARE, writer=writer, reader=reader, **names)
        found[cell] = (
            outcome if isinstance(outcome, CellResult) else CellResult(cell=cell, outcome=outcome)
        )
    return found


ID = "s/h5/tf2.3->keras3.15/hop"


def test_a_chain_begins_where_the_file_was_read_and_its_nearest_neighbour_comes_first():
    own = (
        ("keras3.8", "keras3.15", GOOD),
        ("keras3.8", "keras3.15", GOOD, Format.KERAS),
        ("tf2.15", "keras3.15", GOOD),
    )
    found = planned(
        loads(
            ("tf2.3", "keras3.15", BAD),
            ("tf2.3", "tf2.15", GOOD),
            ("tf2.3", "keras3.8", GOOD),
            *own,
        )
    )
    assert found == {ID: [("keras3.8/none/h5",), ("keras3.8/none/keras",), ("tf2.15/none/h5",)]}


def test_of_chains_of_which_nothing_is_known_one_is_tried_after_the_others():
    opened = loads(("tf2.3", "keras3.15", BAD), ("tf2.3", "tf2.15", GOOD))
    assert planned(opened) == {ID: [("tf2.15/none/h5",)]}
    more = loads(("tf2.15", "keras3.15", GOOD, Format.KERAS))
    assert planned({**opened, **more}) == {ID: [("tf2.15/none/keras",), ("tf2.15/none/h5",)]}


@pytest.mark.parametrize("own", [BAD, Outcome.UNUSABLE, Outcome.SAVE_ERROR, Outcome.TIMED_OUT])
def test_no_chain_ends_with_a_file_of_a_kind_that_the_target_did_not_get(own):
    opened = loads(
        ("tf2.3", "keras3.15", BAD),
        ("tf2.3", "tf2.15", GOOD),
        ("tf2.15", "keras3.15", own),
        ("tf2.15", "keras3.15", own, Format.H5, "custom_objects"),
    )
    assert planned(opened)[ID] == [("tf2.15/none/keras",)]
    both = loads(
        ("tf2.15", "keras3.15", own, Format.KERAS),
        ("tf2.15", "keras3.15", own, Format.KERAS, "custom_objects"),
    )
    assert planned({**opened, **both}, "all") == {}
    # The target names the custom objects of what a chain ends with, and does no more than that.
    named = loads(("tf2.15", "keras3.15", GOOD, Format.KERAS, "custom_objects"))
    assert (planned({**opened, **both, **named}) == {ID: [("tf2.15/none/keras",)]}) is (
        own is not Outcome.SAVE_ERROR
    )
    other = loads(("tf2.15", "keras3.15", GOOD, Format.KERAS, "rebuild_weights"))
    assert planned({**opened, **both, **other}) == {}


def test_what_could_not_be_saved_for_another_reader_is_not_saved_for_this_one():
    opened = loads(
        ("tf2.3", "keras3.15", BAD),
        ("tf2.3", "tf2.15", GOOD),
        ("tf2.15", "keras3.8", Outcome.SAVE_ERROR),
        ("tf2.15", "keras3.8", Outcome.SAVE_ERROR, Format.KERAS),
    )
    assert planned(opened) == {}


def result(outcome, aspects=(), stage=""):
    observation = Observation(data={"status": "raised", "stage": stage}) if stage else None
    return CellResult(cell=BARE, outcome=outcome, aspects=aspects, observation=observation)


@pytest.mark.parametrize(
    ("own", "tried"),
    [
        (result(Outcome.DIVERGED, (Aspect.OPTIMIZER,)), True),
        (result(Outcome.DIVERGED, (Aspect.OPTIMIZER, Aspect.WEIGHTS)), False),
        (result(Outcome.UNUSABLE, stage="train"), True),
        (result(Outcome.UNUSABLE, stage="call"), False),
    ],
)
def test_what_is_not_asked_of_the_cell_may_be_lost_on_the_way(own, tried):
    weights = replace(BARE, format=Format.WEIGHTS_H5)
    environments = [
        structs.replace(each, formats=each.formats | {Format.WEIGHTS_H5}) for each in ENVIRONMENTS
    ]
    scenario = make_scenario(
        "s",
        remedies=("hop",),
        aspects=frozenset({Aspect.OUTPUTS, Aspect.WEIGHTS, Aspect.OPTIMIZER}),
    )
    held = frozenset({Aspect.OUTPUTS, Aspect.WEIGHTS})
    scope = replace(
        field((), None, environments, {"s": scenario}, {**REMEDIES, "hop": HOP_OF_WEIGHTS}),
        carries=dict.fromkeys(Format, held),
    )
    results = loads(
        ("tf2.3", "keras3.15", BAD, Format.WEIGHTS_H5),
        ("tf2.3", "tf2.15", GOOD, Format.WEIGHTS_H5),
        ("tf2.15", "keras3.15", BAD, Format.WEIGHTS_H5),
        ("tf2.15", "keras3.15", BAD, Format.KERAS),
        ("tf2.15", "keras3.15", own, Format.H5),
    )
    found = plan.plan_hops(scope, results, "all", ())
    hop = replace(weights, remedy="hop")
    assert {cell: [steps_of(chain) for chain in chains] for cell, chains in found.items()} == (
        {hop: [("tf2.15/none/h5",)]} if tried else {}
    )


def test_two_hops_are_planned_of_measured_steps_alone_and_after_one():
    opened = loads(
        ("tf2.3", "keras3.15", BAD),
        ("tf2.3", "tf2.3", GOOD),
        ("tf2.3", "tf2.15", BAD),
        ("tf2.3", "keras3.8", BAD),
        *(("tf2.3", each, BAD, Format.H5, "custom_objects") for each in ("keras3.15", "tf2.15")),
    )
    nothing = loads(("tf2.3", "keras3.8", BAD, Format.H5, "custom_objects"))
    # The writer's own file is what a reader did not get: only another way helps.
    assert planned({**opened, **nothing}) == {}
    more = {**opened, **loads(("keras3.8", "keras3.15", GOOD, Format.KERAS))}
    assert planned({**more, **nothing}) == {}
    third = loads(("tf2.3", "keras3.8", GOOD, Format.H5, "custom_objects"))
    assert planned({**more, **third})[ID] == [
        ("keras3.8/custom_objects/keras",),
        ("keras3.8/custom_objects/h5",),
        ("tf2.3/none/h5", "keras3.8/custom_objects/keras"),
    ]


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
