"""The kinds of declared values, checked by msgspec when a file is read into the types.

`description` is how a message names such a value: "`id` is '../x', which is not an id: ...".
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Text = Annotated[str, Meta(pattern=r"\S", description="a text that is not empty")]
Id = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\Z",
        max_length=100,
        description="an id: letters, digits, `_`, and `.` or `-` inside, 100 characters at most",
    ),
]
"""It is used in paths, URLs and ids of cells."""
EnvironmentId = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z",
        max_length=100,
        description="an id: a-z, 0-9, and `.` or `-` inside, 100 characters at most",
    ),
]
PythonVersion = Annotated[
    str, Meta(pattern=r"\A3\.[0-9]{1,2}\Z", description="a minor version, such as '3.10'")
]
ModuleName = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z_][A-Za-z0-9_]*\Z",
        max_length=100,
        description="the name of a Python module",
    ),
]
Link = Annotated[
    str, Meta(pattern=r"\Ahttps://\S+\Z", description="a link that begins with https://")
]
Globs = Annotated[tuple[Text, ...], Meta(min_length=1)]
Tolerance = Annotated[float, Meta(ge=0, le=1e6)]
Rank = Annotated[int, Meta(ge=0, le=1_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
