"""The Atom feed of changes between published runs.

Input: the run and `changes.json`. Output: `feed.xml`. Every date is one of the data's, so
that the same data give the same feed. Without a base address its links are relative.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from runner.analyse.changes import enter_run
from runner.domain import Change
from runner.domain.verdicts import CHANGE_STYLES
from runner.publish.record import ChangesEntry, ChangesRecord, RunRecord

TITLE = "Keras compatibility matrix: changes between published runs"
NAMED = 5
"""Cells of each kind that an entry names."""


def feed_text(run: RunRecord, changes: ChangesRecord | None, base_url: str = "") -> str:
    """Write the feed; a run without a history is its one entry."""
    entries = list(changes.runs) if changes else [enter_run(run)]
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>{TITLE}</title>",
        "<id>urn:keras-compatibility-matrix:feed</id>",
        f"<updated>{escape(entries[0].finished)}</updated>",
        "<author><name>Keras compatibility matrix</name></author>",
        f'<link rel="alternate" href={quoteattr(f"{base_url}compare.html")}/>',
    ]
    if base_url:
        lines.append(f'<link rel="self" href={quoteattr(f"{base_url}feed.xml")}/>')
    for entry in entries:
        lines += _entry(entry, base_url)
    return "\n".join([*lines, "</feed>", ""])


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
        f"<title>{escape(describe_entry(entry))}</title>",
        f"<id>urn:keras-compatibility-matrix:run:{escape(entry.started)}</id>",
        f"<updated>{escape(entry.finished)}</updated>",
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
        shown = examples[:NAMED]
        lines += [f"{kind}: {each.cell}: {each.before} -> {each.after}" for each in shown]
        if counts[kind] > len(shown):
            lines.append(f"{kind}: {counts[kind]:,} cells in all")
    return "\n".join(lines)
