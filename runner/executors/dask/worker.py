"""The work of a Dask worker: one order at a time, in the confined probes of its own machine.

Input: the text of an order. Output: answers, put into the order's queue while it is carried out.
A worker has a store of its own:

    <store>/environments/     built here, shared by the workers of a machine
    <store>/images/           likewise: each image as it was found to be
    <store>/workers/<n>/      of one worker: artifacts by their digests, its batches at work
    <store>/roots/<digest>/   the repository with scenarios of a user's own, as an order brings them

Two settings of Dask name places (`DASK_KERAS_MATRIX__STORE` and `DASK_KERAS_MATRIX__ROOT` as
variables): the store, and the repository.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import secrets
import shutil
import socket
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import dask.config
import msgspec
from distributed import Queue, Worker, get_worker

from runner.contract import Job
from runner.domain import Environment, Kind, Observation, ProvisionedEnvironment
from runner.domain.errors import MatrixError, ProvisionError
from runner.domain.request import Limits, Request
from runner.executors.batches import ProbeCrew, hold_against_files, require_room
from runner.executors.dask import messages
from runner.executors.dask.messages import AnyAnswer, AnyOrder, Built, Description, Ended, Result
from runner.executors.dask.version import tool_digest
from runner.executors.interface import Place, Settings
from runner.executors.locks import REPOSITORY
from runner.executors.registry import open_place
from runner.store.artifacts import Artifacts
from runner.store.exchange import EnvironmentFacts, open_exchange
from runner.store.files import TEMPORARY_PREFIX, emptied
from runner.store.space import START_MB, require_space

STORE = ".matrix-worker"
"""The store of a worker whose settings name none."""
WRITTEN = {Kind.SAVE: "artifact", Kind.MAKE: "made"}
"""The field of a job that names the folder it writes."""
FOLDERS = ("artifact", "sibling", "made")
"""The fields of a job that name folders of the store."""
SHARED = ("environments", "images")
"""Folders of the store that all workers of a machine have in common."""
FLUSH_S = 0.5
PUT_TIMEOUT_S = 60.0
_PROCESSES: weakref.WeakKeyDictionary[Worker, str] = weakref.WeakKeyDictionary()
_DESKS: weakref.WeakKeyDictionary[Worker, Desk] = weakref.WeakKeyDictionary()


def work(text: str) -> None:
    """Carry out an order; the entry of every task."""
    order = messages.read_order(text)
    worker = get_worker()
    process = _PROCESSES.setdefault(worker, secrets.token_hex(8))
    post = Post(Queue(order.queue), order.number, process, _wanted(worker))
    with post:
        try:
            root = _root(order)
            tool = tool_digest(root)
            if isinstance(order, messages.Describe):
                post.send(_describe(order, post, tool))
            elif tool != order.tool:
                post.end("refused", "its tool, its probe, its scenarios or its locks are others")
            elif isinstance(order, messages.Build):
                post.send(_build(_desk(order, worker, root), order, post))
            else:
                _run(_desk(order, worker, root), order, post)
        except MatrixError as error:
            post.end("failed", str(error))
        except OSError as error:
            post.end("failed", f"{type(error).__name__}: {error}")


def _wanted(worker: Worker) -> Callable[[], bool]:
    """Return a function that says whether this task is still asked for."""
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        working = worker.status.name in ("running", "paused", "closing_gracefully")
        return working and task is not None and task.state == "executing"

    return wanted


class Post:
    """The answers to one order; those of jobs are gathered and sent a few times a second.

    `stopped` is set once nobody waits for them any more.
    """

    def __init__(self, queue: Queue, number: int, process: str, wanted: Callable[[], bool]) -> None:
        self._queue = queue
        self._number = number
        self._process = process
        self._wanted = wanted
        self._results: list[Result] = []
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def head(self) -> dict[str, Any]:
        """The fields that every answer has."""
        return {"number": self._number, "process": self._process}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def add(self, result: Result) -> None:
        """Take the result of a job."""
        with self._guard:
            self._results.append(result)

    def end(self, how: str, reason: str = "", **seconds: list[float]) -> None:
        """Say how it ended, after all results."""
        self._flush()
        ended = {"how": how, "reason": reason, **seconds, **self.head}
        self.send(msgspec.convert(ended, Ended))

    def send(self, answer: AnyAnswer) -> None:
        """Send an answer now, if it is still waited for."""
        if not self.stopped.is_set():
            self._queue.put(messages.encode(answer), timeout=PUT_TIMEOUT_S)

    def _watch(self) -> None:
        while not self._closing.wait(FLUSH_S):
            if not self._wanted() or not self._try_flush():
                self.stopped.set()
                return

    def _try_flush(self) -> bool:
        try:
            self._flush()
        except Exception:  # noqa: BLE001 - whatever it is: nobody gets the results
            return False
        return True

    def _flush(self) -> None:
        with self._guard:
            results, self._results = self._results, []
            if results:
                self.send(messages.Seen(results=results, **self.head))


def _describe(order: AnyOrder, post: Post, tool: str) -> Description:
    store = _store(order)
    found = []
    for marker in store.glob("environments/*/environment.json"):
        with contextlib.suppress(OSError, ValueError):
            content = msgspec.json.decode(marker.read_bytes())
            found.append((str(content["environment"]), str(content["lock_sha256"])))
    place = f"{socket.gethostname()}:{store.resolve()}"
    return Description(tool=tool, place=place, locks=sorted(found), **post.head)


def _root(order: AnyOrder) -> Path:
    """Return the repository, with the scenarios of the order if it brings its own.

    Raises:
        StoreError: these are gone or damaged, or the exchange does not answer.
    """
    named = order.root if order.here else dask.config.get("keras-matrix.root", None)
    root = Path(named) if named else REPOSITORY
    return _lay_out(root, order) if order.scenarios else root


def _lay_out(root: Path, order: AnyOrder) -> Path:
    """Return a root that is as the coordinator's, made where this machine has none."""
    name = hashlib.sha256(f"{tool_digest(root)} {order.scenarios}".encode()).hexdigest()
    folder = _store(order) / "roots" / name[:16]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder.parent))
    try:
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / "runner" / "probe", made / "runner" / "probe", ignore=skip)
        shutil.copy(root / "runner" / "__init__.py", made / "runner")
        (made / "containers").symlink_to((root / "containers").resolve())
        open_exchange(order.exchange).fetch(order.scenarios, made / "scenarios")
        with contextlib.suppress(OSError):
            # Another worker of this machine may have been first.
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _store(order: AnyOrder) -> Path:
    if order.here:
        return Path(order.store)
    return Path(dask.config.get("keras-matrix.store", STORE)).absolute()


# --- the desk of a worker --------------------------------------------------------------


@dataclass(kw_only=True)
class Desk:
    """A worker's own folder, and the place where it builds environments and starts probes."""

    root: Path
    folder: Path
    shared: Path
    """The store of all workers of this machine."""
    lock: IO[str]
    """Held as long as the worker lives: the folder is its own."""
    place: Place
    closing: contextlib.ExitStack
    settings: tuple[str, dict[str, Any]]
    artifacts: Artifacts
    crew: ProbeCrew | None = None
    held: dict[str, str] = field(default_factory=dict)
    """Folder -> digest of the pack that it was made of."""

    def take(self, order: messages.Run) -> None:
        """Fetch the artifacts that are not there as they were packed.

        Raises:
            StoreError: one is missing or damaged in the exchange, or the disk is full.
        """
        exchange = open_exchange(order.exchange)
        for name, digest in order.packs.items():
            folder = self.folder / name
            if self.held.get(name) == digest and not self.artifacts.damage(folder):
                continue
            self.held.pop(name, None)
            self.artifacts = _artifacts(self.folder)
            folder.parent.mkdir(parents=True, exist_ok=True)
            exchange.fetch(digest, folder)
            self.held[name] = digest


def _artifacts(folder: Path) -> Artifacts:
    return Artifacts(folder, writable=False, warn=lambda _: None)


def _desk(order: AnyOrder, worker: Worker, root: Path) -> Desk:
    """Return the desk of this worker, made where it has none for such orders."""
    settings = (order.executor, order.settings)
    found = _DESKS.get(worker)
    store = _store(order)
    if found is not None and (found.settings, found.shared, found.root) == (settings, store, root):
        return found
    if found is not None:
        found.closing.close()
    folder, lock = _own_folder(store)
    request = Request(
        root=root,
        store=folder,
        out=folder / "report",
        executor=order.executor,
        **_asked(order.settings),
    )
    closing = contextlib.ExitStack()
    closing.callback(lock.close)
    place = closing.enter_context(open_place(request))
    desk = Desk(
        root=root,
        folder=folder,
        shared=store,
        lock=lock,
        place=place,
        closing=closing,
        settings=settings,
        artifacts=_artifacts(folder),
    )
    _DESKS[worker] = desk
    return desk


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the further fields of a worker's request, as its order has them."""
    bundle = settings["ca_bundle"]
    return {
        "base_image": settings["base_image"],
        "build_args": tuple(settings["build_args"]),
        "ca_bundle": Path(bundle) if bundle else None,
        "limits": Limits(**settings["limits"]),
    }


def _own_folder(store: Path) -> tuple[Path, IO[str]]:
    """Return the first folder that no other worker has, emptied of batches, and its lock."""
    for name in SHARED:
        (store / name).mkdir(parents=True, exist_ok=True)
    for number in range(10_000):
        folder = store / "workers" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        emptied(folder / "batches")
        for name in SHARED:
            if not (folder / name).is_symlink():
                (folder / name).symlink_to((store / name).resolve())
        return folder, lock
    raise OSError(f"{store}: more workers than folders")


# --- environments and batches ----------------------------------------------------------


def _build(desk: Desk, order: messages.Build, post: Post) -> Built:
    require_space(desk.folder, START_MB)
    found = desk.place.provision(order.environment)
    if isinstance(found, ProvisionError):
        return Built(
            message=found.message, cause=found.cause, next_step=found.next_step, **post.head
        )
    return Built(facts=EnvironmentFacts.of(found), **post.head)


def _run(desk: Desk, order: messages.Run, post: Post) -> None:
    require_space(desk.folder, START_MB)
    built = _fitting(desk, order.environment, order.facts)
    if isinstance(built, str):
        post.end("unfit", built)
        return
    desk.take(order)
    crew = _crew(desk, order, post)
    jobs = [_own_job(each, order.store, desk.folder) for each in order.jobs]
    exchange = open_exchange(order.exchange)
    places = _places(desk, order)

    def record(job: Job, seen: Observation) -> None:
        require_room(desk.folder, seen)
        seen = hold_against_files(desk.artifacts, job, seen)
        wrote = WRITTEN.get(Kind(job.kind)) if seen.status == "done" else None
        pack = exchange.put(Path(job.payload[wrote])) if wrote else ""
        told = {name: _told(value, places) for name, value in seen.data.items()}
        post.add(Result(id=job.id, observation=json.dumps(told), pack=pack))

    left, reason = crew.run_batch(built, jobs, record)
    seconds = {"imports_s": crew.imports_s, "starts_s": crew.starts_s}
    post.end("unfit" if left else "done", reason, **seconds)


def _fitting(
    desk: Desk, environment: Environment, wanted: EnvironmentFacts
) -> ProvisionedEnvironment | str:
    """Return the environment, or why it is not the one that results are filed under."""
    built = desk.place.provision(environment)
    if isinstance(built, ProvisionError):
        return str(built)
    found = EnvironmentFacts.of(built)
    for name in ("lock_digest", "python_version", "resolved", "base"):
        if getattr(found, name) != getattr(wanted, name):
            return (
                f"{environment.id}: its {name} is {str(getattr(found, name))[:60]}, that of the "
                f"run is {str(getattr(wanted, name))[:60]}"
            )
    return built


def _crew(desk: Desk, order: messages.Run, post: Post) -> ProbeCrew:
    """Return the crew of a batch; its executor stays, with what it has checked."""
    if desk.crew is None:
        crew = desk.place.crew(Settings(scratch=desk.folder / "batches"))
        if not isinstance(crew, ProbeCrew):
            raise ProvisionError(f"{order.executor} starts no probes on the machine it runs on")
        desk.crew = crew
        desk.closing.callback(crew.close)
    crew = desk.crew.again(start_method=order.start_method)
    crew.limits = Limits(**order.limits)
    crew.stopped = post.stopped
    return crew


def _own_job(ordered: messages.OrderedJob, store: str, folder: Path) -> Job:
    """Return a job with the folders of this worker; what it will write is removed."""
    payload = dict(ordered.payload)
    for name in FOLDERS:
        if payload.get(name):
            payload[name] = str(folder / Path(payload[name]).relative_to(store))
    wrote = WRITTEN.get(Kind(ordered.kind))
    if wrote:
        shutil.rmtree(payload[wrote], ignore_errors=True)
    return Job(id=ordered.id, kind=ordered.kind, inputs="", payload=payload)


def _places(desk: Desk, order: AnyOrder) -> Mapping[str, str]:
    """Return this worker's folders -> the coordinator's, the longest first."""
    pairs = [
        (str(desk.folder), order.store),
        (str(desk.shared), order.store),
        (str(desk.root), order.root),
    ]
    return dict(sorted(pairs, key=lambda pair: -len(pair[0])))


def _told(value: Any, places: Mapping[str, str]) -> Any:
    """Return a value of an observation with the coordinator's folders in its texts."""
    if isinstance(value, str):
        for own, theirs in places.items():
            value = value.replace(own, theirs)
        return value
    if isinstance(value, list):
        return [_told(each, places) for each in value]
    if isinstance(value, dict):
        return {name: _told(each, places) for name, each in value.items()}
    return value


def open_desks() -> Iterator[Desk]:
    """Yield the desks of the workers of this process, for a coordinator that ends them."""
    yield from list(_DESKS.values())
