"""A SavedModel's files -> versions, signatures, objects, configuration, variables.

Input: `saved_model.pb` or `.pbtxt`, `keras_metadata.pb` and `variables/variables.index`, as
sources. Output: into `Findings`. Field numbers are those of TensorFlow's `saved_model.proto`,
`meta_graph.proto`, `saved_object_graph.proto` and Keras' `saved_metadata.proto`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Any

from runner.inspect import checkpoint
from runner.inspect.architecture import describe_architecture, describe_training
from runner.inspect.config import MOST_ITEMS, is_object, parse, read_items
from runner.inspect.description import OF_SIGNATURE, Basis, Item, Role, TensorShape
from runner.inspect.findings import Findings
from runner.inspect.names import class_origin, keras_names
from runner.inspect.protobuf import TYPES, fields, parts, shape_of, texts, windows
from runner.inspect.source import Budget, Damaged, Source, TooMuch

GRAPH = "saved_model.pb"
GRAPHS = (GRAPH, "saved_model.pbtxt")
MOST_SIGNATURES = 32
MOST_NODES = 200_000
MOST_OPERATIONS = 30_000
"""Nodes of the graph whose operation is looked at."""
IDENTIFIER = re.compile(r"_tf_keras_(\w+)")
TOLD = re.compile(r'tensorflow_version:\s*"([^"\n]{1,60})"')
OPERATION = re.compile(r'\bop:\s*"([^"\n]{1,80})"')
OF_GRAPH = "operation"
VARIABLES = frozenset({"AutoReloadVariable", "VarHandleOp", "Variable", "VariableV2"})
"""Operations whose values stand in files of their own."""
BLOCK = "keras_api/"


def read_graph(source: Source, found: Findings) -> None:
    """Describe `saved_model.pb`."""
    budget = source.budget
    graphs = [
        value for number, value in windows(source) if number == 2 and isinstance(value, Source)
    ]
    if not graphs:
        raise Damaged("it holds no graph")
    if len(graphs) > 1:
        found.note("graphs", len(graphs), f"{GRAPH}: the first is described")
    operations: set[str] = set()
    for number, value in windows(graphs[0]):
        if not isinstance(value, Source):
            continue
        if number == 1:
            operations |= _read_meta(value.head(value.size), found, budget)
        elif number == 2:
            names = found.attempt("the graph's operations", partial(_graph_operations, value))
            operations |= names or set()
        elif number == 5 and len(found.inputs) < MOST_SIGNATURES:
            found.attempt("a signature", partial(_read_signature, value, found))
        elif number == 7:
            found.attempt("the graph of objects", partial(_read_objects, value, found))
    _read_operations(operations, found)


def _graph_operations(source: Source) -> set[str]:
    """Return the operations of a graph and of the functions in it, of its first nodes."""
    names: set[str] = set()
    left = MOST_OPERATIONS
    for number, part in windows(source):
        if number == 1 and isinstance(part, Source):
            left -= 1
            names.add(_operation(part))
        elif number == 2 and isinstance(part, Source):
            for kind, function in windows(part):
                if kind == 1 and isinstance(function, Source):
                    for inner, node in windows(function):
                        if inner == 3 and isinstance(node, Source) and left > 0:
                            left -= 1
                            names.add(_operation(node))
        if left <= 0:
            break
    return names - {""}


def _operation(node: Source) -> str:
    for number, value in windows(node):
        if number == 2 and isinstance(value, Source):
            return value.head(100).decode("utf-8", "replace")
    return ""


def _read_meta(content: bytes, found: Findings, budget: Budget) -> set[str]:
    """Take versions and tags; returns the operations that are listed."""
    operations: set[str] = set()
    for number, value in fields(content, budget):
        if not isinstance(value, bytes):
            continue
        if number == 5:
            found.read(
                "tensorflow_version",
                value.decode("utf-8", "replace"),
                f"{GRAPH}, meta_info_def.tensorflow_version",
            )
        elif number == 2:
            for one in parts(value, 1, budget):
                operations.update(texts(one, 1, budget)[:1])
        elif number == 4:
            found.note("tag", value.decode("utf-8", "replace"), f"{GRAPH}, meta_info_def.tags")
    return operations


def _read_operations(names: Collection[str], found: Findings) -> None:
    known = keras_names().operations
    foreign = sorted({name for name in names if known and name not in known})
    if foreign:
        found.note(
            "operations of another library",
            ", ".join(foreign[:12]),
            f"{GRAPH}: operations that TensorFlow does not have",
        )
    found.items += [
        Item(role=Role.OTHER, class_name=name[:100], key=OF_GRAPH, custom=name in foreign)
        for name in sorted(set(names))
    ]
    if "PyFunc" in names or "EagerPyFunc" in names:
        found.danger("the graph calls functions of the Python that wrote it, which are not in it")
    for name in ("ReadFile", "WriteFile"):
        if name in names:
            found.danger(f"the graph has the operation {name}: calling it reaches files")


def _read_signature(source: Source, found: Findings) -> None:
    budget = source.budget
    content = source.read(0, source.size)
    name = "".join(texts(content, 1, budget)[:1])
    if name == "__saved_model_init_op":
        return
    for signature in parts(content, 2, budget)[:1]:
        for number, shapes in ((1, found.inputs), (2, found.outputs)):
            for entry in parts(signature, number, budget)[:MOST_SIGNATURES]:
                shapes.append(_tensor(entry, name, budget))


def _tensor(entry: bytes, signature: str, budget: Budget) -> TensorShape:
    dtype, shape = "", None
    for told in parts(entry, 2, budget)[:1]:
        for number, value in fields(told, budget):
            if number == 2 and isinstance(value, int):
                dtype = TYPES.get(value, f"type {value}")
            elif number == 3 and isinstance(value, bytes):
                shape = shape_of(value, budget)
    return TensorShape(
        name="".join(texts(entry, 1, budget)[:1])[:100],
        shape=shape,
        dtype=dtype,
        basis=Basis.READ,
        source=f"{GRAPH}{OF_SIGNATURE}{signature[:60]}",
    )


def _read_objects(source: Source, found: Findings) -> None:
    """Take what the objects of Keras say of themselves, before keras_metadata.pb was written."""
    budget = source.budget
    count = 0
    identifiers: Counter[str] = Counter()
    told: list[tuple[str, str, str]] = []
    for number, node in windows(source):
        if number != 1 or not isinstance(node, Source):
            continue
        count += 1
        if count > MOST_NODES:
            raise TooMuch(f"more than {MOST_NODES:,} objects")
        content = node.read(0, node.size)
        for user in parts(content, 4, budget):
            identifier = "".join(texts(user, 1, budget)[:1])
            identifiers[identifier] += 1
            metadata = "".join(texts(user, 3, budget)[:1])
            if metadata and identifier.startswith("_tf_keras"):
                told.append((str(count - 1), identifier, metadata))
    made = [name for name in identifiers if name.startswith("_tf_keras")]
    found.note("objects", f"{count:,}", f"{GRAPH}, object_graph_def")
    if made and not told:
        found.note("Keras' objects", ", ".join(sorted(made)), f"{GRAPH}, object_graph_def")
    if not made:
        found.note(
            "not of Keras' own saving",
            "no object of Keras is in it: an export, or a model of plain TensorFlow",
            f"{GRAPH}, object_graph_def",
            Basis.INFERRED,
        )
    _read_told(told, found, f"{GRAPH}, metadata")


def read_metadata(source: Source, found: Findings) -> None:
    """Describe `keras_metadata.pb`."""
    budget = source.budget
    content = source.read(0, source.size)
    told = [
        (
            "".join(texts(node, 3, budget)[:1]),
            "".join(texts(node, 4, budget)[:1]),
            "".join(texts(node, 5, budget)[:1]),
        )
        for node in parts(content, 1, budget)
    ]
    if not told:
        raise Damaged("it holds no objects")
    _read_told(told, found, "keras_metadata.pb")


def _read_told(told: list[tuple[str, str, str]], found: Findings, source: str) -> None:
    """Take JSON that objects say of themselves; the first is the model."""
    seen = {(item.role, item.name, item.class_name) for item in found.items}
    for path, identifier, text in told:
        if len(found.items) > MOST_ITEMS:
            raise TooMuch("more objects than any model has")
        value = found.attempt(f"{source}: an object", partial(parse, text))
        if not isinstance(value, dict):
            continue
        if identifier in {"_tf_keras_sequential", "_tf_keras_network", "_tf_keras_model"}:
            _read_model(value, found, f"{source}, {path or 'root'}")
            seen = {(item.role, item.name, item.class_name) for item in found.items}
        kind = IDENTIFIER.match(identifier)
        if kind and kind[1] not in {"metric", "sequential", "network", "model"}:
            item = _layer(value)
            if item and (item.role, item.name, item.class_name) not in seen:
                found.items.append(item)
                found.items += [
                    each
                    for each in read_items(value.get("config"), top=Role.OTHER)
                    if each.role is not Role.LAYER
                ]
                seen.add((item.role, item.name, item.class_name))


def _read_model(value: dict[str, Any], found: Findings, source: str) -> None:
    for name in ("keras_version", "backend"):
        if isinstance(value.get(name), str) and not found.told(name):
            found.read(name, value[name], f"{source}, key `{name}`")
    inner = value.get("model_config")
    config: dict[str, Any] = inner if isinstance(inner, dict) and is_object(inner) else value
    if is_object(config) and found.architecture is None:
        shapes = (found.inputs, found.outputs)
        found.inputs, found.outputs = [], []
        describe_architecture(config, found, source)
        # A signature has the same, and the type as well.
        found.inputs, found.outputs = (shapes[0] or found.inputs), (shapes[1] or found.outputs)
    training = value.get("training_config")
    if isinstance(training, dict) and not found.compiled:
        describe_training(training, found, f"{source}, key `training_config`")


def _layer(value: dict[str, Any]) -> Item | None:
    class_name = value.get("class_name")
    if not isinstance(class_name, str):
        return None
    config = value.get("config")
    name = value.get("name")
    custom = class_origin(class_name, "", "")[0]
    return Item(
        # TensorFlow 1 and 2.0 call metrics layers.
        role=Role.LAYER if custom or class_name in keras_names().layers else Role.METRIC,
        class_name=class_name[:200],
        name=name[:200] if isinstance(name, str) else "",
        key="layers",
        custom=custom,
        config=json.loads(json.dumps(config)) if _small(config) else {},
        keys=tuple(key[:200] for key in list(value)[:32]),
    )


def _small(config: Any) -> bool:
    return isinstance(config, dict) and len(json.dumps(config, default=str)) < 20_000


def read_text_graph(source: Source, found: Findings) -> None:
    """Describe `saved_model.pbtxt`: its versions and operations."""
    text = source.read(0, source.size).decode("utf-8", "replace")
    version = TOLD.search(text)
    if version:
        found.read("tensorflow_version", version[1], "saved_model.pbtxt, tensorflow_version")
    _read_operations(sorted(set(OPERATION.findall(text)))[:5000], found)
    found.skipped("saved_model.pbtxt: signatures and objects are not read from text")


def read_variables(source: Source, found: Findings, name: str, data: int | None) -> None:
    """Describe the index of variables; `data` is the bytes of the data file, if there is one."""
    entries = checkpoint.read_index(source)
    end = 0
    for entry in entries:
        if entry.name == checkpoint.OBJECT_GRAPH:
            continue
        end = max(end, entry.end)
        if entry.dtype == "string":
            continue
        count = 1
        for each in entry.shape or ():
            count *= max(0, each or 0)
        short = entry.name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE")
        if _is_state(short):
            found.slots.append((short, entry.dtype, count))
        elif not _is_bookkeeping(short):
            found.weights.append((short, entry.dtype, count))
    if data is None:
        found.broken(f"the data beside {name} are missing")
    elif end > data:
        found.broken(f"cut: {name} names {end:,} bytes of data, there are {data:,}")


def miss_variables(found: Findings) -> None:
    """Say what it means that there is no index of variables: a graph may have none."""
    operations = {each.class_name for each in found.items if each.key == OF_GRAPH}
    if operations and not operations & VARIABLES:
        found.note("variables", "none", f"{GRAPH}: no operation of a variable")
    else:
        found.broken("variables/variables.index is missing")


def _is_state(name: str) -> bool:
    return ".OPTIMIZER_SLOT" in name or name.split("/", maxsplit=1)[0] in {
        "optimizer",
        "optimizer_weights",
    }


def _is_bookkeeping(name: str) -> bool:
    return name in {"save_counter", "_CHECKPOINTABLE_OBJECT_GRAPH"} or "keras_api/metrics" in name
