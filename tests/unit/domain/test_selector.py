"""Selectors over real ids: what they match, what they refuse, and how fast they are."""

import time

import pytest

from runner.domain import Cell, Format
from runner.domain.errors import SelectionError
from runner.domain.selector import (
    KnownIds,
    Selection,
    compile_glob,
    matches_any,
    parse_pattern,
    require_cells,
    select,
    unmatched,
)

ENVIRONMENTS = ("tf1.15", "tf2.9", "tf2.15", "keras3.0", "keras3.15", "keras3.15-jax")
KNOWN = KnownIds(
    scenarios=("plain_dense", "build_time_weights", "build_time_weights.registered"),
    formats=("h5", "keras"),
    environments=ENVIRONMENTS,
    remedies=("none", "custom_objects"),
)


def make_cell(
    scenario="build_time_weights",
    format_=Format.H5,
    writer="tf2.15",
    reader="keras3.15",
    remedy="none",
):
    return Cell(scenario=scenario, format=format_, writer=writer, reader=reader, remedy=remedy)


ALL_CELLS = [
    make_cell(scenario, Format(format_), writer, reader, remedy)
    for scenario in KNOWN.scenarios
    for format_ in KNOWN.formats
    for writer in ENVIRONMENTS
    for reader in ENVIRONMENTS
    for remedy in KNOWN.remedies
]


def chosen(*patterns, **filters):
    return select(patterns, filters, KNOWN)


def test_a_full_selector_matches_by_all_five_parts():
    selection = chosen("build_time*/h5/tf2.1?->keras3.*/none")
    assert selection.matches(make_cell())
    assert not selection.matches(make_cell(format_=Format.KERAS))
    assert not selection.matches(make_cell(writer="tf2.9"))
    assert not selection.matches(make_cell(reader="tf2.15"))
    assert not selection.matches(make_cell(remedy="custom_objects"))
    assert not selection.matches(make_cell(scenario="plain_dense"))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("plain_dense", 144),
        ("*/h5", 216),
        ("plain_dense/h5/*", 72),
        ("plain_dense/h5/*/none", 36),
        ("plain_dense/h5/tf*->*/none", 18),
        ("plain_dense/h5/->keras3.15/none", 6),
        ("plain_dense/h5/tf[12].*5->tf1.15/none", 2),
        ("*", len(ALL_CELLS)),
    ],
)
def test_missing_parts_mean_everything(text, count):
    selection = chosen(text)
    assert sum(map(selection.matches, ALL_CELLS)) == count


def test_a_selection_agrees_with_its_patterns_and_their_own_cell_ids():
    for cell in ALL_CELLS:
        assert chosen(cell.id).matches(cell)
        assert parse_pattern(cell.id).matches(cell)
    assert [cell.id for cell in ALL_CELLS if chosen(ALL_CELLS[7].id).matches(cell)] == [
        ALL_CELLS[7].id
    ]


def test_patterns_add_up_and_filters_narrow():
    selection = chosen("plain_dense/h5", "*/keras", writer=["tf1.15,tf2.9", "keras3.0"])
    assert selection.matches(make_cell("plain_dense", writer="tf1.15"))
    assert selection.matches(make_cell(format_=Format.KERAS, writer="keras3.0"))
    assert not selection.matches(make_cell(writer="tf1.15"))
    assert not selection.matches(make_cell("plain_dense", writer="tf2.15"))


def test_parts_can_be_asked_by_themselves():
    selection = chosen("plain_dense/h5/tf2.*->keras3*", remedy=["none"])
    assert selection.matches_scenario("plain_dense")
    assert not selection.matches_scenario("build_time_weights")
    assert selection.matches_format("h5")
    assert not selection.matches_format("keras")
    assert selection.matches_writer("tf2.9")
    assert not selection.matches_writer("keras3.0")
    assert selection.matches_reader("keras3.0")
    assert not selection.matches_reader("tf2.9")
    assert not selection.matches_remedy("custom_objects")
    assert selection.matches_pair("plain_dense", "h5", "tf2.15", "keras3.0")
    assert not selection.matches_pair("plain_dense", "keras", "tf2.15", "keras3.0")


def test_nothing_asked_for_is_everything():
    assert Selection().everything
    assert Selection().matches(make_cell())
    assert not chosen("*/h5").everything
    assert chosen("*/h5") == chosen("*/h5")


@pytest.mark.parametrize(
    ("text", "part", "suggestion"),
    [
        ("buld_time*", "scenario", "build_time_weights"),
        ("*/kerass", "format", "keras"),
        ("*/*/tf2.51->*", "writer", "tf2.15"),
        ("*/*/*->keras3.51", "reader", "keras3.15"),
        ("*/*/*/custom_object", "remedy", "custom_objects"),
    ],
)
def test_a_part_that_matches_nothing_is_named_with_a_suggestion(text, part, suggestion):
    with pytest.raises(SelectionError) as caught:
        chosen(text)
    assert f"{part} '" in caught.value.message
    assert suggestion in caught.value.cause
    assert repr(text) in caught.value.message


def test_a_filter_that_matches_nothing_names_its_option():
    with pytest.raises(SelectionError, match=r"--reader 'kears3.0'") as caught:
        chosen(reader=["tf2.9,kears3.0"])
    assert "keras3.0" in caught.value.cause
    with pytest.raises(SelectionError, match="names nothing"):
        chosen(reader=[" , "])


@pytest.mark.parametrize("text", ["", "  ", "a/b/c->d/e/f", "a/b/tf2.15/none", "a/b/x->y->z"])
def test_a_malformed_selector_shows_the_shape(text):
    with pytest.raises(SelectionError, match=r"third part|shape") as caught:
        parse_pattern(text)
    assert "scenario/format/writer->reader/remedy" in caught.value.next_step


def test_an_arrow_eaten_by_the_shell_is_recognised():
    with pytest.raises(SelectionError) as caught:
        parse_pattern("plain_dense/h5/tf2.15-")
    assert "redirection" in caught.value.cause


def test_a_combination_without_cells_names_the_part_at_fault():
    existing = [cell for cell in ALL_CELLS if cell.format != "keras" or cell.writer != "tf1.15"]
    require_cells(chosen("*/keras/tf2.9->*"), existing)
    with pytest.raises(SelectionError) as caught:
        require_cells(chosen("*/h5", "plain_dense/keras/tf1.15->*"), existing)
    assert "plain_dense/keras/tf1.15->*" in caught.value.message
    assert caught.value.cause == "the format has no cell with the other parts"
    with pytest.raises(SelectionError, match=r"--writer tf1\.15"):
        require_cells(chosen(writer=["tf1.15"], format=["keras"]), existing)


def test_half_a_million_cells_are_decided_in_seconds():
    cells = [
        Cell(scenario=f"s{s}", format=Format.H5, writer=f"w{w}", reader=f"r{r}", remedy="none")
        for s in range(50)
        for w in range(100)
        for r in range(100)
    ]
    selection = Selection((parse_pattern("s1*/h5/w?->r*/n*"), parse_pattern("s2/*/w1->*")))
    started = time.process_time()
    count = sum(map(selection.matches, cells))
    assert time.process_time() - started < 5
    assert count == 11 * 10 * 100 + 100


def test_a_part_may_list_several_globs():
    match = compile_glob("tf2.1?, keras3.8")
    assert [bool(match(name)) for name in ("tf2.12", "keras3.8", "tf2.1", "keras3.80")] == [
        True,
        True,
        False,
        False,
    ]


def test_one_of_several_globs_matches_as_one_list_does():
    assert matches_any("tf2.8", ["keras3*", "tf2.7,tf2.8"])
    assert not matches_any("tf2.9", ["keras3*", "tf2.7,tf2.8"])
    assert not matches_any("tf2.9", [])


@pytest.mark.parametrize("glob", ["", ",", " , "])
def test_a_glob_without_any_alternative_matches_nothing(glob):
    assert not any(map(compile_glob(glob), ["", "tf2.7", ","]))
    assert unmatched(glob, ["tf2.7"]) == glob or not glob


@pytest.mark.parametrize(
    ("glob", "missing"),
    [("tf2.7,tf2.8", ""), ("*", ""), ("tf2.7,tf9.9", "tf9.9"), ("TF2.7", "TF2.7"), ("tf2.?", "")],
)
def test_every_alternative_must_match_something(glob, missing):
    assert unmatched(glob, ["tf2.7", "tf2.8"]) == missing


def test_a_list_in_a_selector_names_the_alternative_that_is_unknown():
    with pytest.raises(SelectionError, match=r"writer 'tf9\.9' matches nothing"):
        chosen("*/*/tf2.15,tf9.9->*")
