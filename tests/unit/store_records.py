"""Records as a run makes them, for the tests of the store."""

from __future__ import annotations

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
