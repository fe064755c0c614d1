"""The tests of marked functions: one a cell, whose result comes from the session's measurement."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from runner.cli.invocation import ROOT, fit_commands
from runner.declare.documents import read_document
from runner.domain import FACTS, UNCLASSIFIED, Cell, Expectation, Outcome
from runner.domain.errors import MatrixError
from runner.host.progress import PlainReporter, Reporter
from runner.judge.verdict import Judge
from runner.pytest_plugin import BUILDER, MARK, resolve
from runner.pytest_plugin.builders import Builder, write_module
from runner.pytest_plugin.marks import Asked, read_mark
from runner.pytest_plugin.results import (
    Model,
    PairResult,
    Session,
    Setting,
    builder_raised,
    is_infrastructure,
)

_SESSION = pytest.StashKey[Session]()
_JUDGE = pytest.StashKey[Judge]()
_BUILDERS = pytest.StashKey[dict[str, Builder]]()
MESSAGE = 400
"""Characters of an exception's text that a failure repeats."""


class PairFailed(Exception):
    """A pair is not as expected; the text is for the user."""


class ExpectedFailure(PairFailed):
    """A pair fails as it is declared to."""


class CompatItem(pytest.Item):
    """One cell as a test."""

    def __init__(self, *, cell: Cell, model: Model, line: int, **given: Any) -> None:
        super().__init__(**given)
        self.cell = cell
        self.model = model
        self.line = line
        self.user_properties.append((BUILDER, model.builder.scenario))

    def setup(self) -> None:
        """Have the session measured; what says nothing about the model is an error here."""
        trouble = self._trouble()
        if trouble:
            pytest.fail(fit_commands(trouble), pytrace=False)

    def _trouble(self) -> str:
        """Return the reason why nothing is known of the cell; empty if there is a result."""
        try:
            judge_of(self.config)
        except MatrixError as error:
            return str(error)
        session = session_of(self)
        result = session.results.get(self.cell.id)
        if session.error or result is None:
            return session.error or f"{self.cell.id}: no cell of this run"
        if is_infrastructure(result):
            said = result.reason or result.message
            return f"{self.cell.id}: {FACTS[result.outcome].phrase}: {said}"
        if builder_raised(result):
            return _of_builder(self.model.builder, self.cell, result)
        return ""

    def runtest(self) -> None:
        """Tell the result; an expected failure is a strict xfail.

        Raises:
            PairFailed: it is not the same model.
        """
        result = session_of(self).results[self.cell.id]
        expected = judge_of(self.config).expectation(self.cell)
        if expected is not None and expected.outcome is not Outcome.EQUIVALENT:
            self.add_marker(
                pytest.mark.xfail(
                    strict=True, raises=ExpectedFailure, reason=_because(result, expected)
                )
            )
        if result.outcome is Outcome.EQUIVALENT:
            return
        text = "\n".join(_lines(self, result))
        if expected is None:
            raise PairFailed(text)
        if expected.outcome is result.outcome:
            raise ExpectedFailure(text)
        raise PairFailed(f"expected to be {expected.outcome}: {expected.reason}\n{text}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show our sentences alone, and the traceback of anything else."""
        if isinstance(excinfo.value, PairFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return file, line and name of the user's function."""
        return self.model.builder.path, self.line - 1, self.name


def make_items(
    collector: pytest.Module | pytest.Class, name: str, obj: object, marks: Sequence[pytest.Mark]
) -> list[CompatItem]:
    """Return a test for each cell of a marked function.

    Raises:
        CollectError: the mark or the function cannot be what is meant.
    """
    try:
        return list(_items(collector, name, obj, marks))
    except MatrixError as error:
        raise collector.CollectError(f"{name}: {fit_commands(str(error))}") from error


def _items(
    collector: pytest.Module | pytest.Class, name: str, obj: object, marks: Sequence[pytest.Mark]
) -> Iterator[CompatItem]:
    function = inspect.unwrap(obj) if callable(obj) else obj
    if not inspect.isfunction(function) or isinstance(collector, pytest.Class):
        raise collector.CollectError(
            f"{name}: the mark {MARK!r} belongs over a function at the top of a file"
        )
    path = Path(function.__code__.co_filename)
    taken: set[str] = set()
    for mark in marks:
        builder = Builder(path=path, function=function.__name__)
        asked = read_mark(mark.args, mark.kwargs, builder.scenario, ROOT)
        builder = Builder(
            path=path,
            function=function.__name__,
            inputs=asked.inputs,
            custom_objects=asked.custom_objects,
        )
        _require_alone(collector, builder)
        write_module(builder)
        model = _model(builder, asked, function)
        for cell in (*asked.cells, *asked.absent):
            if cell.id in taken:
                continue
            taken.add(cell.id)
            item = CompatItem.from_parent(
                collector,
                name=f"{name}[{cell.id}]",
                cell=cell,
                model=model,
                line=function.__code__.co_firstlineno,
            )
            _mark(item, obj, asked.absent.get(cell, ""))
            yield item


def _model(builder: Builder, asked: Asked, function: object) -> Model:
    said = (inspect.getdoc(function) or "").partition("\n")[0].strip()
    return Model(
        builder=builder,
        formats=asked.formats,
        remedies=asked.remedies,
        aspects=asked.aspects,
        summary=said or f"the model of {builder.function}",
    )


def _require_alone(collector: pytest.Collector, builder: Builder) -> None:
    """Refuse a second model of the same name: results are filed under it."""
    builders = collector.config.stash.setdefault(_BUILDERS, {})
    before = builders.setdefault(builder.scenario, builder)
    if before != builder:
        where = before.path if before.path != builder.path else "a second mark of other functions"
        raise collector.CollectError(
            f"{builder.function}: there is another {builder.scenario}: {where}\n"
            "  next: give one of them another name"
        )


def _mark(item: CompatItem, obj: object, absent: str) -> None:
    """Give a test its group and the function's other marks."""
    if item.config.pluginmanager.hasplugin("xdist"):
        item.add_marker(pytest.mark.xdist_group(item.cell.reader))
    for each in getattr(obj, "pytestmark", ()):
        item.add_marker(getattr(pytest.mark, each.name)(*each.args, **each.kwargs))
    if absent:
        item.add_marker(pytest.mark.skip(reason=absent))


# --- the session's results ---------------------------------------------------------------


def session_of(item: CompatItem) -> Session:
    """Return the results of the session, measured when the first is asked for."""
    config = item.config
    found = config.stash.get(_SESSION, None)
    if found is None:
        # Slow to import, and not needed while tests are collected.
        from runner.pytest_plugin.measuring import measure_once

        items = [each for each in item.session.items if isinstance(each, CompatItem)]
        there = [each for each in items if not each.get_closest_marker("skip")]
        models = {each.model.builder.scenario: _joined(each, there) for each in there}
        with _reporting(config) as reporter:
            found = measure_once(
                _setting(config), list(models.values()), [each.cell for each in there], reporter
            )
        config.stash[_SESSION] = found
    return found


def _joined(item: CompatItem, items: Iterable[CompatItem]) -> Model:
    """Return the model of a scenario, with all that its tests ask for."""
    own = [each.model for each in items if each.model.builder == item.model.builder]
    return Model(
        builder=item.model.builder,
        formats=tuple(dict.fromkeys(name for each in own for name in each.formats)),
        remedies=tuple(dict.fromkeys(name for each in own for name in each.remedies)),
        aspects=tuple(dict.fromkeys(name for each in own for name in each.aspects)),
        summary=item.model.summary,
    )


def _setting(config: pytest.Config) -> Setting:
    worker = getattr(config, "workerinput", None)
    return Setting(
        store=resolve(config, "compat_store", "compat_store"),
        executor=config.getoption("compat_executor") or "",
        jobs=config.getoption("compat_jobs"),
        run=str(worker["testrunuid"]) if worker else "",
    )


@contextmanager
def _reporting(config: pytest.Config) -> Iterator[Reporter]:
    """Show what is built and measured, which may take minutes; a worker has nowhere to."""
    manager = config.pluginmanager.getplugin("capturemanager")
    worker = hasattr(config, "workerinput")
    shown = nullcontext() if worker or manager is None else manager.global_and_fixture_disabled()
    with shown:
        if not worker:
            sys.stdout.write("\n")
        reporter = PlainReporter(StringIO() if worker else sys.stdout)
        try:
            yield reporter
        finally:
            reporter.close()


def judge_of(config: pytest.Config) -> Judge:
    """Return the judge of the expected failures that the test suite declares."""
    found = config.stash.get(_JUDGE, None)
    if found is None:
        path = resolve(config, "", "compat_expectations")
        expectations: list[Expectation] = []
        if path.is_file():
            document = read_document(path, ("expectation",))
            expectations = [each.read(Expectation) for each in document.entries("expectation")]
        found = Judge(expectations, None)
        config.stash[_JUDGE] = found
    return found


# --- words -------------------------------------------------------------------------------


def _because(result: PairResult, expected: Expectation) -> str:
    cause = f" [{result.cause}]" if result.cause else ""
    return f"{result.outcome}{cause}: {expected.reason} ({expected.link})"


def _lines(item: CompatItem, result: PairResult) -> Iterator[str]:
    yield f"{item.cell.id}: {FACTS[result.outcome].phrase}"
    if result.aspects:
        yield f"  differs in: {', '.join(result.aspects)}"
    if result.cause == UNCLASSIFIED:
        yield "  cause: none that is known"
    elif result.cause:
        yield f"  cause: {result.title} [{result.cause}]"
    if result.exception:
        yield f"  {result.exception}: {_short(result.message)}"
    if result.reason:
        yield f"  {result.reason}"
    yield f"  repeat with: pytest '{item.nodeid.partition('@')[0]}'"


def _of_builder(builder: Builder, cell: Cell, result: PairResult) -> str:
    line = _line_of(result.traceback, builder)
    where = f"{builder.path}:{line}" if line else str(builder.path)
    return (
        f"{where}: {builder.function} raised in {cell.writer}, so that there is no model to save\n"
        f"  {result.exception}: {_short(result.message)}"
    )


def _line_of(traceback: str, builder: Builder) -> int:
    """Return the last line of the user's file in a traceback; 0 if there is none."""
    found = re.findall(rf'"{re.escape(builder.path.name)}", line (\d+)', traceback)
    return int(found[-1]) if found else 0


def _short(text: str) -> str:
    return text if len(text) <= MESSAGE else f"{text[:MESSAGE]}..."
