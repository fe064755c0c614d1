"""The identity of a framework: it is imported, and says which file and versions it is of (stage 2).

A build of one's own is foreign code, and importing it is the first time that it runs: it is
confined to its files and the folders it is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from runner.contract import FRAMEWORKS
from runner.domain import Environment
from runner.domain.errors import MatrixError
from runner.executors.foreign import python_folders, sandboxed
from runner.executors.identity import Identity, parse_json
from runner.executors.locks import REPOSITORY
from runner.host import process
from runner.host.process import Completed

TIMEOUT_S = 900.0


def identify(
    environment: Environment,
    python: Path,
    *,
    home: Path,
    temporary: Path,
    explain: Callable[[Completed], MatrixError],
    besides: Sequence[Path] = (),
) -> Identity:
    """Import the framework with an environment's Python, and return its identity.

    `home` and `temporary` are the folders it may write into; sources that autograph writes and
    caches of PyTorch come to the second. `besides` are folders it reads beyond its own. `explain`
    makes the error of an import that fails, which is raised.
    """
    request = json.dumps({"framework": FRAMEWORKS[environment.family]})
    command = [str(python), "-m", "runner.probe.identify", request]
    if environment.build is not None:
        command = sandboxed(
            command,
            readable=[*python_folders(python), REPOSITORY, *besides],
            writable=list(dict.fromkeys([home, temporary])),
            folder=REPOSITORY,
        )
    variables = process.framework_environment(environment, home)
    asked = process.run(
        command,
        env={**variables, "TMPDIR": str(temporary)},
        cwd=REPOSITORY,
        timeout_s=TIMEOUT_S,
    )
    if not asked.ok:
        raise explain(asked)
    try:
        return parse_json(asked.stdout, Identity)
    except ValueError as error:
        raise explain(asked) from error
