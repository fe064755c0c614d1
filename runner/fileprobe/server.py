"""The parent process: imports the framework once, takes jobs one at a time, forks a child for each.

Jobs come in on standard input; records and the files that a job made go out on one stream:

    {"type": "header", ...}                    once, when the framework is imported
    {"type": "start" | "observation", ...}     as `runner.probe.server` writes them
    {"type": "file", "id", "name", "size"}     then as many bytes of the file
    {"type": "end", "id"}                      the job is over, its processes are gone

Beyond the limits of one process, which `runner.probe.server` watches, the processes, the memory of
all of them and the disk space of a job are limited.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from typing import IO, Any, Dict, Iterator, List, Optional, Tuple

from runner.fileprobe.jobs import add_kinds
from runner.probe.identify import installed_distributions
from runner.probe.keras_api import KerasApi
from runner.probe.lifeline import children, close_to_others
from runner.probe.server import (
    Child,
    Loss,
    Server,
    child_folders,
    remove_folder,
    resident_mb,
)

SCHEMA = "fileprobe/1"
CHUNK = 1 << 20
DEPTH = 12
"""Of folders that are handed over."""
WALK_S = 0.5
"""Between two looks at the disk space of a job."""
MOST_FILES = 10000


class FileServer(Server):
    """Takes jobs on a user's file; `told` is the command line's object."""

    def __init__(self, told: Dict[str, Any], out: IO[str]) -> None:
        super().__init__(dict(told, jobs=[]), out)
        self.told = told
        self.walked = 0.0
        add_kinds()

    def run(self) -> None:
        """Take jobs until there are no more."""
        began = time.time()
        close_to_others()
        if self.method != "fresh":
            self.api = KerasApi(self.batch["framework"])
        if self.method == "auto":
            self.method = "fork" if self._self_test() else "spawn"
        self._write(
            {
                "type": "header",
                "schema": SCHEMA,
                "environment": self.batch["environment"],
                "versions": installed_distributions(),
                "start_method": self.method,
                "import_s": round(time.time() - began, 3),
            }
        )
        for line in iter(sys.stdin.buffer.readline, b""):
            self._take(json.loads(line.decode("utf-8")))

    def _take(self, job: Dict[str, Any]) -> None:
        folder = tempfile.mkdtemp(prefix="result-", dir=self.scratch)
        job = dict(job, result=folder, files=self.told["files"], chain="", isolated=True)
        try:
            self._run_chain([job])
            self._hand_over(job["id"], folder)
        finally:
            remove_folder(folder)
            self._clear()
        self._write({"type": "end", "id": job["id"]})

    def _clear(self) -> None:
        """Remove what a job left beside its own folder: the next one needs the space."""
        place = self.told["work"]
        for name in os.listdir(place):
            path = os.path.join(place, name)
            if path not in (self.scratch, os.path.join(place, "home")):
                remove_folder(path)

    def _hand_over(self, name: str, folder: str) -> None:
        """Write out the files that a job left; links and whatever is no file are left out."""
        left = self.told["result_mb"] * 2**20
        for index, (inside, opened) in enumerate(_files(folder)):
            try:
                size = os.fstat(opened).st_size
                if size > left or index >= MOST_FILES:
                    record = {"type": "refused", "id": name, "name": inside, "size": size}
                    self._write(record)
                    continue
                left -= size
                self._write({"type": "file", "id": name, "name": inside, "size": size})
                self._copy(opened, size)
            finally:
                os.close(opened)

    def _copy(self, opened: int, size: int) -> None:
        """Write exactly as many bytes as were promised, whatever happens to the file."""
        stream: Any = self.out
        while size:
            data = os.read(opened, min(CHUNK, size)) or b"\0" * min(CHUNK, size)
            stream.buffer.write(data)
            size -= len(data)
        stream.buffer.flush()

    def _spawn(self, listening: int, saying: int, output: int, folder: str) -> int:
        arguments = [sys.executable, "-m", "runner.fileprobe", json.dumps(self.told)]
        arguments += ["--orders", str(listening), "--answers", str(saying)]
        home, temporary = child_folders(folder)
        process = subprocess.Popen(
            arguments,
            env=dict(os.environ, HOME=home, TMPDIR=temporary),
            pass_fds=(listening, saying),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        return process.pid

    def _overstepped(self, child: Child, limit_s: float) -> Optional[Loss]:
        loss = super()._overstepped(child, limit_s)
        if loss is not None:
            return loss
        family = descendants(os.getpid())
        if len(family) > self.told["processes"]:
            return "over_limit", "more than {} processes at once".format(self.told["processes"])
        if len(family) > 1 and sum(map(resident_mb, family)) > 2 * self.limits["memory_mb"]:
            return "out_of_memory", "its processes take too much memory together"
        now = time.time()
        if now - self.walked > WALK_S:
            self.walked = now
            if disk_mb(self.scratch) > self.told["disk_mb"]:
                return "over_limit", "more than {} MB of disk space".format(self.told["disk_mb"])
        return None


def descendants(process_id: int) -> List[int]:
    """Return the ids of all processes below one, without threads."""
    found: List[int] = []
    waiting = [process_id]
    while waiting:
        below = children(waiting.pop())
        found += below
        waiting += below
    return found


def disk_mb(folder: str) -> float:
    """Return the disk space below a folder, in MB; infinite where nobody should count that far."""
    used = seen = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            seen += 1
            if seen > MOST_FILES:
                return float("inf")
            try:
                used += os.lstat(os.path.join(parent, name)).st_blocks * 512
            except OSError:
                continue
    return used / 2.0**20


def _files(folder: str) -> Iterator[Tuple[str, int]]:
    """Give each plain file below a folder by its path there, open; in order."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        if parent[len(folder) :].count(os.sep) > DEPTH:
            folders[:] = []
        for name in sorted(names):
            path = os.path.join(parent, name)
            try:
                opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError:
                continue
            if stat.S_ISREG(os.fstat(opened).st_mode):
                yield os.path.relpath(path, folder), opened
            else:
                os.close(opened)
