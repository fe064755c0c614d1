"""Plain columns on standard output: no id is cut short, on a terminal or in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def align(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return a line a row, each column as wide as its longest text; numbers to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numbers = [
        bool(rows) and all(row[column].isdigit() or row[column] == "-" for row in rows)
        for column in range(len(head))
    ]
    for line in lines:
        cells = zip(line, widths, numbers, strict=True)
        yield "  ".join(
            text.rjust(width) if number else text.ljust(width) for text, width, number in cells
        ).rstrip()
