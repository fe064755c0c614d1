"""The outputs that readers computed: read from what a probe handed over, and held together.

Input: the folder of a job, which came out of a sandbox: nothing in it is trusted to be small or
well formed. Output: arrays, differences, groups.
"""

from __future__ import annotations

import itertools
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
RTOL, ATOL = 1e-4, 1e-5
MOST_BYTES = 2**29
"""Of all outputs of one reader, unpacked."""
MOST_JSON = 2**26
MOST_ORDERS = 5
"""Outputs of which every order is tried, where their order is not the model's."""
NUMBERS = "biufc"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """The outputs of one load."""

    arrays: tuple[Array, ...]
    ordered: bool = True
    """Whether they are in the model's order; a function gives them by names."""


class BadData(Exception):
    """An .npz that cannot be taken; the sentence says why."""


def read_outputs(folder: Path, *, ordered: bool) -> Outputs | None:
    """Return the outputs in the folder of a job; None if it has none that can be read."""
    try:
        told = folder / "oracle.json"
        if told.stat().st_size > MOST_JSON:
            return None
        record = json.loads(told.read_text(encoding="utf-8"))
        names = list(record["arrays"])
        keys = [f"a{names.index(each)}" for each in record["facts"]["outputs"]]
        found = read_arrays(folder / "oracle.npz", keys)
    except (OSError, ValueError, TypeError, LookupError, RecursionError, BadData):
        return None
    return Outputs(arrays=tuple(found[key] for key in keys), ordered=ordered)


def read_arrays(path: Path, names: Sequence[str] = ()) -> dict[str, Array]:
    """Return arrays of an .npz, all of them without `names`; nothing in it is executed.

    Raises:
        BadData: it is no .npz, lacks one of them, or is too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            held = {each.filename: each.file_size for each in archive.infolist()}
        wanted = [f"{name}.npy" for name in names] or list(held)
        if sum(held[name] for name in wanted) > MOST_BYTES:
            raise BadData(f"its arrays take more than {MOST_BYTES / 2**20:.0f} MB")
        with np.load(path, allow_pickle=False) as stored:
            found = {
                name.removesuffix(".npy"): stored[name.removesuffix(".npy")] for name in wanted
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadData(f"it cannot be read: {error}") from error
    if not all(isinstance(each, np.ndarray) for each in found.values()):
        raise BadData("it holds something else than arrays")
    return found


def read_expected(path: Path) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Return the user's own inputs and outputs.

    `x` is the input and `y` the output; of several, `x0`, `x1`, ... in the model's order.

    Raises:
        BadData: one of them is missing, or it cannot be read.
    """
    found = read_arrays(path)
    inputs, outputs = _numbered(found, "x"), _numbered(found, "y")
    for name, arrays in (("x", inputs), ("y", outputs)):
        if not arrays:
            raise BadData(f"it has no array {name} and none {name}0; it has {', '.join(found)}")
        if any(each.dtype.kind not in NUMBERS + "US" for each in arrays):
            raise BadData(f"its {name} is neither numbers nor text")
    return inputs, outputs


def _numbered(found: Mapping[str, Array], letter: str) -> tuple[Array, ...]:
    places = {
        int(match[1] or 0): each
        for name, each in found.items()
        if (match := re.fullmatch(rf"{letter}(\d{{0,4}})", name))
    }
    return tuple(places[place] for place in sorted(places))


def largest_difference(first: Outputs, second: Outputs) -> tuple[bool, float | None]:
    """Return whether two readers compute the same, and the largest difference of their numbers.

    None stands for shapes or texts that differ, where there is no number to tell.
    """
    if len(first.arrays) != len(second.arrays):
        return False, None
    orders: Any = [second.arrays]
    if not (first.ordered and second.ordered) and 1 < len(second.arrays) <= MOST_ORDERS:
        orders = itertools.permutations(second.arrays)
    best: tuple[bool, float | None] = (False, None)
    for arrays in orders:
        found = _compare(first.arrays, arrays)
        if found[0]:
            return found
        if best[1] is None or (found[1] is not None and found[1] < best[1]):
            best = found
    return best


def _compare(first: Sequence[Array], second: Sequence[Array]) -> tuple[bool, float | None]:
    largest, agree = 0.0, True
    for one, other in zip(first, second, strict=True):
        if one.shape != other.shape:
            return False, None
        if one.dtype.kind not in NUMBERS or other.dtype.kind not in NUMBERS:
            if one.tolist() != other.tolist():
                return False, None
            continue
        a, b = np.asarray(one, "complex128"), np.asarray(other, "complex128")
        agree &= bool(np.allclose(b, a, rtol=RTOL, atol=ATOL, equal_nan=True))
        both = np.isfinite(a) & np.isfinite(b)
        if both.any():
            largest = max(largest, float(np.abs(a[both] - b[both]).max()))
        elif not agree:
            return False, None
    return agree, largest


def find_groups(found: Mapping[str, Outputs]) -> list[list[str]]:
    """Return readers that compute the same, by their first member; the largest group first."""
    groups: list[list[str]] = []
    for name, outputs in found.items():
        for group in groups:
            if largest_difference(found[group[0]], outputs)[0]:
                group.append(name)
                break
        else:
            groups.append([name])
    return sorted(groups, key=len, reverse=True)


def says_little(outputs: Outputs) -> str:
    """Return why equal outputs would prove little; empty where they prove something."""
    numbers = [each for each in outputs.arrays if each.dtype.kind in NUMBERS]
    if any(each.size == 0 for each in outputs.arrays):
        return "an output is empty"
    if numbers and not any(np.isfinite(each).any() for each in numbers):
        return "no output is a finite number"
    if numbers and all(np.allclose(each, each.flat[0], equal_nan=True) for each in numbers):
        return "every output is the same number"
    return ""
