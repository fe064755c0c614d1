"""A pack of frozen artifacts, and a working tree of Keras that is held against the run it is of."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest
from matrix_harness import cells, copy_store, run, run_record

WRITER = "tf2.15"
CELL = "plain_dense/h5/tf2.15->keras@tree/none"
LINK = "https://github.com/keras-team/keras/pull/1"
DENSE = "keras/src/layers/core/dense.py"
RENAMED = (
    ("        use_bias=True,\n", "        with_bias=True,\n"),
    ("        self.use_bias = use_bias\n", "        self.use_bias = with_bias\n"),
    ('            "use_bias": self.use_bias,\n', '            "with_bias": self.use_bias,\n'),
)
PROJECT = """
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "keras"
version = "{version}"
dependencies = {requires}

[tool.setuptools.packages.find]
include = ["keras*"]
"""


@pytest.fixture(scope="module")
def pack(matrix, tree, tmp_path_factory) -> Path:
    """What the session's matrix has of one writer, packed twice without measuring anything."""
    folder = tmp_path_factory.mktemp("packs")
    made = []
    for name in ("one.zip", "two.zip"):
        finished = run(
            tree,
            *("artifacts", "export", str(folder / name), "--store", str(matrix.store)),
            *("--profile", "integration", "--writer", WRITER, "--format", "h5"),
            *("--scenario", "plain_dense", "--recorded"),
        )
        assert finished.code == 0, finished.text
        made.append((folder / name).read_bytes())
    assert made[0] == made[1]
    assert len(made[0]) < 1_000_000
    return folder / "one.zip"


@pytest.fixture(scope="module")
def frozen(matrix, pack, tree, tmp_path_factory) -> Path:
    """The session's store with the pack in it."""
    store = copy_store(matrix.store, tmp_path_factory.mktemp("frozen") / "store")
    finished = run(tree, "artifacts", "import", str(pack), "--store", str(store))
    assert finished.code == 0, finished.text
    return store


@pytest.fixture(scope="module")
def renamed(environments, tmp_path_factory) -> Path:
    """A working tree of Keras 3.15, in which `Dense` has another name for a key."""
    # On TensorFlow and on PyTorch it is the same package.
    installed = environments.glob("keras3.15-*/lib/*/site-packages/keras/src/version.py")
    packages = next(installed).parents[2]
    (metadata,) = packages.glob("keras-3*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    folder = tmp_path_factory.mktemp("sources") / "keras"
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(packages / "keras", folder / "keras", ignore=skip)
    project = PROJECT.format(
        version=re.findall(r"^Version: (.*)$", text, re.MULTILINE)[0],
        requires=json.dumps(re.findall(r"^Requires-Dist: ([\w-]+)$", text, re.MULTILINE)),
    )
    (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    dense = (folder / DENSE).read_text(encoding="utf-8")
    for before, after in RENAMED:
        assert dense.count(before) == 1
        dense = dense.replace(before, after)
    (folder / DENSE).write_text(dense, encoding="utf-8")
    return folder


def gate(tree, store, *more):
    return run(
        tree,
        *("gate", "--frozen", "--profile", "integration", "--store", str(store)),
        *("--writer", WRITER, "--scenario", "plain_dense", "--format", "h5"),
        *("--remedy", "none", "--repeats", "1", "--accepted", str(store / "accepted.toml")),
        *more,
    )


def test_a_renamed_key_is_found_accepted_and_the_acceptance_ends(matrix, tree, frozen, renamed):
    last = ("--release-baseline", str(matrix.store / "report"))
    build = (f"keras@tree={renamed}", "--base", "keras3.15")
    paths = {name: frozen / f"gate.{name}" for name in ("markdown", "json")}
    files = [text for name, path in paths.items() for text in (f"--{name}", str(path))]

    found = gate(tree, frozen, *last, "--reader", "keras@tree", "--with", *build, *files)
    assert found.code == 11, found.text
    assert "keras@tree is held against keras3.15" in found.out
    assert "1 of 1 ran 2 times, with the same verdict" in found.out
    assert f"1 cells regressed, the first: {CELL}" in found.err
    assert len(paths["markdown"].read_text(encoding="utf-8")) < 60_000
    agrees_with_compare(tree, matrix.store / "report", frozen / "report", paths["json"])

    (printed,) = re.findall(r"accept: nox -s (accept) -- (.*)", found.out)
    pasted = [printed[0], *shlex.split(printed[1]), "--store", str(frozen)]
    pasted += ["--file", str(frozen / "accepted.toml")]
    assert run(tree, *pasted).code == 3  # REASON and LINK are to be written
    filled = {"REASON": "the argument has a clearer name", "https://LINK": LINK}
    accepted = run(tree, *(filled.get(each, each) for each in pasted))
    assert accepted.code == 0, accepted.text

    # The build is the one of before: nothing is built, and nothing is measured.
    passes = gate(tree, frozen, *last, "--reader", "keras@tree")
    assert passes.code == 0, passes.text
    assert "The gate passes: 1 cells judged" in passes.out
    assert " to do" not in passes.out

    until = re.findall(r'^until = "(.*)"$', (frozen / "accepted.toml").read_text(), re.MULTILINE)
    expired = gate(
        tree, frozen, *last, "--reader", "keras@tree", "--release", until[0], "--recorded"
    )
    assert expired.code == 11, expired.text
    assert "expired acceptances, which cover nothing: 1" in expired.out

    # Repaired: the release itself, with the acceptance meant for it as well.
    path = frozen / "accepted.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("keras@*", "keras*"), "utf-8")
    junit = ("--junit", str(frozen / "gate.xml"))
    stale = gate(tree, frozen, *last, "--reader", "keras3.15", *junit)
    assert stale.code == 21, stale.text
    assert ": fixed: 1 of its 1 cells are equivalent" in stale.out
    decides_as_the_run_did(matrix.store, frozen)


def decides_as_the_run_did(store, frozen):
    """A release that reads a pack's artifacts comes out as when it read those of the writer."""
    before, after = cells(store), cells(frozen)
    assert len(after) == 1
    for column in ("outcome", "cause", "aspects", "artifact_sha256"):
        assert list(before.loc[after.index][column]) == list(after[column]), column
    record = {each["id"]: each for each in run_record(frozen)["environments"]}
    assert record["tf2.15"]["frozen"]["day"]
    assert "frozen" not in record["keras3.15"]
    suite = ET.parse(frozen / "gate.xml").getroot()
    assert after.index[0] in {each.get("name") for each in suite.iter("testcase")}


def agrees_with_compare(tree, before, after, decision):
    """The gate and `compare` tell the same of every cell that is not as it was."""
    held = json.loads(decision.read_text(encoding="utf-8"))["baselines"][0]["cells"]
    assert [(each["cell"], each["verdict"]) for each in held] == [(CELL, "regression")]
    compared = run(tree, "compare", str(before), str(after), "--reader", "keras@tree", "--gate")
    assert compared.code == 11, compared.text
    assert "`keras@tree` is held against `keras3.15`" in compared.out
    assert f"1 cells regressed, the first: {CELL}" in compared.err
    counts = dict(re.findall(r"^\| . \| (\w+) \| ([\d,]+) \|", compared.out, re.MULTILINE))
    table = pd.read_csv(after / "cells.csv", keep_default_na=False)
    assert int(counts["regressed"]) == list(table["verdict"]).count("regression")
    assert int(counts["appeared"]) == list(table["verdict"]).count("new")
    assert int(counts["fixed"]) == list(table["verdict"]).count("fixed")


def test_a_damaged_pack_is_refused(pack, tree, tmp_path, fails):
    path = tmp_path / "cut.zip"
    path.write_bytes(pack.read_bytes()[:-100])
    assert "no pack of artifacts" in fails(27, "artifacts", "import", str(path))
