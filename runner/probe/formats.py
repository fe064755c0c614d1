"""How a user writes each format, and what was really written.

A name can lie: `model.save("model.keras")` writes HDF5 or a folder in old versions, so
what is on disk is recognised by its first bytes and never by its suffix.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any

PAYLOAD = {
    "h5": "model.h5",
    "keras": "model.keras",
    "saved_model": "model",
    "weights_h5": "model.weights.h5",
    "json_weights": "model.weights.h5",
    "tf_checkpoint": "checkpoint",
    "export": "model",
}
"""Name of what is loaded, inside the payload folder."""

ARCHITECTURE = "architecture.json"
"""The second file of `json_weights`."""

EXPECTED = {
    "h5": "hdf5",
    "keras": "zip_v3",
    "saved_model": "saved_model",
    "weights_h5": "hdf5",
    "json_weights": "hdf5",
    "tf_checkpoint": "checkpoint",
    "export": "saved_model",
}
"""What a version that supports the format writes."""


def save_model(model: Any, format_id: str, folder: str) -> None:
    """Write a model into `folder` the way a user of this version writes this format."""
    path = os.path.join(folder, PAYLOAD[format_id])
    if format_id in ("h5", "keras"):
        model.save(path)
    elif format_id == "saved_model":
        _save_saved_model(model, path)
    elif format_id in ("weights_h5", "json_weights"):
        if format_id == "json_weights":
            with io.open(os.path.join(folder, ARCHITECTURE), "w", encoding="utf-8") as out:
                out.write(model.to_json())
        model.save_weights(path)
    elif format_id == "tf_checkpoint":
        os.mkdir(path)
        model.save_weights(os.path.join(path, "weights"), save_format="tf")
    elif format_id == "export":
        model.export(path)
    else:
        raise ValueError("unknown format {!r}".format(format_id))


def _save_saved_model(model: Any, path: str) -> None:
    # TensorFlow 1.15 writes HDF5 unless told otherwise; the argument exists from there on.
    model.save(path, save_format="tf")


def recognise(path: str) -> str:
    """Return what a path really holds: see `written` in docs/formats.md."""
    if os.path.isdir(path):
        return _recognise_folder(path)
    if not os.path.exists(path):
        return "nothing"
    with open(path, "rb") as file:
        head = file.read(8)
    if head == b"\x89HDF\r\n\x1a\n":
        return "hdf5"
    if head[:4] == b"PK\x03\x04":
        return _recognise_zip(path)
    return "other"


def _recognise_folder(path: str) -> str:
    names = os.listdir(path)
    if "saved_model.pb" in names:
        return "saved_model"
    if any(name.endswith(".index") for name in names):
        return "checkpoint"
    return "folder" if names else "nothing"


def _recognise_zip(path: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            return "zip_v3" if "config.json" in archive.namelist() else "zip"
    except zipfile.BadZipFile:
        return "zip"
