"""Shared by all tests; unit tests need no framework and no network."""

import signal
from typing import Any

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A job in a shell's background ignores Ctrl-C, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

INTEGRATION = "tests/integration"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all integration tests to one process, and the others by file to whoever is free.

    Integration tests share environments and measured stores, which are made once a process.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByRoom(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return INTEGRATION if file.startswith(INTEGRATION) else file

    return ByRoom(config, log)
