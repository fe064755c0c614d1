from __future__ import annotations

import os
import sys

import pytest
from inspect_samples import DATA

from runner.domain.errors import NotReadable, SelectionError
from runner.host import process
from runner.inspect import confined, describe, describe_here


def test_the_child_says_what_this_process_would_say():
    for name in ("tf2.15_compiled.keras", "tf2.3_saved_model"):
        assert describe(DATA / name) == describe_here(DATA / name)


def test_errors_of_the_child_arrive_as_they_are(tmp_path):
    with pytest.raises(SelectionError, match="no such file"):
        describe(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotReadable, match="named pipe"):
        describe(tmp_path / "pipe")


def test_a_name_that_is_no_text_is_described(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.h5")
    path.write_bytes(b"")
    assert describe(path).title == "empty file"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
        ("raise SystemError('broken')", "SystemError: broken"),
        ("print('{')", "cannot be read"),
        ("import time; time.sleep(60)", "took too long"),
    ],
)
def test_a_child_that_fails_is_one_error(tmp_path, monkeypatch, body, said):
    child = tmp_path / "child.py"
    child.write_text(body, encoding="utf-8")
    monkeypatch.setattr(confined, "CHILD", child)
    monkeypatch.setattr(confined, "TIMEOUT_S", 2.0)
    with pytest.raises(NotReadable, match=said):
        describe(DATA / "tf2.15_compiled.keras")


@pytest.mark.skipif(sys.platform != "linux", reason="limits are tried on Linux")
@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ("b'x' * (2 * 2**30)", "MemoryError"),
        ("open('written', 'w').write('x' * 10**6)", "OSError"),
        (
            "import socket; socket.create_connection(('127.0.0.1', PORT), 2)",
            "OSError|ConnectionRefused|Network",
        ),
    ],
)
def test_the_child_cannot_do_what_reading_does_not_need(tmp_path, body, allowed):
    import re
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        program = (
            f"import sys; sys.path.insert(0, {str(confined.ROOT)!r})\n"
            "from runner.inspect import child\nimport socket\nchild.confine()\n"
            f"{body.replace('PORT', str(server.getsockname()[1]))}\n"
        )
        done = process.run([sys.executable, "-I", "-c", program], cwd=tmp_path, timeout_s=30)
    if done.ok and "socket" in body:
        pytest.skip("this kernel gives no network of its own")
    assert not done.ok
    assert re.search(allowed, done.stderr) or done.returncode < 0
