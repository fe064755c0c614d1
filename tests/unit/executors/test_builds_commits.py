"""The commits of a real repository, made here: listed, and laid out without a change of it."""

from __future__ import annotations

import subprocess

import pytest

from runner.domain.errors import SelectionError
from runner.executors.builds.commits import (
    changed_files,
    commits_between,
    lay_out,
    read_commit,
    remove_trees,
)


def git(folder, *arguments):
    settings = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder, subject, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path.with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "--message", subject)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commits") / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "one", keras__a="1")
    git(folder, "tag", "v1")
    commit(folder, "two", keras__a="2", other="x")
    commit(folder, "of no package", other="y")
    git(folder, "checkout", "--quiet", "-b", "branch")
    commit(folder, "three, begun", keras__a="3b")
    commit(folder, "three, ended", keras__a="3")
    git(folder, "checkout", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "merge of three", "branch")
    commit(folder, "four", keras__a="4")
    return folder


def test_the_commits_that_change_the_package_are_listed_oldest_first(repository):
    found = commits_between(repository, "v1", "main", "keras")
    assert [each.subject for each in found] == ["one", "two", "merge of three", "four"]
    assert len({each.tree for each in found}) == 4
    assert all(len(each.sha) == 40 and each.short == each.sha[:10] for each in found)


def test_the_package_of_a_commit_is_laid_out_and_the_checkout_stays(repository, tmp_path):
    before = git(repository, "status", "--porcelain"), git(repository, "rev-parse", "HEAD")
    one = lay_out(repository, "v1", "keras", tmp_path)

    assert (one / "keras" / "a.py").read_text() == "1"
    assert [each.name for each in one.iterdir()] == ["keras"]
    assert lay_out(repository, "v1", "keras", tmp_path) == one
    assert (
        git(repository, "status", "--porcelain"),
        git(repository, "rev-parse", "HEAD"),
    ) == before
    assert [each.name for each in one.parent.iterdir()] == [one.name]
    remove_trees(tmp_path)
    assert not one.exists()


def test_uncommitted_changes_of_the_package_are_noticed(repository):
    assert not changed_files(repository, "keras")
    path = repository / "keras" / "a.py"
    path.write_text("5")
    try:
        assert changed_files(repository, "keras")
        assert not changed_files(repository, "other.py")
    finally:
        path.write_text("4")


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("main", "v1", "does not come before"),
        ("v1", "v1", "have the same keras/"),
        ("main~1^1", "main~1^1~1", "have the same keras/"),
        ("v9", "main", "there is no"),
        ("--upload-pack=x", "main", "there is no"),
    ],
)
def test_ends_that_are_none_are_refused(repository, good, bad, said):
    with pytest.raises(SelectionError, match=said) as raised:
        commits_between(repository, good, bad, "keras")
    assert "git -C" in raised.value.next_step


def test_a_package_or_a_repository_that_is_none_is_refused(repository, tmp_path):
    with pytest.raises(SelectionError, match=r"path .tf_keras. does not exist"):
        read_commit(repository, "main", "tf_keras")
    with pytest.raises(SelectionError, match="is no checkout"):
        read_commit(tmp_path, "main", "keras")
    with pytest.raises(SelectionError, match="is no checkout"):
        read_commit(tmp_path / "missing", "main", "keras")


def test_a_link_that_leads_out_of_the_commit_is_not_laid_out(repository, tmp_path):
    from runner.domain.errors import BuildError

    git(repository, "checkout", "--quiet", "-b", "links", "v1")
    try:
        (repository / "keras" / "out").symlink_to("/etc/passwd")
        commit(repository, "a link")
        with pytest.raises(BuildError, match="cannot be laid out"):
            lay_out(repository, "links", "keras", tmp_path)
    finally:
        git(repository, "checkout", "--quiet", "main")
    assert list((tmp_path / "builds" / "trees").iterdir()) == []
