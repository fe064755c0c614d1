"""The integrity of a built environment: its files, held against the installed ones.

    <environment>/environment.files    one line a file: size in bytes, `:`, time in ns, path

Input: an environment's folder. Output: the damage in words, or None. A framework with a file
changed or gone would otherwise be measured, and its damage published as what Keras does.

Two checks. Sizes and times are held against the list of the day it was built: 20,000 files in
0.3 s, before the first job. Contents are held against the hashes that every installed package
brings (its RECORD): some seconds, when it is built, because uv links files from a cache that
an edit of an installed file damages as well.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
from pathlib import Path

LISTING = "environment.files"
_OWN = frozenset({LISTING, "environment.json", "environment.part"})
"""Files that provisioning writes itself, at the top."""
_COMPILED = "__pycache__"
"""Python writes there as it goes, and does without."""
_IMPORTED = (".py", ".so", ".pth")
"""Endings of files that change an environment's behaviour merely by being there."""


def write_listing(directory: Path) -> None:
    """Write down the files as they are now."""
    part = directory / "environment.part"
    lines = (f"{facts} {path}\n" for path, facts in _present(directory).items())
    part.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    part.replace(directory / LISTING)


def find_damage(directory: Path) -> str | None:
    """Say which file is not as it was when the environment was built.

    An environment without a list (it was built by an earlier version of the tool, or the list is
    gone) is held against its packages' own hashes, and then listed.
    """
    if not directory.is_dir():
        return "its folder is gone"
    try:
        text = (directory / LISTING).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        damage = find_wrong_content(directory)
        if damage is None:
            write_listing(directory)
        return damage
    present = _present(directory)
    lines = (line.partition(" ") for line in text.splitlines())
    listed = {path: facts for facts, _, path in lines}
    for path, facts in listed.items():
        if path not in present and _COMPILED not in path:
            return f"{path} is gone"
        if present.get(path, facts) != facts:
            return f"{path} was changed"
    for path in present.keys() - listed.keys():
        if path.endswith(_IMPORTED) and _COMPILED not in path:
            return f"{path} was added"
    return None


def find_wrong_content(directory: Path) -> str | None:
    """Say which installed file is not the one that its package lists.

    Where two packages bring the same file, either's content is right.
    """
    for path, hashes in _recorded(directory).items():
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").digest()
        except OSError:
            return f"{path.relative_to(directory)} is gone"
        if base64.urlsafe_b64encode(found).decode().rstrip("=") not in hashes:
            return f"{path.relative_to(directory)} was changed"
    return None


def _recorded(directory: Path) -> dict[Path, set[str]]:
    """Return file -> the SHA-256 hashes its packages give, as RECORD spells them."""
    found: dict[Path, set[str]] = {}
    for record in sorted(directory.glob("lib/python*/site-packages/*.dist-info/RECORD")):
        site = record.parents[1]
        with record.open(encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream):
                name, hashed = (*row, "", "")[:2]
                if hashed.startswith("sha256="):
                    path = Path(os.path.normpath(site / name))
                    if path.is_relative_to(directory):
                        found.setdefault(path, set()).add(hashed.removeprefix("sha256="))
    return found


def _present(directory: Path) -> dict[str, str]:
    """Return path -> `size:time` of every file; a link counts as itself."""
    found = {}
    start = len(str(directory)) + 1
    waiting = [str(directory)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif (path := entry.path[start:]) not in _OWN:
                    status = entry.stat(follow_symlinks=False)
                    found[path] = f"{status.st_size}:{status.st_mtime_ns}"
    return found
