"""The page of each release: the files it reads, and those it writes for others, at one address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.analyse.releases import Direction, Release, Role
from runner.publish.change_points import PointRecord
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Bisected:
    """Two releases one after the other with which a cell has another result."""

    axis: str
    """The part of the releases: `reader` or `writer`."""
    before: PointRecord
    after: PointRecord
    unmeasured: int
    """Releases between them that could not be measured."""
    others: str
    """Packages that differ as well."""


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
            bisected=list(_bisected(site, release.id)),
            remedies=remedies,
            titles=titles,
        )


def _bisected(site: Site, release: str) -> Iterator[Bisected]:
    """Yield the changes that came with a release of this minor version, as bisected."""
    for each in site.bisections:
        points = {point.environment: point for point in each.points}
        for change in each.changes:
            if change.after != release and not change.after.startswith(f"{release}."):
                continue
            before, after = points.get(change.before), points.get(change.after)
            if before and after and before.result and after.result:
                yield Bisected(
                    axis=str(each.axis),
                    before=before,
                    after=after,
                    unmeasured=len(change.between),
                    others=", ".join(
                        f"{other.name} {other.before} → {other.after}"
                        for other in change.also_differ
                    ),
                )


def _directions(release: Release) -> list[ShownDirection]:
    name = release.id
    words = {
        Role.READER: (
            f"What {name} reads",
            f"files that other environments wrote, read by {name},",
        ),
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
