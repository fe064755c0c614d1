"""The same matrix in containers of a real engine, and what containers hold back.

Images are found by their lock: only the first run on a machine builds them. They and the
base image stay; `docker image rm` removes them.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import docker
import docker_engine
import pytest
from matrix_harness import (
    SCENARIOS,
    Measured,
    cells,
    copy_tree,
    finish,
    observed,
    run,
    run_record,
    selection,
    start,
    wait_for,
)

from runner.docker_executor import STORE_LABEL

CONFINED = Path(__file__).parent / "data" / "confined.py"
HARMS = ("network", "outside", "grow", "hogs", "forks", "hang", "lambda", "harmless")
NEIGHBOUR = "custom_layer_trained.corrected"
ENTRY = """
[[scenario]]
id = "confined.{variant}"
variant = "{variant}"
module = "confined"
group = "control"
title = "A model that tries to get out"
summary = "Only in tests."
formats = ["h5"]
aspects = ["structure", "outputs", "weights"]
remedies = ["custom_objects"]
timeout_s = {timeout_s}
"""
BUILD_S = 3600.0
RUNNING_S = 300.0
SKIP = docker_engine.reason_to_skip()

pytestmark = pytest.mark.skipif(bool(SKIP), reason=SKIP)


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[docker.DockerClient]:
    with docker_engine.engine(tmp_path_factory.mktemp("engine")) as found:
        yield found


@pytest.fixture(scope="module")
def engine(client, tree, tmp_path_factory) -> tuple[str, ...]:
    """What the command line needs to use the engine; the images are built."""
    folder = tmp_path_factory.mktemp("images")
    arguments = docker_engine.image_arguments(client, ("3.11", "3.13"), folder)
    store = ("--store", str(folder / "store"))
    built = finish(start(tree, "images", "tf2.15", "keras3.15", *arguments, *store), BUILD_S)
    assert built.code == 0, built.text
    return ("--executor", "docker", *arguments)


@pytest.fixture(scope="module")
def contained(tree, engine, tmp_path_factory) -> Measured:
    """One TF 2 and one Keras 3 environment end to end, in containers."""
    store = tmp_path_factory.mktemp("contained") / "store"
    arguments = ("run", *selection(store, profile="contained", scenarios=SCENARIOS), *engine)
    return Measured(run(tree, *arguments), store, arguments)


@pytest.fixture(scope="module")
def confined(engine, tmp_path_factory) -> Measured:
    folder = tmp_path_factory.mktemp("confined")
    tree = _hostile_tree(folder, HARMS, timeout_s=6.0)
    store = folder / "store"
    chosen = selection(store, profile="single", scenarios=("confined.*", NEIGHBOUR))
    arguments = ("run", *chosen, "--memory-mb", "900", *engine)
    return Measured(run(tree, *arguments), store, arguments)


def _hostile_tree(folder: Path, harms: tuple[str, ...], timeout_s: float) -> Path:
    tree = copy_tree(folder / "repository")
    shutil.copy(CONFINED, tree / "scenarios")
    with (tree / "scenarios" / "catalog.toml").open("a", encoding="utf-8") as catalog:
        for each in harms:
            catalog.write(ENTRY.format(variant=each, timeout_s=timeout_s))
    return tree


def _cell(scenario: str, remedy: str) -> str:
    return f"{scenario}/h5/tf2.15->tf2.15/{remedy}"


def _containers(client: docker.DockerClient) -> list:
    return client.containers.list(all=True, filters={"label": STORE_LABEL}, ignore_removed=True)


def test_cells_in_containers_are_those_of_local_processes(contained, matrix):
    assert contained.finished.code == 0, contained.finished.text
    inside, local = cells(contained.store), cells(matrix.store)
    both = ["tf2.15", "keras3.15"]
    local = local[local["writer"].isin(both) & local["reader"].isin(both)]
    assert sorted(inside.index) == sorted(local.index)
    columns = ["outcome", "cause", "aspects", "exception", "verdict"]
    different = inside[columns].compare(local.loc[inside.index, columns])
    assert different.empty, different


def test_the_report_says_how_cells_were_isolated_and_in_which_image(contained, client):
    cell = _cell("plain_dense", "none")
    assert observed(contained.store, cell)["isolation"] == "container"
    record = run_record(contained.store)
    assert record["executor"] == "docker"
    for environment in record["environments"]:
        image = client.images.get(environment["image"])
        assert image.labels["keras-matrix.lock"] == environment["lock_digest"]
        assert image.labels["keras-matrix.environment"] == environment["id"]
        assert f"numpy=={environment['resolved']['numpy']}" in image.labels["keras-matrix.resolved"]
        assert image.attrs["Config"]["User"] == "10001:10001"


def test_nothing_is_measured_or_built_twice(contained, tree):
    again = run(tree, *contained.arguments)
    assert again.code == 0, again.text
    assert "(0 jobs measured now)" in again.out


def test_local_processes_have_no_network_where_the_kernel_allows_it(matrix):
    isolation = observed(matrix.store, _cell("plain_dense", "none"))["isolation"]
    assert isolation in ("process, no network", "process")


@pytest.mark.parametrize(
    ("harm", "outcome", "word"),
    [
        ("network", "load_error", "unreachable"),
        ("outside", "load_error", "Read-only file system"),
        ("grow", "out_of_memory", ""),
        ("hogs", "out_of_memory", "kernel"),
        ("forks", "load_error", "temporarily unavailable"),
        ("hang", "timed_out", "6 s"),
        ("harmless", "equivalent", ""),
    ],
)
def test_each_attempt_is_held_back_and_costs_its_own_cell(confined, harm, outcome, word):
    assert confined.finished.code == 0, confined.finished.text
    cell = _cell(f"confined.{harm}", "custom_objects")
    assert cells(confined.store)["outcome"][cell] == outcome
    assert word in observed(confined.store, cell)["message"]


def test_a_lambda_that_tries_both_gets_neither(confined):
    cell = _cell("confined.lambda", "none")
    assert cells(confined.store)["outcome"][cell] == "equivalent"
    said = observed(confined.store, cell)["output"]
    assert "network:" in said
    assert "unreachable" in said
    assert "Read-only file system" in said


def test_neighbours_are_right_and_nothing_is_ours(confined):
    table = cells(confined.store)["outcome"]
    assert table[_cell(NEIGHBOUR, "custom_objects")] == "equivalent"
    assert not set(table) & {"harness_error", "not_run", "environment_unavailable"}


def test_no_container_is_left(contained, confined, client):
    assert _containers(client) == []


def test_a_container_killed_in_the_middle_loses_the_cell_in_flight_alone(engine, client, tmp_path):
    tree = _hostile_tree(tmp_path, ("stall", "harmless"), timeout_s=120.0)
    store = tmp_path / "store"
    chosen = selection(store, profile="single", scenarios=("confined.*", NEIGHBOUR))
    running = start(tree, "run", *chosen, "--remedies", "all", *engine)
    _wait_for_stall(store)
    for container in _containers(client):
        container.kill()
    finished = finish(running)
    assert finished.code == 0, finished.text
    table = cells(store)["outcome"]
    lost = _cell("confined.stall", "custom_objects")
    assert table[lost] == "harness_error"
    assert "SIGKILL" in observed(store, lost)["message"]
    assert list(table.index[table == "harness_error"]) == [lost]
    assert table[_cell("confined.harmless", "custom_objects")] == "equivalent"
    assert _containers(client) == []


def test_containers_go_with_ctrl_c_and_after_a_kill_with_the_next_start(engine, client, tmp_path):
    tree = _hostile_tree(tmp_path, ("stall",), timeout_s=120.0)
    store = tmp_path / "store"
    chosen = selection(store, profile="single", scenarios=("confined.*",))
    arguments = ("run", *chosen, "--remedies", "all", *engine)
    running = start(tree, *arguments)
    _wait_for_stall(store)
    running.send_signal(signal.SIGINT)
    stopped = finish(running, 90)
    assert stopped.code == 130, stopped.text
    assert _containers(client) == []

    running = start(tree, *arguments)
    _wait_for_stall(store)
    running.kill()
    running.communicate(timeout=30)
    assert len(_containers(client)) == 1
    completed = run(tree, *arguments)
    assert completed.code == 0, completed.text
    assert _containers(client) == []


def _wait_for_stall(store: Path) -> None:
    def stalls() -> bool:
        for path in store.glob("batches/*/observations.jsonl"):
            lines = [json.loads(line) for line in path.read_text().splitlines(keepends=True)]
            last = lines[-1] if lines else {}
            if last.get("type") == "start" and last["id"] == _cell(
                "confined.stall", "custom_objects"
            ):
                return True
        return False

    wait_for(stalls, RUNNING_S, "the stalling job is in flight")


def test_an_image_that_cannot_be_built_costs_its_environment_alone(tree, engine, tmp_path):
    """Without the first environment's base image; the other's image is there already."""
    own = copy_tree(tmp_path / "repository")
    lock = own / "containers" / "locks" / "tf2.15.txt"
    lock.write_text(lock.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    store = tmp_path / "store"
    chosen = selection(store, profile="contained", scenarios=("plain_dense",), formats=("keras",))
    missing = ("--executor", "docker", "--base-image", "127.0.0.1:9/no-such-python:{python}")
    finished = run(own, "run", *chosen, *missing)
    assert finished.code == 0, finished.text
    assert "tf2.15: its base image could not be had" in finished.out + finished.err
    table = cells(store)["outcome"]
    assert table["plain_dense/keras/keras3.15->keras3.15/none"] == "equivalent"
    assert table["plain_dense/keras/tf2.15->tf2.15/none"] == "environment_unavailable"


def test_no_engine_is_one_clear_message(tree, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    finished = run(tree, "run", "--executor", "docker", "--store", str(tmp_path / "store"))
    assert finished.code == 5, finished.text
    assert finished.err.count("error: ") == 1
    assert "no container engine answers" in finished.err
    assert "next: " in finished.err
    assert "Traceback" not in finished.err
