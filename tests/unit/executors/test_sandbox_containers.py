"""The stream of a container's engine: pieces of two outputs over one socket."""

import socket
from types import SimpleNamespace

import pytest

from runner.executors.sandbox.containers import HEAD, ContainerPipe


@pytest.fixture
def pipe(tmp_path):
    here, engine = socket.socketpair()
    container = SimpleNamespace(removed=0)
    yield ContainerPipe(container, here, tmp_path / "log"), engine
    here.close()
    engine.close()


def piece(which, data):
    return HEAD.pack(which, len(data)) + data


def test_outputs_are_taken_apart_and_errors_go_to_the_log(pipe):
    found, engine = pipe
    engine.sendall(piece(1, b"one ") + piece(2, b"wrong") + piece(1, b"two"))
    assert found.receive(1.0) == b"one two"
    assert found.log.read_bytes() == b"wrong"
    assert found.receive(0.0) is None


def test_a_piece_may_come_in_parts(pipe):
    found, engine = pipe
    whole = piece(1, b"abc")
    for part in (whole[:5], whole[5:9]):
        engine.sendall(part)
        assert found.receive(1.0) is None
    engine.sendall(whole[9:])
    assert found.receive(1.0) == b"abc"


def test_the_end_is_empty_and_what_came_before_it_is_not_lost(pipe):
    found, engine = pipe
    engine.sendall(piece(1, b"last"))
    engine.close()
    assert found.receive(1.0) == b"last"
    assert found.receive(1.0) == b""
    assert found.receive(1.0) == b""


def test_what_is_sent_goes_to_its_input_as_it_is(pipe):
    found, engine = pipe
    found.send(b"{}\n")
    assert engine.recv(10) == b"{}\n"
