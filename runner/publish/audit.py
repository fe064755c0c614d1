"""The last audit of a store: audit.json, written by `audit` and told in run.json.

Input: the folder of the store. Output: its summary.
"""

from __future__ import annotations

from pathlib import Path

from runner.publish.decoding import read_record
from runner.publish.record import AuditRecord, AuditSummary

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
    return AuditSummary(sample=record.sample, disagreements=record.disagreements)
