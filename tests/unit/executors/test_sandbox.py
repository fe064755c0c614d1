"""The exchange folder, and bubblewrap's confinement where it is installed."""

import os
import shutil
from pathlib import Path

import pytest

from runner.domain.errors import ProvisionError
from runner.executors.sandbox.bubblewrap import INSIDE, WORK, Bubblewrap, find_fault
from runner.executors.sandbox.interface import Exchange, remove_exchange
from runner.executors.sandbox.places import require_no_home
from runner.host import process

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def exchange(tmp_path):
    made = Exchange.make(tmp_path / "exchange", ROOT)
    yield made
    remove_exchange(made)


def test_files_are_copied_and_links_stay_links(exchange, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir(mode=0o700)
    (folder / "model.pb").write_text("x")
    (folder / "model.pb").chmod(0o600)
    (folder / "secret").symlink_to("/etc/passwd")

    name = exchange.add(folder, "models/saved")

    copied = exchange.root / "files" / name
    assert (copied / "secret").is_symlink()
    assert (copied / "model.pb").stat().st_mode & 0o777 == 0o444
    assert (folder / "model.pb").stat().st_mode & 0o777 == 0o600
    assert (exchange.root / "code/runner/fileprobe/jobs.py").is_file()
    assert not (exchange.root / "code/runner/cli").exists()


def test_a_home_folder_is_never_shown():
    with pytest.raises(ProvisionError, match="must not show"):
        require_no_home("tf2.3", [Path.home().parent])


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_nothing_of_this_machine_is_reached(exchange, tmp_path, monkeypatch):
    fault = find_fault(exchange.root)
    if fault:
        pytest.skip(fault)
    (tmp_path / "secret").write_text("key")
    monkeypatch.setenv("SECRET", "key")
    script = f"""
        ls {tmp_path} ~ /home /etc/passwd 2>/dev/null
        for place in / /dev /usr /etc {INSIDE} {INSIDE}/files; do
            touch $place/written 2>/dev/null && echo "wrote $place"
        done
        touch {WORK}/written || echo "cannot work"
        dd if=/dev/zero of={WORK}/much bs=1M count=20 2>/dev/null && echo "fills the disk"
        cat /proc/net/route 2>/dev/null | tail -n +2
        ls /proc | grep -c '^[0-9]*$'
    """
    command = Bubblewrap.command(10, [], exchange.root)

    said = process.run([*command, "/bin/sh", "-c", script], env={"PATH": os.environ["PATH"]})

    (processes,) = said.stdout.splitlines()
    assert int(processes) < 8
