"""The batch as it is written, and observations as they are read."""

from __future__ import annotations

import json
import re

import pytest
from fake_probe import ENVIRONMENT, NONE, scenario
from msgspec import structs

from runner import contract
from runner.declare.environments import read_environments
from runner.domain import Aspect, Backend, Cell, Format, Isolation, Save, reads
from runner.domain.errors import ConfigurationError
from runner.domain.request import Limits

CELL = Cell(scenario="fake", format=Format.H5, writer="old", reader="fake", remedy="none")
ASPECTS = frozenset({Aspect.WEIGHTS, Aspect.OUTPUTS})


def load(scenario_=None, remedy=NONE, tmp="/artifacts/one", **options):
    from pathlib import Path

    return contract.load_job(
        CELL,
        scenario_ or scenario(""),
        remedy,
        Path(tmp),
        None,
        "digest",
        aspects=ASPECTS,
        **options,
    )


def test_a_save_tells_all_the_probe_needs(tmp_path):
    declared = scenario("x", timeout_s=7.0, trained=True, damage="empty", rtol=0.5)
    save = Save(scenario=declared.id, format=Format.KERAS, writer="fake")
    job = contract.save_job(save, declared, tmp_path, "digest")
    assert (job.id, job.kind, job.inputs) == ("fake.x/keras/fake", "save", "digest")
    assert job.payload == {
        "id": "fake.x/keras/fake",
        "kind": "save",
        "environment": "fake",
        "scenario": {
            "id": "fake.x",
            "module": "fake",
            "variant": "x",
            "damage": "empty",
            "reader_knows": "nothing",
            "aspects": sorted(declared.aspects),
            "trained": True,
            "rtol": 0.5,
            "atol": 1e-5,
        },
        "format": "keras",
        "artifact": str(tmp_path),
        "isolated": False,
        "chain": "",
        "timeout_s": 14.0,
    }


def test_a_load_asks_for_the_cell_s_aspects_and_not_the_scenario_s():
    payload = load(tampered=(Aspect.WEIGHTS, Aspect.OUTPUTS)).payload
    assert payload["aspects"] == ["outputs", "weights"]
    assert payload["tampered"] == ["outputs", "weights"]
    assert payload["artifact"] == "/artifacts/one"
    assert payload["sibling"] == ""
    assert payload["timeout_s"] == 1.0


def test_a_control_is_filed_under_its_own_id():
    job = load(job_id="tampered:x")
    assert (job.id, job.payload["id"]) == ("tampered:x", "tampered:x")
    assert load().id == CELL.id


@pytest.mark.parametrize(
    ("isolation", "knows", "chain", "isolated"),
    [
        (Isolation.SHARED, "nothing", "", False),
        (Isolation.SHARED, "registered", "fake:v", False),
        (Isolation.REMEDY, "nothing", "none", False),
        (Isolation.REMEDY, "registered", "none+fake:v", False),
        (Isolation.SCENARIO, "nothing", "none+fake:v", False),
        (Isolation.ALONE, "nothing", "", True),
    ],
)
def test_jobs_share_a_process_by_what_they_leave_behind(isolation, knows, chain, isolated):
    payload = load(
        scenario("v", reader_knows=knows), structs.replace(NONE, isolation=isolation)
    ).payload
    assert (payload["chain"], payload["isolated"]) == (chain, isolated)


def test_variants_that_register_do_not_share():
    first = load(scenario("a", reader_knows="registered")).payload["chain"]
    assert first != load(scenario("b", reader_knows="registered")).payload["chain"]


def test_a_batch_is_json():
    job = load()
    found = contract.batch(ENVIRONMENT, [job], Limits(memory_mb=1, chain_length=2), "fork")
    assert json.loads(json.dumps(found)) == found
    assert found["schema"] == "batch/1"
    assert found["limits"] == {"memory_mb": 1, "chain_length": 2, "chain_memory_mb": 1200}
    assert found["jobs"] == [job.payload]


def test_what_users_import_is_of_a_package_that_the_environment_declares():
    wrong = []
    for environment in read_environments().environments:
        framework = contract.batch(environment, [], Limits(), "auto")["framework"]
        package = framework.partition(".")[0].replace("_", "-")
        pin = re.compile(rf"{package}(-cpu)?==")
        if not any(map(pin.match, environment.requirements)):
            wrong.append((environment.id, framework))
    assert wrong == []


def test_aspects_are_asked_where_carried_and_not_given_up():
    declared = scenario("", aspects=frozenset({Aspect.OUTPUTS, Aspect.WEIGHTS, Aspect.OPTIMIZER}))
    remedy = structs.replace(NONE, gives_up=frozenset({Aspect.OPTIMIZER, Aspect.LOSSES}))
    everything = frozenset(Aspect)
    assert contract.asked_aspects(declared, NONE, everything) == declared.aspects
    assert contract.asked_aspects(declared, remedy, everything) == ASPECTS
    assert contract.asked_aspects(declared, NONE, frozenset({Aspect.OUTPUTS})) == {Aspect.OUTPUTS}


def test_the_backend_is_chosen_and_a_declared_variable_wins():
    assert "KERAS_BACKEND" not in contract.framework_variables(ENVIRONMENT)
    jax = structs.replace(ENVIRONMENT, backend=Backend.JAX)
    assert contract.framework_variables(jax)["KERAS_BACKEND"] == "jax"
    own = structs.replace(jax, env={"KERAS_BACKEND": "own", "OMP_NUM_THREADS": "2"})
    assert contract.framework_variables(own)["KERAS_BACKEND"] == "own"
    assert contract.framework_variables(own)["OMP_NUM_THREADS"] == "2"


def test_what_a_version_reads_counts_as_supported():
    environment = structs.replace(ENVIRONMENT, reads=frozenset({Format.KERAS}))
    supported = [each for each in Format if reads(environment, each)]
    assert supported == [Format.H5, Format.KERAS]


HEADER = b'{"type": "header", "schema": "observations/1"}'


def test_a_record_is_a_line():
    assert contract.read_record(HEADER)["type"] == "header"
    assert contract.read_record(b'{"type": "start", "id": "a"}')["id"] == "a"


def test_records_of_an_unknown_version_are_refused():
    with pytest.raises(ConfigurationError, match="observations/2"):
        contract.read_record(HEADER.replace(b"/1", b"/2"))


def test_numbers_json_does_not_know_are_read():
    line = b'{"type": "observation", "aspects": {"outputs": {"max_abs_diff": Infinity}}}'
    found = contract.read_record(line)
    assert found["aspects"]["outputs"]["max_abs_diff"] == float("inf")


def test_a_line_that_is_no_record_is_said_to_be_none():
    lines = [b"", b"{", b"null", b"[]", b"3", b"\xff", b"{}", b'{"type": "stop"}']
    lines += [b'{"type": ["start"], "id": "a"}', b'{"type": "start", "id": 3}', b"[" * 200_000]
    lines += [b'{"type": "start", "id": "\\ud800"}', b'{"type": "footer", "jobs": ' + b"9" * 9999]
    accepted = []
    for line in lines:
        try:
            accepted.append(contract.read_record(line))
        except ValueError:
            continue
    assert accepted == []
