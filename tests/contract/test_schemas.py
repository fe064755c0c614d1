"""The published schemas are valid, closed, versioned, and speak the code's vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from runner.domain import Aspect, Backend, Family, Format, Outcome, Verdict
from runner.publish.schemas import load_schema, schema_texts
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


def test_schemas_are_those_of_the_types() -> None:
    stale = [
        path.name
        for path, text in schema_texts().items()
        if path.read_text(encoding="utf-8") != text
    ]

    assert not stale, "write them again: python -m runner.publish.schemas"


def test_vocabularies_are_those_of_the_domain() -> None:
    parts = {**load_schema("cells")["$defs"], **load_schema("run")["$defs"]}
    for vocabulary in (Outcome, Verdict, Format, Aspect, Family, Backend):
        assert set(parts[vocabulary.__name__]["enum"]) == set(map(str, vocabulary))
    formats = load_schema("run")["properties"]["formats"]
    by_outcome = parts["TotalsRecord"]["properties"]["by_outcome"]
    assert formats["propertyNames"]["enum"] == list(map(str, Format))
    assert by_outcome["propertyNames"]["enum"] == list(map(str, Outcome))
