"""Damage a file that was written whole, or turn it into a hostile one, the same way every time.

A specification is `kind:key=value,key=value`: `random_bytes`, `zeros` or `flip` with `offset` or
`where` (`header`, `config`, `weight`, `index`, `directory`), `count` and `seed`; `truncate` with
`keep` (a share) or `keep_bytes`; `empty`; `content` with `of` (`html`, `lfs_pointer`); `nest` (a
folder above an archive's files); `unpack` (the archive's folder in its place); `function` with
`module` and `name` (the configuration names a function of the file's choosing); `vocabulary` (the
configuration names a file outside); `external_link` and `huge_shape` (of an HDF5 file's first
weight). `interrupted` is no damage of a whole file: see `save_interrupted`.

What a hostile file reaches for outside itself is put beside it, and is no one's secret.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import time
import zipfile
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from runner.probe.keras_api import Arrays

Options = Dict[str, str]
Edit = Callable[..., Any]
"""What is done to a part of a file; see the functions that take one."""

INTERRUPTED = "interrupted"

CONTENT = {
    "html": (
        "<!DOCTYPE html>\n<html><head><title>404</title></head>"
        "<body><h1>Not Found</h1></body></html>\n"
    ),
    "lfs_pointer": (
        "version https://git-lfs.github.com/spec/v1\n"
        "oid sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
        "size 21480\n"
    ),
}
"""What lies under a model's name when a download brought something else."""
OUTSIDE = "outside"
"""Stem of the file beside the model that a hostile file refers to."""
HUGE = 2**20
"""Rows and columns of `huge_shape`: 4 TiB of float32 in a file of some kilobytes."""


def damage_file(path: str, specification: str, weights: Arrays) -> str:
    """Damage the file at `path` in place; return a sentence saying what was done.

    `weights` are the model's arrays, used to find a weight's bytes in the file.
    """
    kind, options = _parse(specification)
    size = os.path.getsize(path)
    if kind == "empty":
        os.truncate(path, 0)
        return "emptied ({} bytes before)".format(size)
    if kind == "truncate":
        keep = int(options.get("keep_bytes", int(size * float(options.get("keep", 0.5)))))
        os.truncate(path, min(keep, size))
        return "cut to {} of {} bytes".format(min(keep, size), size)
    if kind in ("random_bytes", "zeros", "flip"):
        return _overwrite(path, kind, options, weights)
    if kind == "content":
        with io.open(path, "w", encoding="ascii") as out:
            out.write(CONTENT[options["of"]])
        return "replaced by an {}".format(options["of"].replace("_", " "))
    if kind in _REWRITTEN:
        return _REWRITTEN[kind](path, options)
    raise ValueError("unknown damage {!r}".format(specification))


def _parse(specification: str) -> Tuple[str, Options]:
    kind, _, rest = specification.partition(":")
    pairs = [item.split("=", 1) for item in rest.split(",") if item]
    return kind, {key.strip(): value.strip() for key, value in pairs}


def _overwrite(path: str, kind: str, options: Options, weights: Arrays) -> str:
    with open(path, "r+b") as file:
        content = file.read()
        start, end = _region(path, content, options, weights)
        count = max(0, min(int(options.get("count", 100)), end - start))
        if kind == "flip":
            start += _telling_byte(options, weights)
            written, what = bytes([content[start] ^ 0x40]), "one bit flipped"
        elif kind == "zeros":
            written, what = bytes(count), "{} zeros".format(count)
        else:
            noise = np.random.RandomState(int(options.get("seed", 1))).bytes(count)
            written, what = noise, "{} random bytes".format(count)
        file.seek(start)
        file.write(written)
    return "{} at offset {} of {}".format(what, start, len(content))


def _telling_byte(options: Options, weights: Arrays) -> int:
    """Return which byte of the region to flip: a number's exponent, not its last digits."""
    if options.get("where") != "weight":
        return 0
    return int(max(weights, key=lambda array: array.size).dtype.itemsize) - 1


def _nest(path: str, options: Options) -> str:
    del options
    _rewrite_archive(path, lambda name, data: ("model/" + name, data))
    return "a folder put above the archive's files"


def _unpack(path: str, options: Options) -> str:
    del options
    packed = path + ".packed"
    os.rename(path, packed)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(path)
    os.remove(packed)
    return "unpacked: a folder of the archive's name"


def _name_function(path: str, options: Options) -> str:
    """Have the Lambda layer name a function of the file's choosing."""
    reference = {
        "module": options["module"],
        "class_name": "function",
        "config": options["name"],
        "registered_name": options["name"],
    }

    def edit(layer: Any) -> bool:
        if layer["class_name"] != "Lambda":
            return False
        layer["config"]["function"] = reference
        # Keras 2 says beside it what kind of function it is, and where it comes from.
        if "function_type" in layer["config"]:
            layer["config"].update(function_type="function", module=options["module"])
        return True

    _edit_layer(path, edit)
    return "the Lambda layer names {module}.{name}".format(**options)


def _name_vocabulary(path: str, options: Options) -> str:
    """Have the lookup layer read its vocabulary from a file outside, which has other words."""
    del options
    words: List[str] = []

    def edit(layer: Any) -> bool:
        vocabulary = layer["config"].get("vocabulary")
        if not isinstance(vocabulary, list):
            return False
        words.extend(str(word) for word in reversed(vocabulary))
        layer["config"]["vocabulary"] = _seen_by_reader(path, ".txt")
        return True

    _edit_layer(path, edit)
    with io.open(_beside(path, ".txt"), "w", encoding="ascii") as out:
        out.write("".join(word + "\n" for word in words))
    return "the vocabulary is a file outside, with the words in reverse"


def _link_outside(path: str, options: Options) -> str:
    del options

    def edit(h5py: Any, file: Any, name: str) -> None:
        with h5py.File(_beside(path, ".h5"), "w") as outside:
            outside["stolen"] = -file[name][()]
        del file[name]
        file[name] = h5py.ExternalLink(_seen_by_reader(path, ".h5"), "/stolen")

    return "{} is a link to a file outside, with the signs reversed".format(
        _edit_first_weight(path, edit)
    )


def _beside(path: str, suffix: str) -> str:
    return os.path.join(os.path.dirname(path), OUTSIDE + suffix)


def _seen_by_reader(path: str, suffix: str) -> str:
    """Return the name that the file beside has for a reader, who stands above the folder."""
    return os.path.basename(os.path.dirname(path)) + "/" + OUTSIDE + suffix


def _claim_huge_shape(path: str, options: Options) -> str:
    del options

    def edit(h5py: Any, file: Any, name: str) -> None:
        del file[name]
        file.create_dataset(name, shape=(HUGE, HUGE), dtype="float32", chunks=(1024, 1024))

    return "{} claims {} x {} numbers".format(_edit_first_weight(path, edit), HUGE, HUGE)


_REWRITTEN = {
    "nest": _nest,
    "unpack": _unpack,
    "function": _name_function,
    "vocabulary": _name_vocabulary,
    "external_link": _link_outside,
    "huge_shape": _claim_huge_shape,
}


def _rewrite_archive(path: str, edit: Edit) -> None:
    """Write a zip archive anew; `edit` maps (name, bytes) of each member to what it becomes."""
    beside = path + ".new"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(beside, "w") as new:
        for info in old.infolist():
            name, data = edit(info.filename, old.read(info.filename))
            # One date for all: the file must be the same every time.
            new.writestr(zipfile.ZipInfo(name), data)
    shutil.move(beside, path)


def _edit_layer(path: str, edit: Edit) -> None:
    """Apply `edit(layer)` to the layers in an archive's configuration until one is changed."""

    def edit_configuration(name: str, data: bytes) -> Tuple[str, bytes]:
        if name != "config.json":
            return name, data
        configuration = json.loads(data.decode("utf-8"))
        if not any(edit(layer) for layer in configuration["config"]["layers"]):
            raise ValueError("no layer to change in the configuration")
        return name, json.dumps(configuration).encode("utf-8")

    _rewrite_archive(path, edit_configuration)


def _edit_first_weight(path: str, edit: Edit) -> str:
    """Apply `edit(h5py, file, name)` to the first matrix of the HDF5 file; return its name."""
    import h5py

    if not zipfile.is_zipfile(path):
        return _edit_matrix(h5py, path, edit)
    loose = path + ".weights.h5"
    edited = []

    def edit_member(name: str, data: bytes) -> Tuple[str, bytes]:
        if not name.endswith(".weights.h5"):
            return name, data
        with open(loose, "wb") as out:
            out.write(data)
        edited.append(_edit_matrix(h5py, loose, edit))
        with open(loose, "rb") as changed:
            return name, changed.read()

    _rewrite_archive(path, edit_member)
    os.remove(loose)
    return edited[0]


def _edit_matrix(h5py: Any, path: str, edit: Edit) -> str:
    with h5py.File(path, "r+") as file:
        names = []

        def collect(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and len(item.shape) == 2:
                names.append(name)

        file.visititems(collect)
        name = sorted(names)[0]
        edit(h5py, file, name)
    return name


_MARKS = {
    # The zip archive's central directory: the offset of its last member's local header.
    "directory": (b"PK\x01\x02", 42),
    # The B-tree that finds the members of an HDF5 file's root group.
    "index": (b"TREE", 0),
}


def _region(path: str, content: bytes, options: Options, weights: Arrays) -> Tuple[int, int]:
    """Return (start, end) of the bytes that may be overwritten."""
    where = options.get("where")
    if where is None:
        return int(options["offset"]), len(content)
    if where == "header":
        return 0, len(content)
    if where in _MARKS:
        mark, offset = _MARKS[where]
        # The root group's index comes first, the archive's directory last.
        at = content.find(mark) if where == "index" else content.rfind(mark)
        if at < 0:
            raise ValueError("no {} found in the file".format(where))
        return at + offset, len(content)
    if zipfile.is_zipfile(path):
        suffix = "config.json" if where == "config" else ".weights.h5"
        return _member(path, suffix, content, weights if where == "weight" else None)
    if where == "config":
        at = content.find(b'"class_name"')
        if at < 0:
            raise ValueError("no configuration found in the file")
        return at, len(content)
    return _weight(content, 0, len(content), weights)


def _member(path: str, suffix: str, content: bytes, weights: Optional[Arrays]) -> Tuple[int, int]:
    with zipfile.ZipFile(path) as archive:
        infos = [i for i in archive.infolist() if i.filename.endswith(suffix)]
        if not infos:
            raise ValueError("no member {} in the archive".format(suffix))
        info = next((i for i in infos if i.filename == suffix), infos[0])
    # The local header's own lengths: the directory's extra field may differ.
    name_length = int.from_bytes(
        content[info.header_offset + 26 : info.header_offset + 28], "little"
    )
    extra = int.from_bytes(content[info.header_offset + 28 : info.header_offset + 30], "little")
    start = info.header_offset + 30 + name_length + extra
    end = start + info.compress_size
    if weights is None:
        return start + (end - start) // 3, end
    if info.compress_type != zipfile.ZIP_STORED:
        return start + (end - start) // 2, end
    return _weight(content, start, end, weights)


def _weight(content: bytes, start: int, end: int, weights: Arrays) -> Tuple[int, int]:
    """Return the bytes of the first element run of the largest weight found in the file."""
    for weight in sorted(weights, key=lambda array: -array.size):
        raw = np.ascontiguousarray(weight).tobytes()
        at = content.find(raw, start, end)
        if at >= 0:
            return at, at + len(raw)
    raise ValueError("no weight found in the file")


def save_interrupted(save: Callable[[], None], seconds: float = 20.0) -> None:
    """Run `save` in a forked process that is killed in the middle of writing.

    The process kills itself at the third array it writes: the moment a user's kernel,
    battery or scheduler picks is arbitrary too, but ours must be the same every time.
    """
    child = os.fork()
    if child == 0:
        _kill_at_third_dataset()
        try:
            save()
        finally:
            os._exit(0)
    deadline = time.time() + seconds
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.time() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        time.sleep(0.02)


def _kill_at_third_dataset() -> None:
    import h5py

    written: List[None] = []
    original = h5py.Group.create_dataset

    def create_dataset(self: Any, *arguments: Any, **options: Any) -> Any:
        written.append(None)
        if len(written) == 3:
            self.file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, *arguments, **options)

    h5py.Group.create_dataset = create_dataset
