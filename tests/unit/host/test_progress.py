"""What a run prints, on a terminal and without one."""

import io
import threading

import pytest
from rich.console import Console

from runner.domain import Outcome
from runner.host.progress import (
    EnvironmentState,
    LiveReporter,
    PlainReporter,
    format_duration,
    make_reporter,
)


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def make_plain():
    stream, clock = io.StringIO(), Clock()
    return PlainReporter(stream, interval_s=5, clock=clock), stream, clock


def test_plain_lines_come_at_most_every_few_seconds():
    reporter, stream, clock = make_plain()
    reporter.start(1000, "loading")
    for _ in range(640):
        clock.now_s += 1 / 64
        reporter.advance("tf2.15", 1, Outcome.EQUIVALENT)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "loading: 1000 to do"
    assert 2 <= len(lines) <= 3
    assert lines[1].startswith("loading: 320 of 1000 (320 equivalent), 11 s left")


def test_the_last_counts_are_always_written_and_only_once():
    reporter, stream, _ = make_plain()
    reporter.start(3, "loading")
    reporter.advance("tf2.15", 2, Outcome.LOAD_ERROR)
    reporter.advance("tf2.15", 1, Outcome.EQUIVALENT)
    reporter.close()
    reporter.close()
    assert stream.getvalue().splitlines() == [
        "loading: 3 to do",
        "loading: 3 of 3 (1 equivalent, 2 load_error), 0 s left",
    ]


def test_a_finished_environment_and_a_message_are_written_at_once():
    reporter, stream, _ = make_plain()
    reporter.start(3, "saving")
    reporter.environment("tf2.15", EnvironmentState.SAVING)
    reporter.advance("tf2.15", 3, None)
    reporter.environment("tf2.15", EnvironmentState.FINISHED)
    reporter.environment("keras2.3", EnvironmentState.UNAVAILABLE)
    reporter.message("the journal's last line was cut")
    assert stream.getvalue().splitlines()[1:] == [
        "tf2.15: finished, 3 done",
        "keras2.3: unavailable",
        "the journal's last line was cut",
    ]


def test_threads_lose_no_count():
    reporter, stream, _ = make_plain()
    reporter.start(4000, "loading")

    def work(name):
        for _ in range(1000):
            reporter.advance(name, 1, Outcome.EQUIVALENT)

    threads = [threading.Thread(target=work, args=(f"env{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reporter.close()
    assert "4000 of 4000 (4000 equivalent)" in stream.getvalue()


def test_a_closed_or_narrow_stream_does_not_stop_a_run():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    reporter = PlainReporter(stream)
    reporter.message("naïve ✓")
    stream.flush()
    assert stream.buffer.getvalue() == b"na?ve ?\n"
    stream.close()
    reporter.message("nobody listens")
    reporter.close()


def test_without_a_terminal_lines_are_chosen(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(make_reporter(io.StringIO()), PlainReporter)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_live_display_shows_environments_counts_and_outcomes(encoding):
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    reporter = LiveReporter(Console(file=stream, force_terminal=True, width=100))
    reporter.start(10, "loading")
    reporter.environment("keras3.15", EnvironmentState.LOADING)
    reporter.advance("keras3.15", 4, Outcome.EQUIVALENT)
    reporter.advance("keras3.15", 1, Outcome.DIVERGED)
    reporter.message("a [bracketed] message")
    reporter._live.refresh()
    reporter.close()
    reporter.close()
    stream.flush()
    shown = buffer.getvalue().decode(encoding)
    assert "keras3.15" in shown
    assert "5/10" in shown
    assert "a [bracketed] message" in shown
    assert ("✓ 4 equivalent" if encoding == "utf-8" else "= 4 equivalent") in shown
    assert "loading: 5 of 10" in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert format_duration(seconds) == text
