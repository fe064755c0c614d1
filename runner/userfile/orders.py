"""The orders to a probe of a user's file, as they are written to it."""

from __future__ import annotations

import msgspec

TIMEOUT_S = 120.0


class LoadOrder(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="file_load"):
    """Load a file by one way, and call it on given inputs.

    Paths are relative to the exchange's folder of files. The job hands over `report.json` and,
    where the model was called, `oracle.json` and `oracle.npz`.
    """

    id: str
    file: str
    format: str
    """The format of the matrix that the file is of, for the ways that ask for it."""
    way: str
    """Id of a remedy, or of a way of `ways.toml`."""
    name: str = ""
    """Name that the file is loaded under; its own if empty."""
    inputs: str = ""
    """An .npz of the inputs in the model's order, sorted by key; empty: it is not called."""
    input_names: tuple[str, ...] = ()
    """Names of the inputs as the file has them, in that order."""
    aspects: tuple[str, ...] = ("structure", "outputs", "weights", "trainable")
    """What is recorded of the model, by the names of `Aspect`."""
    against: str = ""
    """Folder with an oracle (`oracle.json`, `oracle.npz`) to compare with; the result is
    `compared` in the report."""
    rtol: float = 1e-4
    atol: float = 1e-5
    custom_objects: str = ""
    """The user's module."""
    allow_code: bool = False
    """Whether bytecode of the file may be executed."""
    timeout_s: float = TIMEOUT_S
