"""An audit as a command."""

from __future__ import annotations

import pytest

from runner.cli.audit_work import audit_run
from runner.domain.errors import SelectionError
from runner.domain.request import Request


@pytest.mark.parametrize("sample", [0, -1])
def test_an_empty_sample_is_refused_before_anything_is_opened(tmp_path, sample):
    request = Request(root=tmp_path, store=tmp_path / "store", out=tmp_path / "out")
    with pytest.raises(SelectionError, match="says nothing"):
        audit_run(request, sample=sample, seed=1)
    assert not (tmp_path / "store").exists()
