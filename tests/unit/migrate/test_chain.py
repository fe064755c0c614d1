from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from inspect_samples import DATA, sample

from runner.declare.environments import read_environments
from runner.domain import Format
from runner.domain.selector import matches_any
from runner.inspect import describe_here
from runner.inspect.fits import fitting
from runner.migrate.chain import (
    NoRoute,
    formats_between,
    gives_parts,
    plan_chains,
    routes,
    ways_of,
)
from runner.migrate.order import Order

ENVIRONMENTS = read_environments().environments
KNOWN = {each.id: each for each in ENVIRONMENTS}
TARGET = KNOWN["keras3.15"]
PLAIN = sample("tf2.15_compiled.keras")
ORDER = Order(file=Path("model.h5"), target="keras3.15", out=Path("model.keras"))


def plan(name: str):
    described = describe_here(DATA / name)
    ids, source = fitting(described, ENVIRONMENTS)
    described = msgspec.structs.replace(described, environments=ids, environments_source=source)
    return plan_chains(described, ENVIRONMENTS, TARGET)


def test_the_writers_own_environment_gives_the_reference():
    found = plan("tf1.15_compiled.h5")
    assert found.readers[0] in found.fitting
    assert set(found.fitting) == {"tf1.13", "tf1.14", "tf1.15", "tf2.0", "tf2.1"}
    assert found.kind == Format.H5
    assert plan("tf2.15_compiled.keras").readers[0] == "tf2.15"
    saved = plan("tf2.3_saved_model")
    assert (saved.kind, saved.readers[0]) == (Format.SAVED_MODEL, "tf2.3")
    # The target reads no SavedModel, so that nobody asks it for the reference.
    assert "keras3.15" not in saved.readers


@pytest.mark.parametrize("name", ["keras2.3.weights.h5", "tf2.3_architecture.json"])
def test_a_file_without_a_whole_model_begins_no_chain(name):
    with pytest.raises(NoRoute, match="alone"):
        plan(name)


def test_every_row_names_environments_that_are_declared():
    unknown = [each for bridge in routes().bridge for each in bridge.through if each not in KNOWN]
    assert unknown == []
    assert routes().bridge[-1].writer == "*"
    without = [
        name
        for name in KNOWN
        if not any(matches_any(name, (bridge.writer,)) for bridge in routes().bridge[:-1])
    ]
    assert without == []


def test_ways_ask_for_what_the_user_gave():
    ids = [way.id for way in ways_of("h5", "keras3.15", ORDER, PLAIN)]
    assert ids[0] == "none"
    assert not {"custom_objects", "unsafe"} & set(ids)
    given = Order(
        file=ORDER.file,
        target=ORDER.target,
        out=ORDER.out,
        custom_objects=Path("layers.py"),
        allow_code=True,
    )
    ids = [way.id for way in ways_of("h5", "keras3.15", given, PLAIN)]
    assert ids[0] == "custom_objects"
    assert "unsafe" in ids
    # TensorFlow 2.4 knows no `safe_mode`.
    assert "unsafe" not in [way.id for way in ways_of("h5", "tf2.4", given, PLAIN)]


def test_the_format_between_is_one_that_both_have():
    assert formats_between(KNOWN["keras2.2"], TARGET) == (Format.H5,)
    assert formats_between(KNOWN["tf2.15"], TARGET) == (Format.H5, Format.KERAS)


def test_keras_2_gives_the_parts_of_a_model_to_keras_3_alone():
    assert gives_parts(KNOWN["tf2.15"], TARGET)
    assert not gives_parts(KNOWN["keras3.8"], TARGET)
    assert not gives_parts(KNOWN["keras2.2"], KNOWN["tf2.15"])
