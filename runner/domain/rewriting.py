"""Rules that edit a model's configuration so that another version reads it, and their record."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from runner.domain.declaration import Globs, Id, Text


class Action(StrEnum):
    """The effect of a rule on one serialized object of a configuration."""

    DROP = "drop"
    """Leave an argument out, where its value is one of `values`; without these, always."""
    RENAME = "rename"
    """Give an argument the name `name`."""
    REPLACE = "replace"
    """Give an argument whose value is one of `values` the value `value`."""
    ADD = "add"
    """Give an argument that is not there the value `value`."""
    CLASS = "class"
    """Give the class the name `name`."""
    TRANSLATE = "translate"
    """Write a part in the other version's form, by the `translation` of that name."""


class Translation(StrEnum):
    """A form that takes more than a name or a value to write otherwise."""

    POLICY_NAME = "policy_name"
    """The argument, a serialized dtype policy, by its name."""
    SINGLE_AXIS = "single_axis"
    """The argument, a list of one number, as the number."""
    CALLS_OF_KERAS2 = "calls_of_keras2"
    """The calls of a functional model as lists of [layer, node, tensor, arguments]."""
    CALLS_OF_KERAS3 = "calls_of_keras3"
    """Calls of Keras 2 with tensors among their named arguments as Keras 3 writes them."""
    SHAPE_WITHOUT_BATCH = "shape_without_batch"
    """`batch_input_shape` of a first layer as `input_shape`."""


class RewriteRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule of rewrites.toml."""

    id: Id
    reason: Text
    """Why the edited file is the same model, in one sentence."""
    action: Action
    readers: Globs
    """Globs over environment ids: the versions that need it."""
    wrote: Globs = ("*",)
    """Globs over the version of Keras that the file names; a file that names none has `*` alone."""
    classes: Globs = ("*",)
    """Globs over class names."""
    arguments: tuple[Text, ...] = ()
    values: tuple[Any, ...] | None = None
    """The values it is about, written as a JSON list; None for all."""
    value: Any = None
    """The new value, written as JSON."""
    name: str = ""
    """The new name of the argument or class."""
    translation: Translation | None = None


class Change(Struct, frozen=True, kw_only=True):
    """One edit that was made."""

    rule: str
    """Id of the rule."""
    where: str
    """The object, by the names around it: `model/lstm (LSTM)`."""
    what: str
    """The argument, or `class_name`."""
    before: str
    """As JSON, shortened; empty if it was not there."""
    after: str
    """As JSON, shortened; empty if it is left out."""


class Rewritten(Struct, frozen=True, kw_only=True):
    """A copy of a model file whose configuration was edited; without changes there is no copy."""

    container: str
    """As `inspect` names it."""
    wrote: str
    """The version of Keras that the file names; empty if none."""
    changes: tuple[Change, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that changed something, each once, in order."""
        return tuple(dict.fromkeys(each.rule for each in self.changes))


LONGEST = 120
"""Characters of a value in a `Change`."""


def show_value(value: Any) -> str:
    """Return a value of a configuration as it is shown: JSON, shortened."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
