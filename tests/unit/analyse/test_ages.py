"""The ages of cells: told apart by day, or by less where there would be too many."""

from __future__ import annotations

import pandas as pd

from runner.analyse.ages import Age, code_ages, summarize_ages

CELLS = pd.DataFrame(
    {
        "origin": ["measured", "kept", "kept", "stale", ""],
        "measured_at": [
            *("2026-01-02T03:04:05+00:00", "2025-12-01T01:00:00+00:00"),
            *("2025-12-01T23:00:00+00:00", "", ""),
        ],
        "frozen": ["", "", "2025-10-01", "", ""],
    }
)


def test_cells_of_one_day_and_origin_have_one_age():
    ages, codes = code_ages(CELLS, 10)
    assert [ages[code] for code in codes] == [
        Age(moment="2026-01-02", origin="measured"),
        Age(moment="2025-12-01", origin="kept"),
        Age(moment="2025-12-01", origin="kept", frozen=True),
        Age(moment="", origin="stale"),
        Age(moment="", origin=""),
    ]
    assert ages == sorted(ages)


def test_too_many_days_are_told_apart_by_month():
    many = pd.DataFrame(
        {
            "origin": ["kept"] * 28,
            "measured_at": [f"2026-02-{day:02}T00:00:00+00:00" for day in range(1, 29)],
            "frozen": [""] * 28,
        }
    )
    ages, codes = code_ages(many, 5)
    assert ages == [Age(moment="2026-02", origin="kept")]
    assert codes.tolist() == [0] * 28


def test_no_cells_have_no_ages():
    ages, codes = code_ages(CELLS.iloc[:0], 10)
    assert ages == []
    assert len(codes) == 0


def test_a_summary_counts_every_cell_and_names_what_has_no_date():
    found = summarize_ages(CELLS)
    assert [(facts.origin, number) for facts, number in found.counts] == [
        *(("measured", 1), ("kept", 2), ("stale", 1), ("", 1)),
    ]
    assert (found.oldest, found.newest) == (
        *("2025-12-01T01:00:00+00:00", "2026-01-02T03:04:05+00:00"),
    )
    assert found.undated == 1
