"""Write and read an artifact's folder: payload, oracle, manifest (docs/formats.md)."""

from __future__ import annotations

import hashlib
import io
import json
import os
from typing import Any, Dict, Tuple

import numpy as np

from runner.probe.keras_api import Arrays, Given
from runner.probe.measure import Measurement, storable

SCHEMA = "artifact/1"
ORACLE = ("oracle.json", "oracle.npz")
"""The oracle's files."""


def write_oracle(folder: str, measurement: Measurement, inputs: Arrays, targets: Arrays) -> None:
    """Write oracle.json and oracle.npz; inputs and targets are kept beside the facts."""
    arrays = dict(measurement.arrays)
    for name, group in (("inputs", inputs), ("targets", targets)):
        for index, array in enumerate(group):
            arrays["{}/{}".format(name, index)] = storable(array)
    # Member names of the archive may not be paths everywhere: number them, keep the names in JSON.
    names = sorted(arrays)
    np.savez(
        os.path.join(folder, "oracle.npz"),
        **{"a{}".format(index): arrays[name] for index, name in enumerate(names)},
    )
    _write_json(
        os.path.join(folder, "oracle.json"),
        {
            "schema": SCHEMA,
            "facts": measurement.facts,
            "arrays": names,
            "inputs": len(inputs),
            "targets": len(targets),
            "given": {"inputs": _structure(inputs), "targets": _structure(targets)},
        },
    )


def read_oracle(folder: str) -> Tuple[Measurement, Arrays, Arrays]:
    """Return (Measurement, inputs, targets) as the writer recorded them."""
    with io.open(os.path.join(folder, "oracle.json"), encoding="utf-8") as file:
        record = json.load(file)
    with np.load(os.path.join(folder, "oracle.npz"), allow_pickle=False) as stored:
        arrays = {name: stored["a{}".format(i)] for i, name in enumerate(record["arrays"])}
    measurement = Measurement()
    measurement.facts = record["facts"]
    measurement.arrays = arrays
    groups = []
    for name in ("inputs", "targets"):
        found = [arrays["{}/{}".format(name, i)] for i in range(record[name])]
        groups.append(_restored(found, record.get("given", {}).get(name)))
    return measurement, groups[0], groups[1]


def _structure(arrays: Arrays) -> Any:
    """Return the names of arrays given by name, or "tuple" or "list"."""
    names = getattr(arrays, "names", None)
    return names or ("tuple" if getattr(arrays, "as_tuple", False) else "list")


def _restored(arrays: Arrays, structure: Any) -> Arrays:
    if structure == "tuple":
        return Given(tuple(arrays))
    return Given(dict(zip(structure, arrays)) if isinstance(structure, list) else arrays)


def write_manifest(folder: str, description: Dict[str, Any]) -> Dict[str, Any]:
    """Write manifest.json, last of all: a folder without one is not an artifact.

    `files` are the payload's and `oracle` the oracle's, each with its SHA-256; `sha256` is
    that of the payload alone, since it is all a user has.
    """
    files = {}
    payload = os.path.join(folder, "payload")
    for parent, _, names in sorted(os.walk(payload)):
        for name in sorted(names):
            path = os.path.join(parent, name)
            files[os.path.relpath(path, payload)] = _sha256(path)
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update("{} {}\n".format(name, files[name]).encode("utf-8"))
    manifest = dict(
        description,
        schema=SCHEMA,
        files=files,
        sha256=whole.hexdigest(),
        oracle={name: _sha256(os.path.join(folder, name)) for name in ORACLE},
    )
    _write_json(os.path.join(folder, "manifest.json"), manifest)
    return manifest


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _write_json(path: str, value: Any) -> None:
    with io.open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps(value, indent=1, sort_keys=True))
