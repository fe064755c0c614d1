"""What the probe clears between two jobs, in the real frameworks."""

from __future__ import annotations

import json
import subprocess

import pytest

CLEARED = """
import json, sys
from tensorflow.python.eager import context as eager
from runner.probe.keras_api import KerasApi

api = KerasApi(sys.argv[1])
kind = type(eager.context())
drop, drops = kind.clear_kernel_cache, []
kind.clear_kernel_cache = lambda self: (drops.append(1), drop(self))

def layer_name():
    return api.keras.layers.Dense(2).name

first, second = layer_name(), layer_name()
api.clear()
after = layer_name()
ours = len(drops)
api.keras.backend.clear_session()
print(json.dumps({"names": [first, second, after], "ours": ours, "theirs": len(drops)}))
"""


@pytest.mark.parametrize(
    ("environment", "framework"), [("tf2.15", "tensorflow.keras"), ("keras3.15", "keras")]
)
def test_a_job_begins_anew_but_for_the_kernels(tree, environments, environment, framework):
    """Names start again; kernels stay, until the framework's user clears the session himself."""
    python = next(environments.glob(f"{environment}-[0-9a-f]*/bin/python"))
    said = subprocess.run(
        [python, "-s", "-c", CLEARED, framework],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout.splitlines()[-1])
    assert found["names"] == ["dense", "dense_1", "dense"]
    assert (found["ours"], found["theirs"]) == (0, 1)
