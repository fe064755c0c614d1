"""CONTRIBUTING.md names the folders of the repository: each is there, and none is left out."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.partition(f"## {title}")[2].partition("\n## ")[0]


def test_every_place_that_a_change_touches_is_there():
    places = re.findall(r"`((?:runner|scenarios|containers|reports|tests)/[\w./-]*)`", TEXT)

    assert len(places) > 30
    assert [
        place for place in places if not (ROOT / place.replace("NAME.py", "__init__.py")).exists()
    ] == []


def test_every_room_of_the_runner_is_described():
    described = set(re.findall(r"^\| `([\w.]+)/?` \|", section("The repository"), re.MULTILINE))
    rooms = {
        path.name
        for path in (ROOT / "runner").iterdir()
        if not path.name.startswith(("_", ".")) and path.suffix in {"", ".py"}
    }

    assert rooms - described == set()
