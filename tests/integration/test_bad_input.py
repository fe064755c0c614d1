"""Bad declarations, selectors and disks: one clear message and the documented exit code."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from matrix_harness import cells, finish, journal, run, selection, start, wait_for


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenario", "plain_dens"), "plain_dense"),
        (("--writer", "tf2.99"), "tf2.99"),
        (("--format", "h6"), "h6"),
        (("--remedy", "custom_object"), "custom_objects"),
        (("--select", "plain_dense/h5/tf2.15"), "writer->reader"),
        (("--select", "a/b/c->d/e/f"), "more than four parts"),
        (("--profile", "nightly"), "nightly"),
        (("--scenario", "l2_sequential", "--format", "tf_checkpoint"), "matches no cell"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_unknown_ids_and_empty_selections(fails, verb, arguments, said):
    if verb == "run" and "matches no cell" in said:
        pytest.skip("covered by plan; a run would build the default profile first")
    assert said in fails(2, verb, *arguments)


def test_a_run_whose_selection_is_empty_says_so(fails, store):
    chosen = selection(store, profile="single", scenarios=["l2_sequential"], formats=["export"])
    message = fails(2, "run", *chosen)
    assert "matches no cell" in message


@pytest.mark.parametrize(
    "name", ["scenarios/catalog.toml", "scenarios/remedies.toml", "containers/environments.toml"]
)
def test_malformed_toml_names_file_and_line(fails, own_tree, name):
    path = own_tree / name
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, "", "[[[broken"]), encoding="utf-8")
    message = fails(3, "plan", tree=own_tree)
    assert name.rpartition("/")[2] in message
    assert str(len(lines) + 2) in message


def test_a_scenario_with_a_syntax_error_names_file_and_line(fails, own_tree):
    path = own_tree / "scenarios" / "plain_dense.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, "def broken(:"]), encoding="utf-8")
    message = fails(3, "run", "--profile", "single", tree=own_tree)
    assert f"plain_dense.py:{len(lines) + 1}" in message


def test_show_without_a_run(fails):
    assert "nox -s matrix" in fails(6, "show", "plain_dense/h5/tf2.15->tf2.15/none")


def test_a_store_below_a_file(fails, tmp_path):
    (tmp_path / "file").write_text("")
    chosen = ("--profile", "single", "--store", str(tmp_path / "file" / "store"))
    assert "file" in fails(6, "run", *chosen)


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a memory file system; skip the test where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip(f"mount is not allowed here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_read_only_store(fails, tmp_path):
    with mounted(tmp_path / "disk", "size=8m,ro") as disk:
        message = fails(6, "run", "--profile", "single", "--store", str(disk))
    assert str(disk) in message
    assert "--store" in message


def test_a_disk_that_is_already_full(fails, environments, tmp_path):
    with mounted(tmp_path / "disk", "size=32k") as disk:
        (disk / "environments").symlink_to(environments)
        chosen = selection(disk, profile="single", scenarios=["plain_dense"])
        message = fails(6, "run", *chosen)
    assert "the disk is full" in message


def test_a_disk_that_fills_up_stops_the_run_and_loses_nothing(tree, environments, tmp_path):
    with mounted(tmp_path / "disk", "size=130m") as disk:
        (disk / "environments").symlink_to(environments)
        chosen = selection(disk, profile="single", scenarios=["plain_dense", "l2_sequential"])
        measuring = start(tree, "run", *chosen)
        wait_for(lambda: len(journal(disk)), 120, "a first result")
        (disk / "other").write_bytes(bytes(124_000_000))
        stopped = finish(measuring)
        assert stopped.code == 6, stopped.text
        assert stopped.err.count("the disk is full") == 1
        (disk / "other").unlink()
        kept = journal(disk)
        assert all(each["observation"]["status"] != "harness_error" for each in kept)
        again = run(tree, "run", *chosen)
        assert again.code == 0, again.text
        assert journal(disk)[: len(kept)] == kept
        assert set(cells(disk)["outcome"]) <= {"equivalent", "diverged", "load_error"}
