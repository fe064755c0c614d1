"""The plugin in test suites of its users, on the fake Keras: no environment is built."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
from fake_probe import FAKE
from fake_tree import ROW, make_tree

from runner.cli import command
from runner.declare import own_scenarios
from runner.executors import registry
from runner.pytest_plugin import items, measuring

pytest_plugins = ["pytester"]

HEAD = """
import pytest
from pathlib import Path

SIZE = 3
Path("imported").touch()
"""
PLAIN = """
@pytest.mark.compat(writers="{writers}", readers="{readers}", formats="h5", aspects="outputs")
def small_model(keras):
    '''A model of one layer.'''
    return keras.Sequential([keras.layers.Dense(2, input_shape=(SIZE,))]{more})

def draw(rng):
    return rng.uniform(size=(8, SIZE)).astype("float32")
"""


def suite(*, writers="old", readers="new", more="", marks="inputs=draw", head=HEAD):
    text = PLAIN.format(writers=writers, readers=readers, more=more)
    # A decorator is read before what stands below it.
    body, _, draw = text.partition("def draw")
    return head + "def draw" + draw + body.replace('formats="h5"', f'formats="h5", {marks}')


@pytest.fixture
def tree(tmp_path, monkeypatch):
    root = tmp_path / "tree"
    make_tree(root)
    monkeypatch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, ROW))
    monkeypatch.setattr(command, "ROOT", root)
    monkeypatch.setattr(items, "ROOT", root)
    lay_over = own_scenarios.lay_over

    def with_keras(*arguments):
        own = lay_over(*arguments)
        shutil.copy(FAKE / "keras.py", own.root)
        return own

    monkeypatch.setattr(own_scenarios, "lay_over", with_keras)
    return root


@pytest.fixture
def run(tree, pytester):
    def go(text=None, *arguments, name="test_models"):
        if text is not None:
            pytester.makepyfile(**{name: text})
        plugins = ("-p", "runner.pytest_plugin", "-p", "no:cacheprovider", "--strict-markers")
        return pytester.runpytest_inprocess(
            *plugins, "--compat-executor", "fake", "-rA", *arguments
        )

    return go


MODELS = """
import pytest

SIZE = 3


def draw(rng):
    return rng.uniform(size=(8, SIZE)).astype("float32")


def build_model(keras, **more):
    return keras.Sequential([keras.layers.Dense(2, input_shape=(SIZE,))], **more)


compat = pytest.mark.compat


@compat(writers="old", readers="new,gone", formats="h5,keras", aspects="outputs", inputs=draw)
def sound(keras):
    '''A model of one layer.'''
    return build_model(keras)


@compat(writers="old,new", readers="new", formats="h5", aspects="outputs", inputs=draw)
def broken(keras):
    return build_model(keras, harm="raise")


@compat(writers="old", readers="new", formats="h5", aspects="outputs", inputs=draw)
def other(keras):
    return build_model(keras, harm="diverge")


@compat(writers="old", readers="new", formats="h5", aspects="outputs", inputs=draw)
def mended(keras):
    return build_model(keras)


@compat(writers="old", readers="new", formats="h5", aspects="outputs", inputs=draw)
def raising(keras):
    raise OSError("no such file")


def test_of_the_suite_itself():
    assert SIZE == 3
"""
EXPECTED = """
[[expectation]]
cells = "test_models.{model}/h5/{writer}->new/none"
outcome = "load_error"
reason = "The layer is gone."
link = "https://example.org/1"
"""


def test_each_pair_is_a_test_with_its_own_result(run, pytester, monkeypatch):
    sessions = []
    measure = measuring.measure

    def counted(*arguments):
        sessions.append(measure(*arguments))
        return sessions[-1]

    monkeypatch.setattr(measuring, "measure", counted)
    declared = [("broken", "old"), ("other", "*"), ("mended", "*")]
    expected = [EXPECTED.format(model=model, writer=writer) for model, writer in declared]
    (pytester.path / "compat.toml").write_text("".join(expected))

    found = run(MODELS)

    # sound and the suite's own; the expected one; the format; what is gone, and what raises
    found.assert_outcomes(passed=2, xfailed=1, failed=3, skipped=2, errors=2)
    assert found.ret == 1
    text = found.stdout.str()
    for line in (
        "PASSED test_models.py::sound[test_models.sound/h5/old->new/none]",
        "] - load_error [unclassified]: The layer is gone. (https://example.org/1)",
        "test_models.broken/h5/new->new/none: fails to load",
        "  ValueError: no such layer",
        "  repeat with: pytest 'test_models.py::broken[test_models.broken/h5/new->new/none]'",
        "expected to be load_error: The layer is gone.\ntest_models.other/h5/old->new/none: loads",
        "[XPASS(strict)]",
        "old->gone/none: an environment could not be built: gone: there is no such package",
        "old does not write the format keras",
        "  OSError: no such file",
    ):
        assert line in text, line
    raising = MODELS.strip().splitlines().index('    raise OSError("no such file")') + 1
    assert f"test_models.py:{raising}: raising raised in old, so that there is no model" in text

    again = run()

    again.assert_outcomes(passed=2, xfailed=1, failed=3, skipped=2, errors=2)
    assert sessions[0].measured > 10
    # A save that failed in its builder is tried again.
    assert sessions[1].measured == 0
    with closing(sqlite3.connect(pytester.path / ".matrix" / "observations.sqlite")) as store:
        ids = [row[0] for row in store.execute("SELECT id FROM record WHERE kind = 'save'")]
    assert [ids.count(f"test_models.{name}/h5/old") for name in ("sound", "broken")] == [1, 1]


def test_collecting_builds_and_measures_nothing(run, pytester, monkeypatch):
    monkeypatch.setattr(measuring, "measure_once", None)
    found = run(suite(readers="*"), "--collect-only", "-q")

    found.stdout.fnmatch_lines(["*/h5/old->new/none[]]", "*/h5/old->gone/none[]]"])
    assert found.ret == 0
    assert not (pytester.path / ".matrix").exists()


def test_no_environment_at_all_is_an_error(run):
    found = run(suite(writers="gone", readers="gone"))

    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["no environment could be built: there is nothing to measure"])


def test_a_session_in_which_no_pair_ran_does_not_pass(run):
    skipped = suite().replace(
        "@pytest.mark.compat", "@pytest.mark.skip('later')\n@pytest.mark.compat"
    )
    found = run(skipped)

    found.assert_outcomes(skipped=1)
    assert found.ret == 1
    found.stdout.fnmatch_lines(
        ["compat: not one pair of test_models.small_model ran: that is no pass"]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('writers="old"', 'writers="odl"'), "*`writers` names 'odl', which is no environment*"),
        (('writers="old", ', ""), "*the mark compat has no `writers`*"),
        (('formats="h5"', 'formats="h6"'), "*`formats` names 'h6'*"),
        (('formats="h5"', 'format="h5"'), "*the mark compat takes no 'format'*"),
        (("inputs=draw", "inputs=3"), "*`inputs` is '3', which is no function*"),
        (("inputs=draw", "remedies='magic'"), "*`remedies` names 'magic'*"),
        (('writers="old"', "writers=''"), "*`writers` is '', which names nothing*"),
        (("def small_model(keras)", "def small_model(tmp_path)"), "*takes 'tmp_path', which*"),
        (
            ("    return keras.S", "    pytest.skip()\n    return keras.S"),
            "*needs 'pytest', which*",
        ),
        (
            ("    return keras.S", "    if (n := 3):\n        pass\n    return keras.S"),
            "*Python 3.7 *",
        ),
    ],
)
def test_a_mark_that_cannot_be_meant_ends_the_collection(run, change, message):
    text = suite()
    assert change[0] in text
    found = run(text.replace(*change))

    assert found.ret == pytest.ExitCode.INTERRUPTED
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines([message])


@pytest.mark.parametrize("over", ["class TestModels:\n", "pytestmark = {mark}\n"])
def test_a_mark_that_would_do_nothing_is_refused(run, over):
    mark = 'pytest.mark.compat(writers="old", readers="new")'
    text = f"{HEAD}\n{over.format(mark=mark)}"
    text += "    pass\n" if "class" in over else "def test_nothing():\n    pass\n"
    if "class" in over:
        text = f"{HEAD}\n@{mark}\nclass TestModels:\n    def test_nothing(self):\n        pass\n"
    found = run(text)

    assert found.ret in {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERRUPTED}
    (found.stderr if found.ret == pytest.ExitCode.USAGE_ERROR else found.stdout).fnmatch_lines(
        ["*the mark 'compat' belongs over a function*"]
    )


def test_two_models_of_one_name_are_refused(run, pytester):
    for name in ("first", "second"):
        (pytester.path / name).mkdir()
        (pytester.path / name / "test_models.py").write_text(suite())
    found = run(None, "--import-mode=importlib")

    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["*there is another test_models.small_model: *first/test_models.py"])


def test_expectations_that_cannot_be_read_are_an_error(run, pytester, monkeypatch):
    monkeypatch.setattr(measuring, "measure_once", None)
    wrong = EXPECTED.format(model="small_model", writer="*").replace("load_error", "broken")
    (pytester.path / "compat.toml").write_text(wrong)
    found = run(suite())

    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["*compat.toml:*broken*"])


OTHERS = """
import pytest


class Proxy:
    def __getattribute__(self, name):
        raise RuntimeError("no request is being handled")


proxy = Proxy()


class TestOthers:
    pytestmark = pytest.mark.skip("later")

    def test_nothing(self):
        pass


def test_passes():
    pass
"""


def test_a_suite_without_the_mark_is_left_alone(run):
    run(OTHERS).assert_outcomes(passed=1, skipped=1)
