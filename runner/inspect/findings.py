"""The findings of the readers of containers, gathered; they become a `Description`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from runner.inspect.description import (
    Basis,
    Container,
    Function,
    Item,
    Statement,
    Tensors,
    TensorShape,
)
from runner.inspect.source import Unreadable

T = TypeVar("T")
MOST_REMARKS = 20
"""Sentences of one kind that are kept."""
LONGEST_REMARK = 240


@dataclass(slots=True, kw_only=True)
class Findings:
    """The parts of a description while the file is being read."""

    container: Container = Container.UNKNOWN
    title: str = ""
    layout: str = ""
    size: int = 0
    damage: list[str] = field(default_factory=list)
    dangers: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    writer: list[Statement] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    trained: list[Item] = field(default_factory=list)
    """Objects of the training configuration."""
    compiled: list[Statement] = field(default_factory=list)
    inputs: list[TensorShape] = field(default_factory=list)
    outputs: list[TensorShape] = field(default_factory=list)
    weights: list[tuple[str, str, int]] = field(default_factory=list)
    """Name, type and number of elements of each weight."""
    slots: list[tuple[str, str, int]] = field(default_factory=list)
    """The same, of the optimizer."""
    notes: list[Statement] = field(default_factory=list)
    vocabulary: str = ""
    """Where the words of a vocabulary are; empty where none were found."""
    architecture: object = None
    """The parsed configuration."""

    def read(self, about: str, value: object, source: str) -> None:
        """Add a statement of the file on its writer."""
        if value not in {None, ""}:
            self.writer.append(_said(about, value, Basis.READ, source))

    def note(self, about: str, value: object, source: str, basis: Basis = Basis.READ) -> None:
        """Add a note that is worth a line."""
        if len(self.notes) < MOST_REMARKS:
            self.notes.append(_said(about, value, basis, source))

    def told(self, about: str) -> str:
        """Return the file's statement on its writer; empty where it makes none."""
        return next((each.value for each in self.writer if each.about == about), "")

    def broken(self, sentence: str) -> None:
        """Add damage, once."""
        _add(self.damage, sentence)

    def danger(self, sentence: str) -> None:
        """Add a thing that loading would execute or reach, once."""
        _add(self.dangers, sentence)

    def skipped(self, sentence: str) -> None:
        """Add a part that was not read, once."""
        _add(self.unread, sentence)

    def attempt(self, part: str, read: Callable[[], T]) -> T | None:
        """Read one part; where that fails it is said, and the rest is still described."""
        try:
            return read()
        except Unreadable as error:
            self.skipped(f"{part}: {error}")
        except (RecursionError, MemoryError, OverflowError, UnicodeError) as error:
            self.skipped(f"{part}: {type(error).__name__}")
        except (ValueError, KeyError, IndexError, TypeError, EOFError, OSError) as error:
            # A reader met bytes that it was not written for: they are told apart by the format.
            self.skipped(f"{part}: it is not laid out as the format asks ({type(error).__name__})")
        return None


def _said(about: str, value: object, basis: Basis, source: str) -> Statement:
    return Statement(about=about, value=str(value)[:LONGEST_REMARK], basis=basis, source=source)


def _add(sentences: list[str], sentence: str) -> None:
    sentence = sentence[:LONGEST_REMARK]
    if sentence not in sentences and len(sentences) < MOST_REMARKS:
        sentences.append(sentence)


def count_tensors(found: Iterable[tuple[str, str, int]]) -> tuple[Tensors, ...]:
    """Return tensors by type, the most parameters first."""
    sums: dict[str, list[int]] = {}
    for _, dtype, elements in found:
        one = sums.setdefault(dtype, [0, 0])
        one[0] += 1
        one[1] += elements
    ordered = sorted(sums.items(), key=lambda pair: -pair[1][1])
    # JSON readers have 64 bits: an absurd number is cut to them.
    return tuple(
        Tensors(dtype=name, count=count, parameters=min(elements, 2**63 - 1))
        for name, (count, elements) in ordered
    )
