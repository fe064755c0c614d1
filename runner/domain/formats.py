"""How a model is put on disk."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How a model is put on disk; see docs/formats.md for the layouts."""

    H5 = "h5"
    KERAS = "keras"
    SAVED_MODEL = "saved_model"
    WEIGHTS_H5 = "weights_h5"
    JSON_WEIGHTS = "json_weights"
    TF_CHECKPOINT = "tf_checkpoint"
    EXPORT = "export"
