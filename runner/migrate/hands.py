"""The hands of a search: attempts carried out in a sandbox, one environment's probe at a time.

Input: a sandbox, environments, the order. Output: `Result`s. Each finished attempt is filed
(files.py), so that an interrupted migration goes on where it was. A probe stays open for the next
attempt in its environment, since starting one costs more than an attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from runner.domain import Environment, Format, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.sandbox import Exchange, Sandbox
from runner.inspect import Description
from runner.migrate.chain import OPERATIONS, PARTS, Way, formats_between, gives_parts, ways_of
from runner.migrate.files import Attempts, key_of
from runner.migrate.order import ConvertOrder, Order, encode
from runner.migrate.reading import read_compared, read_outcome, read_saved
from runner.migrate.search import NOT_SAVED, SAME, Result, Saved
from runner.userfile.digest import digest_of
from runner.userfile.inputs import (
    Inputs,
    candidate_inputs,
    described_inputs,
    guessed_candidates,
    reported_inputs,
)
from runner.userfile.orders import LoadOrder
from runner.userfile.workbench import Observed, Workbench, open_workbench

ASPECTS = ("structure", "outputs", "weights", "losses", "trainable", "optimizer")
TIMEOUT_S = 600.0
MOST_OPEN = 3
"""Probes that are open at once."""
NAMES = {"h5": "model.h5", "keras": "model.keras", "saved_model": "model"}
"""Kind of a file -> the name it is loaded under: versions of Keras go by it."""


@dataclass(kw_only=True, slots=True)
class SandboxHands:
    """Attempts in a sandbox."""

    order: Order
    description: Description
    environments: Mapping[str, Environment]
    sandbox: Sandbox
    exchange: Exchange
    folder: Path
    attempts: Attempts
    code: str
    """Digest of the code that runs in the environments."""
    say: Callable[[str], None]
    _open: dict[str, tuple[AbstractContextManager[Workbench], Workbench]] = field(
        default_factory=dict
    )
    _built: dict[str, ProvisionedEnvironment | ProvisionError] = field(default_factory=dict)
    _paths: dict[str, Path] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)
    _inputs: Inputs | None = None
    _reference: str = ""
    _custom: str = ""

    # What a search asks

    def ways(self, kind: str, environment: str) -> tuple[Way, ...]:
        """Return the ways of loading such a file there."""
        return ways_of(kind, environment, self.order, self.description)

    def convert(self, file: Saved, environment: str, way: Way, *, final: bool) -> Result:
        """Load, compare with the reference, and save."""
        built = self.provision(environment)
        if isinstance(built, ProvisionError):
            return Result(
                environment=environment,
                way=None,
                reads=file,
                outcome="environment_unavailable",
                why=built.message,
            )
        save = self._formats(file, environment, final=final)
        if self._inputs is None:
            return self._first(file, environment, way, save, final=final)
        return self._convert(file, environment, way, save, final=final)

    def set_reference(self, result: Result) -> None:
        """Hold everything from now on against the model of this result."""
        folder = Path(str(result.detail["folder"]))
        place = f"reference/{key_of((result.environment, digest_of(folder / 'oracle.npz')[0]))}"
        if not (self.exchange.root / "files" / place).exists():
            for name in ("oracle.json", "oracle.npz"):
                self.exchange.add(folder / name, f"{place}/{name}")
        self._reference = place

    def confirm(self, result: Result) -> bool:
        """Load the reference's file again, alike; where it is another model, it is no reference."""
        assert result.way is not None  # noqa: S101 - it loaded
        again = self.load(result.reads, result.environment, result.way)
        if again.outcome == SAME:
            return True
        self._reference = ""
        return False

    def verify(self, file: Saved) -> Result:
        """Load the new file in the target by the bare load, and compare."""
        way = Way(
            id="custom_objects" if self.order.custom_objects else "none",
            of=(file.kind,),
            words="the new file, as it is",
        )
        return self.load(file, self.order.target, way)

    # Beside a search

    def load(self, file: Saved, environment: str, way: Way) -> Result:
        """Load and compare alone, nothing saved."""
        built = self.provision(environment)
        if isinstance(built, ProvisionError):
            return Result(
                environment=environment,
                way=None,
                reads=file,
                outcome="environment_unavailable",
                why=built.message,
            )
        told = self._told(file, way)
        observed = self._run(LoadOrder(id=f"verify/{file.name}", **told), environment, file)
        return self._result(observed, file, environment, way, saves=False)

    def add(self, file: Saved, path: Path) -> None:
        """Show a file to the sandboxes."""
        self._paths[file.name] = path
        self._digests[file.name] = digest_of(path)[0]
        self.exchange.add(path, self._inside(file))

    def path_of(self, file: Saved) -> Path:
        """Return where a file is on this machine."""
        return self._paths[file.name]

    def add_custom(self, module: Path) -> None:
        """Show the user's module to the sandboxes."""
        self._custom = self.exchange.add(module, "user/objects.py")
        self._digests["user"] = digest_of(module)[0]

    def provision(self, environment: str) -> ProvisionedEnvironment | ProvisionError:
        """Build an environment once."""
        if environment not in self._built:
            self._built[environment] = self.sandbox.provision(self.environments[environment])
        return self._built[environment]

    def versions(self, environment: str) -> dict[str, str]:
        """Return the packages of a built environment."""
        built = self._built.get(environment)
        if not isinstance(built, ProvisionedEnvironment):
            return {}
        return {"python": built.python_version, **dict(built.resolved)}

    def lock(self, environment: str) -> str:
        """Return the digest of a built environment's lock."""
        built = self._built.get(environment)
        return built.lock_digest if isinstance(built, ProvisionedEnvironment) else ""

    @property
    def inputs(self) -> Inputs | None:
        """The seeded inputs, once they are made."""
        return self._inputs

    def close(self) -> None:
        """End every probe."""
        for name in list(self._open):
            self._close(name)

    # Inputs: as the file has them, or else as the first model that was loaded has them

    def _first(
        self, file: Saved, environment: str, way: Way, save: tuple[str, ...], *, final: bool
    ) -> Result:
        """Find inputs that the model can be called with, while nobody has loaded it yet."""
        result: Result | None = None
        for inputs in self._candidates(file, environment, way):
            self._set_inputs(inputs)
            result = self._convert(file, environment, way, save, final=final)
            if result.outcome != "unusable":
                break
        if result is None or not result.loaded:
            self._inputs = None
        return result or self._load_alone(file, environment, way)

    def _candidates(self, file: Saved, environment: str, way: Way) -> Any:
        """Yield inputs to be tried."""
        described = described_inputs(self.description)
        source = "the file"
        if not described:
            told = self._told(file, way)
            observed = self._run(LoadOrder(id=f"inputs/{file.name}", **told), environment, file)
            described = reported_inputs(observed.report().get("inputs") or (), self.description)
            source = f"the model that {environment} loaded"
            if not described and observed.done:
                yield from guessed_candidates(self.description, self.order.free_size)
                return
        yield from candidate_inputs(described, source, self.order.free_size)

    def _load_alone(self, file: Saved, environment: str, way: Way) -> Result:
        told = self._told(file, way)
        observed = self._run(LoadOrder(id=f"inputs/{file.name}", **told), environment, file)
        result = self._result(observed, file, environment, way, saves=False)
        if result.outcome != SAME:
            return result
        return replace(
            result, outcome="unusable", why="it loads, and says no shape that it can be called with"
        )

    def _set_inputs(self, inputs: Inputs) -> None:
        self._inputs = inputs
        path = self.folder / "inputs.npz"
        self.folder.mkdir(parents=True, exist_ok=True)
        inputs.write(path)
        self._digests["inputs"] = digest_of(path)[0]
        name = self._inputs_name()
        if not (self.exchange.root / "files" / name).exists():
            self.exchange.add(path, name)

    def _inputs_name(self) -> str:
        return f"inputs/{self._digests['inputs'][:16]}.npz" if self._inputs else ""

    # One attempt

    def _convert(
        self, file: Saved, environment: str, way: Way, save: tuple[str, ...], *, final: bool
    ) -> Result:
        told = self._told(file, way)
        order = ConvertOrder(
            id=f"convert/{file.name}", **told, save=tuple(map(str, save)), native=final
        )
        observed = self._run(order, environment, file)
        if observed.status == "harness_error" and not observed.report():
            # An aspect that cannot be recorded of this model must not hide its outputs.
            plain = msgspec.structs.replace(order, aspects=("outputs",))
            observed = self._run(plain, environment, file)
        return self._result(observed, file, environment, way, saves=True)

    def _told(self, file: Saved, way: Way) -> dict[str, Any]:
        return {
            "file": self._inside(file),
            "format": file.kind if file.kind in NAMES else str(Format.KERAS),
            "way": way.id,
            "name": NAMES.get(file.kind, ""),
            "inputs": self._inputs_name(),
            "input_names": self._inputs.names if self._inputs else (),
            "aspects": ASPECTS,
            "against": self._reference,
            "custom_objects": self._custom,
            "allow_code": self.order.allow_code,
            "timeout_s": TIMEOUT_S,
        }

    def _run(self, order: LoadOrder, environment: str, file: Saved) -> Observed:
        key = key_of(
            (
                *(encode(order), environment, self.lock(environment), self.code),
                *(self._digests[file.name], self._digests.get("user", "")),
                *(self._digests.get("inputs", ""), self._reference),
            )
        )
        found = self.attempts.find(key)
        if found is not None:
            return found
        try:
            observed = self._bench(environment).run(order)
        except ProvisionError as error:
            return Observed(id=order.id, status="harness_error", message=error.message)
        if observed.status == "harness_error":
            # The probe may be gone.
            self._close(environment)
        return self.attempts.keep(key, observed)

    def _result(
        self, observed: Observed, file: Saved, environment: str, way: Way, *, saves: bool
    ) -> Result:
        report = observed.report()
        compared = read_compared(report)
        outcome, why = read_outcome(observed, compared)
        saved = read_saved(report, file, environment, way) if saves and outcome == SAME else ()
        for each in saved:
            if each.name not in self._paths:
                self.add(each, Path(observed.folder, "saved", _payload(report, each.kind)))
        if saves and outcome == SAME and not saved:
            outcome, why = NOT_SAVED, _save_errors(report)
        return Result(
            environment=environment,
            way=way,
            reads=file,
            outcome=outcome,
            why=why,
            saved=saved,
            compared=tuple(compared),
            changes=tuple(str(each) for each in report.get("changes") or ()),
            duration_s=observed.duration_s,
            detail={"folder": observed.folder, "compiled": report.get("compiled")},
        )

    def _formats(self, file: Saved, environment: str, *, final: bool) -> tuple[str, ...]:
        """Return what is saved, in the order in which the next reader gets it."""
        if final:
            assert self.order.format is not None  # noqa: S101 - asked before anything is done
            return (self.order.format,)
        here, target = self.environments[environment], self.environments[self.order.target]
        parts: tuple[str, ...] = ()
        if gives_parts(here, target):
            parts = (PARTS, OPERATIONS) if file.kind == Format.SAVED_MODEL else (PARTS,)
        return (*formats_between(here, target), *parts)

    def _inside(self, file: Saved) -> str:
        return f"given/{file.name}/{NAMES.get(file.kind, 'model')}"

    def _bench(self, environment: str) -> Workbench:
        if environment not in self._open:
            while len(self._open) >= MOST_OPEN:
                self._close(next(iter(self._open)))
            built = self._built[environment]
            if isinstance(built, ProvisionError):
                raise built
            self.say(f"{environment}: its framework is imported in the sandbox")
            context = open_workbench(
                self.sandbox, self.exchange, built, self.folder / "probes" / environment
            )
            self._open[environment] = (context, context.__enter__())
        return self._open[environment][1]

    def _close(self, environment: str) -> None:
        opened = self._open.pop(environment, None)
        if opened is not None:
            opened[0].__exit__(None, None, None)


def _payload(report: Mapping[str, Any], kind: str) -> str:
    saved = report["saved"][str(kind)]
    return str(saved["file"]).rpartition("/")[2]


def _save_errors(report: Mapping[str, Any]) -> str:
    said = [
        f"{name}: {each.get('error', '')}" for name, each in (report.get("saved") or {}).items()
    ]
    return "; ".join(said)[:600] or "it has no format that the target reads"
