"""Compare: every cell of either run has one kind of change, and the counts add up."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from build_runs import (
    BASE,
    BUILD,
    changes_of_the_gate,
    make_earlier,
    make_later_run,
)
from report_fixtures import make_run, publish_run, put_together

from runner.analyse.differences import cell_id, compare_cells, line_up_builds, summarize
from runner.domain import ID_COLUMNS, Cell, Change, Detail, Outcome, change_of
from runner.domain.errors import ConfigurationError
from runner.domain.verdicts import CHANGE_STYLES
from runner.publish.columns import DETAIL_COLUMNS
from runner.publish.reading import details_of, read_cells


def cells(*rows: tuple[str, ...]) -> pd.DataFrame:
    """`(scenario, outcome, cause, aspects)`, all of one pair."""
    full = [(name, "h5", "tf2.12", "keras3.15", "none", *rest) for name, *rest in rows]
    return pd.DataFrame(full, columns=[*ID_COLUMNS, *DETAIL_COLUMNS])


def kinds(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, str]:
    table = compare_cells(before, after).table
    return dict(zip(table["scenario"], table["change"], strict=True))


def test_each_kind_of_change() -> None:
    before = cells(
        ("worse", "equivalent", "", ""),
        ("silent", "load_error", "a", ""),
        ("good", "load_error", "a", ""),
        ("other_cause", "load_error", "a", ""),
        ("other_aspects", "diverged", "a", "outputs;weights"),
        ("more_aspects", "diverged", "a", "outputs"),
        ("louder", "diverged", "a", "outputs"),
        ("late", "not_run", "", ""),
        ("lost", "equivalent", "", ""),
        ("never", "not_run", "", ""),
        ("gone", "equivalent", "", ""),
        ("same", "diverged", "a", "outputs"),
    )
    after = cells(
        ("new", "diverged", "a", "outputs"),
        ("worse", "load_error", "a", ""),
        ("silent", "diverged", "a", "outputs"),
        ("good", "equivalent", "", ""),
        ("other_cause", "load_error", "b", ""),
        ("other_aspects", "diverged", "a", "weights"),
        ("more_aspects", "diverged", "a", "outputs;weights"),
        ("louder", "load_error", "a", ""),
        ("late", "equivalent", "", ""),
        ("lost", "harness_error", "", ""),
        ("never", "not_run", "", "x"),
        ("same", "diverged", "a", "outputs"),
    )

    found = compare_cells(before, after)

    assert kinds(before, after) == {
        "new": "appeared",
        "worse": "regressed",
        "silent": "regressed",
        "good": "fixed",
        "other_cause": "changed",
        "other_aspects": "changed",
        "more_aspects": "regressed",
        "louder": "changed",
        "late": "infrastructure",
        "lost": "infrastructure",
        "never": "same",
        "same": "same",
        "gone": "vanished",
    }
    assert sum(found.counts.values()) == len(found.table) == 13
    assert found.before == found.after == 12
    # In the order of the later run, and what only the earlier one has at the end.
    assert list(found.table["scenario"]) == [*after["scenario"], "gone"]
    assert found.differs


def test_the_table_and_the_judge_say_the_same_of_every_change() -> None:
    kinds_of_detail = [
        *((str(outcome), cause, "") for outcome in Outcome for cause in ("", "a", "b")),
        *(("diverged", "a", aspects) for aspects in ("outputs", "weights", "outputs;weights")),
    ]
    both = list(product(kinds_of_detail, repeat=2))
    before = cells(*((f"s{place}", *one) for place, (one, _) in enumerate(both)))
    after = cells(*((f"s{place}", *other) for place, (_, other) in enumerate(both)))

    found = kinds(before, after)

    offenders = [
        (one, other, found[f"s{place}"])
        for place, (one, other) in enumerate(both)
        if found[f"s{place}"] != str(change_of(detail(one), detail(other)))
    ]
    assert offenders == []


def detail(said: tuple[str, str, str]) -> Detail:
    return next(iter(details_of(cells(("s", *said))).values()))


def test_every_kind_of_change_is_shown() -> None:
    assert [style.change for style in CHANGE_STYLES] == list(Change)


def test_a_run_is_the_same_as_itself(tmp_path: Path) -> None:
    publish_run(make_run(), tmp_path)
    table, text = read_cells(tmp_path / "cells.parquet"), read_cells(tmp_path / "cells.csv")

    found = compare_cells(table, text)

    assert not found.differs
    assert found.counts[Change.SAME] == len(table) == len(found.table)


def test_the_summary_reconciles_and_names_what_regressed() -> None:
    before = cells(*((f"s{number}", "equivalent", "", "") for number in range(5)))
    after = cells(*((f"s{number}", "diverged", "a|b`", "outputs;weights") for number in range(5)))

    text = summarize(compare_cells(before, after), before="old.csv", after="new.csv", shown=2)

    assert "5 regressed, 0 fixed" in text
    assert "| | all | 5 | |" in text
    assert "`s0/h5/tf2.12->keras3.15/none` | ✓ equivalent | ≠ diverged: outputs, weights" in text
    assert "`a b `" in text
    assert "and 3 more." in text
    assert "s2/" not in text


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (cells(("a", "great", "", "")), "column outcome holds 'great'"),
        (
            cells(("a", "crashed", "", ""), ("a", "diverged", "", "")),
            "a/h5/tf2.12->keras3.15/none is there twice",
        ),
        (cells(("a", "crashed", "", "")).assign(format="zip"), "column format holds 'zip'"),
        (cells(("a", "crashed", "", "")).drop(columns="reader"), "reader"),
    ],
)
def test_what_is_not_a_runs_cells_is_refused(
    tmp_path: Path, frame: pd.DataFrame, reason: str
) -> None:
    path = tmp_path / "cells.csv"
    frame.to_csv(path, index=False)

    with pytest.raises(ConfigurationError, match=reason):
        read_cells(path)
    with pytest.raises(ConfigurationError):
        read_cells(tmp_path / "missing.csv")


# --- builds of one's own ----------------------------------------------------------------


def table_of(details: dict[Cell, Detail]) -> pd.DataFrame:
    rows = [
        (*cell_parts(cell), str(detail.outcome), detail.cause, ";".join(sorted(detail.aspects)))
        for cell, detail in details.items()
    ]
    return pd.DataFrame(rows, columns=[*ID_COLUMNS, *DETAIL_COLUMNS])


def cell_parts(cell: Cell) -> tuple[str, ...]:
    return cell.scenario, str(cell.format), cell.writer, cell.reader, cell.remedy


def changes(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, str]:
    lined_up = line_up_builds(before, after, {BUILD: BASE})
    rows = compare_cells(lined_up, after).table.to_dict("records")
    assert len({cell_id(row) for row in rows}) == len(rows)
    return {cell_id(row): str(row["change"]) for row in rows}


def test_compare_and_the_gate_agree_on_every_cell_of_a_build() -> None:
    run = make_later_run()
    earlier = make_earlier(run)

    found = changes(table_of(earlier), put_together(run).cells)

    assert found == changes_of_the_gate(run, earlier)
    own = {cell: change for cell, change in found.items() if BUILD in cell}
    assert set(own.values()) == set(map(str, Change))


def test_a_base_that_takes_no_part_has_not_vanished() -> None:
    before = cells(("kept", "equivalent", "", ""), ("lost", "equivalent", "", ""))
    after = cells(("kept", "load_error", "a", "")).assign(reader=BUILD)

    before["reader"] = BASE

    assert changes(before, after) == {
        f"kept/h5/tf2.12->{BUILD}/none": "regressed",
        f"lost/h5/tf2.12->{BUILD}/none": "vanished",
    }


def test_what_neither_the_base_nor_the_build_did_is_named_by_the_base() -> None:
    before = cells(("lost", "equivalent", "", "")).assign(reader=BASE)
    after = cells(("new", "equivalent", "", "")).assign(writer=BUILD)

    assert changes(before, after) == {
        f"lost/h5/tf2.12->{BASE}/none": "vanished",
        f"new/h5/{BUILD}->keras3.15/none": "appeared",
    }
