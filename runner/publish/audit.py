"""The last audit of a store: audit.json, written by `audit` and told in run.json.

Input: the path of the file. Output: its summary.
"""

from __future__ import annotations

from pathlib import Path

from runner.publish.decoding import read_record
from runner.publish.record import AuditRecord, AuditSummary


def read_audit(path: Path) -> AuditSummary | None:
    """Return the last audit; None where there was none.

    Raises:
        StoreError: the file is damaged.
    """
    if not path.exists():
        return None
    record = read_record(path, AuditRecord, f"remove {path}, then run `nox -s audit`")
    return AuditSummary(sample=record.sample, disagreements=record.disagreements)
