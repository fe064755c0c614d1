"""Command line of the probe of a user's file: `python -m runner.fileprobe TOLD`.

`TOLD` is a JSON object of the fields of `runner.userfile.workbench.Told`. Jobs come in on standard
input, one JSON object a line; what was found goes out on standard output (docs/formats.md).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from typing import Any, Dict


def main() -> int:
    """Take jobs until there are no more, or (internally) those of one child alone."""
    parser = argparse.ArgumentParser(prog="runner.fileprobe")
    parser.add_argument("told", help="a JSON object")
    parser.add_argument("--orders", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--answers", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    # The folder we were started in holds the code; a job's own folder must not shadow it.
    sys.path[0] = os.getcwd()
    told = json.loads(arguments.told)
    if arguments.orders is not None:
        return _run_chain(told, arguments.orders, arguments.answers)
    return _serve(told)


def _serve(told: Dict[str, Any]) -> int:
    from runner.fileprobe.settle import settle
    from runner.probe.lifeline import adopt_orphans, die_with_parent

    settle(told)
    die_with_parent()
    adopt_orphans()
    # Whatever a framework prints while it is imported is no record.
    out = os.dup(1)
    os.dup2(2, 1)
    from runner.fileprobe.server import FileServer
    from runner.probe.server import remove_folder

    with io.open(out, "w", encoding="utf-8") as stream:
        server = FileServer(told, stream)
        try:
            server.run()
        finally:
            remove_folder(server.scratch)
    return 0


def _run_chain(told: Dict[str, Any], orders: int, answers: int) -> int:
    from runner.probe.lifeline import die_with_parent

    die_with_parent()
    from runner.fileprobe.jobs import add_kinds
    from runner.probe.child import run_chain
    from runner.probe.keras_api import KerasApi

    add_kinds()
    api = KerasApi(told["framework"])
    run_chain(api, KerasApi, told["limits"], orders, answers)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
