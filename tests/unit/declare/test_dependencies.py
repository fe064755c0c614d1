"""Environments with other versions of h5py, NumPy, protobuf and Python."""

from __future__ import annotations

import re

import pytest

from runner.declare.environments import DEPENDENCIES, read_environments
from runner.declare.releases import Axis
from runner.domain.selector import minor_of, names_dependency, names_release
from runner.executors.locks import lock_path, usable_lock
from runner.executors.releases import crossed

NAME = "tf2.8.4.h5py2.10.0.numpy1.21.6.python3.8"


@pytest.fixture(scope="module")
def declared():
    return read_environments()


@pytest.fixture(scope="module")
def varied(declared):
    return [each for each in declared.profile(DEPENDENCIES) if each.derived is not None]


def test_an_axis_is_a_cross_product():
    axis = Axis(of="tf2.8", h5py=("1", "2"), numpy=("3",), python=("3.8", "3.10"))
    assert crossed(axis, "3.10") == [
        ("3.8", ("h5py==1", "numpy==3")),
        ("3.8", ("h5py==2", "numpy==3")),
        ("3.10", ("h5py==1", "numpy==3")),
        ("3.10", ("h5py==2", "numpy==3")),
    ]
    # Without one of its own, the Python is that of the minor version.
    assert crossed(Axis(of="tf2.8", h5py=("1",)), "3.10") == [("3.10", ("h5py==1",))]


def test_every_environment_has_what_its_name_says(varied):
    assert len(varied) > 10
    wrong = []
    for each in varied:
        lock = usable_lock(each, lock_path(each.id))
        python = each.id.rpartition(".python")[2]
        said = re.findall(r"\.(h5py|numpy|protobuf)([\d.]+?)(?=\.[a-z])", each.id)
        if each.python != python or not said:
            wrong.append(f"{each.id}: Python {each.python}")
        wrong += [f"{each.id}: {name}" for name, version in said if lock.pins[name] != version]
        if not lock.fits(each):
            wrong.append(f"{each.id}: its lock is for other requirements")
    assert wrong == []


def test_the_profile_has_the_minor_versions_beside_them(declared, varied):
    minors = {minor_of(each.id) for each in varied}
    assert minors == {axis.of for axis in declared.axes}
    assert minors < {each.id for each in declared.profile(DEPENDENCIES)}


def test_nothing_of_them_is_there_until_one_is_named(declared):
    assert not [each for each in declared.environments if names_dependency([each.id])]
    assert not [
        each for each in declared.with_releases().environments if names_dependency([each.id])
    ]
    assert declared.by_id(NAME).python == "3.8"
    assert len(declared.select(["tf2.8.4.h5py*"])) == 8


def test_what_is_said_of_the_minor_version_holds_for_them():
    assert minor_of(NAME) == "tf2.8"
    assert names_release([NAME])
    assert not names_dependency(["tf2.8", "tf2.8.4", "keras3.15-torch"])
