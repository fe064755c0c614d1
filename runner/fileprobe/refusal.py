"""The refusal of Python bytecode that a file holds.

Every Keras turns the bytecode of a Lambda into a function with `marshal.loads`, and so does
whoever hides it from the description of the file. Python itself reads modules with it.
"""

from __future__ import annotations

import contextlib
import marshal
import sys
from typing import Any, Iterator, List

IMPORTERS = ("importlib._bootstrap_external", "_frozen_importlib_external", "zipimport")
"""Modules of Python's own that read bytecode: of installed modules."""


class CodeRefused(Exception):
    """The file holds Python bytecode, which runs only where that is allowed."""


@contextlib.contextmanager
def code_refused(allowed: bool) -> Iterator[List[str]]:
    """Have whoever turns bytes into code fail; give the list of those who tried."""
    tried: List[str] = []
    if allowed:
        yield tried
        return
    loads = marshal.loads

    def refuse(data: Any, *options: Any, **named: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller in IMPORTERS:
            return loads(data, *options, **named)
        tried.append(caller)
        raise CodeRefused("the file holds Python bytecode, which was not executed")

    marshal.loads = refuse
    try:
        yield tried
    finally:
        marshal.loads = loads
