"""Pictures of the report at phone and desktop width, for the documentation.

    python tests/browser/screenshots.py [SITE] [FOLDER]

SITE defaults to the published report, FOLDER to docs/images. A picture is the first screen.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chromium import open_browser

ROOT = Path(__file__).resolve().parents[2]
DESKTOP, PHONE = (1280, 800), (390, 760)
SHOTS = {
    "report": ("index.html", DESKTOP, "#pairs tbody td"),
    "report-phone": ("index.html", PHONE, "#pairs tbody td"),
    "scenario": ("scenario/l2_sequential.html", DESKTOP, "table"),
    "cell": ("cell.html#l2_sequential/h5/tf2.12->keras3.15/none", DESKTOP, "#cell h2"),
    "cell-phone": ("cell.html#l2_sequential/h5/tf2.12->keras3.15/none", PHONE, "#cell h2"),
    "pictures": ("pictures.html", DESKTOP, "svg.plot"),
    "compare": ("compare.html", DESKTOP, "#runs"),
    "compare-phone": ("compare.html", PHONE, "#runs"),
}
LARGEST = 150_000


def main() -> int:
    """Take every picture; ends with 1 if one is too large to be kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "reports/published/site")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs/images")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    large = []
    with open_browser() as browser:
        for name, (page_name, (width, height), ready) in SHOTS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            file, _, part = page_name.partition("#")
            page.goto((arguments.site.resolve() / file).as_uri() + (f"#{part}" if part else ""))
            page.wait_for_selector(ready)
            path = arguments.folder / f"{name}.png"
            page.screenshot(path=path)
            page.close()
            large += [path] if path.stat().st_size > LARGEST else []
            print(f"{path}: {path.stat().st_size // 1000} KB")
    for path in large:
        print(f"{path} is too large to be kept", file=sys.stderr)
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())
