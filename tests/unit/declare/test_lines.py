"""The releases between two environments, in the order of versions."""

from __future__ import annotations

import pytest

from runner.declare.environments import read_environments
from runner.declare.lines import releases_between
from runner.domain.change_points import notes_of, version_of
from runner.domain.errors import SelectionError


@pytest.fixture(scope="module")
def declared():
    return read_environments()


def ids(declared, text):
    return [each.id for each in releases_between(declared, text)]


def test_every_release_between_two_is_there_once(declared):
    assert ids(declared, "keras3.3..keras3.5") == [
        "keras3.3",
        "keras3.4.0",
        "keras3.4",
        "keras3.5",
    ]
    found = releases_between(declared, "keras3.0.0..keras3.15")
    versions = [version_of(each) for each in found]
    assert len(set(versions)) == len(versions)
    assert versions == sorted(versions, key=lambda each: [int(part) for part in each.split(".")])


def test_an_end_keeps_the_name_that_it_was_given(declared):
    assert ids(declared, "keras3.4.1..keras3.5.0") == ["keras3.4.1", "keras3.5.0"]
    assert ids(declared, "keras3.4..keras3.5") == ["keras3.4", "keras3.5"]


def test_a_line_ends_where_its_package_does(declared):
    assert ids(declared, "..keras3.0.2") == ["keras3.0.0", "keras3.0.1", "keras3.0.2"]
    assert ids(declared, "tf-keras2.20..") == ["tf-keras2.20", "tf-keras2.21"]
    assert ids(declared, "tf2.15.0..") == ["tf2.15.0", "tf2.15.0.post1", "tf2.15"]


@pytest.mark.parametrize(
    "text", ["tf2.15..keras3.0", "keras3.15..keras3.15-jax", "keras3.4.1..keras3.4", ".."]
)
def test_a_range_of_nothing_is_refused(declared, text):
    with pytest.raises(SelectionError) as raised:
        releases_between(declared, text)
    assert raised.value.next_step


def test_the_notes_of_a_release_are_those_of_its_package(declared):
    declared = declared.with_releases()
    assert [
        notes_of(declared.by_id(each))
        for each in ("keras3.14.0", "tf2.15.0.post1", "tf-keras2.20", "keras2.3")
    ] == [
        "https://github.com/keras-team/keras/releases/tag/v3.14.0",
        "https://github.com/tensorflow/tensorflow/releases/tag/v2.15.0",
        "https://github.com/keras-team/tf-keras/releases/tag/v2.20.1",
        "https://github.com/keras-team/keras/releases/tag/2.3.1",
    ]
