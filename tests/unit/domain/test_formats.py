"""The table of formats: a row each, and the words of the glossary."""

from __future__ import annotations

from pathlib import Path

from runner.domain import FORMAT_TABLE, Format

GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"


def test_every_format_has_one_row_in_the_order_of_the_vocabulary() -> None:
    assert [facts.format for facts in FORMAT_TABLE] == list(Format)


def test_the_glossary_says_how_each_is_saved() -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    rows = dict(line[2:].split(" | ", 1) for line in text.splitlines() if line.startswith("| `"))

    for facts in FORMAT_TABLE:
        assert f"`{facts.saved_by}`" in rows[f"`{facts.format}`"], facts.format
