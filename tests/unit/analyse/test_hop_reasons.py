"""Why no chain of hops was tried: told of measured loads alone, silent where one is unknown."""

from __future__ import annotations

from datetime import date

import msgspec
import pandas as pd
from report_fixtures import make_environment_record, make_run, put_together

from runner.analyse.advice import advise_pair, build_advice, describe_advice
from runner.analyse.hop_reasons import explain_no_hop
from runner.domain import Family, Format
from runner.publish.record import RemedyRecord, RunRecord

PAIR = {"scenario": "s", "format": "h5", "writer": "old", "reader": "new"}


def a_run() -> RunRecord:
    run = put_together(make_run()).run
    bare = RemedyRecord(
        id="none", title="B", code="load({path})", formats=("h5",), environments=("*",), cost=0,
        gives_up=(),
    )  # fmt: skip
    hop = msgspec.structs.replace(bare, id="hop", cost=9, made_by="hop")
    scenario = msgspec.structs.replace(
        run.scenarios[0], id="s", formats=(Format.H5, Format.KERAS), remedies=("hop",)
    )
    return msgspec.structs.replace(
        run,
        environments=tuple(
            make_environment_record(name, Family.KERAS3, date(2020, 1, day))
            for day, name in enumerate(("old", "mid", "last", "new"), start=1)
        ),
        scenarios=(scenario,),
        remedies=(bare, hop),
    )


RUN = a_run()


def make_cells(*rows: str) -> pd.DataFrame:
    """One bare load for each `writer reader outcome` or `writer.keras reader outcome`.

    Every other reader of a file named here failed.
    """
    parts = [row.split() for row in rows]
    named = {(writer, reader) for writer, reader, _ in parts}
    writers = dict.fromkeys(writer for writer, _ in named)
    parts += [
        [writer, reader, "load_error"]
        for writer in writers
        for reader in ("old", "mid", "last", "new")
        if (writer, reader) not in named
    ]
    return pd.DataFrame(
        [
            {
                "scenario": "s",
                "format": writer.partition(".")[2] or "h5",
                "writer": writer.partition(".")[0],
                "reader": reader,
                "remedy": "none",
                "outcome": outcome,
                "cause": "" if outcome == "equivalent" else "c",
                "aspects": "",
                "impact": "",
                "artifact_sha256": "ab" * 8,
                "steps": "",
            }
            for writer, reader, outcome in parts
        ]
    )


def test_nobody_else_reads_the_file() -> None:
    cells = make_cells("old new load_error", "old mid load_error", "mid new equivalent")
    told = explain_no_hop(cells, RUN, PAIR)
    assert told == "no other environment of this run reads the file as the same model"
    advice = advise_pair(build_advice(cells, RUN), cells, RUN, PAIR)
    assert advice is not None
    assert f"no way through another environment was tried: {told}" in describe_advice(advice)


def test_the_reader_gets_the_model_from_nobody() -> None:
    cells = make_cells(
        "old new load_error", "old mid equivalent", "old last equivalent", "mid new load_error",
        "last.keras new timed_out",
    )  # fmt: skip
    assert explain_no_hop(cells, RUN, PAIR) == (
        "mid and last read it as the same model, but new gets the same model from no other "
        "environment's file of this scenario either"
    )


def test_no_chain_leads_from_those_that_read_the_file_to_one_that_the_reader_reads() -> None:
    there = ["old new load_error", "old mid equivalent", "mid new load_error"]
    ends = [*there, "last new equivalent", "mid last load_error"]
    assert explain_no_hop(make_cells(*ends), RUN, PAIR).startswith("mid reads it as the same")
    chain = [*there, "last new equivalent", "mid.keras last equivalent"]
    assert not explain_no_hop(make_cells(*chain), RUN, PAIR)


def test_nothing_is_said_where_a_part_was_not_measured_or_a_chain_was_tried() -> None:
    unread = make_cells("old new load_error", "old mid not_run")
    assert not explain_no_hop(unread, RUN, PAIR)
    unwritten = make_cells("old new load_error", "old mid equivalent", "mid new harness_error")
    assert not explain_no_hop(unwritten, RUN, PAIR)
    tried = make_cells("old new load_error")
    again = tried[tried["reader"] == "new"].assign(remedy="hop")
    assert not explain_no_hop(pd.concat([tried, again], ignore_index=True), RUN, PAIR)
    assert explain_no_hop(tried, RUN, PAIR)


def test_nothing_is_said_where_a_load_is_not_in_the_run() -> None:
    cells = make_cells("old new load_error", "old last load_error", "old mid load_error")
    assert not explain_no_hop(cells[cells["reader"] != "last"], RUN, PAIR)
