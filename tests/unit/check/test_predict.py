from __future__ import annotations

from runner.check.predict import predict, speaking
from runner.declare.catalog import load_catalog
from runner.declare.environments import REPOSITORY
from runner.publish.texts import read_texts

TEXTS = read_texts(REPOSITORY / "reports" / "published")
READERS = ("tf2.15", "keras3.15", "no-such-reader")


def found(*scenarios, writers=("tf2.12",), format_="h5"):
    return predict(TEXTS, READERS, scenarios=scenarios, writers=writers, format_=format_)


def test_scenarios_that_fail_are_named_with_their_share():
    told = found("plain_dense", "l1l2_in_custom_layer")["keras3.15"]
    assert told.expects == "fails"
    assert told.words == "fails in 1 of 2 scenarios like it: l1l2_in_custom_layer"
    assert told.scenarios == ("l1l2_in_custom_layer",)
    assert told.causes == ("unregistered_object",)
    assert told.example == "l1l2_in_custom_layer/h5/tf2.12->keras3.15/none"


def test_scenarios_that_all_load_are_a_prediction_too():
    told = found("plain_dense")["tf2.15"]
    assert (told.expects, told.words) == ("loads", "loads in 1 of 1 scenarios like it")


def test_what_was_not_measured_is_not_predicted():
    assert "no-such-reader" not in found("plain_dense")
    assert found("plain_dense", writers=()) == {}
    assert found() == {}
    assert found("no_such_scenario") == {}


def test_a_feature_that_most_files_with_it_load_may_be_at_fault():
    like = ("plain_dense", "l2_sequential", "l1l2_in_custom_layer")
    told = found(*like)["keras3.15"]
    assert told.expects == "may fail"
    assert told.scenarios == ("l1l2_in_custom_layer",)


def test_a_witness_that_any_file_of_a_container_has_predicts_nothing():
    scenarios = load_catalog(REPOSITORY).scenarios
    names = ["renamed_file.archive_named_h5", "plain_dense", "truncated_file.empty"]
    assert speaking(scenarios, names) == ["plain_dense"]
