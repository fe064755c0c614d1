"""A function with all that it needs of its file, and nothing else."""

from __future__ import annotations

import sys
import types

import pytest

from runner.domain.errors import ConfigurationError
from runner.pytest_plugin.builders import Builder, write_module

TEXT = '''"""A test module."""

from __future__ import annotations

import json
import os.path
import pytest

pytestmark = pytest.mark.slow
SIZE, UNUSED = 3, 4


def registered(cls):
    return cls


@registered
class Scale:
    size = SIZE


def inputs(keras):
    """A helper that is called like a function of ours."""
    return [keras, Scale.size]


@pytest.mark.compat(writers="a", readers="b")
def model(keras, width=2):
    return inputs(keras), os.path.basename("x/y"), width


def custom_objects(keras):
    return {"Scale": Scale}
'''


@pytest.fixture
def path(tmp_path):
    (tmp_path / "test_models.py").write_text(TEXT)
    return tmp_path / "test_models.py"


def executed(text, monkeypatch):
    framework = types.ModuleType("scenarios.framework")
    framework.keras = "Keras"
    monkeypatch.setitem(sys.modules, "scenarios.framework", framework)
    names = {"__name__": "__main__"}
    exec(compile(text, "scenario.py", "exec", dont_inherit=True), names)
    return names


def test_the_function_has_what_it_needs_and_names_do_not_clash(path, monkeypatch):
    names = executed(write_module(Builder(path=path, function="model")), monkeypatch)

    assert names["build_model"]("") == (["Keras", 3], "y", 2)
    user = names["_matrix_user"]
    assert "pytest" not in user
    assert "json" not in user
    assert (
        user["model"].__code__.co_firstlineno
        == TEXT.splitlines().index("def model(keras, width=2):") + 1
    )
    assert "custom_objects" not in names


def test_the_functions_of_the_mark_are_those_of_the_scenario(path, monkeypatch):
    builder = Builder(path=path, function="model", custom_objects="custom_objects")
    names = executed(write_module(builder), monkeypatch)

    assert names["custom_objects"]("") == {"Scale": names["_matrix_user"]["Scale"]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from . import layers", "needs '.', which no environment has"),
        ("from pytest import skip as layers", "needs 'pytest', which no environment has"),
    ],
)
def test_what_no_environment_has_is_refused(path, line, message):
    path = path.with_name("test_other.py")
    path.write_text(TEXT.replace("import json", line).replace('"x/y"', "str(layers)"))

    with pytest.raises(ConfigurationError, match=message):
        write_module(Builder(path=path, function="model"))


def test_a_function_that_is_made_elsewhere_is_refused(path):
    with pytest.raises(ConfigurationError, match="no_model is no function at the top"):
        write_module(Builder(path=path, function="no_model"))
