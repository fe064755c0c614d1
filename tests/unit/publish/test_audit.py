"""The last audit of a store, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from report_fixtures import RECORDED_AUDIT

from runner.domain import Outcome
from runner.domain.errors import StoreError
from runner.publish.audit import AUDIT_FILE, IN_CONTAINERS, read_audit, write_audit
from runner.publish.record import AuditRecord, Disagreement

RECORD: dict[str, Any] = dict(RECORDED_AUDIT)
FOUND = RECORD["disagreements"][0]


def test_the_last_audit_is_read_back(tmp_path: Path) -> None:
    assert read_audit(tmp_path) is None
    (tmp_path / AUDIT_FILE).write_text(json.dumps(RECORD))

    audit = read_audit(tmp_path)

    assert audit is not None
    assert audit.sample == 3
    assert audit.disagreements[0].repeated is Outcome.LOAD_ERROR


@pytest.mark.parametrize(
    "content",
    [None, 3, [], {}, {**RECORD, "sample": "3"}, {**RECORD, "disagreements": [{**FOUND, "x": 1}]}],
)
def test_a_damaged_one_names_the_file_and_the_way_on(tmp_path: Path, content: Any) -> None:
    (tmp_path / AUDIT_FILE).write_text(json.dumps(content))

    with pytest.raises(StoreError, match=r"audit\.json") as caught:
        read_audit(tmp_path)
    assert caught.value.next_step.startswith("remove ")


def test_an_audit_says_when_from_what_and_with_which_seed(tmp_path: Path) -> None:
    found = Disagreement(
        cell="x", recorded=Outcome.EQUIVALENT, repeated=Outcome.LOAD_ERROR, detail="d"
    )
    record = AuditRecord(
        at="2026-01-01T00:00:00+00:00",
        tool_version="1.0",
        profile="smoke",
        selection=("--scenario plain*",),
        of=120,
        sample=3,
        seed=7,
        disagreements=(found,),
    )
    write_audit(tmp_path, record)
    audit = read_audit(tmp_path)
    assert audit is not None
    assert (audit.sample, audit.disagreements) == (3, (found,))
    assert (audit.at, audit.of, audit.seed) == (record.at, 120, 7)
    assert (audit.profile, audit.selection, audit.tool_version) == (
        "smoke",
        ("--scenario plain*",),
        "1.0",
    )
    written = json.loads((tmp_path / AUDIT_FILE).read_text())
    assert written["at"] == "2026-01-01T00:00:00+00:00"
    assert (written["tool_version"], written["profile"]) == ("1.0", "smoke")
    assert (written["selection"], written["of"], written["seed"]) == (["--scenario plain*"], 120, 7)


def test_the_audit_in_containers_stands_beside_the_other(tmp_path: Path) -> None:
    record = AuditRecord(
        at="2026-01-01T00:00:00+00:00", of=9, sample=2, seed=1, disagreements=(), executor="docker"
    )
    write_audit(tmp_path, record, IN_CONTAINERS)
    assert read_audit(tmp_path) is None
    audit = read_audit(tmp_path, IN_CONTAINERS)
    assert audit is not None
    assert (audit.sample, audit.executor) == (2, "docker")
