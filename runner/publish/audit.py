"""The last audit of a store: audit.json, written by `audit` and told in run.json.

Input: the folder of the store. Output: its summary.
"""

from __future__ import annotations

import json
from pathlib import Path

from runner.publish.decoding import read_record
from runner.publish.record import AuditRecord, AuditSummary, plain
from runner.store import atomic_write_text

AUDIT_FILE = "audit.json"


def read_audit(store: Path) -> AuditSummary | None:
    """Return the last audit of a store; None where there was none.

    Raises:
        StoreError: the file is damaged.
    """
    path = store / AUDIT_FILE
    if not path.exists():
        return None
    record = read_record(path, AuditRecord, f"remove {path}, then run `nox -s audit`")
    return AuditSummary(
        sample=record.sample,
        disagreements=record.disagreements,
        at=record.at,
        of=record.of,
        seed=record.seed,
        profile=record.profile,
        selection=record.selection,
        tool_version=record.tool_version,
        spread=record.spread,
        strata=record.strata,
        drawn=record.drawn,
        tallies=record.tallies,
        # It is drawn from the store, which holds only cells that were measured into it.
        kept=False,
    )


def write_audit(store: Path, record: AuditRecord) -> None:
    """Put an audit into the store, in the place of the one before.

    Raises:
        StoreError: it cannot be written.
    """
    atomic_write_text(store / AUDIT_FILE, json.dumps(plain(record), indent=1) + "\n")
