"""Columns are wide enough for every text; `plan` prints whole names in a pipe too."""

import subprocess
import sys
from pathlib import Path

from runner.cli.columns import align
from runner.declare.catalog import load_catalog

ROOT = Path(__file__).resolve().parents[3]


def test_columns_are_as_wide_as_their_longest_text():
    rows = [("a" * 200, "1", "x"), ("b", "-", "y")]
    assert list(align(("id", "number", "end"), rows)) == [
        "id" + " " * 198 + "  number  end",
        "a" * 200 + "       1  x",
        "b" + " " * 199 + "       -  y",
    ]


def test_a_table_without_rows_is_its_head():
    assert list(align(("one", "two"), [])) == ["one  two"]


def test_plan_names_scenarios_in_full():
    plan = [sys.executable, "-m", "runner", "plan", "--profile", "full"]
    shown = subprocess.run(plan, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    first = {line.split()[0] for line in shown.splitlines()}
    assert set(load_catalog(ROOT).scenarios) <= first
