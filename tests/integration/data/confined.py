"""Layers that try to leave their container when a reader reads their configuration.

Whoever gets out says so with a RuntimeError; who is held back raises what held it back.
"""

import os
import signal
import socket
import time

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (10,)
ESCAPED = "it got out: "


def _network():
    socket.create_connection(("203.0.113.1", 80), timeout=3)
    raise RuntimeError(ESCAPED + "network")


def _outside():
    places = ["/owned", "/etc/owned", "/opt/probe/owned", os.path.dirname(__file__) + "/owned"]
    with open("/proc/self/mounts") as mounts:
        places += [line.split()[1] + "/owned" for line in mounts if "/artifacts " in line]
    held_back = []
    for place in places:
        try:
            with open(place, "w"):
                pass
        except OSError as error:
            held_back.append(error)
        else:
            raise RuntimeError(ESCAPED + place)
    raise held_back[0]


def _grow():
    kept = []
    while True:
        kept.append(np.ones(2**22))
        time.sleep(0.01)


def _hogs():
    """More memory than the container has, by processes of which none has much."""
    for _ in range(4):
        if os.fork() == 0:
            try:
                _grow()
            finally:
                os._exit(1)
    while not os.WIFSIGNALED(os.wait()[1]):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def _forks():
    while True:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)


def _hang():
    while True:
        pass


HARM = {
    "network": _network,
    "outside": _outside,
    "grow": _grow,
    "hogs": _hogs,
    "forks": _forks,
    "hang": _hang,
    "stall": lambda: time.sleep(40),
    "harmless": lambda: None,
}


class ConfinedLayer(keras.layers.Dense):
    harm = "harmless"

    @classmethod
    def from_config(cls, config):
        HARM[cls.harm]()
        return super().from_config(config)


def _lambda(x):
    """Try both when it is called; its bytecode is in the file."""
    import socket

    try:
        socket.create_connection(("203.0.113.1", 80), timeout=3)
    except OSError as error:
        print("network:", error)
    else:
        raise RuntimeError("it got out: network")
    try:
        with open("/etc/owned", "w"):
            pass
    except OSError as error:
        print("file:", error)
    else:
        raise RuntimeError("it got out: file")
    return x * 2.0


def build_model(variant):
    if variant == "lambda":
        return keras.Sequential(
            [keras.layers.Dense(4, input_shape=INPUT_SHAPE), keras.layers.Lambda(_lambda)]
        )
    return keras.Sequential([ConfinedLayer(4, input_shape=INPUT_SHAPE)])


def custom_objects(variant):
    ConfinedLayer.harm = variant
    return {"ConfinedLayer": ConfinedLayer}
