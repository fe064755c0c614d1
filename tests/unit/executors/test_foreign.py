"""The sandbox: what a foreign program sees of this machine."""

import sys
from pathlib import Path

import pytest

from runner.executors.foreign import Reach, find_reach, python_folders, sandboxed
from runner.host import process

needs_bubblewrap = pytest.mark.skipif(
    find_reach().files, reason="bubblewrap does not work on this machine"
)


def run(code, **options):
    python = Path(sys.executable)
    readable = [*python_folders(python), *options.pop("readable", [])]
    command = sandboxed([str(python), "-I", "-c", code], readable=readable, **options)
    return process.run(command, timeout_s=60)


@needs_bubblewrap
def test_files_of_this_user_are_not_there(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    own = tmp_path / "own"
    own.mkdir()
    ssh = Path.home() / ".ssh"
    code = (
        "import os, pathlib\n"
        f"print(pathlib.Path({str(secret)!r}).exists(), pathlib.Path({str(ssh)!r}).exists())\n"
        f"pathlib.Path({str(own / 'made')!r}).write_text('yes')\n"
    )
    ended = run(code, writable=[own])
    assert ended.ok, ended.stderr
    assert ended.stdout.split()[0] == "False"
    assert (own / "made").read_text() == "yes"


@needs_bubblewrap
def test_what_may_be_read_may_not_be_written(tmp_path):
    given = tmp_path / "given"
    given.write_text("as it was")
    code = (
        f"import pathlib; given = pathlib.Path({str(tmp_path)!r}) / 'given'\n"
        "print(given.read_text()); given.write_text('changed')"
    )
    ended = run(code, readable=[tmp_path])
    assert ended.stdout == "as it was\n"
    assert "Read-only file system" in ended.stderr
    assert given.read_text() == "as it was"


@needs_bubblewrap
def test_there_is_no_network_and_no_other_process():
    ended = run(
        "import os, socket\n"
        "print([name for _, name in socket.if_nameindex()],\n"
        "      len([name for name in os.listdir('/proc') if name.isdigit()]) < 8)\n"
    )
    assert ended.stdout == "['lo'] True\n", ended.stderr


def test_what_is_still_reached_is_said():
    whole = Reach(files=False, network=False, processes=False)
    assert whole.describe() == "no network, no other processes, no files but its own"
    without = Reach(files=True, network=False, processes=True)
    assert without.describe().startswith("no network; it reaches the files of this user")
