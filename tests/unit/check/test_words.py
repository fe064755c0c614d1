from __future__ import annotations

import json

import jsonschema
import msgspec
from check.answers import answer, reader, told

from runner.check.answer import schema
from runner.check.results import Result
from runner.check.words import answer_words
from runner.declare.environments import REPOSITORY
from runner.inspect.description import Basis, Function, Statement

SCHEMA = REPOSITORY / "reports" / "schemas" / "check.schema.json"


def text(*readers, **more):
    return "\n".join(f"{each.text}\n{each.code}" for each in answer_words(told(*readers, **more)))


def test_the_newest_that_works_is_advised_with_its_lines():
    said = text(
        reader("keras3.15"),
        reader("tf2.3"),
        groups=[(("keras3.15", "tf2.3"), True)],
        reference="tf2.3",
    )
    assert said.startswith("2 of 2 environments load it, 2 of them as it is.")
    assert "The newest is keras3.15, as it is:\ninstall keras3.15\nload in keras3.15" in said
    assert "WARNING" not in said


def test_a_way_that_gives_something_up_says_so_and_names_the_newest_that_needs_nothing():
    said = text(
        reader(
            "keras3.15",
            way="compat_shims_compile_false",
            gives_up=("compile", "optimizer"),
            code="with compat_shims.installed(keras, 'model.h5') as shims: ...",
        ),
        reader("tf2.3"),
        groups=[(("keras3.15", "tf2.3"), True)],
        reference="tf2.3",
    )
    assert "gives up its loss and metrics, the optimizer's state" in said
    assert "compat_shims is runner/probe/compat_shims.py of this tool: copy it" in said
    assert "The newest that loads it as it is: tf2.3:\ninstall tf2.3" in said


def test_a_way_without_the_model_itself_comes_last():
    function = reader("keras3.15", way="function", gives_up=("weights", "structure"))
    assert told(function, reader("tf2.3"), groups=[(("keras3.15", "tf2.3"), True)]).best == "tf2.3"
    assert told(function, groups=[(("keras3.15",), True)]).best == "keras3.15"


def test_a_reader_that_computes_something_else_is_named():
    said = text(
        reader("keras3.15", Result.DIFFERS),
        reader("tf2.3"),
        groups=[(("tf2.3",), True), (("keras3.15",), False)],
        reference="tf2.3",
    )
    assert said.startswith("1 of 2 environments loads it, 1 of them as it is.")
    assert "WARNING: keras3.15 loads it and computes something else than tf2.3" in said
    assert "The newest is tf2.3" in said


def test_without_a_reference_nobody_knows_which_of_two_is_right():
    readers = reader("keras3.15", Result.LOADS), reader("tf2.15", Result.LOADS)
    said = text(*readers, groups=[(("keras3.15",), False), (("tf2.15",), False)])
    assert "which of them is its model is not known" in said
    assert "The newest is" not in said
    said = text(*readers, groups=[(("keras3.15", "tf2.15"), False)])
    assert "None of them is known to be the version that wrote the file" in said


def test_one_reader_alone_compares_nothing():
    said = text(reader("tf2.3"), groups=[(("tf2.3",), True)], reference="tf2.3")
    assert "nothing was compared" in said


def test_nobody_loads_it():
    said = text(reader("keras3.15", Result.LOAD_ERROR))
    assert said.startswith("None of the 1 environments that tried loads it.")
    said = text(reader("keras3.15", Result.DIFFERS), expected=True)
    assert said.startswith("None of the 1 environments that tried gives the expected outputs.")


def test_what_was_not_tried_is_no_failure():
    said = text(
        reader("a", Result.ENVIRONMENT_UNAVAILABLE),
        reader("b", Result.HARNESS_ERROR),
        reader("c", Result.UNSUPPORTED),
    )
    assert said.startswith("No environment could try to load it: this says nothing of the file.")
    assert "a: could not be built here" in said
    assert "b: failed by a fault of this tool" in said
    assert "c: have no such format by declaration" in said


def test_options_that_would_try_more_are_named():
    function = Function(name="", where="lambda", bytecode=True)
    custom = Statement(about="model", value="Mine", basis=Basis.INFERRED, source="")
    failed = reader("keras3.15", Result.LOAD_ERROR)
    said = text(failed, functions=(function,), custom=(custom,))
    assert "--allow-code tries them, in the sandbox" in said
    assert "(Mine)" in said
    assert "--allow-code" not in text(failed, functions=(function,), allow_code=True)
    assert "--allow-code" in text(reader("keras3.15", Result.CODE_REFUSED))


def test_the_committed_schema_is_that_of_the_types():
    committed = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(committed)
    assert committed == json.loads(json.dumps(schema()))
    made = answer(reader("keras3.15"), groups=[(("keras3.15",), True)], reference="keras3.15")
    jsonschema.validate(json.loads(msgspec.json.encode(made)), committed)
