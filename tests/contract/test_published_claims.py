"""The claims held against the published run, by today's causes: no sentence without a check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.analyse.causes import explain_table
from runner.analyse.claims.check import check_claims
from runner.analyse.claims.table import Table
from runner.analyse.claims.verdict import judge_claims
from runner.declare import scope
from runner.domain import ClaimVerdict
from runner.domain.request import Request
from runner.publish.reading import load_data
from runner.publish.record import JudgedClaim

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, JudgedClaim]]:
    """What does not hold of the claims, and every verdict."""
    folder = tmp_path_factory.mktemp("claims")
    declared = scope.declare(Request(root=ROOT, store=folder / "store", out=folder / "out"))
    found = load_data(ROOT / "reports/published")
    claims = declared.claims
    explained = replace(found, cells=explain_table(found, declared.causes))
    table = Table.of_run(explained, claims)
    judged = judge_claims(claims, table, run=found.run).claims
    faults = [f"{each.claim}: {each.text}" for each in check_claims(claims, judged, table)]
    return faults, {each.id: each for each in judged}


def test_nothing_that_is_declared_of_a_claim_contradicts_the_published_cells(
    held: tuple[list[str], dict[str, JudgedClaim]],
) -> None:
    faults, _ = held
    assert faults == []


def test_the_published_run_decides_every_claim_that_has_cells(
    held: tuple[list[str], dict[str, JudgedClaim]],
) -> None:
    _, judged = held
    # The others are about scenarios or remedies that came after the published run.
    undecided = [
        each.id
        for each in judged.values()
        if each.verdict is ClaimVerdict.UNDECIDED and not each.unmatched
    ]
    apart = [each for each in judged.values() if each.verdict is ClaimVerdict.NOT_DECIDABLE]

    assert undecided == []
    assert apart
    assert all(each.because and not each.deciding for each in apart)
