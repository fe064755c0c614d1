"""The store under everything that happens to a disk: kills, damage, two runs, no space."""

import errno
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from runner.domain import Format
from runner.domain.errors import BusyError, StoreError
from runner.store import atomic_write_bytes, atomic_write_text, open_store

TRACEBACK = "Traceback (most recent call last):\n" + "  File x, line 1\n" * 40


def make_record(number=1, *, kind="load", inputs="00ff", **observation):
    return {
        "kind": kind,
        "id": f'scenario/h5/tf2.15->keras3.15/rem"{number}',
        "inputs": inputs,
        "observation": {"status": "raised", "traceback": TRACEBACK, **observation},
        "run": "run1",
        "at": "2026-01-01T00:00:00Z",
    }


def key(record):
    return record["id"], record["inputs"]


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def reopen(tmp_path, warnings):
    def open_again(**options):
        return open_store(tmp_path / "store", command="matrix run", warn=warnings.append, **options)

    return open_again


@pytest.fixture
def journal_path(tmp_path):
    return tmp_path / "store" / "journal.jsonl"


def write_records(reopen, count):
    records = [make_record(number) for number in range(count)]
    with reopen() as store:
        for record in records:
            store.journal.append(record)
    return records


def test_records_come_back_as_they_were_written(reopen, warnings):
    record = make_record(
        warnings=["short", TRACEBACK + "other"],
        output="ünï \ud800 \n",
        aspects={"outputs": {"status": "differs", "max_abs_diff": 0.25}},
    )
    with reopen() as store:
        assert store.journal.append(record).read() == record
        assert store.journal.latest("load")[key(record)].read() == record
    with reopen() as store:
        assert store.journal.latest("load")[key(record)].read() == record
        assert store.journal.latest("save") == {}
    assert warnings == []


def test_files_begin_with_their_schema_and_hold_long_texts_once(reopen, journal_path):
    write_records(reopen, 50)
    lines = journal_path.read_text().splitlines()
    assert lines[0] == '{"schema":"journal/1"}'
    assert len(lines) == 51
    assert "Traceback" not in journal_path.read_text()
    texts = journal_path.with_name("texts.jsonl").read_text().splitlines()
    assert texts[0] == '{"schema":"texts/1"}'
    assert [json.loads(line)["text"] for line in texts[1:]] == [TRACEBACK]


def test_the_newest_record_of_the_same_inputs_wins(reopen):
    with reopen() as store:
        store.journal.append(make_record(1, attempt=1))
        store.journal.append(make_record(1, attempt=2))
        store.journal.append(make_record(1, inputs="other", attempt=3))
        store.journal.append(make_record(1, kind="save", attempt=4))
    with reopen() as store:
        latest = store.journal.latest("load")
        assert len(latest) == 2
        assert latest[key(make_record(1))].observation["attempt"] == 2
        assert store.journal.latest("save")[key(make_record(1))].observation["attempt"] == 4


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_cut_last_line_is_dropped_and_work_goes_on(reopen, journal_path, warnings, cut):
    records = write_records(reopen, 3)
    whole = journal_path.read_bytes()
    journal_path.write_bytes(whole[:-cut])
    with reopen() as store:
        assert set(store.journal.latest("load")) == {key(record) for record in records[:2]}
        store.journal.append(records[2])
    assert journal_path.read_bytes() == whole
    assert len(warnings) == 1
    assert "line 4" in warnings[0]


@pytest.mark.parametrize("left", [0, 5])
def test_a_journal_cut_in_its_first_line_begins_again(reopen, journal_path, left):
    write_records(reopen, 1)
    journal_path.write_bytes(journal_path.read_bytes()[:left])
    write_records(reopen, 1)
    with reopen() as store:
        assert len(store.journal.latest("load")) == 1


def test_a_tail_of_zeros_after_a_power_cut_is_dropped(reopen, journal_path, warnings):
    write_records(reopen, 2)
    whole = journal_path.read_bytes()
    journal_path.write_bytes(whole + bytes(4096))
    with reopen() as store:
        assert len(store.journal.latest("load")) == 2
    assert journal_path.read_bytes() == whole
    assert len(warnings) == 1


def test_a_damaged_middle_line_is_skipped_counted_and_kept(reopen, journal_path, warnings):
    records = write_records(reopen, 4)
    data = bytearray(journal_path.read_bytes())
    lines = data.splitlines(keepends=True)
    place = len(lines[0]) + len(lines[1]) + len(lines[2]) - 60
    data[place] ^= 1
    journal_path.write_bytes(data)
    with reopen() as store:
        expected = {key(record) for record in [records[0], records[2], records[3]]}
        assert set(store.journal.latest("load")) == expected
    assert journal_path.read_bytes() == data
    assert len(warnings) == 1
    assert "1 damaged line(s) skipped (line 3)" in warnings[0]


def test_a_record_whose_text_was_lost_is_measured_again(reopen, journal_path, warnings):
    records = write_records(reopen, 2)
    texts = journal_path.with_name("texts.jsonl")
    texts.write_bytes(texts.read_bytes()[:-10])
    with reopen() as store:
        assert store.journal.latest("load") == {}
        store.journal.append(records[0])
    with reopen() as store:
        # The text is back, and with it every record that refers to it.
        assert store.journal.latest("load")[key(records[1])].read() == records[1]
    assert len(warnings) == 2


def test_an_unknown_schema_is_refused_and_untouched(reopen, journal_path):
    write_records(reopen, 1)
    changed = journal_path.read_text().replace("journal/1", "journal/9")
    journal_path.write_text(changed)
    with pytest.raises(StoreError, match="journal/9"):
        reopen()
    assert journal_path.read_text() == changed
    # The failed attempt gave its lock back.
    journal_path.write_text(changed.replace("journal/9", "journal/1"))
    reopen().close()


def test_two_runs_at_once_in_different_processes(reopen, tmp_path):
    script = (
        "import sys, pathlib\n"
        "from runner.store import open_store\n"
        "store = open_store(pathlib.Path(sys.argv[1]), command='first run', warn=print)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "store")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(BusyError) as caught:
            reopen()
        assert f"pid {first.pid}" in caught.value.message
        assert "first run" in caught.value.cause
        reopen(read_only=True).close()
        first.kill()
    reopen().close()


def test_a_killed_writer_loses_at_most_the_line_in_flight(reopen, tmp_path):
    script = (
        "import sys, pathlib\n"
        "from runner.store import open_store\n"
        "store = open_store(pathlib.Path(sys.argv[1]), command='run', warn=print)\n"
        "for number in range(10**9):\n"
        "    store.journal.append({'kind': 'load', 'id': str(number), 'inputs': 'x',\n"
        "                          'observation': {'text': f'{number} ' * 100}})\n"
        "    print(number, flush=True)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(200):
            confirmed = int(writer.stdout.readline())
        writer.kill()
    with reopen() as store:
        latest = store.journal.latest("load")
        for number in range(confirmed + 1):
            assert latest[str(number), "x"].observation == {"text": f"{number} " * 100}


def test_a_reader_may_look_while_a_run_is_writing(reopen, journal_path, warnings):
    record = make_record()
    with reopen() as running:
        running.journal.append(record)
        with journal_path.open("ab") as file:
            file.write(b'{"kind":"load","id":"half')
        with reopen(read_only=True) as looking:
            assert looking.journal.latest("load")[key(record)].read() == record
            with pytest.raises(StoreError, match="reading only"):
                looking.journal.append(make_record(2))
    assert journal_path.read_bytes().endswith(b"half")
    assert warnings == []


def test_reading_a_store_that_does_not_exist_makes_nothing(reopen, tmp_path):
    with reopen(read_only=True) as store:
        assert store.journal.latest("load") == {}
    assert not (tmp_path / "store").exists()


def append_all(store, records):
    for record in records:
        store.journal.append(record)


def fill_disk(monkeypatch, room):
    """Let `room` more bytes be written, then fail as a full disk does."""
    real_write = os.write
    left = [room]

    def write(descriptor, data):
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real_write(descriptor, bytes(data)[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(os, "write", write)


@pytest.mark.parametrize("room", [0, 10, 200, 900])
def test_a_full_disk_loses_nothing_that_was_recorded(reopen, journal_path, monkeypatch, room):
    store = reopen()
    records = [make_record(number, note=f"{number} " * 200) for number in range(5)]
    store.journal.append(records[0])
    before = journal_path.read_bytes()
    with monkeypatch.context() as patch:
        fill_disk(patch, room)
        with pytest.raises(StoreError, match="the disk is full") as caught:
            append_all(store, records[1:])
        assert caught.value.next_step
    assert journal_path.read_bytes().startswith(before)
    assert journal_path.read_bytes().endswith(b"\n")
    append_all(store, records[1:])
    store.close()
    with reopen() as store:
        for record in records:
            assert store.journal.latest("load")[key(record)].read() == record


def test_a_full_disk_is_found_at_the_start(reopen, monkeypatch, tmp_path):
    fill_disk(monkeypatch, 100)
    with pytest.raises(StoreError, match="the disk is full"):
        reopen()
    assert list((tmp_path / "store").iterdir()) == []


def test_a_read_only_disk_is_found_at_the_start(reopen, monkeypatch):
    def refuse(*_args, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match="may not be written") as caught:
        reopen()
    assert "--store" in caught.value.next_step


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_found_at_the_start(reopen, tmp_path):
    (tmp_path / "store").mkdir(mode=0o555)
    with pytest.raises(StoreError, match="may not be written"):
        reopen()


def test_a_file_where_the_store_should_be_is_refused(reopen, tmp_path):
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(StoreError, match="write to the store"):
        reopen()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "cells.csv"
    atomic_write_text(path, "old")
    with monkeypatch.context() as patch:
        fill_disk(patch, 3)
        with pytest.raises(StoreError, match="the disk is full"):
            atomic_write_text(path, "new content")
    assert path.read_text() == "old"
    atomic_write_text(path, "ünew")
    assert path.read_text(encoding="utf-8") == "ünew"
    assert [item.name for item in path.parent.iterdir()] == ["cells.csv"]


def test_leftovers_of_killed_saves_are_removed_and_finished_artifacts_stay(reopen):
    with reopen() as store:
        folder = store.artifact_dir("tf2.15", "plain_dense", Format.H5, "00ff")
    folder.mkdir(parents=True)
    manifest = {
        "schema": "artifact/1",
        "writer": "tf2.15",
        "scenario": "plain_dense",
        "format": "h5",
        "written": "hdf5",
        "files": {"payload/model.h5": "aa"},
        "sha256": "bb",
        "versions": {"tensorflow": "2.15.1"},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    leftover = folder.with_name(".tmp-h5-1234")
    (leftover / "payload").mkdir(parents=True)
    with reopen() as store:
        assert not leftover.exists()
        found = store.manifest("tf2.15", "plain_dense", Format.H5, "00ff")
        assert found.sha256 == "bb"
        assert found.files == {"payload/model.h5": "aa"}
        assert store.manifest("tf2.15", "plain_dense", Format.KERAS, "00ff") is None
        (folder / "manifest.json").write_text(json.dumps(manifest)[:40])
        assert store.manifest("tf2.15", "plain_dense", Format.H5, "00ff") is None
        (folder / "manifest.json").write_text(json.dumps({**manifest, "schema": "artifact/9"}))
        with pytest.raises(StoreError, match="artifact/9"):
            store.manifest("tf2.15", "plain_dense", Format.H5, "00ff")


def test_threads_append_whole_lines(reopen):
    def work(store, name):
        for number in range(200):
            store.journal.append(make_record(f"{name}-{number}", note=f"{number} " * 100))

    with reopen() as store:
        threads = [threading.Thread(target=work, args=(store, name)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.journal.sync()
    with reopen() as store:
        latest = store.journal.latest("load")
        assert len(latest) == 800
        assert all(record.observation["traceback"] == TRACEBACK for record in latest.values())


def test_records_load_quickly(reopen):
    aspects = {f"aspect{n}": {"status": "agrees", "max_abs_diff": 1e-7} for n in range(6)}
    with reopen() as store:
        for number in range(20_000):
            store.journal.append({**make_record(number, aspects=aspects), "id": f"cell{number}"})
    started = time.process_time()
    with reopen() as store:
        assert len(store.journal.latest("load")) == 20_000
    # Half a million in 5 s would be 0.2 s; a busy machine is given five times that.
    assert time.process_time() - started < 1


def test_what_can_be_made_again_is_written_only_where_it_changed(tmp_path):
    path = tmp_path / "site" / "index.html"
    atomic_write_bytes(path, b"one", durable=False)
    os.utime(path, (1, 1))
    atomic_write_bytes(path, b"one", durable=False)
    assert path.stat().st_mtime == 1
    atomic_write_bytes(path, b"two", durable=False)
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["index.html"]
