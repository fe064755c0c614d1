"""The error texts of the run by kind, each with its causes: text that Ctrl-F and engines find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.render.page import File, Page, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorText:
    """A kind of message, as the page shows it."""

    id: str
    exception: str
    text: str
    example: str
    causes: tuple[tuple[str, str, int], ...]
    """Id and title of a cause, and how many cells with the message have it."""


def _files(site: Site) -> Iterator[File]:
    run = site.data.run
    families = [
        ErrorText(
            id=each.id,
            exception=each.exception,
            text=each.text,
            example=each.example,
            causes=tuple(
                (cause, run.describe_cause(cause).title, number)
                for cause, number in each.causes.items()
            ),
        )
        for each in site.messages
    ]
    yield site.render(PAGE, families=families, cells=sum(each.cells for each in site.messages))


PAGE = Page(name="errors", order=45, files=_files, parent="causes")
"""The navigation marks the causes in its place."""
