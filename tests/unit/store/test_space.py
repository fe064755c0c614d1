"""A full disk stops a run: it is never taken for models that cannot be saved."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from runner.domain.errors import StoreError
from runner.store import RESERVE_MB, START_MB, require_space, require_space_for

ENOSPC = "OSError: [Errno 28] No space left on device: 'model.h5'"
HDF5 = "Unable to flush file (file write failed: time = now, errno = 28, error message = 'x')"


@pytest.fixture
def free(monkeypatch):
    """Say how many MB are free."""

    def say(megabytes):
        found = SimpleNamespace(f_bavail=megabytes * 1000, f_frsize=1000)
        monkeypatch.setattr(os, "statvfs", lambda _folder: found)

    return say


def test_a_run_begins_and_goes_on_where_there_is_room(tmp_path, free):
    free(START_MB)
    require_space(tmp_path, START_MB)
    require_space_for(tmp_path, [ENOSPC])  # some other disk: a result like any other


@pytest.mark.parametrize("needed", [START_MB, RESERVE_MB])
def test_too_little_room_is_one_clear_error(tmp_path, free, needed):
    free(needed - 1)
    with pytest.raises(StoreError, match=f"the disk is full: {needed - 1} MB are left") as caught:
        require_space(tmp_path, needed)
    assert str(tmp_path) in caught.value.message
    assert "goes on where it was" in caught.value.next_step


@pytest.mark.parametrize("said", [ENOSPC, HDF5])
def test_a_job_that_found_the_disk_full_stops_the_run(tmp_path, free, said):
    free(RESERVE_MB + 1)
    with pytest.raises(StoreError, match="a job failed with"):
        require_space_for(tmp_path, ["", f"Traceback\n{said}"])
    require_space_for(tmp_path, ["", "ValueError: Unknown layer: space left"])


def test_a_quota_shows_in_what_a_job_says_alone(tmp_path, free):
    free(10**6)
    with pytest.raises(StoreError, match="Disk quota exceeded"):
        require_space_for(tmp_path, ["OSError: [Errno 122] Disk quota exceeded"])


def test_a_folder_that_is_gone_is_a_store_error(tmp_path):
    with pytest.raises(StoreError, match="gone"):
        require_space(tmp_path / "gone", START_MB)
