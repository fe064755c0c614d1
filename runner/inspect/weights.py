"""An HDF5 file of Keras -> its configuration, weights, optimizer state and layout.

Input: a `Source`. Output: into `Findings`. Layouts: a whole model (`model_config` and
`model_weights`), legacy weights (`layer_names`), Keras 1's weights (`nb_layers`), the weights of
a v3 archive (groups `layers` or `_layer_checkpoint_dependencies`, with `vars`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.inspect.architecture import read_architecture, read_training
from runner.inspect.description import WRITTEN_ON, Basis
from runner.inspect.findings import Findings
from runner.inspect.hdf5 import Hdf5, Link, Object, Value, product
from runner.inspect.source import Source, Unreadable

MOST_OBJECTS = 200_000
DEEPEST = 64
LARGEST = 2**40
"""Elements of the largest dataset that a model can have."""
OPTIMIZER = ("optimizer_weights", "optimizer")
METRICS = "metrics"
"""Group of sums and counts of metrics, which are no weights of the model."""
NEW = ("layers", "_layer_checkpoint_dependencies", "vars")


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the tree."""

    path: str
    object: Object


def read_hdf5(source: Source, found: Findings, *, inside: str = "") -> None:
    """Describe an HDF5 file; `inside` names the archive it is a member of."""
    where = f"{inside}: " if inside else ""
    file = found.attempt(f"{where}the superblock", lambda: Hdf5(source))
    if file is None:
        found.broken(f"{where}it begins as HDF5, and its superblock cannot be read")
        return
    missing = file.missing_bytes()
    if missing:
        found.broken(f"{where}cut: its superblock names {missing:,} bytes more than there are")
    root = found.attempt(f"{where}the root group", lambda: file.object_at(file.root))
    if root is None:
        found.broken(f"{where}the root group cannot be read")
        return
    _read_attributes(root, found, where)
    nodes = list(_walk(file, root, found, where))
    layout = _layout(root, nodes)
    if not inside:
        found.layout = layout
    _count(nodes, found, source.size, where)
    _look_at_groups(root, nodes, found, where)


def _layout(root: Object, nodes: list[Node]) -> str:
    if "model_config" in root.attributes:
        return "model" if "model_weights" in root.links else "architecture"
    if "layer_names" in root.attributes or "layer_names0" in root.attributes:
        return "legacy weights"
    if "nb_layers" in root.attributes:
        return "Keras 1 weights"
    if any(name in root.links for name in NEW) or any("\\" in name for name in root.links):
        return "weights"
    return "other" if nodes else "nothing"


def _read_attributes(root: Object, found: Findings, where: str) -> None:
    place = f"{where}attribute `{{}}` of the root group"
    weights_place = f"{where}attribute `{{}}`"
    for name in ("keras_version", "backend"):
        value = root.attributes.get(name)
        if value is not None:
            found.read(
                name,
                value,
                (place if "model_config" in root.attributes else weights_place).format(name),
            )
    config = _whole(root.attributes, "model_config")
    if config:
        found.attempt(
            f"{where}model_config",
            lambda: read_architecture(config, found, place.format("model_config")),
        )
    training = _whole(root.attributes, "training_config")
    if training:
        found.attempt(
            f"{where}training_config",
            lambda: read_training(training, found, place.format("training_config")),
        )
    for remark in root.remarks:
        found.skipped(f"{where}the root group: {remark}")


def _whole(attributes: Mapping[str, Value], name: str) -> str:
    """Return a text, put together where Keras cut it into numbered pieces."""
    value = attributes.get(name)
    if value is None and f"{name}0" in attributes:
        pieces = [attributes.get(f"{name}{index}") for index in range(1000)]
        value = "".join(each for each in pieces if isinstance(each, str))
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else ""


def _walk(file: Hdf5, root: Object, found: Findings, where: str) -> Iterator[Node]:
    """Yield every object once, in the order of the file."""
    waiting = [(path, link.address, 1) for path, link in _links(root, "", found, where)]
    waiting.reverse()
    seen = {file.root}
    while waiting:
        path, address, depth = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        if len(seen) > MOST_OBJECTS or depth > DEEPEST:
            found.skipped(f"{where}groups: more of them, or deeper, than in any model")
            return
        try:
            one = file.object_at(address)
        except Unreadable as error:
            found.broken(f"{where}`{path[:80]}`: {error}")
            continue
        for remark in one.remarks:
            found.skipped(f"{where}`{path[:80]}`: {remark}")
        yield Node(path, one)
        if one.is_group:
            waiting += [
                (deeper, link.address, depth + 1)
                for deeper, link in reversed(list(_links(one, f"{path}/", found, where)))
            ]


def _links(one: Object, prefix: str, found: Findings, where: str) -> Iterator[tuple[str, Link]]:
    for name, link in one.links.items():
        path = f"{prefix}{name}"
        if link.kind == "hard":
            yield path, link
        elif link.kind == "external":
            found.danger(f"{where}`{path[:60]}` is a link into another file: {link.target[:80]}")
        elif link.kind == "soft":
            found.note("link", f"{path} -> {link.target}", f"{where}a soft link, not followed")


def _count(nodes: list[Node], found: Findings, size: int, where: str) -> None:
    for node in nodes:
        one = node.object
        if not one.is_dataset or one.shape is None or one.datatype is None:
            continue
        count = product(one.shape)
        _look_at_dataset(node, count, found, size, where)
        if count > LARGEST:
            continue
        top = node.path.split("/", maxsplit=1)[0]
        if top == METRICS:
            continue
        state = top in OPTIMIZER
        entry = (node.path, one.datatype.name, count)
        (found.slots if state else found.weights).append(entry)


def _look_at_dataset(node: Node, count: int, found: Findings, size: int, where: str) -> None:
    one = node.object
    path = node.path[:60]
    width = one.datatype.size if one.datatype else 0
    if one.storage == "virtual":
        found.danger(f"{where}`{path}` is a virtual dataset: its data are in other files")
    if one.external:
        found.danger(f"{where}`{path}` keeps its data in another file")
    if count > LARGEST:
        found.danger(
            f"{where}`{path}` declares {min(count, 10**30):.3g} elements: no model has such"
        )
    elif one.storage == "contiguous" and one.address >= 0 and not one.external:
        if one.address + count * width > size:
            found.broken(f"{where}the data of `{path}` lie beyond the end of the file")
    elif one.storage == "chunked" and count * width > 1000 * max(size, 2**20):
        found.danger(f"{where}`{path}` declares {count * width:,} bytes in a file of {size:,}")


def _look_at_groups(root: Object, nodes: list[Node], found: Findings, where: str) -> None:
    versions = {"model_weights": None, "": root}
    for node in nodes:
        if node.path == "model_weights":
            versions["model_weights"] = node.object
        if "\\" in node.path:
            _note_windows(f"{where}group `{node.path[:60]}` has a backslash", found)
        if _is_words(node) and not found.vocabulary:
            found.vocabulary = f"{where}`{node.path[:80]}`"
    group = versions["model_weights"]
    if group is not None:
        for name in ("keras_version", "backend"):
            if not found.told(name):
                found.read(
                    name,
                    group.attributes.get(name),
                    f"{where}attribute `{name}` of the group `model_weights`",
                )
    if "nb_layers" in root.attributes and not found.told("keras_version"):
        found.note(
            "Keras 1 or older",
            "weights by `nb_layers`, without a version",
            f"{where}attribute `nb_layers` of the root group",
            Basis.INFERRED,
        )
    if "_layer_checkpoint_dependencies" in root.links:
        found.note(
            "layout of weights",
            "that of Keras 2.12 and 2.13",
            f"{where}group `_layer_checkpoint_dependencies`",
            Basis.INFERRED,
        )


def _note_windows(sign: str, found: Findings) -> None:
    found.broken(f"{sign}: it was written on Windows, and is found nowhere else")
    if not any(each.about == WRITTEN_ON for each in found.notes):
        found.note(WRITTEN_ON, "Windows", sign, Basis.INFERRED)


def _is_words(node: Node) -> bool:
    one = node.object
    return bool(
        one.is_dataset
        and one.datatype
        and "string" in one.datatype.name
        and "vocab" in node.path.lower()
    )
