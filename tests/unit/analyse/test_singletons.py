"""Singletons: who differs from all four neighbours, and from nobody who was not measured."""

from __future__ import annotations

import pytest
from report_fixtures import (
    SmallRun,
    make_environment,
    make_remedy,
    make_result,
    make_scenario,
    put_together,
)

from runner.analyse.grids import code_cells
from runner.analyse.singletons import find_singletons
from runner.domain import Cell, Family, Format, Outcome

GOOD, ERROR, OTHER, LEFT = (
    *(Outcome.EQUIVALENT, Outcome.LOAD_ERROR, Outcome.DIVERGED, Outcome.NOT_RUN),
)
LINE = ("keras3.1", "keras3.2", "keras3.3", "keras3.4")


def find(outcomes, names=LINE, families=None):
    """Return the pairs that stand alone, and the number judged; `outcomes` by pair, else good."""
    run = SmallRun(
        environments=tuple(
            make_environment(name, (families or {}).get(name, Family.KERAS3), place)
            for place, name in enumerate(names)
        ),
        scenarios=(make_scenario("s"),),
        remedies=(make_remedy("none", 0),),
        results=tuple(
            make_result(
                Cell(scenario="s", format=Format.H5, writer=writer, reader=reader, remedy="none"),
                outcomes.get((writer, reader), GOOD),
            )
            for writer in names
            for reader in names
        ),
    )
    data = put_together(run)
    found = find_singletons(code_cells(data), data.run.environments)
    pairs = data.cells.iloc[found.rows][["writer", "reader"]].astype(str)
    return list(pairs.itertuples(index=False, name=None)), found.judged


def test_only_inner_cells_are_judged_and_one_of_another_outcome_is_found():
    assert find({}) == ([], 4)
    assert find({("keras3.2", "keras3.3"): ERROR}) == ([("keras3.2", "keras3.3")], 4)
    assert find({("keras3.1", "keras3.3"): ERROR}) == ([], 4)


def test_the_neighbours_may_differ_among_themselves():
    around = {("keras3.1", "keras3.2"): ERROR, ("keras3.2", "keras3.1"): OTHER}
    around |= {("keras3.3", "keras3.2"): OTHER, ("keras3.2", "keras3.3"): ERROR}
    found, _ = find(around)
    assert ("keras3.2", "keras3.2") in found


@pytest.mark.parametrize(
    "pair", [("keras3.1", "keras3.2"), ("keras3.3", "keras3.2"), ("keras3.2", "keras3.1")]
)
def test_one_neighbour_of_the_same_outcome_is_enough(pair):
    found, _ = find({("keras3.2", "keras3.2"): ERROR, pair: ERROR})
    assert ("keras3.2", "keras3.2") not in found


@pytest.mark.parametrize("pair", [("keras3.1", "keras3.2"), ("keras3.2", "keras3.2")])
def test_what_was_not_measured_judges_nothing(pair):
    found, judged = find({("keras3.2", "keras3.2"): ERROR, pair: LEFT})
    assert ("keras3.2", "keras3.2") not in found
    assert judged < 4


def test_releases_crossed_dependencies_and_other_families_are_no_neighbours():
    names = (*LINE[:2], "keras3.2.0", *LINE[2:], "keras3.4@pr", "tf-keras2.19")
    alone = ("keras3.2", "keras3.3")
    found, judged = find({alone: ERROR}, names, {"tf-keras2.19": Family.LEGACY})
    assert (found, judged) == ([alone], 4)
