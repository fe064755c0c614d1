"""Advice: the cheapest way measured to work in that very pair, or an honest no."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pandas as pd
import pytest
from report_fixtures import make_environment_record, make_run, put_together

from runner.analyse.advice import ADVICE_COLUMNS, advise_pair, build_advice, describe_advice
from runner.analyse.advice_check import check_advice
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
        make_environment_record(name, Family.KERAS3, date(2020, 1, day))
        for name, day in (("old", 1), ("mid", 2), ("new", 9), ("newest", 12))
    ),
    remedies=(
        remedy("none", 0, "load({path})"),
        remedy("costly", 9, "c({path})", Aspect.OPTIMIZER),
        remedy("cheap", 1, "n({path}, {{...}})"),
    ),
)


def make_cells(
    *rows: tuple[str, str, str, str], aspects: str = "", impact: str = "", cause: str = "c"
) -> pd.DataFrame:
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
                "cause": "" if outcome == "equivalent" else cause,
                "aspects": aspects if outcome == "diverged" else "",
                "impact": impact if outcome in {"diverged", "unusable"} else "",
                "artifact_sha256": "" if outcome == "save_error" else "ab" * 8,
                "steps": "tf2.15/none/h5" if remedy == "costly" else "",
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

    assert (found.remedy, found.tried, found.without) == ("cheap", 2, ())
    assert "  n(path, {...})" in describe_advice(found)


@pytest.mark.parametrize("outcome", ["diverged", "unusable", "load_error", "crashed"])
def test_a_cheaper_one_that_does_not_work_is_passed_over(outcome: str) -> None:
    cells = make_cells(
        ("old", "new", "none", "diverged"),
        ("old", "new", "cheap", outcome),
        ("old", "new", "costly", "equivalent"),
        aspects="weights",
    )

    assert (advise(cells).remedy, advise(cells).help) == ("costly", "restored")
    told = "\n".join(describe_advice(advise(cells)))
    assert "what failed is right; without the optimizer's state" in told


@pytest.mark.parametrize(
    ("outcome", "impact"), [("diverged", "training"), ("load_error", ""), ("crashed", "")]
)
def test_what_gives_up_that_which_failed_is_said_to_and_comes_last(
    outcome: str, impact: str
) -> None:
    failing = ("old", "new", "none", outcome)
    costly = ("old", "new", "costly", "equivalent")
    cells = make_cells(failing, costly, aspects="optimizer", impact=impact)

    assert (advise(cells).remedy, advise(cells).help) == ("costly", "given_up")
    told = "\n".join(describe_advice(advise(cells)))
    assert "it loads, without the optimizer's state" in told

    run = msgspec.structs.replace(
        RUN,
        remedies=tuple(
            msgspec.structs.replace(each, cost=20 if each.id == "cheap" else each.cost)
            for each in RUN.remedies
        ),
    )
    cells = make_cells(
        failing, costly, ("old", "new", "cheap", "equivalent"), aspects="optimizer", impact=impact
    )
    advice = build_advice(cells, run)
    assert advice[["advice", "help"]].to_numpy().tolist() == [["cheap", "restored"]]
    assert not any(each.wrong for each in check_advice(advice, cells, run))


def test_a_remedy_that_kills_the_process_elsewhere_carries_the_warning() -> None:
    cells = make_cells(
        ("old", "new", "none", "load_error"),
        ("old", "new", "cheap", "equivalent"),
        ("old", "newest", "none", "load_error"),
        ("old", "newest", "cheap", "crashed"),
    )
    found = advise(cells)

    assert (found.crashed, found.crash_tried) == (1, 2)
    assert any("ended the process in 1 of 2 pairs" in line for line in describe_advice(found))
    other = make_cells(("mid", "newest", "none", "load_error"), cause="another")
    killed = make_cells(("mid", "newest", "cheap", "crashed"), cause="another")
    assert advise(pd.concat([cells, other, killed], ignore_index=True)).crash_tried == 2


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


def test_the_nearest_is_by_days_of_release_and_in_either_direction() -> None:
    cells = make_cells(
        ("old", "new", "none", "load_error"),
        ("old", "old", "none", "equivalent"),
        ("old", "mid", "none", "equivalent"),
        ("old", "newest", "none", "equivalent"),
        ("mid", "new", "none", "load_error"),
        ("mid", "old", "none", "equivalent"),
        ("newest", "new", "none", "equivalent"),
    )

    found = advise(cells)
    # Seven days to the older, three to the newer.
    assert (found.nearest, found.nearest_older, found.nearest_newer) == ("newest", "mid", "newest")
    assert found.nearest_writer == "newest"
    found = advise(cells, writer="mid")
    assert (found.nearest, found.nearest_older, found.nearest_newer) == ("old", "old", "")


def test_where_nobody_reads_it_bare_the_nearest_says_with_what() -> None:
    cells = make_cells(
        ("old", "new", "none", "load_error"),
        ("old", "mid", "none", "load_error"),
        ("old", "mid", "cheap", "equivalent"),
        # What gives something up is not the model.
        ("old", "newest", "none", "load_error"),
        ("old", "newest", "costly", "equivalent"),
    )
    found = advise(cells)

    assert (found.nearest, found.nearest_way) == ("mid", "cheap")
    assert "nearest environment that reads it with cheap: mid" in describe_advice(found)


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("advice", "costly", "works"),
        ("without", "weights", "without"),
        ("help", "not_tried", "not_tried"),
        ("help", "none_of_tried", "none_of_tried"),
        ("help", "given_up", "given_up"),
        ("tried", 7, "tried"),
        ("crashed", 7, "crashes"),
        ("nearest", "newest", "nearest"),
        ("nearest_older", "", "nearest_older"),
        ("nearest_newer", "old", "nearest_newer"),
        ("nearest_writer", "", "nearest_writer"),
    ],
)
def test_advice_that_contradicts_the_cells_is_found(column: str, value: object, check: str) -> None:
    cells = make_cells(
        ("old", "new", "none", "load_error"),
        ("old", "new", "cheap", "equivalent"),
        ("old", "new", "costly", "load_error"),
        ("old", "mid", "none", "equivalent"),
        ("mid", "new", "none", "equivalent"),
    )
    advice = build_advice(cells, RUN)
    assert not any(each.wrong for each in check_advice(advice, cells, RUN))

    wrong = check_advice(advice.assign(**{column: value}), cells, RUN)

    assert check in {each.name for each in wrong if each.wrong}
    missing = {each.name for each in check_advice(advice.iloc[:0], cells, RUN) if each.wrong}
    assert missing == {"rows"}


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
    assert table[["advice", "help", "tried", "attribution"]].to_numpy().tolist() == [
        ["cheap", "restored", 1, "pair"]
    ]


def test_a_pair_in_which_nothing_was_tried_names_another_and_says_so() -> None:
    cells = make_cells(
        ("old", "new", "none", "load_error"),
        ("old", "newest", "none", "load_error"),
        ("old", "newest", "cheap", "equivalent"),
        ("mid", "old", "none", "load_error"),
        ("mid", "old", "cheap", "load_error"),
    )
    found = advise(cells)
    assert found.remedy == "not_tried"
    assert (found.other_writer, found.other_reader) == ("old", "newest")
    text = "\n".join(describe_advice(found))
    assert "advice: not tried: no other way of loading was measured for this pair" in text
    assert "another pair" in text
    assert "old -> newest: cheap worked there" in text
    assert all(not each.wrong for each in check_advice(build_advice(cells, RUN), cells, RUN))


def test_the_chain_of_a_hop_is_told_as_it_was_measured() -> None:
    cells = make_cells(("old", "new", "none", "load_error"), ("old", "new", "costly", "equivalent"))
    run = msgspec.structs.replace(
        RUN,
        remedies=tuple(
            msgspec.structs.replace(each, made_by="hop" if each.id == "costly" else "")
            for each in RUN.remedies
        ),
    )
    pair = {"scenario": "s", "format": "h5", "writer": "old", "reader": "new"}
    found = advise_pair(build_advice(cells, run), cells, run, pair)
    assert found.steps == ("tf2.15/none/h5",)
    text = "\n".join(describe_advice(found))
    assert "open it in TF 2.15, save as .h5, load in new" in text
    table = build_advice(cells, RUN)
    assert all(not each.wrong for each in check_advice(table, cells, RUN))
    table["steps"] = "tf2.3/none/h5"
    assert [each.name for each in check_advice(table, cells, RUN) if each.wrong] == ["steps"]


def test_a_remedy_that_has_a_file_made_is_not_said_to_be_missing_where_others_were_tried() -> None:
    run = msgspec.structs.replace(
        RUN,
        remedies=(
            *RUN.remedies[:2],
            msgspec.structs.replace(RUN.remedies[2], made_by="hop"),
        ),
    )
    scenario = msgspec.structs.replace(run.scenarios[0], id="s", remedies=("cheap", "costly"))
    formats = msgspec.structs.replace(scenario, formats=("h5",))
    run = msgspec.structs.replace(
        run,
        scenarios=(formats,),
        remedies=tuple(
            msgspec.structs.replace(each, formats=("h5",), environments=("*",))
            for each in run.remedies
        ),
    )
    bare = ("old", "new", "none", "load_error")
    untried = build_advice(make_cells(bare), run)["untried"]
    assert list(untried) == ["cheap;costly"]
    tried = build_advice(make_cells(bare, ("old", "new", "costly", "load_error")), run)["untried"]
    assert list(tried) == [""]


def test_a_pair_of_the_same_cause_is_nearer_than_any_other() -> None:
    untried = make_cells(("old", "new", "none", "load_error"), cause="a")
    other = make_cells(
        ("old", "newest", "none", "load_error"), ("old", "newest", "cheap", "load_error"), cause="b"
    )
    same = make_cells(
        ("mid", "old", "none", "load_error"), ("mid", "old", "costly", "load_error"), cause="a"
    )
    found = advise(pd.concat([untried, other, same], ignore_index=True))
    assert (found.other_writer, found.other_reader) == ("mid", "old")
    assert found.other_advice == "none_of_tried"
    assert "none of those tried worked there" in "\n".join(describe_advice(found))


def test_remedies_that_exist_for_a_pair_and_were_not_measured_are_named() -> None:
    scenario = msgspec.structs.replace(
        RUN.scenarios[0], id="s", formats=("h5",), remedies=("cheap", "costly", "elsewhere")
    )
    remedies = [
        msgspec.structs.replace(each, formats=("h5",), environments=("*",)) for each in RUN.remedies
    ]
    elsewhere = msgspec.structs.replace(remedies[1], id="elsewhere", environments=("other*",))
    run = msgspec.structs.replace(RUN, scenarios=(scenario,), remedies=(*remedies, elsewhere))
    cells = make_cells(("old", "new", "none", "load_error"), ("old", "new", "cheap", "load_error"))
    advice = build_advice(cells, run)
    assert advice["untried"].tolist() == ["costly"]
    assert all(not each.wrong for each in check_advice(advice, cells, run))
    advice["untried"] = ["cheap;costly"]
    wrong = {each.name for each in check_advice(advice, cells, run) if each.wrong}
    assert wrong == {"untried"}
