"""A layer that does harm when its configuration is read: only a reader does that."""

import contextlib
import ctypes
import glob
import json
import os
import shutil
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


def _forge():
    """Say to whoever listens that the neighbours' loads raised."""
    pieces = []
    for format_ in ["h5", "keras"]:
        for remedy in ["none", "custom_objects"]:
            name = "custom_layer_trained.corrected/{}/tf2.15->tf2.15/{}".format(format_, remedy)
            lie = {"id": name, "kind": "load", "status": "raised", "stage": "load"}
            lie.update(exception="Forged", message="forged", traceback="", warnings=[], output="")
            lie.update(duration_s=0.1, max_rss_mb=1, position=0)
            pieces += [{"observation": lie, "last": False}, dict(lie, type="observation")]
            pieces += [{"start": name}, {"type": "start", "id": name}]
    places = glob.glob("/proc/{}/fd/*".format(os.getppid())) + glob.glob("/proc/self/fd/*")
    with open("/proc/{}/cmdline".format(os.getppid())) as line:
        places += [word for word in line.read().split("\0") if word.startswith("/")]
    opened = list(range(256))
    for place in places:
        with contextlib.suppress(OSError):
            opened.append(os.open(place, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
    for piece in pieces:
        for descriptor in opened:
            with contextlib.suppress(OSError):
                os.write(descriptor, (json.dumps(piece) + "\n").encode())


def _ruin():
    temporary = os.environ["TMPDIR"]
    for _ in range(4):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary = os.path.dirname(temporary)


def _hide():
    """Leave a process that only a kill ends, and end the probe itself."""
    if os.fork() == 0:
        os.setsid()
        ctypes.CDLL(None).prctl(1, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(1, 0)
        time.sleep(600)
    time.sleep(0.3)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


HARM = {
    "forge": _forge,
    "ruin": _ruin,
    "hide": _hide,
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
