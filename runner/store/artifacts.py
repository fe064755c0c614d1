"""Artifact folders: `<store>/artifacts/<writer>/<scenario>/<format>-<inputs>/`.

Input: what an artifact is of. Output: its folder, and its manifest if every file is what the
writer wrote. A damaged artifact is put aside, so that its save runs again. The folder's name
holds the digest of its inputs, so a sound one is never written again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from runner.domain import Format, Save
from runner.store.files import TEMPORARY_PREFIX, disk_errors

SCHEMA: Literal["artifact/1"] = "artifact/1"
MANIFEST = "manifest.json"
PAYLOAD = "payload"
ORACLE = ("oracle.json", "oracle.npz")
ASIDE = ".damaged"
"""The folder in `artifacts/` that holds the damaged ones; it may be removed."""
LARGEST_MANIFEST = 1 << 24
"""Bytes of a manifest that are read at most."""
NAMED_IN_WARNINGS = 5
"""Damaged artifacts that are warned of one by one."""

Warn = Callable[[str], None]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`manifest.json` of a finished artifact; see docs/formats.md."""

    schema: Literal["artifact/1"]
    writer: str
    scenario: str
    format: Format
    written: str
    """The kind of file really written, by its magic bytes, such as `hdf5`."""
    damage: str = ""
    """A sentence on the damage that the scenario did on purpose."""
    made_from: Sha256 | Literal[""] = ""
    """The payload that this one was made of; empty for what a writer saved."""
    steps: tuple[str, ...] = ()
    """How it was made of that."""
    files: dict[str, Sha256]
    """Path inside the payload -> SHA-256."""
    sha256: Sha256
    """Digest of all of these together."""
    oracle: dict[Literal["oracle.json", "oracle.npz"], Sha256]


class Place(NamedTuple):
    """The writer, scenario and format of an artifact, and the digest of its save's inputs."""

    writer: str
    scenario: str
    format: Format
    inputs: str


class _Damage(Exception):
    """An artifact differs from the one that the writer wrote."""

    def __init__(self, reason: str, culprit: Path | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.culprit = culprit
        """The path that stands in the way, if it is not the artifact's own folder."""


_OURS = frozenset({errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors that say nothing of the artifact."""
_State = tuple[tuple[str, int, int, int, int, int], ...]
"""Of each file: its path, inode, size, times of change, and mode. It differs after a change."""


class Artifacts:
    """The artifacts of a store; one that was verified in this run is not read twice.

    `warn` receives a sentence for each damaged artifact, as long as there are few.
    """

    def __init__(self, store: Path, *, writable: bool, warn: Warn) -> None:
        self._folder = store / "artifacts"
        self._writable = writable
        self._warn = warn
        self._verified: dict[Path, tuple[_State, Manifest]] = {}
        self._damaged: dict[Path, str] = {}

    def folder(self, place: Place) -> Path:
        """Return the absolute folder of an artifact, which may not exist yet."""
        name = f"{place.format}-{place.inputs}"
        return self._folder / place.writer / place.scenario / name

    def find(self, place: Place, facts: Mapping[str, object]) -> Manifest | None:
        """Return the manifest of a sound artifact; None if its save must run (again).

        `facts` are those of the save's observation. A damaged folder is put aside, unless the
        store is only read.

        Raises:
            StoreError: a file may not be read, or a damaged folder not be moved.
        """
        folder = self.folder(place)
        try:
            return self._find(folder, place, facts)
        except _Damage as damage:
            self._put_aside(folder, damage)
            return None

    def find_frozen(
        self, folder: Path, place: Place, facts: Mapping[str, object]
    ) -> Manifest | None:
        """Return the manifest of a sound artifact of a pack; it stays where it is.

        Raises:
            StoreError: a file may not be read.
        """
        try:
            manifest = self._find(folder, place, facts)
        except _Damage as damage:
            self._damaged[folder] = damage.reason
            return None
        if manifest is None:
            self._damaged[folder] = "it is missing"
        return manifest

    def _find(self, folder: Path, place: Place, facts: Mapping[str, object]) -> Manifest | None:
        """Raise `_Damage` unless the artifact is sound, and the one that was recorded."""
        manifest = self._verify(folder)
        if manifest is not None:
            _require_same(manifest, place, facts)
        self._damaged.pop(folder, None)
        return manifest

    def add(
        self, place: Place, payload: Path, *, written: str, original: Path, steps: Sequence[str]
    ) -> Manifest:
        """Put in place a payload that was made of the artifact in `original`; keep its oracle.

        The payload's folder is moved.

        Raises:
            StoreError: it cannot be written.
        """
        folder = self.folder(place)
        beside = folder.with_name(f"{TEMPORARY_PREFIX}{folder.name}-{os.getpid()}")
        with disk_errors(folder, "put the made file in place"):
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
            shutil.move(payload, beside / PAYLOAD)
            for name in ORACLE:
                shutil.copyfile(original / name, beside / name)
            manifest = _describe(beside, place, written, _read_manifest(original).sha256, steps)
            (beside / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
            shutil.rmtree(folder, ignore_errors=True)
            beside.rename(folder)
        return manifest

    def found_damaged(self, folder: Path) -> str:
        """Return the damage that was found, and not mended since; empty for none."""
        return self._damaged.get(folder, "")

    def damage(self, folder: Path) -> str:
        """Return why an artifact that was found has changed since; empty if it has not.

        Raises:
            StoreError: a file may not be read.
        """
        if folder not in self._damaged:
            before = self._verified.get(folder)
            try:
                now = self._verify(folder)
            except _Damage as damage:
                self._damaged[folder] = damage.reason
            else:
                if now is None:
                    self._damaged[folder] = "it is missing"
                elif before is not None and before[1] != now:
                    self._damaged[folder] = "it was replaced"
        return self._damaged.get(folder, "")

    def _verify(self, folder: Path) -> Manifest | None:
        """Return the manifest of a folder all of whose files have their digests, if it is there.

        Raises:
            _Damage: they have not.
        """
        with _file_errors(folder):
            if not _is_there(self._folder, folder):
                return None
            files = dict(_walk(folder))
            state = tuple((name, *_state(found)) for name, found in sorted(files.items()))
            known = self._verified.get(folder)
            if known is not None and known[0] == state:
                return known[1]
            manifest = _read_manifest(folder)
            _require_files(folder, manifest, set(files))
        self._verified[folder] = state, manifest
        return manifest

    def _put_aside(self, folder: Path, damage: _Damage) -> None:
        self._verified.pop(folder, None)
        new = folder not in self._damaged
        self._damaged[folder] = damage.reason
        if self._writable:
            self._move(damage.culprit or folder)
        if new and len(self._damaged) <= NAMED_IN_WARNINGS:
            done = "it is saved again" if self._writable else "nothing of it is reported"
            more = "; others are not named" if len(self._damaged) == NAMED_IN_WARNINGS else ""
            self._warn(f"{folder}: the artifact is damaged ({damage.reason}); {done}{more}")

    def _move(self, path: Path) -> None:
        aside = self._folder / ASIDE
        with disk_errors(path, "put the damaged artifact aside"):
            aside.mkdir(exist_ok=True)
            name = "-".join(path.relative_to(self._folder).parts)
            taken = {each.name for each in aside.iterdir()}
            names = (f"{name}-{number}" for number in range(1, len(taken) + 2))
            path.rename(aside / next(each for each in names if each not in taken))


def _describe(
    folder: Path, place: Place, written: str, made_from: str, steps: Sequence[str]
) -> Manifest:
    files = {
        name.removeprefix(f"{PAYLOAD}/"): _sha256(folder / name)
        for name, _ in _walk(folder)
        if name.startswith(f"{PAYLOAD}/") and not name.endswith("/")
    }
    return Manifest(
        schema=SCHEMA,
        writer=place.writer,
        scenario=place.scenario,
        format=place.format,
        written=written,
        made_from=made_from,
        steps=tuple(steps),
        files=files,
        sha256=_whole(files),
        oracle={
            "oracle.json": _sha256(folder / "oracle.json"),
            "oracle.npz": _sha256(folder / "oracle.npz"),
        },
    )


def remove_leftovers(store: Path) -> int:
    """Remove everything unfinished (`.tmp-*`) that killed runs left; return how many."""
    removed = 0
    for pattern in (f"{TEMPORARY_PREFIX}*", f"artifacts/*/*/{TEMPORARY_PREFIX}*"):
        for leftover in store.glob(pattern):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
            removed += 1
    return removed


@contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    """Tell a file that is gone or cannot be read at all from one that this user may not read."""
    with disk_errors(folder, "read the artifact"):
        try:
            yield
        except OSError as error:
            if error.errno in _OURS:
                raise
            raise _Damage(error.strerror or str(error)) from None


def _is_there(root: Path, folder: Path) -> bool:
    """Return whether the folder exists; no link may stand for it or for one above it."""
    parents = [parent for parent in folder.parents if root in parent.parents]
    for path in [*reversed(parents), folder]:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return False
        if stat.S_ISLNK(mode):
            raise _Damage(f"{path.name} is a link", path)
        if not stat.S_ISDIR(mode):
            raise _Damage(f"{path.name} is no folder", path)
    return True


def _walk(folder: Path, inside: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield the path and the state of every file below a folder; folders end with a slash."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{inside}{entry.name}"
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                yield f"{name}/", found
                yield from _walk(Path(entry.path), f"{name}/")
            elif stat.S_ISREG(found.st_mode):
                yield name, found
            else:
                raise _Damage(f"{_shown(name)} is no regular file")


def _state(found: os.stat_result) -> tuple[int, int, int, int, int]:
    if stat.S_ISDIR(found.st_mode):
        return (found.st_ino, 0, 0, 0, found.st_mode)
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)


def _read_manifest(folder: Path) -> Manifest:
    try:
        data = _read_regular(folder / MANIFEST, LARGEST_MANIFEST)
    except FileNotFoundError:
        raise _Damage("its manifest is missing") from None
    return _parse_manifest(data)


def _parse_manifest(data: bytes) -> Manifest:
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _Damage(f"its manifest makes no sense: {_shown(str(error))}") from None


def _require_files(folder: Path, manifest: Manifest, present: set[str]) -> None:
    """Raise unless exactly the files of the manifest are there, each with its digest."""
    declared = _declared_files(manifest)
    missing = {*declared, *ORACLE, MANIFEST, f"{PAYLOAD}/"} - present
    # A folder that holds nothing may have been written so; the manifest names files alone.
    surplus = {name for name in present if not _is_folder(name, PAYLOAD)} - {*declared, MANIFEST}
    if missing:
        raise _Damage(f"{_shown(min(missing))} is missing")
    if surplus:
        raise _Damage(f"{_shown(min(surplus))} is not of it")
    for name, sha in declared.items():
        if _sha256(folder / name) != sha:
            raise _Damage(f"{_shown(name)} is not what was written")


def _declared_files(manifest: Manifest) -> dict[str, str]:
    """Return path in the folder -> SHA-256, of every file but the manifest."""
    if manifest.sha256 != _whole(manifest.files):
        raise _Damage("its manifest contradicts itself")
    declared: dict[str, str] = {f"{PAYLOAD}/{name}": sha for name, sha in manifest.files.items()}
    declared.update({str(name): sha for name, sha in manifest.oracle.items()})
    return declared


def require_whole_files(
    files: Mapping[str, bytes | None], save: Save, facts: Mapping[str, object]
) -> str:
    """Say why files are not an artifact as its save was recorded; empty if they are.

    `files` holds path -> content, None for an empty folder.
    """
    try:
        manifest = _parse_manifest(files.get(MANIFEST) or b"")
        _require_digests(files, manifest)
        _require_same(manifest, Place(save.writer, save.scenario, save.format, ""), facts)
    except _Damage as damage:
        return damage.reason
    return ""


def _require_digests(files: Mapping[str, bytes | None], manifest: Manifest) -> None:
    declared = _declared_files(manifest)
    present = {name for name, content in files.items() if content is not None} - {MANIFEST}
    odd = present ^ {*declared, *ORACLE}
    if odd or any(
        not name.startswith(f"{PAYLOAD}/") for name in files.keys() - present - {MANIFEST}
    ):
        raise _Damage(f"{_shown(min(odd, default='a folder'))} is missing, or not of it")
    for name, sha in declared.items():
        if hashlib.sha256(files[name] or b"").hexdigest() != sha:
            raise _Damage(f"{_shown(name)} is not what was written")


def _require_same(manifest: Manifest, place: Place, facts: Mapping[str, object]) -> None:
    """Raise unless the manifest is of this artifact and agrees with the record of its save."""
    found = (manifest.writer, manifest.scenario, manifest.format)
    if found != (place.writer, place.scenario, place.format):
        raise _Damage(f"it is that of {_shown('/'.join(map(str, found)))}")
    said = {"sha256": manifest.sha256, "written": manifest.written, "damage": manifest.damage}
    if any(facts.get(name) != value for name, value in said.items()):
        raise _Damage("it is not the one whose save was recorded")


def _is_folder(name: str, parent: str) -> bool:
    return name.endswith("/") and name.startswith(f"{parent}/")


def _whole(files: Mapping[str, str]) -> str:
    """Return the digest of all files of a payload, as the probe makes it."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name} {files[name]}\n".encode())
    return whole.hexdigest()


def _sha256(path: Path) -> str:
    with os.fdopen(_open_regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_regular(path: Path, limit: int) -> bytes:
    with os.fdopen(_open_regular(path), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise _Damage(f"{path.name} is too large")
    return data


def _open_regular(path: Path) -> int:
    """Open a file for reading, unless it is a link, a folder or anything that may block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        with suppress(OSError):
            os.close(descriptor)
        raise _Damage(f"{path.name} is no regular file")
    return descriptor


def _shown(text: str) -> str:
    """Return the beginning of a text that may be of any length and of any characters."""
    return ascii(text)[1:-1][:120]
