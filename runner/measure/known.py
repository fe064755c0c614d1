"""What the store holds for the present inputs -> `Artifact` and `Known`, frozen.

Input: the declarations, the environments that could be built, the store, and a plan's saves
and cells. Output: for a save its artifact, for a cell its observation or why there is none.
Nothing is classified here and nothing is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from runner import contract
from runner.domain import (
    BARE,
    TAMPERED,
    Absence,
    Artifact,
    Aspect,
    Catalog,
    Cell,
    Environment,
    Format,
    Known,
    Observation,
    ProvisionedEnvironment,
    Save,
    reads,
    save_of,
    writes,
)
from runner.executors.batches import harness_error
from runner.measure.digests import InputDigests
from runner.store import Store

Artifacts = Mapping[Save, Artifact | None]
"""What is known of saves; None for one that must run."""
Errors = Mapping[str, Observation]
"""The harness errors of this run, by job id: they are shown but never kept."""


class _Declared(NamedTuple):
    """What the declarations say of a cell."""

    asked: frozenset[Aspect]
    written: bool
    """Whether the writer has the format at all."""
    sibling: Format | None


class LookUp:
    """Finds what is recorded, for one set of declarations and built environments."""

    def __init__(
        self,
        *,
        digests: InputDigests,
        store: Store,
        catalog: Catalog,
        environments: Mapping[str, Environment],
        available: Mapping[str, ProvisionedEnvironment],
        unavailable: Mapping[str, str],
    ) -> None:
        """Take environments by id: all that are declared, those built, and why others are not."""
        self._digests = digests
        self._store = store
        self._catalog = catalog
        self._environments = environments
        self._available = available
        self._unavailable = unavailable
        self._declared: dict[tuple[str, Format, str, str], _Declared] = {}

    def artifact(self, save: Save) -> Artifact | None:
        """Return what is known of a save with its present inputs; None if it must run."""
        if save.writer not in self._available:
            return None
        inputs = self._digests.of_save(save)
        observation = self._recorded("save", save.id, inputs)
        if observation is None:
            return None
        place = (save.writer, save.scenario, save.format, inputs)
        done = observation.status == "done"
        manifest = self._store.manifest(*place, observation.facts) if done else None
        if done and manifest is None:
            return None
        return Artifact(
            inputs=inputs,
            folder=self._store.artifact_dir(*place),
            observation=observation,
            sha256=manifest.sha256 if manifest else "",
            written=manifest.written if manifest else "nothing",
        )

    def save_job(self, save: Save) -> contract.Job | None:
        """Return the job of a save; None where its writer could not be built."""
        if save.writer not in self._available:
            return None
        inputs = self._digests.of_save(save)
        folder = self._store.artifact_dir(save.writer, save.scenario, save.format, inputs)
        return contract.save_job(save, self._catalog.scenarios[save.scenario], folder, inputs)

    def cell(self, cell: Cell, artifacts: Artifacts, errors: Errors) -> Known:
        """Return what is known of a cell; `artifacts` has those that it reads."""
        return self._known(cell, artifacts, errors, ())

    def tampered(self, cell: Cell, artifacts: Artifacts, errors: Errors) -> Known:
        """Return what is known of the control that loads a cell against a falsified oracle."""
        return self._known(cell, artifacts, errors, TAMPERED)

    def load_job(self, known: Known) -> contract.Job:
        """Return the job of a cell that is `loadable`.

        Raises:
            ValueError: it is not.
        """
        if known.artifact is None or not known.loadable:
            raise ValueError(f"{known.cell.id} cannot be loaded: {known.absence}")
        return contract.load_job(
            known.cell,
            self._catalog.scenarios[known.cell.scenario],
            self._catalog.remedies[known.cell.remedy],
            known.artifact.folder,
            known.sibling.folder if known.sibling else None,
            known.inputs,
            aspects=known.asked,
            tampered=known.tampered,
            job_id=known.job_id,
        )

    def _known(
        self, cell: Cell, artifacts: Artifacts, errors: Errors, tampered: tuple[Aspect, ...]
    ) -> Known:
        declared = self._declared_of(cell)
        known = Known(cell=cell, asked=declared.asked, reads=self._is_read(cell), tampered=tampered)
        for name in (cell.writer, cell.reader):
            if name in self._unavailable:
                reason = f"{name}: {self._unavailable[name]}"
                return replace(known, absence=Absence.ENVIRONMENT, reason=reason)
        save = save_of(cell)
        artifact = artifacts[save]
        if artifact is None:
            return _unsaved(known, errors.get(save.id) or self._damage(save))
        known = replace(known, artifact=artifact)
        if not declared.written:
            return replace(known, absence=Absence.UNDECLARED)
        if not artifact.sha256:
            return replace(known, absence=Absence.WRITER_FAILED)
        if declared.sibling is None:
            return self._with_observation(known, artifact, None, errors)
        return self._with_sibling(known, artifact, declared.sibling, artifacts, errors)

    def _with_sibling(
        self,
        known: Known,
        artifact: Artifact,
        format_: Format,
        artifacts: Artifacts,
        errors: Errors,
    ) -> Known:
        """Return what is known of a cell whose remedy reads another format as well."""
        cell = known.cell
        save = Save(scenario=cell.scenario, format=format_, writer=cell.writer)
        sibling = artifacts[save]
        if sibling is None:
            return _unsaved(known, errors.get(save.id) or self._damage(save))
        if not sibling.sha256:
            return replace(known, absence=Absence.SIBLING_MISSING)
        return self._with_observation(known, artifact, sibling, errors)

    def _with_observation(
        self, known: Known, artifact: Artifact, sibling: Artifact | None, errors: Errors
    ) -> Known:
        """Return what is known of a cell whose files are there."""
        inputs = self._digests.of_load(
            known.cell,
            aspects=known.asked,
            artifact=artifact.sha256,
            sibling=sibling.sha256 if sibling else "",
        )
        seen = self._recorded("load", known.job_id, inputs)
        error = errors.get(known.job_id) if seen is None else None
        absence = Absence.NOT_MEASURED if error is None else Absence.HARNESS
        return replace(
            known,
            sibling=sibling,
            inputs=inputs,
            observation=seen,
            absence=None if seen is not None else absence,
            error=error,
        )

    def _damage(self, save: Save) -> Observation | None:
        """Return the harness error of an artifact that is there and damaged, or None."""
        place = (save.writer, save.scenario, save.format, self._digests.of_save(save))
        reason = self._store.artifacts.found_damaged(self._store.artifact_dir(*place))
        return harness_error(f"the artifact of {save.id} is damaged: {reason}") if reason else None

    def _recorded(self, kind: str, job_id: str, inputs: str) -> Observation | None:
        """Return the newest observation of a job; None if it must run (again).

        Our own failures are never kept: the next run tries again.
        """
        record = self._store.journal.latest(kind).get((job_id, inputs))
        if record is None:
            return None
        data: object = record.observation
        # What is no table at all reads as an empty one, which the judge refuses.
        seen = Observation(data=data if isinstance(data, Mapping) else {})
        return None if seen.status == "harness_error" else seen

    def _declared_of(self, cell: Cell) -> _Declared:
        """Return what the declarations say; worked out once for cells that share it."""
        key = (cell.scenario, cell.format, cell.writer, cell.remedy)
        found = self._declared.get(key)
        if found is None:
            scenario = self._catalog.scenarios[cell.scenario]
            remedy = self._catalog.remedies[cell.remedy]
            found = _Declared(
                asked=contract.asked_aspects(scenario, remedy, self._catalog.carries[cell.format]),
                written=writes(self._environments[cell.writer], scenario, cell.format),
                sibling=remedy.sibling,
            )
            self._declared[key] = found
        return found

    def _is_read(self, cell: Cell) -> bool:
        # A remedy exists to read what a bare load does not: its failures are its own.
        return cell.remedy != BARE or reads(self._environments[cell.reader], cell.format)


def _unsaved(known: Known, error: Observation | None) -> Known:
    if error is None:
        return replace(known, absence=Absence.NOT_SAVED)
    return replace(known, absence=Absence.HARNESS, error=error)
