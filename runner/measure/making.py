"""The copies of artifacts whose configuration is edited for a reader, made by the host (stage 5).

Input: cells of the remedy that loads such a copy, and the artifacts they read. Output: for each
cell a `Made`, recorded in the store: a copy is made once for all readers that need the same rules,
and once for all runs. No framework runs, and the files are opened by a confined process alone
(`runner/rewrite`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from runner.declare.rewrites import load_rewrites
from runner.domain import (
    FORMAT_FACTS,
    Artifact,
    Cell,
    Format,
    Kind,
    Made,
    Observation,
    save_of,
)
from runner.domain.errors import NotReadable
from runner.domain.rewriting import RewriteRule
from runner.domain.selector import matches_environment
from runner.executors.batches import harness_error
from runner.measure.digests import DEPENDS_LENGTH, code_digest, short_digest
from runner.measure.known import Artifacts
from runner.rewrite import Order, rewrite_all
from runner.store import Place, Store

ARCHITECTURE = "architecture.json"
"""The file of `json_weights` that holds the configuration."""
AT_ONCE = 200
"""Copies that one process makes."""
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Task:
    """A copy: of which artifact, for which reader, and what it is filed under."""

    cell: Cell
    artifact: Artifact
    key: Key

    @property
    def place(self) -> Place:
        return Place(self.cell.writer, self.cell.scenario, self.cell.format, self.key[1])

    @property
    def edited(self) -> str:
        """The name of the file in the payload that holds the configuration."""
        if self.cell.format is Format.JSON_WEIGHTS:
            return ARCHITECTURE
        return FORMAT_FACTS[self.cell.format].payload


class Rewrites:
    """The edited copies in a store, for one set of rules."""

    def __init__(self, store: Store, root: Path, scratch: Path) -> None:
        """Take the repository's root and a folder for copies at work, which may not exist yet."""
        self._store = store
        self._rules_file = root / "scenarios" / "rewrites.toml"
        self._root = root
        self._scratch = scratch
        self._digests: dict[str, str] = {}

    def look_up(self, cells: Iterable[Cell], artifacts: Artifacts) -> dict[Cell, Made]:
        """Return what is recorded of the copies that cells load; the others are not made yet."""
        tasks = list(self._tasks(cells, artifacts))
        recorded = {
            key: Observation(data=record.observation)
            for key, record in self._store.journal.find(Kind.MAKE, {each.key for each in tasks})
        }
        found = {}
        for task in tasks:
            seen = recorded.get(task.key)
            made = self._found(task, seen) if seen else None
            if made is not None:
                found[task.cell] = made
        return found

    def make(self, cells: Sequence[Cell], artifacts: Artifacts, run: str) -> dict[Cell, Made]:
        """Make the copies that are not there yet, and return those of all these cells.

        `run` is the moment at which the run began. What cannot be edited is our own fault, and
        tried again by the next run.
        """
        found = self.look_up(cells, artifacts)
        missing = [cell for cell in cells if cell not in found]
        tasks = {task.key: task for task in self._tasks(missing, artifacts)}
        failed: dict[Key, Observation] = {}
        for some in _in_parts(list(tasks.values()), AT_ONCE):
            failed |= self._make_some(some, run)
        if not tasks:
            return found
        self._store.journal.sync()
        found |= self.look_up(missing, artifacts)
        for task in self._tasks(missing, artifacts):
            if task.key in failed:
                found[task.cell] = Made(error=failed[task.key])
        return found

    def _tasks(self, cells: Iterable[Cell], artifacts: Artifacts) -> Iterator[_Task]:
        for cell in cells:
            artifact = artifacts.get(save_of(cell))
            if artifact is not None and artifact.sha256:
                inputs = short_digest([Kind.MAKE, artifact.sha256, self.digest_for(cell.reader)])
                yield _Task(cell, artifact, (f"{save_of(cell).id}/{cell.remedy}", inputs))

    def _found(self, task: _Task, seen: Observation) -> Made | None:
        """Return what a record says; None if the copy is no longer there as it was made."""
        steps = tuple(seen.facts.get("steps") or ())
        if not seen.facts.get("sha256"):
            return Made(steps=steps)
        made_with = self.digest_for(task.cell.reader)[:DEPENDS_LENGTH]
        manifest = self._store.artifacts.find(task.place, seen.facts)
        if manifest is None:
            return None
        return Made(
            steps=steps,
            made_with=made_with,
            artifact=Artifact(
                inputs=task.key[1],
                folder=self._store.artifacts.folder(task.place),
                observation=seen,
                sha256=manifest.sha256,
                written=manifest.written,
            ),
        )

    def _make_some(self, tasks: Sequence[_Task], run: str) -> dict[Key, Observation]:
        """Make some copies; return the errors of those that could not be made."""
        failed = {}
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="rewrite-", dir=self._scratch) as name:
            payloads = [Path(name) / str(number) for number in range(len(tasks))]
            orders = [_prepare(*each) for each in zip(tasks, payloads, strict=True)]
            answers = rewrite_all(orders, rules=self._rules_file)
            for task, payload, answer in zip(tasks, payloads, answers, strict=True):
                if isinstance(answer, NotReadable):
                    failed[task.key] = harness_error(
                        f"the file of {save_of(task.cell).id} cannot be edited: {answer.message}"
                    )
                else:
                    self._keep(task, payload, answer.rules, run)
        return failed

    def _keep(self, task: _Task, payload: Path, rules: Sequence[str], run: str) -> None:
        """Put a copy in place and record it, or that no rule changes the file."""
        facts: dict[str, Any] = {"steps": list(rules)}
        if rules:
            written, original = task.artifact.written, task.artifact.folder
            manifest = self._store.artifacts.add(
                task.place, payload, written=written, original=original, steps=rules
            )
            facts |= {"written": written, "damage": "", "sha256": manifest.sha256}
        self._store.journal.append(
            {
                "kind": Kind.MAKE,
                "id": task.key[0],
                "inputs": task.key[1],
                "observation": {"status": "done", "stage": "", "facts": facts},
                "run": run,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )

    @cached_property
    def _rules(self) -> tuple[RewriteRule, ...]:
        return load_rewrites(self._rules_file)

    @cached_property
    def _engine(self) -> str:
        return code_digest(
            [
                *sorted((self._root / "runner" / "rewrite").glob("*.py")),
                self._root / "runner" / "domain" / "rewriting.py",
            ]
        )

    def digest_for(self, reader: str) -> str:
        """Return the digest of the rules for a reader, and of the code that applies them."""
        found = self._digests.get(reader)
        if found is None:
            rules = [each for each in self._rules if matches_environment(reader, each.readers)]
            # The readers beside it need not be named: the file is the same for all of them.
            told = [msgspec.structs.replace(each, readers=("*",), reason="-") for each in rules]
            found = short_digest([self._engine, msgspec.to_builtins(told)])
            self._digests[reader] = found
        return found


def _prepare(task: _Task, payload: Path) -> Order:
    """Copy all files of a payload but the one that is edited; return the order for that."""
    source = task.artifact.folder / "payload"
    shutil.copytree(source, payload, ignore=shutil.ignore_patterns(task.edited))
    return Order(
        path=str(source / task.edited), copy=str(payload / task.edited), reader=task.cell.reader
    )


def _in_parts(tasks: Sequence[_Task], size: int) -> Iterator[Sequence[_Task]]:
    for start in range(0, len(tasks), size):
        yield tasks[start : start + size]


def only_needed(cells: Iterable[Cell], made: Mapping[Cell, Made]) -> list[Cell]:
    """Return the cells without those whose file would be as it is: they are no other way."""
    return [cell for cell in cells if cell not in made or not made[cell].needless]
