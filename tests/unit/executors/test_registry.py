"""Every registered executor keeps the interface; a new row needs nothing else."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runner.domain import ProvisionedEnvironment, request
from runner.domain.errors import ProvisionError, SelectionError
from runner.domain.request import Request
from runner.executors import registry
from runner.executors.interface import Crew, Executor, Place, Probe, Settings
from runner.executors.registry import EXECUTORS, ExecutorRow, executor_row, open_place

SHARED = {"builds", "sandbox"}
"""What serves the executors, and is none."""
REPOSITORY = Path(__file__).resolve().parents[3]


class FakeEngine:
    """What the docker SDK's client is asked for before a container starts."""

    def __init__(self) -> None:
        self.api = self
        self.containers = self
        self.timeout = 0.0
        self.closed = False

    def info(self) -> dict[str, list[str]]:
        return {"SecurityOptions": []}

    def list(self, **_filters: object) -> list[object]:
        return []

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def request_of(tmp_path, monkeypatch):
    """Return a request for an executor, on a machine where each can be opened."""
    from runner.executors.docker import place

    monkeypatch.setattr(place, "connect", FakeEngine)
    return lambda name: Request(
        root=REPOSITORY, store=tmp_path / "store", out=tmp_path / "out", executor=name
    )


def _missing(found: object, interface: type) -> list[str]:
    """Return the members of an interface that an object lacks, or has with other arguments."""
    wrong = []
    for name, wanted in vars(interface).items():
        if name.startswith("_"):
            continue
        if isinstance(wanted, property):
            if not isinstance(getattr(found, name, None), str):
                wrong.append(f"{name} is no text")
            continue
        own = getattr(type(found), name, None)
        if own is None or list(inspect.signature(own).parameters) != list(
            inspect.signature(wanted).parameters
        ):
            wrong.append(f"{name}{inspect.signature(wanted)}")
    return wrong


@pytest.mark.parametrize("row", EXECUTORS, ids=lambda row: row.name)
def test_each_executor_keeps_the_interface(row, request_of):
    with open_place(request_of(row.name)) as place:
        assert _missing(place, Place) == []
        crew = place.crew(Settings())
        assert _missing(crew, Crew) == []
        assert _missing(crew.again(), Crew) == []
        executor = getattr(crew, "executor", None)
        if executor is not None:
            assert _missing(executor, Executor) == []
            assert executor.isolation
        # Before anything was started, and twice: a run ends in more ways than one.
        crew.close()
        crew.close()
        place.abandon()


def test_a_member_that_is_missing_or_takes_something_else_is_noticed():
    class Half:
        isolation = "none"

        def start(self, folder: Path) -> None: ...

    assert len(_missing(Half(), Executor)) == 2


@pytest.mark.parametrize("row", EXECUTORS, ids=lambda row: row.name)
def test_a_failed_provision_is_a_value_of_its_environment(row, request_of, monkeypatch):
    from runner.declare.environments import read_environments

    environment = read_environments().environments[0]
    unlocked = type(environment)(
        **{
            **{name: getattr(environment, name) for name in type(environment).__slots__},
            "id": "never-locked",
        }
    )
    with open_place(request_of(row.name)) as place:
        found = place.provision(unlocked)
    assert isinstance(found, ProvisionError)
    assert found.message.startswith("never-locked: ")
    assert found.next_step == "run: nox -s update -- never-locked"


def test_names_are_unique_and_said_in_words():
    assert len(set(registry.NAMES)) == len(EXECUTORS)
    assert all(row.summary and row.name == row.name.lower() for row in EXECUTORS)


def test_each_executor_is_a_folder_and_a_row():
    """A folder nobody registered, or a row without a folder, is half an executor."""
    folders = {
        path.parent.name for path in (REPOSITORY / "runner" / "executors").glob("*/__init__.py")
    }
    assert folders - SHARED == set(registry.NAMES)
    for row in EXECUTORS:
        assert row.module == f"runner.executors.{row.name}.place"


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(SelectionError) as caught:
        executor_row("dokcer")
    assert "local, docker" in str(caught.value)


NEW = """
from contextlib import contextmanager
from types import SimpleNamespace

@contextmanager
def open_place(request, warn):
    warn("opened")
    yield SimpleNamespace(request=request)
"""


def test_a_new_row_needs_nothing_else(tmp_path, monkeypatch, request_of):
    """It is opened by its name."""
    (tmp_path / "cloud_place.py").write_text(NEW)
    monkeypatch.syspath_prepend(tmp_path)
    row = ExecutorRow(name="cloud", summary="other machines", contained=True, module="cloud_place")
    monkeypatch.setattr(registry, "EXECUTORS", (*EXECUTORS, row))
    said = []
    with open_place(request_of("cloud"), said.append) as place:
        assert place.request.executor == "cloud"
    assert said == ["opened"]


def test_nobody_branches_on_a_name():
    """The names are in the rows, and the default's in the request; in no other code of the tool."""
    names = set(registry.NAMES)
    own = {Path(registry.__file__), Path(request.__file__)}
    found = []
    for path in sorted((REPOSITORY / "runner").rglob("*.py")):
        if path in own or "probe" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [
            f"{path.relative_to(REPOSITORY)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in names
        ]
    assert found == []


def test_local_processes_never_import_the_docker_library(tmp_path):
    code = f"""
    import json, sys
    from pathlib import Path
    from runner.domain.request import Request
    from runner.executors.interface import Settings
    from runner.executors.registry import open_place
    request = Request(root=Path({str(REPOSITORY)!r}), store=Path({str(tmp_path)!r}), out=Path("/x"))
    with open_place(request) as place:
        place.crew(Settings())
    print(json.dumps(sorted(set(sys.modules) & {{"docker", "requests", "urllib3"}})))
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(said.stdout) == []


def test_a_local_environment_is_checked_once_before_its_first_probe(tmp_path, monkeypatch):
    from runner.executors.local import processes

    seen = []
    executor = processes.LocalExecutor(tmp_path, seen.append)
    monkeypatch.setattr(processes.process, "start_logged", lambda *_args, **_options: None)
    monkeypatch.setattr(processes.confine, "cpu_seconds", lambda _: 1)
    built = _provisioned()
    probes = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "batch.json").write_text('{"jobs": []}')
        probes.append(executor.start(tmp_path / name, built))
    assert seen == [built]
    assert all(_missing(probe, Probe) == [] for probe in probes)


def test_a_damaged_local_environment_that_cannot_be_mended_starts_nothing(tmp_path, monkeypatch):
    from runner.executors.local import processes

    def refuse(_: ProvisionedEnvironment) -> None:
        raise ProvisionError("x: it is damaged", cause="c", next_step="repeat the command")

    started = []
    monkeypatch.setattr(processes.process, "start_logged", lambda *_a, **_o: started.append(1))
    executor = processes.LocalExecutor(tmp_path, refuse)
    for _ in range(2):
        with pytest.raises(ProvisionError):
            executor.start(tmp_path, _provisioned())
    assert started == []


def _provisioned() -> ProvisionedEnvironment:
    from runner.declare.environments import read_environments

    return ProvisionedEnvironment(
        environment=read_environments().environments[0],
        executable="/somewhere/bin/python",
        lock_digest="ab" * 32,
        python_version="3.7.9",
        resolved={},
        import_s=1.0,
        fork=True,
    )
