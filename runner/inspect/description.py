"""The description of a model file: frozen types, and the JSON that `inspect --json` prints.

Every statement has its basis: `read` in the file, and where; or `inferred`, and from what.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct, field

SCHEMA = "inspect/1"
OF_SIGNATURE = ", signature "
"""Before the name of a SavedModel's function, in the source of its inputs and outputs."""
WRITTEN_ON = "written on"
"""Note on the operating system that wrote the file."""
Scalar = str | int | float | bool | None


class Basis(StrEnum):
    """The basis of a statement."""

    READ = "read"
    INFERRED = "inferred"


class Container(StrEnum):
    """The container by its bytes, whatever its name; see docs/inspect.md."""

    HDF5 = "hdf5"
    ZIP_V3 = "zip_v3"
    FOLDER_V3 = "folder_v3"
    ZIP_OTHER = "zip_other"
    SAVED_MODEL = "saved_model"
    CHECKPOINT = "checkpoint"
    JSON = "json"
    YAML = "yaml"
    PICKLE = "pickle"
    LFS_POINTER = "lfs_pointer"
    HTML = "html"
    EMPTY = "empty"
    FOLDER = "folder"
    OTHER = "other"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """The role of a serialized object in its model, by the key it stands under."""

    MODEL = "model"
    LAYER = "layer"
    OPTIMIZER = "optimizer"
    LOSS = "loss"
    METRIC = "metric"
    INITIALIZER = "initializer"
    REGULARIZER = "regularizer"
    CONSTRAINT = "constraint"
    POLICY = "policy"
    FUNCTION = "function"
    OTHER = "other"


class Statement(Struct, frozen=True, kw_only=True):
    """One thing said of the file."""

    about: str
    value: str
    basis: Basis
    source: str
    """The place where it was read, or the sign from which it was inferred."""


class Item(Struct, frozen=True, kw_only=True):
    """One object of the configuration: a layer, an optimizer, a regularizer, a function."""

    role: Role
    class_name: str
    module: str = ""
    registered_name: str = ""
    name: str = ""
    """Its own name, if its configuration has one."""
    inside: tuple[str, ...] = ()
    """Names or classes of the objects around it, outermost first."""
    key: str = ""
    """The key it stands under."""
    custom: bool = False
    """Whether it is not Keras' own."""
    config: dict[str, Any] = field(default_factory=dict)
    """Its configuration; objects inside it are items of their own, here `{"class_name": ...}`."""
    keys: tuple[str, ...] = ()
    """Keys that stand beside its class name, such as `build_config`."""


class ClassCount(Struct, frozen=True, kw_only=True):
    """Layers of one class."""

    class_name: str
    count: int
    custom: bool
    source: str
    """Why it is Keras' own, or is not."""


class Function(Struct, frozen=True, kw_only=True):
    """A function that the configuration names, or whose bytecode it holds."""

    name: str
    """As the file has it; empty for a lambda."""
    where: str
    bytecode: bool
    """Whether the file holds it as Python bytecode, which loading would execute."""
    python: str = ""
    """Versions of Python that write such bytecode."""
    source: str = ""
    """The sign from which that was inferred."""


class Tensors(Struct, frozen=True, kw_only=True):
    """Weights of one type."""

    dtype: str
    count: int
    """Tensors."""
    parameters: int
    """Elements in all of them."""


class TensorShape(Struct, frozen=True, kw_only=True):
    """An input or an output of the model; None is a size that is not fixed."""

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str
    basis: Basis
    source: str


class Description(Struct, frozen=True, kw_only=True):
    """All that is said of one file or folder."""

    path: str
    container: Container
    title: str
    """The container in words."""
    layout: str = ""
    """Its content: `model`, `weights`, `architecture`, ...; see docs/inspect.md."""
    size: int = 0
    """In bytes; of a folder, of the files that were looked at."""
    damage: tuple[str, ...] = ()
    """Parts that are cut, missing or contradict themselves."""
    dangers: tuple[str, ...] = ()
    """Code that loading would execute, or things it would reach outside the file."""
    unread: tuple[str, ...] = ()
    """Parts that were not read, and why."""
    writer: tuple[Statement, ...] = ()
    environments: tuple[str, ...] = ()
    """Ids of declared environments of the version that wrote it."""
    environments_source: str = ""
    model: str = ""
    """Class of the model."""
    layers: tuple[ClassCount, ...] = ()
    custom: tuple[Statement, ...] = ()
    """Classes and functions that are not Keras' own."""
    functions: tuple[Function, ...] = ()
    compiled: tuple[Statement, ...] = ()
    inputs: tuple[TensorShape, ...] = ()
    outputs: tuple[TensorShape, ...] = ()
    tensors: tuple[Tensors, ...] = ()
    state: tuple[Tensors, ...] = ()
    """Of the optimizer."""
    nested: tuple[str, ...] = ()
    """Models inside the model."""
    held: tuple[Statement, ...] = ()
    """Whether weights, training configuration, optimizer state, words of a vocabulary and trainable
    flags are in the file."""
    notes: tuple[Statement, ...] = ()
    scenarios: tuple[str, ...] = ()
    """Ids of scenarios whose witness this file has."""
    items: tuple[Item, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it is anything that models are kept in, or are mistaken for."""
        return self.container not in {Container.UNKNOWN, Container.FOLDER}


class Answer(Struct, frozen=True, kw_only=True):
    """The output of `inspect --json`."""

    schema: str
    files: tuple[Description, ...]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the output of `inspect --json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **msgspec.json.schema(Answer),
    }
