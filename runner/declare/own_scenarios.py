"""Stage 1: a folder of scenarios of one's own, beside those of the repository.

Input: the root of the declarations, and a folder with `catalog.toml`, the modules that it names,
and perhaps `expectations.toml`. Output: a temporary root that has both, which stands for the
repository as long as the command runs; and the ids of the own scenarios. Nothing of the folder is
executed here.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runner.declare.catalog import load_expectations, load_remedies, load_scenarios
from runner.declare.documents import read_document
from runner.declare.place import shown
from runner.domain.errors import ConfigurationError, SelectionError

CATALOG = "catalog.toml"
EXPECTATIONS = "expectations.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnScenarios:
    """The root that has them, and their ids."""

    root: Path
    ids: tuple[str, ...]


def lay_over(root: Path, folder: Path) -> OwnScenarios:
    """Return a root with the scenarios of a folder besides.

    It is removed when the process ends.

    Raises:
        SelectionError: there is no such folder, or it has no catalogue.
        ConfigurationError: its catalogue is malformed, or a scenario or module is called like one
            of the repository.
    """
    folder = folder.absolute()
    ids = _check(root, folder)
    made = Path(tempfile.mkdtemp(prefix="keras-matrix-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "runner" / "probe", made / "runner" / "probe", ignore=skip)
    shutil.copy(root / "runner" / "__init__.py", made / "runner")
    shutil.copytree(root / "scenarios", made / "scenarios", ignore=skip)
    # Read by the host alone.
    (made / "containers").symlink_to(root / "containers")
    for path in _modules(folder):
        shutil.copy(path, made / "scenarios")
    for name in (CATALOG, EXPECTATIONS):
        if (folder / name).is_file():
            _append(made / "scenarios" / name, (folder / name).read_text(encoding="utf-8"))
    return OwnScenarios(root=made, ids=ids)


def _check(root: Path, folder: Path) -> tuple[str, ...]:
    """Hold a folder against the repository; return the ids of its scenarios."""
    if not (folder / CATALOG).is_file():
        missing = "there is no such folder" if not folder.is_dir() else f"it has no {CATALOG}"
        raise SelectionError(
            f"--scenarios {shown(str(folder))}: {missing}",
            cause="a typing mistake, or nothing was written there yet",
            next_step=f"nox -s scenario -- new my_model --into {folder}",
        )
    theirs = root / "scenarios"
    if folder.resolve() == theirs.resolve():
        raise SelectionError(
            f"--scenarios {shown(str(folder))}: these are the scenarios of the repository",
            cause="they are there without being named",
            next_step="leave --scenarios out",
        )
    remedies, _ = load_remedies(theirs / "remedies.toml")
    scenarios, _ = load_scenarios(folder / CATALOG, remedies)
    read_document(folder / CATALOG, ("scenario",))
    known, _ = load_scenarios(theirs / CATALOG, remedies)
    modules = {path.stem for path in _modules(theirs)}
    for kind, names, taken in (
        ("scenario", scenarios, set(known)),
        ("module", [path.stem for path in _modules(folder)], modules),
    ):
        for name in names:
            if name in taken:
                raise ConfigurationError(
                    f"{folder}: the {kind} {shown(name)} is one of the repository's, too",
                    cause="results are filed under these names",
                    next_step=f"rename it in {folder}, such as my_{name}",
                )
    if (folder / EXPECTATIONS).is_file():
        load_expectations(folder / EXPECTATIONS, scenarios, remedies)
    return tuple(scenarios)


def _modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.py") if path.is_file())


def _append(path: Path, text: str) -> None:
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    path.write_text(f"{before}\n{text}", encoding="utf-8")


# --- a new one ---------------------------------------------------------------------------

MODULE = '''"""One sentence that says what is special about this model.

Cause: the one thing that may fail here. A scenario isolates one: if two things can fail, write two.

Source: a link to the report, or to the code that this was taken from.
"""

from scenarios.framework import keras

INPUT_SHAPE = (4,)


def build_model(variant):
    """Return a new model, not compiled; `variant` is that of the catalogue's entry."""
    hidden = keras.layers.Dense(8, activation="relu", input_shape=INPUT_SHAPE)
    return keras.Sequential([hidden, keras.layers.Dense(2)])


# Write these where they are needed:
#
# def compile_model(model, variant):
#     """Compile it, if training is the point; the entry then has `trained = true`."""
#
# def targets(rng, variant):
#     """Return its targets in training: an array."""
#
# def custom_objects(variant):
#     """Return the mapping that a user gives to `load_model` as `custom_objects`."""
#     return {"MyLayer": MyLayer}
'''
ENTRY = """
[[scenario]]
id = "{name}"
module = "{name}"
group = "own scenarios"
title = "{title}"
summary = "What is special about this model, in one line."
formats = ["h5", "keras"]
aspects = ["structure", "outputs", "weights", "losses", "trainable", "dtype"]
remedies = []
"""
HEAD = """\
# Scenarios of one's own: one [[scenario]] each; `module` is the file beside this one.
# A command takes this folder with --scenarios.
"""


def write_new(name: str, folder: Path) -> Path:
    """Write the module of a new scenario and its entry; return the module's path.

    Raises:
        SelectionError: it is no name of a module, or there is one of that name.
    """
    if not name.isidentifier() or name != name.lower():
        near = "".join(each if each.isalnum() else "_" for each in name.lower()).strip("_")
        raise SelectionError(
            f"{shown(name)} cannot be the name of a scenario",
            cause="its module has the same name: small letters, digits and `_`",
            next_step=f"nox -s scenario -- new {near if near.isidentifier() else 'my_model'}",
        )
    module, catalog = folder / f"{name}.py", folder / CATALOG
    before = catalog.read_text(encoding="utf-8") if catalog.is_file() else HEAD
    if module.exists() or f'\nid = "{name}"\n' in before:
        raise SelectionError(
            f"there is a scenario {name} in {folder}",
            cause="it was written before; nothing was changed",
            next_step=f"edit {module}, or choose another name",
        )
    folder.mkdir(parents=True, exist_ok=True)
    entry = ENTRY.format(name=name, title=name.replace("_", " ").capitalize())
    module.write_text(MODULE, encoding="utf-8")
    catalog.write_text(before + entry, encoding="utf-8")
    return module
