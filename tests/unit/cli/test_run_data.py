"""Commands that read a run: one's own, the published one, or the one that is named."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
from report_fixtures import make_run, publish_run, put_together

from runner.analyse.advice import build_advice
from runner.cli import main
from runner.cli.run_data import split_cell
from runner.domain import Origin
from runner.domain.errors import SelectionError
from runner.publish import reading
from runner.publish.files import publish_data

PUBLISHED = Path(__file__).resolve().parents[3] / "reports" / "published"
NOTE = "no run of your own in .matrix: this is of the run in reports/published\n"
PAIR = ("--writer", "tf2.12", "--reader", "keras3.15", "--scenario", "l2_sequential")
READERS = {
    "show": ("l2_sequential/h5/tf2.12->keras3.15/none",),
    "advise": (*PAIR, "--format", "h5"),
    "boundaries": ("--scenario", "l2_sequential", "--format", "h5", "--remedy", "none"),
    "claims": (),
}


load_once = functools.lru_cache(reading.load_data)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A folder without a run of one's own; the published run is read once for all tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "load_data", load_once)
    return tmp_path


@pytest.mark.parametrize("name", READERS)
def test_without_a_run_of_ones_own_the_published_run_answers(name, fresh, capsys):
    assert main((name, *READERS[name])) == 0
    said = capsys.readouterr()
    assert said.err == NOTE
    assert len(said.out) > 50
    assert list(fresh.iterdir()) == []


def test_the_data_that_is_named_is_read(fresh, capsys):
    assert main(("advise", *READERS["advise"], "--data", str(PUBLISHED))) == 0
    said = capsys.readouterr()
    assert said.out.startswith("advice: ")
    assert said.err == ""


def test_a_run_of_ones_own_goes_first(fresh, capsys):
    run = make_run()
    publish_run(run, fresh / ".matrix" / "report")
    cell = run.results[0].cell
    assert main(("show", cell.id)) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert f"outcome: {run.results[0].outcome}" in said.out
    assert f"repeat: nox -s matrix -- --select '{cell.id}' --force" in said.out


@pytest.mark.parametrize("named", ["--data", "--store"])
def test_a_run_that_was_named_and_is_not_there_is_an_error(named, fresh, capsys):
    assert main(("claims", named, str(fresh / "nowhere"))) == 6
    said = capsys.readouterr().err
    assert "nowhere" in said
    assert NOTE not in said


def test_pages_of_the_published_run_are_left_alone(fresh, monkeypatch, capsys):
    rendered = []
    monkeypatch.setattr(
        "runner.render.site.render_site",
        lambda data, site, *_: rendered.append((data, site)),
    )
    assert main(("report",)) == 0
    assert rendered.pop() == (PUBLISHED, fresh / ".matrix" / "report" / "site")
    assert main(("report", "--data", str(PUBLISHED))) == 0
    assert rendered.pop() == (PUBLISHED, PUBLISHED / "site")


@pytest.mark.parametrize(
    ("cell", "better"),
    [
        ("plain_dens/h5/tf2.12->keras3.15/none", "plain_dense/h5/tf2.12->keras3.15/none"),
        ("plain_dense/h6/tf2.12->keras3.15/none", "plain_dense/h5/tf2.12->keras3.15/none"),
        ("plain_dense/h5/tf2.12->kears3.15/none", "plain_dense/h5/tf2.12->keras3.15/none"),
        ("plain_dense/h5/tf2.12->keras3.15/compile_fals", "compile_false"),
    ],
)
def test_a_mistyped_part_of_a_cell_is_suggested(cell, better, fresh, capsys):
    assert main(("show", cell, "--data", str(PUBLISHED))) == 2
    said = capsys.readouterr().err
    assert "did you mean" in said
    assert "next: nox -s show -- '" in said
    assert better in said


def test_advise_suggests_ids_too(fresh, capsys):
    mistyped = [word.replace("keras3.15", "kears3.15") for word in READERS["advise"]]
    assert main(("advise", *mistyped, "--data", str(PUBLISHED))) == 2
    said = capsys.readouterr().err
    assert "did you mean keras3.15" in said
    assert "next: nox -s advise -- --scenario l2_sequential --format h5 --writer tf2.12" in said


def test_parts_that_were_not_measured_together_are_to_be_measured(fresh, capsys):
    cell = "plain_dense/h5/tf2.12->keras3.15/json_weights"
    assert main(("show", cell, "--data", str(PUBLISHED))) == 2
    said = capsys.readouterr().err
    assert f"next: nox -s matrix -- --select '{cell}'" in said


@pytest.mark.parametrize(
    "cell",
    [
        "a/h5/b->c/none/extra",
        "a/h5/b->c",
        "a/h5/b/none",
        "a/h5/b->c->d/none",
        "a//b->c/none",
        "a/h5/->c/none",
        "",
    ],
)
def test_only_five_parts_are_a_cell(cell):
    with pytest.raises(SelectionError, match="is not the id of a cell"):
        split_cell(cell)


def test_a_cell_is_split_into_its_parts():
    assert split_cell("a/h5/b->c/none") == {
        "scenario": "a",
        "format": "h5",
        "writer": "b",
        "reader": "c",
        "remedy": "none",
    }


@pytest.mark.parametrize("name", ["advise", "boundaries", "causes"])
def test_what_is_said_of_the_published_run_agrees_with_its_cells(name, fresh, capsys):
    assert main((name, "--check", "--data", str(PUBLISHED))) == 0
    assert capsys.readouterr().err == ""


def test_advice_for_no_pair_says_which_part_is_missing(fresh, capsys):
    assert main(("advise", "--writer", "tf2.12", "--format", "h5")) != 0
    said = capsys.readouterr().err
    assert "--reader, --scenario" in said
    assert "nox -s advise -- --writer tf2.12 --reader ID --scenario ID --format h5" in said


def test_advice_that_was_edited_fails_the_check(fresh, capsys):
    run = make_run()
    published = put_together(run)
    advice = build_advice(published.cells, published.run)
    publish_data(fresh / "true", replace(published, advice=advice))
    assert main(("advise", "--check", "--data", "true")) == 0
    publish_data(fresh / "edited", replace(published, advice=advice.assign(nearest="tf1.15")))
    assert main(("advise", "--check", "--data", "edited")) == 10
    assert "nearest" in capsys.readouterr().out


def test_a_stale_cell_says_so(fresh, capsys):
    run = make_run()
    results = tuple(replace(each, origin=Origin.STALE) for each in run.results)
    publish_run(replace(run, results=results), fresh / ".matrix" / "report")
    assert main(("show", run.results[0].cell.id)) == 0
    said = capsys.readouterr().out
    assert "origin: stale" in said
    assert "note: kept from an earlier run" in said
