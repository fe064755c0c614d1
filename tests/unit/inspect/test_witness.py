from __future__ import annotations

import json
import shutil

import msgspec
import pytest
from inspect_samples import DATA, sample

from runner.declare.catalog import load_catalog
from runner.declare.environments import REPOSITORY
from runner.domain import Format, Witness
from runner.inspect import check_witness, evaluate, matching_scenarios

SCENARIOS = load_catalog(REPOSITORY).scenarios
OWN = {
    "keras2.3_custom_regularizer.h5": "custom_regularizer_function",
    "tf1.15_compiled.h5": "compile_state",
    "tf2.15_compiled.keras": "compile_state",
    "tf2.3_bidirectional.h5": "recurrent_layers.bidirectional",
    "keras3.15_registered.keras": "custom_layer_registered",
    "tf2.15_saved_model": "l1l2_in_custom_layer",
    "tf2.3_saved_model": "plain_dense",
}
"""Samples, and the scenario whose model each is."""


def condition(**fields) -> Witness:
    return msgspec.convert(fields, Witness)


@pytest.mark.parametrize("name", OWN)
def test_a_sample_matches_its_scenario_and_not_all(name):
    found = matching_scenarios(sample(name), SCENARIOS)
    assert OWN[name] in found
    declared = [each for each in SCENARIOS.values() if each.witness]
    assert len(found) < len(declared) / 4


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"class": "LSTM"}, True),
        ({"class": "GRU"}, False),
        ({"class": "GRU", "absent": True}, True),
        ({"class": "LSTM", "inside": "bidirectional*"}, True),
        ({"class": "LSTM", "inside": "other"}, False),
        ({"class": "LSTM", "under": "layer", "role": "layer"}, True),
        ({"class": "LSTM", "key": "time_major", "value": "false"}, True),
        ({"class": "LSTM", "key": "time_major", "value": "true"}, False),
        ({"class": "Dense", "key": "time_major"}, False),
        ({"class": "Dense", "count": 2}, False),
        ({"class": "Dense,LSTM", "count": 2}, True),
        ({"container": "hdf5", "class": "LSTM"}, True),
        ({"container": "zip_v3", "class": "LSTM"}, False),
        ({"model": "Sequential"}, True),
        ({"only": "Dense"}, False),
        ({"only": "Dense,LSTM,Bidirectional,InputLayer"}, True),
        ({"custom": True}, False),
        ({"bytecode": True}, False),
        ({"dtype": "float32"}, True),
        ({"held": "optimizer state=no"}, True),
        ({"writer": "keras_version=2.4.*"}, True),
        ({"damage": "*"}, False),
        ({"any": [{"class": "GRU"}, {"class": "LSTM"}]}, True),
        ({"any": [{"class": "GRU"}, {"class": "RNN"}]}, False),
    ],
)
def test_a_condition_is_held_against_a_description(fields, holds):
    assert evaluate(condition(**fields), sample("tf2.3_bidirectional.h5")) is holds


def test_weights_alone_say_nothing_of_classes():
    weights = sample("keras2.3.weights.h5")
    assert evaluate(condition(**{"class": "Dense"}), weights) is None
    assert evaluate(condition(**{"class": "Dense", "absent": True}), weights) is None
    assert evaluate(condition(layout="legacy weights"), weights) is True
    assert evaluate(condition(dtype="float16"), weights) is False


def artifact(folder, scenario, name, format_):
    payload = folder / "payload"
    payload.mkdir()
    target = payload / "model"
    source = DATA / name
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    manifest = {"format": format_, "written": "x", "scenario": scenario}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_an_artifact_has_or_lacks_its_witness(tmp_path):
    folder = artifact(tmp_path, "recurrent", "tf2.3_bidirectional.h5", "h5")
    assert check_witness(folder, SCENARIOS["recurrent_layers.bidirectional"]) is None
    said = check_witness(folder, SCENARIOS["recurrent_layers.gru"])
    assert said == (
        "the artifact lacks the witness of recurrent_layers.gru: "
        "class=GRU, role=layer, key=reset_after, value=true"
    )


def test_a_condition_is_asked_of_its_formats_alone(tmp_path):
    folder = artifact(tmp_path, "x", "tf2.3_bidirectional.h5", "h5")
    scenario = SCENARIOS["recurrent_layers.gru"]
    elsewhere = msgspec.structs.replace(
        scenario, witness=(condition(**{"class": "GRU", "formats": ["keras"]}),)
    )
    assert elsewhere.witness[0].formats == frozenset({Format.KERAS})
    assert check_witness(folder, elsewhere) is None


def test_many_scenarios_declare_a_witness():
    assert sum(bool(each.witness) for each in SCENARIOS.values()) >= 100
    for each in SCENARIOS.values():
        for one in each.witness:
            assert one != Witness(formats=one.formats), each.id
