"""A store on disks that cannot be written, and what killed runs leave in it."""

from __future__ import annotations

import errno
import json
import os

import pytest
from store_records import append_all, found, make_record, observations

from runner.domain import Format
from runner.domain.errors import StoreError


def test_reading_a_store_that_does_not_exist_makes_nothing(reopen, tmp_path):
    with reopen(read_only=True) as store:
        assert found(store, [make_record()]) == {}
        store.journal.sync()
    assert not (tmp_path / "store").exists()


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


def test_files_of_an_older_version_are_left_alone_and_mentioned_once(reopen, tmp_path, warnings):
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "journal.jsonl").write_text('{"schema":"journal/1"}\n', encoding="utf-8")
    with reopen() as store:
        append_all(store, [make_record()])
    with reopen() as store:
        assert found(store, [make_record()]) == observations([make_record()])
    assert len(warnings) == 1
    assert "journal.jsonl are of an older version" in warnings[0]
    assert (folder / "journal.jsonl").exists()
