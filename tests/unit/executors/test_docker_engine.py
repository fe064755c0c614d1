"""What the docker SDK really raises, without an engine: sockets that are missing, closed, mute."""

from __future__ import annotations

import json
import os
import re
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, BuildError, ContainerError

from runner.domain.errors import NoEnvironmentError
from runner.executors.docker import engine

NOBODY = 65534


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def _listening(path: Path, message: str | None = None, status: int = 500) -> Iterator[Path]:
    """Give a socket that answers every request with an engine's error; or with nothing at all."""
    mute = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if message is None:
                mute.wait(10)
                return
            content = json.dumps({"message": message}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def address_string(self) -> str:
            return "socket"

        def log_message(self, *arguments: object) -> None:
            pass

    with _Unix(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield path
        finally:
            mute.set()
            server.shutdown()


@pytest.fixture
def socket_path(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    return path


def _refused() -> NoEnvironmentError:
    with pytest.raises(NoEnvironmentError) as caught:
        engine.connect()
    assert caught.value.exit_code == 5
    assert str(caught.value).startswith("no container engine answers: ")
    assert len(str(caught.value).splitlines()) == 3
    return caught.value


def test_no_socket_at_all(socket_path):
    error = _refused()
    assert error.cause.startswith("none is installed, or it is not running")
    assert "systemctl start docker" in error.next_step


def test_a_socket_nobody_listens_on(socket_path):
    with _listening(socket_path, "gone"):
        pass
    assert "Connection refused" in str(_refused())
    assert "systemctl start docker" in _refused().next_step


def test_a_socket_of_others(socket_path):
    with _listening(socket_path, "never said"):
        socket_path.chmod(0)
        # Root may use any socket: for a moment this is somebody else.
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            error = _refused()
        finally:
            os.seteuid(user)
    assert error.cause == "this user may not use the engine's socket"
    assert "usermod -aG docker" in error.next_step


def test_an_engine_that_says_nothing(socket_path, monkeypatch):
    monkeypatch.setattr(engine, "ANSWER_S", 0.3)
    with _listening(socket_path):
        error = _refused()
    assert error.cause == "the engine is overloaded or hangs"


def test_a_mistyped_host(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:/missing:slash")
    assert _refused().next_step


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("write /var/lib/docker/tmp/x: no space left on device", "the engine's disk is full"),
        ("manifest for python:2.6-slim not found: manifest unknown", "the base image does not"),
        ("pull access denied for x, repository does not exist", "the base image does not exist"),
        ("Get https://h/v2/: x509: certificate signed by unknown authority", "has a certificate"),
        ("Get https://h/v2/: dial tcp: lookup h: no such host", "cannot be reached"),
        ("something nobody has seen yet", "see the message"),
    ],
)
def test_an_engine_that_refuses(socket_path, said, cause):
    with _listening(socket_path, said):
        client = docker.DockerClient(f"unix://{socket_path}", version="1.41")
        with pytest.raises(APIError) as caught:
            client.images.get("python:3.11-slim")
        client.close()
    error = engine.explain_image_failure("tf2.15", "its base image could not be had", caught.value)
    assert error.exit_code == 4
    assert error.message == f"tf2.15: its base image could not be had: {said}"
    assert cause in error.cause
    assert error.next_step
    whole = engine.explain_engine_error("list containers", caught.value)
    assert whole.exit_code == 5
    assert said in whole.message
    # No environment is concerned: nothing in braces was left for its name.
    assert not re.search(r"[{}]", whole.next_step)
    assert not re.search(r"[{}]", error.next_step.replace("{python}", ""))


def test_a_build_says_its_last_errors_without_colours():
    log = [{"stream": "Step 1/9\n"}, {"stream": "\x1b[91mERROR: No matching distribution for x"}]
    error = BuildError("The command '/bin/sh -c pip' returned a non-zero code: 1", log)
    told = engine.explain_image_failure("tf2.15", "its image could not be built", error)
    assert "ERROR: No matching distribution for x | The command" in told.message
    assert "\x1b" not in told.message
    assert "Step 1" not in told.message
    assert "PIP_EXTRA_INDEX_URL" in told.next_step


def test_digests_that_differ_are_understood_without_their_headline():
    """The engine may lose a line of what a step prints."""
    digests = [f"Expected sha256 {'0' * 64}", f"Expected     or {'0' * 64}", f"Got {'a' * 64}"]
    log = [{"stream": f"\x1b[91m             {line}\n\x1b[0m"} for line in digests]
    error = BuildError("The command '/bin/sh -c pip' returned a non-zero code: 1", log)
    told = engine.explain_image_failure("tf2.15", "its image could not be built", error)
    assert told.cause == "a download is not the file that was locked"


def test_a_container_that_fails_says_its_last_line():
    error = ContainerError(None, 1, ["python"], "image", b"Traceback\nImportError: libfoo.so.1")
    told = engine.explain_image_failure("tf2.15", "its image could not be started", error)
    assert told.message.endswith("could not be started: exit code 1: ImportError: libfoo.so.1")


def test_work_is_left_alone_once_it_is_not_wanted():
    stopped, release = threading.Event(), threading.Event()
    threading.Timer(0.1, stopped.set).start()
    with pytest.raises(CancelledError):
        engine.while_wanted(stopped, release.wait)
    release.set()
    assert engine.while_wanted(threading.Event(), lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        engine.while_wanted(threading.Event(), lambda: 1 / 0)


def test_a_store_has_one_name():
    assert engine.store_key(Path("/a/store")) == engine.store_key(Path("/a/store"))
    assert engine.store_key(Path("/a/store")) != engine.store_key(Path("/b/store"))
