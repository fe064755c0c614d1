"""Let this Keras read a model's configuration that another version of Keras wrote.

    import keras  # or: from tensorflow import keras
    import compat_shims

    with compat_shims.installed(keras, "model.h5") as shims:
        model = keras.models.load_model("model.h5", custom_objects=shims)

A file of one module without parts of its own: copy it beside your program. It needs
nothing but Python 3.7 and Keras, and h5py for HDF5 files, which Keras brings.

An argument that the class at hand does not know is left out where its value says what the
class does anyway (`groups=1`), and written the other version's way where it has another form
(`batch_shape`). One that asks for something else stays, and Keras refuses it as before. A
name whose meaning changed (`hard_sigmoid`) gets the formula of the version that wrote the
file. What is loaded are the classes of this Keras alone, so that it can be saved and loaded as
usual; only a model with such a formula needs these lines again.

Keras looks up its own classes by their module and passes by the `custom_objects` of the same
name; so its classes take these arguments only inside the `with`, and names that it does not
know at all are what `shims` holds.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import zipfile
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

Config = Dict[str, Any]
"""A class's configuration, as from_config takes it; or names with what they stand for."""

ANYTHING = object()
"""Stands for: leave the argument out whatever its value."""

HARMLESS: Dict[str, Any] = {
    # Only how it is computed, not the result.
    "implementation": ANYTHING,
    "time_major": (False,),
    "use_cudnn": ANYTHING,
    "flash_attention": ANYTHING,
    "fused": ANYTHING,
    "jit_compile": ANYTHING,
    "is_legacy_optimizer": ANYTHING,
    "autocast": (True,),
    "dynamic": (False,),
    "experimental_autocast": (True,),
    "synchronized": (False,),
    # Only the shape or the names of what the layers before it give.
    "input_length": ANYTHING,
    "input_dim": ANYTHING,
    # Draws by chance that a loaded model's weights take the place of, or that differ anyway.
    "seed": ANYTHING,
    "input_axes": ANYTHING,
    "output_axes": ANYTHING,
    # Of a weight that the layer does not have: separable and depthwise layers inherited it.
    "kernel_initializer": ANYTHING,
    "kernel_regularizer": (None,),
    "kernel_constraint": (None,),
    # Off, or as it always was in the version without the argument.
    "activity_regularizer": (None,),
    "bias_initializer": (None,),
    "causal": (False,),
    "data_format": (None, "channels_last"),
    "dilation_rate": (1, [1], [1, 1], [1, 1, 1]),
    "groups": (1,),
    "idf_weights": (None,),
    "interpolation": (None, "bilinear"),
    "keepdims": (False,),
    "lora_alpha": (None,),
    "lora_rank": (None,),
    "noise_shape": (None,),
    "optional": (False,),
    "quantization_config": (None,),
    "ragged": (False,),
    "renorm": (False,),
    "renorm_clipping": (None, {}),
    "rms_scaling": (False,),
    "score_mode": ("dot",),
    "sliding_window": (None,),
    "sparse": (False,),
    "type_spec": (None,),
    "use_gate": (False,),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
    "zero_output_for_mask": (False,),
    # Of optimizers, losses and metrics.
    "decay": (None, 0, 0.0),
    "weight_decay": (None, 0, 0.0),
    "clipnorm": (None,),
    "clipvalue": (None,),
    "global_clipnorm": (None,),
    "use_ema": (False,),
    "loss_scale_factor": (None,),
    "gradient_accumulation_steps": (None,),
    "class_id": (None,),
    "ignore_class": (None,),
}
"""Argument -> the values of it that change nothing where a class does not know it."""

KERAS2_SHAPES = ("query_shape", "key_shape", "value_shape")
"""What attention of Keras 2 asks its configuration for and Keras 3 sees when it is called."""

ONLY_WITH = {
    "renorm_momentum": ("renorm", False),
    "ema_momentum": ("use_ema", False),
    "ema_overwrite_frequency": ("use_ema", False),
}
"""Argument -> what another one must be for it to say nothing."""

RENAMED = {
    "Orthogonal": "OrthogonalInitializer",
    "Identity": "IdentityInitializer",
    "OrthogonalInitializer": "Orthogonal",
    "IdentityInitializer": "Identity",
}
"""Class name -> its name in the other versions."""

PARTS = ("layers", "initializers", "regularizers", "constraints")
"""Where the classes are that a model is made of."""
TRAINING = ("optimizers", "losses", "metrics")
"""Where the classes are that it is compiled with."""


@contextlib.contextmanager
def installed(keras: Any, wrote: str) -> Iterator[Config]:
    """Have the classes of this Keras take what other versions wrote, inside the `with`.

    `wrote` is the path of the file, or the version of Keras that wrote it ("2.15.0"). Gives
    what to pass as `custom_objects`.
    """
    version = written_by(wrote) if not wrote[:1].isdigit() else wrote
    reader = Reader(keras, version)
    undo = []
    try:
        undo += [_wrap(cls, reader) for cls in built_in_classes(keras)]
        if hasattr(keras.models.Model, "compile_from_config"):
            undo.append(_wrap_compile(keras.models.Model))
        yield reader.unknown_names()
    finally:
        for restore in reversed(undo):
            restore()


def written_by(path: str) -> str:
    """Return the version of Keras that wrote a file; empty if it does not say."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("metadata.json").decode()).get("keras_version", ""))
    if path.endswith(".json"):
        with io.open(path, encoding="utf-8") as file:
            return str(json.load(file).get("keras_version", ""))
    import h5py

    with h5py.File(path, "r") as file:
        found = file.attrs.get("keras_version", "")
    return found.decode() if isinstance(found, bytes) else str(found)


def built_in_classes(keras: Any) -> List[Any]:
    """Return the classes that a configuration can name, each once, in a fixed order."""
    # Keras 1 calls some of them otherwise.
    modules = [getattr(keras, name, None) for name in PARTS + TRAINING]
    # TensorFlow from 2.11 on loads HDF5 files with these.
    modules.append(getattr(keras.optimizers, "legacy", None))
    found = [keras.models.Model, keras.models.Sequential]
    found += [cls for module in modules if module for _, cls in _classes(module)]
    # One class may have several names.
    return list({id(cls): cls for cls in found}.values())


def _classes(module: Any) -> List[Tuple[str, Any]]:
    """Return the classes of a module with their names, in order of the names."""
    return [
        (name, getattr(module, name))
        for name in sorted(dir(module))
        # That of TFOptimizer in Keras 2 needs an object first: it reads no configuration.
        if name[:1].isupper()
        and hasattr(getattr(getattr(module, name), "from_config", None), "__func__")
    ]


def _wrap(cls: Any, reader: Reader) -> Callable[[], None]:
    """Translate what `cls.from_config` is given; return what undoes it."""
    original = cls.from_config.__func__

    def with_custom_objects(cls: Any, config: Any, custom_objects: Any = None) -> Any:
        return original(cls, reader.translate(cls, config), custom_objects=custom_objects)

    def alone(cls: Any, config: Any) -> Any:
        return original(cls, reader.translate(cls, config))

    # Keras asks for the names of the arguments, so they are kept.
    takes = "custom_objects" in inspect.signature(original).parameters
    return _replace(cls, "from_config", classmethod(with_custom_objects if takes else alone))


def _wrap_compile(cls: Any) -> Callable[[], None]:
    """Leave out the arguments of `compile` that another version wrote as None."""
    original = cls.compile_from_config

    def compile_from_config(self: Any, config: Config) -> Any:
        return original(self, {name: each for name, each in config.items() if each is not None})

    return _replace(cls, "compile_from_config", compile_from_config)


def _replace(cls: Any, name: str, attribute: Any) -> Callable[[], None]:
    """Give a class another attribute; return what takes it away again."""
    owned = vars(cls).get(name)
    setattr(cls, name, attribute)

    def restore() -> None:
        if owned is None:
            delattr(cls, name)
        else:
            setattr(cls, name, owned)

    return restore


class Reader:
    """One Keras that reads, and the version that wrote what it reads."""

    def __init__(self, keras: Any, wrote: str) -> None:
        self.keras = keras
        self.is_keras3 = hasattr(keras, "ops")
        self.wrote_keras3 = wrote.startswith("3")
        # A file that does not say who wrote it keeps what this Keras means by a name.
        self.other_meaning = bool(wrote) and self.wrote_keras3 != self.is_keras3
        self._known: Dict[Any, Set[str]] = {}
        self._single_ends: Optional[bool] = None

    def unknown_names(self) -> Config:
        """Return objects under the names that only other versions look up."""
        keras = self.keras
        found = {"Functional": keras.models.Model}
        l1l2 = getattr(keras.regularizers, "L1L2", None)
        if l1l2 is not None and not hasattr(keras.regularizers, "L2"):
            found.update(L1L2=l1l2, L1=lambda l1: l1l2(l1=l1), L2=lambda l2: l1l2(l2=l2))
        # TensorFlow 2.11 to 2.15 write their optimizers so.
        found.update(("Custom>" + name, cls) for name, cls in _classes(keras.optimizers))
        if self.is_keras3:
            # An architecture's JSON of Keras 2 names no module.
            found.update(Model=keras.models.Model, Sequential=keras.models.Sequential)
            for part in PARTS:
                found.update(_classes(getattr(keras, part)))
        for function in self.hard_sigmoids():
            found[function.__name__] = function
        if self.other_meaning:
            found["hard_sigmoid"] = self.hard_sigmoid()
        return found

    def hard_sigmoid(self) -> Callable[[Any], Any]:
        """Return the function as the version that wrote the file computes it."""
        return self.hard_sigmoids()[self.wrote_keras3]

    def hard_sigmoids(self) -> List[Callable[[Any], Any]]:
        """Return the function as Keras 2 and as Keras 3 computes it.

        Under names of their own: saved as `hard_sigmoid`, they would be read as this Keras' own.
        """
        relu = self.keras.activations.relu

        def hard_sigmoid_of_keras2(x: Any) -> Any:
            return relu(0.2 * x + 0.5, max_value=1.0)

        def hard_sigmoid_of_keras3(x: Any) -> Any:
            return relu(x + 3.0, max_value=6.0) / 6.0

        return [hard_sigmoid_of_keras2, hard_sigmoid_of_keras3]

    def translate(self, cls: Any, config: Any) -> Any:
        """Return a class's configuration as this Keras writes it."""
        if not isinstance(config, dict):
            return config
        known = self._arguments(cls)
        config = dict(config)
        self._translate_shape(cls, config, known)
        for name, value in list(config.items()):
            unused = self.is_keras3 and name in KERAS2_SHAPES
            if name not in known and (unused or _says_nothing(name, value, config)):
                del config[name]
            else:
                config[name] = self._translate_value(name, value)
        if cls.__name__ == "MultiHeadAttention" and not self.is_keras3:
            # Asked for, and only used to build the layer before it is called.
            config = dict(dict.fromkeys(KERAS2_SHAPES), **config)
        if self._is_initializer(cls) and "dtype" not in known:
            config.pop("dtype", None)
        if cls.__name__ == "BatchNormalization" and _is_single(config.get("axis")):
            config["axis"] = int(config["axis"][0])
        if self._is_loss(cls):
            self._translate_loss(config, known)
        if "layers" in config and "output_layers" in config:
            config = self._translate_graph(config)
        return config

    def _translate_graph(self, config: Config) -> Config:
        if not self.is_keras3:
            return old_graph(config, self.keras.layers)
        config = new_graph(config)
        if self._lists_single_ends():
            config["input_layers"] = _listed(config["input_layers"])
            config["output_layers"] = _listed(config["output_layers"])
        return config

    def _lists_single_ends(self) -> bool:
        """Whether this Keras writes, and so reads, the input of a model as a list of one."""
        if self._single_ends is None:
            layers = self.keras.layers
            tensor = layers.Input((1,), name="compat_input")
            # Keras 3.12 and 3.13 make no model whose output is its input. All have names of
            # their own, or the next layers without one would be counted on.
            output = layers.Activation("linear", name="compat_layer")(tensor)
            model = self.keras.models.Model(tensor, output, name="compat_model")
            self._single_ends = not _is_tensor(list(model.get_config()["input_layers"]))
        return self._single_ends

    def _translate_shape(self, cls: Any, config: Config, known: Set[str]) -> None:
        if cls.__name__ == "InputLayer":
            new, old = "batch_shape", "batch_input_shape"
            if new in config and new not in known:
                config[old] = config.pop(new)
            elif old in config and new in known:
                config[new] = config.pop(old)
        elif self.is_keras3 and config.get("batch_input_shape"):
            # Of the first layer of a Sequential; where an input layer precedes it says nothing.
            config["input_shape"] = tuple(config.pop("batch_input_shape")[1:])
        elif self.is_keras3 and self.other_meaning and isinstance(config.get("input_shape"), list):
            # Keras 3 has just given the old argument its new name, with the batch left in it.
            config["input_shape"] = tuple(config["input_shape"][1:])

    def _translate_value(self, name: str, value: Any) -> Any:
        if name == "dtype" and isinstance(value, dict) and "config" in value:
            inner = value["config"]
            # A policy is the same under its name, in every version that has one.
            return inner["name"] if set(inner) == {"name"} else value
        if name.endswith("activation"):
            return self._translate_activation(value)
        if isinstance(value, dict) and value.get("class_name") in RENAMED:
            return self._translate_name(value)
        return value

    def _translate_activation(self, value: Any) -> Any:
        name = _name_of(value)
        if name == "hard_sigmoid" and self.other_meaning:
            return self.hard_sigmoid()
        own = {function.__name__: function for function in self.hard_sigmoids()}
        return own.get(name or "", value)

    def _translate_name(self, value: Config) -> Any:
        """Return an initializer's description under the name it has here."""
        name = value["class_name"]
        if name in vars(self.keras.initializers) and not self.is_keras3:
            return value
        for each in (name, RENAMED[name]):
            cls = getattr(self.keras.initializers, each, None)
            if cls is not None:
                return cls.from_config(value.get("config") or {})
        return value

    def _translate_loss(self, config: Config, known: Set[str]) -> None:
        if "fn" not in known:
            config.pop("fn", None)
        if config.get("reduction") == "auto" and self.is_keras3:
            config["reduction"] = "sum_over_batch_size"
        if "dtype" not in known:
            config.pop("dtype", None)

    def _is_initializer(self, cls: Any) -> bool:
        return bool(issubclass(cls, self.keras.initializers.Initializer))

    def _is_loss(self, cls: Any) -> bool:
        base = getattr(self.keras.losses, "Loss", None)
        return base is not None and bool(issubclass(cls, base))

    def _arguments(self, cls: Any) -> Set[str]:
        """Return the names of all arguments that a class and those above it take."""
        if cls not in self._known:
            found: Set[str] = set()
            for each in cls.__mro__[:-1]:
                if "__init__" in vars(each):
                    found.update(inspect.signature(each.__init__).parameters)
            self._known[cls] = found
        return self._known[cls]


def _says_nothing(name: str, value: Any, config: Config) -> bool:
    if name in ONLY_WITH:
        other, needed = ONLY_WITH[name]
        return bool(config.get(other, needed) == needed)
    values = HARMLESS.get(name, ())
    if values is ANYTHING:
        return True
    plain = list(value) if isinstance(value, tuple) else value
    # True == 1: a flag is no number.
    return any(
        plain == each and isinstance(plain, bool) == isinstance(each, bool) for each in values
    )


def _is_single(axis: Any) -> bool:
    return isinstance(axis, (list, tuple)) and len(axis) == 1


def _name_of(value: Any) -> Optional[str]:
    """Return the name of a function that a configuration names, in either form."""
    if isinstance(value, dict):
        value = value.get("config") or value.get("class_name")
    return value if isinstance(value, str) else None


# --- the graph of a functional model, as Keras 3 and as Keras 2 write it ----------------


def old_graph(config: Config, layers: Any) -> Config:
    """Return a functional model's configuration with its graph as Keras 2 writes it.

    Keras 3 writes each call with its arguments, a tensor as a `__keras_tensor__`; Keras 2
    writes a list of [layer, node, tensor, arguments by name]. `layers` has the classes, which
    know the names of arguments that were given by position.
    """
    config = dict(config, layers=[dict(layer) for layer in config["layers"]])
    for layer in config["layers"]:
        names = _call_names(getattr(layers, layer["class_name"], None))
        layer["inbound_nodes"] = [_old_node(node, names) for node in layer["inbound_nodes"]]
    for ends in ("input_layers", "output_layers"):
        config[ends] = _listed(config[ends])
    return config


def _call_names(cls: Any) -> List[str]:
    """Return the names of what a layer is called with, without the first."""
    return list(inspect.signature(cls.call).parameters)[2:] if cls is not None else []


def _old_node(node: Any, names: List[str]) -> Any:
    if not isinstance(node, dict):
        return node
    first, *others = [_plain(each) for each in node["args"]]
    if len(others) > len(names):
        raise ValueError("Keras 2 has no form for a call with {}".format(node["args"]))
    options = {name: _plain(each) for name, each in node["kwargs"].items()}
    options.update(zip(names, others))
    options = {name: each for name, each in options.items() if each is not None}
    tensors = [first] if _is_tensor(first) else first
    return [[*tensor, options] for tensor in tensors]


def _plain(value: Any) -> Any:
    """Return an argument with its tensors as [layer, node, tensor]."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return list(value["config"]["keras_history"])
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def new_graph(config: Config) -> Config:
    """Return a functional model's configuration with the calls that Keras 3 would misread anew.

    It reads those of Keras 2 itself, but takes tensors among the arguments by name for lists.
    """
    config = dict(config, layers=[dict(layer) for layer in config["layers"]])
    for layer in config["layers"]:
        layer["inbound_nodes"] = [_new_node(node) for node in layer["inbound_nodes"]]
    return config


def _new_node(node: Any) -> Any:
    if not isinstance(node, list) or not node or not isinstance(node[0], (list, tuple)):
        return node
    options = node[0][3] if len(node[0]) > 3 else {}
    if not any(_is_tensor(each) for each in options.values()):
        return node
    tensors = [_tensor(each[:3]) for each in node]
    return {
        "args": [tensors[0] if len(tensors) == 1 else tensors],
        "kwargs": {
            name: _tensor(each) if _is_tensor(each) else each for name, each in options.items()
        },
    }


def _tensor(history: Any) -> Config:
    # Shape and type are those of the layer that gives it.
    config = {"shape": [None], "dtype": "float32", "keras_history": list(history)}
    return {"class_name": "__keras_tensor__", "config": config}


def _is_tensor(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 3 and isinstance(value[0], str)


def _listed(ends: Any) -> Any:
    return [ends] if _is_tensor(ends) else ends
