"""A copy of a model file with its configuration edited: HDF5, a `.keras` archive, or JSON.

Input: a path, the path of the copy, and the rules. Output: what was changed; nothing is written
where nothing is to be changed. The weights are copied as they are.
"""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from runner.domain.errors import NotReadable
from runner.domain.rewriting import Change, RewriteRule, Rewritten
from runner.inspect import Container
from runner.inspect.container import recognise
from runner.inspect.source import Budget, Source, Unreadable
from runner.rewrite.engine import rewrite_config, rules_for
from runner.rewrite.hdf5 import TextAttributes, Unwritable

CONFIGURATIONS = ("model_config", "training_config")
"""Root attributes of an HDF5 file that hold JSON."""
CONFIG, METADATA = "config.json", "metadata.json"
LARGEST_CONFIG = 64 * 2**20
"""Bytes of a configuration."""
MOST_MEMBERS = 20_000
ONE_COPY = 2**20
ERRORS = (
    *(Unreadable, Unwritable, zipfile.BadZipFile, zlib.error, OSError, ValueError),
    *(RecursionError, NotImplementedError, RuntimeError, LookupError, EOFError),
)
"""What reading a damaged or made-up file may raise."""


def rewrite_file(path: Path, copy: Path, reader: str, rules: Iterable[RewriteRule]) -> Rewritten:
    """Write the copy if a rule changes something; return what was changed.

    `reader` is the id of the environment that shall read it. The copy must not exist.

    Raises:
        NotReadable: it is no file with a configuration, or is damaged.
    """
    try:
        with path.open("rb") as file:
            source = Source.of_file(file, Budget())
            container = recognise(source).container
            if container is Container.ZIP_OTHER and CONFIG in _names(path):
                container = Container.ZIP_V3
        write = {
            Container.HDF5: _rewrite_hdf5,
            Container.ZIP_V3: _rewrite_archive,
            Container.JSON: _rewrite_json,
        }.get(container)
        if write is None:
            raise NotReadable(
                f"{path}: a file of the kind {container} has no configuration to be edited",
                cause="a SavedModel, a checkpoint, or no model file",
                next_step=f"keras-matrix inspect {path}",
            )
        return write(path, copy, reader, tuple(rules))
    except ERRORS as error:
        copy.unlink(missing_ok=True)
        raise NotReadable(
            f"{path}: its configuration cannot be edited: {str(error)[:200]}",
            cause="the file is damaged, or keeps its configuration in an unusual way",
            next_step=f"keras-matrix inspect {path}",
        ) from error


def _names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _rewrite_hdf5(path: Path, copy: Path, reader: str, rules: tuple[RewriteRule, ...]) -> Rewritten:
    with path.open("rb") as file:
        texts = TextAttributes(file).texts()
    wrote = texts.get("keras_version", "")
    wanted = rules_for(rules, reader, wrote)
    changes: list[Change] = []
    edited: dict[str, str] = {}
    for name in CONFIGURATIONS:
        if name in texts:
            config, made = rewrite_config(json.loads(texts[name]), wanted)
            if made:
                edited[name] = json.dumps(config)
                changes += made
    if edited:
        shutil.copyfile(path, copy)
        with copy.open("r+b") as file:
            for name, text in edited.items():
                # Opened anew: the end of the file may be another one.
                TextAttributes(file).put(name, text)
                file.flush()
    return Rewritten(container=str(Container.HDF5), wrote=wrote, changes=tuple(changes))


def _rewrite_archive(
    path: Path, copy: Path, reader: str, rules: tuple[RewriteRule, ...]
) -> Rewritten:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise ValueError(f"{len(members):,} members")
        config = json.loads(_content(archive, CONFIG))
        wrote = str(_metadata(archive).get("keras_version", ""))
        edited, changes = rewrite_config(config, rules_for(rules, reader, wrote))
        if changes:
            with zipfile.ZipFile(copy, "w") as out:
                for member in members:
                    _copy_member(archive, out, member, edited)
    return Rewritten(container=str(Container.ZIP_V3), wrote=wrote, changes=tuple(changes))


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > LARGEST_CONFIG:
        raise ValueError(f"`{name}` has {info.file_size:,} bytes")
    with archive.open(info) as member:
        return member.read(LARGEST_CONFIG)


def _metadata(archive: zipfile.ZipFile) -> dict[str, Any]:
    found = json.loads(_content(archive, METADATA)) if METADATA in archive.namelist() else {}
    return found if isinstance(found, dict) else {}


def _copy_member(
    archive: zipfile.ZipFile, out: zipfile.ZipFile, member: zipfile.ZipInfo, config: Any
) -> None:
    if member.filename == CONFIG:
        out.writestr(member, json.dumps(config))
        return
    with archive.open(member) as source, out.open(member, "w", force_zip64=True) as target:
        _copy(source, target, member.file_size)


def _copy(source: Any, target: BinaryIO | Any, size: int) -> None:
    """Copy so many bytes at most: a member may hold more than its directory says."""
    left = size
    while left > 0 and (piece := source.read(min(ONE_COPY, left))):
        target.write(piece)
        left -= len(piece)


def _rewrite_json(path: Path, copy: Path, reader: str, rules: tuple[RewriteRule, ...]) -> Rewritten:
    with path.open("rb") as file:
        text = file.read(LARGEST_CONFIG + 1)
    if len(text) > LARGEST_CONFIG:
        raise ValueError(f"more than {LARGEST_CONFIG:,} bytes")
    config = json.loads(text)
    if isinstance(config, str):
        # `json.dumps(model.to_json())`, a text in a text, is a frequent mistake.
        config = json.loads(config)
    found = config.get("keras_version", "") if isinstance(config, dict) else ""
    wrote = found if isinstance(found, str) else ""
    edited, changes = rewrite_config(config, rules_for(rules, reader, wrote))
    if changes:
        copy.write_text(json.dumps(edited), encoding="utf-8")
    return Rewritten(container=str(Container.JSON), wrote=wrote, changes=tuple(changes))
