"""Hold the matrix against checks by hand of public reports, made outside of the runner.

    python tests/hand/compare.py --store .matrix --data .matrix/report tf2.15 keras3.10 keras3.11

runs `reports.py` in the environments named, which a run of the matrix has built in its store:
each as writer and as reader. Where the outcome by hand is not that of the published cell, the pair
is listed, and the script ends with 1. Cells that the run does not have are counted.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SCRIPT = Path(__file__).parent / "reports.py"
CELLS = {
    ("hard_sigmoid", "model.h5"): ("hard_sigmoid", "h5"),
    ("hard_sigmoid", "model.keras"): ("hard_sigmoid", "keras"),
    ("frozen", "model.weights.h5"): ("frozen_nested", "weights_h5"),
    ("rescaling", "model.h5"): ("rescaling", "h5"),
    ("rescaling", "model.keras"): ("rescaling", "keras"),
    ("vocabulary", "model.h5"): ("adapted_vocabulary", "h5"),
    ("library", "model"): ("library_layer", "saved_model"),
}
"""The case and file of `reports.py` -> scenario and format."""
WORDS = {
    "equivalent": "same",
    "load_error": "load_raises",
    "unusable": "call_raises",
    "save_error": "not_written",
}
"""Outcome -> the word of `reports.py`; the others are looked at in their cell."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, default=Path(".matrix"))
    parser.add_argument("--data", type=Path, default=Path(".matrix/report"))
    parser.add_argument("environments", nargs="+")
    arguments = parser.parse_args()
    cells = read_cells(arguments.data)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for writer in arguments.environments:
            run(arguments.store, writer, "write", f"{folder}/{writer}")
        places = [f"{folder}/{writer}" for writer in arguments.environments]
        for reader in arguments.environments:
            for writer, case, file, word, error in run(arguments.store, reader, "read", *places):
                published = cells.get((*CELLS[case, file], writer, reader), "no cell")
                same = "no cell" if published == "no cell" else str(word == published)
                counts[same] += 1
                line = f"{case} {file} {writer}->{reader}: by hand {word}, matrix {published}"
                if same == "False":
                    sys.stdout.write(f"{line} {error}\n")
    sys.stdout.write(
        f"{counts['True']} agree, {counts['False']} do not, {counts['no cell']} have no cell\n"
    )
    return 1 if counts["False"] or not counts["True"] else 0


def read_cells(data: Path) -> dict[tuple[str, str, str, str], str]:
    """Return (scenario, format, writer, reader) -> the word, of bare loads."""
    found = {}
    with (data / "cells.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["remedy"] == "none":
                place = row["scenario"], row["format"], row["writer"], row["reader"]
                found[place] = _word(row)
    return found


def _word(row: dict[str, str]) -> str:
    if row["outcome"] == "diverged":
        return "other" if "outputs" in row["aspects"].split(";") else "same"
    if row["outcome"] == "unsupported":
        # The cause says whose version does not have the format.
        return "not_written" if "writer" in row["cause"] else "load_raises"
    return WORDS.get(row["outcome"], row["outcome"])


def run(store: Path, environment: str, *order: str) -> Iterator[list[str]]:
    """Run the script in an environment; yield the fields of each line of its answer.

    Raises:
        SystemExit: the environment is not in the store, or the script did not end well.
    """
    built = sorted((store / "environments").glob(f"{environment}-*/bin/python"))
    built = [path for path in built if path.parent.parent.name.rpartition("-")[0] == environment]
    if not built:
        raise SystemExit(f"{store}: no environment {environment}; nox -s matrix builds it")
    keras = "tensorflow.keras" if environment.startswith("tf2") else "keras"
    keras = "tf_keras" if environment.startswith("tf-keras") else keras
    variables = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(
        [str(built[-1].absolute()), str(SCRIPT), keras, *order],
        env=variables,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"{environment} {order[0]}: {ended.returncode}\n{ended.stderr[-2000:]}")
    lines = [line for line in ended.stdout.splitlines() if line.startswith("HAND ")]
    return iter([line.removeprefix("HAND ").split("\t") for line in lines])


if __name__ == "__main__":
    raise SystemExit(main())
