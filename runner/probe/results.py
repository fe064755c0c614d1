"""Results of comparisons: numbers within a tolerance, arrays, and sentences on what differs."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Optional, Tuple

import numpy as np

from runner.probe.keras_api import Array

Result = Dict[str, Any]
"""`status`, `max_abs_diff` and `detail`."""


class Tolerance:
    """Numbers agree when |actual - expected| <= atol + rtol * |expected|."""

    def __init__(self, rtol: float, atol: float) -> None:
        self.rtol = rtol
        self.atol = atol

    def within(self, actual: Any, expected: Any) -> bool:
        """Return whether two arrays of one shape agree; NaN agrees with NaN."""
        return bool(
            np.allclose(
                np.asarray(actual, "float64"),
                np.asarray(expected, "float64"),
                rtol=self.rtol,
                atol=self.atol,
                equal_nan=True,
            )
        )


def agrees(difference: float = 0.0) -> Result:
    """Return the result of an aspect that agrees."""
    return {"status": "agrees", "max_abs_diff": float(difference), "detail": ""}


def differs(detail: str, difference: Optional[float] = None) -> Result:
    """Return the result of an aspect that differs, saying how."""
    value = None if difference is None else float(difference)
    return {"status": "differs", "max_abs_diff": value, "detail": detail}


def missing() -> Result:
    """Return the result of an aspect the loaded object does not offer."""
    return {"status": "missing", "max_abs_diff": None, "detail": "not offered by what was loaded"}


def compare_arrays(pairs: Iterable[Tuple[str, Array, Array]], tolerance: Tolerance) -> Result:
    """Return the result for (name, expected, actual) triples of arrays."""
    largest = 0.0
    failing = []
    for name, expected, actual in pairs:
        if expected.shape != actual.shape:
            return differs("{}: shape {} became {}".format(name, expected.shape, actual.shape))
        if expected.dtype.kind in "SUO" or actual.dtype.kind in "SUO":
            if expected.tolist() != actual.tolist():
                return differs("{}: text differs".format(name))
            continue
        difference = largest_difference(expected, actual)
        if not tolerance.within(actual, expected):
            failing.append((difference, name))
        largest = max(largest, difference)
    if failing:
        # The first of the farthest; what agrees may be farther apart where its numbers are large.
        gap, name = max(failing, key=lambda pair: pair[0])
        return differs("{}: largest difference {:.3g}".format(name, gap), gap)
    return agrees(largest)


def largest_difference(expected: Any, actual: Any) -> float:
    """Return max |actual - expected|; infinite where only one side is NaN."""
    if expected.size == 0:
        return 0.0
    # A weight may be a single number, such as how many samples a layer has seen.
    left = np.atleast_1d(np.asarray(expected, "float64"))
    right = np.atleast_1d(np.asarray(actual, "float64"))
    both_nan = np.isnan(left) & np.isnan(right)
    with np.errstate(invalid="ignore"):
        gaps = np.abs(left - right)
    gaps[both_nan | (left == right)] = 0.0
    gaps[np.isnan(gaps)] = np.inf
    return float(gaps.max())
