"""Badges: one small SVG for each reader, and for each reader and format.

Input: the coded cells. Output: `(name, svg)`. A badge says how many of the bare loads that
could be tried gave the same model back. It names no font file and needs no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from runner.analyse.grids import DIVERGED, EQUIVALENT, MEASURED, Coded, Mask, bare_loads

LETTER = 6.6
"""Width of a letter of 11 px, on average; the text is fitted to the width that is reckoned."""
PADDING = 7
COLOURS = ((90, "#1f6f3a"), (60, "#4d6b12"), (30, "#8a5200"), (0, "#a3281b"))
"""From this percentage on, a ground on which white text has a contrast of 4.5 or more."""
NOTHING = "#5b6570"


def badge_files(coded: Coded) -> Iterator[tuple[str, str]]:
    """`badges/<reader>.svg` and `badges/<reader>.<format>.svg`, where anything was tried."""
    bare = bare_loads(coded)
    tried = bare & MEASURED[coded.outcome]
    for place, reader in enumerate(coded.environments):
        here = tried & (coded.reader == place)
        yield f"badges/{reader}.svg", _share_badge(coded, here, f"loads in {reader}")
        for number, name in enumerate(coded.formats):
            inside = here & (coded.format == number)
            if inside.any():
                badge = _share_badge(coded, inside, f"{name} loads in {reader}")
                yield f"badges/{reader}.{name}.svg", badge


def draw_badge(label: str, text: str, colour: str) -> str:
    """Draw a label on grey and a text on a colour, as one image with a name."""
    left = round(len(label) * LETTER) + 2 * PADDING
    right = round(len(text) * LETTER) + 2 * PADDING
    name = quoteattr(f"{label}: {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f"aria-label={name}><title>{escape(label)}: {escape(text)}</title>"
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
    return draw_badge(label, text, next(colour for least, colour in COLOURS if share >= least))
