"""Prose: code in sentences, paragraphs of docstrings, code in colour; all of it escaped."""

from __future__ import annotations

from runner.prose import drop_docstring, highlight_python, mark_code, split_paragraphs


def test_backticks_become_code_and_nothing_else_becomes_markup() -> None:
    assert mark_code("pass `f(x)` <b>") == "pass <code>f(x)</code> &lt;b&gt;"
    assert mark_code("`<img src=x>`") == "<code>&lt;img src=x&gt;</code>"
    assert mark_code("``two``, and one ` alone") == "<code>two</code>, and one ` alone"


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
