"""Error texts are read alike however they were copied."""

from __future__ import annotations

from runner.analyse.error_text import read_text

TRACEBACK = """Traceback (most recent call last):
  File "load.py", line 3, in <module>
    model = load_model("model.h5")
  File "site-packages/keras/x.py", line 9, in load
    raise ValueError("Unknown layer: Scale")
ValueError: Unknown layer: Scale"""


def first(text: str) -> tuple[str, str]:
    reading = read_text(text)[0]
    return reading.exception, reading.message


def test_the_same_error_in_many_forms():
    error = ("ValueError", "Unknown layer: Scale")
    logged = "\n".join(f"12:00:01 app ERROR | {line}" for line in TRACEBACK.split("\n"))
    forms = {
        "last line": "ValueError: Unknown layer: Scale",
        "traceback": TRACEBACK,
        "colours": TRACEBACK.replace("ValueError:", "\x1b[31mValueError\x1b[0m:"),
        "Windows": TRACEBACK.replace("\n", "\r\n"),
        "before it": f"loading...\nepoch 1\n{TRACEBACK}",
        "log": logged,
        "pytest": "E   ValueError: Unknown layer: Scale",
        "module": "keras.src.errors.ValueError: Unknown layer: Scale",
    }

    assert {name: first(text) for name, text in forms.items()} == dict.fromkeys(forms, error)


def test_lines_after_the_message_are_left_out_in_a_later_reading():
    readings = read_text(f"{TRACEBACK}\nINFO: shutting down")

    assert "Unknown layer: Scale" in {each.message for each in readings}


def test_the_last_of_chained_exceptions_comes_first_and_the_innermost_message_counts():
    chained = (
        f"{TRACEBACK}\n\nDuring handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n'
        "TypeError: could not be deserialized properly\n\nException encountered: got 'x'\n"
    )

    assert first(chained) == ("TypeError", "got 'x'")
    assert "Unknown layer: Scale" in {each.message for each in read_text(chained)}


def test_a_bare_message_has_no_exception():
    assert first("Unknown layer: Scale") == ("", "Unknown layer: Scale")


def test_an_empty_text_has_no_reading():
    assert [read_text(text) for text in ("", " \n\t", "\x1b[0m", "\x00")] == [(), (), (), ()]
