"""Prose: code in sentences, paragraphs of docstrings, code in colour; all of it escaped."""

from __future__ import annotations

from runner.render.parts.text import (
    drop_docstring,
    highlight_python,
    link_name,
    mark_code,
    split_paragraphs,
    upper_first,
)


def test_backticks_become_code_and_nothing_else_becomes_markup() -> None:
    assert mark_code("pass `f(x)` <b>") == "pass <code>f(x)</code> &lt;b&gt;"
    assert mark_code("`<img src=x>`") == "<code>&lt;img src=x&gt;</code>"
    assert mark_code("``two``, and one ` alone") == "<code>two</code>, and one ` alone"


def test_links_to_threads_are_named_by_repository_and_number() -> None:
    assert link_name("https://github.com/keras-team/keras/issues/19899") == "keras-team/keras#19899"
    assert link_name("https://github.com/keras-team/keras/pull/1") == "keras-team/keras#1"
    assert link_name("https://keras.io/guides") == "keras.io/guides"


def test_only_the_first_letter_is_made_large() -> None:
    assert upper_first("h5 by PyTorch") == "H5 by PyTorch"
    assert upper_first("") == ""


def test_lines_of_a_paragraph_are_joined_and_code_is_left_as_it_stands() -> None:
    text = (
        "One line\nand its end.\n\n    model.save(\n        path)\n\n- first\n  goes on\n- second\n"
    )

    parts = [(part.kind, part.text) for part in split_paragraphs(text)]

    assert parts == [
        ("text", "One line and its end."),
        ("code", "model.save(\n    path)"),
        ("item", "first goes on"),
        ("item", "second"),
    ]


def test_a_dash_within_a_line_begins_no_item() -> None:
    assert [part.kind for part in split_paragraphs("a - b\nc - d")] == ["text"]


def test_code_is_coloured_by_classes_and_escaped() -> None:
    shown = highlight_python("import os\nname = '<script>'\n")

    assert '<span class="p-kn">import</span>' in shown
    assert "<script>" not in shown
    assert "style=" not in shown


def test_only_the_docstring_of_a_module_is_left_out() -> None:
    assert drop_docstring('"""Two\nlines."""\n\nx = 1\n') == "x = 1\n"
    assert drop_docstring("x = 1\n") == "x = 1\n"
    assert drop_docstring("not python (") == "not python ("
