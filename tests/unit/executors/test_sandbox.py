"""The exchange folder, and bubblewrap's confinement where it is installed."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runner.domain.errors import NoSandbox, ProvisionError
from runner.domain.request import Request
from runner.executors.sandbox import bubblewrap, landlock, open_sandbox, restrict
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


@pytest.fixture
def by_landlock(exchange, tmp_path):
    found = landlock.find_sandbox(tmp_path / "store", exchange.root)
    if isinstance(found, str):
        pytest.skip(found)
    yield found
    found.close()


@pytest.mark.parametrize("namespaces", [True, False])
def test_landlock_leaves_a_job_its_own_files_alone(exchange, tmp_path, by_landlock, namespaces):
    if namespaces and not by_landlock.namespaces:
        pytest.skip("the kernel gives this user no namespaces")
    sandbox = landlock.Landlock(store=tmp_path, folder=by_landlock.folder, namespaces=namespaces)
    secret = tmp_path / "secret"
    secret.write_text("key")
    work = by_landlock.folder / "work-test"
    work.mkdir()
    outside = os.getpid()
    script = f"""
        cat {secret} /etc/passwd /proc/{outside}/environ 2>/dev/null
        ls {tmp_path} ~ / /home 2>/dev/null
        for place in / /dev /usr /etc /tmp {tmp_path} {exchange.root} {exchange.root}/files; do
            touch $place/written 2>/dev/null && echo "wrote $place"
        done
        kill -0 {outside} 2>/dev/null && echo "signals {outside}"
        cat {exchange.root}/code/runner/__init__.py > /dev/null || echo "cannot read"
        echo x > {work}/written || echo "cannot work"
        echo x > /dev/null || echo "no null device"
        exec {work}/written 2>/dev/null
    """
    command = sandbox.command([], exchange.root, work, ["/bin/sh", "-c", script])

    said = process.run(command, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})

    assert said.stdout == ""
    assert (work / "written").read_text() == "x\n"
    shutil.rmtree(work)


def test_landlock_takes_every_socket(exchange, by_landlock):
    script = """
import socket, os
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind)
            print("made", family, kind)
        except PermissionError:
            pass
first, second = socket.socketpair()
first.send(b"x")
print(second.recv(1), os.getpid() > 0)
"""
    work = by_landlock.folder / "work-test"
    work.mkdir()
    python = [Path(os.path.realpath(place)) for place in (sys.prefix, sys.base_prefix)]
    arguments = [os.path.realpath(sys.executable), "-I", "-c", script]
    command = by_landlock.command(python, exchange.root, work, arguments)

    said = process.run(command, env={"PATH": os.environ["PATH"]})

    assert said.stdout == "b'x' True\n", said.stderr
    work.rmdir()


def test_landlock_reaches_no_listener_even_by_a_socket_that_was_there_before(exchange, by_landlock):
    """In this machine's own network: no namespace stands in the way."""
    script = """
import ctypes, errno, socket, sys

port, given = int(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
def attempt(name, function):
    try:
        function()
        print(name, "reached")
    except OSError as error:
        print(name, errno.errorcode[error.errno])
attempt("new", lambda: socket.create_connection(("127.0.0.1", port), 5))
attempt("datagram", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)))
attempt("inherited", lambda: given.connect(("127.0.0.1", port)))
attempt("own listener", lambda: given.bind(("127.0.0.1", 0)))
libc = ctypes.CDLL(None, use_errno=True)
print("io_uring", libc.syscall(425, 1, ctypes.create_string_buffer(120)), ctypes.get_errno())
"""
    places = [str(Path(os.path.realpath(place))) for place in (sys.prefix, sys.base_prefix)]
    told = {
        "read": [*bubblewrap.SYSTEM, *bubblewrap.SETTINGS, *places, str(exchange.root)],
        "write": [],
        "secret": str(by_landlock.folder / landlock.CLOSED),
        "folder": str(exchange.root / "code"),
    }
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as before:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        words = [sys.executable, "-I", "-S", restrict.__file__, json.dumps(told)]
        words += [sys.executable, "-I", "-c", script, str(port), str(before.fileno())]
        said = subprocess.run(
            words, pass_fds=[before.fileno()], capture_output=True, text=True, timeout=60
        )
        with pytest.raises(TimeoutError):
            listener.accept()
    assert said.stdout.splitlines() == [
        "new EPERM",
        "datagram EPERM",
        "inherited EACCES",
        "own listener EACCES",
        f"io_uring -1 {errno.EPERM}",
    ], said.stderr


def test_a_confinement_that_does_not_hold_starts_nothing(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("key")
    with pytest.raises(restrict.NotConfined, match="can still be read"):
        restrict.try_out(str(secret))


def test_the_first_way_that_holds_is_taken(tmp_path, monkeypatch):
    request = Request(root=ROOT, store=tmp_path / "store", out=tmp_path / "out")
    monkeypatch.setattr(bubblewrap, "find_fault", lambda _: "it is not installed")
    monkeypatch.setattr(landlock, "find_sandbox", lambda *_: "this kernel has no Landlock")
    with (
        pytest.raises(NoSandbox, match="not installed; Landlock: this kernel has no") as refused,
        open_sandbox(request),
    ):
        pass
    assert "bubblewrap" in refused.value.next_step
    monkeypatch.setattr(bubblewrap, "find_fault", lambda _: "")
    with open_sandbox(request) as (sandbox, made):
        assert sandbox.name == "bubblewrap"
        place = made.root
    assert not place.exists()


def test_landlock_stands_in_where_bubblewrap_is_missing(tmp_path, by_landlock, monkeypatch):
    request = Request(root=ROOT, store=tmp_path / "store", out=tmp_path / "out")
    monkeypatch.setattr(bubblewrap, "find_fault", lambda _: "it is not installed")
    with open_sandbox(request) as (sandbox, made):
        assert sandbox.name == "landlock"
        assert "no network" in sandbox.words
        place = made.root.parent
    assert not place.exists()
