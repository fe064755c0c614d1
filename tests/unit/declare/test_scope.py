"""What may run: the environments that a profile, a selector and a filter leave."""

from pathlib import Path

import pytest

from runner.declare.scope import declare
from runner.domain.errors import SelectionError
from runner.domain.request import Request

ROOT = Path(__file__).resolve().parents[3]


def make_request(tmp_path, **options):
    return Request(root=ROOT, store=tmp_path / "store", out=tmp_path / "out", **options)


def ids(declared):
    return [each.id for each in declared.environments]


def test_without_a_selection_the_profile_decides(tmp_path):
    declared = declare(make_request(tmp_path, profile="smoke"))
    assert ids(declared) == ["tf2.15", "keras3.8", "keras3.15"]


def test_a_selector_brings_in_what_it_names_and_leaves_out_what_it_does_not_use(tmp_path):
    declared = declare(
        make_request(tmp_path, profile="smoke", patterns=("plain_dense/h5/tf2.7->keras3.15/none",))
    )
    assert ids(declared) == ["tf2.7", "keras3.15"]


def test_filters_narrow_the_profile(tmp_path):
    filters = {"writer": ("tf2.*",), "reader": ("keras3.8",)}
    declared = declare(make_request(tmp_path, profile="smoke", filters=filters))
    assert ids(declared) == ["tf2.15", "keras3.8"]


def test_an_unknown_profile_is_named(tmp_path):
    with pytest.raises(SelectionError, match="smok"):
        declare(make_request(tmp_path, profile="smok"))


def runs(declared, scenario):
    return declared.scope.selection.matches_scenario(scenario)


def test_a_profile_may_be_kept_to_some_scenarios(tmp_path):
    declared = declare(make_request(tmp_path, profile="smoke"))
    kept = set(declared.catalog.of_profile("smoke"))
    assert kept
    assert {name for name in declared.scope.scenarios if runs(declared, name)} == kept


@pytest.mark.parametrize(
    "asked",
    [
        {"filters": {"scenario": ("*",)}},
        {"filters": {"scenario": ("lambda_layer",)}},
        {"patterns": ("lambda_layer/keras",)},
        {"profile": "full"},
    ],
)
def test_selectors_of_scenarios_and_other_profiles_go_beyond_it(tmp_path, asked):
    declared = declare(make_request(tmp_path, **{"profile": "smoke", **asked}))
    assert "lambda_layer" not in declared.catalog.of_profile("smoke")
    assert runs(declared, "lambda_layer")


def test_a_filter_of_another_part_narrows_what_the_profile_has(tmp_path):
    declared = declare(make_request(tmp_path, profile="smoke", filters={"format": ("h5",)}))
    assert not runs(declared, "lambda_layer")
    assert runs(declared, "plain_dense")
