"""Sources: copied or fetched, with nothing of them executed."""

import subprocess

import pytest

from runner.domain.errors import BuildError
from runner.executors.builds.sources import copy_checkout, fetch_commit


def names(folder):
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def test_a_checkout_is_copied_without_what_is_made_from_it(tmp_path):
    checkout = tmp_path / "keras"
    for name in (
        "pyproject.toml",
        "keras/build/__init__.py",
        "build/lib/keras/old.py",
        "keras.egg-info/PKG-INFO",
        ".git/config",
        "env/pyvenv.cfg",
        "keras/__pycache__/a.pyc",
    ):
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (checkout / "outside").symlink_to("/etc/passwd")
    copy_checkout(checkout, tmp_path / "copy")
    assert names(tmp_path / "copy") == [
        *("keras", "keras/build", "keras/build/__init__.py", "outside", "pyproject.toml")
    ]
    assert (tmp_path / "copy" / "outside").is_symlink()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*arguments):
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    (folder / "pyproject.toml").write_text("one")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    git("checkout", "--quiet", "-b", "feature/x")
    (folder / "pyproject.toml").write_text("two")
    git("commit", "--quiet", "-am", "two")
    return folder, git


def test_a_reference_is_fetched(tmp_path, repository):
    folder, git = repository
    for reference, text in (
        ("main", "one"),
        ("feature/x", "two"),
        (git("rev-parse", "main"), "one"),
    ):
        target = tmp_path / text / reference.replace("/", "-")
        target.parent.mkdir(exist_ok=True)
        commit = fetch_commit(f"git+{folder.as_uri()}@{reference}", target)
        assert commit == git("rev-parse", reference)
        assert names(target) == ["pyproject.toml"]
        assert (target / "pyproject.toml").read_text() == text


def test_a_reference_that_is_not_there_is_named(tmp_path, repository):
    folder, _ = repository
    with pytest.raises(BuildError, match="no reference 'nope'") as error:
        fetch_commit(f"git+{folder.as_uri()}@nope", tmp_path / "target")
    assert error.value.next_step == f"git ls-remote {folder.as_uri()}"


def test_a_repository_that_is_not_there_is_named(tmp_path):
    source = f"git+{(tmp_path / 'nothing').as_uri()}@main"
    with pytest.raises(BuildError, match="cannot be fetched") as error:
        fetch_commit(source, tmp_path / "target")
    assert "no such repository" in error.value.cause


def test_an_option_in_the_place_of_an_address_is_none(tmp_path):
    with pytest.raises(BuildError):
        fetch_commit(f"git+--upload-pack=touch {tmp_path}/pwned@main", tmp_path / "target")
    assert not (tmp_path / "pwned").exists()
