"""The same matrix in containers of a real engine, and what containers hold back.

Images are found by their lock: only the first run on a machine builds them. They and the
base image stay; `docker image rm` removes them.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import docker
import docker_engine
import pytest
from matrix_harness import (
    EVERYWHERE,
    SCENARIOS,
    Measured,
    cells,
    copy_tree,
    finish,
    observed,
    observed_so_far,
    require_same_cells,
    run,
    run_record,
    selection,
    start,
    wait_for,
)
from msgspec import structs

from runner.declare.environments import read_environments
from runner.executors.docker.engine import STORE_LABEL
from runner.executors.docker.images import ENVIRONMENT_LABEL, KEY_LABEL, ImageBuilder
from runner.executors.local.processes import LocalExecutor
from runner.executors.locks import read_lock

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
LOADS = ("--remedy", "none,custom_objects")
HANG_S = 6.0
BUILD_S = 1200.0
RUNNING_S = 120.0
NOWHERE = "127.0.0.1:9"


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[docker.DockerClient]:
    try:
        with docker_engine.engine(tmp_path_factory.mktemp("engine")) as found:
            yield found
    except docker_engine.NoEngineError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def bases(client, tmp_path_factory) -> tuple[str, ...]:
    """What the command line needs to build images here."""
    folder = tmp_path_factory.mktemp("bases")
    return docker_engine.image_arguments(client, ("3.11", "3.13"), folder)


@pytest.fixture(scope="module")
def images(tree, bases, tmp_path_factory) -> Path:
    """The images are built; the folder of what a store remembers of them."""
    store = tmp_path_factory.mktemp("images") / "store"
    chosen = ("tf2.15", "keras3.15-jax", "--store", str(store))
    built = finish(start(tree, "images", *chosen, *bases), BUILD_S)
    assert built.code == 0, built.text
    return store / "images"


@pytest.fixture(scope="module")
def engine(images, bases) -> tuple[str, ...]:
    """What the command line needs to measure in containers."""
    return ("--executor", "docker", *bases)


def _store(folder: Path, images: Path) -> Path:
    """Make an empty store that knows the images: each is asked once what it is."""
    folder.mkdir(parents=True)
    (folder / "images").symlink_to(images)
    return folder


@pytest.fixture(scope="module")
def contained(tree, engine, images, tmp_path_factory) -> Measured:
    """One TF 2 and one Keras 3 environment end to end, in containers."""
    store = _store(tmp_path_factory.mktemp("contained") / "store", images)
    chosen = selection(store, profile="contained", scenarios=SCENARIOS)
    arguments = ("run", *chosen, *EVERYWHERE, *engine)
    return Measured(run(tree, *arguments), store, arguments)


@pytest.fixture(scope="module")
def confined(engine, images, tmp_path_factory) -> Measured:
    folder = tmp_path_factory.mktemp("confined")
    tree = _hostile_tree(folder, HARMS)
    store = _store(folder / "store", images)
    chosen = selection(store, profile="single", scenarios=("confined.*", NEIGHBOUR))
    arguments = ("run", *chosen, *LOADS, "--memory-mb", "900", *engine)
    return Measured(run(tree, *arguments), store, arguments)


def _hostile_tree(folder: Path, harms: tuple[str, ...]) -> Path:
    tree = copy_tree(folder / "repository")
    shutil.copy(CONFINED, tree / "scenarios")
    with (tree / "scenarios" / "catalog.toml").open("a", encoding="utf-8") as catalog:
        for each in harms:
            timeout_s = HANG_S if each == "hang" else 120.0
            catalog.write(ENTRY.format(variant=each, timeout_s=timeout_s))
    return tree


def _cell(scenario: str, remedy: str) -> str:
    return f"{scenario}/h5/tf2.15->tf2.15/{remedy}"


def _containers(client: docker.DockerClient) -> list:
    return client.containers.list(all=True, filters={"label": STORE_LABEL}, ignore_removed=True)


def test_cells_in_containers_are_those_of_local_processes(contained, local):
    assert contained.finished.code == 0, contained.finished.text
    assert local.finished.code == 0, local.finished.text
    require_same_cells(contained.store / "report", local.store / "report")


def test_the_report_says_how_cells_were_isolated_and_in_which_image(contained, client):
    cell = _cell("plain_dense", "none")
    assert observed(contained.store, cell)["isolation"] == "container"
    record = run_record(contained.store)
    assert record["executor"] == "docker"
    assert set(record["confined"]) == {"container"}
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


def test_cells_of_processes_are_audited_in_containers(local, tree, bases, images, client):
    if not (local.store / "images").exists():
        (local.store / "images").symlink_to(images)
    chosen = selection(local.store, profile="contained", scenarios=SCENARIOS)
    audited = ("audit", "--in-containers", "--sample", "3", "--reader", "tf2.15")
    finished = run(tree, *audited, *chosen, *bases)
    assert finished.code == 0, finished.text
    assert "3 of " in finished.out
    assert "cells run again in containers, from 3 of" in finished.out
    record = json.loads((local.store / "audit-in-containers.json").read_text(encoding="utf-8"))
    assert record["executor"] == "docker"
    assert _containers(client) == []


def test_local_processes_have_no_network_where_the_kernel_allows_it(local):
    isolation = observed(local.store, _cell("plain_dense", "none"))["isolation"]
    assert isolation == LocalExecutor(local.store).isolation


@pytest.mark.parametrize(
    ("harm", "outcome", "word"),
    [
        ("network", "load_error", "unreachable"),
        ("outside", "load_error", "Read-only file system"),
        ("grow", "out_of_memory", ""),
        ("hogs", "out_of_memory", "kernel"),
        ("forks", "load_error", "temporarily unavailable"),
        ("hang", "timed_out", f"{HANG_S:.0f} s"),
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


def test_what_interrupts_a_run_leaves_no_container_and_costs_one_cell(
    engine, images, client, tmp_path
):
    """Ctrl-C, then a kill of the run, then of its container: the same command goes on."""
    tree = _hostile_tree(tmp_path, ("stall", "harmless"))
    store = _store(tmp_path / "store", images)
    chosen = selection(store, profile="single", scenarios=("confined.*",))
    arguments = ("run", *chosen, *LOADS, *engine)

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
    (left,) = _containers(client)
    batches = set(store.glob("batches/*"))

    running = start(tree, *arguments)
    wait_for(lambda: left not in _containers(client), RUNNING_S, "what was left is removed")
    _wait_for_stall(store, batches)
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


def _wait_for_stall(store: Path, but: Collection[Path] = ()) -> None:
    def stalls() -> bool:
        for folder, lines in observed_so_far(store).items():
            last = lines[-1] if lines and folder not in but else {}
            if last.get("type") == "start" and last["id"] == _cell(
                "confined.stall", "custom_objects"
            ):
                return True
        return False

    wait_for(stalls, RUNNING_S, "the stalling job is in flight")


def test_an_image_that_cannot_be_built_costs_its_environment_alone(engine, images, tmp_path):
    """Without the first environment's base image; the other's image is there already."""
    own = _changed_lock(tmp_path, lambda text: text + "\n# changed\n")
    store = _store(tmp_path / "store", images)
    chosen = selection(store, profile="contained", scenarios=("plain_dense",), formats=("keras",))
    missing = ("--executor", "docker", "--base-image", f"{NOWHERE}/no-such-python:{{python}}")
    finished = run(own, "run", *chosen, *missing)
    assert finished.code == 0, finished.text
    assert "tf2.15: its base image could not be had" in finished.out + finished.err
    table = cells(store)["outcome"]
    assert table["plain_dense/keras/keras3.15-jax->keras3.15-jax/none"] == "equivalent"
    assert table["plain_dense/keras/tf2.15->tf2.15/none"] == "environment_unavailable"


def test_an_image_of_another_lock_is_another_image(bases, client, tmp_path):
    """And a download that is not what was locked is refused, with one message."""
    wrong = f"--hash=sha256:{'0' * 64}"
    own = _changed_lock(tmp_path, lambda text: re.sub("--hash=sha256:[0-9a-f]{64}", wrong, text))
    failed = _fails_to_build(own, tmp_path, *bases)
    assert "tf2.15: its image could not be built: " in failed
    assert "likely cause: a download is not the file that was locked" in failed
    assert "next: distrust the index; if it is right, run: nox -s update -- tf2.15" in failed


def test_an_index_that_does_not_answer(bases, client, tmp_path):
    own = _changed_lock(tmp_path, lambda text: text + "\n# changed\n")
    nowhere = ("--build-arg", f"PIP_INDEX_URL=http://{NOWHERE}/simple")
    failed = _fails_to_build(own, tmp_path, *bases, *nowhere)
    assert "likely cause: the registry or the package index cannot be reached" in failed


def test_a_full_disk_under_a_build(bases, client, tmp_path):
    """The shared memory of a build's container is a disk of 64 MB, which this build fills."""
    own = copy_tree(tmp_path / "repository")
    dockerfile = own / "containers" / "Dockerfile"
    fill = "RUN python3 -c \"open('/dev/shm/filled', 'wb').write(bytes(2**27))\"\n"
    text = dockerfile.read_text(encoding="utf-8")
    dockerfile.write_text(text.replace("# The second is", f"{fill}# The second is"))
    failed = _fails_to_build(own, tmp_path, *bases)
    assert "likely cause: the engine's disk is full" in failed
    assert "next: run: docker system df" in failed


def test_ctrl_c_ends_a_build(bases, client, tmp_path):
    own = copy_tree(tmp_path / "repository")
    dockerfile = own / "containers" / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8")
    dockerfile.write_text(text.replace("# The second is", "RUN sleep 300\n# The second is"))
    before = {each.id for each in client.containers.list()}
    running = start(own, "images", "tf2.15", "--store", str(tmp_path / "store"), *bases)

    def building() -> set[str]:
        listed = client.containers.list(ignore_removed=True)
        return {
            each.id for each in listed if "sleep 300" in str(each.attrs["Config"]["Cmd"])
        } - before

    wait_for(building, RUNNING_S, "the image is being built")
    running.send_signal(signal.SIGINT)
    stopped = finish(running, 30)
    assert stopped.code == 130, stopped.text
    assert "Traceback" not in stopped.err
    wait_for(lambda: not building(), 30, "the engine ended the build")


def _changed_lock(folder: Path, change: Callable[[str], str]) -> Path:
    own = copy_tree(folder / "repository")
    lock = own / "containers" / "locks" / "tf2.15.txt"
    lock.write_text(change(lock.read_text(encoding="utf-8")), encoding="utf-8")
    return own


def _fails_to_build(tree: Path, folder: Path, *arguments: str) -> str:
    store = ("--store", str(folder / "store"))
    finished = finish(start(tree, "images", "tf2.15", *store, *arguments), RUNNING_S)
    assert finished.code == 4, finished.text
    assert "Traceback" not in finished.text
    assert finished.out.count("likely cause: ") == 1
    return finished.out


def test_images_are_listed_saved_and_loaded_again(tree, images, bases, client, tmp_path):
    """`docker load` restores what the label finds: a machine without an index needs no more."""
    store = _store(tmp_path / "store", images)
    chosen = ("images", "keras3.15-jax", "--store", str(store), *bases)
    saved = run(tree, *chosen, "--list", "--save", str(tmp_path / "saved"))
    assert saved.code == 0, saved.text
    (archive,) = (tmp_path / "saved").glob("keras3.15-jax-*.tar")
    (marker,) = images.glob("keras3.15-jax-*.json")
    image = json.loads(marker.read_text(encoding="utf-8"))["image"]
    assert image[7:19] in saved.out
    client.images.remove(image, force=True)
    assert image[7:19] not in run(tree, *chosen, "--list").out
    with archive.open("rb") as stream:
        client.images.load(stream)
    begun = time.monotonic()
    again = run(tree, *chosen)
    assert again.code == 0, again.text
    assert f"ready, {image}" in again.out
    assert time.monotonic() - begun < 30


def test_a_registry_that_does_not_answer(tree, images, bases, tmp_path):
    store = _store(tmp_path / "store", images)
    pushed = run(
        tree,
        *("images", "keras3.15-jax", "--list", "--push", f"{NOWHERE}/me"),
        *("--store", str(store), *bases),
    )
    assert pushed.code == 4, pushed.text
    assert f"{NOWHERE}/me/keras3.15-jax" in pushed.err
    assert "likely cause: the registry" in pushed.err
    assert pushed.err.count("next: ") == 1
    assert "Traceback" not in pushed.err


def test_images_of_older_locks_are_removed(client, bases, tmp_path):
    """With an environment of this test's own: nobody's images are lost."""
    own = copy_tree(tmp_path / "repository")
    declared = read_environments(own / "containers" / "environments.toml")
    tf = next(each for each in declared.environments if each.id == "tf2.15")
    environment = structs.replace(tf, id="pruned-in-tests")
    locks = own / "containers" / "locks"
    shutil.copy(locks / "tf2.15.txt", locks / "pruned-in-tests.txt")
    builder = ImageBuilder(client, own, tmp_path / "store")
    current = builder.key(environment, read_lock(builder.lock_path(environment)))
    made = {}
    for key in (current, "older"):
        labels = {KEY_LABEL: key, ENVIRONMENT_LABEL: environment.id}
        text = f"FROM {docker_engine.BASE}:3.11\nLABEL made={key}\n"
        file = io.BytesIO(text.encode())
        made[key], _ = client.images.build(fileobj=file, labels=labels, rm=True)
    assert builder.find(current).id == made[current].id
    removed, _ = builder.prune([environment])
    assert removed == 1
    assert builder.find("older") is None
    assert builder.find(current).id == made[current].id
    client.images.remove(made[current].id, force=True)


@pytest.mark.parametrize(
    ("changed", "rebuilt"),
    [
        ("containers/locks/tf2.15.txt", {"tf2.15"}),
        ("runner/probe/server.py", {"tf2.15", "keras3.15-jax"}),
        ("runner/__init__.py", set()),
    ],
)
def test_an_image_is_looked_for_again_when_what_it_holds_changes(
    images, bases, tmp_path, changed, rebuilt
):
    own = copy_tree(tmp_path / "repository")
    with (own / changed).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    store = _store(tmp_path / "store", images)
    both = ("images", "tf2.15", "keras3.15-jax", "--list", "--store", str(store))
    listed = run(own, *both, *bases)
    assert listed.code == 0, listed.text
    missing = {
        name for name in ("tf2.15", "keras3.15-jax") if re.search(rf"{name} +- ", listed.out)
    }
    assert missing == rebuilt, listed.out


def test_no_engine_is_one_clear_message(fails, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    said = fails(5, "run", "--executor", "docker")
    assert "no container engine answers" in said
    assert "next: run: sudo systemctl start docker" in said


def test_workers_of_a_cluster_start_containers(contained, tree, bases, images, tmp_path):
    store = _store(tmp_path / "store", images)
    chosen = selection(store, profile="single", scenarios=("plain_dense",), formats=("h5",))
    cluster = ("--executor", "dask", "--worker-executor", "docker", "--jobs", "1")
    finished = run(tree, "run", *chosen, "--remedy", "none", *cluster, *bases)
    assert finished.code == 0, finished.text
    found, whole = cells(store), cells(contained.store)
    columns = ["outcome", "cause", "aspects", "message", "verdict"]
    assert len(found)
    assert found[columns].equals(whole.loc[found.index, columns])
    cell = _cell("plain_dense", "none")
    assert observed(store, cell)["isolation"] == observed(contained.store, cell)["isolation"]


def test_a_users_own_file_is_checked_in_containers(tree, engine, images, tmp_path):
    file = tree.parent / "model.keras"
    samples = Path(__file__).parents[1] / "unit" / "data" / "inspect"
    shutil.copy(samples / "tf2.15_compiled.keras", file)
    store = _store(tmp_path / "store", images)
    words = (str(file), "--readers", "tf2.15", "--store", str(store), "--json", *engine)
    finished = run(tree, "check", *words)
    assert finished.code == 0, finished.text
    answer = json.loads(finished.out)
    assert answer["sandbox"].startswith("a container: no network")
    assert [each["result"] for each in answer["readers"]] == ["same"]
