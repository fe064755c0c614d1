"""The formats in which models are put on disk, one row each with all its facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Format(StrEnum):
    """How a model is put on disk; see docs/formats.md for the layouts."""

    H5 = "h5"
    KERAS = "keras"
    SAVED_MODEL = "saved_model"
    WEIGHTS_H5 = "weights_h5"
    JSON_WEIGHTS = "json_weights"
    TF_CHECKPOINT = "tf_checkpoint"
    EXPORT = "export"


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatFacts:
    """One row of the table of formats."""

    format: Format
    saved_by: str
    """The line a user writes, as docs/glossary.md has it."""
    written: str
    """The kind of file of a version that really supports it, recognised by its bytes."""
    payload: str
    """Name of the file or folder that is loaded."""


FORMAT_TABLE: tuple[FormatFacts, ...] = (
    FormatFacts(
        format=Format.H5,
        saved_by='model.save("model.h5")',
        written="hdf5",
        payload="model.h5",
    ),
    FormatFacts(
        format=Format.KERAS,
        saved_by='model.save("model.keras")',
        written="zip_v3",
        payload="model.keras",
    ),
    FormatFacts(
        format=Format.SAVED_MODEL,
        saved_by='model.save(folder, save_format="tf")',
        written="saved_model",
        payload="model",
    ),
    FormatFacts(
        format=Format.WEIGHTS_H5,
        saved_by='model.save_weights("model.weights.h5")',
        written="hdf5",
        payload="model.weights.h5",
    ),
    FormatFacts(
        format=Format.JSON_WEIGHTS,
        saved_by="model.to_json()",
        written="hdf5",
        payload="model.weights.h5",
    ),
    FormatFacts(
        format=Format.TF_CHECKPOINT,
        saved_by='model.save_weights(prefix, save_format="tf")',
        written="checkpoint",
        payload="checkpoint",
    ),
    FormatFacts(
        format=Format.EXPORT,
        saved_by="model.export(folder)",
        written="saved_model",
        payload="model",
    ),
)
"""Every format, in the order of the vocabulary."""

FORMAT_FACTS: Mapping[Format, FormatFacts] = MappingProxyType(
    {facts.format: facts for facts in FORMAT_TABLE}
)
"""The table of formats by its format."""
