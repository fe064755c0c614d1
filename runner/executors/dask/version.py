"""The digest of the tool and of all that a probe reads: equal where results may be mixed.

Input: the folder of the running package, and the repository. Output: one digest of their files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import runner

PACKAGE = Path(runner.__file__).parent
READ = ("runner/probe", "scenarios", "containers/locks")
"""Folders of the repository that a worker reads."""
SUFFIXES = frozenset({".py", ".toml", ".json", ".txt"})


def tool_digest(root: Path) -> str:
    """Return the SHA-256 of the tool that runs here with this repository, in hex."""
    whole = hashlib.sha256()
    folders = {"package": PACKAGE, **{name: root / name for name in READ}}
    for label, folder in folders.items():
        for path in sorted(_files(folder)):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            whole.update(f"{label}/{path.relative_to(folder)} {content}\n".encode())
    return whole.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.suffix in SUFFIXES and path.is_file():
            yield path
