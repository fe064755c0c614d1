"""A store with what tests put into it, and look-ups over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runner.declare.catalog import load_catalog
from runner.declare.environments import read_environments
from runner.domain import (
    TAMPERED,
    Cell,
    Format,
    ProvisionedEnvironment,
    Save,
    save_of,
)
from runner.measure.digests import InputDigests
from runner.measure.known import LookUp
from runner.probe.artifact import write_manifest

ROOT = Path(__file__).parents[2]
CATALOG = load_catalog(ROOT)
DECLARED = {
    each.id: each
    for each in read_environments(ROOT / "containers" / "environments.toml").environments
}
WRITER, READER = "tf2.15", "keras3.15"
CELL = Cell(scenario="plain_dense", format=Format.H5, writer=WRITER, reader=READER, remedy="none")
SAVE = Save(scenario="plain_dense", format=Format.H5, writer=WRITER)
AGREES = {"outputs": {"status": "agrees"}}


def built(name, lock="a"):
    return ProvisionedEnvironment(
        environment=DECLARED[name],
        executable="/python",
        lock_digest=lock * 64,
        python_version="3.11.1",
        resolved={},
        import_s=1.0,
        fork=True,
    )


class Desk:
    """A store with what tests put into it, and look-ups over it."""

    def __init__(self, store):
        self.store = store
        self.look_up = self.open()

    def open(self, unavailable=(), **locks):
        names = [name for name in (WRITER, READER, "tf1.15") if name not in unavailable]
        available = {name: built(name, locks.get(name, "a")) for name in names}
        return LookUp(
            digests=InputDigests(ROOT, CATALOG.scenarios, available),
            store=self.store,
            catalog=CATALOG,
            environments=DECLARED,
            available=available,
            unavailable=dict.fromkeys(unavailable, "it could not be built"),
        )

    def know(self, cell=None, look_up=None, *, tampered=False, **errors):
        cell = cell or CELL
        look_up = look_up or self.look_up
        saves = [replace(save_of(cell), format=each) for each in Format]
        artifacts = look_up.artifacts(saves)
        (known,) = look_up.cells([cell], artifacts, errors, tampered=TAMPERED if tampered else ())
        return known

    def artifact(self, save):
        return self.look_up.artifacts([save])[save]

    def job(self, cell=None, **options):
        return self.look_up.load_job(self.know(cell, **options))

    def note(self, job, status="done", **data):
        self.store.journal.append(
            {
                "kind": job.kind,
                "id": job.id,
                "inputs": job.inputs,
                "observation": {"status": status, "stage": "", **data},
            }
        )

    def saved(self, save=SAVE, written="hdf5", content=b"model", **data):
        """Record a save that worked, with its artifact."""
        job = self.look_up.save_job(save)
        folder = Path(job.payload["artifact"])
        (folder / "payload").mkdir(parents=True, exist_ok=True)
        (folder / "payload" / "model.h5").write_bytes(content)
        (folder / "oracle.json").write_text("{}")
        (folder / "oracle.npz").write_bytes(b"")
        facts = {"written": written, "damage": "", **data.pop("facts", {})}
        about = {"writer": save.writer, "scenario": save.scenario, "format": str(save.format)}
        manifest = write_manifest(str(folder), {**about, **facts})
        self.note(job, facts={**facts, "sha256": manifest["sha256"]}, **data)
        return folder
