"""The database under what happens to files: damage, other versions, other programs, no room."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from store_records import append_all, found, make_record, observations

from runner.domain.errors import MatrixError, StoreError
from runner.store import database as module
from runner.store import open_store
from runner.store.database import is_on_network


def run_sql(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def damaged_files(database):
    return [each for each in database.parent.glob("*.damaged-*") if not each.name.endswith("-shm")]


def test_the_file_says_what_it_is(write_records, database):
    write_records(1)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x4B4D5458,)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_store_that_was_closed_is_one_file(write_records, database):
    write_records(3)
    assert {each.name for each in database.parent.iterdir()} == {database.name, "lock"}


def test_a_reader_looks_while_a_run_is_writing(reopen, warnings):
    records = [make_record(number) for number in range(3)]
    with reopen() as running:
        append_all(running, records[:1])
        with reopen(read_only=True) as looking:
            assert found(looking, records) == observations(records[:1])
            append_all(running, records[1:])
            assert found(looking, records) == observations(records)
    assert warnings == []


def test_a_reader_beside_a_killed_run_sees_what_it_recorded(reopen, database, tmp_path):
    with reopen() as running:
        append_all(running, [make_record()])
        left = tmp_path / "left"
        shutil.copytree(database.parent, left)
    shutil.rmtree(database.parent)
    left.rename(database.parent)
    with reopen(read_only=True) as looking:
        assert found(looking, [make_record()]) == observations([make_record()])
    with reopen() as next_run:
        assert found(next_run, [make_record()]) == observations([make_record()])


def test_a_newer_version_is_refused_and_untouched(reopen, write_records, database):
    write_records(1)
    run_sql(database, "PRAGMA user_version=9")
    before = database.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="version 9 where 1 was expected") as caught:
            reopen(read_only=read_only)
        assert "newer version" in caught.value.cause
        assert f"mv {database}" in caught.value.next_step
    assert database.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_untouched(reopen, database):
    database.parent.mkdir()
    run_sql(database, "CREATE TABLE songs (title TEXT)", "INSERT INTO songs VALUES ('one')")
    before = database.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="not one of a store"):
            reopen(read_only=read_only)
    assert database.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_untouched(reopen, database):
    database.parent.mkdir()
    database.write_bytes(b"once upon a time, " * 1000)
    before = database.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="not a database") as caught:
            reopen(read_only=read_only)
        assert f"mv {database}" in caught.value.next_step
    assert database.read_bytes() == before


def test_a_folder_in_its_place_is_refused(reopen, database):
    database.mkdir(parents=True)
    for read_only in (False, True):
        with pytest.raises(StoreError, match=str(database)):
            reopen(read_only=read_only)


def test_an_empty_file_is_a_new_database(reopen, database):
    database.parent.mkdir()
    database.touch()
    with reopen(read_only=True) as looking:
        assert found(looking, [make_record()]) == {}
    with reopen() as store:
        append_all(store, [make_record()])
        assert found(store, [make_record()]) == observations([make_record()])


def overwrite(path, place, data):
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


def test_a_database_cut_in_half_gives_what_is_left_of_it(reopen, write_records, database, warnings):
    records = write_records(400, output="short")
    os.truncate(database, database.stat().st_size // 2)
    with pytest.raises(StoreError, match="damaged") as caught:
        reopen(read_only=True)
    assert "nox -s matrix" in caught.value.next_step
    with reopen() as store:
        left = found(store, records)
        assert 20 < len(left) < 400
        assert left.items() <= observations(records).items()
        append_all(store, records)
        assert found(store, records) == observations(records)
    assert len(warnings) == 1
    assert f"{len(left)} results could be read and are kept" in warnings[0]
    assert len(damaged_files(database)) == 1
    reopen().close()
    assert len(warnings) == 1


def test_damage_met_on_the_way_is_mended_by_the_next_run(reopen, write_records, database, warnings):
    records = write_records(400)
    size = database.stat().st_size
    # In the middle, so that neither the newest record nor a declaration is touched.
    overwrite(database, size // 2 // 4096 * 4096, b"\xff" * 4096 * 3)
    with reopen(read_only=True) as looking, pytest.raises(StoreError, match="damaged") as caught:
        found(looking, records)
    assert "nox -s matrix" in caught.value.next_step
    with reopen() as store:
        left = found(store, records)
        assert 100 < len(left) < 400
        assert left.items() <= observations(records).items()
    assert len(warnings) == 1
    assert len(damaged_files(database)) == 1


def test_a_run_that_ended_badly_has_the_whole_file_checked(reopen, database, tmp_path, warnings):
    records = [make_record(number) for number in range(400)]
    with reopen() as store:
        append_all(store, records)
        store.journal.sync()
        append_all(store, records[:5])
        left = tmp_path / "left"
        shutil.copytree(database.parent, left)
    size = (left / database.name).stat().st_size
    overwrite(left / database.name, size // 2 // 4096 * 4096, b"\xff" * 4096 * 3)
    shutil.rmtree(database.parent)
    left.rename(database.parent)
    with reopen() as store:
        assert len(found(store, records)) > 100
    assert len(warnings) == 1
    assert "could be read and are kept" in warnings[0]


def test_a_recovery_that_was_killed_is_ended_by_the_next_run(reopen, write_records, database):
    records = write_records(3)
    database.rename(database.with_name(f"{database.name}.recovered"))
    with reopen() as store:
        assert found(store, records) == observations(records)


def test_tables_of_another_make_are_recovered(reopen, write_records, database, warnings):
    records = write_records(30)
    run_sql(database, "DROP INDEX record_key")
    with reopen() as store:
        assert found(store, records) == observations(records)
    assert len(warnings) == 1
    assert "30 results could be read" in warnings[0]


def test_a_full_disk_loses_nothing_that_was_recorded(reopen):
    store = reopen()
    records = [make_record(number, output=f"{number} " * 9000) for number in range(400)]
    append_all(store, records[:1])
    connection = store.journal._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages + 20}")
    with pytest.raises(StoreError, match="the disk is full") as caught:
        append_all(store, records[1:])
    assert "free some space" in caught.value.next_step
    connection.execute("PRAGMA max_page_count=100000")
    append_all(store, records[1:])
    store.close()
    with reopen() as store:
        assert found(store, records) == observations(records)


LIMITED = """
import pathlib, resource, signal, sys
from runner.domain.errors import StoreError
from runner.store import open_store
sys.path.insert(0, sys.argv[2])
from store_records import append_all, make_record
store = open_store(pathlib.Path(sys.argv[1]), command="run", warn=print)
append_all(store, [make_record("first")])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    append_all(store, [make_record(number, output=f"{number} " * 900) for number in range(2000)])
except StoreError as error:
    print(error)
"""


def test_a_file_that_may_not_grow_is_one_message(reopen, tmp_path):
    helpers = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "store"), helpers],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "cannot record a result" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr.split("Exception ignored")[0]
    with reopen() as store:
        first = [make_record("first")]
        assert found(store, first) == observations(first)


def test_two_programs_that_write_are_one_message(reopen, database, monkeypatch):
    monkeypatch.setattr(module, "BUSY_S", 0.1)
    with reopen() as store, closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MatrixError, match="another process holds it"):
            append_all(store, [make_record()])
        other.execute("ROLLBACK")
        append_all(store, [make_record()])
        assert found(store, [make_record()]) == observations([make_record()])


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, which can be made read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_store_on_a_disk_that_cannot_be_written_is_read(disk, warnings):
    record = make_record()
    with open_store(disk / "store", command="run", warn=warnings.append) as store:
        append_all(store, [record])
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with open_store(disk / "store", command="run", warn=print, read_only=True) as store:
        assert found(store, [record]) == observations([record])
    with pytest.raises(StoreError, match="may not be written"):
        open_store(disk / "store", command="run", warn=print)


def test_a_disk_without_room_stops_at_the_first_result_that_does_not_fit(disk, warnings):
    records = [make_record(number, output=f"{number} " * 9000) for number in range(4000)]
    with open_store(disk / "store", command="run", warn=warnings.append) as store:
        append_all(store, records[:3])
        (disk / "other").write_bytes(bytes(6_000_000))
        with pytest.raises(StoreError, match="the disk is full"):
            append_all(store, records[3:])
        (disk / "other").unlink()
        append_all(store, records[3:10])
        assert found(store, records[:10]) == observations(records[:10])
    assert warnings == []


MOUNTS = """\
22 28 0:21 / /proc rw,nosuid shared:5 - proc proc rw
28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 28 0:40 / /home rw shared:2 - nfs4 server:/home rw
41 40 254:1 / /home/me/fast\\040disk rw shared:3 - xfs /dev/vdb rw
42 28 0:41 / /share rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("folder", "network"),
    [
        ("/work/.matrix", False),
        ("/home/me/.matrix", True),
        ("/home/me/fast disk/.matrix", False),
        ("/share", True),
        ("/shared", False),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(tmp_path, folder, network):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS, encoding="utf-8")
    assert is_on_network(Path(folder), mounts) is network


def test_without_wal_everything_works_and_one_warning_says_so(
    reopen, database, monkeypatch, warnings
):
    monkeypatch.setattr(module, "is_on_network", lambda _: True)
    records = [make_record(number) for number in range(5)]
    with reopen() as store:
        append_all(store, records)
        with reopen(read_only=True) as looking:
            assert found(looking, records) == observations(records)
        store.journal.sync()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() != ("wal",)
    assert len(warnings) == 1
    assert "slower" in warnings[0]


def test_opening_reads_no_records(reopen, write_records):
    write_records(300)
    asked = []
    with reopen() as store:
        store.journal._connection.set_trace_callback(asked.append)
        found(store, [make_record(1)])
    assert len(asked) < 10
