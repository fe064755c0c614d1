from __future__ import annotations

import base64
import hashlib
import re

from check.answers import answer, reader

from runner.check.results import RESULTS, Result
from runner.render.check import page, terminal

READERS = (
    reader("keras3.15", Result.LOAD_ERROR, cause="unknown_custom_object", why="<script>x</script>"),
    reader("tf2.3"),
)
ANSWER = answer(*READERS, groups=[(("tf2.3",), True)], reference="tf2.3")


def test_the_page_is_one_file_that_reaches_nothing_and_escapes_everything():
    text = page.render(ANSWER)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "model &lt;b&gt;.h5" in text
    assert not re.search(r"(src|href)=", text)
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in text.replace("&#43;", "+")


def test_the_page_says_what_is_measured_and_what_is_predicted():
    text = page.render(ANSWER)
    assert "What is predicted is not measured on this file" in text
    assert "fails, as lstm" in text
    assert "✗ does not load" in text


def test_every_result_has_its_symbol_its_label_and_its_style():
    assert set(RESULTS) == set(Result)
    labels = [each.label for each in RESULTS.values()]
    assert len(set(labels)) == len(labels)


def test_a_row_says_outcome_cause_seconds_and_prediction():
    names = [each.environment for each in READERS]
    lines = terminal.row(READERS[0], names)
    assert re.match(
        r"keras3.15  ✗ does not load +unknown_custom_object +0  fails, as lstm$", lines[0]
    )
    assert lines[1].strip() == "<script>x</script>"
    assert terminal.row(READERS[1], names, again=True)[0].endswith("(second look)")
    head = terminal.head(names)
    assert head.index("cause") == lines[0].index("unknown")
    assert len(terminal.row(reader("x", Result.CRASHED, why="w" * 999), names)[1]) < 200
