"""The pipes of a process of this machine, as `Pipe` asks for them."""

from __future__ import annotations

import os
import select
from dataclasses import dataclass

from runner.host import process

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalPipe:
    """A child with pipes for its standard input and output."""

    child: process.Child

    def send(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self.child.stdin is not None  # noqa: S101 - started with a pipe
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def receive(self, timeout_s: float) -> bytes | None:
        """Return a piece of its standard output."""
        assert self.child.stdout is not None  # noqa: S101 - started with a pipe
        ready, _, _ = select.select([self.child.stdout], [], [], timeout_s)
        return os.read(self.child.stdout.fileno(), PIECE) if ready else None

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self.child.poll()

    def kill(self) -> None:
        """End it; its namespaces end with it."""
        process.end_guarded(self.child, patience_s=2.0)
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                pipe.close()
