"""A store on disks that cannot be written, and what killed runs leave in it."""

from __future__ import annotations

import errno
import os

import pytest
from store_records import PLACE, append_all, found, make_record, observations, write_artifact

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
        folder, facts = write_artifact(store)
        leftover = folder.with_name(".tmp-h5-1234")
        (leftover / "payload").mkdir(parents=True)
    with reopen() as store:
        assert not leftover.exists()
        assert store.manifest(*PLACE, facts).sha256 == facts["sha256"]
        assert store.artifact_dir(*PLACE) == folder


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
