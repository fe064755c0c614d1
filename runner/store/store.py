"""The store as one object.

Input: a folder, and whether the command runs jobs or only reads. Output: a `Store` with
its journal loaded; one that runs jobs holds the lock until it is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from runner.domain import Format
from runner.store.artifacts import Artifacts, Manifest, Place, remove_leftovers
from runner.store.database import Warn
from runner.store.files import disk_errors, probe_writable
from runner.store.journal import Journal
from runner.store.lock import StoreLock

DEFAULT_FOLDER = Path(".matrix")


class Store:
    """An open store; use it as a context manager, or call `close`."""

    def __init__(
        self, folder: Path, journal: Journal, artifacts: Artifacts, lock: StoreLock | None
    ) -> None:
        self.folder = folder
        self.journal = journal
        """Every observation ever made."""
        self.artifacts = artifacts
        """Every model ever saved."""
        self._lock = lock

    def artifact_dir(self, writer: str, scenario: str, format_: Format, inputs: str) -> Path:
        """Return the absolute folder of an artifact, which may not exist yet."""
        return self.artifacts.folder(Place(writer, scenario, format_, inputs))

    def manifest(
        self,
        writer: str,
        scenario: str,
        format_: Format,
        inputs: str,
        facts: Mapping[str, object],
    ) -> Manifest | None:
        """Return the manifest of a sound artifact, or None; see `Artifacts.find`."""
        return self.artifacts.find(Place(writer, scenario, format_, inputs), facts)

    def close(self) -> None:
        """Flush the journal and give the lock back; calling it again does nothing."""
        try:
            self.journal.close()
        finally:
            if self._lock:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_store(folder: Path, *, command: str, warn: Warn, read_only: bool = False) -> Store:
    """Open the store in `folder`; unless `read_only`, make, lock and clean it as well.

    `warn` receives one sentence for every damage that was worked around. A read-only
    store changes nothing on disk, takes no lock, and may be opened during a run.

    Raises:
        BusyError: another run holds the store.
        StoreError: it cannot be written, or another version of the tool wrote it.
    """
    folder = folder.absolute()
    if read_only:
        artifacts = Artifacts(folder, writable=False, warn=warn)
        return Store(folder, Journal(folder, writable=False, warn=warn), artifacts, None)
    probe_writable(folder)
    lock = StoreLock(folder, command)
    try:
        with disk_errors(folder, "remove the leftovers of a killed run"):
            remove_leftovers(folder)
        journal = Journal(folder, writable=True, warn=warn)
    except BaseException:
        lock.release()
        raise
    return Store(folder, journal, Artifacts(folder, writable=True, warn=warn), lock)
