"""The commits of a checkout: what lies between two of them, and the package of one, laid out.

Input: a folder that git knows, and references. Output: the commits that touch the package, oldest
first; and a folder `<store>/builds/trees/<tree>/` with the package as it is in a commit. Nothing of
the checkout is changed or executed: git reads its objects and is told to run no hook.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.domain.errors import BuildError, SelectionError
from runner.host import process
from runner.host.process import Completed
from runner.store.builds import builds_folder

TREES = "trees"
GIT_TIMEOUT_S = 300.0
_HARMLESS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """One commit of a checkout."""

    sha: str
    tree: str
    """Of the package's folder: two commits with the same one cannot differ."""
    day: str
    """When it was committed: ISO 8601."""
    subject: str

    @property
    def short(self) -> str:
        """The first digits, as git shows them."""
        return self.sha[:10]


def commits_between(repository: Path, good: str, bad: str, package: str) -> list[Commit]:
    """Return the commits from one to the other that change the package, both ends included.

    Only the first parent of a merge is followed: a branch counts as the commit that merged it.

    Raises:
        SelectionError: there is no such folder or reference, or one does not lead to the other.
    """
    first, last = (read_commit(repository, each, package) for each in (good, bad))
    if first.tree == last.tree:
        raise SelectionError(
            f"{good} and {bad} have the same {package}/: there is nothing to bisect",
            cause="both are one commit, or nothing between them touches the package",
            next_step=f"git -C {repository} log --oneline -- {package}",
        )
    ahead = _git(repository, "merge-base", "--is-ancestor", first.sha, last.sha)
    if not ahead.ok:
        raise SelectionError(
            f"{good} does not come before {bad}",
            cause="they are in the wrong order, or on two branches",
            next_step=f"git -C {repository} merge-base {good} {bad}",
        )
    between = ["--first-parent", "--reverse", f"{first.sha}..{last.sha}", "--", package]
    listed = _listed(repository, between, package)
    return [first, *(each for each in listed if each.sha not in {first.sha, last.sha}), last]


def read_commit(repository: Path, reference: str, package: str) -> Commit:
    """Return the commit of a reference.

    Raises:
        SelectionError: git is missing, or there is no such repository, reference or package.
    """
    # A reference that begins with a dash would be an option.
    spec = f"{reference}^{{commit}}"
    sha = _read(repository, ["rev-parse", "--verify", "--quiet", "--end-of-options", spec]).strip()
    return _listed(repository, ["--max-count=1", sha], package)[0]


def _listed(repository: Path, arguments: Sequence[str], package: str) -> list[Commit]:
    """Return the commits that rev-list gives; git is asked twice, however many they are.

    Raises:
        SelectionError: one of them has no such package.
    """
    lines = _read(repository, ["rev-list", "--format=%cs %s", *arguments]).splitlines()
    shas = [line.removeprefix("commit ") for line in lines[::2]]
    if not shas:
        return []
    trees = _read(repository, ["rev-parse", *(f"{sha}:{package}" for sha in shas)]).splitlines()
    said = [line.partition(" ") for line in lines[1::2]]
    return [
        Commit(sha=sha, tree=tree, day=day, subject=subject.strip())
        for sha, tree, (day, _, subject) in zip(shas, trees, said, strict=True)
    ]


def changed_files(repository: Path, package: str) -> bool:
    """Whether the package has changes that are not committed."""
    found = _git(repository, "status", "--porcelain", "--", package)
    return found.ok and bool(found.stdout.strip())


def lay_out(repository: Path, commit: str, package: str, store: Path) -> Path:
    """Return the folder that has the package as it is in a commit.

    Raises:
        BuildError: git cannot give it, or the disk is full.
    """
    found = read_commit(repository, commit, package)
    folder = builds_folder(store) / TREES / found.tree
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".tree-", dir=folder.parent))
    try:
        packed = part / "tree.tar"
        _read(
            repository,
            ["archive", "--format=tar", f"--output={packed}", found.sha, "--", package],
        )
        with tarfile.open(packed) as archive:
            archive.extractall(part / "tree", filter="data")
        (part / "tree").rename(folder)
    except (OSError, tarfile.TarError) as error:
        raise BuildError(
            f"{commit[:10]}: its {package}/ cannot be laid out: {error}"[:300],
            cause="the disk is full, or the commit has links that lead out of it",
            next_step=f"git -C {repository} ls-tree -r {commit[:10]} {package}",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def remove_trees(store: Path) -> None:
    """Remove the packages that were laid out: git has them."""
    shutil.rmtree(builds_folder(store) / TREES, ignore_errors=True)


def _read(repository: Path, arguments: Sequence[str]) -> str:
    done = _git(repository, *arguments)
    if done.ok:
        return done.stdout
    raise _explain(repository, arguments, done)


def _explain(repository: Path, arguments: Sequence[str], done: Completed) -> SelectionError:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    said = lines[-1][:200] if lines else f"there is no {arguments[-1]}"
    if done.returncode == process.NOT_FOUND:
        return SelectionError(
            "a checkout cannot be bisected: there is no git on this machine",
            cause=said,
            next_step="install git, then repeat",
        )
    if not repository.is_dir() or "not a git repository" in said:
        return SelectionError(
            f"{repository} is no checkout: {said}",
            cause="the folder is missing, or git does not know it",
            next_step="give the folder of a clone: --commits FOLDER",
        )
    return SelectionError(
        f"{repository}: {said}",
        cause="a reference is misspelt, was not fetched, or has no such package",
        next_step=f"git -C {repository} log --oneline -5",
    )


def _git(repository: Path, *arguments: str) -> Completed:
    return process.run(
        ["git", *_HARMLESS, "-C", str(repository), *arguments],
        env=_variables(),
        timeout_s=GIT_TIMEOUT_S,
    )


def _variables() -> dict[str, str]:
    return {**process.base_environment(network=False), "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
