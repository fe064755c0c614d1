from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli.migrate import _explain
from runner.inspect import Container, Description
from runner.inspect.description import Basis, Statement
from runner.migrate import Manifest, Order
from runner.migrate.manifest import Attempt, File

ORDER = Order(file=Path("m.h5"), target="keras3.15", out=Path("n.keras"))
CUSTOM = Statement(about="layer", value="Mine", basis=Basis.READ, source="config")


def explained(*outcomes, custom=()):
    file = File(name="m.h5", format="h5", bytes=1, sha256="0")
    attempts = tuple(
        Attempt(environment="tf2.3", way="none", reads="original", outcome=each, why="")
        for each in outcomes
    )
    manifest = Manifest(
        schema="migrate/1",
        tool="1",
        when="now",
        migrated=False,
        original=file,
        target="keras3.15",
        new=None,
        reference=None,
        steps=(),
        verified=(),
        largest_difference=None,
        lost=(),
        attempts=attempts,
        why="it does not load",
    )
    described = Description(path="m.h5", container=Container.HDF5, title="HDF5", custom=custom)
    return str(_explain(manifest, ORDER, described))


@pytest.mark.parametrize(
    ("outcomes", "custom", "said"),
    [
        (("load_error",), (CUSTOM,), "--out n.keras --custom-objects MODULE.py"),
        (("code_refused", "load_error"), (CUSTOM,), "--out n.keras --allow-code"),
        (("load_error",), (), "nox -s inspect -- m.h5"),
        ((), (CUSTOM,), "nox -s inspect -- m.h5"),
    ],
)
def test_a_file_without_a_chain_is_told_what_may_give_one(outcomes, custom, said):
    text = explained(*outcomes, custom=custom)
    assert "no chain leads from m.h5 to keras3.15: it does not load" in text
    assert said in text
