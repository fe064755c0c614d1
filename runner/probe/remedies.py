"""The ways of loading: one function for each remedy, as a user would write it.

Every function takes a Loading and returns what was loaded: a Keras model, or an
Inference where only prediction is left. Whatever it raises is the cell's finding.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import zipfile
from typing import Any, Callable, Dict

from runner.probe import arrays, compat_shims
from runner.probe.formats import ARCHITECTURE
from runner.probe.keras_api import Arrays, KerasApi, Model, as_given, flatten
from runner.probe.user_code import UserCode


class Loading:
    """What a way of loading has at hand.

    `path` is what is loaded, `sibling` another format of the same model, `code` gives
    the scenario's UserCode (executing it on first use).
    """

    def __init__(
        self, api: KerasApi, format_id: str, path: str, sibling: str, code: Callable[[], UserCode]
    ) -> None:
        self.api = api
        self.format = format_id
        self.path = path
        self.sibling = sibling
        self.code = code
        self.from_code = False
        """Whether the architecture came from the code: then so did the layers' names."""

    def build_model(self) -> Model:
        """Return the model as the reader's code builds it."""
        self.from_code = True
        return self.code().reader_model()


class Inference:
    """Something that was loaded and only predicts.

    `owner` is what was loaded: a SavedModel's functions do not keep its variables alive.
    """

    def __init__(self, call: Callable[[Any], Any], owner: Any) -> None:
        self.call = call
        self.owner = owner

    def predict(self, inputs: Arrays) -> Arrays:
        """Return the outputs for a list of inputs as a flat list of arrays."""
        return flatten(self.call(as_given(inputs)))


def load_bare(loading: Loading) -> Model:
    """Load with no more than the format needs."""
    return _BARE[loading.format](loading, {})


def load_custom_objects(loading: Loading) -> Model:
    """Load, naming the custom classes and functions."""
    return _BARE[loading.format](loading, {"custom_objects": loading.code().custom_objects()})


def load_registered(loading: Loading) -> Model:
    """Register every custom object in the reader, then load."""
    loading.code().register_custom_objects(loading.api)
    return _BARE[loading.format](loading, {})


def load_compat_shims(loading: Loading) -> Model:
    """Load with built-in classes that take what other versions wrote, naming custom objects."""
    return _load_shimmed(loading, {})


def load_compat_shims_compile_false(loading: Loading) -> Model:
    """Load so without the compile state, and compile again from code."""
    model = _load_shimmed(loading, {"compile": False})
    loading.code().compile_model(model)
    return model


def _load_shimmed(loading: Loading, options: Dict[str, Any]) -> Model:
    described = loading.path
    if loading.format == "json_weights":
        described = _architecture_file(loading.path)
    with compat_shims.installed(loading.api.keras, described) as shims:
        custom_objects = dict(shims, **loading.code().custom_objects())
        return _BARE[loading.format](loading, dict(options, custom_objects=custom_objects))


def load_unsafe(loading: Loading) -> Model:
    """Load with the check against serialized code switched off."""
    options: Dict[str, Any] = {"safe_mode": False}
    custom_objects = loading.code().custom_objects()
    if custom_objects:
        options["custom_objects"] = custom_objects
    return loading.api.keras.models.load_model(loading.path, **options)


def load_compile_false(loading: Loading) -> Model:
    """Load without the compile state, naming custom objects, and compile again from code."""
    code = loading.code()
    options: Dict[str, Any] = {"compile": False}
    custom_objects = code.custom_objects()
    if custom_objects:
        options["custom_objects"] = custom_objects
    model = loading.api.keras.models.load_model(loading.path, **options)
    code.compile_model(model)
    return model


def load_recompile(loading: Loading) -> Model:
    """Load with the compile state, naming custom objects, and compile again from code."""
    model = load_custom_objects(loading)
    loading.code().compile_model(model)
    return model


def load_json_dictionary(loading: Loading) -> Model:
    """Rebuild from the parsed architecture, which is a dictionary, then load the weights."""
    architecture = json.loads(read_architecture(loading.path))
    model = loading.api.keras.models.model_from_json(architecture)
    model.load_weights(loading.path)
    return model


def load_json_weights(loading: Loading) -> Model:
    """Rebuild from the architecture inside the file, then load the weights."""
    code = loading.code()
    custom_objects = code.custom_objects()
    options = {"custom_objects": custom_objects} if custom_objects else {}
    architecture = read_architecture(loading.path)
    model = loading.api.keras.models.model_from_json(architecture, **options)
    model.load_weights(loading.path)
    code.compile_model(model)
    return model


def load_rebuild_weights(loading: Loading) -> Model:
    """Build the model from its code, then load the weights."""
    code = loading.code()
    model = loading.build_model()
    loading.api.predict(model, code.inputs())
    model.load_weights(loading.path)
    code.compile_model(model)
    return model


def load_by_name(loading: Loading) -> Model:
    """Build the model from its code, then load the weights of the layers of the same name."""
    return _load_named_weights(loading, {"by_name": True})


def load_skip_mismatch(loading: Loading) -> Model:
    """Build the model from its code, then load the weights that fit."""
    options = {"skip_mismatch": True}
    # Keras 2 has it only for loading by name; Keras 3 has it for every file.
    return _load_named_weights(
        loading, options if loading.api.is_keras3 else dict(options, by_name=True)
    )


def _load_named_weights(loading: Loading, options: Dict[str, Any]) -> Model:
    code = loading.code()
    model = loading.build_model()
    loading.api.predict(model, code.inputs())
    model.load_weights(loading.path, **options)
    code.compile_model(model)
    return model


def load_right_suffix(loading: Loading) -> Model:
    """Load weights from a copy whose name says how they are laid out in the file.

    Who wrote the older layout wrote the architecture's JSON for that version as well.
    """
    suffix = ".h5" if holds_legacy_weights(loading.path) else ".weights.h5"
    right = os.path.join(os.path.dirname(loading.path), "right" + suffix)
    shutil.copyfile(loading.path, right)
    loading.path = right
    return _load_shimmed(loading, {}) if loading.format == "json_weights" else load_bare(loading)


def holds_legacy_weights(path: str) -> bool:
    """Return whether weights are laid out as `.h5` has them, not as `.weights.h5` has."""
    import h5py

    with h5py.File(path, "r") as file:
        return "layer_names" in file.attrs


def load_sibling(loading: Loading) -> Model:
    """Load the other format that the same writer saved."""
    return loading.api.keras.models.load_model(loading.sibling)


def load_arrays(loading: Loading) -> Model:
    """Build the model from its code, and give its layers the file's arrays, read without Keras."""
    code = loading.code()
    model = loading.build_model()
    loading.api.predict(model, code.inputs())
    if loading.format == "tf_checkpoint":
        arrays.set_from_checkpoint(model, os.path.join(loading.path, "weights"))
    else:
        arrays.set_from_hdf5(model, loading.path)
    code.compile_model(model)
    return model


def load_made(loading: Loading) -> Model:
    """Load the file that was made of the artifact (a rewrite, a hop), naming custom objects."""
    return load_custom_objects(loading) if _has_custom(loading) else load_bare(loading)


def load_legacy_keras(loading: Loading) -> Model:
    """Load with tf-keras, naming custom objects; `api` already is legacy Keras."""
    return load_custom_objects(loading) if _has_custom(loading) else load_bare(loading)


def load_tfsm_layer(loading: Loading) -> Inference:
    """Wrap the SavedModel in a layer that only predicts."""
    endpoint = "serving_default" if loading.format == "saved_model" else "serve"
    layer = loading.api.keras.layers.TFSMLayer(loading.path, call_endpoint=endpoint)
    return Inference(layer, layer)


def _has_custom(loading: Loading) -> bool:
    return bool(loading.code().custom_objects())


def read_architecture(path: str) -> str:
    """Return the architecture JSON inside an HDF5 or `.keras` file."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json").decode("utf-8")
    import h5py

    with h5py.File(path, "r") as file:
        found = file.attrs["model_config"]
    return found.decode("utf-8") if isinstance(found, bytes) else found


def _load_model(loading: Loading, options: Dict[str, Any]) -> Model:
    return loading.api.keras.models.load_model(loading.path, **options)


def _load_weights(loading: Loading, options: Dict[str, Any]) -> Model:
    del options
    code = loading.code()
    model = loading.build_model()
    code.compile_model(model)
    loading.api.predict(model, code.inputs())
    model.load_weights(loading.path)
    return model


def _load_checkpoint(loading: Loading, options: Dict[str, Any]) -> Model:
    del options
    code = loading.code()
    model = loading.build_model()
    code.compile_model(model)
    # Objects that do not match are no error here, as they are none for a user: the
    # comparison with the oracle is what finds them.
    model.load_weights(os.path.join(loading.path, "weights"))
    _create_optimizer_slots(model)
    return model


def _create_optimizer_slots(model: Model) -> None:
    """Make the optimizer's slots, as the first training step would.

    A checkpoint's optimizer state is restored when the slots come to be; before that
    moment there is nothing to compare.
    """
    optimizer: Any = getattr(model, "optimizer", None)
    if hasattr(optimizer, "build"):
        optimizer.build(model.trainable_variables)
    elif hasattr(optimizer, "_create_all_weights"):
        optimizer._create_all_weights(model.trainable_variables)


def _load_json_then_weights(loading: Loading, options: Dict[str, Any]) -> Model:
    with io.open(_architecture_file(loading.path), encoding="utf-8") as f:
        architecture = f.read()
    json.loads(architecture)
    model = loading.api.keras.models.model_from_json(architecture, **options)
    model.load_weights(loading.path)
    return model


def _architecture_file(path: str) -> str:
    return os.path.join(os.path.dirname(path), ARCHITECTURE)


def _load_export(loading: Loading, options: Dict[str, Any]) -> Inference:
    del options
    # Imported as a user would: without TensorFlow nothing reads this format.
    loaded = importlib.import_module("tensorflow").saved_model.load(loading.path)
    serve = getattr(loaded, "serve", None) or loaded.signatures["serving_default"]
    return Inference(serve, loaded)


_BARE = {
    "h5": _load_model,
    "keras": _load_model,
    "saved_model": _load_model,
    "weights_h5": _load_weights,
    "json_weights": _load_json_then_weights,
    "tf_checkpoint": _load_checkpoint,
    "export": _load_export,
}

REMEDIES = {
    "none": load_bare,
    "custom_objects": load_custom_objects,
    "registered": load_registered,
    "compat_shims": load_compat_shims,
    "compat_shims_compile_false": load_compat_shims_compile_false,
    "unsafe": load_unsafe,
    "compile_false": load_compile_false,
    "recompile": load_recompile,
    "json_dictionary": load_json_dictionary,
    "json_weights": load_json_weights,
    "rebuild_weights": load_rebuild_weights,
    "right_suffix": load_right_suffix,
    "by_name": load_by_name,
    "skip_mismatch": load_skip_mismatch,
    "saved_model": load_sibling,
    "arrays": load_arrays,
    "rewrite": load_made,
    "hop": load_made,
    "legacy_keras": load_legacy_keras,
    "tfsm_layer": load_tfsm_layer,
}

LEGACY = "legacy_keras"
"""The remedy whose code runs against tf-keras instead of the environment's own Keras."""
