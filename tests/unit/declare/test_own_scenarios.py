"""Scenarios of one's own: beside those of the repository, and never in their place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_tree import ROW, HeardReporter, make_tree

from runner import pipeline
from runner.cli import main
from runner.cli.command import make_request
from runner.declare.catalog import load_catalog
from runner.declare.own_scenarios import lay_over, write_new
from runner.domain import Outcome
from runner.domain.errors import ConfigurationError, SelectionError
from runner.domain.request import Request
from runner.executors import registry

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path):
    write_new("my_model", tmp_path / "own")
    return tmp_path / "own"


def test_a_new_scenario_is_one_of_the_catalogue(folder):
    own = lay_over(ROOT, folder)
    found = load_catalog(own.root)

    assert own.ids == ("my_model",)
    assert list(found.scenarios) == [*load_catalog(ROOT).scenarios, "my_model"]
    assert found.scenarios["my_model"].title == "My model"
    assert not (ROOT / "scenarios" / "my_model.py").exists()


def test_a_second_one_is_added_to_the_same_catalogue(folder):
    write_new("other", folder)
    assert lay_over(ROOT, folder).ids == ("my_model", "other")


def test_the_template_runs_at_once(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, ROW))
    make_tree(tmp_path / "tree")
    # The fake Keras writes this format alone, and has no second layer.
    catalog = folder / "catalog.toml"
    catalog.write_text(
        catalog.read_text().replace('["h5", "keras"]', '["h5"]').replace(', "dtype"]', "]")
    )
    own = lay_over(tmp_path / "tree", folder)
    (own.root / "keras.py").write_bytes((tmp_path / "tree" / "keras.py").read_bytes())
    module = own.root / "scenarios" / "my_model.py"
    module.write_text(
        module.read_text()
        .replace('8, activation="relu", input_shape', "8, input_shape")
        .replace("[hidden, keras.layers.Dense(2)]", "[hidden]")
    )
    request = Request(
        root=own.root,
        store=tmp_path / "store",
        out=tmp_path / "out",
        profile="smoke",
        executor="fake",
        filters={"scenario": own.ids},
    )
    outcome = pipeline.run_matrix(request, HeardReporter())
    found = {each.cell.id: each.outcome for each in outcome.results}
    assert found == {
        f"my_model/h5/{writer}->{reader}/none": Outcome.EQUIVALENT
        for writer in ("old", "new")
        for reader in ("old", "new")
    }
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert "my_model" in {each["id"] for each in record["scenarios"]}


def test_without_a_selector_only_these_are_meant(folder):
    assert make_request({"scenarios": folder}).filters == {"scenario": ("my_model",)}
    chosen = make_request({"scenarios": folder, "scenario": ("plain_dense",)})
    assert chosen.filters == {"scenario": ("plain_dense",)}
    assert make_request({"scenarios": folder, "select": ("*/h5",)}).filters == {}


def test_the_command_writes_both_files_and_says_how_to_run_them(tmp_path, capsys):
    into = tmp_path / "models"
    assert main(["scenario", "new", "my_model", "--into", str(into)]) == 0
    said = capsys.readouterr().out
    assert f"--profile smoke --scenario my_model --scenarios {into}\n" in said
    assert {path.name for path in into.iterdir()} == {"catalog.toml", "my_model.py"}
    assert main(["plan", "--scenarios", str(into), "--profile", "smoke"]) == 0
    assert "my_model" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["My-Model", "2nd", "a b", "a/b", "../x", "UPPER", ""])
def test_a_name_that_no_module_can_have_is_refused(tmp_path, name):
    with pytest.raises(SelectionError, match="cannot be the name") as raised:
        write_new(name, tmp_path)
    step = raised.value.next_step.removeprefix("nox -s scenario -- new ")
    write_new(step, tmp_path)


def test_nothing_that_is_there_is_overwritten(folder):
    module = folder / "my_model.py"
    module.write_text("mine")
    with pytest.raises(SelectionError, match="there is a scenario my_model"):
        write_new("my_model", folder)
    assert module.read_text() == "mine"


@pytest.mark.parametrize("name", ["plain_dense", "framework"])
def test_a_module_of_the_repository_cannot_be_replaced(folder, name):
    (folder / f"{name}.py").write_text("")
    with pytest.raises(ConfigurationError, match="is one of the repository's, too"):
        lay_over(ROOT, folder)


def test_a_scenario_of_the_repository_cannot_be_replaced(folder):
    catalog = folder / "catalog.toml"
    catalog.write_text(catalog.read_text().replace('id = "my_model"', 'id = "plain_dense"'))
    with pytest.raises(ConfigurationError, match="the scenario 'plain_dense' is one of"):
        lay_over(ROOT, folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("\n[[scenario]]", "\n[scenario]"), "catalog.toml"),
        (('group = "own scenarios"', 'grup = "own"'), "grup"),
        (("\n[[scenario]]", '\n[profiles]\ndefault = ["my_model"]\n[[scenario]]'), "profiles"),
        (('module = "my_model"', 'module = "missing"'), "missing.py"),
    ],
)
def test_a_mistake_in_the_catalogue_names_the_own_file(folder, change, said):
    catalog = folder / "catalog.toml"
    catalog.write_text(catalog.read_text().replace(*change))
    with pytest.raises(ConfigurationError) as raised:
        lay_over(ROOT, folder)
    assert said in raised.value.message
    assert str(folder) in raised.value.message


def test_a_syntax_error_names_the_own_file(folder):
    (folder / "my_model.py").write_text("def (")
    with pytest.raises(ConfigurationError) as raised:
        lay_over(ROOT, folder)
    assert str(folder / "my_model.py") in raised.value.message


def test_a_folder_that_is_none_is_refused_with_the_command_that_makes_it(tmp_path):
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(SelectionError) as raised:
            lay_over(ROOT, folder)
        assert "nox -s scenario -- new my_model" in raised.value.next_step
    with pytest.raises(SelectionError, match="these are the scenarios of the repository"):
        lay_over(ROOT, ROOT / "scenarios")
