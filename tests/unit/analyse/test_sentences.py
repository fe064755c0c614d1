"""Sentences of causes against cells: what holds, what is contradicted, what nothing decides."""

from __future__ import annotations

import json

import msgspec
import pandas as pd
import pytest

from runner.analyse.sentences import agrees, check_causes, count_families, normalise, read_symptoms
from runner.domain import Cause, CauseRule, Outcome
from runner.domain.causes import Quantifier, Sentence

ORDER = {"old": 1, "new": 2, "twin": 2}
PYTHONS = {"old": "3.7", "new": "3.12", "twin": "3.12"}
NAMES = {"mine": frozenset({"MyLayer"}), "hurt": frozenset()}
MESSAGE = "Unknown layer: 'MyLayer'. Please ensure 3 things at /a/b/c.h5"
DIFFERS = {
    "losses": {"status": "differs", "detail": "1 regularization losses became 0"},
    "outputs": {"status": "agrees"},
}


def symptoms(*rows):
    """Each row: (scenario, writer, reader, remedy, outcome, exception, message, aspects)."""
    cells, observations = [], []
    for scenario, writer, reader, remedy, outcome, exception, message, aspects in rows:
        ids = {
            "scenario": scenario,
            "format": "h5",
            "writer": writer,
            "reader": reader,
            "remedy": remedy,
        }
        cause = "the_cause" if outcome != "equivalent" else ""
        cells.append({**ids, "outcome": outcome, "cause": cause})
        observations.append(
            {
                **ids,
                "stage": "load",
                "exception": exception,
                "message": message,
                "traceback": "in load_model",
                "aspects": json.dumps(aspects),
                "reason": "",
            }
        )
    return read_symptoms(
        pd.DataFrame(cells),
        pd.DataFrame(observations),
        order=ORDER,
        names=NAMES,
        pythons=PYTHONS,
        damaged=["hurt"],
        hops=["hop"],
    )


TWO = (
    ("mine", "new", "old", "none", "load_error", "ValueError", MESSAGE, {}),
    ("mine", "new", "old", "custom_objects", "equivalent", "", "", {}),
    ("hurt", "old", "old", "none", "diverged", "", "", DIFFERS),
    ("hurt", "old", "old", "custom_objects", "crashed", "", "", {}),
)


def check(*rows, **sentence):
    says = (msgspec.convert({"text": "It is so.", **sentence}, Sentence),)
    rule = CauseRule(outcomes=frozenset({Outcome.LOAD_ERROR}))
    cause = Cause(id="the_cause", title="A cause", says=says, rules=(rule,), seen=())
    return check_causes([cause], symptoms(*rows))


@pytest.mark.parametrize(
    ("sentence", "holds"),
    [
        ({"direction": "writer_newer"}, 1),
        ({"direction": "reader_newer"}, 0),
        ({"direction": "same_environment"}, 2),
        ({"owner": "user", "name": r"layer: '(\w+)"}, 1),
        ({"owner": "keras", "name": r"layer: '(\w+)"}, 0),
        ({"damaged": True}, 2),
        ({"other_python": True}, 1),
        ({"writers": ("new",)}, 1),
        ({"readers": ("o*",)}, 3),
        ({"formats": ("keras",)}, 0),
        ({"scenarios": ("mine,nothing",)}, 1),
        ({"outcomes": ("crashed",)}, 1),
        ({"exceptions": ("Value*",)}, 1),
        ({"message": "^Unknown layer"}, 1),
        ({"traceback": "in load_model"}, 3),
        ({"details": "losses: 1 reg"}, 1),
        ({"aspects": frozenset({"losses"})}, 1),
        ({"aspects": frozenset({"losses", "outputs"})}, 0),
    ],
)
def test_each_condition_counts_the_cells_in_which_it_holds(sentence, holds):
    (found,) = check(*TWO, **sentence)

    assert (found.holds, found.of) == (holds, 3)
    assert found.contradicted == (holds < 3)
    assert len(found.examples) == 3 - holds


def test_a_cell_that_fails_at_a_file_between_decides_nothing_of_the_writers_file():
    hop = ("mine", "new", "old", "hop", "load_error", "ValueError", "of another file", {})

    (found,) = check(*TWO, hop, message="^Unknown layer", exceptions=("Value*",))
    assert (found.holds, found.of) == (1, 3)
    (total,) = count_families(symptoms(*TWO, hop)).values()
    assert total.total() == 4


def test_a_remedy_is_counted_over_the_bare_loads_in_which_it_was_tried():
    (found,) = check(*TWO, remedies=("custom_objects",), share="some")

    assert (found.holds, found.of, found.contradicted) == (1, 2, False)
    (found,) = check(*TWO, remedies=("custom_objects",), share="none")
    assert found.examples == ("mine/h5/new->old/custom_objects",)
    (found,) = check(*TWO, remedies=("custom_objects",), share="some", crashes=True)
    assert (found.holds, found.of) == (1, 2)
    (found,) = check(*TWO, remedies=("unsafe",), share="none")
    assert (found.of, found.contradicted) == (0, False)


def test_a_remedy_of_a_cause_without_bare_loads_was_tried_in_none():
    row = ("mine", "new", "old", "custom_objects", "load_error", "ValueError", MESSAGE, {})
    (found,) = check(row, remedies=("compile_false",), share="some", message="^Unknown layer")
    assert (found.holds, found.of) == (0, 0)


def test_one_that_rests_on_a_source_or_on_nothing_is_not_checked():
    assert check(*TWO, untested=True) == []
    assert check(*TWO, link="https://keras.io") == []


def test_quantifiers():
    table = {
        Quantifier.ALL: [False, False, False, True],
        Quantifier.MOST: [False, False, True, True],
        Quantifier.SOME: [False, True, True, True],
        Quantifier.NONE: [True, False, False, False],
    }
    found = {share: [agrees(share, holds, 4) for holds in (0, 2, 3, 4)] for share in Quantifier}

    assert found == table


def test_messages_of_one_kind_are_one_family():
    other = MESSAGE.replace("MyLayer", "Other").replace("3", "17").replace("/a/b/c.h5", "/d/e.h5")
    rows = [TWO[0], ("hurt", "new", "old", "none", "load_error", "ValueError", other, {})]

    families = count_families(symptoms(*rows))

    family = "ValueError: Unknown layer: '…'. Please ensure N things at PATH"
    assert families == {"the_cause": {family: 2}}
    assert normalise("a  'b'\n12") == "a '…' N"
