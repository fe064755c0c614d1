"""The zip archives: v3 archives are described under caps, others are named.

Input: a `Source`. Output: into `Findings`. Members are read by name and never unpacked onto the
disk; their sizes, number and ratio are held to caps before a byte is expanded.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from runner.inspect.architecture import describe_architecture
from runner.inspect.config import is_object, parse
from runner.inspect.description import Container
from runner.inspect.findings import Findings
from runner.inspect.packed import Open, read_inside
from runner.inspect.source import Damaged, Source, SourceFile, TooMuch
from runner.inspect.weights import read_hdf5

LOCAL = b"PK\x03\x04"
END = b"PK\x05\x06"
MOST_ENTRIES = 20_000
LARGEST_DIRECTORY = 16 * 2**20
MEMBER = 64 * 2**20
"""Bytes to which one member is expanded."""
RATIO = 1000
"""How many times smaller than its content a member may be; deflate ends at 1032."""
METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
NPZ = "model.weights.npz"


@dataclass(frozen=True, slots=True)
class Archive:
    """An open zip, or the recovered members of one without a directory."""

    source: Source
    entries: dict[str, zipfile.ZipInfo]
    whole: zipfile.ZipFile | None

    def content(self, name: str) -> bytes:
        """Return a member, expanded.

        Raises:
            Damaged: it is cut, encrypted, or its check sum is wrong.
            TooMuch: it is larger than a configuration can be, or too well compressed.
        """
        info = self.entries[name]
        if info.file_size > MEMBER or info.file_size > RATIO * max(info.compress_size, 1):
            raise TooMuch(
                f"`{name[:60]}` expands from {info.compress_size:,} bytes to {info.file_size:,}"
            )
        self.source.budget.spend(info.file_size)
        try:
            if self.whole is None:
                return self._by_hand(info)
            with self.whole.open(info) as member:
                return member.read(info.file_size + 1)[: info.file_size]
        except (
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            NotImplementedError,
            EOFError,
            struct.error,
            ValueError,
            OSError,
        ) as error:
            raise Damaged(f"`{name[:60]}`: {str(error)[:100] or type(error).__name__}") from error

    def _by_hand(self, info: zipfile.ZipInfo) -> bytes:
        raw = self.source.read(info.header_offset, info.compress_size)
        if info.compress_type == zipfile.ZIP_STORED:
            return raw
        return zlib.decompressobj(-15).decompress(raw, info.file_size)

    def opened(self, name: str) -> Source:
        """Return a member as a source: in place where it is stored as it is."""
        info = self.entries[name]
        if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
            start = info.header_offset
            if self.whole is not None:
                head = self.source.read(start, 30)
                if head[:4] != LOCAL:
                    raise Damaged(f"`{name[:60]}` is not where the directory says")
                start += 30 + sum(struct.unpack_from("<HH", head, 26))
            size = min(info.compress_size, self.source.size - start)
            return self.source.window(start, max(0, size))
        return Source.of_bytes(self.content(name), self.source.budget)


def read_zip(source: Source, found: Findings, *, depth: int = 0) -> None:
    """Describe a zip; one inside another is described as well, to a depth of one."""
    archive = _open(source, found)
    names = list(archive.entries)
    _look_at_names(archive, found)
    prefix = _prefix(names)
    if prefix is not None:
        found.container = Container.ZIP_V3
        found.title = "Keras v3 archive (.keras)"
        found.layout = "model"
        if prefix:
            found.broken(f"the archive has a folder `{prefix[:-1]}` above its files")
        read_members(archive, found, prefix)
        return
    found.container = Container.ZIP_OTHER
    found.title, found.layout = _other(names)
    if depth == 0 and found.layout in {"saved_model", "other"}:
        members: dict[str, Open] = {name: partial(archive.opened, name) for name in names}
        title = found.title
        if not read_inside(members, found, "zip"):
            found.title = title


def _open(source: Source, found: Findings) -> Archive:
    tail = source.read(max(0, source.size - 65_557), min(source.size, 65_557))
    place = tail.rfind(END)
    if place < 0 or len(tail) < place + 22:
        found.broken("cut: the zip has no directory at its end")
        return Archive(source, dict(_local_entries(source)), None)
    count, size = struct.unpack_from("<HI", tail, place + 10)
    if size > LARGEST_DIRECTORY and size != 0xFFFFFFFF:
        raise TooMuch(f"the zip's directory has {size:,} bytes")
    if count > MOST_ENTRIES and count != 0xFFFF:
        raise TooMuch(f"the zip has {count:,} members")
    try:
        whole = zipfile.ZipFile(SourceFile(source))
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, OSError) as error:
        found.broken(f"the zip's directory is damaged: {str(error)[:100]}")
        return Archive(source, dict(_local_entries(source)), None)
    entries = {info.filename: info for info in whole.infolist()}
    if len(entries) > MOST_ENTRIES:
        raise TooMuch(f"the zip has {len(entries):,} members")
    if len(entries) < len(whole.infolist()):
        found.broken("two members of the zip have the same name; the last one counts")
    return Archive(source, entries, whole)


def _local_entries(source: Source) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Yield the members that are found from the beginning on, of a zip without a directory."""
    place = 0
    for _ in range(MOST_ENTRIES):
        if place + 30 > source.size:
            return
        head = source.read(place, 30)
        if head[:4] != LOCAL:
            return
        flags, kind, size, full, name, extra = struct.unpack("<6xHH8x2I2H", head)
        begin = place + 30 + name + extra
        if place + 30 + name > source.size:
            return
        info = zipfile.ZipInfo(source.read(place + 30, name).decode("utf-8", "replace"))
        info.header_offset, info.compress_type, info.flag_bits = begin, kind, flags
        info.compress_size = min(size, max(0, source.size - begin))
        info.file_size = full if info.compress_size == size else info.compress_size
        yield info.filename, info
        place = begin + size


def _look_at_names(archive: Archive, found: Findings) -> None:
    total = 0
    for name, info in archive.entries.items():
        total += info.file_size
        if (
            name.startswith(("/", "\\"))
            or ":" in name[:3]
            or ".." in PurePosixPath(name.replace("\\", "/")).parts
        ):
            found.danger(f"member `{name[:80]}` would be unpacked outside the folder")
        if info.external_attr >> 16 & 0o170000 == 0o120000:
            found.danger(f"member `{name[:80]}` is a symbolic link")
        if "\\" in name:
            found.broken(f"member `{name[:60]}` has a backslash in its name: written on Windows")
        if info.flag_bits & 1:
            found.broken(f"member `{name[:60]}` is encrypted")
    if total > RATIO * max(archive.source.size, 2**20):
        found.danger(f"a zip bomb: its members expand to {total:,} bytes")


def _prefix(names: list[str]) -> str | None:
    """Return what stands before the members of a v3 archive; None if it is none."""
    plain = {name.replace("\\", "/"): name for name in names}
    for name, written in plain.items():
        folder, _, last = name.rpartition("/")
        if last == CONFIG or (last == METADATA and not any(one.endswith(CONFIG) for one in plain)):
            before = f"{folder}/" if folder else ""
            beside = {one[len(before) :] for one in plain if one.startswith(before)}
            if beside & {METADATA, WEIGHTS, NPZ} or len(names) == 1:
                return written[: len(written) - len(last)]
    return None


def _other(names: list[str]) -> tuple[str, str]:
    if any(name.endswith("data.pkl") for name in names):
        return "zip of PyTorch (torch.save): it holds a pickle, which is not opened", "pickle"
    if names and all(name.endswith(".npy") for name in names):
        return "zip of NumPy arrays (.npz)", "weights"
    if any(name.endswith(("saved_model.pb", "saved_model.pbtxt")) for name in names):
        return "zip of a SavedModel folder: unpack it", "saved_model"
    return "zip that is no Keras archive", "other"


def read_members(archive: Archive, found: Findings, prefix: str) -> None:
    """Describe the members of a v3 archive."""
    has = archive.entries
    metadata, config, weights = (f"{prefix}{name}" for name in (METADATA, CONFIG, WEIGHTS))
    if metadata in has:
        found.attempt(METADATA, lambda: read_v3_metadata(archive.content(metadata), found))
    else:
        found.broken(f"{METADATA} is missing")
    if config in has:
        found.attempt(CONFIG, lambda: read_v3_config(archive.content(config), found))
        if not any(item.class_name for item in found.items):
            found.broken(f"{CONFIG} cannot be read")
    else:
        found.broken(f"{CONFIG} is missing")
    if weights in has:
        found.attempt(WEIGHTS, lambda: read_hdf5(archive.opened(weights), found, inside=WEIGHTS))
    elif f"{prefix}{NPZ}" in has:
        found.note("weights", "NumPy arrays", f"member {NPZ}; they are not looked into")
    else:
        found.broken(f"{WEIGHTS} is missing")
    words = [name for name in has if "/assets/" in f"/{name[len(prefix) :]}" and "vocab" in name]
    if words and not found.vocabulary:
        found.vocabulary = f"member `{words[0][:80]}`"


def read_v3_metadata(content: bytes, found: Findings) -> None:
    """Describe metadata.json."""
    value = parse(content.decode("utf-8", "replace"))
    for name in ("keras_version", "backend", "date_saved"):
        told: Any = value.get(name) if isinstance(value, dict) else None
        if isinstance(told, str):
            found.read(name, told, f"{METADATA}, key `{name}`")


def read_v3_config(content: bytes, found: Findings) -> None:
    """Describe config.json."""
    value = parse(content.decode("utf-8", "replace"))
    if not is_object(value):
        raise Damaged(f"JSON, and no object of Keras: {json.dumps(value)[:60]}")
    describe_architecture(value, found, CONFIG)
