"""A real Keras 3 as commits of a repository: the one that breaks a model of one's own is found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from matrix_harness import make_store, run

BROKEN = """

def _broken(cls, config):
    raise ValueError("broken on purpose")


Dense.from_config = classmethod(_broken)
"""
CELL = "noisy_head/h5/keras3.15->keras@commit/none"


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def checkout(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed Keras 3.15 as three commits: sound, broken at import, broken in one place."""
    folder = tmp_path_factory.mktemp("bisect") / "keras"
    # Its key has 12 digits; with another backend there is a name before it.
    (installed,) = environments.glob(f"keras3.15-{'?' * 12}/lib/python3.*/site-packages/keras")
    shutil.copytree(
        installed, folder / "keras", ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    dense = folder / "keras" / "src" / "layers" / "core" / "dense.py"
    sound = dense.read_text(encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch=main")

    def commit(text: str, subject: str) -> None:
        dense.write_text(text, encoding="utf-8")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", subject)

    commit(sound, "sound")
    git(folder, "tag", "good")
    commit(sound + "\ndef (\n", "cannot be imported")
    commit(sound + BROKEN, "breaks from_config")
    return folder


def test_the_commit_that_breaks_a_model_of_ones_own_is_found(
    tree: Path, environments: Path, checkout: Path, tmp_path: Path
) -> None:
    store = make_store(tmp_path / "store", environments)
    own = tmp_path / "models"
    assert run(tree, "scenario", "new", "noisy_head", "--into", str(own)).code == 0
    options = ["--scenarios", str(own), "--commits", str(checkout), "--base", "keras3.15"]
    options += ["--good", "good", "--bad", "main", "--store", str(store)]

    found = run(tree, "bisect", CELL, *options)

    assert found.code == 0, found.text
    assert "3 commits change keras/; tried: 3" in found.out
    assert "unknown  keras@" in found.out
    assert "SyntaxError" in found.out
    assert "one of these, or" in found.out
    assert "ValueError: broken on purpose" in found.out
    assert "both results came again in fresh processes" in found.out
    assert git(checkout, "status", "--porcelain") == ""

    # Everything is recorded now; git is told of what is checked out, with its own code.
    judged = run(tree, "bisect", CELL, *options, "--here")
    assert judged.code == 1, judged.text
    assert "to do" not in judged.out, judged.text
