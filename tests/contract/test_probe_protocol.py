"""Both sides of the batch contract: what the host writes, the real probe takes, and back."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from fake_probe import ALONE, Bench

from runner.domain import Aspect, Format

SCHEMAS = Path(__file__).parent / "schemas"
HARMS = ("", "raise", "segfault", "hang", "huge", "exit", "call_later", "diverge")


def schema(name):
    found = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def jobs(bench):
    saves = [bench.save(harm) for harm in HARMS]
    failing = [bench.save("build"), bench.save("save"), bench.save("nothing")]
    loads = [bench.load(harm) for harm in HARMS]
    loads.append(bench.load("", 1, ALONE))
    return [*saves, *failing], loads


def test_what_the_host_writes_is_a_batch(bench):
    validate = schema("batch").validate
    for group in jobs(bench):
        for method in ("auto", "fork", "spawn", "fresh"):
            validate(bench.batch(group, method))


def test_the_vocabularies_are_those_of_the_domain():
    definitions = schema("batch").schema["$defs"]
    assert definitions["format"]["enum"] == list(Format)
    assert definitions["aspects"]["items"]["enum"] == list(Aspect)


@pytest.mark.parametrize("method", ["fork", "fresh"])
def test_every_record_of_the_real_probe_is_valid(bench, method):
    validator = schema("observations")
    saves, loads = jobs(bench)
    for group in (saves, loads):
        answer = bench.run(group, method)
        assert answer.code == 0, answer.printed
        for record in answer.records:
            validator.validate(record)
        types = [record["type"] for record in answer.records]
        assert (types[0], types[-1]) == ("header", "footer")
        # Each job is started, then observed, in the order of the batch.
        ids = [record["id"] for record in answer.records if "id" in record]
        assert ids == [job.id for job in group for _ in ("start", "observation")]
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


def test_the_host_knows_every_status_and_stage_there_is():
    from runner.domain import Observation
    from runner.judge.outcome import classify_load, classify_save

    properties = schema("observations").schema["$defs"]["observation"]["properties"]
    for status in properties["status"]["enum"]:
        stages = ["prepare", "load", "call", "train"] if status == "raised" else [""]
        for stage in stages:
            seen = Observation(data={"status": status, "stage": stage})
            classify_load(seen, supported=True)
            classify_save(seen)
