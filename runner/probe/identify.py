"""Runs inside an environment: imports its framework and says what it really is.

    python -m runner.probe.identify '{"framework": "keras"}'

`framework` is what the environment's users import: `tensorflow.keras`, `keras` or
`tf_keras`. One JSON object is the only line on stdout; whatever the framework prints
goes to stderr. Python 3.7 syntax, standard library and the framework.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import sys
import time
from typing import Any, Dict, List, Tuple

SCHEMA = "identity/1"
FORK_TEST_TIMEOUT_S = 120.0


def import_framework(name: str) -> Tuple[Any, str, float]:
    """Return (keras module, version of what is pinned, import seconds)."""
    begun = time.perf_counter()
    if name == "tensorflow.keras":
        # Not `import tensorflow.keras`: some releases have it only as an attribute.
        tensorflow = importlib.import_module("tensorflow")
        keras = tensorflow.keras
        dir(keras.layers)  # lazy loaders import here
        version = tensorflow.__version__
    else:
        keras = importlib.import_module(name)
        dir(keras.layers)  # as above
        version = getattr(keras, "__version__", "")
    return keras, version, time.perf_counter() - begun


def installed_distributions() -> Dict[str, str]:
    """Return {normalised name: version} of everything installed."""
    try:
        from importlib import metadata
    except ImportError:  # Python 3.7
        pairs = distributions_from_folders()
    else:
        pairs = [(one.metadata["Name"], one.version) for one in metadata.distributions()]
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs if name}


def distributions_from_folders() -> List[Tuple[str, str]]:
    """Name and version from the metadata folders; pkg_resources may not be installed."""
    pairs = []
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in names:
            if entry.endswith((".dist-info", ".egg-info")):
                name, _, version = entry.rpartition(".")[0].partition("-")
                pairs.append((name, version.split("-py")[0]))
    return pairs


def predict_once(keras: Any) -> None:
    """Run one tiny model: the first operation is what initialises the runtime."""
    import numpy

    # Keras before 2.2.3 wants the shape of the input declared.
    model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(2,))])
    model.predict(numpy.ones((1, 2), dtype="float32"), verbose=0)


def fork_works(keras: Any) -> bool:
    """Whether a child forked after the import can compute; False where fork is missing."""
    if not hasattr(os, "fork"):
        return False
    child = os.fork()
    if child == 0:
        try:
            predict_once(keras)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a forked child must never return from here
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    deadline = time.monotonic() + FORK_TEST_TIMEOUT_S
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def identify(request: Dict[str, Any]) -> Dict[str, Any]:
    """Return what is printed."""
    # Asked first: importing setuptools makes the copies it bundles look installed.
    distributions = installed_distributions()
    keras, version, import_s = import_framework(request["framework"])
    return {
        "schema": SCHEMA,
        "framework": request["framework"],
        "framework_version": version or distributions.get(request["framework"].replace("_", "-")),
        "keras_version": getattr(keras, "__version__", ""),
        "module_file": getattr(keras, "__file__", "") or "",
        "python_version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "executable": sys.executable,
        "distributions": distributions,
        "import_s": round(import_s, 3),
        "fork": fork_works(keras),
    }


def main(argv: List[str]) -> int:
    """Entry point: one argument, the request as JSON."""
    out = os.dup(1)
    os.dup2(2, 1)  # a framework that prints while it is imported must not spoil the answer
    answer = identify(json.loads(argv[1]))
    with os.fdopen(out, "w") as stream:
        stream.write(json.dumps(answer, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
