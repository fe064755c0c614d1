"""The Atom feed: an entry a release of Keras, apart from entries of runs that measured otherwise.

Input: the run, its releases against those before them, and `changes.json`. Output: `feed.xml`.
Every environment is pinned: between two of them Keras changed; between two runs of one environment
the tool or a scenario did. Every date is one of the data's, so that the same data give the same
feed. Links are absolute if the address of the site is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from xml.sax.saxutils import escape, quoteattr

from runner.analyse.changes import enter_run
from runner.analyse.releases import Release, Role
from runner.domain import Change
from runner.domain.verdicts import CHANGE_STYLES
from runner.publish.record import ChangedCell, ChangesEntry, ChangesRecord, RunRecord

TITLE = "Keras compatibility matrix: releases, and changes of what was measured"
NAMED = 5
"""Cells of each kind that an entry names."""


QUIET = (Change.SAME, Change.INFRASTRUCTURE)
"""Kinds of change that are no news; a cell that is `changed` may have its old outcome."""
OF_RELEASE, OF_RUN = "release", "run"
"""Categories of entries."""


def feed_text(
    run: RunRecord,
    changes: ChangesRecord | None,
    releases: Sequence[Release] = (),
    base_url: str = "",
) -> str:
    """Write the feed; a run without a history is its one entry of a run."""
    entries = [each for each in (changes.runs if changes else (enter_run(run),)) if is_news(each)]
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>{TITLE}</title>",
        "<id>urn:keras-compatibility-matrix:feed</id>",
        f"<updated>{escape(entries[0].finished if entries else run.finished)}</updated>",
        "<author><name>Keras compatibility matrix</name></author>",
        f'<link rel="alternate" href={quoteattr(f"{base_url}compare.html")}/>',
    ]
    if base_url:
        lines.append(f'<link rel="self" href={quoteattr(f"{base_url}feed.xml")}/>')
    for entry in entries:
        lines += _entry(entry, base_url)
    released = {each.id: each.first_released for each in run.environments}
    for release in sorted(releases, key=lambda each: released[each.id], reverse=True):
        lines += _release(release, released[release.id], base_url)
    return "\n".join([*lines, "</feed>", ""])


def is_news(entry: ChangesEntry) -> bool:
    """Whether a cell has another outcome than before; a first run is news, too."""
    if entry.counts is None:
        return True
    examples = entry.examples.get(Change.CHANGED, ())
    if entry.counts[Change.CHANGED] > len(examples) or any(_told(examples)):
        return True
    return any(
        number
        for change, number in entry.counts.items()
        if change not in QUIET and change is not Change.CHANGED
    )


def _told(examples: Iterable[ChangedCell]) -> Iterator[ChangedCell]:
    """Yield the cells that are not what they were before."""
    return (each for each in examples if each.before != each.after)


def _release(release: Release, released: date, base_url: str) -> list[str]:
    """Return the entry of a release; none where nothing is lost or won against the one before."""
    told = list(_describe_release(release))
    if not release.before or not told:
        return []
    address = quoteattr(f"{base_url}release/{release.id}.html")
    return [
        "<entry>",
        f"<title>{escape(f'{release.id} against {release.before}: {told[0]}')}</title>",
        f"<id>urn:keras-compatibility-matrix:release:{escape(release.id)}</id>",
        f"<updated>{released.isoformat()}T00:00:00Z</updated>",
        f'<category term="{OF_RELEASE}" label="Keras changed"/>',
        f'<link rel="alternate" href={address}/>',
        f'<content type="text">{escape(f"{chr(10).join(told)}")}</content>',
        "</entry>",
    ]


def _describe_release(release: Release) -> Iterator[str]:
    """Say what is lost and won against the release before, in a sentence each direction."""
    subjects = {
        Role.READER: "of the files that other environments wrote",
        Role.WRITER: "of its own files, in other environments",
    }
    for each in release.directions:
        found = each.all
        if found.lost or found.won:
            yield (
                f"{found.lost:,} loads lost and {found.won:,} won {subjects[each.role]} "
                f"({found.both:,} measured with both)"
            )
    if release.ceased:
        yield f"{len(release.ceased):,} kinds of models it does not get back from its own file"


def describe_entry(entry: ChangesEntry) -> str:
    """Say the changes of a run in one line."""
    if entry.counts is None:
        return f"First published run: {entry.cells:,} cells"
    said = [
        f"{entry.counts[style.change]:,} {style.label}"
        for style in CHANGE_STYLES
        if style.change is not Change.SAME and entry.counts[style.change]
    ]
    return ", ".join(said) or "nothing changed"


def _entry(entry: ChangesEntry, base_url: str) -> list[str]:
    link = quoteattr(f"{base_url}compare.html#run-{entry.started}")
    return [
        "<entry>",
        f"<title>{escape(f'Measured otherwise: {describe_entry(entry)}')}</title>",
        f"<id>urn:keras-compatibility-matrix:run:{escape(entry.started)}</id>",
        f"<updated>{escape(entry.finished)}</updated>",
        f'<category term="{OF_RUN}" label="The tool, a scenario or the environments changed"/>',
        f'<link rel="alternate" href={link}/>',
        f'<content type="text">{escape(_content(entry))}</content>',
        "</entry>",
    ]


def _content(entry: ChangesEntry) -> str:
    lines = [f"{describe_entry(entry)}."]
    if entry.previous:
        lines.append(f"Compared with the run of {entry.previous}; {entry.cells:,} cells now.")
    counts = entry.counts or {}
    for kind, examples in entry.examples.items():
        shown = [*_told(examples)][:NAMED]
        lines += [f"{kind}: {each.cell}: {each.before} -> {each.after}" for each in shown]
        if counts[kind] > len(shown):
            lines.append(f"{kind}: {counts[kind]:,} cells in all")
    return "\n".join(lines)
