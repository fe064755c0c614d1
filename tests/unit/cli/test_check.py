from __future__ import annotations

import numpy as np
import pytest
from inspect_samples import DATA

from runner.cli import main
from runner.cli.check import choose
from runner.declare.environments import read_environments
from runner.domain.errors import SelectionError

MODEL = str(DATA / "tf2.15_compiled.keras")
DECLARED = read_environments()


def chosen(*, readers=(), python="", fitting=(), profile="default"):
    found = choose(DECLARED, profile, readers=readers, python=python, fitting=fitting)
    return [each.id for each in found]


def test_a_profile_gets_the_newest_environment_of_the_writer():
    assert chosen(fitting=("tf2.4", "tf2.5"))[-1] == "tf2.5"
    assert chosen(fitting=("tf2.3", "tf2.4")) == chosen()
    assert chosen(readers=("keras3.15",), fitting=("tf2.4",)) == ["keras3.15"]
    assert chosen(readers=("keras3.14.0",)) == ["keras3.14.0"]


def test_only_environments_of_one_python():
    python = DECLARED.by_id("tf2.15").python
    assert "tf2.15" in chosen(python=python)
    assert all(DECLARED.by_id(each).python == python for each in chosen(python=python))
    with pytest.raises(SelectionError, match="matches none"):
        chosen(python="2.7")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["check", "no-such-file"], 2, "no such file"),
        (["check", MODEL, "--readers", "keras9.9"], 2, "keras9.9"),
        (["check", MODEL, "--profile", "none"], 2, "no profile"),
        (["check", MODEL, "--newest", "0"], 2, "newest"),
        (["check", str(DATA / "keras2.3.weights.h5")], 8, "build_model()"),
        (["check", MODEL, "--html", MODEL], 2, "FILE itself"),
    ],
)
def test_bad_input_is_one_message(words, code, said, capsys):
    assert main(words) == code
    output = capsys.readouterr()
    assert said in output.err
    assert output.err.count("error: ") == 1


def test_what_is_no_model_is_not_loaded(tmp_path, capsys):
    path = tmp_path / "model.h5"
    path.write_bytes(b"")
    assert main(["check", str(path)]) == 8
    assert "nox -s inspect" in capsys.readouterr().err


def test_expected_numbers_that_cannot_be_read_are_said_before_anything_is_loaded(tmp_path, capsys):
    data = tmp_path / "data.npz"
    np.savez(data, x=np.ones(3))
    assert main(["check", MODEL, "--expect", str(data), "--store", str(tmp_path / "s")]) == 8
    assert "no array y" in capsys.readouterr().err
