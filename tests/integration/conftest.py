"""Real environments, built once and shared by every integration test.

MATRIX_TEST_STORE names the store they are kept in (default: .matrix-tests in the
repository). Each test measures in a store of its own, whose `environments` is a link.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Test modules are imported by path; what they share lies beside them.
sys.path.insert(0, str(HERE))

from matrix_harness import (  # noqa: E402
    ENVIRONMENTS,
    EVERYWHERE,
    REPOSITORY,
    SCENARIOS,
    Measured,
    copy_tree,
    make_store,
    run,
    selection,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository; tests do not change it."""
    return copy_tree(tmp_path_factory.mktemp("tree") / "repository")


@pytest.fixture
def own_tree(tmp_path: Path) -> Path:
    """A copy of the repository that a test may change."""
    return copy_tree(tmp_path / "repository")


@pytest.fixture(scope="session")
def kept() -> Path:
    """The store whose built environments are kept for the next time."""
    return Path(os.environ.get("MATRIX_TEST_STORE") or REPOSITORY / ".matrix-tests").absolute()


@pytest.fixture(scope="session")
def environments(tree: Path, kept: Path) -> Path:
    """The folder of the built environments, built now where they are not there yet."""
    built = run(tree, "envs", "--build", "--profile", "integration", "--store", str(kept))
    assert built.code == 0, built.text
    assert f"{len(ENVIRONMENTS)} of {len(ENVIRONMENTS)} environments are ready" in built.out
    return (kept / "environments").resolve()


@pytest.fixture(scope="session")
def matrix(tree: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The matrix of four environments, measured once for all tests that only look at it."""
    store = make_store(tmp_path_factory.mktemp("matrix") / "store", environments)
    arguments = ("run", *selection(store, profile="integration", scenarios=SCENARIOS))
    finished = run(tree, *arguments)
    return Measured(finished, store, arguments)


@pytest.fixture(scope="session")
def local(tree: Path, kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The selection that every executor measures, in processes of this machine."""
    (kept / "environments").mkdir(parents=True, exist_ok=True)
    environments = (kept / "environments").resolve()
    store = make_store(tmp_path_factory.mktemp("local") / "store", environments)
    chosen = selection(store, profile="contained", scenarios=SCENARIOS)
    arguments = ("run", *chosen, *EVERYWHERE)
    return Measured(run(tree, *arguments), store, arguments)


@pytest.fixture
def store(tmp_path: Path, environments: Path) -> Path:
    """An empty store with the built environments."""
    return make_store(tmp_path / "store", environments)


@pytest.fixture
def fails(tree: Path, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must end with one clear message, and give that message."""

    def check(code: int, *arguments: str, tree: Path = tree) -> str:
        if "--store" not in arguments and arguments[0] != "plan":
            arguments = (*arguments, "--store", str(tmp_path / "unused"))
        finished = run(tree, *arguments)
        assert finished.code == code, finished.text
        assert "Traceback" not in finished.err, finished.text
        assert finished.err.count("error: ") == 1, finished.text
        return finished.err

    return check
