"""The digest of a user's file or folder."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the bytes of a file; of a folder, over its files in order."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
    whole, size = hashlib.sha256(), 0
    for each in sorted(path.rglob("*")):
        if each.is_file() and not each.is_symlink():
            inner, length = digest_of(each)
            whole.update(f"{each.relative_to(path).as_posix()}\0{inner}\n".encode())
            size += length
    return whole.hexdigest(), size
