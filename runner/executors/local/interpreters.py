"""The interpreters of this machine: on PATH, in pyenv's folder, in uv's own store."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from runner.executors.uv import run_uv
from runner.host import process

PROBE_TIMEOUT_S = 30.0
_SAY_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def find_interpreter(minor: str) -> Path | None:
    """A working Python of that minor version (`3.9`), or None if the machine has none.

    A candidate is run before it is believed: pyenv puts shims on PATH for versions that
    are installed but not active, and those fail.
    """
    for candidate in _candidates(minor):
        if _reports(candidate, minor):
            return candidate
    return None


def _candidates(minor: str) -> Iterator[Path]:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        on_path = Path(folder) / f"python{minor}"
        if folder and "shims" not in on_path.parts and os.access(on_path, os.X_OK):
            yield on_path
    for root in _pyenv_roots():
        for version in _newest_first(root / "versions", minor):
            yield version / "bin" / "python"
    asked = run_uv(
        ["python", "find", minor, "--no-project", "--no-python-downloads"],
        timeout_s=PROBE_TIMEOUT_S,
    )
    if asked.ok and asked.stdout.strip():
        yield Path(asked.stdout.strip())


def _pyenv_roots() -> list[Path]:
    configured = os.environ.get("PYENV_ROOT")
    roots = [Path(configured)] if configured else []
    return [*roots, Path.home() / ".pyenv"]


def _newest_first(versions: Path, minor: str) -> list[Path]:
    """Version folders of that minor; free-threaded and alpha builds are left out."""
    pattern = re.compile(rf"{re.escape(minor)}\.(\d+)")
    found = []
    for folder in versions.iterdir() if versions.is_dir() else ():
        matched = pattern.fullmatch(folder.name)
        if matched:
            found.append((int(matched[1]), folder))
    return [folder for _, folder in sorted(found, reverse=True)]


def _reports(candidate: Path, minor: str) -> bool:
    said = process.run([str(candidate), "-c", _SAY_VERSION], timeout_s=PROBE_TIMEOUT_S)
    return said.ok and said.stdout.strip() == minor
