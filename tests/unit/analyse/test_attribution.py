"""Attribution: the scenario first, then writer, reader, both or this pair."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest

from runner.analyse.attribution import FEWEST, NEARLY_ALL, attribute_failures, attribute_pair

NAMES = [f"e{number}" for number in range(12)]


def make_cells(failing: Mapping[tuple[str, str], str], names: list[str] = NAMES) -> pd.DataFrame:
    """All pairs of names: equivalent but for those given."""
    return pd.DataFrame(
        [
            {
                "scenario": "s",
                "format": "h5",
                "writer": writer,
                "reader": reader,
                "remedy": "none",
                "outcome": failing.get((writer, reader), "equivalent"),
            }
            for writer in names
            for reader in names
        ]
    )


def attribute(cells: pd.DataFrame, writer: str, reader: str) -> str:
    return attribute_pair(
        cells, {"scenario": "s", "format": "h5", "writer": writer, "reader": reader}
    )


def test_a_writer_whose_file_nobody_reads() -> None:
    failing = {("e3", reader): "load_error" for reader in NAMES}
    cells = make_cells(failing | {("e3", "e3"): "not_run"})

    assert attribute(cells, "e3", "e5") == "writer"
    assert attribute(cells, "e4", "e5") == ""


def test_what_does_not_work_in_the_writer_itself_is_the_scenarios() -> None:
    cells = make_cells({("e3", "e3"): "diverged", ("e3", "e5"): "load_error"})

    assert attribute(cells, "e3", "e5") == "scenario"
    assert attribute(cells, "e3", "e3") == "scenario"


def test_a_reader_is_not_blamed_for_files_their_writers_do_not_read() -> None:
    names = NAMES[:8]
    failing = {(writer, reader): "load_error" for writer in names[1:] for reader in names}
    cells = make_cells(failing | {("e0", "e5"): "load_error"}, names)

    assert attribute(cells, "e0", "e5") == "pair"
    assert attribute(cells, "e1", "e5") == "scenario"


def test_a_writer_that_reads_its_own_file_is_not_to_blame() -> None:
    cells = make_cells({("e3", reader): "load_error" for reader in NAMES if reader != "e3"})

    assert attribute(cells, "e3", "e5") == "pair"


def test_a_reader_that_reads_nobody() -> None:
    cells = make_cells({(writer, "e7"): "diverged" for writer in NAMES if writer != "e7"})

    assert attribute(cells, "e2", "e7") == "reader"


def test_where_all_fail_both_are_named() -> None:
    failing = {(writer, reader): "load_error" for writer in NAMES for reader in NAMES}
    cells = make_cells(failing | {(name, name): "not_run" for name in NAMES})

    assert set(attribute_failures(cells)) == {"both", ""}


def test_a_lone_failure_is_the_pair() -> None:
    assert attribute(make_cells({("e1", "e2"): "crashed"}), "e1", "e2") == "pair"


@pytest.mark.parametrize(("readable", "expected"), [(1, "reader"), (2, "pair")])
def test_nearly_all_has_a_threshold(readable: int, expected: str) -> None:
    failing = {(writer, "e0"): "load_error" for writer in NAMES[readable:]}

    assert (len(failing) >= NEARLY_ALL * len(NAMES)) is (expected == "reader")
    assert attribute(make_cells(failing), "e9", "e0") == expected


def test_of_few_cells_nothing_is_said() -> None:
    names = NAMES[: FEWEST - 1]
    cells = make_cells({(each, "e0"): "load_error" for each in names}, names)

    assert attribute(cells, "e1", "e0") == "pair"


def test_what_could_not_be_written_is_the_writers_and_says_nothing_of_readers() -> None:
    unwritten = {(w, r): "save_error" for w in NAMES[2:] for r in NAMES}
    cells = make_cells({**unwritten, ("e1", "e0"): "load_error"})

    assert attribute(cells, "e5", "e0") == "writer"
    assert attribute(cells, "e1", "e0") == "pair"


@pytest.mark.parametrize("outcome", ["not_run", "unsupported", "harness_error", "equivalent"])
def test_what_says_nothing_of_the_model_is_not_attributed(outcome: str) -> None:
    cells = make_cells({("e1", reader): outcome for reader in NAMES})

    assert set(attribute_failures(cells)) == {""}


def test_remedies_are_neither_attributed_nor_counted() -> None:
    bare = make_cells({("e1", "e2"): "load_error"})
    remedied = make_cells({(w, "e2"): "load_error" for w in NAMES}).assign(remedy="unsafe")
    cells = pd.concat([bare, remedied], ignore_index=True)
    before = cells.copy()

    assert list(attribute_failures(cells)[cells["remedy"] == "unsafe"].unique()) == [""]
    assert attribute(cells, "e1", "e2") == "pair"
    pd.testing.assert_frame_equal(cells, before)


def test_other_scenarios_do_not_count() -> None:
    other = make_cells({(w, "e2"): "load_error" for w in NAMES}).assign(scenario="t")
    cells = pd.concat([make_cells({("e1", "e2"): "load_error"}), other], ignore_index=True)

    assert attribute(cells, "e1", "e2") == "pair"
