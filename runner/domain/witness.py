"""The witness of a scenario's subject in a file: a predicate, as data.

It is held against the description that `runner/inspect` makes of a file; see docs/inspect.md.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from runner.domain.declaration import Text
from runner.domain.formats import Format

Glob = Text
"""As everywhere: `*`, `?`, `[...]`, and commas between alternatives."""


class Witness(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition: all that is given must be so, of the file or of one object in it."""

    formats: frozenset[Format] = frozenset()
    """Artifacts of which formats must have it; empty for all."""
    container: Glob | None = None
    layout: Glob | None = None
    writer: Glob | None = None
    """What the file says of its writer: `keras_version=2.3.1`, `backend=jax`."""
    damage: Glob | None = None
    """A sentence about a part that is cut or missing."""
    danger: Glob | None = None
    """A sentence about code that loading would execute, or a thing it would reach."""
    note: Glob | None = None
    """The subject of a note."""
    held: Glob | None = None
    """`weights=yes`, `optimizer state=no`, ..."""
    dtype: Glob | None = None
    """Type of a weight."""
    model: Glob | None = None
    """Class of the model."""
    only: Glob | None = None
    """Every layer's class matches."""
    class_: Glob | None = field(default=None, name="class")
    """Class of an object, as the configuration has it."""
    role: Glob | None = None
    """The role of the object: layer, regularizer, ..."""
    name: Glob | None = None
    """Its name; of a function, that of the function."""
    registered: Glob | None = None
    """Its registered name."""
    inside: Glob | None = None
    """Name or class of an object around it."""
    under: Glob | None = None
    """The key it stands under."""
    key: Glob | None = None
    """A key of its configuration."""
    value: Glob | None = None
    """That key's value as JSON, a text without quotes."""
    custom: bool | None = None
    """Whether it is not Keras' own."""
    bytecode: bool | None = None
    """Whether the file holds Python bytecode."""
    count: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """How many objects must be so."""
    absent: bool = False
    """The condition holds where it would not."""
    any: tuple[Witness, ...] = ()
    """At least one of these holds."""
