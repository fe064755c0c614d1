"""Files put in place at once: whatever fails and whenever it is killed, one whole set is there."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from runner.domain.errors import MatrixError, StoreError
from runner.publish import placing
from runner.publish.placing import COMPLETE, GATHERED, place, settle

OURS = ("*.json", "*.csv", "site/*.html", "site/data/*.js")
OLD = {"run.json": b"old", "old.csv": b"old", "site/index.html": b"old", "site/data/a.js": b"same"}
NEW = {
    "run.json": b"new",
    "site/index.html": b"new",
    "site/new.html": b"",
    "site/data/a.js": b"same",
}
FOREIGN = {"notes.txt": b"mine", "site/CNAME": b"mine"}


def read(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and GATHERED not in path.parts
    }


def put(folder: Path, files: dict[str, bytes]) -> None:
    place(folder, files.items(), ours=OURS, durable=("run.json",))


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture(params=["exchanged", "moved", "inside"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with an earlier set and somebody else's files, for each way of replacing it."""
    folder = tmp_path / "out"
    put(folder, OLD)
    fill(folder, FOREIGN)
    if request.param == "moved":
        monkeypatch.setattr(placing, "_exchange", lambda one, other: False)
    if request.param == "inside":
        fill(folder, {"theirs/deep.txt": b"mine"})
    return folder


def expected(folder: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    theirs = {"theirs/deep.txt": b"mine"} if (folder / "theirs").exists() else {}
    return files | FOREIGN | theirs


def test_a_new_set_replaces_the_old_and_nothing_else(folder: Path) -> None:
    same = (folder / "site/data/a.js").stat()
    put(folder, NEW)

    assert read(folder) == expected(folder, NEW)
    assert [path.name for path in folder.parent.iterdir()] == ["out"]
    # What is the same is the same file, with its time.
    assert (folder / "site/data/a.js").stat().st_mtime_ns == same.st_mtime_ns


class Full(Exception):
    """Not an error of the file system: it must not be swallowed."""


@contextmanager
def failing(
    monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException
) -> Iterator[list[int]]:
    """Let the step-th call that changes the disk fail."""
    left = [step]

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise error
            return function(*arguments, **named)

        return call

    with monkeypatch.context() as patched:
        for name in ("mkdir", "rename", "replace", "unlink"):
            patched.setattr(Path, name, counted(getattr(Path, name)))
        patched.setattr(os, "link", counted(os.link))
        patched.setattr(placing, "write_all", counted(placing.write_all))
        patched.setattr(placing, "_exchange", counted(placing._exchange))
        yield left


@pytest.mark.parametrize("kind", [OSError, Full])
def test_whichever_step_fails_one_whole_set_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    failed = 0
    for step in range(1, 200):
        with failing(monkeypatch, step, kind(28, "No space left on device")) as left:
            try:
                put(folder, NEW)
            except (StoreError, Full):
                failed += 1
        settle(folder)
        found = read(folder)
        assert found in (expected(folder, OLD), expected(folder, NEW)), step
        put(folder, OLD)
        assert read(folder) == expected(folder, OLD)
        assert [path.name for path in folder.parent.iterdir()] == ["out"]
        if left[0] > 0:
            break
    assert failed > 5
    assert left[0] > 0, "not every step was tried"


def test_what_raises_while_it_makes_the_files_leaves_the_old_ones(folder: Path) -> None:
    def files() -> Iterator[tuple[str, bytes]]:
        yield "run.json", b"new"
        raise MatrixError("no")

    before = read(folder)
    with pytest.raises(MatrixError, match="no"):
        place(folder, files(), ours=OURS)
    assert read(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_killed_at_any_moment_one_whole_set_is_there(folder: Path) -> None:
    rng = random.Random(0)
    seen = set()
    for number in range(15):
        done, tell = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                for files in chain.from_iterable(repeat((NEW, OLD))):
                    put(folder, files)
                    os.write(tell, b".")
            finally:
                os._exit(1)
        os.close(tell)
        # Counted in sets put in place: a busy machine would be killed before the first.
        for _ in range(number % 4):
            assert os.read(done, 1), "it failed"
        time.sleep(rng.uniform(0.0, 0.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(done)
        settle(folder)
        whole = [read(folder) == expected(folder, files) for files in (OLD, NEW)]
        assert any(whole)
        seen.add(tuple(whole))
    put(folder, NEW)
    assert read(folder) == expected(folder, NEW)
    assert [path.name for path in folder.parent.iterdir()] == ["out"]
    assert not (folder / GATHERED).exists()
    assert len(seen) == 2, "it was never killed with the new set in place, or always"


def test_an_exchange_leaves_no_moment_of_two_sets(tmp_path: Path) -> None:
    """Without the tool's own help too: nothing is settled here before it is read."""
    folder = tmp_path / "out"
    put(folder, OLD)
    if not placing._exchange(folder, folder):
        pytest.skip("this file system cannot exchange two folders")
    child = os.fork()
    if child == 0:
        for files in chain.from_iterable(repeat((NEW, OLD))):
            put(folder, files)
    try:
        for _ in range(300):
            assert {path.name for path in folder.iterdir()} <= {"run.json", "old.csv", "site"}
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert read(folder) in (OLD, NEW)


def test_somebody_elses_folder_or_link_is_refused_before_anything_is_written(folder: Path) -> None:
    fill(folder, {"folder.json/inner.txt": b"mine"})
    before = read(folder)
    with pytest.raises(StoreError, match=r"folder\.json is a folder"):
        put(folder, NEW | {"folder.json": b"ours"})
    assert read(folder) == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(StoreError, match="file is where a folder"):
        put(tmp_path / "out", NEW)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_behind_a_link_is_replaced_where_it_is(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real"
    put(real, OLD)
    (tmp_path / "out").symlink_to(real)
    put(tmp_path / "out", NEW)
    assert (tmp_path / "out").is_symlink()
    assert read(real) == NEW


@pytest.mark.parametrize("said", ["", "[]", '{"files": ["../../x"], "stale": []}'])
def test_a_damaged_marker_is_one_clear_error(tmp_path: Path, said: str) -> None:
    fill(tmp_path, {f"{GATHERED}/{COMPLETE}": said.encode()})
    with pytest.raises(StoreError, match="cannot finish"):
        settle(tmp_path)


def test_the_folder_one_works_in_is_not_exchanged(tmp_path: Path, monkeypatch: Any) -> None:
    put(tmp_path / "out", OLD)
    monkeypatch.chdir(tmp_path / "out")
    put(Path(), NEW)
    assert {path.name for path in Path().iterdir()} == {"run.json", "site"}
