"""The sources of a build: a folder or a repository's reference -> a copy to be built from.

Input: a `Build` and an empty folder. Output: the sources in that folder. Nothing of them is
executed: files are copied, and git is told to run no hook of theirs.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from runner.declare.builds import split_reference
from runner.domain.errors import BuildError
from runner.host import process
from runner.host.process import Completed

GIT_TIMEOUT_S = 900.0
LEFT_OUT = frozenset({"build", "dist", "node_modules", "venv"})
"""Folders at the top that are made from sources, and would be packed as if they were some."""
_HARMLESS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_WORDS = ("Authentication failed", "Permission denied", "could not read Username")


def copy_checkout(folder: Path, target: Path) -> None:
    """Copy the sources of a folder, so that building changes nothing in it.

    Hidden files, virtual environments and what earlier builds left are not copied.

    Raises:
        BuildError: a file cannot be read.
    """

    def left_out(parent: str, names: list[str]) -> set[str]:
        found = {name for name in names if name.startswith(".") or name == "__pycache__"}
        if Path(parent) == folder:
            found |= LEFT_OUT.intersection(names)
            found |= {name for name in names if name.endswith(".egg-info")}
        found |= {name for name in names if (Path(parent) / name / "pyvenv.cfg").exists()}
        return found

    try:
        # A link stays one: it is not followed out of the folder.
        shutil.copytree(folder, target, symlinks=True, ignore=left_out)
    except (OSError, shutil.Error) as error:
        raise BuildError(
            f"{folder}: the sources cannot be copied: {error}"[:300],
            cause="a file may not be read, or the disk is full",
            next_step=f"ls -la {folder}",
        ) from error


def fetch_commit(source: str, target: Path) -> str:
    """Fetch the reference of `git+ADDRESS@REFERENCE` alone; return the digest of its commit.

    Raises:
        BuildError: git is missing, or the address or the reference is not there.
    """
    address, reference = split_reference(source)
    target.mkdir()
    _git(["init", "--quiet"], target, source)
    # The address follows `--`: it cannot be an option.
    fetched = _try_git(["fetch", "--quiet", "--depth", "1", "--", address, reference], target)
    if not fetched.ok:
        raise _explain_fetch(source, address, reference, fetched)
    _git(["checkout", "--quiet", "--detach", "FETCH_HEAD"], target, source)
    commit = _git(["rev-parse", "HEAD"], target, source).stdout.strip()
    shutil.rmtree(target / ".git")
    return commit


def _git(arguments: Sequence[str], folder: Path, source: str) -> Completed:
    done = _try_git(arguments, folder)
    if not done.ok:
        raise BuildError(
            f"{source} cannot be read by git {arguments[0]}: {_last_line(done)}",
            cause="there is no git on this machine"
            if done.returncode == process.NOT_FOUND
            else "see above",
            next_step="git --version",
        )
    return done


def _try_git(arguments: Sequence[str], folder: Path) -> Completed:
    # Never a question on the terminal: whoever asks would wait for ever in a job.
    env = {
        **process.base_environment(network=True),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "LC_ALL": "C",
    }
    return process.run(
        ["git", *_HARMLESS, *arguments], env=env, cwd=folder, timeout_s=GIT_TIMEOUT_S
    )


def _explain_fetch(source: str, address: str, reference: str, ended: Completed) -> BuildError:
    said = _last_line(ended)
    text = ended.stderr
    if ended.returncode == process.NOT_FOUND:
        return BuildError(
            f"{source}: there is no git on this machine",
            cause=said,
            next_step="install git, then repeat",
        )
    if "couldn't find remote ref" in text or "not our ref" in text:
        return BuildError(
            f"{source}: the repository has no reference {reference!r}",
            cause="a typing mistake, or the branch was renamed, merged or removed",
            next_step=f"git ls-remote {address}",
        )
    if any(word in text for word in _WORDS):
        cause = "the repository is private, or the address is wrong"
    elif "Could not resolve" in text or "unable to access" in text or ended.timed_out:
        cause = "there is no network, or a proxy stands between"
    else:
        cause = "there is no such repository, or the network ends before it"
    return BuildError(
        f"{source}: it cannot be fetched: {said}",
        cause=cause,
        next_step=f"git ls-remote {address}",
    )


def _last_line(ended: Completed) -> str:
    lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (fatal or lines or [f"exit code {ended.returncode}"])[0][:300]
