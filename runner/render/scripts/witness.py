"""The tables that read a model file in the browser: names of Keras, versions, witnesses.

Input: the scenarios and environments as declared, and the tables of `runner.inspect`. Output: the
value of `data/witness.js`. Nothing of it is written a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from runner.domain import Scenario, Witness
from runner.inspect import config, fits, names
from runner.publish.record import RunRecord


def witness_data(run: RunRecord, scenarios: Mapping[str, Scenario]) -> dict[str, Any]:
    """Return the tables; a scenario without a witness is no feature of a file."""
    known = names.keras_names()
    return {
        "names": {
            "classes": sorted(known.classes),
            "functions": sorted(known.functions),
            "layers": sorted(known.layers),
            "optimizers": sorted(known.optimizers),
            "operations": sorted(known.operations),
            "keras1": sorted(names.KERAS1),
            "unified": sorted(names.UNIFIED),
            "short": sorted(names.SHORT),
            "markers": sorted(names.MARKERS),
            "packages": list(names.KERAS),
        },
        "config": {
            "roles": {key: str(role) for key, role in config.ROLES.items()},
            "endings": [[ending, str(role)] for ending, role in config.ENDINGS],
            "models": sorted(config.MODELS),
            "named": list(config.NAMED),
        },
        "versions": [msgspec.to_builtins(each) for each in fits.versions()],
        "scenarios": {
            name: [_plain(each) for each in scenario.witness]
            for name, scenario in scenarios.items()
            if scenario.witness
        },
        "backends": {each.id: str(each.backend) for each in run.environments},
    }


def _plain(witness: Witness) -> dict[str, Any]:
    """Return the conditions that are given, by the names they have in catalog.toml."""
    usual = msgspec.to_builtins(Witness())
    told = msgspec.to_builtins(witness)
    given = {key: value for key, value in told.items() if value != usual[key] and key != "formats"}
    if witness.any:
        given["any"] = [_plain(each) for each in witness.any]
    return given
