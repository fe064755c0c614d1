"""Both sides of the batch contract: what the host writes, the real probe takes, and back."""

from __future__ import annotations

from itertools import pairwise

import jsonschema
import msgspec
import pytest
from fake_probe import ALONE, Bench

from runner import contract
from runner.domain import Aspect, Cell, Format, Observation, Outcome, Status
from runner.domain.known import Known
from runner.judge.outcome import classify_cell

HARMS = ("", "raise", "segfault", "hang", "huge", "exit", "call_later", "diverge")


def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def jobs(bench):
    saves = [bench.save(harm) for harm in HARMS]
    failing = [bench.save("build"), bench.save("save"), bench.save("nothing")]
    loads = [bench.load(harm) for harm in HARMS]
    loads.append(bench.load("", 1, ALONE))
    loads.append(bench.make(""))
    return [*saves, *failing], loads


def test_what_the_host_writes_is_a_batch(bench):
    batches = validator(contract.schema_of_batch())
    for group in jobs(bench):
        for method in ("auto", "fork", "spawn", "fresh"):
            content = bench.batch(group, method)
            batches.validate(content)
            read = msgspec.convert(content, contract.Batch)
            assert msgspec.to_builtins(read) == content


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((), {"jobs": None}),
        ((), {"schema": "batch/2"}),
        ((), {"colour": "red"}),
        (("limits",), {"memory_mb": 0}),
        (("jobs", 0), {"kind": "delete"}),
        (("jobs", 0), {"artifact": "relative"}),
        (("jobs", 0), {"timeout_s": 0}),
        (("jobs", 0, "scenario"), {"aspects": ["colour"]}),
    ],
)
def test_what_is_no_batch_is_refused(bench, place, value):
    content = bench.batch([bench.save(""), bench.load("")])
    inner = content
    for step in place:
        inner = inner[step]
    inner.update(value)
    assert not validator(contract.schema_of_batch()).is_valid(content)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(content, contract.Batch)


@pytest.mark.parametrize("method", ["fork", "fresh"])
def test_every_record_of_the_real_probe_is_valid(bench, method):
    lines = validator(contract.schema_of_line())
    saves, loads = jobs(bench)
    for group in (saves, loads):
        answer = bench.run(group, method)
        assert answer.code == 0, answer.printed
        for record in answer.records:
            lines.validate(record)
            msgspec.convert(record, contract.Line)
        types = [record["type"] for record in answer.records]
        assert (types[0], types[-1]) == ("header", "footer")
        # Each job is started, perhaps twice, then observed, in the order of the batch.
        assert [record["id"] for record in answer.observations] == [job.id for job in group]
        for before, record in pairwise(answer.records):
            if record["type"] == "observation":
                assert (before["type"], before["id"]) == ("start", record["id"])
    statuses = {record["status"] for record in answer.observations}
    assert statuses == {"done", "raised", "crashed", "timed_out", "out_of_memory"}


def test_observations_are_appended(bench, tmp_path):
    first = bench.run([bench.save("")])
    bench._runs -= 1  # into the same file
    second = bench.run([bench.save("")])
    assert second.records[: len(first.records)] == first.records
    assert len(second.records) == 2 * len(first.records)


@pytest.mark.parametrize("name", ["batch/2", "", None])
def test_an_unknown_batch_schema_is_refused_before_anything_runs(bench, name):
    answer = bench.run([bench.save("")], schema=name)
    assert answer.code == 2
    assert "unknown batch schema" in answer.printed
    assert answer.records == []
    assert not bench.artifacts.exists()


def test_the_host_classifies_every_status_and_stage_there_is():
    """An observation whose words the judge does not know would be a fault of the probe."""
    cell = Cell(scenario="fake", format=Format.H5, writer="fake", reader="fake", remedy="none")
    at_fault = []
    for status in Status:
        stages = ["prepare", "load", "call", "train"] if status is Status.RAISED else [""]
        for stage in stages:
            words = {"status": str(status), "stage": stage, "message": "m", "exception": "E"}
            seen = Observation(data={**words, "traceback": "t", "aspects": DONE["aspects"]})
            known = Known(cell=cell, observation=seen, asked=frozenset({Aspect.OUTPUTS}))
            outcome = classify_cell(known).outcome
            if (outcome is Outcome.HARNESS_ERROR) != (status is Status.HARNESS_ERROR):
                at_fault.append((status, stage, outcome))
    assert at_fault == []


DONE = {
    "type": "observation",
    "id": "fake/h5/fake->fake/none",
    "kind": "load",
    "status": "done",
    "stage": "",
    "output": "",
    "warnings": [],
    "aspects": {"outputs": {"status": "agrees", "max_abs_diff": 0.0, "detail": ""}},
    "facts": {"loaded": "Sequential"},
    "duration_s": 0.1,
    "max_rss_mb": 10,
    "start_method": "fork",
    "position": 0,
}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "well"},
        {"stage": "boot"},
        {"stage": "load"},
        {"aspects": {}},
        {"aspects": {"colour": {"status": "agrees"}}},
        {"aspects": {"outputs": {"status": "similar"}}},
        {"aspects": {"outputs": None}},
        {"facts": []},
        {"id": ""},
        {"id": None},
        {"kind": "delete"},
        {"type": "remark"},
        {"duration_s": -1},
        {"warnings": "none"},
        {"colour": "red"},
        {"status": "raised", "stage": "load", "exception": "ValueError"},
        {"status": "crashed"},
    ],
)
def test_a_line_that_says_something_else_is_refused(change):
    msgspec.convert(DONE, contract.Line)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**DONE, **change}, contract.Line)
