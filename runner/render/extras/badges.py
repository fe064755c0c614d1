"""Badges: one small SVG for each reader, and for each reader and format.

Input: the coded cells. Output: `(name, svg)`. A badge says how many of the bare loads that
could be tried gave the same model back: of whole files of other environments, which get the same
model from them. It names no font file and needs no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from runner.analyse.grids import (
    COMPATIBILITY,
    DIVERGED,
    EQUIVALENT,
    MEASURED,
    Coded,
    Codes,
    Mask,
    bare_loads,
)

LETTER = 6.6
"""Width of a letter of 11 px, on average; the text is fitted to the width that is reckoned."""
PADDING = 7
COLOURS = ((90, "#1f6f3a"), (60, "#4d6b12"), (30, "#8a5200"), (0, "#a3281b"))
"""From this percentage on, a ground on which white text has a contrast of 4.5 or more."""
COUNTED = "whole files of other versions that their writers load back"
NOTHING = "#5b6570"


def badge_files(coded: Coded, about: Codes) -> Iterator[tuple[str, str]]:
    """`badges/<reader>.svg` and `badges/<reader>.<format>.svg`, where anything was tried."""
    bare = bare_loads(coded)
    between = (about == COMPATIBILITY) & (coded.writer != coded.reader)
    tried = bare & MEASURED[coded.outcome] & between
    for place, reader in enumerate(coded.environments):
        here = tried & (coded.reader == place)
        yield f"badges/{reader}.svg", _share_badge(coded, here, f"loads in {reader}")
        for number, name in enumerate(coded.formats):
            inside = here & (coded.format == number)
            if inside.any():
                badge = _share_badge(coded, inside, f"{name} loads in {reader}")
                yield f"badges/{reader}.{name}.svg", badge


def draw_badge(label: str, text: str, colour: str, counted: str = "") -> str:
    """Draw a label on grey and a text on a colour, as one image; its name says what it counts."""
    left = round(len(label) * LETTER) + 2 * PADDING
    right = round(len(text) * LETTER) + 2 * PADDING
    said = f"{label}: {text}{counted}"
    name = quoteattr(said)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f"aria-label={name}><title>{escape(said)}</title>"
        f'<rect width="{left}" height="20" fill="#3a3f46"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_fitted(label, PADDING, left)}{_fitted(text, left + PADDING, right)}</g></svg>\n"
    )


def _fitted(text: str, x: int, width: int) -> str:
    return f'<text x="{x}" y="14" textLength="{width - 2 * PADDING}">{escape(text)}</text>'


def _share_badge(coded: Coded, rows: Mask, label: str) -> str:
    outcomes = coded.outcome[rows]
    if not len(outcomes):
        return draw_badge(label, "not measured", NOTHING)
    share = 100 * int((outcomes == EQUIVALENT).sum()) // len(outcomes)
    silent = int((outcomes == DIVERGED).sum())
    text = f"{share} % same" + (f", {silent} silently not" if silent else "")
    colour = next(colour for least, colour in COLOURS if share >= least)
    return draw_badge(label, text, colour, f" of {len(outcomes):,} {COUNTED}")
