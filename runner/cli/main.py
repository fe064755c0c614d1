"""The command line: parse what was asked, call the pipeline, say what came of it.

Exit codes are those of `runner.domain.errors` (listed in the README), 0 for a run whose
controls held, and 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runner.cli import commands
from runner.domain.errors import MatrixError, StoreError
from runner.domain.request import BASE_IMAGE, Limits, Request
from runner.domain.selector import PARTS
from runner.executors import registry

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
INTERNAL_ERROR = 70

Command = Callable[[Request, argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the process' exit code."""
    arguments = build_parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(_request(arguments), arguments)
    except MatrixError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has seen enough; say no more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # What no stage foresaw: most often the disk.
        failure = StoreError(
            f"the operating system refused: {error}",
            cause="the disk is full, or a folder is read-only",
            next_step="free space, then run the same command again: what was measured is kept",
        )
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on from here", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; the README's table of commands is made from it."""
    parser = argparse.ArgumentParser(
        prog="python -m runner",
        description="Measures which saved Keras models load where, and whether they still behave.",
    )
    parser.add_argument("--version", action="version", version=commands.version_line())
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(subparsers)
    _add(subparsers, "plan", commands.show_plan, "print what would run, how much, what is skipped")
    _add(
        subparsers, "envs", commands.show_environments, "list environments, or build them"
    ).add_argument("--build", action="store_true", help="build those of the profile now")
    _add_images(subparsers)
    show = _add(subparsers, "show", commands.show_cell, "print everything known of one cell")
    show.add_argument("cell", help="scenario/format/writer->reader/remedy")
    advise = _add(
        subparsers, "advise", commands.advise, "say what works for one file and one reader"
    )
    advise.epilog = "needs --writer, --reader, --scenario and --format, one id each"
    report = _add(
        subparsers, "report", commands.rebuild_report, "rebuild the pages from data alone"
    )
    report.add_argument("--data", type=Path, help="folder of a published run (default: --out)")
    report.add_argument("--site", type=Path, help="folder of the pages (default: site in --data)")
    report.add_argument(
        "--base-url", default="", help="where it will be served: for the site's map and previews"
    )
    compare = _add(
        subparsers,
        "compare",
        commands.compare_runs,
        "say in Markdown what changed between two runs",
    )
    compare.add_argument("before", type=Path, help="cells.csv or cells.parquet of the earlier run")
    compare.add_argument("after", type=Path, help="the same of the later run")
    compare.add_argument("--gate", action="store_true", help="exit 11 if a cell regressed")
    claims = _add(subparsers, "claims", commands.show_claims, "say which claims the cells confirm")
    claims.add_argument("id", nargs="?", default="*", help="glob over ids of claims (default all)")
    _add(
        subparsers, "boundaries", commands.show_boundaries, "say in version ranges what loads where"
    )
    audit = _add(subparsers, "audit", commands.audit, "re-run a random sample in fresh processes")
    audit.add_argument("--sample", type=int, default=200, help="number of cells (default 200)")
    audit.add_argument("--seed", type=int, default=1, help="seed of the sample (default 1)")
    bench = _add(subparsers, "bench", commands.bench, "compare ways of running, as ratios")
    bench.add_argument("--cells", type=int, default=500, help="cells in the probe (default 500)")
    bench.add_argument(
        "--environment",
        default="keras3.15",
        help="where to measure: ids or globs, commas between (default keras3.15)",
    )
    _add_image_settings(bench)
    return parser


def _add_run(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _add(subparsers, "run", commands.run, "save, load, compare, and write the report")
    run.add_argument(
        "--remedies",
        choices=("auto", "needed", "all"),
        default="auto",
        help="auto: where the bare load is not equivalent, or the remedy was named; "
        "needed: only where it is not equivalent; all: everywhere",
    )
    run.add_argument("--force", action="store_true", help="measure again what is known")
    run.add_argument("--failed", action="store_true", help="measure again what did not load well")
    run.add_argument(
        "--recorded",
        action="store_true",
        help="measure nothing: report what is known, the rest as not_run",
    )
    run.add_argument(
        "--executor",
        choices=registry.NAMES,
        default=registry.DEFAULT,
        help=f"where probes run: {', or '.join(row.summary for row in registry.EXECUTORS)}",
    )
    _add_image_settings(run)
    run.add_argument(
        "--start-method",
        choices=("auto", "fork", "spawn", "fresh"),
        default="auto",
        help="how children start (default: fork if it works)",
    )
    run.add_argument(
        "--memory-mb",
        type=int,
        default=Limits().memory_mb,
        help="resident memory one load may take",
    )
    run.add_argument("--baseline", type=Path, help="cells.csv or cells.parquet of an earlier run")
    run.add_argument(
        "--keep",
        type=Path,
        help="folder of an earlier run: its cells that this run does not measure stay",
    )
    run.add_argument("--gate", action="store_true", help="exit 11 if a cell is worse than expected")


def _add_images(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    images = _add(subparsers, "images", commands.images, "build, list, save, push container images")
    images.add_argument(
        "environments", nargs="*", metavar="ENVIRONMENT", help="globs (default: the profile's)"
    )
    images.add_argument("--list", action="store_true", help="build nothing")
    images.add_argument("--rebuild", action="store_true", help="build what is there as well")
    images.add_argument("--save", type=Path, metavar="FOLDER", help="write them for `docker load`")
    images.add_argument("--push", metavar="PREFIX", default="", help="such as registry.example/me")
    images.add_argument(
        "--prune",
        action="store_true",
        help="remove images of older locks; alone, build nothing",
    )
    images.add_argument(
        "--bake", type=Path, metavar="FILE", help="only write what docker-bake.hcl needs besides"
    )
    _add_image_settings(images)


def _add_image_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--base-image",
        default=BASE_IMAGE,
        metavar="NAME",
        help="what images are built from, for another registry (default python:{python}-slim)",
    )
    parser.add_argument(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for building images, such as PIP_INDEX_URL; may be repeated",
    )
    parser.add_argument(
        "--ca-bundle", type=Path, metavar="FILE", help="certificates to trust while building images"
    )


def _add(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Command,
    summary: str,
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=summary, description=summary)
    parser.set_defaults(command=command)
    parser.add_argument(
        "--profile", default="default", help="set of environments: smoke, default, full"
    )
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="CELLS",
        help="glob 'scenario/format/writer->reader/remedy'; may be repeated",
    )
    for part in PARTS:
        parser.add_argument(
            f"--{part}",
            action="append",
            default=[],
            metavar="GLOB",
            help=f"only this {part}; a glob or a comma-separated list",
        )
    parser.add_argument(
        "--store",
        type=Path,
        default=Path(".matrix"),
        help="folder kept between runs (default .matrix)",
    )
    parser.add_argument(
        "--out", type=Path, default=None, help="folder of data and report (default STORE/report)"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="environments at work at once (default: the cores)",
    )
    return parser


def _request(arguments: argparse.Namespace) -> Request:
    store = arguments.store.absolute()
    filters = {part: tuple(getattr(arguments, part)) for part in PARTS if getattr(arguments, part)}
    return Request(
        root=ROOT,
        store=store,
        out=(arguments.out or store / "report").absolute(),
        profile=arguments.profile,
        patterns=tuple(arguments.select),
        filters=filters,
        remedies=getattr(arguments, "remedies", "auto"),
        force=getattr(arguments, "force", False),
        failed=getattr(arguments, "failed", False),
        recorded=getattr(arguments, "recorded", False),
        workers=max(1, arguments.jobs),
        executor=getattr(arguments, "executor", registry.DEFAULT),
        base_image=getattr(arguments, "base_image", BASE_IMAGE),
        build_args=tuple(getattr(arguments, "build_arg", ())),
        ca_bundle=getattr(arguments, "ca_bundle", None),
        start_method=getattr(arguments, "start_method", "auto"),
        limits=Limits(memory_mb=getattr(arguments, "memory_mb", Limits().memory_mb)),
        baseline=getattr(arguments, "baseline", None),
        keep=getattr(arguments, "keep", None),
        command="python -m runner " + shlex.join(sys.argv[1:]),
    )
