"""Damaged files of a published run: read, or refused in one short message that names the file.

A mutation keeps the structure of a file, so that it gets past the parser: a value of another
type, a field that is gone or new, a part twice, a column of another kind. Some bytes are
changed blindly too. Whatever is read must be fit for everything that reads it afterwards.
"""

from __future__ import annotations

import copy
import json
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_fixtures import RECORDED_AUDIT, make_run, provision, put_together

from runner.analyse.advice import PAIR_COLUMNS, advise, advise_pair, build_advice
from runner.analyse.boundaries import describe_boundaries
from runner.analyse.changes import note_changes
from runner.analyse.claims.table import Table
from runner.analyse.claims.verdict import judge_claims
from runner.analyse.differences import compare_cells
from runner.analyse.grids import code_cells
from runner.domain import CellSet, Claim, ClaimSet, Depends, Event, Prediction, Share
from runner.domain.errors import MatrixError
from runner.publish.audit import AUDIT_FILE, read_audit
from runner.publish.carry_over import Today, keep_results
from runner.publish.columns import SCHEMA_OF
from runner.publish.decoding import read_record
from runner.publish.files import data_files
from runner.publish.reading import load_data, load_details, load_table, read_cells
from runner.publish.record import ChangesRecord, ClaimsRecord, Record, RunRecord
from runner.render.site import site_files

JSON_EACH, TABLE_EACH, BYTES_EACH = 700, 60, 40
USED, RENDERED = 8, 2
"""Accepted mutations of each file that are put to use, and that become a whole report."""
LONGEST = 900
"""Characters of a message, the path of the test's folder included."""
RUN = make_run()
DEPENDS = Depends(probe="1" * 12, scenario="2" * 12, writer_lock="ab" * 6, reader_lock="ab" * 6)
CLAIM = Claim(
    id="c001.loads",
    article="one.txt",
    statement="It loads everywhere.",
    decided_by=CellSet(cells=("plain_dense/h5/*->*/none",)),
    predicts=Prediction(share=Share.ALL, event=Event.EQUIVALENT),
)


def deep(levels: int) -> Any:
    found: Any = []
    for _ in range(levels):
        found = [found]
    return found


VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 3, 1.5, 1e308, 10**40, "", "x", "\x00", "é\ud800", "x" * 100_000),
    *("../../etc", "a/b", "2020-99-99", [], {}, [1], {"a": 1}, [[]], "none", "equivalent", "nan"),
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a whole run, by name."""
    folder = tmp_path_factory.mktemp("whole")
    found = put_together(RUN)
    published = replace(
        found,
        claims=judge_claims(
            ClaimSet(articles={"one.txt": "First"}, claims=(CLAIM,)),
            Table(found.cells, found.observations, found.run.environments, {}),
            run=found.run,
        ),
        changes=note_changes(folder, found.cells, found.run),
        advice=build_advice(found.cells, found.run),
    )
    return dict(data_files(published)) | {AUDIT_FILE: json.dumps(RECORDED_AUDIT).encode()}


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from nodes(each, (*path, key))


def mutate_json(content: bytes, rng: random.Random) -> bytes:
    """Change one to three places of a JSON file."""
    value = json.loads(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        path = rng.choice(list(nodes(value)))
        if not path:
            return json.dumps(rng.choice((*VALUES, deep(900)))).encode("utf-8", "surrogatepass")
        owner = value
        for key in path[:-1]:
            owner = owner[key]
        change_part(owner, path[-1], rng)
    if rng.random() < 0.02:
        value = {"schema": value.get("schema"), "x": deep(900)}
    return json.dumps(value).encode("utf-8", "surrogatepass")


def change_part(owner: Any, key: Any, rng: random.Random) -> None:
    what = rng.randrange(6)
    if what == 0:
        del owner[key]
    elif what == 1 and isinstance(owner, list):
        owner.insert(key, copy.deepcopy(owner[key]))
    elif what == 1:
        owner[f"{key}x"] = owner[key]
    elif what == 2 and isinstance(owner, list):
        rng.shuffle(owner)
    elif what == 3 and isinstance(owner[key], str) and owner[key]:
        owner[key] = owner[key][:-1] + rng.choice(("", "\n", "z", "-", "/"))
    elif what == 4 and isinstance(owner[key], int | float):
        owner[key] = rng.choice((-owner[key], owner[key] + 1, owner[key] * 1.5, 10**30))
    else:
        owner[key] = copy.deepcopy(rng.choice(VALUES))


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """Cut the file, or change some of its bytes."""
    place = rng.randrange(len(content))
    return rng.choice(
        (
            content[:place],
            b"",
            content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :],
            content[:place] + rng.randbytes(8) + content[place + 8 :],
            content + content,
            content[place:],
        )
    )


def mutate_parquet(content: bytes, rng: random.Random) -> bytes:
    """Change a column, the rows, or what the file says of itself."""
    table = pq.read_table(pa.BufferReader(content))
    place = rng.randrange(table.num_columns)
    name = table.column_names[place]
    values = table.column(name).to_pylist()
    kind = rng.randrange(8)
    if kind == 0:
        table = table.drop_columns([name])
    elif kind == 1:
        table = table.rename_columns(
            [f"{each}x" if each == name else each for each in table.column_names]
        )
    elif kind == 2:
        table = table.slice(rng.randrange(len(table)))
    elif kind == 3:
        table = pa.concat_tables([table, table.slice(0, 1)])
    elif kind == 4:
        table = table.replace_schema_metadata(
            rng.choice(({}, {"schema": "cells/9"}, {"schema": b"\xff"}, {"pandas": "{", "x": "y"}))
        )
    else:
        odd = rng.choice((*VALUES, "{", '{"outputs": 3}', '{"outputs": {"status": 1}}', "1e400"))
        rows = rng.sample(range(len(values)), rng.choice((1, len(values))))
        for row in rows:
            values[row] = odd
        table = table.set_column(place, name, column_of(values))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def column_of(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return pa.array([str(value).encode("utf-8", "replace").decode() for value in values])


ODD_TEXTS = ("", '"', "x" * 200_000, "\x00", "nan", "é", "=1")


def mutate_csv(content: bytes, rng: random.Random) -> bytes:
    lines = content.decode().split("\n")
    row = rng.randrange(len(lines) - 1)
    parts = lines[row].split(",")
    parts[rng.randrange(len(parts))] = rng.choice(
        ("", '"', "x" * 200_000, "\x00", "nan", "é", "=1")
    )
    lines[row] = ",".join(parts)
    if rng.random() < 0.2:
        lines.insert(row, lines[row])
    return "\n".join(lines).encode()


def use(folder: Path, *, rendered: bool) -> None:
    """Do what the commands do with a published run."""
    data = load_data(folder)
    coded = code_cells(data)
    advice = build_advice(data.cells, data.run)
    if len(data.cells):
        row = data.cells.iloc[0]
        pair = {name: str(row[name]) for name in PAIR_COLUMNS}
        advise(data, pair)
        advise_pair(advice, data.cells, data.run, pair)
    today = Today(
        scenarios=[each.id for each in RUN.scenarios],
        environments=provision(RUN),
        depends=lambda *_: DEPENDS,
        artifacts={},
        made_with=lambda *_: "",
    )
    keep_results(folder, measured=(), today=today)
    note_changes(folder, data.cells, data.run)
    if rendered:
        judge_claims(
            ClaimSet(articles={}, claims=(CLAIM,)),
            Table(data.cells, data.observations, data.run.environments, {}),
            run=data.run,
        )
        list(describe_boundaries(coded, coded.scenario.nonzero()[0]))
        list(site_files(data, data_href=".."))


def use_cells(path: Path) -> None:
    """Do what `compare` and `--baseline` do with the cells of a run."""
    cells = read_cells(path)
    compare_cells(cells, cells)
    load_details(path)


RECORDS: dict[str, type[Record]] = {
    "run.json": RunRecord,
    "claims.json": ClaimsRecord,
    "changes.json": ChangesRecord,
}
MUTATIONS: dict[str, tuple[Callable[[bytes, random.Random], bytes], int]] = {
    "run.json": (mutate_json, JSON_EACH),
    "claims.json": (mutate_json, JSON_EACH),
    "changes.json": (mutate_json, JSON_EACH),
    AUDIT_FILE: (mutate_json, JSON_EACH),
    "cells.csv": (mutate_csv, TABLE_EACH),
    "cells.parquet": (mutate_parquet, TABLE_EACH),
    "observations.parquet": (mutate_parquet, TABLE_EACH),
    "advice.parquet": (mutate_parquet, TABLE_EACH),
}


def read(folder: Path, name: str) -> None:
    """Read one file as every command does that needs it."""
    path = folder / name
    if name in RECORDS:
        read_record(path, RECORDS[name])
    elif name == AUDIT_FILE:
        read_audit(folder)
    else:
        if name != "cells.csv":
            load_table(path, SCHEMA_OF[path.stem])
        if path.stem == "cells":
            use_cells(path)


def try_one(folder: Path, name: str, accepted: int) -> str:
    """Read a folder with a mutated file; return what is wrong about that."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            read(folder, name)
            if accepted < USED and name != AUDIT_FILE:
                use(folder, rendered=accepted < RENDERED)
    except MatrixError as error:
        said = str(error)
        if len(said) > LONGEST:
            return f"a message of {len(said)} characters: {said[:200]}"
        return "" if name in said or str(folder) in said else f"names no file: {said[:300]}"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"{type(error).__name__}: {str(error)[:300]}"
    return "accepted"


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_file_is_read_or_refused_in_one_message(
    name: str, files: dict[str, bytes], tmp_path: Path
) -> None:
    mutate, times = MUTATIONS[name]
    for each, content in files.items():
        (tmp_path / each).write_bytes(content)
    assert try_one(tmp_path, name, 0) == "accepted"
    rng = random.Random(name)
    offenders, accepted = set(), 0
    for number in range(times + BYTES_EACH):
        content = (mutate if number < times else mutate_bytes)(files[name], rng)
        (tmp_path / name).write_bytes(content)
        said = try_one(tmp_path, name, accepted)
        if said == "accepted":
            accepted += 1
        elif said:
            offenders.add(said)
    assert not offenders, "\n".join(sorted(offenders)[:12])
    assert accepted < times, "nothing was refused"
