"""A script that hands data to a page: a page on a file system cannot fetch anything else."""

from __future__ import annotations

import json
from typing import Any


def script(function: str, value: Any) -> str:
    """Write a script that hands one JSON value to one function."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return f"{function}({text.replace('<', chr(92) + 'u003c')});\n"
