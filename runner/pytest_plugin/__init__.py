"""The pytest plugin: `@pytest.mark.compat` over a function that builds a model.

Input: marked functions of a test suite. Output: one test a cell. This module is imported by every
pytest of its environment, so it imports nothing but pytest: the rest follows where a mark is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from runner.pytest_plugin.items import CompatItem

MARK = "compat"
BUILDER = "compat_builder"
"""Name of a report's property that says whose model it is about."""
_HELP = (
    f"{MARK}(writers, readers, formats='h5,keras', remedies='none', aspects=..., inputs=None, "
    "custom_objects=None): the model that this function builds is saved by each writer and "
    "loaded by each reader, one test each."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare where things are, and how many processes are at work."""
    parser.addini("compat_store", "folder that keeps environments and results", default=".matrix")
    parser.addini("compat_expectations", "file of expected failures", default="compat.toml")
    group = parser.getgroup("compat", "saved models of other versions of Keras")
    group.addoption("--compat-store", metavar="FOLDER", help="instead of the ini's compat_store")
    group.addoption("--compat-jobs", metavar="N", type=int, help="environments at work at once")
    group.addoption("--compat-executor", metavar="NAME", help="where they are: local, docker")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark, and watch the reports."""
    config.addinivalue_line("markers", _HELP)
    config.pluginmanager.register(Tried(), "compat-tried")


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> Sequence[CompatItem] | None:
    """Make the tests of a marked function, whatever its name is."""
    marks = [each for each in _own_marks(obj) if each.name == MARK]
    if not marks:
        return None
    from runner.pytest_plugin.items import make_items

    return make_items(collector, name, obj, marks)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Refuse a mark that would do nothing.

    Raises:
        UsageError: it stands over a class or a module.
    """
    for item in items:
        if not hasattr(item, "cell") and item.get_closest_marker(MARK):
            raise pytest.UsageError(
                f"{item.nodeid}: the mark {MARK!r} belongs over a function that builds a model,"
                " not over a class or a module"
            )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the pairs of a reader together where xdist is asked for groups."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from runner.pytest_plugin.groups import GroupedByReader

    return GroupedByReader(config, log)


class Tried:
    """The builders of a session, and whether one of their pairs ran."""

    def __init__(self) -> None:
        self._ran: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note whose models were really tried; the reports of xdist's workers come here, too."""
        for name, value in report.user_properties:
            if name == BUILDER:
                skipped = report.skipped and not hasattr(report, "wasxfail")
                ran = report.failed or (report.when == "call" and not skipped)
                self._ran[str(value)] = self._ran.get(str(value), False) or ran

    @property
    def untried(self) -> list[str]:
        """The builders of which every pair was skipped."""
        return sorted(builder for builder, ran in self._ran.items() if not ran)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail a session that tried no pair of a builder."""
        if self.untried and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say which builders were not tried."""
        for builder in self.untried:
            terminalreporter.write_line(f"compat: not one pair of {builder} ran: that is no pass")


def _own_marks(obj: object) -> list[pytest.Mark]:
    # Everything in every test module comes here: what is asked for its attributes may not like it.
    if not issubclass(type(obj), FunctionType | type):
        return []
    found = vars(obj).get("pytestmark", [])
    marks = found if isinstance(found, list) else [found]
    return [each for each in marks if isinstance(each, pytest.Mark)]


def resolve(config: pytest.Config, option: str, ini: str) -> Path:
    """Return a path of the settings: the option's, or the ini's from the root of the tests."""
    given = config.getoption(option) if option else None
    return Path(given).absolute() if given else config.rootpath / str(config.getini(ini))
