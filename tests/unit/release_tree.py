"""A declared tree of six releases of the fake Keras, each with flaws of its own.

Readers 3.2 and 3.3 break and 3.4 repairs; what 3.5 writes comes back as another model. One
release cannot be built; the environment of a minor version is one of its releases.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fake_tree import make_tree

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.batches import ProbeCrew
from runner.executors.interface import Settings
from runner.executors.local.processes import LocalExecutor
from runner.executors.registry import ExecutorRow

ROW = ExecutorRow(name="releases", summary="six fakes", contained=False, module="release_tree")
RELEASES = ("keras3.0", "keras3.1", "keras3.2", "keras3.3", "keras3.4", "keras3.5")
unavailable: set[str] = set()
"""Ids that cannot be built."""

ENVIRONMENT = """
[[environment]]
id = "keras3.{number}"
family = "keras3"
backend = "tensorflow"
python = "3.11"
released = 2026-0{month}-01
requirements = ["keras==3.{number}.0"]
formats = ["h5"]
env = {{ FAKE_RELEASE = "3.{number}" }}
"""
OTHER_LINE = """
[[environment]]
id = "tf2.15"
family = "tf.keras"
backend = "tensorflow"
python = "3.11"
released = 2025-01-01
requirements = ["tensorflow==2.15.1"]
formats = ["h5"]
"""
FLAWS = """

import os as _os

_RELEASE = _os.environ.get("FAKE_RELEASE", "")
_load_sound = load_model
_save_sound = Sequential.save


def load_model(path, custom_objects=None):
    if _RELEASE == "3.2":
        raise TypeError("unknown key")
    if _RELEASE == "3.3":
        raise KeyError("another failure")
    return _load_sound(path, custom_objects)


def _save_flawed(self, path):
    if _RELEASE == "3.5":
        self.harm = "diverge"
    _save_sound(self, path)


Sequential.save = _save_flawed
models.load_model = load_model
"""


@dataclass(frozen=True)
class ReleasePlace:
    """Environments that are this Python; each remembers nothing but its number."""

    root: Path
    warn: object

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        if environment.id in unavailable:
            return ProvisionError(
                f"{environment.id}: there is no such package", next_step="`nox -s envs`"
            )
        version = environment.requirements[0].partition("==")[2]
        return ProvisionedEnvironment(
            environment=environment,
            executable=sys.executable,
            lock_digest=environment.id.encode().hex().ljust(64, "0"),
            python_version="3.11.0",
            resolved={"keras": version, "numpy": "2.0" if version < "3.4" else "2.1"},
            import_s=0.1,
            fork=True,
        )

    def builders(self, workers: int) -> int:
        return min(2, workers)

    def crew(self, settings: Settings) -> ProbeCrew:
        return ProbeCrew.of(LocalExecutor(self.root), settings)

    def abandon(self) -> None:
        pass


@contextmanager
def open_place(request, warn) -> Iterator[ReleasePlace]:
    yield ReleasePlace(request.root, warn)


def make_release_tree(root: Path) -> None:
    """Write the tree of `fake_tree` below `root`, with these environments and flaws."""
    make_tree(root)
    profiles = '[profiles]\nsmoke = ["*"]\ndefault = ["*"]\nfull = ["*"]\n'
    releases = [ENVIRONMENT.format(number=n, month=n + 1) for n in range(len(RELEASES))]
    path = root / "containers" / "environments.toml"
    path.write_text(profiles + OTHER_LINE + "".join(releases), encoding="utf-8")
    catalog = root / "scenarios" / "catalog.toml"
    catalog.write_text(catalog.read_text().replace('writers = ["old"]\n', ""), encoding="utf-8")
    with (root / "keras.py").open("a", encoding="utf-8") as keras:
        keras.write(FLAWS)
