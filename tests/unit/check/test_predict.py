from __future__ import annotations

from runner.check.predict import predict
from runner.declare.environments import REPOSITORY
from runner.publish.texts import read_texts

TEXTS = read_texts(REPOSITORY / "reports" / "published")
READERS = ("tf2.15", "keras3.15", "no-such-reader")


def found(*scenarios, writers=("tf2.12",), format_="h5"):
    return predict(TEXTS, READERS, scenarios=scenarios, writers=writers, format_=format_)


def test_a_scenario_that_fails_is_enough():
    told = found("plain_dense", "l1l2_in_custom_layer")["keras3.15"]
    assert told.expects == "fails"
    assert told.scenarios == ("l1l2_in_custom_layer",)
    assert told.causes == ("unregistered_object",)
    assert told.example == "l1l2_in_custom_layer/h5/tf2.12->keras3.15/none"


def test_scenarios_that_all_load_are_a_prediction_too():
    told = found("plain_dense")["tf2.15"]
    assert (told.expects, told.words) == ("loads", "loads, as 1 scenarios like it do")


def test_what_was_not_measured_is_not_predicted():
    assert "no-such-reader" not in found("plain_dense")
    assert found("plain_dense", writers=()) == {}
    assert found() == {}
    assert found("no_such_scenario") == {}
