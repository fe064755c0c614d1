from __future__ import annotations

import json

import jsonschema
import pytest

from runner.declare.environments import REPOSITORY
from runner.domain.errors import SelectionError
from runner.migrate.files import Attempts, put_in_place
from runner.migrate.manifest import schema
from runner.migrate.order import ConvertOrder, Order, encode
from runner.migrate.work import check_places
from runner.userfile.digest import digest_of
from runner.userfile.workbench import Observed

SCHEMA = REPOSITORY / "reports" / "schemas" / "migrate.schema.json"


def test_the_committed_schema_is_that_of_the_types():
    committed = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(committed)
    assert committed == json.loads(json.dumps(schema()))


def test_a_folders_digest_is_of_names_and_contents(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"1")
    first = digest_of(tmp_path / "a")
    (tmp_path / "a" / "b" / "c").rename(tmp_path / "a" / "b" / "d")
    assert digest_of(tmp_path / "a") != first
    assert first[1] == 1


def test_a_file_is_put_in_place_whole_or_not_at_all(tmp_path):
    source, target = tmp_path / "new", tmp_path / "folder" / "model.keras"
    source.write_bytes(b"new")
    put_in_place(source, target, force=False)
    source.write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        put_in_place(source, target, force=False)
    assert target.read_bytes() == b"new"
    put_in_place(source, target, force=True)
    assert target.read_bytes() == b"newer"
    assert [each.name for each in target.parent.iterdir()] == ["model.keras"]


def test_a_finished_attempt_is_found_again_and_a_fault_of_ours_is_not(tmp_path):
    attempts = Attempts(tmp_path / "migration")
    for key, status in (("a", "done"), ("b", "raised"), ("c", "harness_error"), ("d", "timed_out")):
        folder = tmp_path / key
        folder.mkdir()
        (folder / "report.json").write_text('{"class": "Sequential"}', encoding="utf-8")
        attempts.keep(key, Observed(id=key, status=status, folder=str(folder)))
    assert [attempts.find(key) is not None for key in "abcd"] == [True, True, False, False]
    found = attempts.find("a")
    assert found is not None
    assert found.report() == {"class": "Sequential"}
    attempts.remove()
    assert attempts.find("a") is None


def test_equal_orders_have_equal_keys():
    orders = [
        ConvertOrder(id="1", file="a", format="h5", way="none", save=("h5",)) for _ in range(2)
    ]
    assert encode(orders[0]) == encode(orders[1])
    assert b'"kind":"file_convert"' in encode(orders[0])


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("model.h5", "the original itself"),
        ("saved/model.keras", "inside it"),
        ("model.onnx", "no format of Keras"),
        ("there.keras", "exists"),
    ],
)
def test_places_that_would_cost_a_file_are_refused(tmp_path, out, said):
    (tmp_path / "saved").mkdir()
    for name in ("model.h5", "there.keras"):
        (tmp_path / name).write_bytes(b"1")
    original = tmp_path / ("saved" if out.startswith("saved") else "model.h5")
    order = Order(file=original, target="keras3.15", out=tmp_path / out)
    with pytest.raises(SelectionError, match=said):
        check_places(order)
