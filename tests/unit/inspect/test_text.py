from __future__ import annotations

import msgspec
import pytest
from inspect_samples import SAMPLES, sample

from runner.inspect.text import COLUMNS, clean, describe_text, last_lines


@pytest.mark.parametrize("name", SAMPLES)
def test_text_fits_the_terminal_and_names_every_basis(name):
    found = msgspec.structs.replace(sample(name), path="model")
    lines = describe_text(found)
    assert max(map(len, [*lines, *last_lines()])) <= COLUMNS
    text = " ".join(line.strip() for line in lines)
    assert found.title in text
    for each in (*found.writer, *found.custom, *found.compiled):
        word = "read" if each.basis == "read" else "inferred"
        assert f"({word}: {each.source})" in text
    assert "safe" not in f"{text} {last_lines()}".lower()


def test_a_name_cannot_move_the_cursor():
    assert clean("a\x1b[2Jb\u202ec\n") == "a\\x1b[2Jb\\x202ec\\x0a"
