"""scenarios/claims.toml: every article, patterns that can decide, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from runner.declare.catalog import load_catalog
from runner.declare.claims import load_claims
from runner.declare.environments import read_environments
from runner.domain import Catalog, Cell, CellSet, ClaimSet, Event, Format, Scope, Share
from runner.domain.errors import ConfigurationError
from runner.domain.selector import Selection, parse_pattern
from runner.plan.cells import applicable, plan_bare

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = read_environments(ROOT / "containers/environments.toml").environments
IDS = [each.id for each in ENVIRONMENTS]
CATALOG = load_catalog(ROOT)
DECLARED = load_claims(ROOT / "scenarios/claims.toml", CATALOG, IDS)
CLAIM = """
[[article]]
file = "one.txt"
title = "One"

[[claim]]
id = "c1"
article = "one.txt"
statement = "It loads."
decided_by.cells = ["plain_dense/h5/*->*/none"]
predicts.share = "all"
predicts.event = "equivalent"
"""


def all_cells() -> set[Cell]:
    field = Scope(
        scenarios=CATALOG.scenarios,
        remedies=CATALOG.remedies,
        environments=ENVIRONMENTS,
        selection=Selection(),
    )
    by_id = {each.id: each for each in ENVIRONMENTS}
    bare = plan_bare(field)
    remedied = {
        Cell(
            scenario=cell.scenario,
            format=cell.format,
            writer=cell.writer,
            reader=cell.reader,
            remedy=remedy.id,
        )
        for cell in bare
        for remedy in applicable(field, CATALOG.scenarios[cell.scenario], cell, by_id)
    }
    return {*bare, *remedied}


@pytest.fixture(scope="module")
def planned() -> set[tuple[str, Format, str]]:
    return {(cell.scenario, cell.format, cell.remedy) for cell in all_cells()}


def cell_sets() -> list[tuple[str, CellSet]]:
    found = [(each.id, each.decided_by) for each in DECLARED.claims]
    return found + [(each.id, each.than) for each in DECLARED.claims if each.than]


def test_there_are_claims_of_every_article() -> None:
    assert len(DECLARED.claims) >= 40
    assert len(DECLARED.articles) == 5
    for place, file in enumerate(DECLARED.articles):
        ids = [each.id for each in DECLARED.claims if each.article == file]
        assert len(ids) >= 8, file
        # The first digit of an id is its article's number.
        assert file.startswith(f"00{place}_")
        assert all(re.fullmatch(rf"c{place}\d\d\.[a-z0-9_]+", name) for name in ids), ids


def test_statements_are_sentences_said_once() -> None:
    statements = [each.statement for each in DECLARED.claims]
    assert len(set(statements)) == len(statements)
    assert all(not text[0].islower() and text.endswith(".") for text in statements)


def test_every_selector_has_cells_that_a_full_run_plans(
    planned: set[tuple[str, Format, str]],
) -> None:
    cells = [
        Cell(scenario=scenario, format=format_, writer="x", reader="x", remedy=remedy)
        for scenario, format_, remedy in planned
    ]
    idle = []
    for claim, cell_set in cell_sets():
        for selector in cell_set.cells:
            # Writers and readers are checked when the file is read.
            pattern = replace(parse_pattern(selector), writer="*", reader="*")
            if not any(map(Selection((pattern,)).matches, cells)):
                idle.append((claim, selector))
    assert idle == []


def test_comparisons_share_a_part_and_differ_in_another() -> None:
    for claim in DECLARED.claims:
        if claim.than:
            assert {"reader"} <= set(claim.alike)
            assert claim.than != claim.decided_by


def load(folder: Path, text: str, catalog: Catalog = CATALOG) -> ClaimSet:
    path = folder / "claims.toml"
    path.write_text(text, encoding="utf-8")
    return load_claims(path, catalog, IDS)


def test_a_claim_is_read(tmp_path: Path) -> None:
    declared = load(tmp_path, CLAIM)

    assert declared.articles == {"one.txt": "One"}
    (claim,) = declared.claims
    assert (claim.id, claim.statement, claim.note) == ("c1", "It loads.", "")
    assert claim.decided_by == CellSet(cells=("plain_dense/h5/*->*/none",))
    assert (claim.predicts.share, claim.predicts.event) == (Share.ALL, Event.EQUIVALENT)
    assert claim.than is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("plain_dense/", "plain_dens/", "scenario 'plain_dens' matches nothing"),
        ("/h5/", "/hdf5/", "format 'hdf5' matches nothing"),
        ("*->*", "tf9.9->*", "writer 'tf9.9' matches nothing"),
        ("*->*", "*->tf9.9", "reader 'tf9.9' matches nothing"),
        ("/none", "/nothing", "remedy 'nothing' matches nothing"),
        ("*->*", "all", "not writer->reader"),
        ('"equivalent"', '"equal"', "unknown event 'equal'"),
        ('"all"', '"every"', "unknown share 'every'"),
        ('"all"', '"better"', "`than` and `share = 'better'` go together"),
        ('article = "one.txt"', 'article = "two.txt"', "unknown 'two.txt'"),
        ('"equivalent"', '"any"', "every cell would agree"),
        ("statement", "says", "unknown key `says`"),
        ("predicts.share", 'decided_by.writers = ["tf9*"]\npredicts.share', "'tf9\\*'"),
        ("predicts.share", 'decided_by.counts = ["not_run"]\npredicts.share', "`counts` takes"),
        ("predicts.share", 'decided_by.cell = ["x"]\npredicts.share', "unknown key `cell`"),
        ("predicts.share", 'predicts.messages = "x"\npredicts.share', "not a list of strings"),
        ("predicts.share", 'alike = ["version"]\npredicts.share', "unknown 'version'"),
    ],
)
def test_what_no_cell_could_decide_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in CLAIM
    text = CLAIM.replace(old, new)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load(tmp_path, text)
    assert "claims.toml" in str(caught.value)


def test_an_id_stands_once(tmp_path: Path) -> None:
    twice = CLAIM + CLAIM[CLAIM.index("[[claim]]") :]
    with pytest.raises(ConfigurationError, match="declared twice"):
        load(tmp_path, twice)


def test_a_comparison_names_what_it_compares_with(tmp_path: Path) -> None:
    text = CLAIM.replace('"all"', '"better"') + 'than.cells = ["plain_dense/keras"]\n'
    text += 'alike = ["scenario", "reader"]\n'
    (claim,) = load(tmp_path, text).claims

    assert claim.than == CellSet(cells=("plain_dense/keras",))
    assert claim.alike == ("scenario", "reader")
