"""What jobs of one child share: the user's code, its registrations, legacy Keras hidden."""

from __future__ import annotations

import importlib
import sys
import types

import pytest

from runner.probe.jobs import LEGACY_FRAMEWORK, hide_legacy_keras
from runner.probe.remedies import Loading
from runner.probe.user_code import UserCode


class Layer:
    pass


def test_custom_objects_are_registered_once_in_a_process():
    seen = []

    def register():
        def decorate(custom_object):
            if custom_object in seen:
                raise ValueError("already registered")
            seen.append(custom_object)
            return custom_object

        return decorate

    saving = types.SimpleNamespace(register_keras_serializable=register)
    api = types.SimpleNamespace(keras=types.SimpleNamespace(saving=saving))
    module = types.SimpleNamespace(custom_objects=lambda variant: {"Layer": Layer})
    code = UserCode(module, "")
    code.register_custom_objects(api)
    code.register_custom_objects(api)
    assert seen == [Layer]


def test_the_reader_builds_the_model_of_its_own_code():
    module = types.SimpleNamespace(
        build_model=lambda variant: f"writer's {variant}",
        reader_model=lambda variant: f"reader's {variant}",
    )
    code = UserCode(module, "flags")
    loading = Loading(types.SimpleNamespace(), "weights_h5", "", "", lambda: code)
    assert (code.build_model(), loading.build_model()) == ("writer's flags", "reader's flags")
    assert loading.from_code
    del module.reader_model
    assert loading.build_model() == "writer's flags"


def test_the_reader_names_and_registers_the_classes_of_its_own_code():
    registered = []
    saving = types.SimpleNamespace(register_keras_serializable=lambda: registered.append)
    api = types.SimpleNamespace(keras=types.SimpleNamespace(saving=saving))
    module = types.SimpleNamespace(
        custom_objects=lambda variant: {"Layer": "writer's class"},
        reader_custom_objects=lambda variant: {"Layer": "reader's class"},
    )
    code = UserCode(module, "")
    code.register_custom_objects(api)
    assert code.custom_objects() == {"Layer": "reader's class"}
    assert registered == ["reader's class"]


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.delitem(sys.modules, LEGACY_FRAMEWORK, raising=False)
    yield
    sys.modules.pop(LEGACY_FRAMEWORK, None)


def test_legacy_keras_cannot_be_imported_while_it_is_hidden(modules, tmp_path, monkeypatch):
    (tmp_path / "tf_keras.py").write_text("found = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    hide_legacy_keras(True)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("tf_keras.src")
    hide_legacy_keras(False)
    assert importlib.import_module("tf_keras").found
    hide_legacy_keras(False)
    assert sys.modules["tf_keras"].found


def test_a_module_may_prepare_the_copy_of_its_reader() -> None:
    prepared = []
    module = types.SimpleNamespace(before_loading=lambda *given: prepared.append(given))
    UserCode(module, "changed").before_loading("payload/model.keras")
    UserCode(types.SimpleNamespace(), "").before_loading("payload/model.keras")
    assert prepared == [("payload/model.keras", "changed")]
