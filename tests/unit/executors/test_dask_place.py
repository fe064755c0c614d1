"""A run on the workers of a Dask cluster in this process: the real code, but for the network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import dask.config
import fake_tree
import psutil
import pytest
from distributed import LocalCluster
from fake_probe import PROVISIONED
from fake_tree import ROW, HeardReporter, make_tree

from runner import pipeline
from runner.contract import Job
from runner.declare.own_scenarios import lay_over
from runner.domain.errors import ClusterError, SelectionError
from runner.domain.request import Request
from runner.executors import registry
from runner.executors.dask import team
from runner.executors.dask.address import is_loopback, is_safe, require_address, security_of
from runner.executors.dask.place import DaskPlace, open_place
from runner.executors.dask.version import tool_digest
from runner.executors.interface import Settings
from runner.store.exchange import Exchange

REPOSITORY = Path(__file__).resolve().parents[3]
JOB = Job(id="a", kind="save", inputs="0", payload={"id": "a"})
PATTERNS = ("plain_dense", "fake.raise")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, ROW))
    monkeypatch.setattr(DaskPlace, "lock_digest", lambda _self, _environment: "0" * 64)
    make_tree(tmp_path / "tree")
    return tmp_path / "tree"


def local_cluster(threads=1):
    """A scheduler on loopback and one worker, both in this process."""
    return LocalCluster(
        n_workers=1,
        threads_per_worker=threads,
        processes=False,
        dashboard_address=None,
        protocol="tcp",
        host="127.0.0.1",
        memory_limit=0,
    )


def run(tree, store, **options):
    """Run the pipeline; return what is known of each cell, with the store's own path left out."""
    request = Request(
        root=tree,
        store=store,
        out=store / "report",
        profile="smoke",
        patterns=PATTERNS,
        workers=2,
        **options,
    )
    with pipeline.opened(request, HeardReporter()) as opened:
        done = pipeline.measure_all(opened)
        measured = len(opened.jobs.fresh)
    found = {}
    for each in done.results:
        seen = each.observation
        text = f"{seen.message} {seen.data.get('traceback')}" if seen else ""
        found[each.cell.id] = (each.outcome, each.aspects, each.cause, text)
    return {
        cell: (*facts, text.replace(str(store), "STORE")) for cell, (*facts, text) in found.items()
    }, measured


def test_the_same_cells_with_the_same_texts_as_in_local_processes(tree, tmp_path):
    local, measured = run(tree, tmp_path / "local", executor="fake")
    dask, measured_there = run(tree, tmp_path / "dask", executor="dask", worker_executor="fake")
    assert dask == local
    assert measured_there == measured > 0
    # Nothing is left of the exchange; the artifacts are in the one store that counts.
    assert not (tmp_path / "dask" / "exchange").exists()
    again, measured_again = run(tree, tmp_path / "dask", executor="fake")
    assert (again, measured_again) == (local, 0)


def test_scenarios_of_ones_own_come_to_the_workers(tree, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.py").write_text(fake_tree.PLAIN, encoding="utf-8")
    entry = fake_tree.SCENARIO.format(name="mine", module="mine", variant="", remedies="")
    (folder / "catalog.toml").write_text(entry, encoding="utf-8")
    root = lay_over(tree, folder).root
    roots = []

    @contextmanager
    def place(request, warn):
        # As an environment would have it.
        shutil.copy(tree / "keras.py", request.root)
        roots.append(request.root)
        yield fake_tree.FakePlace(request.root)

    monkeypatch.setattr(fake_tree, "open_place", place)
    settings = {"keras-matrix.root": str(tree), "keras-matrix.store": str(tmp_path / "theirs")}
    with dask.config.set(settings), local_cluster() as cluster:
        request = Request(
            root=root,
            scenarios=folder,
            store=tmp_path / "store",
            out=tmp_path / "out",
            profile="smoke",
            patterns=("mine",),
            executor="dask",
            worker_executor="fake",
            scheduler=cluster.scheduler_address,
            artifacts="memory://shared",
            start_timeout_s=20.0,
        )
        with pipeline.opened(request, HeardReporter()) as opened:
            found = pipeline.measure_all(opened).results
    assert {str(each.cell.scenario) for each in found} == {"mine"}
    assert {str(each.outcome) for each in found} == {"equivalent"}
    # It worked in a root of its own, and left the repository as it was.
    assert roots and all(each.parent == tmp_path / "theirs" / "roots" for each in roots)
    assert not (tree / "scenarios" / "mine.py").exists()


def test_a_worker_that_cannot_get_the_scenarios_is_refused(tmp_path, monkeypatch):
    with local_cluster() as cluster:
        request = Request(
            root=REPOSITORY,
            scenarios=tmp_path,
            store=tmp_path / "store",
            out=tmp_path / "out",
            executor="dask",
            scheduler=cluster.scheduler_address,
            artifacts="memory://empty",
            start_timeout_s=1.0,
        )
        monkeypatch.setattr(Exchange, "put", lambda _self, _folder: "0" * 64)
        settings = {"keras-matrix.store": str(tmp_path / "theirs")}
        with (
            dask.config.set(settings),
            pytest.raises(ClusterError, match="it is missing"),
            open_place(request, print) as place,
        ):
            place.crew(Settings()).run({"fake": [JOB]}, {"fake": PROVISIONED}, print)
    assert list((tmp_path / "theirs" / "roots").iterdir()) == []


def test_no_worker_within_the_time_is_one_message(tmp_path):
    with local_cluster(threads=2) as cluster:
        request = Request(
            root=REPOSITORY,
            store=tmp_path,
            out=tmp_path / "out",
            executor="dask",
            scheduler=cluster.scheduler_address,
            start_timeout_s=1.0,
        )
        warned = []
        with open_place(request, warned.append) as place, pytest.raises(ClusterError) as caught:
            list(place.team.events(wait_s=60.0))
    assert "no worker that may be used came" in str(caught.value)
    assert "it has 2 threads; start it with --nthreads 1 --memory-limit 0" in str(caught.value)
    assert caught.value.exit_code == 26
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("tcp://127.0.0.1:8786", True),
        ("tcp://[::1]:8786", True),
        ("tcp://localhost:8786", True),
        ("tls://cluster.example:8786", True),
        ("tcp://10.0.0.5:8786", False),
        ("tcp://127.0.0.1.example:8786", False),
        ("tcp://0.0.0.0:8786", False),
    ],
)
def test_a_network_without_tls_is_refused(address, safe):
    assert is_safe(address) is safe
    if safe:
        require_address(address)
        return
    with pytest.raises(ClusterError, match="refused") as caught:
        require_address(address)
    assert "--tls-cert" in caught.value.next_step


@pytest.mark.parametrize("address", ["cluster:8786", "http://cluster:80", "tcp://cluster", "x"])
def test_what_is_no_address_is_said_so(address):
    with pytest.raises(SelectionError, match="no address of a scheduler"):
        require_address(address)
    assert not is_loopback(address)


def test_tls_without_a_certificate_names_the_missing_files(tmp_path):
    (tmp_path / "ca.pem").write_text("x")
    request = Request(
        root=REPOSITORY,
        store=tmp_path,
        out=tmp_path,
        scheduler="tls://cluster.example:8786",
        tls_ca=tmp_path / "ca.pem",
        tls_cert=tmp_path / "none.pem",
    )
    with pytest.raises(ClusterError, match="--tls-cert, --tls-key: there is no such file"):
        security_of(request)


def test_workers_elsewhere_need_a_place_for_the_saved_models(tmp_path):
    request = Request(
        root=REPOSITORY, store=tmp_path, out=tmp_path, scheduler="tls://cluster.example:8786"
    )
    with pytest.raises(SelectionError, match="--artifacts"), open_place(request, print):
        pass


@pytest.mark.parametrize(
    "path", ["runner/probe/jobs.py", "scenarios/fake.py", "scenarios/catalog.toml"]
)
def test_the_digest_changes_with_all_that_a_probe_reads(tree, path):
    before = tool_digest(tree)
    assert tool_digest(tree) == before
    with (tree / path).open("a") as file:
        file.write("\n# changed\n")
    assert tool_digest(tree) != before


def test_without_its_packages_one_message_says_how_to_get_them(tmp_path):
    code = f"""
    import sys
    from pathlib import Path
    sys.modules["distributed"] = None
    from runner.domain.errors import ConfigurationError
    from runner.domain.request import Request
    from runner.executors.registry import open_place
    here = Path({str(tmp_path)!r})
    try:
        with open_place(Request(root=here, store=here, out=here, executor="dask")):
            pass
    except ConfigurationError as error:
        print(error)
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "optional packages for a Dask cluster are not installed" in said.stdout
    assert "-m pip install 'distributed>=2024.8'" in said.stdout


def test_a_scheduler_that_cannot_import_the_tool_is_said_so():
    said = team._explain(RuntimeError("Error during deserialization of the task graph.\nX"))
    assert said.startswith("scheduler or worker cannot import this tool")
    assert "import this tool" in team._explain(ModuleNotFoundError("No module named 'runner'"))
    assert team._explain(ValueError("a\n b")) == "ValueError: a b"


def test_workers_of_this_process_open_nothing_to_a_network(tmp_path):
    request = Request(root=REPOSITORY, store=tmp_path, out=tmp_path, executor="dask", workers=1)
    before = set(psutil.Process().net_connections())
    with open_place(request, print):
        opened = set(psutil.Process().net_connections()) - before
    listening = [each.laddr.ip for each in opened if each.status == psutil.CONN_LISTEN]
    assert set(listening) <= {"127.0.0.1"}
