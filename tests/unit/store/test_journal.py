"""Observations come back as they were recorded, or count as not recorded."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from store_records import TRACEBACK, append_all, found, key, make_record, observations

from runner.domain.errors import StoreError
from runner.store.journal import CHUNK, _checksum

AGREES = {"outputs": {"status": "agrees", "max_abs_diff": 0.0, "detail": ""}}


def change(database, statement, *values):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement, values)
        connection.commit()


def test_observations_come_back_as_they_were_recorded(reopen, warnings):
    record = make_record(
        warnings=["short", TRACEBACK + "other"],
        output="ünï \ud800 \n",
        aspects={"outputs": {"status": "differs", "max_abs_diff": float("inf")}},
        facts={"$text": "not a reference", "nested": [{"$$text": TRACEBACK}]},
    )
    with reopen() as store:
        store.journal.append(record)
        assert found(store, [record]) == observations([record])
    with reopen() as store:
        assert found(store, [record]) == observations([record])
        assert found(store, [record], "save") == {}
    assert warnings == []


def test_long_texts_are_kept_once_and_compressed(write_records, database):
    write_records(50)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM record").fetchone() == (50,)
        ((body,),) = connection.execute("SELECT body FROM text").fetchall()
    assert len(body) < len(TRACEBACK) / 2
    assert b"File x" not in database.read_bytes()


def test_the_newest_record_of_the_same_inputs_counts(reopen):
    with reopen() as store:
        store.journal.append(make_record(1, message="first"))
        store.journal.append(make_record(1, message="second"))
        store.journal.append(make_record(1, inputs="other", message="third"))
        store.journal.append(make_record(1, kind="save", message="fourth"))
    first, other = make_record(1), make_record(1, inputs="other")
    with reopen() as store:
        assert store.journal.keys("load") == {key(first), key(other)}
        said = {each: data["message"] for each, data in found(store, [first, other]).items()}
        assert said == {key(first): "second", key(other): "third"}
        assert found(store, [first], "save")[key(first)]["message"] == "fourth"


def test_many_are_found_in_the_order_of_their_keys(reopen, write_records):
    records = write_records(2 * CHUNK + 7)
    random.Random(1).shuffle(records)
    unknown = make_record("unknown")
    with reopen() as store:
        got = found(store, [unknown, *records])
        assert list(got) == [key(each) for each in records]
        assert got == observations(records)


NONSENSE = [
    None,
    7,
    [],
    {},
    "done",
    {"status": "done"},
    {"status": "fine", "aspects": AGREES},
    {"status": None},
    {"status": ["done"]},
    {"status": "done", "aspects": None},
    {"status": "done", "aspects": {}},
    {"status": "done", "aspects": [AGREES]},
    {"status": "done", "aspects": {"outputs": "agrees"}},
    {"status": "done", "aspects": {"colour": AGREES["outputs"]}},
    {"status": "done", "aspects": {"outputs": {"status": "agrees?"}}},
    {"status": "done", "aspects": {"outputs": {"max_abs_diff": 0.0}}},
    {"status": "done", "aspects": {"outputs": {"status": "agrees", "max_abs_diff": "small"}}},
    {"status": "done", "aspects": AGREES, "facts": []},
    {"status": "done", "aspects": AGREES, "facts": {"damage": 1}},
    {"status": "done", "aspects": AGREES, "duration_s": -1},
    {"status": "done", "aspects": AGREES, "duration_s": float("nan")},
    {"status": "done", "aspects": AGREES, "duration_s": "1"},
    {"status": "raised", "stage": "later"},
    {"status": "raised", "message": {"a": 1}},
    {"status": "raised", "warnings": "all"},
    {"status": "raised", "traceback": {"$text": "00" * 16}},
    {"status": "raised", "traceback": {"$text": ["list"]}},
]


def test_a_record_that_makes_no_sense_counts_as_not_recorded(reopen, warnings):
    records = [make_record(number) for number in range(len(NONSENSE))]
    sound = make_record("sound", status="done", aspects=AGREES)
    with reopen() as store:
        for record, observation in zip(records, NONSENSE, strict=True):
            store.journal.append({**record, "observation": observation})
        append_all(store, [sound])
    with reopen() as store:
        assert found(store, [*records, sound]) == observations([sound])
    assert len(warnings) == 1
    assert f"{len(NONSENSE)} recorded result(s) are damaged or make no sense" in warnings[0]


def test_a_changed_record_counts_as_not_recorded(reopen, write_records, database, warnings):
    records = write_records(5)
    changes = {1: "observation = x'00'", 2: "observation = 'text'", 3: "crc = 'x'"}
    for number, what in changes.items():
        change(database, f"UPDATE record SET {what} WHERE number = {number}")
    change(database, "UPDATE record SET inputs = 'swapped' WHERE number = 4")
    with reopen() as store:
        moved = {**records[3], "inputs": "swapped"}
        assert found(store, [*records, moved]) == observations(records[-1:])
    assert len(warnings) == 1
    assert "4 recorded result(s)" in warnings[0]


ODD_CONTENTS = [
    b"null", b"[", b"", b"\x00", b"\xff", b"[" * 100_000, b"1" * 6000, b'{"status":"done"}',
    b'{"status":"raised","message":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"status":"done","facts":' + b'{"$a":' * 900 + b"1" + b"}" * 901,
]  # fmt: skip


def test_a_right_checksum_does_not_make_a_record_sound(reopen, write_records, database, warnings):
    records = write_records(len(ODD_CONTENTS) + 1)
    for number, content in enumerate(ODD_CONTENTS, start=1):
        checksum = _checksum("load", key(records[number - 1]), content)
        where = "UPDATE record SET observation = ?, crc = ? WHERE number = ?"
        change(database, where, content, checksum, number)
    with reopen() as store:
        assert found(store, records) == observations(records[-1:])
    assert len(warnings) == 1
    assert f"{len(ODD_CONTENTS)} recorded result(s)" in warnings[0]


@pytest.mark.parametrize("damage", [b"", b"no zlib", None])
def test_a_record_whose_text_was_lost_is_measured_again(
    reopen, write_records, database, warnings, damage
):
    records = write_records(2)
    if damage is None:
        change(database, "DELETE FROM text")
    else:
        change(database, "UPDATE text SET body = ?", damage)
    with reopen() as store:
        assert found(store, records) == {}
    assert len(warnings) == 1


def test_a_lost_text_is_written_again(reopen, write_records, database):
    records = write_records(2)
    change(database, "UPDATE text SET body = x'00'")
    with reopen() as store:
        append_all(store, records[:1])
        assert found(store, records) == observations(records)
    with reopen() as store:
        assert found(store, records) == observations(records)


def test_only_a_store_opened_for_writing_records(reopen, write_records):
    write_records(1)
    with reopen(read_only=True) as store, pytest.raises(StoreError, match="reading only"):
        store.journal.append(make_record(2))


def test_threads_record_and_find(reopen):
    failed = []

    def work(store, name):
        try:
            for number in range(100):
                record = make_record(f"{name}-{number}", output=f"{number} " * 100)
                store.journal.append(record)
                assert found(store, [record]) == observations([record])
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            failed.append(error)

    with reopen() as store:
        threads = [threading.Thread(target=work, args=(store, name)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.journal.sync()
        assert failed == []
    with reopen() as store:
        assert len(store.journal.keys("load")) == 400


WRITER = """
import pathlib, sys
from runner.store import open_store
sys.path.insert(0, sys.argv[2])
from store_records import make_record
store = open_store(pathlib.Path(sys.argv[1]), command="run", warn=print)
for number in range(int(sys.argv[3]), 10**9):
    store.journal.append(make_record(number, output=f"{number} " * 200))
    print(number, flush=True)
"""
KILLS = 20


def test_whatever_was_recorded_before_a_kill_is_there(reopen, tmp_path, warnings):
    """A process that records without end is killed at random moments, and begins again."""
    chance = random.Random(11)
    helpers = str(Path(__file__).parents[1])
    recorded: list[int] = []
    for _ in range(KILLS):
        begin = str(recorded[-1] + 2 if recorded else 0)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "store"), helpers, begin],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(chance.random() * 0.05)
            writer.send_signal(signal.SIGKILL)
            # A line that was cut says nothing: its number may have lost digits.
            lines = [first, *writer.stdout]
            recorded += [int(line) for line in lines if line.endswith("\n")]
    assert len(recorded) > 10 * KILLS
    with reopen() as store:
        records = [make_record(number, output=f"{number} " * 200) for number in recorded]
        assert found(store, records) == observations(records)
    assert warnings == []
