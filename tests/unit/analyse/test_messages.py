"""Families of error texts: what is of one kind, counted and named once."""

from __future__ import annotations

from report_fixtures import make_run, publish_run

from runner.analyse.explain import Evidence
from runner.analyse.grids import code_cells
from runner.analyse.messages import find_families, texts_of
from runner.publish.reading import load_data
from runner.publish.texts import read_texts
from runner.render.scripts.search import find_layers, search_data


def test_the_texts_of_a_run_in_memory_are_those_of_its_files(tmp_path):
    publish_run(make_run(), tmp_path)
    data = load_data(tmp_path)
    here, there = (
        Evidence(texts=texts_of(data, code_cells(data))),
        Evidence(texts=read_texts(tmp_path)),
    )
    assert find_families(here) == find_families(there)


def test_messages_that_differ_in_numbers_are_one_family(tmp_path):
    publish_run(make_run(), tmp_path)
    (family,) = find_families(Evidence(texts=read_texts(tmp_path)))
    assert family.exception == "ValueError"
    assert family.causes == {"unknown_class": 4}
    assert family.cells == 4
    assert family.example.endswith("/tf1.15->keras3.10/none")
    assert family.whole.startswith("Unknown layer '…'")


def test_documents_lead_to_all_that_has_an_address(tmp_path):
    source = "import keras\nlayers = keras.layers\nlayers.Dense(1)\nkeras.layers.LSTM(2)\n"
    # A module of scenarios that the run does not have has no page.
    sources = {"plain_dense": source, "elsewhere": "layers.Permute(1)"}
    publish_run(make_run(), tmp_path, sources=sources)
    data = load_data(tmp_path)
    families = find_families(Evidence(texts=texts_of(data, code_cells(data))))
    found = search_data(data, families, ())
    places = {(kind, address) for kind, address, *_ in found["documents"]}
    assert ("cause", "causes.html#unknown_class") in places
    assert ("scenario", "scenario/custom_loss_metric.html") in places
    assert ("error", f"errors.html#{families[0].id}") in places
    layers = {title: more for kind, _, title, _, more in found["documents"] if kind == "layer"}
    assert layers == {"Dense": "plain_dense", "LSTM": "plain_dense"}
    assert found["causes"]["unknown_class"][1] == 1


def test_layers_are_those_of_keras_alone():
    source = "class Scale(keras.layers.Layer):\n    pass\n\nlayers.add_weight\nkeras.models.Model"
    assert find_layers({"a": source}) == {"Layer": {"a"}}
