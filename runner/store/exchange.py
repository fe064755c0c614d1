"""The exchange of artifacts between machines: a shared folder, or an address that fsspec opens.

    environments/<id>-<lock>.json                       what an environment said of itself
    saves/<writer>/<scenario>/<format>-<inputs>.json    the record of a save
    packs/<sha256>.zip                                  the artifact's files, by their digest
    progress/<plan>-<shard>.json                        how far a shard is

Input: artifacts of a store and the records of their saves. Output: the same in another store.
The first machine to offer a save decides it: every reader then loads the same bytes. What is
taken is held against its digest, and later against the artifact's own manifest.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

import msgspec

from runner.contract import check_observation
from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ConfigurationError, StoreError, shortened
from runner.domain.progress import ShardProgress
from runner.store.artifacts import Place
from runner.store.files import TEMPORARY_PREFIX, atomic_write_bytes, disk_errors

SCHEMA: Literal["saved/1"] = "saved/1"
LARGEST_PACK = 1 << 32
"""Bytes that an artifact unpacks to at most."""
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of every file in a pack: the same artifact is the same bytes."""
_WRITTEN = 0o100644 << 16


class SavedRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record of a save in the exchange (`saved/1`)."""

    schema: Literal["saved/1"]
    id: str
    inputs: str
    observation: dict[str, Any]
    run: str
    at: str
    pack: str
    """SHA-256 of its pack in hex; empty where the writer wrote nothing."""


class EnvironmentFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An environment as the machine that built it found it (`provisioned/1`)."""

    schema: Literal["provisioned/1"]
    id: str
    lock_digest: str
    python_version: str
    resolved: dict[str, str]
    import_s: float
    fork: bool
    image: str = ""
    base: str = ""

    @classmethod
    def of(cls, built: ProvisionedEnvironment) -> EnvironmentFacts:
        """Return an environment as it is told to other machines."""
        return cls(
            schema="provisioned/1",
            id=built.environment.id,
            lock_digest=built.lock_digest,
            python_version=built.python_version,
            resolved=dict(built.resolved),
            import_s=built.import_s,
            fork=built.fork,
            image=built.image,
            base=built.base,
        )

    def elsewhere(self, environment: Environment) -> ProvisionedEnvironment:
        """Return the environment as one that is built on another machine."""
        return ProvisionedEnvironment(
            environment=environment,
            executable="",
            lock_digest=self.lock_digest,
            python_version=self.python_version,
            resolved=self.resolved,
            import_s=self.import_s,
            fork=self.fork,
            image=self.image,
            base=self.base,
        )


class Files(Protocol):
    """Files by name, wherever they are."""

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None where there is none."""

    def write(self, name: str, content: bytes) -> bool:
        """Write a file unless it is there; return whether it was written."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def replace(self, name: str, content: bytes) -> None:
        """Write a file, in the place of one that is there."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder; none if it is not there."""


class Exchange:
    """The artifacts that machines share."""

    def __init__(self, files: Files, address: str) -> None:
        self._files = files
        self.address = address

    def find(self, place: Place) -> SavedRecord | None:
        """Return the record of a save, if some machine offered it.

        Raises:
            StoreError: it is damaged, or the exchange does not answer.
        """
        name = _record_name(place)
        content = self._files.read(name)
        if content is None:
            return None
        try:
            found = msgspec.json.decode(content, type=SavedRecord)
            check_observation("save", found.observation)
        except ValueError as error:
            raise self._damaged(name, str(error)) from error
        wanted = f"{place.scenario}/{place.format}/{place.writer}", place.inputs
        if (found.id, found.inputs) != wanted:
            raise self._damaged(name, f"it is the record of {found.id[:80]}")
        return found

    def has(self, place: Place) -> bool:
        """Whether some machine offered the save."""
        return self._files.exists(_record_name(place))

    def offer(self, place: Place, record: SavedRecord, folder: Path) -> bool:
        """Offer a save; return False where another machine was first: then that one counts."""
        if record.pack:
            raise ValueError("the pack is made here")
        if record.observation.get("status") == "done":
            record = msgspec.structs.replace(record, pack=self.put(folder))
        return self._files.write(_record_name(place), msgspec.json.encode(record))

    def take(self, record: SavedRecord, folder: Path) -> None:
        """Put an artifact of the exchange into `folder`, in place of any that is there.

        Raises:
            StoreError: it is gone or damaged, or cannot be written.
        """
        if record.pack:
            self.fetch(record.pack, folder)

    def put(self, folder: Path) -> str:
        """Offer the files of a folder as one pack; return its SHA-256, in hex."""
        pack = pack_folder(folder)
        digest = hashlib.sha256(pack).hexdigest()
        self._files.write(f"packs/{digest}.zip", pack)
        return digest

    def fetch(self, digest: str, folder: Path) -> None:
        """Put the files of a pack into `folder`, in place of any that are there.

        Raises:
            StoreError: it is gone or damaged, or cannot be written.
        """
        name = f"packs/{digest}.zip"
        content = self._files.read(name)
        if content is None:
            raise self._damaged(name, "it is missing")
        if hashlib.sha256(content).hexdigest() != digest:
            raise self._damaged(name, "its digest is another")
        with disk_errors(folder, "take over an artifact"):
            unpack_folder(content, folder)

    def facts(self, environment: str, lock_digest: str) -> EnvironmentFacts | None:
        """Return what is known of an environment with this lock, if some machine built it."""
        name = _facts_name(environment, lock_digest)
        content = self._files.read(name)
        if content is None:
            return None
        try:
            found = msgspec.json.decode(content, type=EnvironmentFacts)
        except ValueError as error:
            raise self._damaged(name, str(error)) from error
        return found if (found.id, found.lock_digest) == (environment, lock_digest) else None

    def note(self, facts: EnvironmentFacts) -> None:
        """Say what an environment is; the first machine to build it decides."""
        self._files.write(_facts_name(facts.id, facts.lock_digest), msgspec.json.encode(facts))

    def tell(self, progress: ShardProgress) -> None:
        """Say how far a shard is.

        Raises:
            StoreError: the exchange cannot be written.
        """
        name = f"progress/{progress.plan[:12]}-{progress.index}.json"
        self._files.replace(name, msgspec.json.encode(progress))

    def told(self) -> list[ShardProgress]:
        """Return how far the shards are that told it.

        Raises:
            StoreError: the exchange does not answer, or a record is damaged.
        """
        found = []
        for name in self._files.names("progress"):
            content = self._files.read(name)
            try:
                found.append(msgspec.json.decode(content or b"", type=ShardProgress))
            except ValueError as error:
                raise self._damaged(name, str(error)) from error
        return found

    def _damaged(self, name: str, reason: str) -> StoreError:
        return StoreError(
            f"{self.address}: {name} is damaged: {reason[:200]}",
            cause="it was changed, or its writing was cut off",
            next_step="remove that file there and run the same command again",
        )


def open_exchange(address: str) -> Exchange:
    """Open the folder or the address of an exchange.

    Raises:
        ConfigurationError: the address needs a package that is not installed, or names a bucket
            that is not there.
        StoreError: the address does not answer.
    """
    if "://" in address:
        return Exchange(_RemoteFiles(address), address)
    return Exchange(_LocalFiles(Path(address).absolute()), address)


def pack_folder(folder: Path) -> bytes:
    """Return a folder's files as one zip archive: the same files are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise StoreError(
                    f"{folder}: {name} is no regular file",
                    cause="the artifact was changed after it was saved",
                    next_step="run the same command again: it is saved again",
                )
            info = zipfile.ZipInfo(f"{name}/" if path.is_dir() else name, _MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = _WRITTEN
            archive.writestr(info, b"" if path.is_dir() else path.read_bytes())
    return buffer.getvalue()


def unpack_folder(content: bytes, folder: Path) -> None:
    """Unpack an archive of `pack_folder` into a folder, which it replaces.

    Raises:
        StoreError: it is none, or would write elsewhere.
    """
    part = folder.with_name(f"{TEMPORARY_PREFIX}{folder.name}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _require_size(entries)
            for each in entries:
                _unpack_entry(archive, each, part)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise _no_pack(str(error)) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)


def _require_size(entries: Sequence[zipfile.ZipInfo]) -> None:
    if sum(each.file_size for each in entries) > LARGEST_PACK:
        raise _no_pack("it is too large")


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    name = PurePosixPath(entry.filename)
    if name.is_absolute() or ".." in name.parts or not name.parts or "\0" in entry.filename:
        raise _no_pack(f"it holds {entry.filename[:80]!r}")
    path = target.joinpath(*name.parts)
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as stream, path.open("xb") as written:
        shutil.copyfileobj(stream, written)


def _no_pack(reason: str) -> StoreError:
    return StoreError(
        f"an artifact of the exchange cannot be unpacked: {reason}",
        cause="it was changed by another program",
        next_step="remove it there and run the same command again",
    )


def _record_name(place: Place) -> str:
    return f"saves/{place.writer}/{place.scenario}/{place.format}-{place.inputs}.json"


def _facts_name(environment: str, lock_digest: str) -> str:
    return f"environments/{environment}-{lock_digest[:12]}.json"


class _LocalFiles:
    """The files of a folder that machines share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        with disk_errors(self._folder / name, "read"):
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> bool:
        path = self._folder / name
        if path.exists():
            return False
        with disk_errors(path, "share an artifact"):
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{path.name}")
            atomic_write_bytes(part, content)
            try:
                # A link is made whole or not at all, and never in the place of another.
                path.hardlink_to(part)
            except FileExistsError:
                return False
            finally:
                part.unlink(missing_ok=True)
        return True

    def exists(self, name: str) -> bool:
        return (self._folder / name).exists()

    def replace(self, name: str, content: bytes) -> None:
        path = self._folder / name
        with disk_errors(path, "tell the progress"):
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_bytes(path, content)

    def names(self, folder: str) -> list[str]:
        return sorted(f"{folder}/{path.name}" for path in (self._folder / folder).glob("*.json"))


class _RemoteFiles:
    """The files below an address that fsspec opens, such as `s3://bucket/folder`."""

    def __init__(self, address: str) -> None:
        protocol, _, place = address.partition("://")
        self._address = f"{protocol}://{place.rstrip('/')}"
        try:
            core = importlib.import_module("fsspec.core")
            self._system, self._root = core.url_to_fs(self._address)
        except ImportError as error:
            raise ConfigurationError(
                f"{address[:100]}: {str(error)[:200]}",
                cause="the optional packages for machines that share artifacts are not installed",
                next_step="python -m pip install 'fsspec' and the package of that address, such as "
                "s3fs or gcsfs",
            ) from error
        except ValueError as error:
            raise ConfigurationError(
                f"{address[:100]}: {str(error)[:200]}",
                cause="a typing error in the address",
                next_step="give a folder, or an address such as s3://BUCKET/FOLDER",
            ) from error
        # Where a path begins with a bucket, there are no folders to be made, and a bucket that
        # nobody made is none to write to.
        self._has_folders = self._root.startswith("/")
        if not self._has_folders:
            self._require_bucket()

    def _require_bucket(self) -> None:
        bucket = self._root.partition("/")[0]
        with self._errors(""):
            there = self._system.exists(bucket)
        if not (bucket and there):
            raise ConfigurationError(
                f"{self._address[:100]}: no bucket {shortened(bucket)!r} is found",
                cause="a typing error in its name, credentials that may not list it, or a server "
                "that does not answer",
                next_step="correct the address, or make the bucket: none is made here",
            )

    def read(self, name: str) -> bytes | None:
        with self._errors(name):
            try:
                content: bytes = self._system.cat_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return None
            return content

    def write(self, name: str, content: bytes) -> bool:
        if self.exists(name):
            return False
        with self._errors(name):
            path = self._path(name)
            try:
                # Of two machines that write at once, the second is refused.
                self._system.pipe_file(path, content, mode="create")
            except FileExistsError:
                return False
            except NotImplementedError:
                self._system.pipe_file(path, content)
        return True

    def _path(self, name: str) -> str:
        """Return where a file is to be written, its folder made."""
        path = f"{self._root}/{name}"
        if self._has_folders:
            self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        return path

    def exists(self, name: str) -> bool:
        with self._errors(name):
            return bool(self._system.exists(f"{self._root}/{name}"))

    def replace(self, name: str, content: bytes) -> None:
        with self._errors(name):
            path = self._path(name)
            self._system.pipe_file(path, content)

    def names(self, folder: str) -> list[str]:
        with self._errors(folder):
            self._system.invalidate_cache()
            try:
                found = self._system.ls(f"{self._root}/{folder}", detail=False)
            except FileNotFoundError:
                return []
        names = [str(each).rpartition("/")[2] for each in found]
        return sorted(f"{folder}/{name}" for name in names if name.endswith(".json"))

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            raise StoreError(
                f"{self._address}/{name}: {str(error)[:200] or type(error).__name__}",
                cause="the address does not answer, or access is denied",
                next_step="check it and the credentials, then run the same command again: it goes "
                "on where it was",
            ) from error


def saved_record(
    save_id: str, inputs: str, observation: Mapping[str, Any], *, run: str, at: str
) -> SavedRecord:
    """Return the record of a save, as it is offered."""
    return SavedRecord(
        schema=SCHEMA,
        id=save_id,
        inputs=inputs,
        observation=dict(observation),
        run=run,
        at=at,
        pack="",
    )
