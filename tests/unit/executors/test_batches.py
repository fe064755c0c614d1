"""Batches of jobs through probes that work, die, hang, stammer and never say anything."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest
from fake_probe import ENVIRONMENT, PROVISIONED, Bench
from msgspec import structs

from runner.contract import Job
from runner.domain import Observation
from runner.domain.errors import ConfigurationError
from runner.executors import batches
from runner.executors.batches import ProbeCrew
from runner.executors.local.processes import LocalExecutor, _LocalProbe
from runner.host import process

PROBE = """
import json, os, signal, sys, time
folder = sys.argv[1]
batch = json.load(open(os.path.join(folder, "batch.json")))
out = open(os.path.join(folder, "observations.jsonl"), "a")
attempt = int(sys.argv[2])
ids = [job["id"] for job in batch["jobs"]]

def write(record, end="\\n"):
    out.write(json.dumps(record) + end)
    out.flush()

def header(schema="observations/1"):
    write({"type": "header", "schema": schema, "import_s": 0.5})

def start(name):
    write({"type": "start", "id": name})

def done(name):
    write({"type": "observation", "id": name, "kind": "save", "status": "done", "attempt": attempt})

def die(number=signal.SIGKILL):
    os.kill(os.getpid(), number)

def all_of(names):
    for name in names:
        start(name)
        done(name)
    write({"type": "footer", "jobs": len(names)})
"""


@dataclass
class ScriptExecutor:
    """Starts a real process that speaks the protocol, each time with the next attempt's number."""

    script: str
    isolation: str = "none"
    started: list[process.subprocess.Popen] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def start(self, folder, environment):
        with self.guard:
            attempt = len(self.started)
            path = folder / "probe.py"
            path.write_text(PROBE + textwrap.dedent(self.script), encoding="utf-8")
            with (folder / "probe.log").open("ab") as log:
                child = process.start(
                    [sys.executable, "-I", str(path), str(folder), str(attempt)],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self.started.append(child)
        return _LocalProbe(child)


def is_probe(child):
    try:
        return "runner.probe" in child.cmdline()
    except psutil.Error:  # it has just ended
        return False


def job(name, timeout_s=5.0):
    payload = {"id": name, "kind": "save", "timeout_s": timeout_s, "chain": "", "isolated": False}
    return Job(id=name, kind="save", inputs="inputs", payload=payload)


@dataclass
class Notes:
    """Keeps what a crew records."""

    seen: dict[str, Observation] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def __call__(self, job, observation):
        assert job.id not in self.seen, "recorded twice"
        self.order.append(job.id)
        self.seen[job.id] = observation

    @property
    def statuses(self):
        return {name: each.status for name, each in self.seen.items()}


def run(script, names="abcd", **options):
    executor, notes = ScriptExecutor(script), Notes()
    crew = ProbeCrew(executor=executor, workers=2, **options)
    crew.run({"fake": [job(name) for name in names]}, {"fake": PROVISIONED}, notes)
    return notes, executor


def test_every_job_gets_its_observation():
    notes, executor = run("header(); all_of(ids)")
    assert notes.statuses == dict.fromkeys("abcd", "done")
    assert notes.order == list("abcd")
    assert len(executor.started) == 1
    assert set(notes.seen["a"].data) == {"status", "attempt", "isolation"}


def test_a_probe_that_dies_loses_the_job_in_flight_and_the_rest_goes_to_a_fresh_one():
    notes, executor = run(
        """
        header()
        if attempt == 0:
            all_of(ids[:1])
            start(ids[1])
            die()
        all_of(ids)
        """
    )
    assert notes.statuses == {"a": "done", "b": "harness_error", "c": "done", "d": "done"}
    assert "killed by SIGKILL" in notes.seen["b"].message
    assert notes.seen["a"].data["attempt"] == 0
    assert notes.seen["c"].data["attempt"] == 1
    assert len(executor.started) == 2


def test_a_probe_that_dies_between_jobs_loses_none():
    notes, executor = run("header(); all_of(ids[:2]); die()")
    assert notes.statuses == dict.fromkeys("abcd", "done")
    assert len(executor.started) == 2


def test_a_probe_that_dies_in_every_job_ends():
    notes, executor = run("header(); start(ids[0]); die(signal.SIGSEGV)")
    assert notes.statuses == dict.fromkeys("abcd", "harness_error")
    assert "SIGSEGV" in notes.seen["d"].message
    assert len(executor.started) == 4


@pytest.mark.parametrize("script", ["sys.exit('no framework here')", "header(); sys.exit(1)", ""])
def test_a_probe_that_never_produces_anything_is_given_up(script):
    notes, executor = run(script)
    assert notes.statuses == dict.fromkeys("abcd", "harness_error")
    assert len(executor.started) == batches.FRUITLESS_PROBES
    if "framework" in script:
        assert "exit code 1, last words: no framework here" in notes.seen["a"].message


def test_a_line_cut_short_is_no_observation():
    notes, executor = run(
        """
        header()
        if attempt == 0:
            start(ids[0]); done(ids[0]); start(ids[1])
            write({"type": "observation", "id": ids[1], "status": "done"}, end="")
            die()
        all_of(ids)
        """
    )
    assert notes.statuses == {"a": "done", "b": "harness_error", "c": "done", "d": "done"}
    assert len(executor.started) == 2


def test_a_line_written_in_pieces_is_read_whole():
    notes, executor = run(
        """
        header()
        start(ids[0])
        text = json.dumps({"type": "observation", "id": "a", "status": "done", "message": "ü" * 9},
                          ensure_ascii=False) + chr(10)
        for byte in text.encode("utf-8"):
            out.buffer.write(bytes([byte])); out.buffer.flush(); time.sleep(0.005)
        all_of(ids[1:])
        """
    )
    assert notes.seen["a"].message == "ü" * 9
    assert len(executor.started) == 1


def test_observations_of_unknown_or_repeated_jobs_are_ignored():
    notes, _ = run("header(); done('stranger'); done(ids[0]); all_of(ids)")
    assert notes.statuses == dict.fromkeys("abcd", "done")


def test_a_line_that_is_no_record_is_ignored_and_counted():
    notes, _ = run(
        r"""
        header()
        start(ids[0]); done(ids[0])
        for piece in [b"\xff\xfe", b"null", b"[]", b'{"type": "observation"}', b"{" * 100000,
                      b'{"type": "observation", "id": "b", "status": "done"}',
                      b'{"type": "observation", "id": "c", "status": "raised"}',
                      b'{"type": "start", "id": {"a": 1}}', b"1" * 9999, b"x" * 2**24]:
            out.buffer.write(piece + b"\n"); out.buffer.flush()
        start(ids[1])
        out.buffer.write(b"half a line"); out.buffer.flush()
        if attempt == 0:
            die()
        out.write(chr(10))
        all_of(ids)
        """
    )
    assert notes.statuses == {"a": "done", "b": "harness_error", "c": "done", "d": "done"}
    assert "killed by SIGKILL; 10 lines it wrote were ignored" in notes.seen["b"].message


ODD = [
    *("null", "[]", "3", '{"status": null}', '{"status": "wonderful"}', '{"status": ["done"]}'),
    *('{"stage": 3}', '{"message": []}', '{"aspects": [1]}', '{"duration_s": -1}', "{}"),
    *('{"duration_s": NaN}', '{"warnings": "x"}', '{"facts": 1}', '{"position": "first"}'),
]


def test_an_observation_of_another_shape_is_a_harness_error_of_its_job():
    script = f"""
        header()
        odd = {ODD!r}
        for name, text in zip(ids, odd):
            start(name)
            base = {{"type": "observation", "id": name, "status": "raised"}}
            found = json.loads(text)
            found = {{**base, **found}} if isinstance(found, dict) else found
            if found == base:
                del found["status"]
            write(found)
            write({{"type": "observation", "id": name}})
        all_of(ids[len(odd):])
        """
    notes, executor = run(script, names="abcdefghijklmnopq")
    assert notes.statuses == {
        **dict.fromkeys("abcdefghijklmno", "harness_error"),
        **dict.fromkeys("pq", "done"),
    }
    assert len(executor.started) == 1


def test_a_probe_of_another_version_is_refused():
    with pytest.raises(ConfigurationError, match="observations/9"):
        run("header('observations/9'); all_of(ids)")


def test_a_silent_probe_is_killed(monkeypatch):
    monkeypatch.setattr(batches, "SILENCE_S", 0.0)
    begun = time.monotonic()
    executor, notes = ScriptExecutor("header(); start(ids[0]); time.sleep(60)"), Notes()
    crew = ProbeCrew(executor=executor, workers=1)
    crew.run({"fake": [job("a", timeout_s=0.5)]}, {"fake": PROVISIONED}, notes)
    assert notes.statuses == {"a": "harness_error"}
    assert time.monotonic() - begun < 10
    assert executor.started[0].poll() == -15


def test_stopping_ends_every_probe_and_keeps_what_was_recorded():
    executor, notes = ScriptExecutor("header(); all_of(ids[:1]); time.sleep(60)"), Notes()
    crew = ProbeCrew(executor=executor, workers=2)
    batches = {"fake": [job("a"), job("b")], "other": [job("c"), job("d")]}
    other = replace(PROVISIONED, environment=structs.replace(ENVIRONMENT, id="other"))
    running = threading.Thread(
        target=crew.run, args=(batches, {"fake": PROVISIONED, "other": other}, notes)
    )
    running.start()
    deadline = time.monotonic() + 20
    while len(notes.seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    crew.stopped.set()
    running.join(timeout=10)
    assert not running.is_alive()
    assert notes.statuses == {"a": "done", "c": "done"}
    assert [child.poll() for child in executor.started] == [-15, -15]


def test_a_failure_of_ours_ends_the_other_batches(tmp_path):
    executor = ScriptExecutor("header(); all_of(ids[:1]); time.sleep(60)")

    def record(job, observation):
        raise OSError("the disk is full")

    crew = ProbeCrew(executor=executor, workers=2)
    begun = time.monotonic()
    with pytest.raises(OSError, match="the disk is full"):
        crew.run({"fake": [job("a"), job("b")]}, {"fake": PROVISIONED}, record)
    assert time.monotonic() - begun < 20
    assert [child.poll() for child in executor.started] == [-15]


def test_batches_end_one_by_one_the_longest_begins_first():
    executor, notes, finished = ScriptExecutor("header(); all_of(ids)"), Notes(), []
    crew = ProbeCrew(executor=executor, workers=1)
    environments = {
        name: replace(PROVISIONED, environment=structs.replace(ENVIRONMENT, id=name))
        for name in "xyz"
    }
    batches = {"x": [job("a")], "y": [job("b"), job("c")], "z": []}
    crew.run(batches, environments, notes, finished.append)
    assert notes.order == ["b", "c", "a"]
    assert finished == ["y", "x"]


def test_no_folder_stays_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(batches.tempfile, "tempdir", str(tmp_path))
    run("header(); all_of(ids[:1]); die()", names="ab")
    assert list(tmp_path.iterdir()) == []


class TestLocalExecutor:
    """The real probe in front of a Keras of numpy alone."""

    @pytest.fixture
    def bench(self, tmp_path):
        return Bench(tmp_path)

    def crew(self, bench, tmp_path):
        executor = LocalExecutor(bench.root)
        return ProbeCrew(executor=executor, workers=1, start_method="fork")

    def test_saves_and_loads(self, bench, tmp_path):
        crew, notes = self.crew(bench, tmp_path), Notes()
        crew.run({"fake": [bench.save(""), bench.save("segfault")]}, {"fake": PROVISIONED}, notes)
        crew.run({"fake": [bench.load(""), bench.load("segfault")]}, {"fake": PROVISIONED}, notes)
        assert list(notes.statuses.values()) == ["done", "done", "done", "crashed"]

    def test_a_stray_variable_of_the_user_does_not_reach_the_probe(
        self, bench, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("PYTHONPATH", "/nowhere")
        monkeypatch.setenv("KERAS_BACKEND", "nonsense")
        (bench.root / "keras.py").write_text(
            (bench.root / "keras.py").read_text(encoding="utf-8")
            + "\nassert 'PYTHONPATH' not in os.environ and 'KERAS_BACKEND' not in os.environ\n",
            encoding="utf-8",
        )
        notes = Notes()
        self.crew(bench, tmp_path).run({"fake": [bench.save("")]}, {"fake": PROVISIONED}, notes)
        assert list(notes.statuses.values()) == ["done"]

    @pytest.mark.parametrize("harm", ["hide", "hide_and_kill", "hide_and_hang"])
    def test_nothing_is_left_of_a_job_that_hides(self, bench, tmp_path, harm):
        bench.save_all(harm, "")
        notes = Notes()
        crew = self.crew(bench, tmp_path)
        crew.scratch = tmp_path / "batches"
        jobs = [bench.load("", 1), bench.load(harm), bench.load("", 2)]
        crew.run({"fake": jobs}, {"fake": PROVISIONED}, notes)
        wanted = {"hide": "done", "hide_and_kill": "harness_error", "hide_and_hang": "timed_out"}
        assert list(notes.statuses.values()) == ["done", wanted[harm], "done"]
        left = []
        for each in psutil.process_iter():
            try:
                if str(tmp_path) in each.environ().get("KERAS_MATRIX_BATCH", ""):
                    left.append(each)
            except psutil.Error:
                continue
        assert left == []
        assert list((tmp_path / "batches").iterdir()) == []

    def test_a_job_that_removes_every_folder_costs_itself_at_most(self, bench, tmp_path):
        bench.save_all("ruin", "forge", "")
        notes = Notes()
        crew = self.crew(bench, tmp_path)
        crew.scratch = tmp_path / "batches"
        jobs = [bench.load("", 1), bench.load("ruin"), bench.load("forge"), bench.load("", 2)]
        crew.run({"fake": jobs}, {"fake": PROVISIONED}, notes)
        found = list(notes.statuses.values())
        assert (found[0], found[3]) == ("done", "done"), notes.seen
        assert found[2] == "harness_error"

    def test_killing_a_probe_ends_its_children(self, bench, tmp_path):
        bench.save_all("hang")
        crew, notes = self.crew(bench, tmp_path), Notes()
        batches = {"fake": [bench.load("hang", timeout_s=60.0)]}
        running = threading.Thread(target=crew.run, args=(batches, {"fake": PROVISIONED}, notes))
        running.start()
        probes: list[psutil.Process] = []
        deadline = time.monotonic() + 20
        while len(probes) < 2 and time.monotonic() < deadline:
            probes = [each for each in psutil.Process().children(recursive=True) if is_probe(each)]
        assert len(probes) >= 2
        time.sleep(0.5)  # into the job
        crew.stopped.set()
        running.join(timeout=20)
        assert not running.is_alive()
        _, alive = psutil.wait_procs(probes, timeout=10)
        assert alive == []
        assert notes.seen == {}


def test_the_end_of_a_probe_is_described(tmp_path: Path):
    log = tmp_path / "probe.log"
    assert batches._describe_end(0, log) == "exit code 0"
    assert batches._describe_end(-11, log) == "killed by SIGSEGV"
    log.write_bytes(b"first\nlast \xff line\n\n")
    assert "last words: last" in batches._describe_end(1, log)
