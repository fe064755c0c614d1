"""The last audits of a store: audit.json and, in containers, audit-in-containers.json.

`audit` writes them, and run.json tells them. Input: the folder of the store. Output: a summary.
"""

from __future__ import annotations

import json
from pathlib import Path

from runner.publish.decoding import read_record
from runner.publish.record import AuditRecord, AuditSummary, plain
from runner.store import atomic_write_text

AUDIT_FILE = "audit.json"
IN_CONTAINERS = "audit-in-containers.json"


def read_audit(store: Path, name: str = AUDIT_FILE) -> AuditSummary | None:
    """Return the last audit of a store, or the last in containers; None where there was none.

    Raises:
        StoreError: the file is damaged.
    """
    path = store / name
    if not path.exists():
        return None
    return summarise(read_record(path, AuditRecord, f"remove {path}, then run `nox -s audit`"))


def summarise(record: AuditRecord) -> AuditSummary:
    """Return what run.json tells of an audit."""
    return AuditSummary(
        sample=record.sample,
        disagreements=record.disagreements,
        at=record.at,
        of=record.of,
        seed=record.seed,
        profile=record.profile,
        selection=record.selection,
        tool_version=record.tool_version,
        executor=record.executor,
        spread=record.spread,
        strata=record.strata,
        drawn=record.drawn,
        tallies=record.tallies,
        # It is drawn from what was measured with the code of its day.
        kept=False,
    )


def write_audit(store: Path, record: AuditRecord, name: str = AUDIT_FILE) -> None:
    """Put an audit into the store, in the place of the one before of that kind.

    Raises:
        StoreError: it cannot be written.
    """
    atomic_write_text(store / name, json.dumps(plain(record), indent=1) + "\n")
