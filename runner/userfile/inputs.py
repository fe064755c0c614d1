"""The seeded inputs of a user's file, the same for every reader.

Input: shapes and types of the model's inputs, as the file or a loaded model has them, and the
number of words that its embeddings know. Output: arrays, written as an .npz whose sorted keys are
the order of the model's inputs. Pure, but for the writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from runner.inspect import Description
from runner.inspect.description import OF_SIGNATURE, TensorShape

SEED = 20170
SERVING = "serving_default"
"""The function of a SavedModel that is called where it is no model of Keras'."""
SAMPLES, FEW = 8, 2
"""Of the batch; the second where each of them is large."""
FREE_SIZES = {1: 1, 2: 12, 3: 64, 4: 16}
"""Number of sizes behind the batch -> the size taken for one that the file does not fix."""
MOST_ELEMENTS = 50_000_000
TRIED_SIZES = (0, 128, 224)
"""Sizes that are tried, one after the other, for what a model leaves open; 0: the usual ones."""
GUESSED_SHAPES: tuple[tuple[int | None, ...], ...] = ((None,), (None, 4), (None, 8, 8, 3))
"""Shapes that are tried, one after the other, for an input of which a file says none."""
GUESSED = "shapes that were tried, as nobody says any"
IDS = 10
"""Whole numbers are below this where no embedding says how many it knows."""


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a model; a size of None is not fixed, and the first is the batch."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"
    ids: int = 0
    """Its values are whole numbers below this: it goes into an embedding; 0 for others."""
    cropped: int = 0
    """Places that the model's layers cut off along one of its sizes, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """The inputs of a model, and the arrays made for them."""

    names: tuple[str, ...]
    arrays: tuple[NDArray[Any], ...]
    source: str
    """Where the shapes are from, in words."""

    def write(self, path: Path) -> None:
        """Write an .npz that loads in every version of NumPy."""
        named = {f"i{index:04d}": array for index, array in enumerate(self.arrays)}
        np.savez(path, **named)  # type: ignore[arg-type]


def described_inputs(description: Description) -> tuple[Input, ...]:
    """Return the inputs as the file has them; empty where it does not say them all."""
    found = []
    for each in _called_with(description):
        if each.shape is None:
            return ()
        found.append(Input(name=each.name, shape=tuple(each.shape), dtype=each.dtype))
    return _with_limits(found, description)


def guessed_inputs(description: Description) -> Iterator[tuple[Input, ...]]:
    """Yield inputs of shapes that nobody told, for what takes them of any number of sizes.

    Those whose shape the file says keep it. Yields nothing where the file names no input.
    """
    called = _called_with(description)
    if all(each.shape is not None for each in called):
        return
    for guess in GUESSED_SHAPES:
        yield tuple(
            Input(
                name=each.name, shape=guess if each.shape is None else each.shape, dtype=each.dtype
            )
            for each in called
        )


def guessed_candidates(description: Description, free_size: int = 0) -> Iterator[Inputs]:
    """Yield the inputs to be tried where neither the file nor a loaded model says a shape."""
    for guess in guessed_inputs(description):
        yield from candidate_inputs(guess, GUESSED, free_size)


def _called_with(description: Description) -> Sequence[TensorShape]:
    """Return the model's inputs; of a SavedModel's functions, those of the one that is called."""
    functions = {s for each in description.inputs if OF_SIGNATURE in (s := each.source)}
    served = [each for each in description.inputs if each.source.endswith(OF_SIGNATURE + SERVING)]
    if served or not functions:
        return served or description.inputs
    # A function of another name is the model's own where there is one function, and a model.
    return description.inputs if len(functions) == 1 and description.layers else ()


def reported_inputs(report: Sequence[Any], description: Description) -> tuple[Input, ...]:
    """Return the inputs as a loaded model has them; empty where it does not say them all."""
    found = []
    for each in report:
        try:
            found.append(msgspec.convert(each, Input))
        except msgspec.ValidationError:
            return ()
    return _with_limits(found, description)


def _with_limits(inputs: Sequence[Input], description: Description) -> tuple[Input, ...]:
    """Add what layers of the model ask of its inputs."""
    ids, cropped = _known_words(description), _cropped(description)
    return tuple(
        msgspec.structs.replace(
            each,
            ids=ids if _goes_into_embedding(each.dtype, description) else 0,
            cropped=cropped,
        )
        for each in inputs
    )


def make_inputs(inputs: Sequence[Input], source: str, free_size: int = 0) -> Inputs:
    """Return arrays for inputs; `free_size` overrides the sizes that are not fixed.

    Raises:
        ValueError: they would be larger than anybody calls a model with.
    """
    rng = np.random.RandomState(SEED)
    arrays = tuple(_values(rng, each, _sizes(each, free_size)) for each in inputs)
    return Inputs(names=tuple(each.name for each in inputs), arrays=arrays, source=source)


def candidate_inputs(
    described: Sequence[Input], source: str, free_size: int = 0
) -> Iterator[Inputs]:
    """Yield inputs for a model that nobody has called yet, the likeliest first."""
    free = any(size is None for each in described for size in each.shape[1:])
    sizes = (free_size,) if free_size or not free else TRIED_SIZES
    for size in sizes if described else ():
        with suppress(ValueError):
            yield make_inputs(described, source, size)
    whole = tuple(msgspec.structs.replace(each, ids=2) for each in described)
    if whole != tuple(described):
        # Values that are no words of an embedding which is not the first layer.
        with suppress(ValueError):
            yield make_inputs(whole, f"{source}; whole numbers", free_size)


def _sizes(each: Input, free_size: int) -> tuple[int, ...]:
    shape = each.shape
    usual = FREE_SIZES.get(len(shape) - 1, 4)
    large = each.cropped >= usual
    free = free_size or (usual + each.cropped if large else usual)
    sizes = tuple(
        ((FEW if large else SAMPLES) if place == 0 else free) if size is None or size < 0 else size
        for place, size in enumerate(shape)
    )
    if np.prod(sizes, dtype="float64") > MOST_ELEMENTS:
        raise ValueError(f"its input of shape {shape} is too large to be tried")
    return sizes


def _values(rng: np.random.RandomState, each: Input, sizes: tuple[int, ...]) -> NDArray[Any]:
    """Return values on both sides of zero, small and large: a change of a formula shows."""
    dtype = each.dtype
    if dtype == "string":
        words = np.array(["a", "the", "model", "keras", "word", "zebra"])
        drawn: NDArray[Any] = words[rng.randint(0, len(words), size=sizes)]
        return drawn
    if dtype == "bool":
        return rng.randint(0, 2, size=sizes).astype("bool")
    if each.ids or dtype.startswith(("int", "uint")):
        drawn = rng.randint(0, max(1, each.ids or IDS), size=sizes)
        return drawn.astype(dtype if dtype.startswith(("int", "uint")) else "float32")
    spread = np.resize([0.5, 1.0, 3.0], sizes[0]) if sizes else np.array(1.0)
    drawn = rng.normal(size=sizes) * spread.reshape((-1,) + (1,) * (len(sizes) - 1))
    return drawn.astype(dtype if dtype in {"float16", "float32", "float64"} else "float32")


def _known_words(description: Description) -> int:
    """Return the smallest number of words that an embedding of the model knows; 0 if none says."""
    sizes = [
        int(size)
        for item in description.items
        if item.class_name == "Embedding" and isinstance(size := item.config.get("input_dim"), int)
    ]
    return min(sizes, default=0)


def _cropped(description: Description) -> int:
    """Return how many places layers cut off along one size, all of them together."""
    return sum(
        2 * max(_whole_numbers(item.config.get("cropping")), default=0)
        for item in description.items
        if re.fullmatch(r"Cropping[123]D", item.class_name)
    )


def _whole_numbers(value: object) -> Iterator[int]:
    if isinstance(value, int):
        yield max(0, value)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _whole_numbers(each)


def _goes_into_embedding(dtype: str, description: Description) -> bool:
    """Whether an input takes whole numbers; a Sequential's may be declared as floats."""
    if dtype.startswith(("int", "uint")):
        return True
    first = next((i for i in description.items if _is_layer(i.role, i.class_name)), None)
    return first is not None and first.class_name == "Embedding"


def _is_layer(role: str, class_name: str) -> bool:
    return role == "layer" and class_name != "InputLayer"
