"""A layer that does harm when its configuration is read: only a reader does that."""

import os
import signal
import time

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def _hang():
    while True:
        pass


def _grow():
    kept = []
    while True:
        kept.append(np.ones(2**22))
        time.sleep(0.01)


def _fork_and_crash():
    if os.fork() == 0:
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGSEGV)


HARM = {
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": os.abort,
    "hang": _hang,
    "grow": _grow,
    "huge": lambda: np.ones(2**40),
    "exit": lambda: os._exit(3),
    "system_exit": lambda: exit(4),
    "harmless": lambda: None,
}


class HarmfulLayer(keras.layers.Dense):
    harm = "harmless"

    @classmethod
    def from_config(cls, config):
        HARM[cls.harm]()
        return super().from_config(config)


class Silent(keras.Sequential):
    def save(self, *arguments, **options):
        """Write nothing, and say nothing."""


def build_model(variant):
    if variant == "raises":
        raise ValueError("this model cannot be built")
    if variant == "silent":
        return Silent([keras.layers.Dense(4, input_shape=INPUT_SHAPE)])
    return keras.Sequential([HarmfulLayer(4, input_shape=INPUT_SHAPE)])


def custom_objects(variant):
    HarmfulLayer.harm = variant
    return {"HarmfulLayer": HarmfulLayer}
