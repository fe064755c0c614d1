"""Files that are replaced whole or not at all, and a disk without room."""

from __future__ import annotations

import errno
import os

import pytest

from runner.domain.errors import StoreError
from runner.store import atomic_write_bytes, atomic_write_text, emptied


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


def test_what_can_be_made_again_is_written_only_where_it_changed(tmp_path):
    path = tmp_path / "site" / "index.html"
    atomic_write_bytes(path, b"one", durable=False)
    os.utime(path, (1, 1))
    atomic_write_bytes(path, b"one", durable=False)
    assert path.stat().st_mtime == 1
    atomic_write_bytes(path, b"two", durable=False)
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["index.html"]


def test_a_folder_is_emptied_and_stays_what_it_is(tmp_path):
    """A store's folder of batches may be a link to memory."""
    memory, elsewhere, link = (tmp_path / name for name in ("memory", "elsewhere", "link"))
    (memory / "batch-1" / "home").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (memory / "file").touch()
    (memory / "out").symlink_to(elsewhere)
    link.symlink_to(memory)
    assert emptied(link) == link
    assert link.is_symlink()
    assert list(memory.iterdir()) == []
    assert (elsewhere / "kept").exists()
    assert list(emptied(tmp_path / "new" / "batches").iterdir()) == []
