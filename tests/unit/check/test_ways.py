from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest
from inspect_samples import DATA, sample

from runner.check.install import code_of
from runner.check.order import Order, order_readers
from runner.check.ways import (
    NothingToLoad,
    all_ways,
    is_unsupported,
    kind_of,
    right_name,
    ways_of,
)
from runner.declare.environments import read_environments
from runner.domain import BARE
from runner.inspect import Basis, Statement, describe_here
from runner.inspect.description import WRITTEN_ON

DECLARED = read_environments()
PLAIN = sample("tf2.15_compiled.keras")
WAYS_OF_THE_PROBE = Path(__file__).resolve().parents[3] / "runner" / "fileprobe" / "ways.py"


def order(name="model.h5", **given):
    return Order(file=Path(name), readers=(), **given)


def ids(kind, environment, asked):
    return [each.id for each in ways_of(kind, DECLARED.by_id(environment), asked, PLAIN)]


def test_every_way_is_one_of_the_probes():
    text = WAYS_OF_THE_PROBE.read_text(encoding="utf-8")
    remedies = (WAYS_OF_THE_PROBE.parents[1] / "probe" / "remedies.py").read_text(encoding="utf-8")
    unknown = [
        each.id
        for each in all_ways()
        if f"    {each.id}=" not in text and f'"{each.id}"' not in remedies
    ]
    assert unknown == []


def test_the_bare_load_comes_first_and_the_users_code_only_where_it_is_given():
    assert ids("h5", "keras3.15", order())[0] == BARE
    plain = ids("h5", "keras3.15", order())
    assert not {"custom_objects", "unsafe", "right_name", "weights"} & set(plain)
    given = order(custom_objects=Path("mine.py"), allow_code=True)
    assert {"custom_objects", "unsafe", "weights"} <= set(ids("h5", "keras3.15", given))
    assert "unsafe" not in ids("h5", "tf2.3", given)


def test_a_wrong_name_gets_a_way_of_its_own():
    assert "right_name" in ids("keras", "keras3.15", order("model.h5"))
    assert "right_name" not in ids("keras", "keras3.15", order("model.keras"))


def test_names_of_windows_are_mended_where_the_file_has_them():
    note = Statement(about=WRITTEN_ON, value="Windows", basis=Basis.INFERRED, source="a group")
    windows = msgspec.structs.replace(PLAIN, notes=(note,))
    found = ways_of("keras", DECLARED.by_id("tf2.15"), order("model.keras"), windows)
    told = [each.id for each in found]
    assert told[:4] == ["none", "compat_shims", "unix_names", "unix_names_shims"]
    assert "unix_names" not in ids("keras", "tf2.15", order("model.keras"))


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("keras", "model.h5", "model.keras"),
        ("keras", "model.keras", "model.keras"),
        ("h5", "model.hdf5", "model.hdf5"),
        ("h5", "model", "model.h5"),
        ("h5", "weights.weights.h5", "weights.h5"),
        ("weights", "x.h5", "x.weights.h5"),
        ("saved_model", "folder", "folder"),
        ("h5", "bad\udcff.h5", "model.h5"),
        ("h5", "a" * 250 + ".h5", "model.h5"),
    ],
)
def test_the_name_that_keras_goes_by(kind, name, wanted):
    assert right_name(kind, name) == wanted


def test_a_format_that_a_version_does_not_have_is_not_tried_there():
    old, new = DECLARED.by_id("tf1.15"), DECLARED.by_id("keras3.15")
    for kind, environment, unsupported in (
        ("keras", old, True),
        ("keras", new, False),
        ("h5", old, False),
        ("saved_model", new, False),
        ("saved_model", DECLARED.by_id("keras2.3"), True),
        ("saved_model", DECLARED.by_id("keras3.15-torch"), True),
    ):
        ways = ways_of(kind, environment, order(), PLAIN)
        assert is_unsupported(kind, environment, ways) is unsupported, (kind, environment.id)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tf1.15_compiled.h5", "h5"),
        ("tf2.15_compiled.keras", "keras"),
        ("tf2.3_saved_model", "saved_model"),
        ("tf2.3_architecture.json", "architecture"),
        ("keras2.3.weights.h5", "old_weights"),
    ],
)
def test_kinds_of_real_files(name, kind):
    assert kind_of(describe_here(DATA / name)) == kind


def test_nothing_is_loaded_from_what_is_no_model(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(b"")
    with pytest.raises(NothingToLoad, match="no model"):
        kind_of(describe_here(path))
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(NothingToLoad, match="git lfs pull"):
        kind_of(describe_here(path))


def test_every_line_of_code_is_python():
    wrong = []
    for way in all_ways():
        for name in ("tf2.3", "keras3.15", "keras3.15-torch", "tf-keras2.21", "keras2.3"):
            text = code_of(DECLARED.by_id(name), way, Path("it's/model.h5"), "model.h5")
            try:
                lines = ast.parse(text).body
            except SyntaxError:
                lines = []
            if not lines:
                wrong.append((way.id, name, text))
    assert wrong == []


def test_the_newest_is_first_and_the_writers_own_second():
    readers = DECLARED.profile("default")
    names = [each.id for each in order_readers(readers, ("tf2.3", "tf2.2"))]
    assert names[:3] == ["keras3.15", "tf2.3", "keras3.15-torch"]
    assert len(names) == len(readers)
    again = [each.id for each in order_readers(readers, ("keras3.15", "keras3.15-torch"))]
    assert again[:2] == ["keras3.15", "keras3.15-torch"]
    assert order_readers(readers, ())[0].id == "keras3.15"
