"""The real probe in front of a Keras of numpy alone: its command line, files and processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from runner import contract
from runner.contract import Job
from runner.domain import (
    Aspect,
    Backend,
    Cell,
    Environment,
    Family,
    Format,
    Isolation,
    ProvisionedEnvironment,
    Remedy,
    Save,
    Scenario,
)
from runner.domain.hops import Hop
from runner.domain.request import Limits

REPOSITORY = Path(__file__).resolve().parents[2]
FAKE = REPOSITORY / "tests" / "data" / "fake_framework"
ASPECTS = frozenset(
    {Aspect.STRUCTURE, Aspect.OUTPUTS, Aspect.WEIGHTS, Aspect.LOSSES, Aspect.TRAINABLE}
)
ENVIRONMENT = Environment(
    id="fake",
    family=Family.KERAS3,
    backend=Backend.TENSORFLOW,
    python="3.11",
    requirements=(),
    released=date(2026, 1, 1),
    formats=frozenset({Format.H5}),
    order=0,
)
PROVISIONED = ProvisionedEnvironment(
    environment=ENVIRONMENT,
    executable=sys.executable,
    lock_digest="0" * 64,
    python_version="3.11",
    resolved={},
    import_s=0.1,
    fork=True,
)
NONE = Remedy(
    id="none",
    title="The bare load",
    code="",
    formats=frozenset(Format),
    environments=("*",),
    cost=0,
)
ALONE = Remedy(
    id="custom_objects",
    title="Alone",
    code="",
    formats=frozenset(Format),
    environments=("*",),
    cost=1,
    isolation=Isolation.ALONE,
)


def scenario(harm: str, **changes: Any) -> Scenario:
    fields: dict[str, Any] = {
        "id": f"fake.{harm}" if harm else "fake",
        "module": "fake",
        "variant": harm,
        "group": "control",
        "title": "",
        "summary": "",
        "formats": (Format.H5,),
        "aspects": ASPECTS,
        "remedies": (),
        "timeout_s": 1.0,
    }
    return Scenario(**{**fields, **changes})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe left: its exit code, its records, and what it printed."""

    code: int
    records: list[dict[str, Any]]
    printed: str

    def observation(self, harm: str) -> dict[str, Any]:
        """Return the one observation of the jobs of a harm."""
        found = [each for each in self.observations if each["id"].startswith(f"fake.{harm}/")]
        assert len(found) == 1, self
        return found[0]

    @property
    def observations(self) -> list[dict[str, Any]]:
        return [each for each in self.records if each["type"] == "observation"]


class Bench:
    """A folder with the probe's code, the fake framework and artifacts."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "repository"
        (self.root / "runner").mkdir(parents=True)
        (self.root / "scenarios").mkdir()
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copy(REPOSITORY / "runner" / "__init__.py", self.root / "runner")
        shutil.copytree(
            REPOSITORY / "runner" / "probe", self.root / "runner" / "probe", ignore=skip
        )
        for name in ("__init__.py", "framework.py"):
            shutil.copy(REPOSITORY / "scenarios" / name, self.root / "scenarios")
        shutil.copy(FAKE / "fake.py", self.root / "scenarios")
        shutil.copy(FAKE / "keras.py", self.root)
        self.artifacts = folder / "artifacts"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._runs = 0

    def artifact(self, harm: str) -> Path:
        return self.artifacts / (harm or "good")

    def save(self, harm: str, **changes: Any) -> Job:
        chosen = scenario(harm, **changes)
        save = Save(scenario=chosen.id, format=Format.H5, writer="fake")
        return contract.save_job(save, chosen, self.artifact(harm), "inputs")

    def load(self, harm: str, number: int = 0, remedy: Remedy = NONE, **changes: Any) -> Job:
        """Return a load; `number` tells several of one harm apart."""
        chosen = scenario(harm, **changes)
        cell = Cell(
            scenario=chosen.id, format=Format.H5, writer="fake", reader="fake", remedy=remedy.id
        )
        return contract.load_job(
            cell,
            chosen,
            remedy,
            self.artifact(harm),
            None,
            "inputs",
            aspects=chosen.aspects,
            job_id=f"{cell.id}#{number}" if number else "",
        )

    def make(self, harm: str, remedy: Remedy = NONE) -> Job:
        """Return a hop: it loads the artifact of a harm and saves it again beside it."""
        chosen = scenario(harm)
        chain = (Hop(environment="fake", remedy=remedy.id, format=Format.H5),)
        return contract.make_job(
            Save(scenario=chosen.id, format=Format.H5, writer="fake"),
            chain,
            chosen,
            remedy,
            self.artifact(harm),
            self.artifacts / "made" / (harm or "good"),
            "inputs",
            format_=Format.H5,
            made_from="ab" * 32,
        )

    def batch(
        self, jobs: Sequence[Job], method: str = "fork", limits: Limits | None = None
    ) -> dict[str, Any]:
        return contract.batch(ENVIRONMENT, jobs, limits or Limits(memory_mb=400), method)

    def run(
        self,
        jobs: Sequence[Job],
        method: str = "fork",
        limits: Limits | None = None,
        *,
        unlink: bool = False,
        **changes: Any,
    ) -> Answer:
        """Run the probe's command line on a batch to its end."""
        return self.run_batch({**self.batch(jobs, method, limits), **changes}, unlink=unlink)

    def run_batch(self, content: dict[str, Any], *, unlink: bool = False) -> Answer:
        self._runs += 1
        batch = self.temporary / f"batch{self._runs}.json"
        out = self.temporary / f"observations{self._runs}.jsonl"
        batch.write_text(json.dumps(content), encoding="utf-8")
        command = [sys.executable, "-s", "-m", "runner.probe"]
        command += ["--batch", str(batch), "--out", str(out), *(["--unlink"] if unlink else [])]
        # Opened before: with `unlink` no path leads to it afterwards.
        written = out.open("a+", encoding="utf-8")
        ended = subprocess.run(
            command,
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        with written:
            written.seek(0)
            lines = written.read().splitlines()
        return Answer(ended.returncode, [json.loads(line) for line in lines], ended.stdout)

    def save_all(self, *harms: str) -> None:
        """Write the artifacts that loads of these harms read."""
        answer = self.run([self.save(harm) for harm in harms])
        assert [each["status"] for each in answer.observations] == ["done"] * len(harms), answer
