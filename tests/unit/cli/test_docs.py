"""What the repository says of itself is true: tables, links, names of machines."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from runner.cli import COMMANDS, DEVELOPER_COMMANDS, command, docs, main
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


def test_tables_of_the_pages_are_fresh():
    for page, names in docs.PAGES.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        assert docs.refresh_tables(text, names) == text, f"{page}; next: nox -s docs -- --write"


def test_every_table_is_on_one_page():
    assert sorted(name for names in docs.PAGES.values() for name in names) == sorted(docs.TABLES)


def copy_pages(folder, monkeypatch):
    for page in docs.PAGES:
        (folder / page).parent.mkdir(exist_ok=True)
        (folder / page).write_text((ROOT / page).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", folder)


def test_a_stale_page_is_named_and_written(tmp_path, monkeypatch, capsys):
    copy_pages(tmp_path, monkeypatch)
    page = tmp_path / "docs" / "commands.md"
    good = page.read_text(encoding="utf-8")
    page.write_text(good.replace("| 70 |", "| 71 |"), encoding="utf-8")
    assert main(["docs"]) == 1
    assert (
        "docs/commands.md is out of date; next: nox -s docs -- --write" in capsys.readouterr().err
    )
    assert main(["docs", "--write"]) == 0
    assert page.read_text(encoding="utf-8") == good
    assert main(["docs"]) == 0


def test_a_place_that_is_missing_is_named():
    with pytest.raises(ValueError, match="commands"):
        docs.refresh_tables("nothing to fill", ["commands"])


def test_tables_name_every_command_and_exit_code():
    for name in (*COMMANDS, *DEVELOPER_COMMANDS):
        assert f"| [`{name}`](#{name}) |" in docs.TABLES["commands"]()
        assert f"### {name}\n" in docs.TABLES["arguments"]()
    for error in MatrixError.__subclasses__():
        if error.__module__ == MatrixError.__module__:
            assert f"| {error.exit_code} |" in docs.TABLES["exit codes"]()


def test_the_readme_is_short_and_begins_with_two_lines_to_paste():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    for session in ("matrix", "tests"):
        assert f"\n    python -m pip install nox uv && python -m nox -s {session}\n" in text


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
