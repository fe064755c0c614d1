"""The commands that make an environment in which a file was seen to load, and the lines of code.

Input: a built environment and a way. Output: texts to be pasted. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

from runner.check.ways import Way
from runner.domain import Environment, Family, ProvisionedEnvironment
from runner.executors.locks import normalise_name

DECIDING = ("keras", "tf-keras", "h5py", "numpy")
"""Packages named beside those that the environment asks for, where it has them."""
IMPORTS: Mapping[Family, str] = {
    Family.TF_KERAS: "from tensorflow import keras",
    Family.KERAS2: "import keras",
    Family.KERAS3: "import keras",
    Family.LEGACY: "import tf_keras as keras",
}
WITH_TF_KERAS = "tfsm_layer_tf_keras"
MODULES = ("shutil", "os", "zipfile", "tensorflow", "compat_shims", "unix_names")
"""Modules that the code of a way may use."""


def packages_of(built: ProvisionedEnvironment) -> dict[str, str]:
    """Return the packages that decide, by their names, with the versions that are installed."""
    have = {normalise_name(name): version for name, version in built.resolved.items()}
    asked = [
        normalise_name(found[0])
        for each in built.environment.requirements
        if (found := re.match(r"[A-Za-z0-9._-]+", each))
    ]
    names = dict.fromkeys([*asked, *DECIDING])
    return {name: have[name] for name in names if name in have}


def install_line(built: ProvisionedEnvironment, way: Way) -> str:
    """Return the commands that make the environment of a way; another tool does as well."""
    # Beside Keras 3 every other way was tried as if tf-keras was not there.
    hidden = built.environment.family is Family.KERAS3 and way.id != WITH_TF_KERAS
    # A version with a local part, such as 2.9.0+cpu, is not on the package index.
    pinned = [
        f"{name}=={version.partition('+')[0]}"
        for name, version in packages_of(built).items()
        if not (hidden and name == "tf-keras")
    ]
    python = built.environment.python
    lines = f"uv venv --python {python}", f"uv pip install {' '.join(pinned)}"
    return "\n".join(lines)


def code_of(environment: Environment, way: Way, path: PurePath, name: str) -> str:
    """Return the lines that load the file; `name` is the one that Keras knows it by.

    A bare load takes the file as it is; every other way was tried under that name.
    """
    told = str(path)
    before = []
    if way.id not in {"none", "right_name"} and name != path.name:
        before.append(f"shutil.copy({told!r}, {name!r})")
        told = name
    line = way.code.format(path=repr(told), name=repr(name))
    text = "\n".join([*before, line])
    used = [module for module in MODULES if re.search(rf"\b{module}\.", text)]
    lines = []
    backend = environment.env.get("KERAS_BACKEND")
    if backend and environment.family is Family.KERAS3 and backend != "tensorflow":
        lines.append(f"import os; os.environ['KERAS_BACKEND'] = {backend!r}")
    lines += [f"import {module}" for module in used if module != "os" or not lines]
    if "keras." in line:
        lines.append(IMPORTS[environment.family])
    parts = [line] if "with " in line else line.split("; ")
    return "\n".join([*lines, *before, *parts])
