"""Plots as SVG text: axes, lines, bars and dots, the same bytes for the same numbers.

Input: numbers and words. Output: markup. Colours come from the site's style sheet by class,
so that a plot follows dark mode and print; every mark has a shape or a word besides. What a
plot shows is in a table beside it, so the plot itself is one image with a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

SHAPES = ("circle", "square", "diamond", "triangle", "cross", "bar", "ring")


@dataclass(slots=True)
class Plot:
    """A frame in pixels, and the marks drawn in it so far."""

    width: int
    height: int
    left: int = 48
    right: int = 24
    top: int = 12
    bottom: int = 36
    parts: list[str] = field(default_factory=list)

    @property
    def inner_width(self) -> int:
        """Width within the axes."""
        return self.width - self.left - self.right

    @property
    def inner_height(self) -> int:
        """Height within the axes."""
        return self.height - self.top - self.bottom

    def x(self, share: float) -> float:
        """Pixels from the left of a share of the width."""
        return self.left + share * self.inner_width

    def y(self, share: float) -> float:
        """Pixels from the top of a share of the height, counted from below."""
        return self.top + (1 - share) * self.inner_height

    def add(self, tag: str, text: object = None, **attributes: object) -> None:
        """Add an element; `_` in a name is `-`, and `class_` is `class`."""
        named = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
            for name, value in attributes.items()
        )
        body = "" if text is None else escape(str(text))
        self.parts.append(f"<{tag}{named}>{body}</{tag}>" if body else f"<{tag}{named}/>")

    def text(self, words: object, x: float, y: float, anchor: str = "start") -> None:
        """Write words at a place."""
        self.add("text", words, x=x, y=y, text_anchor=anchor)

    def horizontal(self, share: float, label: str) -> None:
        """Draw a grid line at a share of the height, with its label on the left."""
        y = self.y(share)
        self.add("line", class_="grid", x1=self.left, x2=self.width - self.right, y1=y, y2=y)
        self.text(label, self.left - 6, y + 4, "end")

    def vertical(self, share: float, label: str) -> None:
        """Draw a grid line at a share of the width, with its label below."""
        x = self.x(share)
        bottom = self.height - self.bottom
        self.add("line", class_="grid", x1=x, x2=x, y1=self.top, y2=bottom)
        self.text(label, x, bottom + 16, "middle")

    def line(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """Join points, given in pixels."""
        path = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
        self.add("polyline", class_=css, points=path, fill="none")

    def mark(self, shape: str, x: float, y: float, css: str, title: str = "") -> None:
        """Draw one of SHAPES around a point, with words for who points at it."""
        mark = mark_path(shape, x, y)
        hint = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(f'<path class="{escape(css)}" d="{mark}">{hint}</path>')

    def bar(self, box: Sequence[float], css: str, title: str = "") -> None:
        """Draw a rectangle of x, y, width and height in pixels."""
        x, y, width, height = map(_short, box)
        hint = f"<title>{escape(title)}</title>" if title else ""
        place = f'x="{x}" y="{y}" width="{width}" height="{height}"'
        self.parts.append(f'<rect class="{escape(css)}" {place}>{hint}</rect>')

    def markup(self, name: str) -> Markup:
        """Close the plot: one image called `name`."""
        head = (
            f'<svg class="plot" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(name)}">'
        )
        return Markup(f"{head}{''.join(self.parts)}</svg>")  # noqa: S704  # all of it is escaped


def mark_path(shape: str, x: float, y: float, size: float = 4) -> str:
    """Return the path of a mark around a point."""
    a, b, c, d = (_short(each) for each in (x - size, x + size, y - size, y + size))
    at_x, at_y = _short(x), _short(y)
    return {
        "circle": f"M{a} {at_y}a{size} {size} 0 1 0 {2 * size} 0a{size} {size} 0 1 0 -{2 * size} 0",
        "square": f"M{a} {c}H{b}V{d}H{a}z",
        "diamond": f"M{at_x} {c}L{b} {at_y}L{at_x} {d}L{a} {at_y}z",
        "triangle": f"M{at_x} {c}L{b} {d}L{a} {d}z",
        "cross": f"M{a} {c}L{b} {d}M{b} {c}L{a} {d}",
        "bar": f"M{a} {at_y}H{b}M{at_x} {c}V{d}",
        "ring": f"M{a} {d}V{c}L{b} {at_y}z",
    }[shape]


def _short(value: object) -> str:
    """Write a number with one decimal at most, so that rounding errors never show."""
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0").replace("-0.0", "0")
    return str(value)
