"""`claims`: a line each with what it hangs on, one in detail, and the check with its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_fixtures import make_run, publish_run

from runner.analyse.claims import check
from runner.cli import main


@pytest.fixture
def data(tmp_path: Path) -> str:
    publish_run(make_run(), tmp_path)
    return str(tmp_path)


def test_a_line_for_each_claim_and_the_counts_add_up(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "--check", "--data", data]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["claim", "verdict", "counts", "hangs", "on"]
    numbers = [int(part.split()[0]) for part in lines[-1].split(", ")]
    assert lines[-1].endswith("not decidable here")
    assert sum(numbers) == len(lines) - 2


def test_one_claim_is_told_with_its_pairs_and_its_reason(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "c004.*", "--data", data]) == 0
    told = capsys.readouterr().out
    assert "of the article \"Why can't a Keras model be loaded when L1L2" in told
    assert "judged on: an older writer and a newer reader, if the writer itself gets" in told
    assert "refuted by: no pair where" in told

    assert main(["claims", "c022.*", "--data", data]) == 0
    told = capsys.readouterr().out
    assert "∅ not decidable here: Every environment is built of released packages" in told
    assert "for," not in told


def test_a_fault_is_named_and_fails_the_check(
    data: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = check.Fault(claim="c001.x", text="decided by nothing", examples=("one/cell",))
    monkeypatch.setattr(check, "check_verdicts", lambda *_: [fault])

    assert main(["claims", "--data", data]) == 0
    assert main(["claims", "--check", "--data", data]) == 10

    said = capsys.readouterr()
    assert "c001.x: decided by nothing\n    one/cell\n" in said.out
    assert "1 claims say more than their cells do" in said.err
