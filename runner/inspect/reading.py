"""A path -> a `Description`, in this process; `confined` does it in a process of its own.

Input: a path as the user gave it. Output: the description, without scenarios. A path that is no
file or folder, or may not be read, is a `MatrixError`.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from runner.domain.errors import NotReadable, SelectionError
from runner.inspect import archive, packed, saved_model, tfjs
from runner.inspect.architecture import TOKENIZER, is_tokenizer, read_architecture
from runner.inspect.config import NotKeras, parse
from runner.inspect.container import recognise
from runner.inspect.description import Container, Description, Item, Role
from runner.inspect.findings import Findings
from runner.inspect.names import class_origin, keras_names
from runner.inspect.source import Budget, Source, Unreadable
from runner.inspect.summary import describe_findings
from runner.inspect.weights import read_hdf5

MOST_NAMES = 10_000
"""Entries of a folder that are looked at."""
YAML_CLASS = re.compile(r"^[ \t]*(?:-[ \t]+)?class_name:[ \t]*['\"]?([\w.>]{1,100})", re.MULTILINE)
YAML_VALUE = re.compile(r"^(keras_version|backend):[ \t]*['\"]?([\w.-]{1,40})", re.MULTILINE)
LONGEST_YAML = 16 * 2**20


def describe_here(path: Path) -> Description:
    """Describe a file or folder.

    Raises:
        SelectionError: there is nothing of that name.
        NotReadable: it is no file or folder, or may not be read.
    """
    found = Findings()
    budget = Budget()
    mode = _kind_of(path)
    if mode is None:
        _read_prefix(path, found, budget)
    elif stat.S_ISDIR(mode):
        _read_folder(path, found, budget)
    elif stat.S_ISREG(mode):
        with open_file(path) as file:
            _read_file(path, Source.of_file(file, budget), found)
    else:
        raise NotReadable(
            f"{path} is no file: it is a {_special(mode)}",
            cause="a path to a model names a file or a folder",
            next_step=f"ls -l {path}",
        )
    return describe_findings(path, found)


def _kind_of(path: Path) -> int | None:
    """Return the mode; None where a checkpoint's prefix is given, which is no file itself."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if _index_of(path):
            return None
        raise SelectionError(
            f"no such file or folder: {path}",
            cause="a typing error, or the path is relative to another folder",
            next_step=f"ls {path.parent}",
        ) from None
    except (OSError, ValueError) as error:
        raise _not_readable(path, error) from error


def _index_of(path: Path) -> Path | None:
    index = Path(f"{path}.index")
    with suppress(OSError, ValueError):
        if index.is_file():
            return index
    return None


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading, and nothing that could block.

    Raises:
        NotReadable: it may not be read, or became something else meanwhile.
    """
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _not_readable(path, error) from error
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise NotReadable(f"{path} is no file", next_step=f"ls -l {path}")
    return os.fdopen(number, "rb")


def _not_readable(path: Path, error: OSError | ValueError) -> NotReadable:
    number = error.errno if isinstance(error, OSError) else None
    causes = {
        errno.EACCES: "this user may not read it",
        errno.ELOOP: "a symbolic link that leads to itself",
        errno.ENAMETOOLONG: "the name is too long",
    }
    said = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return NotReadable(
        f"{str(path)[:200]!r} cannot be read: {said}",
        cause=causes.get(number or 0, "the file system refuses it"),
        next_step=f"ls -l {path.parent}",
    )


def _special(mode: int) -> str:
    for test, name in (
        (stat.S_ISFIFO, "named pipe"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISCHR, "device"),
        (stat.S_ISBLK, "device"),
    ):
        if test(mode):
            return name
    return "special file"


# A single file


def _read_file(path: Path, source: Source, found: Findings) -> None:
    kind = recognise(source)
    found.container, found.title, found.size = kind.container, kind.title, source.size
    if kind.damage:
        found.broken(kind.damage)
        return
    reader = READERS.get(kind.container)
    if reader is not None:
        found.attempt(kind.title, lambda: reader(path, source, found))
    if kind.container is Container.LFS_POINTER:
        _read_pointer(source, found)


def _read_hdf5(path: Path, source: Source, found: Findings) -> None:
    del path
    read_hdf5(source, found)
    titles = {
        "model": "HDF5, a whole Keras model",
        "legacy weights": "HDF5, weights alone (save_weights, layout before Keras 3)",
        "weights": "HDF5, weights alone (.weights.h5, layout of the v3 archive)",
        "Keras 1 weights": "HDF5, weights alone (Keras 1)",
        "architecture": "HDF5, an architecture without weights",
        "other": "HDF5 that Keras did not write",
        "nothing": "HDF5 with nothing in it",
    }
    found.title = titles.get(found.layout, found.title)


def _read_zip(path: Path, source: Source, found: Findings) -> None:
    del path
    archive.read_zip(source, found)


def _read_json(path: Path, source: Source, found: Findings) -> None:
    del path
    text = source.read(0, source.size).decode("utf-8-sig", "replace")
    try:
        value = parse(text)
        if tfjs.is_model(value):
            tfjs.read_model(value, found)
            return
        if is_tokenizer(value):
            found.title, found.layout = TOKENIZER, "other"
            return
        read_architecture(text, found, "the file")
    except NotKeras:
        found.title, found.layout = "JSON that is no Keras architecture", "other"
    except Unreadable as error:
        found.broken(str(error))
    else:
        found.title, found.layout = "architecture as JSON", "architecture"


def _read_other(path: Path, source: Source, found: Findings) -> None:
    """Look into what is packed; the rest is no container of models."""
    del path
    if found.title.startswith("gzip"):
        packed.read_gzip(source, found)
    elif found.title.startswith("tar"):
        packed.read_tar(source, found)


def _read_yaml(path: Path, source: Source, found: Findings) -> None:
    del path
    found.title, found.layout = "architecture as YAML", "architecture"
    text = source.read(0, min(source.size, LONGEST_YAML)).decode("utf-8", "replace")
    for name, value in YAML_VALUE.findall(text):
        found.read(name, value, f"the file, key `{name}`")
    names = YAML_CLASS.findall(text)
    found.items += [_yaml_item(name, first=not index) for index, name in enumerate(names[:10_000])]
    found.skipped("YAML: only class names and versions are read")


def _yaml_item(name: str, *, first: bool) -> Item:
    custom = class_origin(name, "", "")[0]
    role = Role.LAYER if custom or name in keras_names().layers else Role.OTHER
    return Item(role=Role.MODEL if first else role, class_name=name, custom=custom)


def _read_graph(path: Path, source: Source, found: Findings) -> None:
    found.layout = "saved_model"
    if found.title.endswith("(keras_metadata.pb)"):
        saved_model.read_metadata(source, found)
        found.broken("the graph and the variables of the SavedModel are missing")
        return
    if found.title.endswith("(saved_model.pbtxt)"):
        saved_model.read_text_graph(source, found)
        return
    saved_model.read_graph(source, found)
    if path.name == saved_model.GRAPH:
        found.note(
            "a part", "the graph alone is described; the folder has the rest", str(path.name)
        )


def _read_index(path: Path, source: Source, found: Findings) -> None:
    found.layout = "weights"
    data = _data_size(path.parent, path.name.removesuffix(".index"))
    saved_model.read_variables(source, found, path.name, data)


def _read_pointer(source: Source, found: Findings) -> None:
    text = source.head(1024).decode("ascii", "replace")
    size = re.search(r"^size (\d{1,18})$", text, re.MULTILINE)
    if size:
        found.note("the real file", f"{int(size[1]):,} bytes", "the pointer, `size`")


Reader = Callable[[Path, Source, Findings], None]
READERS: Mapping[Container, Reader] = MappingProxyType(
    {
        Container.HDF5: _read_hdf5,
        Container.ZIP_OTHER: _read_zip,
        Container.JSON: _read_json,
        Container.YAML: _read_yaml,
        Container.SAVED_MODEL: _read_graph,
        Container.CHECKPOINT: _read_index,
        Container.OTHER: _read_other,
    }
)
"""How each container is read on; the others are only recognised."""


# Folders


def _names(folder: Path) -> list[str]:
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) >= MOST_NAMES:
                    break
    except OSError as error:
        raise _not_readable(folder, error) from error
    return sorted(names)


def _read_folder(path: Path, found: Findings, budget: Budget) -> None:
    names = _names(path)
    indexes = [name for name in names if name.endswith(".index")]
    if saved_model.GRAPH in names or "saved_model.pbtxt" in names:
        _read_saved_model(path, names, found, budget)
    elif archive.CONFIG in names and {archive.METADATA, archive.WEIGHTS} & set(names):
        _read_unpacked(path, names, found, budget)
    elif indexes:
        found.container, found.layout = Container.CHECKPOINT, "weights"
        found.title = "TensorFlow checkpoint"
        if len(indexes) > 1:
            found.note("checkpoints", len(indexes), "the folder; the last by name is described")
        _part(path / indexes[-1], found, budget, _index_reader(path, indexes[-1], found))
    else:
        _read_other_folder(path, names, found, budget)


def _index_reader(folder: Path, name: str, found: Findings) -> Callable[[Source], None]:
    def read(source: Source) -> None:
        data = _data_size(folder, name.removesuffix(".index"))
        saved_model.read_variables(source, found, name, data)

    return read


def _read_other_folder(path: Path, names: list[str], found: Findings, budget: Budget) -> None:
    """Describe a folder with one architecture or model in it, by its kind."""
    found.container, found.title = Container.FOLDER, "folder that is no SavedModel"
    if not names:
        found.title = "empty folder"
    models = [name for name in names if name.endswith((".json", ".h5", ".keras", ".hdf5"))]
    if models:
        found.note("files", ", ".join(models[:12]), "the folder; name one of them")
    del path, budget


def _read_saved_model(path: Path, names: list[str], found: Findings, budget: Budget) -> None:
    found.container, found.layout = Container.SAVED_MODEL, "saved_model"
    found.title = "SavedModel folder"
    if saved_model.GRAPH in names:
        _part(
            path / saved_model.GRAPH, found, budget, lambda one: saved_model.read_graph(one, found)
        )
    else:
        _part(
            path / "saved_model.pbtxt",
            found,
            budget,
            lambda one: saved_model.read_text_graph(one, found),
        )
    if "keras_metadata.pb" in names:
        _part(
            path / "keras_metadata.pb",
            found,
            budget,
            lambda one: saved_model.read_metadata(one, found),
        )
    elif found.architecture is None:
        found.note("keras_metadata.pb", "missing", "the folder")
    index = path / "variables" / "variables.index"
    if index.is_file():
        _part(index, found, budget, _index_reader(index.parent, index.name, found))
    else:
        saved_model.miss_variables(found)


def _read_unpacked(path: Path, names: list[str], found: Findings, budget: Budget) -> None:
    found.container, found.layout = Container.FOLDER_V3, "model"
    found.title = "Keras v3 archive that was unpacked: zip it again"
    for name, read in (
        (archive.METADATA, archive.read_v3_metadata),
        (archive.CONFIG, archive.read_v3_config),
    ):
        if name in names:
            _part(path / name, found, budget, partial(_read_whole, read, found))
        else:
            found.broken(f"{name} is missing")
    if archive.WEIGHTS in names:
        _part(
            path / archive.WEIGHTS,
            found,
            budget,
            lambda one: read_hdf5(one, found, inside=archive.WEIGHTS),
        )
    else:
        found.broken(f"{archive.WEIGHTS} is missing")


def _read_whole(read: Callable[[bytes, Findings], None], found: Findings, source: Source) -> None:
    read(source.read(0, source.size), found)


def _read_prefix(path: Path, found: Findings, budget: Budget) -> None:
    """Describe the checkpoint whose prefix was given."""
    found.container, found.layout = Container.CHECKPOINT, "weights"
    found.title = "TensorFlow checkpoint"
    name = f"{path.name}.index"
    _part(path.parent / name, found, budget, _index_reader(path.parent, name, found))


def _part(path: Path, found: Findings, budget: Budget, read: Callable[[Source], None]) -> None:
    """Read one file of a folder; a file that cannot be opened is damage, not an error."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            found.broken(f"{path.name} is no file")
            return
        file = open_file(path)
    except (OSError, NotReadable):
        found.broken(f"{path.name} cannot be opened")
        return
    with file:
        source = Source.of_file(file, budget)
        found.size += source.size
        before = len(found.unread)
        found.attempt(path.name, lambda: read(source))
        if len(found.unread) > before and not source.size:
            found.broken(f"{path.name} is empty")


def _data_size(folder: Path, prefix: str) -> int | None:
    """Return the bytes of the data beside an index; None where a part is missing."""
    pattern = re.compile(re.escape(prefix) + r"\.data-(\d{5})-of-(\d{5})")
    sizes: Counter[str] = Counter()
    wanted = 0
    with suppress(OSError):
        for name in _names(folder):
            match = pattern.fullmatch(name)
            if match:
                sizes[name] += (folder / name).stat().st_size
                wanted = max(wanted, int(match[2]))
    return sum(sizes.values()) if sizes and len(sizes) == wanted else None
