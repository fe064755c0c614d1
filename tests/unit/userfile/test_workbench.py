"""The records of a probe in a sandbox: what is kept of them, and what is nobody's."""

import json
from types import SimpleNamespace

import pytest

from runner.domain.errors import ProvisionError
from runner.userfile import LoadOrder, Workbench

HEADER = {"type": "header", "schema": "fileprobe/1", "versions": {"keras": "3"}, "import_s": 1.0}
SEEN = {"type": "observation", "id": "a", "status": "done", "facts": {"called": True}}
END = {"type": "end", "id": "a"}
ORDER = LoadOrder(id="a", file="m.h5", format="h5", way="none")


class FakePipe:
    """A probe that says what it is told to, in pieces of seven bytes."""

    def __init__(self, *said):
        self.data = b"".join(
            each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in said
        )
        self.sent = b""
        self.killed = False

    def send(self, data):
        self.sent += data

    def receive(self, timeout_s):
        del timeout_s
        piece, self.data = self.data[:7], self.data[7:]
        return piece

    def poll(self):
        return 3

    def kill(self):
        self.killed = True


def bench(tmp_path, *said):
    environment = SimpleNamespace(environment=SimpleNamespace(id="keras3.15"))
    return Workbench(environment, FakePipe(*said), tmp_path, tmp_path / "probe.log")


def test_a_job_is_ordered_and_its_files_are_kept(tmp_path):
    file = {"type": "file", "id": "a", "name": "deep/report.json", "size": 8}
    found = bench(tmp_path, HEADER, {"type": "start", "id": "a"}, SEEN, file, b'{"a": 1}', END)
    found.greet()

    observed = found.run(ORDER)

    assert json.loads(found.pipe.sent) == {"kind": "file_load", **json.loads(found.pipe.sent)}
    assert observed.done
    assert observed.facts == {"called": True}
    assert (tmp_path / "job-0/deep/report.json").read_text() == '{"a": 1}'


@pytest.mark.parametrize(
    "said",
    [
        [{"type": "file", "id": "a", "name": "../out", "size": 1}, b"x"],
        [{"type": "file", "id": "a", "name": "/etc/x", "size": 1}, b"x"],
        [{"type": "file", "id": "a", "name": "", "size": 1}, b"x"],
        [b"no record\n"],
        [b"[" * 20000 + b"\n"],
        [{"type": "observation", "id": "a", "status": ["done"]}],
        [{"type": "observation", "id": "another", "status": "done"}, END],
        [END],
        [],
    ],
)
def test_whatever_else_it_says_is_our_fault_and_not_the_files(tmp_path, said):
    found = bench(tmp_path / "in", *said)

    observed = found.run(ORDER)

    assert observed.status == "harness_error"
    assert found.pipe.killed
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_last_words_of_a_probe_that_does_not_start_are_told(tmp_path):
    found = bench(tmp_path)
    found.log.write_text("Traceback\nImportError: libfoo.so is missing\n")

    with pytest.raises(ProvisionError, match=r"libfoo\.so is missing"):
        found.greet()
