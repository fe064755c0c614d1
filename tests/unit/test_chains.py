"""What a cell of hops is said to be, when not all of its chains were tried."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runner.domain import Absence, Cell, CellResult, Format, Known, Made, Outcome
from runner.domain.hops import Hop
from runner.pipeline import remedies

CELL = Cell(scenario="plain", format=Format.H5, writer="old", reader="new", remedy="hop")
FIRST, SECOND, THIRD = (
    (Hop(environment=name, remedy="none", format=Format.H5),) for name in ("a", "b", "c")
)
BOTH = (*FIRST, *SECOND)


@pytest.fixture
def settle(monkeypatch):
    """Return what comes of the cell; `outcomes` are those of the chains that are recorded."""

    def run(chains, outcomes, *, measure):
        made = {
            # A hop that fails ends its chain.
            (CELL, chain): Made(
                steps=tuple(hop.step for hop in chain[:1]), hops=True, made_with=str(chain)
            )
            for chain in outcomes
        }
        of = {each: outcomes[chain] for (_, chain), each in made.items()}

        def result(known):
            outcome = of[known.made] if known.made else Outcome.NOT_RUN
            return CellResult(cell=known.cell, outcome=outcome)

        def load(run, known, label):
            return [(each, result(each)) for each in known]

        def know(run, tries, made):
            return [
                Known(cell=CELL, made=made[each], absence=Absence.NOT_MEASURED)
                for each in tries
                if each in made
            ]

        monkeypatch.setattr(remedies, "follow_chains", lambda run, tries, measure: made)
        monkeypatch.setattr(remedies, "_know_tries", know)
        monkeypatch.setattr(remedies, "load_known", load)
        monkeypatch.setattr(remedies, "classify_cell", result)
        found = remedies.try_hops(SimpleNamespace(made={}), {CELL: tuple(chains)}, measure=measure)
        return [(each.outcome, known.made is not None) for known, each in found]

    return run


@pytest.mark.parametrize("measure", [False, True])
def test_that_the_first_chains_fail_is_said_once_all_were_tried(settle, measure):
    worse = dict.fromkeys((FIRST, BOTH), Outcome.SAVE_ERROR)
    assert settle((FIRST, BOTH), worse, measure=measure) == [(Outcome.SAVE_ERROR, True)]
    for known in (
        {FIRST: Outcome.LOAD_ERROR},
        {FIRST: Outcome.LOAD_ERROR, SECOND: Outcome.NOT_RUN},
    ):
        assert settle((FIRST, SECOND), known, measure=measure) == [(Outcome.NOT_RUN, False)]
    assert settle((FIRST, SECOND, THIRD), worse, measure=measure) == [(Outcome.NOT_RUN, False)]


def test_a_chain_that_helps_needs_no_other(settle):
    first = {FIRST: Outcome.EQUIVALENT}
    assert settle((FIRST, SECOND), first, measure=False) == [(Outcome.EQUIVALENT, True)]
    second = {FIRST: Outcome.LOAD_ERROR, SECOND: Outcome.EQUIVALENT}
    assert settle((FIRST, SECOND, THIRD), second, measure=False) == [(Outcome.EQUIVALENT, True)]


def test_our_own_fault_is_neither_a_try_nor_hidden(settle):
    ours = {FIRST: Outcome.LOAD_ERROR, SECOND: Outcome.HARNESS_ERROR}
    assert settle((FIRST, SECOND), ours, measure=True) == [(Outcome.NOT_RUN, False)]
    assert settle((FIRST,), {FIRST: Outcome.HARNESS_ERROR}, measure=True) == [
        (Outcome.HARNESS_ERROR, True)
    ]
