"""The sessions are those the documentation promises, and locks are installed once."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SESSIONS = (
    *("matrix", "plan", "envs", "images", "show", "advise", "report", "compare", "claims"),
    *("boundaries", "singletons", "audit", "bench", "update", "docs", "preview"),
    *("lint", "types", "layers", "scripts", "unit", "browser", "tests"),
)
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def noxfile() -> ModuleType:
    found = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class Session:
    """What `install` uses of a session of nox."""

    def __init__(self, folder: Path) -> None:
        self.location = str(folder)
        self.virtualenv = self
        self.installed: list[tuple[str, ...]] = []

    def install(self, *arguments: str) -> None:
        self.installed.append(arguments)


@pytest.mark.parametrize("name", SESSIONS)
def test_every_session_is_there_and_says_what_it_does(noxfile, name):
    assert getattr(noxfile, name).__doc__


def test_a_lock_is_installed_once_and_again_when_it_changes(noxfile, tmp_path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("one==1\n")
    session = Session(tmp_path)
    noxfile.install(session, lock)
    noxfile.install(session, lock)
    assert session.installed == [("--require-hashes", "--requirement", str(lock))]
    lock.write_text("one==2\n")
    noxfile.install(session, lock)
    assert len(session.installed) == 2


def test_an_installation_that_failed_is_tried_again(noxfile, tmp_path, monkeypatch):
    lock = tmp_path / "requirements.txt"
    lock.write_text("one==1\n")
    session = Session(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(session, "install", lambda *_: pytest.fail("no network"))
        with pytest.raises(pytest.fail.Exception):
            noxfile.install(session, lock)
    noxfile.install(session, lock)
    assert len(session.installed) == 1


def test_locks_hold_every_requirement_with_its_hash():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tool = project["dependencies"]
    development = project["optional-dependencies"]["dev"]
    locks = {"runner/requirements.txt": tool, "tests/requirements.txt": [*tool, *development]}
    for path, requirements in locks.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        pins = dict(PIN.findall(text))
        for requirement in requirements:
            assert re.split(r"[\[><=]", requirement)[0] in pins, f"{path}: next: nox -s update"
        assert text.count("==") <= text.count("--hash=sha256:") + text.count("python_full_version")


def test_both_locks_agree():
    tool, development = (
        dict(PIN.findall((ROOT / path).read_text(encoding="utf-8")))
        for path in ("runner/requirements.txt", "tests/requirements.txt")
    )
    assert {name: development.get(name) for name in tool} == tool
