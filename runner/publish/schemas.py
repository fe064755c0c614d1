"""The JSON Schemas of the published files, made from their types.

Output: `reports/schemas/<name>.schema.json`. A change of `record.py` or `columns.py` changes
them: `python -m runner.publish.schemas` writes them again, and a test says so.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from runner.domain.errors import ConfigurationError
from runner.publish.api_record import ApiEnvironment, ApiIndex, ApiScenario
from runner.publish.change_points import ChangePointsRecord
from runner.publish.columns import CellRow
from runner.publish.record import ChangesRecord, ClaimsRecord, Record, RunRecord
from runner.store import atomic_write_text

SCHEMAS = Path(__file__).resolve().parents[2] / "reports" / "schemas"
DESCRIBED: Mapping[str, tuple[type[Record], ...]] = types.MappingProxyType(
    {
        "api": (ApiIndex, ApiScenario, ApiEnvironment),
        "cells": (CellRow,),
        "change_points": (ChangePointsRecord,),
        "changes": (ChangesRecord,),
        "claims": (ClaimsRecord,),
        "run": (RunRecord,),
    }
)
"""Name of a schema -> the type of its file, or those of its files."""


def make_schema(name: str) -> dict[str, Any]:
    """Return the schema of one kind of file; `cells` is a row of the table."""
    kinds = DESCRIBED[name]
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for each in parts.values():
        # The name of a part is its key already.
        each.pop("title", None)
    if len(kinds) == 1:
        own = parts.pop(kinds[0].__name__)
        own["title"] = own.pop("description")
    else:
        own = {
            "title": "A file of the site's JSON API.",
            "oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds],
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:keras-compatibility-matrix:{name}:1",
        **own,
        "$defs": {each: parts[each] for each in sorted(parts)},
    }


def schema_texts() -> dict[Path, str]:
    """Return the text of every schema that is made from a type, by its file."""
    return {
        SCHEMAS / f"{name}.schema.json": json.dumps(make_schema(name), indent=2) + "\n"
        for name in DESCRIBED
    }


def write_schemas() -> None:
    """Write every schema that is made from a type."""
    for path, text in schema_texts().items():
        atomic_write_text(path, text)


def load_schema(name: str) -> dict[str, Any]:
    """Read `reports/schemas/<name>.schema.json`."""
    path = SCHEMAS / f"{name}.schema.json"
    try:
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"cannot read the schema {path}: {error}", next_step=f"git checkout -- {path}"
        ) from error
    return schema


if __name__ == "__main__":
    write_schemas()
