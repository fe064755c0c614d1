from __future__ import annotations

import pytest
from inspect_samples import sample

from runner.declare.environments import read_environments
from runner.domain.selector import unmatched
from runner.inspect import Container, Description
from runner.inspect.description import Basis, Statement
from runner.inspect.fits import fitting, versions

ENVIRONMENTS = read_environments().environments
IDS = [each.id for each in ENVIRONMENTS]


def written(basis=Basis.READ, **told) -> Description:
    writer = tuple(
        Statement(about=about, value=value, basis=basis, source="here")
        for about, value in told.items()
    )
    return Description(path="x", container=Container.HDF5, title="x", writer=writer)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("keras2.3_custom_regularizer.h5", ("keras2.3",)),
        ("tf1.15_compiled.h5", ("tf1.13", "tf1.14", "tf1.15", "tf2.0", "tf2.1")),
        ("tf2.3_bidirectional.h5", ("tf2.3", "tf2.4")),
        ("tf2.15_compiled.keras", ("tf2.15",)),
        ("tf2.15_saved_model", ("tf2.15",)),
        ("tf2.3_saved_model", ("tf2.3",)),
        ("keras3.15_registered.keras", ("keras3.15", "keras3.15-jax", "keras3.15-torch")),
        ("keras2.3.weights.h5", ("keras2.3",)),
    ],
)
def test_the_environment_that_wrote_a_sample_fits(name, ids):
    found, source = fitting(sample(name), ENVIRONMENTS)
    assert found == ids
    assert "version" in source


def test_the_backend_narrows_and_old_versions_have_their_nearest():
    assert fitting(written(keras_version="3.15.2", backend="torch"), ENVIRONMENTS)[0] == (
        "keras3.15-torch",
    )
    assert fitting(written(keras_version="2.0.5"), ENVIRONMENTS)[0] == ("keras2.0",)
    ids, source = fitting(written(keras_version="1.0.8"), ENVIRONMENTS)
    assert ids == ("keras1.2",)
    assert "nearest" in source
    assert fitting(written(keras_version="9.1"), ENVIRONMENTS) == (
        (),
        "no environment is of Keras 9.1",
    )


def test_a_generation_that_is_inferred_gives_its_families():
    ids, source = fitting(written(Basis.INFERRED, generation="Keras 3"), ENVIRONMENTS)
    assert set(ids) == {each for each in IDS if each.startswith("keras3")}
    assert source == "here: Keras 3"
    assert fitting(written(), ENVIRONMENTS)[0] == ()


def test_every_row_names_environments_and_every_environment_has_a_row():
    assert [each for each in versions() if unmatched(each.environments, IDS)] == [
        each
        for each in versions()
        if "-*" in each.environments and unmatched(each.environments, IDS)
    ]
    rows = [each.environments for each in versions()]
    assert [
        each
        for each in IDS
        if all(unmatched(each, [row]) and each not in row.split(",") for row in rows)
        and not each.endswith(("-jax", "-torch"))
    ] == []
