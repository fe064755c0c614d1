"""The Keras of this environment, behind the few calls whose spelling differs.

Differences are found by asking the object (`hasattr`), never by version number: the
version is what we measure. Runs inside environments (Python 3.7 syntax).
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import inspect
import random
from typing import Any, Iterator, List

import numpy as np

Array = Any
"""An array of NumPy's, of any type: the versions of NumPy spell it differently."""
Arrays = List[Array]
Model = Any
"""A model of whichever Keras."""
COLLECTED_EVERY = 25
"""Jobs after which what they left is freed; memory is watched besides, see `chain_memory_mb`."""


class KerasApi:
    """One imported Keras: `tensorflow.keras`, `keras` or `tf_keras`.

    Importing must not initialise a runtime (no tensor is made), so that a probe can
    import once and fork afterwards.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "tensorflow.keras":
            self.tf: Any = importlib.import_module("tensorflow")
            self.keras: Any = self.tf.keras
        else:
            self.keras = importlib.import_module(name)
            self.tf = _import_or_none("tensorflow") if _needs_tensorflow(self.keras) else None
        # Lazily loaded in several versions: load now, before the fork.
        self.keras.layers.Dense
        self.keras.models.load_model
        self.is_keras3 = hasattr(self.keras, "ops")
        self._cleared = 0
        # Theano's backend has no session to clear, only layer names to count anew.
        clear: Any = getattr(self.keras.backend, "clear_session", None)
        self._clear_session = clear or self.keras.backend.reset_uids
        if self.is_keras3 and "free_memory" in inspect.signature(clear).parameters:
            # Keras 3 collects garbage by default, which we do now and then.
            self._clear_session = functools.partial(clear, free_memory=False)

    @property
    def graph_mode(self) -> bool:
        """Whether values need a session: TensorFlow 1 and standalone Keras 2.3."""
        if self.is_keras3:
            return False
        return self.tf is None or not self.tf.executing_eagerly()

    def custom_objects(self) -> Any:
        """Return the process-wide registry of custom objects."""
        saving = getattr(self.keras, "saving", None)
        getter = getattr(saving, "get_custom_objects", None)
        utils = self.keras.utils
        # Keras 1 has it in a module of its own alone.
        getter = getter or getattr(utils, "get_custom_objects", None)
        return (getter or utils.generic_utils.get_custom_objects)()

    def clear(self) -> None:
        """Forget the models of the job before, and global state it may have set."""
        with _keeping_kernels(self.tf):
            self._clear_session()
        precision: Any = getattr(self.keras, "mixed_precision", None)
        if hasattr(precision, "set_global_policy"):
            precision.set_global_policy("float32")
        self.keras.backend.set_floatx("float32")
        # What a job left is garbage of no effect, only of size; TensorFlow 1 takes as long to free
        # a graph as to load a model.
        self._cleared += 1
        if self._cleared % COLLECTED_EVERY == 0:
            gc.collect()

    def seed(self, number: int) -> None:
        """Make everything drawn by chance from now on the same, each time it is asked for."""
        random.seed(number)
        np.random.seed(number)
        if self.is_keras3:
            # It seeds the backend as well.
            self.keras.utils.set_random_seed(number)
        elif self.tf is not None:
            # Keras 2 draws the seeds of its layers with Python's `random`. Its own function of
            # that name would put a generator in its place that tf-keras 2.16 to 2.18 call with
            # a float, which Python 3.12 refuses.
            setter = getattr(self.tf.random, "set_seed", None) or self.tf.set_random_seed
            setter(number)
        # Theano's streams take their seeds from NumPy.

    @contextlib.contextmanager
    def without_tracing(self) -> Iterator[None]:
        """Run training and evaluation step by step: compiling them would cost a second a cell.

        Only our own measuring runs inside; saving and loading never do.
        """
        backend = _backend_name(self.keras)
        if backend == "jax":
            with importlib.import_module("jax").disable_jit():
                yield
            return
        if backend == "torch":
            with _uncompiled_torch():
                yield
            return
        config = getattr(self.tf, "config", None)
        switch = getattr(config, "run_functions_eagerly", None) or getattr(
            getattr(config, "experimental", None), "run_functions_eagerly", None
        )
        if switch is None or self.graph_mode:
            yield
            return
        switch(True)
        try:
            yield
        finally:
            switch(False)

    def evaluate_tensors(self, model: Model, inputs: Arrays, tensors: List[Any]) -> Arrays:
        """Return the values of `tensors` of a model, in graph mode as in eager mode."""
        if not tensors:
            return []
        if self.graph_mode:
            symbolic = [tensor for tensor in tensors if not isinstance(tensor, (int, float))]
            function = self.keras.backend.function(list(model.inputs), symbolic)
            values = iter(function(in_order(inputs, model)))
            return [t if isinstance(t, (int, float)) else next(values) for t in tensors]
        return [to_numpy(tensor) for tensor in tensors]

    def value(self, tensor: Any) -> Array:
        """Return the value of a tensor or variable that depends on no input."""
        return self.keras.backend.eval(tensor) if self.graph_mode else to_numpy(tensor)

    def assign(self, variable: Any, value: Array) -> None:
        """Give a variable a value."""
        if self.graph_mode:
            self.keras.backend.set_value(variable, value)
        else:
            variable.assign(value)

    def constant(self, array: Array) -> Any:
        """Return an array as a tensor."""
        made = self.keras.ops.convert_to_tensor if self.is_keras3 else self.keras.backend.constant
        return made(array)

    def call(self, model: Model, inputs: Arrays) -> Any:
        """Return the outputs for `inputs` (a list of arrays) in the structure the model has."""
        data = as_given(inputs)
        if self.graph_mode:
            return model.predict_on_batch(data)
        return model(data, training=False)

    def predict(self, model: Model, inputs: Arrays) -> Arrays:
        """Return the outputs for `inputs` (a list of arrays) as a flat list of arrays."""
        return flatten(self.call(model, inputs))


@contextlib.contextmanager
def _keeping_kernels(tf: Any) -> Iterator[None]:
    """Have TensorFlow keep the kernels it has made, which hold nothing of a model.

    Keras drops them with the session, from TensorFlow 2.6 on; to make them again is a third of
    the time of a job. A seed still drops them: those of random operations hold its state.
    """
    context = _eager_context(tf)
    if context is None:
        yield
        return
    context.clear_kernel_cache = lambda: None
    try:
        yield
    finally:
        del context.clear_kernel_cache


def _eager_context(tf: Any) -> Any:
    """Return what runs eager operations, where it has kernels to drop."""
    if tf is None or not tf.executing_eagerly():
        return None
    context = importlib.import_module("tensorflow.python.eager.context").context()
    return context if hasattr(context, "clear_kernel_cache") else None


@contextlib.contextmanager
def _uncompiled_torch() -> Iterator[None]:
    """Have `torch.compile` hand back the function it is given."""
    torch: Any = importlib.import_module("torch")
    compile_ = torch.compile
    torch.compile = lambda function, *_, **__: function
    try:
        yield
    finally:
        torch.compile = compile_


def _import_or_none(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _backend_name(keras: Any) -> str:
    backend = getattr(keras.backend, "backend", None)
    return backend() if backend else "tensorflow"


def _needs_tensorflow(keras: Any) -> bool:
    return _backend_name(keras) == "tensorflow"


class Given(list):  # type: ignore[type-arg]
    """Arrays as a scenario gives them to a model: by name (sorted), as a tuple, or as a list."""

    def __init__(self, made: Any) -> None:
        self.names: List[str] = sorted(made) if isinstance(made, dict) else []
        self.as_tuple = isinstance(made, tuple)
        if self.names:
            super().__init__(made[name] for name in self.names)
        else:
            super().__init__(made if isinstance(made, (list, tuple)) else [made])


def as_given(arrays: Arrays) -> Any:
    """Return arrays as a model is called with them: a dict, a tuple, a list, or the only one."""
    if isinstance(arrays, Given) and arrays.names:
        return dict(zip(arrays.names, arrays))
    if isinstance(arrays, Given) and arrays.as_tuple:
        return tuple(arrays)
    return arrays[0] if len(arrays) == 1 else list(arrays)


def in_order(arrays: Arrays, model: Model) -> Arrays:
    """Return arrays in the order of a model's inputs."""
    if isinstance(arrays, Given) and arrays.names:
        return [arrays[arrays.names.index(name)] for name in model.input_names]
    return list(arrays)


def flatten(value: Any) -> Arrays:
    """Return the arrays inside nested lists, tuples and dicts, dicts by sorted key."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in flatten(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flatten(item)]
    return [to_numpy(value)]


def to_numpy(value: Any) -> Array:
    """Return a tensor, a variable or a number of any backend as an array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if not isinstance(value, np.ndarray) and hasattr(value, "numpy"):
        value = value.numpy()
    array = np.asarray(value)
    # bfloat16 and its kin are no types of plain NumPy, and an .npz could not hold them.
    return array if array.dtype.kind in "biufcSUO" else array.astype("float32")
