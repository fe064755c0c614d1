"""Execute a scenario's module as the program of a user.

The module runs with `__name__ == "__main__"`, because that is what the articles'
readers run: classes defined in one script are in no importable module of another.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from typing import Any, Dict

import numpy as np

from runner.probe.keras_api import Arrays, Given, KerasApi, Model

SAMPLES = 8
SEED = 20170


class UserCode:
    """The executed module of a scenario, with defaults for what it leaves out."""

    def __init__(self, module: Any, variant: str) -> None:
        self.module = module
        self.variant = variant
        self._registered = False

    def inputs(self) -> Arrays:
        """Return the fixed inputs as they are given to the model, eight samples each."""
        rng = np.random.RandomState(SEED)
        if hasattr(self.module, "inputs"):
            made = self.module.inputs(rng, self.variant)
        else:
            made = rng.uniform(size=(SAMPLES,) + tuple(self.module.INPUT_SHAPE)).astype("float32")
        return Given(made)

    def targets(self) -> Arrays:
        """Return the fixed targets as training is given them; empty where nothing is trained."""
        if not hasattr(self.module, "targets"):
            return []
        made = self.module.targets(np.random.RandomState(SEED + 1), self.variant)
        return Given(made)

    def build_model(self) -> Model:
        """Return a new model, not compiled."""
        return self.module.build_model(self.variant)

    def reader_model(self) -> Model:
        """Return a new model as the reader's code builds it, where that is not the writer's."""
        made = getattr(self.module, "reader_model", None)
        return made(self.variant) if made else self.build_model()

    def before_loading(self, path: str) -> None:
        """Do to the reader's copy at `path` what the scenario wants done before it is loaded."""
        prepare = getattr(self.module, "before_loading", None)
        if prepare:
            prepare(path, self.variant)

    @property
    def compiles(self) -> bool:
        """Whether the module says how its model is compiled."""
        return hasattr(self.module, "compile_model")

    def compile_model(self, model: Model) -> None:
        """Compile the model as the writer does; nothing where the module does not."""
        if self.compiles:
            self.module.compile_model(model, self.variant)

    def finish_model(self, model: Model) -> Model:
        """Return the model after what the scenario does to it between training and saving."""
        finish = getattr(self.module, "finish_model", None)
        return finish(model, self.variant) if finish else model

    def custom_objects(self) -> Dict[str, Any]:
        """Return what the reader passes as `custom_objects`, or registers: its own code's."""
        found = getattr(self.module, "reader_custom_objects", None)
        found = found or getattr(self.module, "custom_objects", None)
        return dict(found(self.variant)) if found else {}

    def register_custom_objects(self, api: KerasApi) -> None:
        """Register every custom object, once: some versions refuse a second time."""
        if self._registered:
            return
        for custom_object in self.custom_objects().values():
            register_object(api, custom_object)
        self._registered = True


def load_user_code(framework: str, module_name: str, variant: str) -> UserCode:
    """Execute `scenarios/<module_name>.py` against a framework and return its UserCode."""
    _select_framework(framework)
    scenarios: Any = importlib.import_module("scenarios")
    folder = os.path.dirname(scenarios.__file__)
    path = os.path.join(folder, module_name + ".py")
    module = types.ModuleType("__main__")
    module.__file__ = path
    with open(path, encoding="utf-8") as source:
        code = compile(source.read(), path, "exec", dont_inherit=True)
    exec(code, module.__dict__)
    return UserCode(module, variant)


def _select_framework(framework: str) -> None:
    os.environ["MATRIX_FRAMEWORK"] = framework
    loaded = sys.modules.get("scenarios.framework")
    if loaded is None:
        importlib.import_module("scenarios.framework")
    elif framework != loaded.NAME:
        importlib.reload(loaded)


def register_object(api: KerasApi, obj: Any) -> Any:
    """Register an object under its own name, as the decorator without arguments would."""
    saving = getattr(api.keras, "saving", None)
    decorator = getattr(saving, "register_keras_serializable", None)
    if decorator is None:
        decorator = api.keras.utils.register_keras_serializable
    return decorator()(obj)
