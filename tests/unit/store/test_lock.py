"""One run at a time in a store."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runner.domain.errors import BusyError


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
