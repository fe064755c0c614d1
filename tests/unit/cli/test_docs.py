"""What the repository says of itself is true: tables, links, names of machines."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from runner.cli import docs
from runner.domain import Aspect, Format, Outcome, Verdict
from runner.domain.errors import MatrixError

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GENERATED = ("reports/published/", "tests/unit/data/", "tests/browser/")
TEXT = {".cfg", ".css", ".html", ".js", ".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml", ""}
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# Written in parts, or this file would find itself.
INDEX = re.compile(
    r"pypi\.o" + r"rg|pythonhosted\.o" + r"rg|download\.pyto" + r"rch\.org"
    r"|(?:index-u" + r"rl|trusted-h" + r"ost)[ =]"
)
MACHINE = re.compile(r"(?<![\w.<])/(?:ro" + r"ot|wo" + r"rk|ho" + r"me/\w+)/")


def tracked() -> list[Path]:
    """Files that git tracks or would; everything below the root without git."""
    asked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = asked.stdout.splitlines()
    if asked.returncode:
        pytest.skip("not a clone: which files belong to the repository is not known")
    return [ROOT / name for name in names if not name.startswith(GENERATED)]


def test_tables_of_the_readme_are_fresh():
    text = docs.README.read_text(encoding="utf-8")
    assert docs.refresh_tables(text) == text, "next: python -m runner.cli.docs --write"


def test_a_place_that_is_missing_is_named():
    with pytest.raises(ValueError, match="commands"):
        docs.refresh_tables("nothing to fill")


def test_tables_name_every_command_and_exit_code():
    tables = docs.make_tables()
    for name in ("run", "plan", "envs", "show", "report", "audit", "bench"):
        assert f"| `{name}` |" in tables["commands"]
    for error in MatrixError.__subclasses__():
        if error.__module__ == MatrixError.__module__:
            assert f"| {error.exit_code} |" in tables["exit codes"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_the_glossary_has_every_word_of_the_vocabulary():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    for word in [*Outcome, *Verdict, *Aspect, *Format]:
        assert f"| `{word}` |" in text


def hits(pattern: re.Pattern[str], beyond: tuple[str, ...] = ()) -> list[str]:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in TEXT and path.is_file() and not name.startswith(beyond):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {hit[0]}" for hit in pattern.finditer(text)]
    return found


def test_nothing_names_a_package_index():
    assert hits(INDEX) == []


def test_nothing_names_a_path_of_one_machine():
    # Tests of what removes such paths have made-up ones.
    assert hits(MACHINE, beyond=("tests/unit/",)) == []
