"""Command line of the probe: `python -m runner.probe --batch B.json --out O.jsonl`."""

import argparse
import io
import json
import os
import shutil
import sys
import tempfile


def main():
    """Run a batch, or (internally) one chain of jobs in a process of its own."""
    parser = argparse.ArgumentParser(prog="runner.probe")
    parser.add_argument("--batch", help="the jobs, batch/1")
    parser.add_argument("--out", help="where observations are appended")
    parser.add_argument("--chain", help=argparse.SUPPRESS)
    parser.add_argument("--pipe", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    # The folder we were started in holds the code; the jobs' own folders must not shadow it.
    sys.path[0] = os.getcwd()
    if arguments.chain:
        return _run_chain(arguments.chain, arguments.pipe)
    return _run_batch(arguments.batch, arguments.out)


def _run_batch(batch_path, out_path):
    from runner.probe.lifeline import adopt_orphans, die_with_parent

    die_with_parent()
    adopt_orphans()
    from runner.probe.server import BATCH_SCHEMA, Server

    with io.open(batch_path, encoding="utf-8") as file:
        batch = json.load(file)
    if batch.get("schema") != BATCH_SCHEMA:
        print("unknown batch schema {!r}".format(batch.get("schema")), file=sys.stderr)
        return 2
    with io.open(out_path, "a", encoding="utf-8") as out:
        server = Server(batch, out)
        try:
            server.run()
        finally:
            shutil.rmtree(server.scratch, ignore_errors=True)
    return 0


def _run_chain(path, pipe):
    from runner.probe.lifeline import die_with_parent

    die_with_parent()
    from runner.probe.child import run_chain
    from runner.probe.keras_api import KerasApi

    with io.open(path, encoding="utf-8") as file:
        chain = json.load(file)
    os.chdir(chain["scratch"])
    tempfile.tempdir = chain["scratch"]
    api = KerasApi(chain["framework"])
    run_chain(api, KerasApi, chain["jobs"], chain["limits"], pipe, chain["output"])
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
