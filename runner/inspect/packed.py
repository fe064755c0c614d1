"""The model inside a packed file (zip, tar, gzip), described without unpacking it onto the disk.

Input: a `Source`, or the members of an archive by name. Output: into `Findings`. Compressed data
are expanded in memory, under caps; a member is read in place where it is stored as it is.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial

from runner.inspect import saved_model
from runner.inspect.architecture import read_architecture
from runner.inspect.findings import Findings
from runner.inspect.source import Damaged, Source, SourceFile, TooMuch
from runner.inspect.weights import read_hdf5

Open = Callable[[], Source]
"""Gives one member as a source; `Unreadable` where it is damaged or too much."""
MOST_MEMBERS = 20_000
EXPANDED = 192 * 2**20
"""Bytes to which a compressed tar or a single compressed file is expanded."""
PIECE = 2**20
MODELS = (".h5", ".hdf5", ".hdf", ".keras")
ARCHITECTURES = (".json",)


def read_gzip(source: Source, found: Findings) -> None:
    """Describe the tar or the single file that was compressed."""
    content = Source.of_bytes(_expand(source), source.budget)
    if _is_tar(content):
        read_tar(content, found)
        found.title = found.title.replace("tar", "tar.gz", 1)
        return
    found.title = "gzip: unpack it first"
    if content.head(8) == b"\x89HDF\r\n\x1a\n":
        found.title = "gzip of an HDF5 file: unpack it first"
        found.attempt("the compressed file", lambda: read_hdf5(content, found))


def _expand(source: Source) -> bytes:
    reader = zlib.decompressobj(31)
    expanded = bytearray()
    place = 0
    try:
        while place < source.size and not reader.eof:
            piece = source.read(place, min(PIECE, source.size - place))
            place += len(piece)
            expanded += reader.decompress(piece, EXPANDED + 1 - len(expanded))
            if len(expanded) > EXPANDED:
                raise TooMuch(f"it expands to more than {EXPANDED:,} bytes")
    except zlib.error as error:
        raise Damaged(f"the compressed data: {str(error)[:80]}") from error
    return bytes(expanded)


def _is_tar(source: Source) -> bool:
    return source.size >= 512 and source.read(257, 5) == b"ustar"


def read_tar(source: Source, found: Findings) -> None:
    """Describe the model inside a tar."""
    found.title = "tar: unpack it first"
    members: dict[str, Open] = {}
    try:
        with tarfile.open(fileobj=SourceFile(source), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count > MOST_MEMBERS:
                    raise TooMuch(f"the tar has more than {MOST_MEMBERS:,} members")
                _look_at(member, found)
                if member.isreg() and not member.issparse():
                    members[member.name.removeprefix("./")] = partial(
                        source.window, member.offset_data, member.size
                    )
    except tarfile.TarError as error:
        found.broken(f"the tar is damaged: {str(error)[:100]}")
    read_inside(members, found, "tar")


def _look_at(member: tarfile.TarInfo, found: Findings) -> None:
    name = member.name[:80]
    if name.startswith("/") or ".." in name.split("/"):
        found.danger(f"member `{name}` would be unpacked outside the folder")
    if member.issym() or member.islnk():
        found.danger(f"member `{name}` is a link to {member.linkname[:60]}")
    elif not (member.isreg() or member.isdir()):
        found.danger(f"member `{name}` is a device or a pipe")


def read_inside(members: Mapping[str, Open], found: Findings, packed: str) -> bool:
    """Describe the one model among the members; returns whether there is one."""
    graphs = [name for name in members if name.rpartition("/")[2] in saved_model.GRAPHS]
    if graphs:
        _read_saved_model(members, graphs, found, packed)
        return True
    models = [name for name in members if name.lower().endswith(MODELS) and not _hidden(name)]
    if len(models) == 1:
        _read_one(members, models[0], found, packed)
        return True
    if models:
        found.note("files", ", ".join(models[:12]), f"the {packed}; unpack it and name one")
    return False


def _hidden(name: str) -> bool:
    """Whether a member is what macOS adds of its own: the name of a model, and none in it."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")


def _read_saved_model(
    members: Mapping[str, Open], graphs: list[str], found: Findings, packed: str
) -> None:
    first = min(graphs, key=lambda name: (name.count("/"), name))
    prefix = first.rpartition("/")[0]
    prefix = f"{prefix}/" if prefix else ""
    found.title = f"{packed} of a SavedModel folder: unpack it"
    found.layout = "saved_model"
    found.note("inside", first, f"the members of the {packed}; it is described here")
    if len(graphs) > 1:
        found.note("SavedModels", len(graphs), f"the {packed}: one of them is described")
    read = (
        saved_model.read_graph if first.endswith(saved_model.GRAPH) else saved_model.read_text_graph
    )
    found.attempt(first, lambda: read(members[first](), found))
    metadata = f"{prefix}keras_metadata.pb"
    if metadata in members:
        found.attempt(metadata, lambda: saved_model.read_metadata(members[metadata](), found))
    index = f"{prefix}variables/variables.index"
    if index in members:
        # The sizes of the data are not asked: a member is whole or its archive is damaged.
        found.attempt(
            index,
            lambda: saved_model.read_variables(members[index](), found, index, 2**62),
        )
    else:
        saved_model.miss_variables(found)


def _read_one(members: Mapping[str, Open], name: str, found: Findings, packed: str) -> None:
    found.note("inside", name, f"the members of the {packed}; it is described here")
    found.title = f"{packed} with one model file in it: unpack it"
    architectures = [one for one in members if one.endswith(ARCHITECTURES) and not _hidden(one)]

    def read() -> None:
        inner = members[name]()
        if inner.head(2) == b"PK":
            # An archive's reader names this module, so it is imported where it is called.
            from runner.inspect.archive import read_zip  # noqa: PLC0415

            read_zip(inner, found, depth=1)
            found.broken(f"the archive is inside another {packed}")
            return
        read_hdf5(inner, found)

    found.attempt(name, read)
    if found.architecture is None and len(architectures) == 1:
        beside = architectures[0]

        def read_beside() -> None:
            one = members[beside]()
            text = one.read(0, one.size).decode("utf-8-sig", "replace")
            read_architecture(text, found, beside)

        found.attempt(beside, read_beside)
