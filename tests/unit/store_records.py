"""Records as a run makes them, for the tests of the store."""

from __future__ import annotations

from runner.domain import Format
from runner.probe.artifact import write_manifest
from runner.store.artifacts import Place

PLACE = Place("tf2.15", "plain_dense", Format.H5, "00ff")
TRACEBACK = "Traceback (most recent call last):\n" + "  File x, line 1\n" * 40


def make_record(number=1, *, kind="load", inputs="00ff", status="raised", **observation):
    return {
        "kind": kind,
        "id": f'scenario/h5/tf2.15->keras3.15/rem"{number}',
        "inputs": inputs,
        "observation": {"status": status, "traceback": TRACEBACK, **observation},
        "run": "run1",
        "at": "2026-01-01T00:00:00Z",
    }


def key(record):
    return record["id"], record["inputs"]


def append_all(store, records):
    for record in records:
        store.journal.append(record)


def found(store, records, kind="load"):
    """Return the observations of the records that the journal finds, by key."""
    keys = [key(record) for record in records]
    return {each: record.observation for each, record in store.journal.find(kind, keys)}


def observations(records):
    return {key(record): record["observation"] for record in records}


def write_artifact(store, place=PLACE, content=b"model" * 100):
    """Write an artifact with the probe's own code; return its folder and the save's facts."""
    folder = store.artifacts.folder(place)
    (folder / "payload" / "model" / "assets").mkdir(parents=True)
    (folder / "payload" / "model.h5").write_bytes(content)
    (folder / "payload" / "model" / "saved_model.pb").write_bytes(content[::-1])
    (folder / "oracle.json").write_bytes(b'{"facts": {}}')
    (folder / "oracle.npz").write_bytes(b"arrays" * 10)
    facts = {"written": "hdf5", "damage": ""}
    about = {"writer": place.writer, "scenario": place.scenario, "format": str(place.format)}
    manifest = write_manifest(str(folder), {**about, **facts})
    return folder, {**facts, "sha256": manifest["sha256"]}
