"""The packed letters behind the page that answers questions hold every cell and its cause."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from report_fixtures import make_run, publish_run

from runner.analyse.advice import build_advice
from runner.analyse.grids import OUTCOMES, code_cells
from runner.publish.reading import load_data
from runner.render.scripts.grids import BLANK, LETTERS, pack_cells


def test_every_cell_comes_back_from_its_letter(tmp_path: Path) -> None:
    publish_run(make_run(), tmp_path)
    data = load_data(tmp_path)
    packed = pack_cells(data, code_cells(data), build_advice(data.cells, data.run))
    found = {}
    for format_, scenarios in packed["grids"].items():
        for scenario, remedies in scenarios.items():
            for remedy, grid in remedies.items():
                letters = iter(grid["o"])
                causes = iter(grid.get("c", BLANK * len(grid["o"])))
                for writer in packed["lists"][grid["w"]]:
                    for reader in packed["lists"][grid["r"]]:
                        letter, cause = next(letters), next(causes)
                        if letter == BLANK:
                            assert cause == BLANK
                            continue
                        names = packed["environments"]
                        key = (scenario, format_, names[writer], names[reader], remedy)
                        found[key] = (
                            str(OUTCOMES[LETTERS.index(letter)]),
                            "" if cause == BLANK else packed["causes"][LETTERS.index(cause)],
                        )
    columns = ["scenario", "format", "writer", "reader", "remedy", "outcome", "cause"]
    cells = data.cells[columns].astype(str).to_numpy().tolist()
    assert found == {tuple(row[:5]): (row[5], row[6]) for row in cells}
    assert len(found) == len(cells)


def test_letters_are_safe_in_a_script() -> None:
    assert len(set(LETTERS)) == len(LETTERS)
    assert BLANK not in LETTERS
    assert not Counter(LETTERS).keys() & set("\"'\\<>&`") - {">"}
