"""A Dask cluster of real processes: killed, frozen, full, of another version, and restarted."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import dask.config
import dask_fakes
import psutil
import pytest
from fake_probe import PROVISIONED
from fake_tree import make_tree
from msgspec import structs
from store_records import PLACE, write_artifact

from runner.contract import Job
from runner.domain.errors import ClusterError
from runner.domain.request import Request
from runner.executors.dask.place import open_place
from runner.executors.dispatch import LOST_ALONE
from runner.executors.interface import Settings
from runner.store import open_store

CELLS = 2000
SILENCE_S = 4.0
ENVIRONMENTS = {
    "fake": replace(
        PROVISIONED,
        environment=structs.replace(PROVISIONED.environment, requirements=("keras==3.0",)),
        lock_digest=dask_fakes.LOCK,
        python_version="3.11.0",
    )
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout") / "tree"
    make_tree(folder)
    return folder


@pytest.fixture
def cluster(tmp_path, checkout):
    found = dask_fakes.Processes(tmp_path, checkout)
    found.scheduler()
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a disk of two megabytes."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may mount no small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def request_of(cluster, **options):
    return Request(
        root=cluster.root,
        store=cluster.folder / "store",
        out=cluster.folder / "out",
        executor="dask",
        worker_executor="stub",
        scheduler=cluster.address,
        start_timeout_s=60.0,
        **options,
    )


def load(name, folder, **more):
    payload = {"id": name, "kind": "load", "artifact": str(folder), "timeout_s": 60.0, **more}
    return Job(id=name, kind="load", inputs="0", payload=payload)


class Notes:
    """The observations of a run, and what happens after so many of them."""

    def __init__(self, at=None):
        self.seen = {}
        self.at = at or {}

    def __call__(self, job, observation):
        assert job.id not in self.seen, "recorded twice"
        self.seen[job.id] = observation
        self.at.get(len(self.seen), lambda: None)()

    @property
    def statuses(self):
        return {name: each.status for name, each in self.seen.items()}


def test_two_thousand_cells_on_workers_that_die_freeze_fill_up_and_differ(
    cluster, full_disk, tmp_path
):
    other = tmp_path / "other"
    shutil.copytree(cluster.root, other)
    with (other / "runner" / "probe" / "jobs.py").open("a", encoding="utf-8") as probe:
        probe.write("\n# another\n")
    killed, frozen = cluster.worker("killed"), cluster.worker("frozen")
    cluster.worker("full", store=full_disk)
    cluster.worker("wrong", root=other)

    def strike():
        killed.kill()
        frozen.send_signal(signal.SIGSTOP)
        # As the cluster's own manager would.
        cluster.worker("new")

    notes = Notes({150: strike, 1200: lambda: frozen.send_signal(signal.SIGCONT)})
    warned = []
    request = request_of(cluster)
    with (
        dask.config.set({"keras-matrix.silence": SILENCE_S}),
        open_store(request.store, command="test", warn=print) as store,
        open_place(request, warned.append) as place,
    ):
        folders = [
            write_artifact(store, PLACE._replace(inputs=f"0{n}"), content=b"model" * (n + 1))[0]
            for n in range(3)
        ]
        jobs = [load(f"job{n}", folders[n % 3]) for n in range(CELLS)]
        while len(place.team.members) < 3:
            list(place.team.events())
        place.crew(Settings()).run({"fake": jobs}, ENVIRONMENTS, notes)
    assert len(notes.seen) == CELLS
    assert set(notes.statuses.values()) == {"done"}
    # Texts have the paths of the coordinator, wherever a worker keeps its copies.
    assert {job.id: str(job.payload["artifact"]) for job in jobs} == {
        name: each.message for name, each in notes.seen.items()
    }
    told = "\n".join(warned)
    assert "its tool, its probe, its scenarios or its locks are others" in told
    assert "gets no more: it failed twice" in told
    assert "the disk is full" in told
    assert "is lost: it is gone" in told
    assert f"is lost: silent for {SILENCE_S:.0f} s" in told


def test_a_scheduler_that_is_killed_loses_what_was_in_flight_and_the_same_run_goes_on(cluster):
    scheduler = cluster.started[0]
    request = request_of(cluster)
    workers = [cluster.worker("one"), cluster.worker("two")]
    with open_store(request.store, command="test", warn=print) as store:
        folder, _ = write_artifact(store)
        jobs = [load(f"job{n}", folder, seconds=0.01) for n in range(400)]
        first = Notes({100: scheduler.kill})
        begun = time.monotonic()
        with (
            pytest.raises(ClusterError, match="the scheduler is lost") as caught,
            open_place(request, print) as place,
        ):
            place.crew(Settings()).run({"fake": jobs}, ENVIRONMENTS, first)
        assert "run the same command again" in caught.value.next_step
        assert time.monotonic() - begun < 60
        for worker in workers:
            worker.wait(timeout=60)
        stores = [str(cluster.folder / f"store-{name}") for name in ("one", "two")]
        assert not [
            each
            for each in psutil.process_iter(["cmdline"])
            if any(store in " ".join(each.info["cmdline"] or []) for store in stores)
        ]
        assert 100 <= len(first.seen) < 400

        cluster.scheduler()
        cluster.worker("one")
        left = [job for job in jobs if job.id not in first.seen]
        second = Notes()
        with open_place(request_of(cluster), print) as place:
            place.crew(Settings()).run({"fake": left}, ENVIRONMENTS, second)
    assert set(first.seen) | set(second.seen) == {job.id for job in jobs}
    assert set({**first.statuses, **second.statuses}.values()) == {"done"}


def test_a_cell_that_kills_every_worker_is_found_and_it_alone_is_lost(cluster):
    request = request_of(cluster)
    for name in ("one", "two", "three", "four"):
        cluster.worker(name)
    with open_store(request.store, command="test", warn=print) as store:
        folder, _ = write_artifact(store)
        jobs = [load(name, folder, poison=name == "b") for name in "ab"]
        notes = Notes()
        with open_place(request, print) as place:
            while len(place.team.members) < 4:
                list(place.team.events())
            place.crew(Settings()).run({"fake": jobs}, ENVIRONMENTS, notes)
    assert notes.statuses == {"a": "done", "b": "harness_error"}
    assert f"{LOST_ALONE} workers were lost" in notes.seen["b"].message


def test_a_worker_with_dasks_own_memory_limit_is_not_used(cluster):
    cluster.worker("limited", "--memory-limit", "2GB")
    with open_place(request_of(cluster), print) as place:
        while not place.team.refused:
            list(place.team.events())
        # It is there now; no other comes.
        place.team.start_timeout_s = 0.5
        with pytest.raises(ClusterError, match="no worker that may be used") as caught:
            list(place.team.events(wait_s=60))
    assert "memory limit is on" in str(caught.value)
    assert "--memory-limit 0" in caught.value.next_step


SBATCH = """#!/bin/sh
# The array's machine: the script runs here, at once.
cp "$1" {folder}/job.sh
sh {folder}/job.sh > {folder}/job.log 2>&1 &
echo $! > {folder}/job.pid
echo "Submitted batch job 4711"
"""


def test_workers_that_slurm_starts_run_the_cells(checkout, tmp_path, monkeypatch):
    from dask_jobqueue import SLURMCluster

    for name, text in (
        ("sbatch", SBATCH),
        ("scancel", "#!/bin/sh\nkill $(cat {folder}/job.pid)\n"),
    ):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(folder=tmp_path), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    path = os.pathsep.join((str(dask_fakes.REPOSITORY), str(Path(dask_fakes.__file__).parent)))
    with SLURMCluster(
        cores=1,
        processes=1,
        memory="1GB",
        walltime="00:10:00",
        interface="lo",
        python=sys.executable,
        scheduler_options={"dashboard_address": None},
        worker_extra_args=["--memory-limit", "0", "--preload", "dask_fakes"],
        job_script_prologue=[
            f"export PYTHONPATH={path}",
            f"export DASK_KERAS_MATRIX__STORE={tmp_path}/worker",
            f"export DASK_KERAS_MATRIX__ROOT={checkout}",
        ],
    ) as cluster:
        cluster.scale(jobs=1)
        request = Request(
            root=checkout,
            store=tmp_path / "store",
            out=tmp_path / "out",
            executor="dask",
            worker_executor="stub",
            scheduler=cluster.scheduler_address,
            start_timeout_s=60.0,
        )
        notes = Notes()
        with (
            open_store(request.store, command="test", warn=print) as store,
            open_place(request, print) as place,
        ):
            folder, _ = write_artifact(store)
            jobs = [load(f"job{n}", folder) for n in range(50)]
            place.crew(Settings()).run({"fake": jobs}, ENVIRONMENTS, notes)
    assert len(notes.seen) == 50
    assert set(notes.statuses.values()) == {"done"}
    assert "--nthreads 1" in (tmp_path / "job.sh").read_text(encoding="utf-8")
