"""What is known of every save and every cell, and what must still be run.

Between the stages and the store: given the declarations and the environments that
could be built, it works out the digest of everything a job depends on, finds the
recorded observation for exactly these inputs, and otherwise makes the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from runner import contract
from runner.contract import Job
from runner.domain import (
    BARE,
    FORMAT_FACTS,
    Aspect,
    Catalog,
    Cell,
    CellResult,
    Environment,
    Format,
    Observation,
    Outcome,
    ProvisionedEnvironment,
    Remedy,
    Save,
    Scenario,
)
from runner.domain.known import TAMPERED, Artifact
from runner.judge.outcome import Classified, classify_load, classify_save
from runner.measure import digests
from runner.plan.cells import writes
from runner.store import Record, Store


class _Read(NamedTuple):
    """What a cell reads, and the digest of everything its result depends on."""

    artifact: Artifact
    sibling: Artifact | None
    inputs: str


class Ledger:
    """Answers for one set of declarations and built environments."""

    def __init__(
        self,
        *,
        root: Path,
        store: Store,
        catalog: Catalog,
        environments: Mapping[str, Environment],
        provisioned: Mapping[str, ProvisionedEnvironment],
        unavailable: Mapping[str, str],
    ) -> None:
        self._root = root
        self._store = store
        self._catalog = catalog
        self._environments = environments
        self._provisioned = provisioned
        self._unavailable = unavailable
        self._probe_sha = digests.probe_digest(root)
        self._scenario_shas: dict[str, str] = {}
        self._environment_shas = {
            name: digests.environment_digest(built) for name, built in provisioned.items()
        }
        # What is worked out once and asked for several times in a run. A read belongs to
        # the very artifacts it was worked out from, a result to the very record.
        self._save_digests: dict[Save, str] = {}
        self._artifacts: dict[Save, Artifact] = {}
        self._reads: dict[Cell, _Read] = {}
        self._results: dict[Cell, tuple[_Read, Record, CellResult]] = {}
        self._aspects: dict[tuple[str, str, Format], frozenset[Aspect]] = {}

    # --- saves -------------------------------------------------------------------------

    def artifact(self, save: Save) -> Artifact | None:
        """Return what is known of a save with its present inputs; None if it must run."""
        found = self._artifacts.get(save)
        if found is None:
            found = self._recorded_artifact(save)
            if found is not None:
                self._artifacts[save] = found
        return found

    def _recorded_artifact(self, save: Save) -> Artifact | None:
        if save.writer not in self._provisioned:
            return None
        digest = self._save_inputs(save)
        record = self._store.journal.latest("save").get((save.id, digest))
        if record is None:
            return None
        observation = Observation(data=record.observation)
        if observation.status == "harness_error":
            return None
        folder = self._store.artifact_dir(save.writer, save.scenario, save.format, digest)
        manifest = self._store.manifest(save.writer, save.scenario, save.format, digest)
        if observation.status == "done" and manifest is None:
            return None
        return Artifact(
            inputs=digest,
            folder=folder,
            observation=observation,
            sha256=manifest.sha256 if manifest and observation.status == "done" else "",
            written=manifest.written if manifest and observation.status == "done" else "nothing",
        )

    def save_job(self, save: Save) -> Job | None:
        """Return the job of a save; None where its writer could not be built."""
        if save.writer not in self._provisioned:
            return None
        digest = self._save_inputs(save)
        folder = self._store.artifact_dir(save.writer, save.scenario, save.format, digest)
        return contract.save_job(save, self._scenario(save.scenario), folder, digest)

    def forget(self, save: Save) -> None:
        """Drop what is remembered of a save, because it is being written again."""
        self._artifacts.pop(save, None)

    def _save_inputs(self, save: Save) -> str:
        found = self._save_digests.get(save)
        if found is None:
            found = digests.save_inputs(
                self._environment_shas[save.writer],
                save.format,
                scenario_sha=self._scenario_sha(save.scenario),
                probe_sha=self._probe_sha,
            )
            self._save_digests[save] = found
        return found

    # --- loads -------------------------------------------------------------------------

    def load_job(self, cell: Cell) -> Job | None:
        """Return the job of a cell; None where nothing can be loaded."""
        read = self._read(cell)
        if read is None:
            return None
        return contract.load_job(
            cell,
            self._scenario(cell.scenario),
            self._remedy(cell),
            read.artifact.folder,
            read.sibling.folder if read.sibling else None,
            read.inputs,
            aspects=self._asked(cell),
        )

    def tampered_job(self, cell: Cell) -> Job | None:
        """Return the control job that loads a cell against a falsified oracle."""
        artifact = self.artifact(save_of(cell))
        if cell.reader not in self._provisioned or artifact is None or not artifact.sha256:
            return None
        return contract.load_job(
            cell,
            self._scenario(cell.scenario),
            self._remedy(cell),
            artifact.folder,
            None,
            self._load_inputs(cell, artifact, None),
            aspects=self._asked(cell),
            tampered=TAMPERED,
            job_id=f"tampered:{cell.id}",
        )

    def _read(self, cell: Cell) -> _Read | None:
        """Return what a cell reads; None where nothing can be loaded."""
        artifact = self.artifact(save_of(cell))
        if artifact is None or not artifact.sha256 or cell.reader not in self._provisioned:
            return None
        sibling = self._sibling(cell)
        found = self._reads.get(cell)
        if found is not None and found.artifact is artifact and found.sibling is sibling:
            return found
        if self._unwritable(cell):
            return None
        if self._remedy(cell).sibling is not None and (sibling is None or not sibling.sha256):
            return None
        found = _Read(artifact, sibling, self._load_inputs(cell, artifact, sibling))
        self._reads[cell] = found
        return found

    def _sibling(self, cell: Cell) -> Artifact | None:
        sibling = self._remedy(cell).sibling
        if sibling is None:
            return None
        return self.artifact(Save(scenario=cell.scenario, format=sibling, writer=cell.writer))

    def _load_inputs(self, cell: Cell, artifact: Artifact, sibling: Artifact | None) -> str:
        return digests.load_inputs(
            self._environment_shas[cell.reader],
            cell.format,
            cell.remedy,
            aspects=self._asked(cell),
            artifact_sha256=artifact.sha256,
            sibling_sha256=sibling.sha256 if sibling else "",
            scenario_sha=self._scenario_sha(cell.scenario),
            probe_sha=self._probe_sha,
        )

    def is_measured(self, cell: Cell) -> bool:
        """Return whether a cell that can be loaded has a recorded observation to report."""
        read = self._read(cell)
        return read is not None and self._recorded(cell, read) is not None

    def observation(self, job: Job) -> Observation | None:
        """Return the recorded observation of a job; None if it must run (again).

        Our own failures are never kept: the next run tries again.
        """
        record = self._store.journal.latest(job.kind).get((job.id, job.inputs))
        if record is None:
            return None
        found = Observation(data=record.observation)
        return None if found.status == "harness_error" else found

    def known(self, job: Job) -> bool:
        """Return whether a job is recorded, without reading what."""
        return (job.id, job.inputs) in self._store.journal.latest(job.kind)

    # --- results -----------------------------------------------------------------------

    def result(self, cell: Cell, fresh_errors: Mapping[str, Observation]) -> CellResult:
        """Return a cell's result from what is known now.

        `fresh_errors` are the harness errors of this run, by job id: they are shown but
        not kept.
        """
        for name in dict.fromkeys((cell.writer, cell.reader)):
            if name in self._unavailable:
                return CellResult(
                    cell=cell,
                    outcome=Outcome.ENVIRONMENT_UNAVAILABLE,
                    reason=f"{name}: {self._unavailable[name]}",
                )
        artifact = self.artifact(save_of(cell))
        if artifact is None:
            return _missing(cell, fresh_errors.get(save_of(cell).id))
        failed = classify_save(artifact.observation)
        if self._unwritable(cell):
            return self._unsupported_writer(cell, artifact)
        if failed is not None:
            return _result(cell, failed, artifact.observation, "")
        read = self._read(cell)
        if read is None:
            return CellResult(
                cell=cell,
                outcome=Outcome.SAVE_ERROR,
                reason="the writer could not write the other format",
                artifact_sha256=artifact.sha256,
            )
        recorded = self._recorded(cell, read)
        return recorded or _missing(cell, fresh_errors.get(cell.id), artifact.sha256)

    def _recorded(self, cell: Cell, read: _Read) -> CellResult | None:
        """Return the result of the newest record of a cell; None if it must run (again)."""
        record = self._store.journal.latest("load").get((cell.id, read.inputs))
        if record is None:
            return None
        known = self._results.get(cell)
        if known is not None and known[0] is read and known[1] is record:
            return known[2]
        observation = Observation(data=record.observation)
        if observation.status == "harness_error":
            return None
        artifact = read.artifact
        classified = self.classify(cell, observation, artifact)
        found = _result(cell, classified, observation, artifact.sha256)
        self._results[cell] = (read, record, found)
        return found

    def classify(self, cell: Cell, observation: Observation, artifact: Artifact) -> Classified:
        """Return the outcome of a cell for an observation of it, recorded or new."""
        reader = self._environments[cell.reader]
        damage = str(artifact.observation.data.get("facts", {}).get("damage", ""))
        # A remedy exists to read what a bare load does not: its failures are its own.
        supported = cell.remedy != BARE or contract.supports(reader, cell.format)
        return classify_load(observation, supported=supported, damage=damage)

    def _unwritable(self, cell: Cell) -> bool:
        return not writes(
            self._environments[cell.writer], self._scenario(cell.scenario), cell.format
        )

    def _unsupported_writer(self, cell: Cell, artifact: Artifact) -> CellResult:
        if artifact.written == FORMAT_FACTS[cell.format].written:
            reason = "declared unsupported, yet the writer wrote it: the declaration is wrong"
        elif artifact.observation.status == "done":
            reason = f"the writer wrote {artifact.written} under this format's name"
        else:
            reason = "the writer does not have this format"
        return CellResult(
            cell=cell,
            outcome=Outcome.UNSUPPORTED,
            reason=reason,
            observation=artifact.observation,
        )

    # --- look-ups ----------------------------------------------------------------------

    def _asked(self, cell: Cell) -> frozenset[Aspect]:
        key = cell.scenario, cell.remedy, cell.format
        found = self._aspects.get(key)
        if found is None:
            carried = self._catalog.carries[cell.format]
            found = contract.asked_aspects(
                self._scenario(cell.scenario), self._remedy(cell), carried
            )
            self._aspects[key] = found
        return found

    def _scenario(self, name: str) -> Scenario:
        return self._catalog.scenarios[name]

    def _remedy(self, cell: Cell) -> Remedy:
        return self._catalog.remedies[cell.remedy]

    def _scenario_sha(self, name: str) -> str:
        if name not in self._scenario_shas:
            self._scenario_shas[name] = digests.scenario_digest(self._scenario(name), self._root)
        return self._scenario_shas[name]


def save_of(cell: Cell) -> Save:
    """Return the save whose artifact a cell reads."""
    return Save(scenario=cell.scenario, format=cell.format, writer=cell.writer)


def _missing(cell: Cell, error: Observation | None, artifact_sha256: str = "") -> CellResult:
    if error is not None:
        return CellResult(
            cell=cell,
            outcome=Outcome.HARNESS_ERROR,
            reason=error.message,
            observation=error,
            artifact_sha256=artifact_sha256,
        )
    return CellResult(
        cell=cell,
        outcome=Outcome.NOT_RUN,
        reason="not measured yet",
        artifact_sha256=artifact_sha256,
    )


def _result(
    cell: Cell, classified: Classified, observation: Observation, artifact_sha256: str
) -> CellResult:
    return CellResult(
        cell=cell,
        outcome=classified.outcome,
        aspects=classified.aspects,
        reason=classified.reason,
        observation=observation,
        artifact_sha256=artifact_sha256,
    )
