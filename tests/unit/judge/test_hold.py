"""The cells of a run held against a baseline: repeated, accepted, vanished, stale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.domain import Cell, CellResult, Detail, Format, Outcome, Verdict
from runner.domain.gate import Acceptance, Decision, Direction, Repeats, Staleness
from runner.judge.acceptance import Acceptances, find_stale
from runner.judge.hold import Baseline, Circumstances, hold
from runner.render.gate.findings import accepting_command, selectors
from runner.render.gate.verdict import failures

GOOD = Detail(outcome=Outcome.EQUIVALENT)
BAD = Detail(outcome=Outcome.LOAD_ERROR, cause="renamed")
BUILD, BASE = "keras@pr", "keras3.15"


def cell(writer="keras3.10", reader=BUILD, scenario="plain_dense"):
    return Cell(scenario=scenario, format=Format.KERAS, writer=writer, reader=reader, remedy="none")


def result(detail=BAD, where=None, reason=""):
    return CellResult(
        cell=where or cell(), outcome=detail.outcome, cause=detail.cause, reason=reason
    )


def accepted(until="3.17", outcome=Outcome.LOAD_ERROR, cells="plain_dense/keras/*->keras@*/none"):
    return Acceptance(
        cells=cells,
        outcome=outcome,
        cause="renamed",
        reason="the key was renamed",
        link="https://example.org/1",
        until=until,
    )


def held(results, before, *, repeats=None, acceptances=(), release="3.16.0"):
    baseline = Baseline(option="--release-baseline", name="last", mandatory=True, cells=before)
    circumstances = Circumstances(
        expectations=(),
        builds={BUILD: BASE},
        subjects=(BUILD,),
        # The base takes no part in such a run.
        asked=lambda each: BASE not in {each.writer, each.reader},
    )
    return hold(results, baseline, circumstances, Acceptances(acceptances, release), repeats or {})


def decided(found, **fields):
    return Decision(
        release="3.16.0", release_of="--release", subjects=(BUILD,), held=[found], **fields
    )


def codes(found, **fields):
    return [each.exit_code for each in failures(decided(found, **fields), "nox -s gate")]


def test_a_build_is_held_against_its_base():
    found = held([result()], {cell(reader=BASE): GOOD})

    assert [(each.verdict, each.direction) for each in found.cells] == [
        (Verdict.REGRESSION, Direction.READS)
    ]
    assert found.counterparts == {BUILD: BASE}
    assert codes(found) == [11]


@pytest.mark.parametrize(
    ("again", "verdict", "exits"),
    [
        ((BAD, BAD), Verdict.REGRESSION, [11]),
        # Another cause is still worse than before.
        ((BAD, replace(BAD, cause="other")), Verdict.REGRESSION, [11]),
        ((BAD, GOOD), Verdict.NOT_JUDGED, [20]),
        ((Detail(outcome=Outcome.HARNESS_ERROR), BAD), Verdict.NOT_JUDGED, [20]),
    ],
)
def test_only_what_every_run_found_is_a_regression(again, verdict, exits):
    found = held([result()], {cell(reader=BASE): GOOD}, repeats={cell(): Repeats(details=again)})

    (one,) = found.cells
    assert (one.verdict, one.runs) == (verdict, 3)
    assert one.flaky == (verdict is Verdict.NOT_JUDGED)
    assert codes(found) == exits


def test_what_did_not_run_again_is_doubted_with_a_flaky_cell_of_the_same_finding():
    other = cell(scenario="compile_state")
    before = {cell(reader=BASE): GOOD, replace(other, reader=BASE): GOOD}
    repeats = {cell(): Repeats(details=(GOOD,))}

    found = held([result(), result(where=other)], before, repeats=repeats)

    assert [each.verdict for each in found.cells] == [Verdict.NOT_JUDGED] * 2
    assert "load error in 1 of 2 runs, equivalent in 1 of 2 runs" in found.cells[1].reason


@pytest.mark.parametrize(
    "outcome", [Outcome.NOT_RUN, Outcome.HARNESS_ERROR, Outcome.ENVIRONMENT_UNAVAILABLE]
)
def test_what_could_not_be_measured_never_passes(outcome):
    found = held([result(Detail(outcome=outcome), reason="why")], {cell(reader=BASE): GOOD})

    assert found.cells[0].verdict is Verdict.NOT_JUDGED
    assert found.cells[0].reason.endswith("why")
    assert codes(found) == [20]


def test_a_vanished_cell_and_too_few_judged_ones_never_pass():
    lost = cell(scenario="compile_state")
    found = held([result(GOOD)], {cell(reader=BASE): GOOD, replace(lost, reader=BASE): GOOD})

    assert [each.cell for each in found.of(Verdict.VANISHED)] == [lost]
    assert codes(found) == [20]
    whole = replace(found, cells=[found.cells[0]])
    assert codes(whole) == []
    assert codes(whole, at_least=2) == [20]
    assert codes(held([result(GOOD)], {})) == [20]


def test_an_acceptance_makes_a_known_failure_until_its_release():
    before = {cell(reader=BASE): GOOD}

    found = held([result()], before, acceptances=[accepted()])
    assert [(each.verdict, each.accepted) for each in found.cells] == [
        (Verdict.KNOWN_FAILURE, True)
    ]
    late = held([result()], before, acceptances=[accepted()], release="3.17.0rc0")
    assert codes(late) == [11]
    # Another cause is another failure.
    other = held([result(replace(BAD, cause="b"))], before, acceptances=[accepted()])
    assert codes(other) == [11]


@pytest.mark.parametrize(
    ("now", "before", "cells", "why"),
    [
        (GOOD, GOOD, "plain_dense/keras/*->keras@*/none", Staleness.FIXED),
        (BAD, GOOD, "plain_dense/h5/*->keras@*/none", Staleness.NOTHING),
        (BAD, BAD, "plain_dense/keras/*->keras@*/none", Staleness.NEEDLESS),
        (BAD, GOOD, "plain_dense/keras/*->keras@*/none", None),
    ],
)
def test_an_acceptance_without_a_failure_is_stale(now, before, cells, why):
    acceptances = Acceptances([accepted(cells=cells)], "3.16.0")
    found = held([result(now)], {cell(reader=BASE): before}, acceptances=acceptances.declared)

    stale, outside = find_stale(acceptances, [found], lambda _: True)

    assert [each.why for each in stale] == ([why] if why else [])
    assert outside == []
    if why:
        assert 21 in codes(found, stale=stale)
    if why is Staleness.NOTHING:
        assert find_stale(acceptances, [found], lambda _: False)[1] == list(acceptances.declared)


def test_the_selectors_of_cells_match_exactly_these():
    cells = [cell(writer="keras3.9"), cell(), cell(scenario="compile_state")]

    assert selectors(cells) == [
        "compile_state/keras/keras3.10->keras@*/none",
        "plain_dense/keras/keras3.9,keras3.10->keras@*/none",
    ]


def test_the_command_that_accepts_names_the_cells_and_an_end():
    found = held([result()], {cell(reader=BASE): GOOD})

    assert accepting_command(found.cells, "3.15.1") == (
        "nox -s accept -- 'plain_dense/keras/keras3.10->keras@*/none' --until 3.17 "
        "--link https://LINK --reason 'REASON'"
    )
