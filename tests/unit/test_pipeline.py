"""The pipeline's own decisions: which remedies were meant."""

from pathlib import Path

import pytest

from runner import pipeline
from runner.domain.request import Request

ROOT = Path(__file__).resolve().parents[2]


def make_request(tmp_path, **options):
    return Request(root=ROOT, store=tmp_path / "store", out=tmp_path / "out", **options)


@pytest.mark.parametrize(
    ("patterns", "filters", "named"),
    [
        ((), {}, False),
        (("plain_dense",), {}, False),
        (("plain_dense/h5/*->*/*",), {}, False),
        (("plain_dense/h5/*->*/compile_false",), {}, True),
        ((), {"remedy": ("custom_objects",)}, True),
    ],
)
def test_a_remedy_is_named_by_a_selector_or_a_filter(tmp_path, patterns, filters, named):
    request = make_request(tmp_path, patterns=patterns, filters=filters)
    assert pipeline._names_a_remedy(request) is named
