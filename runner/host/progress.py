"""The display of a run's progress.

Input: events of the stages (how much there is, what is done, what environments do).
Output: on a terminal a live display of environments, cells, outcomes and time left; on
anything else a plain line every few seconds. Safe to use from several threads.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from threading import RLock
from typing import Protocol, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from runner.domain import OUTCOME_TABLE, Outcome, OutcomeFacts

INTERVAL_S = 5.0
"""A plain line is written at most this often."""
SHOWN_ENVIRONMENTS = 8
"""Rows of environments at work in the live display."""


class EnvironmentState(StrEnum):
    """The present work of an environment."""

    PROVISIONING = "provisioning"
    READY = "ready"
    SAVING = "saving"
    LOADING = "loading"
    FINISHED = "finished"
    UNAVAILABLE = "unavailable"


AT_WORK = frozenset(
    {EnvironmentState.PROVISIONING, EnvironmentState.SAVING, EnvironmentState.LOADING}
)
ENDED = frozenset({EnvironmentState.FINISHED, EnvironmentState.UNAVAILABLE})


class Reporter(Protocol):
    """Told of every event; never raises because of its display."""

    def start(self, total: int, label: str) -> None:
        """Begin a phase of `total` jobs (`saving`, `loading`); ends the one before."""

    def advance(self, environment_id: str, n: int, outcome: Outcome | None) -> None:
        """Count `n` jobs as done, each with this outcome if it is known."""

    def environment(self, environment_id: str, state: EnvironmentState) -> None:
        """Tell the present work of an environment."""

    def machines(self, number: int) -> None:
        """Tell how many workers of other machines are there."""

    def message(self, text: str) -> None:
        """Show a sentence that stays."""

    def close(self) -> None:
        """End the display; calling it again does nothing."""


class Tally:
    """The counts both faces show."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.machines = 0
        self.begin(0, "")

    def begin(self, total: int, label: str) -> None:
        """Start counting a phase."""
        self.label = label
        self.total = total
        self.done = 0
        self.outcomes: Counter[Outcome] = Counter()
        self.by_environment: Counter[str] = Counter()
        self._started = self._clock()

    def add(self, environment_id: str, n: int, outcome: Outcome | None) -> None:
        """Count jobs."""
        self.done += n
        self.by_environment[environment_id] += n
        if outcome is not None:
            self.outcomes[outcome] += n

    def counts(self) -> list[tuple[OutcomeFacts, int]]:
        """Return the outcomes seen so far with their counts, in order of display."""
        return [
            (style, self.outcomes[style.outcome])
            for style in OUTCOME_TABLE
            if self.outcomes[style.outcome]
        ]

    @property
    def where(self) -> str:
        """The number of workers in words; empty where there is this machine alone."""
        return f" on {self.machines} workers" if self.machines else ""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the phase began."""
        return self._clock() - self._started

    @property
    def left_s(self) -> float | None:
        """Seconds left at the pace so far; None before anything is done."""
        if not self.done:
            return None
        return max(0.0, self.elapsed_s / self.done * (self.total - self.done))


class PlainReporter:
    """Lines of text: one every few seconds at most, and one a finished environment."""

    def __init__(
        self,
        stream: TextIO,
        *,
        interval_s: float = INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._interval_s = interval_s
        self._clock = clock
        self._guard = RLock()
        self._tally = Tally(clock)
        self._shown_at = float("-inf")
        self._shown_done = -1
        self._closed = False

    def start(self, total: int, label: str) -> None:
        """Say how much there is to do."""
        with self._guard:
            self._end_phase()
            self._tally.begin(total, label)
            self._shown_done = 0
            self._shown_at = self._clock()
            self._write(f"{label}: {total} to do")

    def advance(self, environment_id: str, n: int, outcome: Outcome | None) -> None:
        """Count, and write a line if the last one is long enough ago."""
        with self._guard:
            self._tally.add(environment_id, n, outcome)
            if self._clock() - self._shown_at >= self._interval_s:
                self._write_counts()

    def environment(self, environment_id: str, state: EnvironmentState) -> None:
        """Write a line when an environment has ended its work."""
        with self._guard:
            if state in ENDED:
                done = self._tally.by_environment[environment_id]
                self._write(f"{environment_id}: {state}" + (f", {done} done" if done else ""))

    def machines(self, number: int) -> None:
        """Have the next line say how many workers there are."""
        with self._guard:
            self._tally.machines = number

    def message(self, text: str) -> None:
        """Write the sentence at once."""
        with self._guard:
            self._write(text)

    def close(self) -> None:
        """Write the last counts."""
        with self._guard:
            if not self._closed:
                self._end_phase()
                self._closed = True

    def _end_phase(self) -> None:
        if self._tally.done != self._shown_done and self._tally.label:
            self._write_counts()

    def _write_counts(self) -> None:
        tally = self._tally
        shown = [f"{count} {style.outcome}" for style, count in tally.counts()]
        left = "" if tally.left_s is None else f", {format_duration(tally.left_s)} left"
        outcomes = f" ({', '.join(shown)})" if shown else ""
        self._write(f"{tally.label}: {tally.done} of {tally.total}{tally.where}{outcomes}{left}")
        self._shown_at = self._clock()
        self._shown_done = tally.done

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        shown = text.encode(encoding, "replace").decode(encoding)
        try:
            print(shown, file=self._stream, flush=True)
        except (OSError, ValueError):
            # Nobody reads any more (`| head`, a closed terminal): the run goes on.
            return


class LiveReporter:
    """A display that is redrawn in place on a terminal."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._guard = RLock()
        self._tally = Tally(clock)
        self._states: dict[str, EnvironmentState] = {}
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("", total=None, left="", visible=False)
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=4,
            transient=True,
        )
        self._live.start()
        self._closed = False

    def start(self, total: int, label: str) -> None:
        """Begin a phase; the last state of the one before stays as a line."""
        with self._guard:
            self._end_phase()
            self._tally.begin(total, label)
            self._bar.reset(self._task, total=total, description=label, visible=True, left="")

    def advance(self, environment_id: str, n: int, outcome: Outcome | None) -> None:
        """Count jobs."""
        with self._guard:
            self._tally.add(environment_id, n, outcome)
            self._bar.advance(self._task, n)

    def environment(self, environment_id: str, state: EnvironmentState) -> None:
        """Show the environment's present work."""
        with self._guard:
            self._states[environment_id] = state

    def machines(self, number: int) -> None:
        """Show how many workers there are."""
        with self._guard:
            self._tally.machines = number

    def message(self, text: str) -> None:
        """Show a sentence above the display."""
        self._console.print(Text(text))

    def close(self) -> None:
        """Take the display away and leave the last counts."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._end_phase()
        # Not under the guard: stopping waits for the thread that is drawing.
        self._live.stop()

    def _end_phase(self) -> None:
        tally = self._tally
        if tally.label:
            took = format_duration(tally.elapsed_s)
            line = Text(f"{tally.label}: {tally.done} of {tally.total} in {took}  ")
            self._console.print(line.append_text(self._outcomes()))
            tally.label = ""

    def _render(self) -> RenderableType:
        with self._guard:
            left = self._tally.left_s
            shown = "" if left is None else f"{format_duration(left)} left"
            self._bar.update(
                self._task, left=shown, description=self._tally.label + self._tally.where
            )
            return Group(self._environments(), self._bar, self._outcomes())

    def _environments(self) -> RenderableType:
        working = [item for item in self._states.items() if item[1] in AT_WORK]
        table = Table.grid(padding=(0, 2))
        for environment_id, state in working[:SHOWN_ENVIRONMENTS]:
            done = self._tally.by_environment[environment_id]
            table.add_row(Text(environment_id, "cyan"), state, f"{done} done" if done else "")
        more = len(working) - SHOWN_ENVIRONMENTS
        if more > 0:
            table.add_row(Text(f"and {more} more", "dim"), "", "")
        return table

    def _outcomes(self) -> Text:
        ascii_only = not self._console.encoding.lower().startswith("utf")
        text = Text()
        for shown, count in self._tally.counts():
            symbol = shown.plain if ascii_only else shown.symbol
            text.append(f"{symbol} {count} {shown.outcome}  ", shown.colour)
        return text


def make_reporter(stream: TextIO) -> Reporter:
    """Return the live display if the stream is a terminal that can show it, lines otherwise."""
    console = Console(file=stream)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveReporter(console)
    return PlainReporter(stream)


def format_duration(seconds: float) -> str:
    """Return a duration as people say it: `45 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
