"""Groups as Keras named them on Windows; dictionaries play an open HDF5 file."""

from __future__ import annotations

import pytest

from runner.fileprobe.unix_names import rename_groups


class Group(dict):
    """What h5py's groups do here: `move` makes the groups on the way."""

    def _place(self, name):
        *way, last = name.split("/")
        place = self
        for each in way:
            place = place.setdefault(each, Group())
        return place, last

    def __contains__(self, name):
        place, last = self._place(name)
        return dict.__contains__(place, last)

    def move(self, old, new):
        place, last = self._place(new)
        assert not dict.__contains__(place, last)
        place[last] = self.pop(old)


def test_groups_stand_where_their_names_lead():
    file = Group(
        {
            # As tensorflow 2.13 wrote a recurrent layer on Windows.
            r"_layer_checkpoint_dependencies\simple_rnn": Group(vars=Group()),
            r"_layer_checkpoint_dependencies\simple_rnn\cell": Group(vars=Group({"0": 7})),
            r"_layer_checkpoint_dependencies\dense": Group(vars=Group({"0": 8})),
            "optimizer": Group(vars=Group({"0": 9})),
            "vars": Group(),
        }
    )
    assert rename_groups(file) == 3
    assert file == {
        "_layer_checkpoint_dependencies": {
            "simple_rnn": {"vars": {}, "cell": {"vars": {"0": 7}}},
            "dense": {"vars": {"0": 8}},
        },
        "optimizer": {"vars": {"0": 9}},
        "vars": {},
    }


def test_a_model_inside_a_model_has_its_groups_below_it():
    file = Group({"dec": Group(vars=Group()), r"dec\layers\dense": Group(vars=Group({"0": 1}))})
    assert rename_groups(file) == 1
    assert file == {"dec": {"vars": {}, "layers": {"dense": {"vars": {"0": 1}}}}}


def test_nothing_is_lost_where_two_groups_would_get_one_name():
    file = Group({"dec": Group(dense=Group()), r"dec\dense": Group()})
    with pytest.raises(ValueError, match="two groups of its weights are named dec/dense"):
        rename_groups(file)


def test_other_files_are_left_alone():
    file = Group(layers=Group(dense=Group(vars=Group({"0": 1}))))
    assert rename_groups(file) == 0
