"""scenarios/claims.toml: every article, patterns that can decide, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from runner.declare.catalog import load_catalog
from runner.declare.causes import load_causes
from runner.declare.claims import check_reasons, load_claims
from runner.declare.environments import read_environments
from runner.domain import (
    Baseline,
    Catalog,
    Cell,
    CellSet,
    ClaimSet,
    Environment,
    Event,
    Format,
    Pair,
    Prediction,
    Scope,
    Share,
)
from runner.domain.errors import ConfigurationError
from runner.domain.pairs import read_version
from runner.domain.selector import Selection, parse_pattern
from runner.plan.cells import every_cell

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = read_environments(ROOT / "containers/environments.toml").environments
IDS = [each.id for each in ENVIRONMENTS]
CATALOG = load_catalog(ROOT)
DECLARED = load_claims(ROOT / "scenarios/claims.toml", CATALOG, ENVIRONMENTS)
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
    return set(every_cell(field))


@pytest.fixture(scope="module")
def planned() -> set[tuple[str, Format, str]]:
    return {(cell.scenario, cell.format, cell.remedy) for cell in all_cells()}


def cell_sets() -> list[tuple[str, CellSet]]:
    found = [(each.id, each.decided_by) for each in DECLARED.claims if each.decided_by]
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
    return load_claims(path, catalog, ENVIRONMENTS)


def test_a_claim_is_read(tmp_path: Path) -> None:
    declared = load(tmp_path, CLAIM)

    assert declared.articles == {"one.txt": "One"}
    (claim,) = declared.claims
    assert (claim.id, claim.statement, claim.note) == ("c1", "It loads.", "")
    assert claim.decided_by == CellSet(cells=("plain_dense/h5/*->*/none",))
    assert claim.predicts == Prediction(share=Share.ALL, event=Event.EQUIVALENT)
    assert claim.decided_by.pair == {Pair.READER_NEWER}
    assert claim.decided_by.baseline is Baseline.EQUIVALENT
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
        ("It loads.", "It may load.", "says some, and `share` is all"),
        ("It loads.", "It often loads.", "says most, and `share` is all"),
        ("It loads.", "It loads 7 models.", "`statement` has the number 7"),
        ("It loads.", "It loads in 2.15.", "`statement` has the number 2.15"),
        ("predicts.share", 'note = "In 97 of 98."\npredicts.share', "`note` has the number 97"),
        ('"equivalent"', '"fails"', "not for which `reasons`"),
        ("/none", "/custom_objects", "has no cell under these conditions"),
        (
            "predicts.share",
            'decided_by.writers = ["tf2.9"]\ndecided_by.readers = ["tf2.8"]\npredicts.share',
            "has no cell under these conditions",
        ),
        (
            "predicts.share",
            'decided_by.pair = ["same_environment"]\npredicts.share',
            "`baseline` is to be 'any'",
        ),
        ("predicts.share", "decided_by.pair = []\npredicts.share", "pair"),
        ("predicts.share", 'not_decidable = "No."\npredicts.share', "do not go together"),
        ('decided_by.cells = ["plain_dense/h5/*->*/none"]', "", "go together"),
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


def test_a_version_may_be_named_by_a_claim_on_it(tmp_path: Path) -> None:
    named = 'decided_by.writers = ["tf2.15"]\ndecided_by.reader_families = ["keras3"]\n'
    text = CLAIM.replace("predicts.share", named + "predicts.share", 1)
    text = text.replace("It loads.", "A file of 2.15 loads in 3.x.")

    assert len(load(tmp_path, text).claims) == 1


def test_a_claim_may_say_why_nothing_here_decides_it(tmp_path: Path) -> None:
    text = CLAIM[: CLAIM.index("decided_by")] + 'not_decidable = "No eyes."\n'

    (claim,) = load(tmp_path, text).claims

    assert (claim.decided_by, claim.predicts, claim.not_decidable) == (None, None, "No eyes.")


def test_reasons_are_declared_causes(tmp_path: Path) -> None:
    causes = [each.id for each in load_causes(ROOT / "scenarios/causes.toml")]
    check_reasons(ROOT / "scenarios/claims.toml", DECLARED, causes)
    named = CLAIM.replace('"equivalent"', '"fails"') + 'predicts.reasons = ["no_such_cause"]\n'

    with pytest.raises(ConfigurationError, match="'no_such_cause' matches nothing"):
        check_reasons(tmp_path / "claims.toml", load(tmp_path, named), causes)


def test_every_environment_has_the_day_of_its_minor_version() -> None:
    by_line: dict[str, list[Environment]] = {}
    for each in ENVIRONMENTS:
        line = read_version(each.id, each.family, each.released)
        by_line.setdefault(f"{line.line} {line.backend}", []).append(each)
        assert each.first_released <= each.released, each.id
    for line in by_line.values():
        days = [each.first_released for each in line]
        assert days == sorted(set(days)), [each.id for each in line]


def test_an_id_stands_once(tmp_path: Path) -> None:
    twice = CLAIM + CLAIM[CLAIM.index("[[claim]]") :]
    with pytest.raises(ConfigurationError, match="declared twice"):
        load(tmp_path, twice)


def test_a_comparison_names_what_it_compares_with(tmp_path: Path) -> None:
    text = CLAIM.replace('"all"', '"better"').replace("It loads.", "It loads better.")
    text += 'than.cells = ["plain_dense/keras"]\n'
    text += 'alike = ["scenario", "reader"]\n'
    (claim,) = load(tmp_path, text).claims

    assert claim.than == CellSet(cells=("plain_dense/keras",))
    assert claim.alike == ("scenario", "reader")
