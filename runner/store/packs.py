"""A pack: frozen artifacts in one file, a zip whose bytes depend on its contents alone.

    pack.json                                       what is in it (`pack/1`)
    locks/<writer>.txt                              the writer's lock
    artifacts/<writer>/<scenario>/<format>/...      an artifact's folder, as in the store

Input: its contents, or a foreign file. Output: the file, or its contents once every member was
held against `pack.json`. Whatever the file says of sizes is only believed below caps, and no
member is written to the disk before its digest was seen to be right.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec

from runner.domain import Save
from runner.domain.errors import PackError
from runner.domain.frozen import FrozenWriter, Sha256
from runner.store.files import disk_errors

INDEX = "pack.json"
SCHEMA: Literal["pack/1"] = "pack/1"
LARGEST_INDEX = 1 << 27
LARGEST_MEMBER = 1 << 30
LARGEST_PACK = 1 << 32
"""Bytes that all members take at most, unpacked."""
MOST_MEMBERS = 200_000
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_PIECE = 1 << 20


class PackedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One member."""

    size: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_MEMBER)]
    sha256: Sha256


class Pack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`pack.json` (`pack/1`)."""

    schema: Literal["pack/1"]
    tool_version: str
    probe: str
    """Digest of the code that wrote and read the artifacts."""
    recipes: Mapping[str, str]
    """Scenario -> digest of its code and declaration."""
    writers: tuple[FrozenWriter, ...]
    files: Mapping[str, PackedFile]
    """Every member but this one."""
    folders: tuple[str, ...] = ()
    """Folders of artifacts that hold nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPack:
    """A pack whose index was read, and whose members are the ones it names."""

    path: Path
    sha256: str
    index: Pack
    _archive: zipfile.ZipFile

    def member(self, name: str) -> bytes | None:
        """Return one member; None for a folder.

        Raises:
            PackError: it is not what the index says.
        """
        if name not in self.index.files:
            return None
        declared = self.index.files[name]
        with _damage(self.path):
            data = _read(self._archive, name, declared.size)
        if len(data) != declared.size or hashlib.sha256(data).hexdigest() != declared.sha256:
            raise _damaged(self.path, f"{_shown(name)} is not what was packed")
        return data

    def below(self, folder: str) -> Iterator[str]:
        """Yield the members of a folder."""
        names = (*self.index.files, *self.index.folders)
        yield from (name for name in names if name.startswith(f"{folder}/"))


def lock_member(writer: str) -> str:
    """Return the name of a writer's lock in a pack."""
    return f"locks/{writer}.txt"


def artifact_member(save: Save) -> str:
    """Return the folder of an artifact in a pack."""
    return f"artifacts/{save.writer}/{save.scenario}/{save.format}"


def write_pack(path: Path, index: Pack, members: Mapping[str, Path | bytes]) -> None:
    """Write a pack; the same contents give the same bytes.

    Raises:
        StoreError: it could not be written, or a member not be read.
    """
    with disk_errors(path, "write the pack"):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".tmp-{path.name}")
        try:
            with zipfile.ZipFile(part, "w", compression=zipfile.ZIP_DEFLATED) as archive:
                _add(archive, INDEX, format_index(index))
                for name in sorted(members):
                    content = members[name]
                    _add(
                        archive, name, content if isinstance(content, bytes) else _content(content)
                    )
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def describe_member(content: Path | bytes) -> PackedFile:
    """Return size and digest of what becomes a member.

    Raises:
        StoreError: it cannot be read.
    """
    data = content if isinstance(content, bytes) else _content(content)
    return PackedFile(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def format_index(index: Pack) -> bytes:
    """Return the index as it is written."""
    return msgspec.json.encode(index, order="deterministic")


def _content(path: Path) -> bytes:
    with disk_errors(path, "read the artifact"):
        return path.read_bytes()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, date_time=_DATE)
    info.external_attr = _MODE
    info.create_system = 3
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data, compresslevel=9)


@contextmanager
def open_pack(path: Path, sha256: str = "") -> Iterator[OpenPack]:
    """Open a foreign file as a pack; with `sha256` it must be that very file.

    Raises:
        PackError: it is no pack, is damaged or hostile, or another one.
        StoreError: the file cannot be read.
    """
    with disk_errors(path, "read the pack"), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 and digest != sha256.lower():
            raise PackError(
                f"{path}: its SHA-256 is {digest}, not {sha256[:80]}",
                cause="it is another pack, or it was changed on its way",
                next_step="get the pack again from where its digest was published",
            )
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise PackError(
                f"{path}: this is no pack of artifacts: {_shown(str(error))}",
                cause="it is another kind of file, or it was cut on its way",
                next_step="get it again, or make one: nox -s artifacts -- export",
            ) from error
        with archive:
            index = _read_index(path, archive)
            _require_members(path, archive, index)
            yield OpenPack(path=path, sha256=digest, index=index, _archive=archive)


def _read_index(path: Path, archive: zipfile.ZipFile) -> Pack:
    if INDEX not in archive.namelist():
        raise PackError(
            f"{path}: this is no pack of artifacts: it has no {INDEX}",
            cause="it is another kind of zip",
            next_step="make a pack: nox -s artifacts -- export",
        )
    with _damage(path):
        data = _read(archive, INDEX, LARGEST_INDEX)
    try:
        return msgspec.json.decode(data, type=Pack)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        version = _version(data)
        if version not in {"", SCHEMA}:
            raise PackError(
                f"{path}: it is a pack of the version {_shown(version)}, not {SCHEMA}",
                cause="another version of this tool made it",
                next_step="make it again with this version: nox -s artifacts -- export",
            ) from error
        raise _damaged(path, f"{INDEX}: {_shown(str(error))}") from error


def _version(data: bytes) -> str:
    class _Versioned(msgspec.Struct):
        schema: str = ""

    try:
        return msgspec.json.decode(data, type=_Versioned).schema
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""


def _require_members(path: Path, archive: zipfile.ZipFile, index: Pack) -> None:
    """Raise unless the members are exactly those of the index, each once, and not too large."""
    names = archive.namelist()
    if len(names) > MOST_MEMBERS or len(names) != len(set(names)):
        raise _damaged(path, "a member is there twice, or there are too many")
    missing = index.files.keys() - set(names)
    surplus = set(names) - {*index.files, INDEX}
    if missing or surplus:
        which, name = ("missing", min(missing)) if missing else ("not of it", min(surplus))
        raise _damaged(path, f"{_shown(name)} is {which}")
    for name in (*index.files, *index.folders):
        if not _is_plain(name):
            raise _damaged(path, f"a member is called {_shown(name)}")
    if sum(each.size for each in index.files.values()) > LARGEST_PACK:
        raise _damaged(path, f"it holds more than {LARGEST_PACK:,} bytes")


def _is_plain(name: str) -> bool:
    """Whether a name leads to a file below the folder it is unpacked in, and nowhere else."""
    parts = name.split("/")
    return (
        len(name) <= 400
        and name.isprintable()
        and "\\" not in name
        and not any(part in {"", ".", ".."} for part in parts)
        and parts[0] in {"locks", "artifacts"}
        and PurePosixPath(name).as_posix() == name
    )


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return a member of at most `limit` bytes; of a longer one, a byte more than that."""
    found = bytearray()
    with archive.open(name) as member:
        while len(found) <= limit and (piece := member.read(min(_PIECE, limit + 1 - len(found)))):
            found += piece
    return bytes(found)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise _damaged(path, _shown(str(error))) from error
    except RuntimeError as error:
        # zipfile's word for a member that is encrypted.
        raise _damaged(path, _shown(str(error))) from error


def _damaged(path: Path, reason: str) -> PackError:
    return PackError(
        f"{path}: the pack is damaged: {reason}; nothing of it was imported",
        cause="it was cut or changed on its way, or it was not made by this tool",
        next_step="get it again and compare its SHA-256, or make one: nox -s artifacts -- export",
    )


def _shown(text: str) -> str:
    return ascii(text)[1:-1][:160]
