"""Drives the real command line in a copy of the repository; used by every integration test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

DATABASE = "observations.sqlite"
REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("tf1.15", "tf2.15", "keras3.15", "keras3.15-torch")
SCENARIOS = ("plain_dense", "l2_sequential", "custom_layer_trained.corrected", "truncated_file")
EVERYWHERE = ("--remedies", "needed", "--remedy", "none,custom_objects,rewrite,hop")
"""What is measured by every executor: loads, and files that the tool or a job makes of others."""
PROFILES = f"""[profiles]
integration = {json.dumps(ENVIRONMENTS)}
pair = ["tf2.15", "keras3.15-torch"]
contained = ["tf2.15", "keras3.15-jax"]
single = ["tf2.15"]
"""
COMMAND_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        return f"exit {self.code} after {self.seconds:.1f} s\n{self.out}\n{self.err}"


@dataclass(frozen=True, slots=True)
class Measured:
    """A run that has ended, and where its store is."""

    finished: Finished
    store: Path
    arguments: tuple[str, ...]


def copy_tree(target: Path) -> Path:
    """Copy what a run needs, with profiles of few environments besides the declared ones."""
    for name in ("runner", "scenarios", "containers", "reports/templates", "reports/schemas"):
        shutil.copytree(
            REPOSITORY / name, target / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    # With the noxfile it is a clone, and messages name sessions of nox.
    for name in ("pyproject.toml", "noxfile.py"):
        shutil.copy(REPOSITORY / name, target)
    declared = target / "containers" / "environments.toml"
    text = declared.read_text(encoding="utf-8")
    assert text.count("[profiles]\n") == 1
    declared.write_text(text.replace("[profiles]\n", PROFILES), encoding="utf-8")
    return target


def make_store(folder: Path, environments: Path) -> Path:
    """Make an empty store that shares built environments with others."""
    folder.mkdir(parents=True)
    (folder / "environments").symlink_to(environments)
    return folder


def copy_store(source: Path, target: Path) -> Path:
    """Copy what a store knows; the built environments stay where they are."""
    make_store(target, (source / "environments").resolve())
    shutil.copy(source / DATABASE, target)
    shutil.copytree(source / "artifacts", target / "artifacts")
    return target


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "runner", *arguments]


def start(tree: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command line in a tree, as a shell would: its own process group."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.Popen(
        command(*arguments),
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = COMMAND_TIMEOUT_S) -> Finished:
    """Wait for a command and give what it said; a hang fails the test and leaves nothing."""
    begun = time.monotonic()
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        raise
    return Finished(process.returncode, out, err, time.monotonic() - begun)


def run(tree: Path, *arguments: str) -> Finished:
    """Run the command line in a tree to its end."""
    return finish(start(tree, *arguments))


def selection(
    store: Path, *, profile: str, scenarios: Sequence[str], formats: Sequence[str] = ("h5", "keras")
) -> list[str]:
    return [
        "--profile",
        profile,
        "--scenario",
        ",".join(scenarios),
        "--format",
        ",".join(formats),
        "--store",
        str(store),
    ]


def cells(store: Path) -> pd.DataFrame:
    """Read the table that a store's run published."""
    return read_cells(store / "report")


def require_same_cells(one: Path, other: Path) -> None:
    """Fail unless two published runs have the same cells, each with the same result."""
    found, wanted = read_cells(one), read_cells(other)
    assert len(found) > 10
    assert sorted(found.index) == sorted(wanted.index)
    columns = ["outcome", "cause", "aspects", "exception", "message", "verdict"]
    different = found[columns].compare(wanted.loc[found.index, columns])
    assert different.empty, different


def read_cells(report: Path) -> pd.DataFrame:
    """Read a published table, one row a cell, by `scenario/format/writer->reader/remedy`."""
    table = pd.read_csv(report / "cells.csv", keep_default_na=False)
    ends = table["writer"] + "->" + table["reader"]
    table.index = pd.Index(
        table["scenario"] + "/" + table["format"] + "/" + ends + "/" + table["remedy"]
    )
    return table


def observed(store: Path, cell: str) -> dict[str, Any]:
    """Read the observation of one cell."""
    table = pd.read_parquet(store / "report" / "observations.parquet")
    scenario, format_, ends, remedy = cell.split("/")
    writer, reader = ends.split("->")
    parts = {
        "scenario": scenario,
        "format": format_,
        "writer": writer,
        "reader": reader,
        "remedy": remedy,
    }
    for name, value in parts.items():
        table = table[table[name] == value]
    assert len(table) == 1, cell
    found: dict[str, Any] = table.iloc[0].to_dict()
    return found


def run_record(store: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((store / "report" / "run.json").read_text(encoding="utf-8"))
    return found


def journal(store: Path) -> list[dict[str, Any]]:
    """Read the records of the store's database, in the order in which they were made."""
    path = store / DATABASE
    if not path.exists():
        return []
    names = ("kind", "id", "inputs", "observation")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute(
                "SELECT kind, id, inputs, observation FROM record ORDER BY number"
            ).fetchall()
        except sqlite3.OperationalError:
            return []  # its tables are being made
    return [dict(zip(names, (*row[:3], json.loads(row[3])), strict=True)) for row in rows]


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def observed_so_far(store: Path) -> dict[Path, list[dict[str, Any]]]:
    """Read what the probes at work have written, by their batches' folders.

    The files have no names while they are written: this machine's processes hold them open.
    """
    found: dict[Path, list[dict[str, Any]]] = {}
    for place in _open_files():
        try:
            path = Path(str(place.readlink()).removesuffix(" (deleted)"))
            if path.name == "observations.jsonl" and path.is_relative_to(store):
                lines = place.read_text(encoding="utf-8").splitlines(keepends=True)
                found[path.parent] = [json.loads(line) for line in lines if line.endswith("\n")]
        except OSError:
            continue
    return found


def _open_files() -> Iterator[Path]:
    """Give every file that processes of this machine hold open; of one that just ended, none."""
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            held = list(folder.iterdir())
        except OSError:
            continue
        yield from held


def probes_of(store: Path) -> list[psutil.Process]:
    """Return every live process that works for a store: probes and their children."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            line = process.cmdline()
            mark = process.environ().get("KERAS_MATRIX_BATCH", "")
        except psutil.Error:
            continue
        if mark.startswith(str(store)) or any(each.startswith(f"{store}/batches") for each in line):
            found.append(process)
    return found
