"""The hands of a check: one load at a time, in the sandbox, one environment's probe at once.

Input: a sandbox, environments, the file. Output: `Loaded`s. The inputs are those of the user, or
seeded ones made from the file's own shapes, else from the first model that was loaded; whoever
comes later gets the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runner.check.outputs import Outputs, read_outputs
from runner.check.results import Result
from runner.check.ways import ARCHITECTURE, JOB_FORMATS, Way, own_name, right_name
from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.sandbox import Exchange, Sandbox
from runner.inspect import Description
from runner.judge.cause import find_innermost
from runner.userfile.inputs import (
    Inputs,
    candidate_inputs,
    described_inputs,
    guessed_candidates,
    reported_inputs,
)
from runner.userfile.orders import LoadOrder
from runner.userfile.workbench import Observed, Workbench, open_workbench

ASPECTS = ("structure", "outputs", "weights", "trainable")
TIMEOUT_S = 300.0
LONGEST = 600
STAGES: Mapping[str, Result] = {"call": Result.UNUSABLE, "train": Result.UNUSABLE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """What one load gave."""

    result: Result
    why: str = ""
    observed: Observed | None = None
    outputs: Outputs | None = None
    duration_s: float = 0.0


@dataclass(kw_only=True, slots=True)
class SandboxHands:
    """Loads in a sandbox; at most one probe is open."""

    kind: str
    name: str
    """The file's own name."""
    description: Description
    sandbox: Sandbox
    exchange: Exchange
    folder: Path
    environments: Mapping[str, Environment]
    allow_code: bool = False
    free_size: int = 0
    inputs: Inputs | None = None
    _shown: dict[str, Inputs] = field(default_factory=dict)
    """The inputs that the sandbox sees, by the names of their files."""
    _custom: str = ""
    _file: str = ""
    _building: dict[str, Future[ProvisionedEnvironment | ProvisionError]] = field(
        default_factory=dict
    )
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _open: tuple[str, AbstractContextManager[Workbench], Workbench] | None = None

    def add(self, file: Path, custom_objects: Path | None) -> None:
        """Show the file and the user's module to the sandbox."""
        self._file = self.exchange.add(file, "given/model")
        if custom_objects is not None:
            self._custom = self.exchange.add(custom_objects, "user/objects.py")

    def use_inputs(self, inputs: Inputs) -> None:
        """Call every model with these."""
        self.inputs = inputs

    def prepare(self, environment: str) -> None:
        """Begin to build an environment beside other work."""
        if environment not in self._building:
            self._building[environment] = self._pool.submit(
                self.sandbox.provision, self.environments[environment]
            )

    def provision(self, environment: str) -> ProvisionedEnvironment | ProvisionError:
        """Return a built environment, or why there is none."""
        self.prepare(environment)
        return self._building[environment].result()

    def load(self, environment: str, way: Way) -> Loaded:
        """Load by one way and call the model; a fault of ours is a result, too."""
        if self.kind == ARCHITECTURE:
            loaded = self._load(environment, way, None)
            if loaded.result is not Result.NOT_CALLED:
                return loaded
            return replace(loaded, why="its weights are new: there is nothing to compare")
        if self.inputs is not None:
            return self._load(environment, way, self.inputs)
        return self._load_first(environment, way)

    def close(self) -> None:
        """End the probe, and begin no further environment."""
        self._close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # While nobody could be called yet

    def _load_first(self, environment: str, way: Way) -> Loaded:
        """Find inputs that the model can be called with."""
        last: Loaded | None = None
        for inputs in self._candidates(environment, way):
            if isinstance(inputs, Loaded):
                return inputs
            last = self._load(environment, way, inputs)
            if last.result is Result.LOADS:
                self.inputs = inputs
            if last.result is not Result.UNUSABLE:
                return last
        return last or Loaded(result=Result.NOT_CALLED, why="it says no shape of its inputs")

    def _candidates(self, environment: str, way: Way) -> Iterator[Inputs | Loaded]:
        """Yield inputs to be tried, or the load that failed before any was needed."""
        described = described_inputs(self.description)
        source = "the file"
        if not described:
            loaded = self._load(environment, way, None)
            if loaded.result is not Result.NOT_CALLED or loaded.observed is None:
                yield loaded
                return
            reported = loaded.observed.report().get("inputs") or ()
            described = reported_inputs(reported, self.description)
            source = f"the model that {environment} loaded"
            if not described:
                yield from guessed_candidates(self.description, self.free_size)
                yield loaded
                return
        yield from candidate_inputs(described, source, self.free_size)

    # One load

    def _load(self, environment: str, way: Way, inputs: Inputs | None) -> Loaded:
        order = self._order(environment, way, inputs)
        try:
            bench = self._bench(environment)
        except ProvisionError as error:
            why = f"{error.message}; next: {error.next_step}"
            return Loaded(result=Result.ENVIRONMENT_UNAVAILABLE, why=why)
        observed = bench.run(order)
        if observed.status == "harness_error":
            # The probe may be gone; an aspect that cannot be recorded must not hide the outputs.
            self._close()
            with suppress(ProvisionError):
                plain = msgspec.structs.replace(order, aspects=("outputs",))
                observed = self._bench(environment).run(plain)
            if observed.status == "harness_error":
                self._close()
        return read_loaded(observed)

    def _order(self, environment: str, way: Way, inputs: Inputs | None) -> LoadOrder:
        bare = way.id == "none"
        name = own_name(self.name) if bare else right_name(self.kind, self.name)
        return LoadOrder(
            id=f"{environment}/{way.id}",
            file=self._file,
            format=JOB_FORMATS.get(self.kind, "keras"),
            way=way.id,
            name=name,
            inputs=self._write_inputs(inputs),
            input_names=inputs.names if inputs else (),
            aspects=ASPECTS,
            custom_objects=self._custom,
            allow_code=self.allow_code,
            timeout_s=TIMEOUT_S,
        )

    def _write_inputs(self, inputs: Inputs | None) -> str:
        if inputs is None:
            return ""
        for name, shown in self._shown.items():
            if shown is inputs:
                return name
        name = f"inputs/{len(self._shown)}.npz"
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "inputs.npz"
        inputs.write(path)
        self.exchange.add(path, name)
        self._shown[name] = inputs
        return name

    def _bench(self, environment: str) -> Workbench:
        if self._open is not None and self._open[0] == environment:
            return self._open[2]
        self._close()
        built = self.provision(environment)
        if isinstance(built, ProvisionError):
            raise built
        place = self.folder / environment / str(len(list(self.folder.glob(f"{environment}/*"))))
        context = open_workbench(self.sandbox, self.exchange, built, place)
        self._open = (environment, context, context.__enter__())
        return self._open[2]

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened[1].__exit__(None, None, None)


def read_loaded(observed: Observed) -> Loaded:
    """Return what an observation says; what it computed is read from its files."""
    told = Loaded(
        result=Result.LOADS,
        observed=observed,
        duration_s=round(observed.duration_s, 3),
    )
    if observed.code_refused:
        why = "the file holds Python bytecode; --allow-code lets it run"
        return replace(told, result=Result.CODE_REFUSED, why=why)
    if observed.done:
        if not observed.facts.get("called"):
            return replace(told, result=Result.NOT_CALLED, why="it says no shape of its inputs")
        model = observed.facts.get("loaded") == "keras_model"
        outputs = read_outputs(Path(observed.folder), ordered=model)
        if outputs is None:
            why = "its outputs cannot be read: they are no plain arrays, or too large"
            return replace(told, result=Result.NOT_CALLED, why=why)
        return replace(told, outputs=outputs)
    # Keras wraps what a layer raised: the innermost says why.
    said = find_innermost(observed.message, observed.traceback)
    if observed.exception:
        said = f"{observed.exception.rpartition('.')[2]}: {said}"
    why = " ".join(said.split())[:LONGEST]
    if observed.status == "raised":
        return replace(told, result=STAGES.get(observed.stage, Result.LOAD_ERROR), why=why)
    known = {str(each) for each in Result}
    result = Result(observed.status) if observed.status in known else Result.HARNESS_ERROR
    return replace(told, result=result, why=why)


def given_inputs(arrays: tuple[Any, ...]) -> Inputs:
    """Return the user's own inputs, whose names nobody knows."""
    names = tuple(f"x{index}" for index in range(len(arrays)))
    return Inputs(names=names, arrays=tuple(map(np.asarray, arrays)), source="your own data")
