"""A reporter that also tells other machines of a shard's progress, a few times a minute.

Input: the events of the stages, and a function that puts a record where others find it. Output:
records. A place that cannot be written costs the display of others, and nothing else.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from runner.domain import Outcome
from runner.domain.errors import MatrixError
from runner.domain.progress import ShardProgress
from runner.domain.shards import Shard
from runner.host.progress import EnvironmentState, Reporter, Tally

EVERY_S = 15.0


class TellingReporter:
    """Shows what another reporter shows, and tells it to other machines."""

    def __init__(
        self,
        shown: Reporter,
        put: Callable[[ShardProgress], None],
        shard: Shard,
        plan: str,
        estimated_s: float,
    ) -> None:
        """Take the seconds of wall time that the shard is expected to need."""
        self._shown = shown
        self._put = put
        self._shard = shard
        self._plan = plan
        self._estimated_s = estimated_s
        self._begun = time.monotonic()
        self._tally = Tally(time.monotonic)
        self._cells = 0
        self._outcomes: Counter[str] = Counter()
        self._environments: dict[str, str] = {}
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._tell("running")
        self._thread = threading.Thread(target=self._keep_telling, daemon=True)
        self._thread.start()

    def start(self, total: int, label: str) -> None:
        """Begin a phase."""
        with self._guard:
            self._tally.begin(total, label)
        self._shown.start(total, label)

    def advance(self, environment_id: str, n: int, outcome: Outcome | None) -> None:
        """Count jobs."""
        with self._guard:
            self._tally.add(environment_id, n, outcome)
            if outcome is not None:
                self._cells += n
                self._outcomes[str(outcome)] += n
        self._shown.advance(environment_id, n, outcome)

    def environment(self, environment_id: str, state: EnvironmentState) -> None:
        """Note the present work of an environment."""
        with self._guard:
            self._environments[environment_id] = str(state)
        self._shown.environment(environment_id, state)

    def machines(self, number: int) -> None:
        """Pass it on."""
        self._shown.machines(number)

    def message(self, text: str) -> None:
        """Pass it on."""
        self._shown.message(text)

    def close(self) -> None:
        """End the display; what was told last is that it stopped, unless it had finished."""
        if not self._closing.is_set():
            self.end("stopped")
        self._shown.close()

    def end(self, state: Literal["finished", "stopped"]) -> None:
        """Tell how it ended; nothing more is told."""
        self._closing.set()
        self._thread.join()
        self._tell(state)

    def _keep_telling(self) -> None:
        while not self._closing.wait(EVERY_S):
            self._tell("running")

    def _tell(self, state: Literal["running", "finished", "stopped"]) -> None:
        with contextlib.suppress(MatrixError, OSError):
            self._put(self._record(state))

    def _record(self, state: Literal["running", "finished", "stopped"]) -> ShardProgress:
        with self._guard:
            tally = self._tally
            expected_s = max(0.0, self._estimated_s - (time.monotonic() - self._begun))
            left_s = None if tally.left_s is None else max(tally.left_s, expected_s)
            return ShardProgress(
                index=self._shard.index,
                of=self._shard.of,
                plan=self._plan,
                host=socket.gethostname(),
                at=datetime.now(UTC),
                state=state,
                phase=tally.label,
                done=tally.done,
                total=tally.total,
                cells=self._cells,
                outcomes=dict(self._outcomes),
                environments=dict(self._environments),
                left_s=0.0 if state == "finished" else left_s,
            )
