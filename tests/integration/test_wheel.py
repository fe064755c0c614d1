"""The wheel in a bare environment, called from an empty folder, read-only."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
LARGEST = 12_000_000
"""Bytes of the wheel; the tables of the published run are most of it."""
PACKAGE = Path(__file__).parent / "data" / "small_package"
SAMPLES = ROOT / "tests" / "unit" / "data" / "inspect"
CELL = "plain_dense/keras/keras3.0->keras3.15/none"
COMMANDS = (
    (0, "--help"),
    (0, "explain", "Unknown layer: Scale"),
    (9, "explain", "the sky is of another colour today"),
    (0, "explain", "--help"),
    (
        0,
        *("advise", "--scenario", "plain_dense", "--format", "keras"),
        *("--writer", "keras3.0", "--reader", "keras3.15"),
    ),
    (0, "show", CELL),
    (0, "claims"),
    (0, "causes", "truncated"),
    (0, "boundaries", "--scenario", "plain_dense", "--remedy", "none"),
    (0, "plan", "--profile", "smoke"),
    (0, "envs", "--profile", "smoke"),
    (0, "inspect", str(SAMPLES / "tf2.15_compiled.keras")),
    (8, "check", str(SAMPLES / "keras2.3.weights.h5")),
    (
        14,
        *("migrate", str(SAMPLES / "keras2.3.weights.h5")),
        *("--to", "keras3.15", "--out", "new.keras"),
    ),
)
"""Exit code and words."""
DIGESTS = """
from runner.cli.invocation import ROOT
from runner.declare.catalog import load_catalog
from runner.measure.digests import InputDigests, probe_digest

scenarios = load_catalog(ROOT).scenarios
digests = InputDigests(ROOT, scenarios, {})
print(probe_digest(ROOT))
for name in scenarios:
    print(name, digests.depends(name, "", "", "none").scenario)
"""
"""Prints what the results of a run are filed under, but for the built environments."""


def run(command: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **settings)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that nothing an earlier build left gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT)
    names = listed.stdout.splitlines() if listed.returncode == 0 else []
    if not names:
        pytest.skip("not a git clone")
    for name in names:
        if name.startswith(("reports/published/site/", "tests/")) or not (ROOT / name).is_file():
            continue
        (folder / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "clone" / name)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    built = run([uv or "uv", "build", "--quiet", "--wheel", "--out-dir", ".", "clone"], cwd=folder)
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an environment that holds the wheel and nothing else of ours."""
    folder = tmp_path_factory.mktemp("bare") / "environment"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    made = run([uv or "uv", "venv", "--quiet", "--python", sys.executable, str(folder)])
    assert made.returncode == 0, made.stderr
    python = str(folder / "bin" / "python")
    put = run([uv or "uv", "pip", "install", "--quiet", "--python", python, str(wheel)])
    assert put.returncode == 0, put.stderr
    return folder


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size < LARGEST


def test_each_command_runs_from_an_empty_folder(installed, tmp_path):
    (site,) = (installed / "lib").glob("python*/site-packages")
    ours = [site / name for name in ("runner", "scenarios", "containers", "reports")]
    before = {path for folder in ours for path in folder.rglob("*") if path.suffix != ".pyc"}
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}

    def call(words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        program = str(installed / "bin" / "keras-matrix")
        return run([program, *words], cwd=tmp_path, env=environment)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ended = list(pool.map(call, [words for _, *words in COMMANDS]))
    wrong = [
        (words, each.returncode, (each.stdout + each.stderr)[-1500:])
        for (code, *words), each in zip(COMMANDS, ended, strict=True)
        if each.returncode != code
        or "Traceback" in each.stdout + each.stderr
        or "nox -s" in each.stderr
    ]
    after = {path for folder in ours for path in folder.rglob("*") if path.suffix != ".pyc"}

    assert wrong == []
    assert after == before


def test_a_file_is_checked_from_any_folder(installed, environments, tmp_path):
    """The probe, the ways and the published run that predicts are in the wheel."""
    store = tmp_path / "store"
    store.mkdir()
    (store / "environments").symlink_to(environments)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    file = tmp_path / "model.keras"
    shutil.copy(SAMPLES / "tf2.15_compiled.keras", file)
    words = ["check", "model.keras", "--readers", "tf2.15,keras3.15", "--store", "store"]

    ended = run([str(installed / "bin" / "keras-matrix"), *words], cwd=tmp_path, env=environment)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "tf2.15     ✓ the same" in ended.stdout
    assert "scenarios like it" in ended.stdout
    assert "2 of 2 environments load it" in ended.stdout
    assert "keras.models.load_model('model.keras'" in ended.stdout


def test_the_plugin_measures_the_models_of_a_package(installed, environments, tmp_path):
    """A package of a user's, with xdist: each writer saves once, each reader has one process."""
    package = tmp_path / "package"
    shutil.copytree(PACKAGE, package)
    (package / ".matrix").mkdir()
    (package / ".matrix" / "environments").symlink_to(environments)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    python = str(installed / "bin" / "python")
    wanted = ["pytest", "pytest-xdist", str(package)]
    put = run([uv or "uv", "pip", "install", "--quiet", "--python", python, *wanted])
    assert put.returncode == 0, put.stderr
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    words = [
        "-m",
        "pytest",
        "checks/check_models.py",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-v",
        "-rx",
    ]

    ended = run([python, *words], cwd=package, env=environment)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "5 passed, 2 xfailed in" in ended.stdout
    assert "- load_error [unregistered_object]: The class is given to nobody. (" in ended.stdout
    of_reader: dict[str, set[str]] = {}
    for worker, reader in re.findall(r"\[(gw\d)\].*->([a-z0-9.]+)/\w+\]", ended.stdout):
        of_reader.setdefault(reader, set()).add(worker)
    assert {reader: len(workers) for reader, workers in of_reader.items()} == {
        "tf2.15": 1,
        "keras3.15": 1,
    }
    with closing(sqlite3.connect(package / ".matrix" / "observations.sqlite")) as store:
        saves = [row[0] for row in store.execute("SELECT id FROM record WHERE kind = 'save'")]
    own = sorted(each for each in saves if each.startswith("check_models"))
    assert own == [
        "check_models.doubling_model/keras/keras3.15",
        "check_models.small_model/h5/keras3.15",
        "check_models.small_model/h5/tf2.15",
    ]


def test_the_measured_code_is_that_of_the_clone(installed):
    (site,) = (installed / "lib").glob("python*/site-packages")
    folders = ("runner/probe", "runner/fileprobe", "scenarios", "containers")
    unlike = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and (
            not (site / path.relative_to(ROOT)).is_file()
            or (site / path.relative_to(ROOT)).read_bytes() != path.read_bytes()
        )
    ]

    assert unlike == []


def test_the_digests_are_those_of_the_clone(installed, tmp_path):
    clone = run([sys.executable, "-c", DIGESTS], cwd=ROOT)
    there = run([str(installed / "bin" / "python"), "-c", DIGESTS], cwd=tmp_path)

    assert clone.returncode == 0, clone.stderr
    assert len(clone.stdout.splitlines()) > 100
    assert there.stdout == clone.stdout, there.stderr
