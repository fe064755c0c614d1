"""A small declared tree in a folder of its own, whose environments import the fake Keras.

The place is registered as an executor for the time of a test: the whole pipeline runs, with the
real probe in real processes, and no environment is built. Subjects are wrong on purpose.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fake_probe import FAKE, REPOSITORY

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.batches import ProbeCrew
from runner.executors.interface import Settings
from runner.executors.local.processes import LocalExecutor
from runner.executors.registry import ExecutorRow

ROW = ExecutorRow(name="fake", summary="the fake Keras", contained=False, module="fake_tree")
AVAILABLE = ("old", "new")
UNAVAILABLE = "gone"

ENVIRONMENT = """
[[environment]]
id = "{name}"
family = "keras3"
backend = "tensorflow"
python = "3.11"
released = 2026-01-0{day}
requirements = ["keras==3.{day}.0"]
formats = ["h5"]
"""
SCENARIO = """
[[scenario]]
id = "{name}"
module = "{module}"
variant = "{variant}"
group = "control"
title = "{name}"
summary = "{name}"
formats = ["h5"]
aspects = ["structure", "outputs", "weights", "losses", "trainable"]
remedies = [{remedies}]
timeout_s = 1.0
"""
REMEDIES = """
[formats.h5]
carries = ["structure", "outputs", "weights", "losses", "trainable"]
[formats.keras]
carries = ["outputs"]
[formats.saved_model]
carries = ["outputs"]
[formats.weights_h5]
carries = ["outputs"]
[formats.json_weights]
carries = ["outputs"]
[formats.tf_checkpoint]
carries = ["outputs"]
[formats.export]
carries = ["outputs"]

[[remedy]]
id = "none"
title = "The bare load"
code = "load_model({path})"
formats = ["h5"]
environments = ["*"]
cost = 0

[[remedy]]
id = "custom_objects"
title = "Name the classes"
code = "load_model({path}, custom_objects={{...}})"
formats = ["h5"]
environments = ["*"]
cost = 1
"""
PLAIN = '''"""Nothing is wrong with it."""

from scenarios.framework import keras

INPUT_SHAPE = (3,)


def build_model(variant):
    return keras.Sequential([keras.layers.Dense(2, input_shape=INPUT_SHAPE)])
'''
FORGETFUL = """

_load_all = _JOBS["load"]


def _load_most(workshop, api, job, folder):
    found = _load_all(workshop, api, job, folder)
    if job["scenario"]["variant"] == "forgetful":
        found["aspects"].pop("losses")
    return found


_JOBS["load"] = _load_most
"""
"""What makes this tree's probe leave out an aspect that was asked for."""

HARMS = {
    "diverge": "",
    "raise": '"custom_objects"',
    "die": "",
    "call_later": "",
    "hang": 'writers = ["old"]',
    "hide_and_kill": 'writers = ["old"]',
    "forgetful": "",
    "save": "",
}
"""Variant of the fake scenario -> its remedies, or another line of its declaration."""


@dataclass(frozen=True)
class FakePlace:
    """Environments that are this Python, but for one that cannot be built."""

    root: Path

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        if environment.id == UNAVAILABLE:
            return ProvisionError("there is no such package", next_step="`nox -s envs`")
        return ProvisionedEnvironment(
            environment=environment,
            executable=sys.executable,
            lock_digest="0" * 64,
            python_version="3.11.0",
            resolved={"keras": "3.0.0"},
            import_s=0.1,
            fork=True,
        )

    def lock_digest(self, environment: Environment) -> str:
        return "0" * 64

    def builders(self, workers: int) -> int:
        return min(2, workers)

    def crew(self, settings: Settings) -> ProbeCrew:
        return ProbeCrew.of(LocalExecutor(self.root), settings)

    def abandon(self) -> None:
        pass


@contextmanager
def open_place(request, warn) -> Iterator[FakePlace]:
    yield FakePlace(request.root)


@dataclass
class HeardReporter:
    """Remembers the phases of a run."""

    phases: list[tuple[str, int]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    closed: bool = False

    def start(self, total, label):
        self.phases.append((label, total))

    def advance(self, environment_id, n, outcome):
        if outcome is not None:
            self.outcomes.append(str(outcome))

    def environment(self, environment_id, state):
        pass

    def machines(self, number):
        pass

    def message(self, text):
        pass

    def close(self):
        self.closed = True


def make_tree(root: Path) -> None:
    """Write the probe, the fake Keras and the declarations below `root`."""
    (root / "runner").mkdir(parents=True)
    (root / "scenarios").mkdir()
    (root / "containers").mkdir()
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copy(REPOSITORY / "runner" / "__init__.py", root / "runner")
    shutil.copytree(REPOSITORY / "runner" / "probe", root / "runner" / "probe", ignore=skip)
    with (root / "runner" / "probe" / "jobs.py").open("a", encoding="utf-8") as probe:
        probe.write(FORGETFUL)
    for name in ("__init__.py", "framework.py"):
        shutil.copy(REPOSITORY / "scenarios" / name, root / "scenarios")
    shutil.copy(FAKE / "fake.py", root / "scenarios")
    shutil.copy(FAKE / "keras.py", root)
    for name in ("plain_dense", "truncated_file"):
        (root / "scenarios" / f"{name}.py").write_text(PLAIN, encoding="utf-8")
    names = [*AVAILABLE, UNAVAILABLE]
    environments = ['[profiles]\nsmoke = ["old", "new"]\ndefault = ["old", "new"]\nfull = ["*"]\n']
    environments += [ENVIRONMENT.format(name=name, day=i + 1) for i, name in enumerate(names)]
    catalog = [
        "[profiles]\n",
        _scenario("plain_dense", "plain_dense", "", '"custom_objects"'),
        _scenario("truncated_file", "truncated_file", "", "") + 'damage = "truncate:keep=0.5"\n',
    ]
    for variant, more in HARMS.items():
        remedies = more if more.startswith('"') else ""
        catalog.append(_scenario(f"fake.{variant}", "fake", variant, remedies))
        catalog[-1] += "" if remedies else f"{more}\n"
    files = {
        "containers/environments.toml": "".join(environments),
        "scenarios/catalog.toml": "".join(catalog),
        "scenarios/remedies.toml": REMEDIES,
        "scenarios/expectations.toml": "",
        "scenarios/causes.toml": "",
        "scenarios/claims.toml": "",
    }
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")


def _scenario(name: str, module: str, variant: str, remedies: str) -> str:
    return SCENARIO.format(name=name, module=module, variant=variant, remedies=remedies)
