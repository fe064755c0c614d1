"""The children of the host: what they see, how they end, that nothing stays behind."""

import sys
import time
from datetime import date
from pathlib import Path

import pytest

from runner.domain import Backend, Environment, Family, Format
from runner.host import process

KERAS = Environment(
    id="keras3.15-jax",
    family=Family.KERAS3,
    backend=Backend.JAX,
    python="3.13",
    requirements=("keras==3.15.1",),
    released=date(2026, 7, 29),
    formats=frozenset({Format.KERAS}),
    order=0,
    env={"KERAS_BACKEND": "jax"},
)


def run_python(code, **options):
    return process.run([sys.executable, "-c", code], **options)


def is_alive(pid):
    # A killed child whose parent is gone may stay a zombie until init reaps it.
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_dead(pid, timeout_s=5.0):
    deadline = time.monotonic() + timeout_s
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_run_captures_both_streams_and_the_exit_code():
    ended = run_python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (ended.stdout, ended.stderr, ended.returncode) == ("out\n", "err\n", 3)
    assert not ended.ok
    assert ended.duration_s > 0


def test_bytes_that_are_no_text_do_not_end_the_run():
    ended = run_python("import sys; sys.stdout.buffer.write(b'a\\xffb')")
    assert ended.stdout == "a\ufffdb"


def test_missing_program_is_a_value():
    ended = process.run(["/no/such/program"])
    assert ended.returncode == process.NOT_FOUND
    assert "No such file" in ended.stderr


def test_a_file_that_may_not_be_executed_is_a_value(tmp_path):
    (tmp_path / "plain").write_text("text")
    assert process.run([str(tmp_path / "plain")]).returncode == process.NOT_FOUND


def test_time_out_ends_grandchildren_as_well():
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    ended = run_python(code, timeout_s=1.5)
    assert ended.timed_out
    assert not ended.ok
    assert ended.duration_s < 10
    assert wait_until_dead(int(ended.stdout))


def test_signal_is_a_negative_return_code():
    assert run_python("import os; os.kill(os.getpid(), 11)").returncode == -11


def test_children_do_not_see_the_users_environment(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("HTTPS_PROXY", "proxy")
    monkeypatch.setenv("UV_CACHE_DIR", "/cache")
    seen = process.base_environment()
    hidden = {"KERAS_BACKEND", "PYTHONPATH", "SECRET_TOKEN", "HTTPS_PROXY", "UV_CACHE_DIR"}
    assert not hidden & set(seen)
    installer = process.base_environment(network=True)
    assert installer["HTTPS_PROXY"] == "proxy"
    assert installer["UV_CACHE_DIR"] == "/cache"
    assert "SECRET_TOKEN" not in installer


def test_default_environment_of_a_child_is_the_small_one(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    assert run_python("import os; print('SECRET_TOKEN' in os.environ)").stdout == "False\n"


def test_framework_environment_has_its_own_home_and_backend(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/somebody")
    seen = process.framework_environment(KERAS, tmp_path)
    assert seen["HOME"] == str(tmp_path)
    assert seen["KERAS_HOME"].startswith(str(tmp_path))
    assert seen["KERAS_BACKEND"] == "jax"
    assert seen["CUDA_VISIBLE_DEVICES"] == "-1"


def test_started_child_is_killed_with_its_group():
    child = process.start([sys.executable, "-c", "import time; time.sleep(60)"])
    assert child.poll() is None
    process.kill_group(child)
    assert child.returncode == -9
    process.kill_group(child)  # again does nothing


def test_interrupt_leaves_no_child(monkeypatch):
    started = []
    real_start = process.start

    def start_and_interrupt(*args, **options):
        child = real_start(*args, **options)
        started.append(child)

        def interrupted(**_):
            raise KeyboardInterrupt

        child.communicate = interrupted
        return child

    monkeypatch.setattr(process, "start", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_python("import time; time.sleep(60)")
    assert started[0].returncode == -9
