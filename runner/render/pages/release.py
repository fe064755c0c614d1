"""The page of each release: the files it reads, and those it writes for others, at one address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.analyse.releases import Direction, Release, Role
from runner.publish.record import EnvironmentRecord
from runner.render.page import File, Page, Site

FRAMEWORKS = ("keras", "tf-keras", "tensorflow-cpu", "tensorflow")
"""Packages whose release an environment is named after."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownDirection:
    """One role of a release, with its words."""

    role: Role
    heading: str
    loads: str
    """Names what is counted."""
    found: Direction


def _files(site: Site) -> Iterator[File]:
    run = site.data.run
    remedies = {each.id: each.title for each in run.remedies}
    titles = {each.id: each.title for each in run.scenarios}
    records = {each.id: each for each in run.environments}
    for release in site.releases:
        record = records[release.id]
        before = records.get(release.before)
        yield site.render(
            PAGE,
            f"release/{release.id}.html",
            environment=record,
            release=release,
            directions=_directions(release),
            span=_span(before, record) if before else "",
            causes={loss: run.describe_cause(loss) for loss in _causes(release)},
            remedies=remedies,
            titles=titles,
        )


def _directions(release: Release) -> list[ShownDirection]:
    name = release.id
    words = {
        Role.READER: (f"What {name} reads", f"files that other environments wrote, read by {name}"),
        Role.WRITER: (f"Who reads what {name} writes", "loads of its files in other environments"),
    }
    return [
        ShownDirection(
            role=each.role, heading=words[each.role][0], loads=words[each.role][1], found=each
        )
        for each in release.directions
    ]


def _causes(release: Release) -> set[str]:
    return {loss.cause for each in release.directions for loss in each.losses if loss.cause}


def _span(before: EnvironmentRecord, record: EnvironmentRecord) -> str:
    """Name the releases between which a change came: each environment is one of its minor version.

    Empty where the packages do not say.
    """
    for name in FRAMEWORKS:
        old, new = before.resolved.get(name), record.resolved.get(name)
        if old and new and old != new:
            return f"after {name} {old}, and with {name} {new} or before it"
    return ""


PAGE = Page(name="release", order=71, parent="environments", files=_files)
