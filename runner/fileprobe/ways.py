"""The ways of loading a user's file: those of the matrix, and those that only such a file needs.

A way is a function of a `FileLoading`; it returns a Keras model, or an `Inference`.
"""

from __future__ import annotations

import importlib
import io
import os
import shutil
import sys
import types
from typing import Any, Callable, Dict, List, Optional

from runner.fileprobe import describe, keras1, rebuild, unix_names
from runner.probe import compat_shims
from runner.probe.jobs import hide_legacy_keras
from runner.probe.keras_api import Arrays, KerasApi, Model
from runner.probe.remedies import REMEDIES, Inference, Loading
from runner.probe.user_code import register_object

LARGE_MB = 400
"""A file beyond this is not copied."""
MODULE = "user_objects"
"""Name of the user's module while it is executed."""


class FileCode:
    """The user's module, if there is one: executed on first use, in place of a scenario's code."""

    compiles = False

    def __init__(self, api: KerasApi, job: Dict[str, Any], inputs: Optional[Arrays]) -> None:
        self.api = api
        self.path = job.get("custom_objects") and os.path.join(job["files"], job["custom_objects"])
        self.given = inputs
        self._module: Any = None

    @property
    def module(self) -> Any:
        """The executed module; an empty one where there is none."""
        if self._module is None:
            self._module = types.ModuleType(MODULE)
            if self.path:
                sys.modules[MODULE] = self._module
                self._module.__file__ = self.path
                with io.open(self.path, encoding="utf-8") as source:
                    code = compile(source.read(), self.path, "exec", dont_inherit=True)
                exec(code, self._module.__dict__)
        return self._module

    def custom_objects(self) -> Dict[str, Any]:
        """Return `custom_objects` of the module, or every class and function defined in it."""
        found = getattr(self.module, "custom_objects", None)
        if found is not None:
            return dict(found() if callable(found) else found)
        return {
            name: value
            for name, value in vars(self.module).items()
            if callable(value)
            and not name.startswith("_")
            and getattr(value, "__module__", "") == MODULE
        }

    def register_custom_objects(self, api: KerasApi) -> None:
        """Register every object of the module under its own name."""
        for custom_object in self.custom_objects().values():
            register_object(api, custom_object)

    def inputs(self) -> Arrays:
        """Return the inputs of the job."""
        return self.given or []

    def reader_model(self) -> Model:
        """Return what `build_model` of the module builds."""
        return self.module.build_model()

    def compile_model(self, model: Model) -> None:
        """Leave it as it was loaded: how it was compiled is the user's to know."""


class FileLoading(Loading):
    """What a way has at hand: the file under the name that is asked for."""

    def __init__(self, api: KerasApi, job: Dict[str, Any], folder: str, code: FileCode) -> None:
        source = os.path.join(job["files"], job["file"])
        path = os.path.join(folder, job.get("name") or os.path.basename(job["file"]))
        put_file(source, path)
        super().__init__(api, job["format"], os.path.basename(path), "", lambda: code)  # type: ignore[arg-type,return-value]
        self.job = job
        self.source = source


def put_file(source: str, path: str) -> None:
    """Give a job the file as a user has it, who may write to it: some versions open it so.

    A large one is a link that nobody may write to, since a copy takes memory.
    """
    if os.path.isdir(source):
        size = sum(
            os.path.getsize(os.path.join(parent, name))
            for parent, _, names in os.walk(source)
            for name in names
            if not os.path.islink(os.path.join(parent, name))
        )
    else:
        size = os.path.getsize(source)
    if size > LARGE_MB * 2**20:
        os.symlink(source, path)
    elif os.path.isdir(source):
        shutil.copytree(source, path, symlinks=True)
        for parent, folders, names in os.walk(path):
            for name in [os.curdir] + folders + names:
                inside = os.path.join(parent, name)
                if not os.path.islink(inside):
                    os.chmod(inside, 0o700)
    else:
        shutil.copyfile(source, path)


def load_architecture(loading: Loading) -> Model:
    """Build the model from the architecture's JSON or YAML; its weights are drawn anew."""
    models = loading.api.keras.models
    with io.open(loading.path, encoding="utf-8") as file:
        text = file.read()
    custom_objects = loading.code().custom_objects()
    options = {"custom_objects": custom_objects} if custom_objects else {}
    if text.lstrip().startswith(("{", '"')):
        return models.model_from_json(text, **options)
    return models.model_from_yaml(text, **options)


def load_architecture_shimmed(loading: Loading) -> Model:
    """Build the model so, with built-in classes that take what other versions wrote."""
    with compat_shims.installed(loading.api.keras, loading.path) as shims:
        custom_objects = dict(shims, **loading.code().custom_objects())
        with io.open(loading.path, encoding="utf-8") as file:
            return loading.api.keras.models.model_from_json(
                file.read(), custom_objects=custom_objects
            )


def load_weights(loading: Loading) -> Model:
    """Build the model from the user's code, then load the weights."""
    code = loading.code()
    model = code.reader_model()
    if code.inputs():
        # Some models only have their weights once they were called.
        loading.api.predict(model, describe.fit_inputs(model, code.inputs(), []))
    model.load_weights(loading.path)
    return model


def load_rebuilt(loading: Loading) -> Model:
    """Rebuild a model of the parts, or operations, that another environment handed over."""
    return rebuild.rebuild(loading.api.keras, loading.path)


def load_keras1_forms(loading: Loading) -> Model:
    """Load a copy in which the forms of Keras 1 are written as Keras 2 writes them."""
    keras1.write_forms(loading.path)
    return loading.api.keras.models.load_model(loading.path)


def load_unix_names(loading: Loading) -> Model:
    """Load a copy in which the groups of weights are named as they are outside of Windows."""
    unix_names.write(loading.path)
    return loading.api.keras.models.load_model(loading.path)


def load_unix_names_shimmed(loading: Loading) -> Any:
    """Load such a copy by shims."""
    unix_names.write(loading.path)
    return REMEDIES["compat_shims"](loading)


def load_tfsm_layer_beside_tf_keras(loading: Loading) -> Inference:
    """Wrap the SavedModel where TensorFlow finds tf-keras, whose optimizer the file may hold."""
    hide_legacy_keras(False)
    return REMEDIES["tfsm_layer"](loading)  # type: ignore[no-any-return]


def load_function(loading: Loading) -> Inference:
    """Load a SavedModel without Keras: its function `serving_default`, by named inputs."""
    loaded = importlib.import_module("tensorflow").saved_model.load(loading.path)
    serve = loaded.signatures["serving_default"]
    return describe.Function(serve, loaded)


def load_unpacked(loading: Loading) -> Model:
    """Load the only model inside a zip that is none of Keras' own."""
    import zipfile

    with zipfile.ZipFile(loading.path) as archive:
        archive.extractall("unpacked")
    loading.path = _only_model("unpacked")
    return loading.api.keras.models.load_model(loading.path)


def _only_model(folder: str) -> str:
    found: List[str] = []
    for parent, _, names in os.walk(folder):
        if "saved_model.pb" in names:
            return parent
        found += [os.path.join(parent, name) for name in names]
    models = [path for path in found if path.endswith((".h5", ".hdf5", ".keras"))]
    return (models or found)[0]


def load_packed(loading: Loading) -> Model:
    """Load the folder of an unpacked `.keras` file: packed again."""
    shutil.make_archive("packed", "zip", loading.path)
    os.rename("packed.zip", "packed.keras")
    return loading.api.keras.models.load_model("packed.keras")


WAYS: Dict[str, Callable[[Any], Any]] = dict(
    REMEDIES,
    architecture=load_architecture,
    architecture_shims=load_architecture_shimmed,
    function=load_function,
    right_name=REMEDIES["none"],
    unpacked=load_unpacked,
    weights=load_weights,
    packed=load_packed,
    keras1_forms=load_keras1_forms,
    rebuild=load_rebuilt,
    tfsm_layer_tf_keras=load_tfsm_layer_beside_tf_keras,
    unix_names=load_unix_names,
    unix_names_shims=load_unix_names_shimmed,
    rebuild_operations=load_rebuilt,
)
