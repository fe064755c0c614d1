"""Command line of the probe: `python -m runner.probe --batch B.json --out O.jsonl`."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys


def main() -> int:
    """Run a batch, or (internally) one chain of jobs in a process of its own."""
    parser = argparse.ArgumentParser(prog="runner.probe")
    parser.add_argument("--batch", help="the jobs, batch/1")
    parser.add_argument("--out", help="where observations are appended")
    parser.add_argument(
        "--unlink", action="store_true", help="take the name of --out away once it is open"
    )
    parser.add_argument("--chain", help=argparse.SUPPRESS)
    parser.add_argument("--orders", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--answers", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    # The folder we were started in holds the code; the jobs' own folders must not shadow it.
    sys.path[0] = os.getcwd()
    if arguments.chain:
        return _run_chain(arguments.chain, arguments.orders, arguments.answers)
    return _run_batch(arguments.batch, arguments.out, arguments.unlink)


def _run_batch(batch_path: str, out_path: str, unlink: bool) -> int:
    from runner.probe.lifeline import adopt_orphans, die_with_parent

    die_with_parent()
    adopt_orphans()
    from runner.probe.server import BATCH_SCHEMA, Server, remove_folder

    with io.open(batch_path, encoding="utf-8") as file:
        batch = json.load(file)
    if batch.get("schema") != BATCH_SCHEMA:
        print("unknown batch schema {!r}".format(batch.get("schema")), file=sys.stderr)
        return 2
    with io.open(out_path, "a", encoding="utf-8") as out:
        if unlink:
            # Whoever reads it has opened it; no job can find it now.
            os.remove(out_path)
        server = Server(batch, out)
        try:
            server.run()
        finally:
            remove_folder(server.scratch)
    return 0


def _run_chain(told: str, orders: int, answers: int) -> int:
    from runner.probe.lifeline import die_with_parent

    die_with_parent()
    from runner.probe.child import run_chain
    from runner.probe.keras_api import KerasApi

    chain = json.loads(told)
    api = KerasApi(chain["framework"])
    run_chain(api, KerasApi, chain["limits"], orders, answers)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
