"""The published schemas are valid, closed, versioned, and speak the code's vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from runner.domain import Aspect, Backend, Family, Format, Outcome, Verdict
from runner.publish.files import load_schema
from runner.publish.tables import CELL_COLUMNS

NAMES = ("api", "cells", "changes", "claims", "run")


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from objects(value)


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_valid_versioned_and_closed(name: str) -> None:
    schema = load_schema(name)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:keras-compatibility-matrix:{name}:1"
    for each in objects(schema):
        assert "additionalProperties" in each
        if "required" in each:
            assert each["additionalProperties"] is False


def test_cells_schema_names_the_columns_in_order() -> None:
    schema = load_schema("cells")

    assert tuple(schema["properties"]) == CELL_COLUMNS
    assert tuple(schema["required"]) == CELL_COLUMNS


def test_vocabularies_are_those_of_the_domain() -> None:
    cells, run = load_schema("cells")["properties"], load_schema("run")["properties"]
    environment = run["environments"]["items"]["properties"]

    assert cells["outcome"]["enum"] == list(Outcome)
    assert cells["verdict"]["enum"] == list(Verdict)
    assert cells["format"]["enum"] == list(Format)
    assert list(run["totals"]["properties"]["by_outcome"]["properties"]) == list(Outcome)
    assert list(run["formats"]["properties"]) == list(Format)
    assert environment["family"]["enum"] == list(Family)
    assert environment["backend"]["enum"] == list(Backend)
    assert run["remedies"]["items"]["properties"]["gives_up"]["items"]["enum"] == list(Aspect)
