"""A Keras of numpy alone: enough for the real probe to save, load, compare and be harmed."""

import json
import os
import signal
import sys
import time
import types

import numpy as np

__version__ = "3.99.0"
_registry = {}


def _hang():
    while True:
        time.sleep(0.01)


def _grow():
    kept = []
    while True:
        kept.append(np.ones(2**22))
        time.sleep(0.005)


def _print_and_die():
    print("last words")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _leave_a_process():
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    os._exit(5)


def _escape():
    """Leave a process in a session of its own, which no signal to this one's group reaches."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)


def _count_children_of_the_probe():
    with open("/proc/{0}/task/{0}/children".format(os.getppid())) as children:
        print("{} at work".format(len(children.read().split())))


def _raise():
    raise ValueError("no such layer")


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("even its text raises")


def _raise_unprintable():
    raise Unprintable


HARM = {
    "": lambda: None,
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": os.abort,
    "die": _print_and_die,
    "hang": _hang,
    "grow": _grow,
    "huge": lambda: np.ones(2**40),
    "exit": lambda: os._exit(3),
    "system_exit": lambda: sys.exit(4),
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
    "orphan": _leave_a_process,
    "escape": _escape,
    "count": _count_children_of_the_probe,
    "raise": _raise,
    "unprintable": _raise_unprintable,
    "register": lambda: _registry.update(left="behind"),
    "chdir": lambda: os.chdir("/"),
    "print": lambda: print("said by the job"),
    "delete": lambda: os.remove("payload/model.h5"),
}


class Dense:
    def __init__(self, units, input_shape=(3,)):
        self.units = units
        self.input_shape = input_shape


class _Layer:
    trainable = True
    compute_dtype = "float32"
    name = "dense"

    def __init__(self, weights):
        self._weights = weights
        self.trainable_weights = weights

    def get_weights(self):
        return self._weights


class Sequential:
    losses = ()

    def __init__(self, layers, harm="", weights=None):
        if weights is None:
            shape = (layers[0].input_shape[-1], layers[0].units)
            weights = [np.arange(np.prod(shape), dtype="float32").reshape(shape), np.ones(shape[1])]
        self._weights = weights
        self.harm = harm
        self.layers = [_Layer(weights)]
        self.trainable_weights = weights

    def get_weights(self):
        return self._weights

    def __call__(self, data, training):
        if self.harm == "call":
            raise ValueError("cannot be called")
        kernel, bias = self._weights
        return np.asarray(data) @ kernel + bias

    def save(self, path):
        if self.harm == "save":
            raise OSError("cannot be saved")
        if self.harm == "nothing":
            return
        stored = {"harm": self.harm, "weights": [each.tolist() for each in self._weights]}
        with open(path, "w", encoding="utf-8") as out:
            json.dump(stored, out)


def load_model(path, custom_objects=None):
    with open(path, encoding="utf-8") as file:
        stored = json.load(file)
    HARM.get(stored["harm"], HARM[""])()
    weights = [np.asarray(each, "float32") for each in stored["weights"]]
    harm = stored["harm"]
    if harm == "diverge":
        weights[0] = weights[0] + 1
    return Sequential([], harm="call" if harm == "call_later" else "", weights=weights)


layers = types.SimpleNamespace(Dense=Dense)
models = types.SimpleNamespace(load_model=load_model)
ops = types.SimpleNamespace(
    **{
        name: None
        for name in [
            "abs",
            "matmul",
            "mean",
            "relu",
            "sigmoid",
            "square",
            "subtract",
            "sum",
            "tanh",
        ]
    }
)
backend = types.SimpleNamespace(
    backend=lambda: "numpy", clear_session=lambda: None, set_floatx=lambda name: None
)
saving = types.SimpleNamespace(get_custom_objects=lambda: _registry)
