"""The controls of the run by kind, and its audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from runner.domain import ID_COLUMNS
from runner.publish.record import RunRecord
from runner.render.page import File, Page, Site

CONTROL_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "readback": "an environment reads back what it wrote, and notices a damaged file",
        "comparison": "the comparison finds what was falsified",
        "writes": "a format said not to exist cannot be written",
        "reads": "a format said not to exist cannot be read",
        "words": "what a cause says is so of the cells that have it",
        "advice": "what is advised is what the cells show",
        "boundaries": "the sentences of the boundaries give back every cell, and no other",
    }
)
"""By the first word of a control's id: the condition that must hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownControl:
    """One control; `cell` is empty where it is of no single cell."""

    id: str
    cell: str
    passed: bool
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlGroup:
    """The controls of one kind."""

    kind: str
    words: str
    passed: list[ShownControl]
    failed: list[ShownControl]


def _files(site: Site) -> Iterator[File]:
    groups = _control_groups(site.data.run)
    named = {each.cell for group in groups for each in (*group.passed, *group.failed)} - {""}
    verdicts = site.data.cells["verdict"].value_counts()
    yield site.render(
        PAGE,
        groups=groups,
        published=_published(site, named),
        verdict_counts=[
            (str(name).replace("_", " "), int(number))
            for name, number in verdicts.items()
            if number
        ],
    )


def _published(site: Site, named: set[str]) -> set[str]:
    """Return which of these cells are in the published table, and so have a page.

    A control of a format that an environment does not have is measured, and is no cell of the run.
    """
    cells = site.data.cells[list(ID_COLUMNS)].astype(object)
    near = cells[cells["scenario"].isin({each.split("/")[0] for each in named})]
    return named & {f"{s}/{f}/{w}->{r}/{m}" for s, f, w, r, m in near.to_numpy().tolist()}


def _control_groups(run: RunRecord) -> list[ControlGroup]:
    """Sort the controls of a run by kind."""
    groups: dict[str, ControlGroup] = {}
    for each in run.controls:
        kind, _, cell = each.id.partition(" ")
        group = groups.setdefault(
            kind,
            ControlGroup(kind=kind, words=CONTROL_WORDS.get(kind, ""), passed=[], failed=[]),
        )
        shown = ShownControl(
            id=each.id,
            cell=cell if "->" in cell else "",
            passed=each.passed,
            detail=each.detail,
        )
        (group.passed if shown.passed else group.failed).append(shown)
    return list(groups.values())


PAGE = Page(name="controls", order=100, files=_files)
