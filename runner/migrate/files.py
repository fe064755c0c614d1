"""Files of a chain: digests, copies put in place at once, and the finished attempts on the disk.

    <store>/migrations/<key>/attempts/<key of the attempt>/    one finished attempt
        result.json                                            written last
        report.json, oracle.npz, saved/...                     as the probe handed them over

An attempt is filed under its order and the digests of everything it depends on: an interrupted
migration that is started again finds those that were finished.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from runner.migrate.manifest import File
from runner.store.files import sync_folder
from runner.userfile.digest import digest_of
from runner.userfile.workbench import Observed

CODE = ("probe", "fileprobe")


def describe_file(path: Path, kind: str, name: str = "") -> File:
    """Return a file as the manifest names it."""
    sha256, size = digest_of(path)
    return File(name=name or path.name, format=str(kind), bytes=size, sha256=sha256)


def code_digest(root: Path) -> str:
    """Return the digest of the code that runs in the environments."""
    whole = hashlib.sha256()
    for name in CODE:
        for each in sorted((root / "runner" / name).rglob("*.py")):
            whole.update(each.read_bytes())
    return whole.hexdigest()


def key_of(parts: Iterable[str | bytes]) -> str:
    """Return a short name for texts."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part if isinstance(part, bytes) else part.encode("utf-8"))
        whole.update(b"\0")
    return whole.hexdigest()[:24]


def put_in_place(source: Path, target: Path, *, force: bool) -> None:
    """Copy a file or folder beside its place and rename it: it is there whole, or not at all.

    Raises:
        FileExistsError: something is there, and `force` is not given.
        OSError: it cannot be written.
    """
    if target.exists() and not force:
        raise FileExistsError(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        if source.is_dir():
            shutil.copytree(source, beside)
        else:
            shutil.copyfile(source, beside)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        beside.replace(target)
        sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(beside) if beside.is_dir() else beside.unlink(missing_ok=True)
        raise


class Attempts:
    """The finished attempts of one migration, on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> Observed | None:
        """Return what an attempt found earlier."""
        place = self.folder / "attempts" / key
        try:
            found = msgspec.json.decode((place / "result.json").read_bytes(), type=Observed)
        except (OSError, msgspec.DecodeError):
            return None
        return msgspec.structs.replace(found, folder=str(place))

    def keep(self, key: str, observed: Observed) -> Observed:
        """File a finished attempt; returns it with its files in their place.

        A fault of ours, or of the machine at that moment, is no finding: it is tried again.
        """
        place = self.folder / "attempts" / key
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        source = Path(observed.folder)
        if source.is_dir():
            shutil.move(source, place)
        else:
            place.mkdir()
        kept = msgspec.structs.replace(observed, folder=str(place))
        if observed.status in {"done", "raised", "crashed"}:
            beside = place / ".result.json"
            beside.write_bytes(msgspec.json.encode(kept))
            beside.replace(place / "result.json")
        return kept

    def remove(self) -> None:
        """Remove everything: the migration is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
