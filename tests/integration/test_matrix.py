"""A small matrix of real environments through the real command line."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import jsonschema
import pytest
from matrix_harness import (
    DATABASE,
    ENVIRONMENTS,
    cells,
    copy_store,
    journal,
    observed,
    run,
    run_record,
)

from runner.publish.schemas import load_schema

CUSTOM = "custom_layer_trained.corrected"
ASPECTS = {"structure", "outputs", "weights", "losses", "trainable", "dtype"}


def test_the_run_succeeds_and_its_controls_hold(matrix):
    assert matrix.finished.code == 0, matrix.finished.text
    assert "Traceback" not in matrix.finished.err
    record = run_record(matrix.store)
    controls = record["controls"]
    assert controls and all(each["passed"] for each in controls)
    held = f"{len(controls)} of {len(controls)} controls held"
    assert held in matrix.finished.out
    kinds = {each["id"].split()[0] for each in controls}
    measured = {"readback", "comparison", "writes", "reads"}
    assert kinds == measured | {"words", "advice", "boundaries"}
    for environment in ENVIRONMENTS:
        comparison = f"comparison plain_dense/h5/{environment}->{environment}/none"
        assert comparison in {each["id"] for each in controls}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_reads_back_its_own_h5(matrix, environment):
    outcomes = cells(matrix.store)["outcome"]
    assert outcomes[f"plain_dense/h5/{environment}->{environment}/none"] == "equivalent"


def test_old_h5_files_load_in_later_tensorflow_and_not_in_keras_3(matrix):
    outcomes = cells(matrix.store)["outcome"]
    assert outcomes["plain_dense/h5/tf1.15->tf2.15/none"] == "equivalent"
    # TensorFlow 1.15 wrote `dtype` into the initializers' configuration.
    assert outcomes["plain_dense/h5/tf1.15->keras3.15/none"] == "load_error"
    seen = observed(matrix.store, "plain_dense/h5/tf1.15->keras3.15/none")
    assert "unexpected keyword argument 'dtype'" in seen["message"]


def test_new_h5_files_do_not_load_in_old_versions(matrix):
    seen = observed(matrix.store, "plain_dense/h5/keras3.15->tf1.15/none")
    assert (seen["status"], seen["stage"]) == ("raised", "load")
    assert "batch_shape" in seen["message"]


def test_a_custom_layer_from_h5_cannot_be_trained_on_in_keras_3(matrix):
    """The optimizer is restored before the custom layer has its variables (Keras 3.15)."""
    cell = f"{CUSTOM}/h5/keras3.15->keras3.15/custom_objects"
    assert cells(matrix.store)["outcome"][cell] == "unusable"
    seen = observed(matrix.store, cell)
    assert seen["stage"] == "train"
    assert "Unknown variable" in seen["message"]


def test_a_format_the_writer_does_not_have_is_unsupported_only_in_the_control(matrix):
    table = cells(matrix.store)
    old_keras = table[(table["writer"] == "tf1.15") & (table["format"] == "keras")]
    assert set(old_keras["scenario"]) == {"plain_dense"}
    assert set(old_keras["outcome"]) == {"unsupported"}


def test_a_custom_layer_fails_bare_and_loads_with_custom_objects(matrix):
    outcomes = cells(matrix.store)["outcome"]
    for environment in ("tf2.15", "keras3.15", "keras3.15-torch"):
        cell = f"{CUSTOM}/keras/{environment}->{environment}"
        assert outcomes[f"{cell}/none"] == "load_error"
        assert outcomes[f"{cell}/custom_objects"] == "equivalent"
    assert outcomes[f"{CUSTOM}/h5/tf2.15->tf2.15/none"] == "load_error"
    assert outcomes[f"{CUSTOM}/h5/tf2.15->tf2.15/custom_objects"] == "equivalent"
    seen = observed(matrix.store, f"{CUSTOM}/h5/tf2.15->tf2.15/none")
    assert seen["stage"] == "load"
    assert "CorrectedCustomLayer" in seen["message"]
    assert "Traceback (most recent call last)" in seen["traceback"]


def test_files_made_of_an_artifact_give_the_same_model_and_their_steps_are_told(matrix, tree):
    table = cells(matrix.store)
    edited = table.loc["plain_dense/h5/tf1.15->keras3.15/rewrite"]
    assert edited["outcome"] == "equivalent"
    assert edited["steps"]
    # TensorFlow 1.15 has no `.keras` files: no way of loading one there helps.
    hopped = table.loc["plain_dense/keras/tf2.15->tf1.15/hop"]
    assert (hopped["outcome"], hopped["steps"]) == ("equivalent", "tf2.15/none/h5")
    pair = ("--writer", "tf2.15", "--reader", "tf1.15", "--scenario", "plain_dense")
    data = str(matrix.store / "report")
    said = run(tree, "advise", *pair, "--format", "keras", "--data", data)
    assert "open it in TF 2.15, save as .h5, load in TF 1.15" in said.out, said.text


def test_optimizer_and_next_training_step_are_compared(matrix):
    seen = observed(matrix.store, f"{CUSTOM}/h5/tf2.15->tf2.15/custom_objects")
    aspects = json.loads(seen["aspects"])
    assert set(aspects) == ASPECTS | {"compile", "optimizer", "training_step"}
    assert {each["status"] for each in aspects.values()} == {"agrees"}


def test_regularizer_losses_are_compared(matrix):
    outcomes = cells(matrix.store)["outcome"]
    for environment in ("tf2.15", "keras3.15", "keras3.15-torch"):
        cell = f"l2_sequential/h5/{environment}->{environment}/none"
        assert outcomes[cell] == "equivalent"
        assert json.loads(observed(matrix.store, cell)["aspects"])["losses"]["status"] == "agrees"


def test_a_file_cut_in_half_never_loads(matrix):
    table = cells(matrix.store)
    bare = table[(table["scenario"] == "truncated_file") & (table["remedy"] == "none")]
    assert len(bare) == 4 * 4 + 3 * 4
    assert not set(bare["outcome"]) & {"equivalent", "harness_error", "not_run", "save_error"}


def test_every_planned_pair_is_there_once(matrix):
    table = cells(matrix.store)
    assert table.index.is_unique
    bare = table[(table["remedy"] == "none") & (table["format"] == "h5")]
    assert len(bare) == 4 * len(ENVIRONMENTS) ** 2
    assert not set(table["outcome"]) & {"harness_error", "not_run", "environment_unavailable"}


def test_totals_reconcile(matrix):
    table, record = cells(matrix.store), run_record(matrix.store)
    assert record["totals"]["cells"] == len(table)
    counts = {name: n for name, n in record["totals"]["by_outcome"].items() if n}
    assert counts == table["outcome"].value_counts().to_dict()


def test_published_files_validate_and_the_report_is_there(matrix):
    record = run_record(matrix.store)
    jsonschema.validate(record, load_schema("run"))
    assert [each["id"] for each in record["environments"]] == sorted(
        ENVIRONMENTS, key=[each["id"] for each in record["environments"]].index
    )
    pages = matrix.store / "report" / "site"
    assert (pages / "index.html").exists()
    listed = (pages / "environments.html").read_text(encoding="utf-8")
    assert all(f'id="{environment}"' in listed for environment in ENVIRONMENTS)
    assert (pages / "scenario" / "plain_dense.html").exists()
    assert (matrix.store / "report" / "cells.parquet").stat().st_size > 0


def test_versions_are_those_really_installed(matrix):
    record = {each["id"]: each for each in run_record(matrix.store)["environments"]}
    text = json.dumps(record["tf1.15"])
    assert "1.15.0" in text
    assert set(record) == set(ENVIRONMENTS)


def test_a_second_run_measures_nothing_and_is_fast(matrix, tree):
    before = journal(matrix.store)
    table = cells(matrix.store)
    again = run(tree, *matrix.arguments)
    assert again.code == 0, again.text
    assert "(0 jobs measured now)" in again.out
    assert again.seconds < 20  # 10 on an idle machine
    assert journal(matrix.store) == before
    assert cells(matrix.store).equals(table)


def test_nothing_is_measured_twice_within_a_run(matrix):
    keys = [(each["kind"], each["id"], each["inputs"]) for each in journal(matrix.store)]
    assert len(keys) == len(set(keys))


def test_a_damaged_record_costs_that_one_job(matrix, tree, tmp_path):
    store = copy_store(matrix.store, tmp_path / "damaged")
    lost = journal(store)[-1]
    with closing(sqlite3.connect(store / DATABASE)) as connection:
        connection.execute(
            "UPDATE record SET observation = CAST('null' AS BLOB) "
            "WHERE number = (SELECT max(number) FROM record)"
        )
        connection.commit()
    again = run(tree, *_with_store(matrix.arguments, store))
    assert again.code == 0, again.text
    assert "(1 jobs measured now)" in again.out
    assert "1 recorded result(s) are damaged" in again.text
    assert journal(store)[-1]["id"] == lost["id"]
    assert len(journal(store)) == len(journal(matrix.store)) + 1
    assert cells(store)["outcome"].equals(cells(matrix.store)["outcome"])


def test_an_environment_without_a_lock_costs_only_its_own_cells(matrix, own_tree, tmp_path):
    (own_tree / "containers" / "locks" / "keras3.15-torch.txt").unlink()
    store = copy_store(matrix.store, tmp_path / "unavailable")
    again = run(own_tree, *_with_store(matrix.arguments, store))
    assert again.code == 0, again.text
    table, before = cells(store), cells(matrix.store)
    missing = (table["writer"] == "keras3.15-torch") | (table["reader"] == "keras3.15-torch")
    assert missing.any()
    assert set(table[missing]["outcome"]) == {"environment_unavailable"}
    kept = table[~missing]
    assert kept["outcome"].equals(before.loc[kept.index, "outcome"])
    assert "nox -s update -- keras3.15-torch" in again.out + again.err
    assert "(0 jobs measured now)" in again.out


def test_a_stale_lock_makes_the_environment_unavailable(own_tree, fails, store):
    declared = own_tree / "containers" / "environments.toml"
    text = declared.read_text(encoding="utf-8")
    start = text.index('id = "tf2.15"')
    place = text.index("requirements = [", start) + len("requirements = [")
    declared.write_text(text[:place] + '"einops", ' + text[place:], encoding="utf-8")
    # Its only environment being unavailable, there is nothing to measure.
    message = fails(5, "run", "--profile", "single", "--store", str(store), tree=own_tree)
    assert "other requirements" in message
    assert "nox -s update -- tf2.15" in message


def test_show_tells_all_of_a_cell_and_how_to_repeat_it(matrix, tree):
    cell = f"{CUSTOM}/h5/tf2.15->tf2.15/none"
    shown = run(tree, "show", cell, "--store", str(matrix.store))
    assert shown.code == 0, shown.text
    for word in ("outcome: load_error", "CorrectedCustomLayer", "Traceback", "repeat: ", cell):
        assert word in shown.out


def test_show_of_a_cell_that_is_not_there(matrix, fails):
    said = fails(2, "show", "plain_dense/h5/tf2.14->tf2.15/none", "--store", str(matrix.store))
    assert "did you mean tf2.15" in said
    assert "nox -s show -- 'plain_dense/h5/tf2.15->tf2.15/none'" in said


def test_plan_counts_what_a_run_does(matrix, tree):
    place = matrix.arguments.index("--store")
    shown = run(tree, "plan", *matrix.arguments[1:place], *matrix.arguments[place + 2 :])
    assert shown.code == 0, shown.text
    table = cells(matrix.store)
    assert f"bare loads: {(table['remedy'] == 'none').sum()};" in shown.out
    assert all(environment in shown.out for environment in ENVIRONMENTS)


def test_envs_lists_the_profile(tree, tmp_path):
    shown = run(tree, "envs", "--profile", "integration", "--store", str(tmp_path / "none"))
    assert shown.code == 0, shown.text
    assert all(environment in shown.out for environment in ENVIRONMENTS)


def test_report_is_rebuilt_from_the_data_alone(matrix, tree, tmp_path):
    store = copy_store(matrix.store, tmp_path / "report-only")
    data = store / "report"
    data.mkdir()
    for name in ("cells.csv", "cells.parquet", "observations.parquet", "run.json"):
        (data / name).write_bytes((matrix.store / "report" / name).read_bytes())
    rebuilt = run(tree, "report", "--store", str(store))
    assert rebuilt.code == 0, rebuilt.text
    first = (matrix.store / "report" / "site" / "index.html").read_text(encoding="utf-8")
    assert (data / "site" / "index.html").read_text(encoding="utf-8") == first


def test_the_bench_prints_ratios_and_records_nothing(matrix, tree, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    before = journal(matrix.store)
    named = ("--cells", "20", "--environment", "tf2.*")
    said = run(tree, "bench", *matrix.arguments[1:], *named)
    assert said.code == 0, said.text
    for line in (
        r"tf2\.15, 20 cells, 12 of them in a process each:",
        r"  ratio: \d+",
        r"no way of running reaches more than \d+",
        r"containers are not measured: no container engine answers",
        r"  wall time over least time: \d\.\d\d",
    ):
        assert re.search(line, said.out), (line, said.text)
    assert journal(matrix.store) == before


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("--environment", "tf2.14"), "no environment of this run is named tf2.14"),
        (("--cells", "100000", "--environment", "tf2.15"), "100000 are needed"),
    ],
)
def test_the_bench_of_what_is_not_there(matrix, fails, asked, words):
    assert words in fails(2, "bench", *matrix.arguments[1:], *asked)


def _with_store(arguments, store):
    place = arguments.index("--store") + 1
    return (*arguments[:place], str(store), *arguments[place + 1 :])
