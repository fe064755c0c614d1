"""The look-up of recorded results for the present inputs: `Artifact` and `Known`, frozen.

Input: the declarations, the environments that could be built, the store, and a plan's saves
and cells. Output: for a save its artifact, for a cell its observation or why there is none.
Nothing is classified here and nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from runner import contract
from runner.domain import (
    BARE,
    Absence,
    Artifact,
    Aspect,
    Catalog,
    Cell,
    Depends,
    Environment,
    Format,
    Known,
    Made,
    MadeBy,
    Observation,
    ProvisionedEnvironment,
    Save,
    reads,
    save_of,
    writes,
)
from runner.domain.frozen import Frozen
from runner.executors.batches import harness_error
from runner.measure.digests import InputDigests
from runner.store import Store
from runner.store.artifacts import Place
from runner.store.frozen import frozen_artifact

Artifacts = Mapping[Save, Artifact | None]
"""The artifacts of saves; None for one that must run."""
Key = tuple[str, str]
"""Id of a job and the digest of its inputs."""
Seen = tuple[Observation, str]
"""An observation, and when it was recorded."""
NOTHING_MADE: Mapping[Cell, Made] = MappingProxyType({})
Errors = Mapping[str, Observation]
"""The harness errors of this run, by job id: they are shown but never kept."""


class _Declared(NamedTuple):
    """The declarations of a cell."""

    asked: frozenset[Aspect]
    written: bool
    """Whether the writer has the format at all."""
    sibling: Format | None
    made: bool
    """Whether the remedy has the file made that it loads."""


class _Files(NamedTuple):
    """The files a cell reads; `absence` is `NOT_MEASURED` where they are all there."""

    absence: Absence
    artifact: Artifact | None = None
    sibling: Artifact | None = None
    made: Made | None = None
    reason: str = ""
    error: Observation | None = None

    @property
    def loaded(self) -> Artifact | None:
        """What is really loaded."""
        return self.made.artifact if self.made else self.artifact

    @property
    def beside(self) -> str:
        """The digest of what counts beside it: the sibling, or what it was made of."""
        other = self.artifact if self.made else self.sibling
        return other.sha256 if other else ""


class LookUp:
    """Finds the records for one set of declarations and built environments."""

    def __init__(
        self,
        *,
        digests: InputDigests,
        store: Store,
        catalog: Catalog,
        environments: Mapping[str, Environment],
        available: Mapping[str, ProvisionedEnvironment],
        unavailable: Mapping[str, str],
        frozen: Frozen | None = None,
    ) -> None:
        """Take environments by id: all that are declared, those built, and why others are not.

        `frozen` are the writers that were not built, as their artifacts are there.
        """
        self._frozen = frozen or {}
        self.digests = digests
        self._store = store
        self._catalog = catalog
        self._environments = environments
        self._available = available
        self._unavailable = unavailable
        self._declared: dict[tuple[str, Format, str, str], _Declared] = {}
        self._depends: dict[tuple[str, str, str, str], Depends] = {}

    def artifacts(self, saves: Iterable[Save]) -> dict[Save, Artifact | None]:
        """Return the artifacts of saves with their present inputs; None where one must run."""
        found: dict[Save, Artifact | None] = dict.fromkeys(saves)
        keys = {
            (save.id, self.digests.of_save(save)): save
            for save in found
            if save.writer in self._available
        }
        for key, (seen, at) in self._recorded("save", keys):
            found[keys[key]] = self._artifact(keys[key], key[1], seen, at)
        for save in found:
            if save.writer in self._frozen:
                found[save] = self._frozen_artifact(save)
        return found

    def _frozen_artifact(self, save: Save) -> Artifact | None:
        """Return the artifact of a pack; None where it has none, or a damaged one."""
        writer = self._frozen[save.writer]
        packed = writer.find(save)
        if packed is None:
            return None
        seen = Observation(data=packed.observation)
        folder = frozen_artifact(self._store.folder, save.writer, packed)
        place = Place(save.writer, save.scenario, save.format, packed.inputs)
        done = seen.status == "done"
        manifest = self._store.artifacts.find_frozen(folder, place, seen.facts) if done else None
        if done and manifest is None:
            return None
        return Artifact(
            inputs=packed.inputs,
            folder=folder,
            observation=seen,
            sha256=manifest.sha256 if manifest else "",
            written=manifest.written if manifest else "nothing",
            measured_at=packed.at,
            frozen=packed.at[:10],
        )

    def _artifact(self, save: Save, inputs: str, seen: Observation, at: str) -> Artifact | None:
        place = (save.writer, save.scenario, save.format, inputs)
        done = seen.status == "done"
        manifest = self._store.manifest(*place, seen.facts) if done else None
        if done and manifest is None:
            return None
        return Artifact(
            inputs=inputs,
            folder=self._store.artifact_dir(*place),
            observation=seen,
            sha256=manifest.sha256 if manifest else "",
            written=manifest.written if manifest else "nothing",
            measured_at=at,
        )

    def save_job(self, save: Save) -> contract.Job | None:
        """Return the job of a save; None where its writer could not be built."""
        if save.writer not in self._available:
            return None
        inputs = self.digests.of_save(save)
        folder = self._store.artifact_dir(save.writer, save.scenario, save.format, inputs)
        return contract.save_job(save, self._catalog.scenarios[save.scenario], folder, inputs)

    def cells(
        self,
        cells: Iterable[Cell],
        artifacts: Artifacts,
        errors: Errors,
        *,
        made: Mapping[Cell, Made] = NOTHING_MADE,
        tampered: tuple[Aspect, ...] = (),
    ) -> list[Known]:
        """Return what is known of cells; `artifacts` and `made` have all that they read.

        With `tampered` they are those of the control that loads against a falsified oracle.
        """
        found = [self._readable(cell, artifacts, errors, made, tampered) for cell in cells]
        keys = {(known.job_id, known.inputs): known for known in found if known.loadable}
        seen = dict(self._recorded("load", keys))
        return [
            _with_observation(known, seen.get((known.job_id, known.inputs)), errors)
            if known.loadable
            else known
            for known in found
        ]

    def again(self, cells: Iterable[Known], errors: Errors) -> list[Known]:
        """Return what is known now of cells whose files are there, as they were known before."""
        found = list(cells)
        seen = dict(self._recorded("load", ((known.job_id, known.inputs) for known in found)))
        return [
            _with_observation(
                replace(known, observation=None, absence=Absence.NOT_MEASURED, error=None),
                seen.get((known.job_id, known.inputs)),
                errors,
            )
            for known in found
        ]

    def load_job(self, known: Known) -> contract.Job:
        """Return the job of a cell that is `loadable`.

        Raises:
            ValueError: it is not.
        """
        if known.loaded is None or not known.loadable:
            raise ValueError(f"{known.cell.id} cannot be loaded: {known.absence}")
        return contract.load_job(
            known.cell,
            self._catalog.scenarios[known.cell.scenario],
            self._catalog.remedies[known.cell.remedy],
            known.loaded.folder,
            known.sibling.folder if known.sibling else None,
            known.inputs,
            aspects=known.asked,
            format_=known.made.format if known.made else None,
            tampered=known.tampered,
            job_id=known.job_id,
        )

    def _readable(
        self,
        cell: Cell,
        artifacts: Artifacts,
        errors: Errors,
        made: Mapping[Cell, Made],
        tampered: tuple[Aspect, ...],
    ) -> Known:
        """Return the files a cell would read, or why there is nothing to read."""
        declared = self._declared_of(cell)
        files = self._find_files(cell, declared, artifacts, errors)
        if declared.made and files.absence is Absence.NOT_MEASURED:
            files = _find_made(files, made.get(cell))
        inputs = ""
        if files.absence is Absence.NOT_MEASURED and files.loaded is not None:
            inputs = self.digests.of_load(
                cell,
                aspects=declared.asked,
                artifact=files.loaded.sha256,
                sibling=files.beside,
            )
        return Known(
            cell=cell,
            asked=declared.asked,
            reads=self._is_read(cell),
            tampered=tampered,
            artifact=files.artifact,
            sibling=files.sibling,
            made=files.made,
            inputs=inputs,
            absence=files.absence,
            reason=files.reason,
            error=files.error,
            depends=self._depends_of(cell, files.made),
        )

    def _depends_of(self, cell: Cell, made: Made | None) -> Depends:
        found = self.depends_of(cell.scenario, cell.writer, cell.reader, cell.remedy)
        return replace(found, made_with=made.made_with) if made else found

    def _find_files(
        self, cell: Cell, declared: _Declared, artifacts: Artifacts, errors: Errors
    ) -> _Files:
        for name in (cell.writer, cell.reader):
            if name in self._unavailable:
                reason = f"{name}: {self._unavailable[name]}"
                return _Files(Absence.ENVIRONMENT, reason=reason)
        save = save_of(cell)
        artifact = artifacts[save]
        if artifact is None:
            return self._unsaved(save, None, errors)
        if not declared.written:
            return _Files(Absence.UNDECLARED, artifact)
        if not artifact.sha256:
            return _Files(Absence.WRITER_FAILED, artifact)
        if declared.sibling is None:
            return _Files(Absence.NOT_MEASURED, artifact)
        return self._find_sibling(
            replace(save, format=declared.sibling), artifact, artifacts, errors
        )

    def _find_sibling(
        self, save: Save, artifact: Artifact, artifacts: Artifacts, errors: Errors
    ) -> _Files:
        """Return the files of a cell whose remedy reads another format as well."""
        sibling = artifacts[save]
        if sibling is None:
            return self._unsaved(save, artifact, errors)
        if not sibling.sha256:
            return _Files(Absence.SIBLING_MISSING, artifact)
        return _Files(Absence.NOT_MEASURED, artifact, sibling)

    def _unsaved(self, save: Save, artifact: Artifact | None, errors: Errors) -> _Files:
        error = errors.get(save.id) or self._damage(save)
        absence = Absence.NOT_SAVED if error is None else Absence.HARNESS
        return _Files(absence, artifact, error=error)

    def _damage(self, save: Save) -> Observation | None:
        """Return the harness error of an artifact that is there and damaged, or None."""
        if save.writer in self._frozen:
            packed = self._frozen[save.writer].find(save)
            if packed is None:
                return None
            folder, what = (
                frozen_artifact(self._store.folder, save.writer, packed),
                "frozen artifact",
            )
        else:
            place = (save.writer, save.scenario, save.format, self.digests.of_save(save))
            folder, what = self._store.artifact_dir(*place), "artifact"
        reason = self._store.artifacts.found_damaged(folder)
        return harness_error(f"the {what} of {save.id} is damaged: {reason}") if reason else None

    def _recorded(self, kind: str, keys: Iterable[Key]) -> Iterator[tuple[Key, Seen]]:
        """Yield the newest observation of each job that has one, and when it was recorded.

        The others must run (again).

        Our own failures are never kept: the next run tries again.
        """
        for key, record in self._store.journal.find(kind, keys):
            seen = Observation(data=record.observation)
            if seen.status != "harness_error":
                yield key, (seen, record.at)

    def _declared_of(self, cell: Cell) -> _Declared:
        """Return the declarations of a cell; worked out once for cells that share them."""
        key = (cell.scenario, cell.format, cell.writer, cell.remedy)
        found = self._declared.get(key)
        if found is None:
            scenario = self._catalog.scenarios[cell.scenario]
            remedy = self._catalog.remedies[cell.remedy]
            found = _Declared(
                asked=contract.asked_aspects(scenario, remedy, self._catalog.carries[cell.format]),
                written=writes(self._environments[cell.writer], scenario, cell.format),
                sibling=remedy.sibling,
                made=remedy.made_by is not MadeBy.NOBODY,
            )
            self._declared[key] = found
        return found

    def depends_of(self, scenario: str, writer: str, reader: str, remedy: str) -> Depends:
        """Return the present inputs of a cell of these."""
        key = (scenario, writer, reader, remedy)
        found = self._depends.get(key)
        if found is None:
            found = self._depends[key] = self.digests.depends(*key)
        return found

    def _is_read(self, cell: Cell) -> bool:
        # A remedy exists to read files that a bare load does not: its failures are its own.
        return cell.remedy != BARE or reads(self._environments[cell.reader], cell.format)


def _find_made(files: _Files, made: Made | None) -> _Files:
    """Return the files of a cell whose remedy has the file made that it loads."""
    if made is None or made.needless:
        return files._replace(absence=Absence.NOT_MADE)
    if made.error is not None:
        return files._replace(absence=Absence.HARNESS, made=made, error=made.error)
    if made.failed is not None:
        return files._replace(absence=Absence.HOP_FAILED, made=made)
    return files._replace(made=made)


def _with_observation(known: Known, seen: Seen | None, errors: Errors) -> Known:
    """Return what is known of a cell whose files are there."""
    if seen is not None:
        return replace(known, observation=seen[0], measured_at=seen[1], absence=None)
    error = errors.get(known.job_id)
    return known if error is None else replace(known, absence=Absence.HARNESS, error=error)
