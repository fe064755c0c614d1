"""The table of releases is made from what the index answers; nothing is taken without a pin."""

import tomllib
from datetime import date

import pytest

from runner.declare.environments import read_environments
from runner.declare.releases import Missing, Release
from runner.domain.errors import ProvisionError
from runner.executors import releases
from runner.executors.locks import lock_path, pinned_files, usable_lock

DAY = date(2026, 4, 3)
DIGEST = "a" * 64


@pytest.fixture
def minor():
    return releases.minor(read_environments().by_id("keras3.14"))


@pytest.fixture
def lock(minor):
    return usable_lock(minor.environment, lock_path(minor.environment.id))


def _answer(monkeypatch, text):
    monkeypatch.setattr(releases, "compile_lock", lambda *_, **__: text)


def test_only_what_must_differ_is_kept(monkeypatch, minor, lock):
    before = lock.content.decode().partition("\n")[2]
    pins = dict(pinned_files(before))
    pins["keras"] = f"keras==3.14.0 {DIGEST}"
    del pins["rich"]
    pins["extra"] = f"extra==1 {DIGEST}"
    text = "".join(
        " \\\n".join([one.split()[0], *(f"    --hash=sha256:{x}" for x in one.split()[1:])]) + "\n"
        for one in pins.values()
    )
    _answer(monkeypatch, text)
    assert releases.work_out(minor, "3.14.0", lock, DAY) == Release(
        id="keras3.14.0",
        released=DAY,
        lock=lock.digest,
        packages=(f"keras==3.14.0 {DIGEST}", f"extra==1 {DIGEST}"),
        without=("rich",),
    )


@pytest.mark.parametrize("text", ["", f"keras==3.14.1 \\\n    --hash=sha256:{DIGEST}\n"])
def test_an_answer_without_the_release_is_none(monkeypatch, minor, lock, text):
    _answer(monkeypatch, text)
    found = releases.work_out(minor, "3.14.0", lock, DAY)
    assert isinstance(found, Missing)
    assert "another version" in found.reason


def test_a_release_without_a_solution_says_why(monkeypatch, minor, lock):
    def fail(*_, **__):
        raise ProvisionError("x: no lock:\nBecause a needs b\nand c, no", cause="c", next_step="n")

    monkeypatch.setattr(releases, "compile_lock", fail)
    found = releases.work_out(minor, "3.14.0", lock, DAY)
    assert found == Missing(id="keras3.14.0", reason="Because a needs b")


def test_the_file_is_read_back_in_the_order_of_versions(tmp_path):
    found = [
        Release(id=f"keras3.{each}", released=DAY, lock=DIGEST, yanked=each == "2.0")
        for each in ("10.0", "2.1", "2.0")
    ]
    missing = [Missing(id="keras3.2.9", reason='it says "no"')]
    text = releases.file_text(found, missing, {"keras3.2": 1, "keras3.10": 2})
    read = tomllib.loads(text)
    assert [each["id"] for each in read["release"]] == ["keras3.2.0", "keras3.2.1", "keras3.10.0"]
    path = tmp_path / "releases.toml"
    path.write_text(text, encoding="utf-8")
    assert releases.read_file(path) == ([found[2], found[1], found[0]], missing)
