"""scenarios/singletons.toml: each explanation is of cells that can be, and of the published run."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli import main
from runner.declare.catalog import load_catalog
from runner.declare.environments import read_environments
from runner.declare.singletons import load_singletons
from runner.domain import Format
from runner.domain.errors import ConfigurationError
from runner.domain.selector import KnownIds, select

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = ROOT / "reports" / "published"


def test_every_explanation_names_declared_cells():
    catalog = load_catalog(ROOT)
    declared = read_environments(ROOT / "containers" / "environments.toml")
    known = KnownIds(
        scenarios=tuple(catalog.scenarios),
        formats=tuple(map(str, Format)),
        environments=tuple(each.id for each in declared.environments),
        remedies=tuple(catalog.remedies),
    )
    explained = load_singletons(ROOT / "scenarios" / "singletons.toml")
    assert explained
    for each in explained:
        select(each.cells, {}, known)


def test_every_singleton_of_the_published_run_is_explained(capsys):
    assert main(("singletons", "--check", "--data", str(PUBLISHED))) == 0
    said = capsys.readouterr().out
    assert "cells stand alone; " in said
    assert "not explained" not in said


def test_two_of_one_id_are_refused(tmp_path):
    path = tmp_path / "singletons.toml"
    entry = '[[singleton]]\nid = "a"\ncells = ["*"]\nwhy = "because"\n'
    path.write_text(entry * 2)
    with pytest.raises(ConfigurationError, match="a"):
        load_singletons(path)
