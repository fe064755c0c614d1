"""The pipeline's own decisions: which environments, which order, which remedies."""

import json
from pathlib import Path

import pytest

from runner import pipeline
from runner.domain import Outcome
from runner.errors import SelectionError
from runner.request import Request
from runner.wire import Job

ROOT = Path(__file__).resolve().parents[2]


def make_request(tmp_path, **options):
    return Request(root=ROOT, store=tmp_path / "store", out=tmp_path / "out", **options)


def ids(declared):
    return [each.id for each in declared.environments]


def test_without_a_selection_the_profile_decides(tmp_path):
    declared = pipeline.declare(make_request(tmp_path, profile="smoke"))
    assert ids(declared) == ["tf2.15", "keras3.8", "keras3.15"]


def test_a_selector_brings_in_what_it_names_and_leaves_out_what_it_does_not_use(tmp_path):
    declared = pipeline.declare(
        make_request(tmp_path, profile="smoke", patterns=("plain_dense/h5/tf2.7->keras3.15/none",))
    )
    assert ids(declared) == ["tf2.7", "keras3.15"]


def test_filters_narrow_the_profile(tmp_path):
    filters = {"writer": ("tf2.*",), "reader": ("keras3.8",)}
    declared = pipeline.declare(make_request(tmp_path, profile="smoke", filters=filters))
    assert ids(declared) == ["tf2.15", "keras3.8"]


def test_an_unknown_profile_is_named(tmp_path):
    with pytest.raises(SelectionError, match="smok"):
        pipeline.declare(make_request(tmp_path, profile="smok"))


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


def job(name, chain="", isolated=False):
    payload = {"id": name, "chain": chain, "isolated": isolated}
    return Job(id=name, kind="load", inputs="0", payload=payload)


def test_jobs_that_may_share_a_process_become_neighbours():
    jobs = [job("a"), job("b", "x"), job("c"), job("d", "", isolated=True), job("e", "x")]
    assert [each.id for each in pipeline.order_jobs(jobs)] == ["a", "c", "b", "e", "d"]


def test_the_last_audit_is_read_back(tmp_path):
    assert pipeline.read_audit(tmp_path) is None
    found = {"cell": "x", "recorded": "equivalent", "repeated": "load_error", "detail": "d"}
    record = {"sample": 3, "disagreements": [found]}
    (tmp_path / pipeline.AUDIT_FILE).write_text(json.dumps(record))
    audit = pipeline.read_audit(tmp_path)
    assert audit.sample == 3
    assert audit.disagreements[0].repeated is Outcome.LOAD_ERROR


def test_every_scenario_module_has_a_docstring(tmp_path):
    declared = pipeline.declare(make_request(tmp_path))
    docs = pipeline.module_docs(ROOT, declared.catalog)
    assert all(docs.values())
    assert set(docs) == {each.module for each in declared.catalog.scenarios.values()}
