"""Advice: the cheapest way measured to work in that very pair, or an honest no."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pandas as pd
import pytest
from report_fixtures import make_environment_record, make_run, put_together

from runner.analyse.advice import ADVICE_COLUMNS, advise_pair, build_advice, describe_advice
from runner.domain import Aspect, Family
from runner.publish.record import RemedyRecord


def remedy(name: str, cost: int, code: str, *gives_up: Aspect) -> RemedyRecord:
    return RemedyRecord(
        id=name,
        title=name[0].upper(),
        code=code,
        formats=(),
        environments=(),
        cost=cost,
        gives_up=gives_up,
    )


RUN = msgspec.structs.replace(
    put_together(make_run()).run,
    environments=tuple(
        make_environment_record(name, Family.KERAS3, date(2020, 1, 1))
        for name in ("old", "mid", "new", "newest")
    ),
    remedies=(
        remedy("none", 0, "load({path})"),
        remedy("costly", 9, "c({path})", Aspect.OPTIMIZER),
        remedy("cheap", 1, "n({path}, {{...}})"),
    ),
)


def make_cells(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """One row for each (writer, reader, remedy, outcome)."""
    return pd.DataFrame(
        [
            {
                "scenario": "s",
                "format": "h5",
                "writer": writer,
                "reader": reader,
                "remedy": remedy,
                "outcome": outcome,
                "artifact_sha256": "" if outcome == "save_error" else "ab" * 8,
            }
            for writer, reader, remedy, outcome in rows
        ]
    )


def advise(cells: pd.DataFrame, writer: str = "old", reader: str = "new") -> Any:
    pair = {"scenario": "s", "format": "h5", "writer": writer, "reader": reader}
    return advise_pair(build_advice(cells, RUN), cells, RUN, pair)


def test_the_cheapest_that_works_and_not_the_first() -> None:
    cells = make_cells(
        ("old", "new", "none", "load_error"),
        ("old", "new", "costly", "equivalent"),
        ("old", "new", "cheap", "equivalent"),
    )
    found = advise(cells)

    assert (found.remedy, found.tried, found.gives_up) == ("cheap", 2, ())
    assert "  n(path, {...})" in describe_advice(found)


@pytest.mark.parametrize("outcome", ["diverged", "unusable", "load_error", "crashed"])
def test_a_cheaper_one_that_does_not_work_is_passed_over(outcome: str) -> None:
    cells = make_cells(
        ("old", "new", "none", "diverged"),
        ("old", "new", "cheap", outcome),
        ("old", "new", "costly", "equivalent"),
    )

    assert advise(cells).remedy == "costly"
    assert "gives up: optimizer" in "\n".join(describe_advice(advise(cells)))


def test_nothing_is_inferred_from_another_pair() -> None:
    cells = make_cells(
        ("old", "new", "none", "load_error"),
        ("old", "new", "cheap", "load_error"),
        ("old", "newest", "none", "load_error"),
        ("old", "newest", "cheap", "equivalent"),
        ("old", "mid", "none", "load_error"),
    )

    assert advise(cells).remedy == "none_of_tried"
    assert advise(cells, reader="newest").remedy == "cheap"
    assert advise(cells, reader="mid").remedy == "not_tried"


def test_a_remedy_that_never_ran_was_not_tried() -> None:
    cells = make_cells(("old", "new", "none", "load_error"), ("old", "new", "cheap", "not_run"))

    assert (advise(cells).remedy, advise(cells).tried) == ("not_tried", 0)


def test_the_nearest_reader_of_the_same_file_and_of_two_the_newer() -> None:
    cells = make_cells(
        ("old", "new", "none", "load_error"),
        ("old", "old", "none", "equivalent"),
        ("old", "mid", "none", "equivalent"),
        ("old", "newest", "none", "equivalent"),
        ("mid", "new", "none", "load_error"),
        ("mid", "old", "none", "equivalent"),
    )

    assert advise(cells).nearest == "newest"
    assert advise(cells, writer="mid").nearest == "old"


def test_a_format_the_reader_does_not_have_may_still_be_loaded_otherwise() -> None:
    cells = make_cells(("old", "new", "none", "unsupported"), ("old", "new", "cheap", "equivalent"))

    assert advise(cells).remedy == "cheap"


@pytest.mark.parametrize("outcome", ["save_error", "not_run", "harness_error"])
def test_no_advice_where_nothing_was_read(outcome: str) -> None:
    cells = make_cells(("old", "new", "none", outcome))

    assert build_advice(cells, RUN).empty
    assert describe_advice(advise(cells)) == [f"advice: none, as nothing was loaded ({outcome})"]


def test_where_the_bare_load_works_it_is_the_advice() -> None:
    cells = make_cells(("old", "new", "none", "equivalent"))

    assert build_advice(cells, RUN).empty
    assert advise(cells).remedy == "none"


def test_a_pair_outside_the_run_gets_none() -> None:
    assert advise(make_cells(("old", "new", "none", "load_error")), reader="old") is None


def test_the_table_has_one_row_a_pair_and_its_columns() -> None:
    cells = make_cells(("old", "new", "none", "load_error"), ("old", "new", "cheap", "equivalent"))
    table = build_advice(cells, RUN)

    assert tuple(table.columns) == ADVICE_COLUMNS
    assert table[["advice", "tried", "nearest", "attribution"]].to_numpy().tolist() == [
        ["cheap", 1, "", "pair"]
    ]
