"""What is asked of a check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.domain import Environment


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A check, as the user asks for it."""

    file: Path
    readers: tuple[Environment, ...]
    """In the order in which they are tried."""
    custom_objects: Path | None = None
    allow_code: bool = False
    """Whether bytecode of the file may be executed, in the sandbox."""
    expect: Path | None = None
    """An .npz of the user's own inputs and outputs."""
    free_size: int = 0
    """Sizes that the model does not fix, in the seeded inputs; 0 for the usual ones."""


def order_readers(
    readers: tuple[Environment, ...], fitting: tuple[str, ...]
) -> tuple[Environment, ...]:
    """Return readers the newest first, but the one likeliest to load the file second.

    That is the newest TensorFlow one of those that fit the writer: the reference.
    """
    newest = sorted(
        readers,
        key=lambda each: (-each.first_released.toordinal(), each.backend != "tensorflow"),
    )
    likeliest = sorted(
        (each for each in newest if each.id in fitting),
        key=lambda each: (each.backend != "tensorflow", -each.order),
    )
    if len(newest) > 1 and likeliest:
        first = likeliest[0]
        rest = [each for each in newest if each != first]
        newest = [first, *rest] if newest[0] == first else [rest[0], first, *rest[1:]]
    return tuple(newest)
