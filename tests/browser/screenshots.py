"""Pictures of the report at phone and desktop width, for the documentation.

    python tests/browser/screenshots.py [SITE] [FOLDER]

SITE defaults to the published report, FOLDER to docs/images. A picture is one screen.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from chromium import open_browser
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
DESKTOP, PHONE = (1280, 900), (390, 844)
LARGEST = 250_000
CELL = "cell.html#compile_state/h5/tf2.0->tf2.12/none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One picture: of a page, when `ready` is there, from `top` on."""

    page: str
    size: tuple[int, int] = DESKTOP
    ready: str = "main"
    top: str = ""
    dark: bool = False


MATRIX = {"page": "index.html", "ready": "#pairs tbody td:not(:empty)", "top": "#matrix"}
SCENARIO = {"page": "scenario/compile_state.html", "ready": "table.g[role=grid]"}
SHOTS = {
    "report": Shot(page="index.html", ready="#answer .verdict"),
    "report-phone": Shot(page="index.html", size=PHONE, ready="#answer .verdict"),
    "matrix": Shot(**MATRIX),
    "matrix-dark": Shot(**MATRIX, dark=True),
    "matrix-phone": Shot(**MATRIX, size=PHONE),
    "scenario": Shot(**SCENARIO, top="#h5"),
    "scenario-phone": Shot(**SCENARIO, size=PHONE),
    "cell": Shot(page=CELL, ready="#cell h2"),
    "cell-phone": Shot(page=CELL, size=PHONE, ready="#cell h2"),
    "causes": Shot(page="causes.html"),
    "boundaries": Shot(page="boundaries.html"),
    "claims": Shot(page="claims.html"),
    "environments": Shot(page="environments.html"),
    "pictures": Shot(page="pictures.html", ready="svg.plot"),
    "compare": Shot(page="compare.html", ready="#runs"),
    "compare-phone": Shot(page="compare.html", size=PHONE, ready="#runs"),
}


def take(browser: Browser, site: Path, shot: Shot, path: Path) -> None:
    """Open the page of a shot and write its picture."""
    width, height = shot.size
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if shot.dark else "light"
    )
    file, _, part = shot.page.partition("#")
    page.goto((site / file).as_uri() + (f"#{part}" if part else ""))
    page.wait_for_selector(shot.ready)
    if shot.top:
        page.evaluate("(top) => document.querySelector(top).scrollIntoView()", shot.top)
    page.wait_for_selector("table:not([aria-busy=true]), main")
    page.screenshot(path=path)
    page.close()


def main() -> int:
    """Take every picture; ends with 1 if one is too large to be kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "reports/published/site")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs/images")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    large = []
    with open_browser() as browser:
        for name, shot in SHOTS.items():
            path = arguments.folder / f"{name}.png"
            take(browser, arguments.site.resolve(), shot, path)
            large += [path] if path.stat().st_size > LARGEST else []
            print(f"{path}: {path.stat().st_size // 1000} KB")
    for path in large:
        print(f"{path} is too large to be kept", file=sys.stderr)
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())
