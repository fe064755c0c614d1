"""The cells of a test session, measured once: cells and builders -> the result of each.

The builders become the scenarios of a folder, and the pipeline measures it: each writer saves once,
each environment imports its framework once for a batch. Where xdist has several processes, the
first that needs a result measures for all of them; the others wait for what it wrote down.
"""

from __future__ import annotations

import fcntl
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runner import pipeline
from runner.cli.command import make_request
from runner.domain import BARE, Cell, CellResult
from runner.domain.errors import MatrixError
from runner.host.progress import Reporter
from runner.pytest_plugin.builders import write_module
from runner.pytest_plugin.results import Model, PairResult, Session, Setting

KEPT_S = 86_400.0
"""How long the results of a session stay: its processes read them."""


def measure_once(
    setting: Setting, models: Sequence[Model], cells: Sequence[Cell], reporter: Reporter
) -> Session:
    """Return the results of the session: measured here, or by another process of this run."""
    if not setting.run:
        return measure(setting, models, cells, reporter)
    folder = setting.store / "pytest"
    path = folder / f"{setting.run}.json"
    with _alone(folder):
        if path.is_file():
            return msgspec.json.decode(path.read_bytes(), type=Session)
        for old in folder.glob("*.json"):
            if old.stat().st_mtime < time.time() - KEPT_S:
                old.unlink(missing_ok=True)
        session = measure(setting, models, cells, reporter)
        path.write_bytes(msgspec.json.encode(session))
        return session


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def measure(
    setting: Setting, models: Sequence[Model], cells: Sequence[Cell], reporter: Reporter
) -> Session:
    """Measure the cells; an error of ours is the session's error, and no exception."""
    try:
        with tempfile.TemporaryDirectory(prefix="keras-matrix-pytest-") as folder:
            write_folder(Path(folder), models)
            return _measure(setting, Path(folder), cells, reporter)
    except MatrixError as error:
        return Session(error=str(error))


def _measure(setting: Setting, folder: Path, cells: Sequence[Cell], reporter: Reporter) -> Session:
    asked: dict[str, object] = {
        "scenarios": folder,
        "select": [each.id for each in cells],
        "store": setting.store,
        "jobs": setting.jobs,
    }
    if setting.executor:
        asked["executor"] = setting.executor
    with pipeline.opened(make_request(asked), reporter) as run:
        measured = pipeline.measure_all(run)
        titles = {each.id: each.title for each in run.declared.causes}
        fresh = len(run.jobs.fresh)
    failed = [each for each in measured.controls if not each.passed]
    if failed:
        shown = "\n".join(f"  {each.id}: {each.detail}" for each in failed[:10])
        return Session(
            error=f"{len(failed)} of {len(measured.controls)} controls failed, so that nothing of"
            f" this can be trusted:\n{shown}",
            measured=fresh,
        )
    found = {each.cell.id: _told(each, titles) for each in measured.results}
    return Session(results=found, measured=fresh)


def _told(result: CellResult, titles: Mapping[str, str]) -> PairResult:
    seen = result.observation
    return PairResult(
        outcome=result.outcome,
        cause=result.cause,
        title=titles.get(result.cause, ""),
        aspects=tuple(result.aspects),
        stage=seen.stage if seen else "",
        exception=seen.exception if seen else "",
        message=seen.message if seen else "",
        reason=result.reason,
        traceback=str(seen.data.get("traceback") or "") if seen else "",
    )


def write_folder(folder: Path, models: Sequence[Model]) -> None:
    """Write the scenarios of the builders, with their catalogue."""
    entries = []
    for each in models:
        module = folder / f"{each.builder.module}.py"
        module.write_text(write_module(each.builder), encoding="utf-8")
        entries.append(_entry(each))
    (folder / "catalog.toml").write_text("\n".join(entries), encoding="utf-8")


def _entry(model: Model) -> str:
    values: dict[str, object] = {
        "id": model.builder.scenario,
        "module": model.builder.module,
        "group": "pytest",
        "title": model.builder.function,
        "summary": model.summary,
        "formats": list(map(str, model.formats)),
        "aspects": list(map(str, model.aspects)),
        "remedies": [each for each in model.remedies if each != BARE],
    }
    # Text and lists of text are written alike in JSON and in TOML.
    lines = (f"{key} = {json.dumps(value)}" for key, value in values.items())
    return "\n".join(["[[scenario]]", *lines, ""])
