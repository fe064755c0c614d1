"""Options that several commands share: decorators, each for one group of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from runner.cli import completion
from runner.cli.command import RequestOption
from runner.domain.request import BASE_IMAGE, Limits
from runner.domain.selector import PARTS
from runner.domain.shards import Shard, parse_shard
from runner.executors import registry


class ShardType(click.ParamType[Shard]):
    """`i/n`."""

    name = "shard"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Shard:
        """Return the shard, or fail with the reason."""
        if isinstance(value, Shard):
            return value
        try:
            return parse_shard(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


Function = Callable[..., int]
Decorator = Callable[[Function], Function]

MOST_JOBS = 1024
LEAST_MEMORY_MB = 200
"""A framework takes about as much when it is imported: with less, no load would succeed."""
MOST_MEMORY_MB = 1_000_000
PATH = click.Path(path_type=Path)


def request_option(*names: str, **settings: Any) -> Decorator:
    """Return an option whose value is part of the `Request`."""
    return click.option(*names, cls=RequestOption, **settings)


def _all(*decorators: Decorator) -> Decorator:
    """Join options into one decorator; the help lists them in this order."""

    def decorate(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


profile = request_option(
    "--profile",
    default="default",
    metavar="PROFILE",
    help="Set of environments and scenarios: smoke, default, full.",
    shell_complete=completion.profiles,
)

selection = _all(
    request_option(
        "--select",
        multiple=True,
        metavar="CELLS",
        help="Glob 'scenario/format/writer->reader/remedy'; may be repeated.",
    ),
    *(
        request_option(
            f"--{part}",
            multiple=True,
            metavar="GLOB",
            help=f"Only this {part}: a glob, or several with commas between.",
            shell_complete=completion.OF_PART[part],
        )
        for part in PARTS
    ),
)

builds = _all(
    request_option(
        "--with",
        multiple=True,
        metavar="BUILD",
        help="A build of your own, as the environment keras@LABEL: keras=VERSION, keras=FOLDER, "
        "keras=FILE.whl, keras=git+URL@REF, keras-nightly; keras@LABEL=... names it; may be "
        "repeated.",
    ),
    request_option(
        "--base",
        metavar="ENVIRONMENT",
        help="Everything else of the builds is taken from this environment (default: the newest "
        "that is named after the package).",
        shell_complete=completion.environments,
    ),
)

scenarios = request_option(
    "--scenarios",
    type=PATH,
    metavar="FOLDER",
    help="Folder of scenarios of your own, with a catalog.toml; without a selector only these are "
    "measured.",
)

store = request_option(
    "--store", type=PATH, metavar="FOLDER", help="Folder kept between runs (default .matrix)."
)

out = request_option(
    "--out", type=PATH, metavar="FOLDER", help="Folder of data and report (default STORE/report)."
)

jobs = request_option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    default=None,
    metavar="N",
    help="Environments at work at once (default: the cores).",
)

data = _all(
    click.option(
        "--data",
        type=PATH,
        metavar="FOLDER",
        help="Folder of a run's data (default: STORE/report, else reports/published).",
    ),
    store,
)

image_settings = _all(
    request_option(
        "--base-image",
        default=BASE_IMAGE,
        metavar="NAME",
        help="Images are built from this one, for another registry (default python:{python}-slim).",
    ),
    request_option(
        "--build-arg",
        multiple=True,
        metavar="NAME=VALUE",
        help="For building images, such as PIP_INDEX_URL; may be repeated.",
    ),
    request_option(
        "--ca-bundle",
        type=PATH,
        metavar="FILE",
        help="Certificates to trust while building images.",
    ),
)

executor = _all(
    request_option(
        "--executor",
        type=click.Choice(registry.NAMES),
        default=registry.DEFAULT,
        help=f"Where probes run: {', or '.join(row.summary for row in registry.EXECUTORS)}.",
    ),
    request_option(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="Scheduler of the Dask cluster, such as tls://HOST:8786 (default: workers of this "
        "process).",
    ),
    request_option(
        "--worker-executor",
        type=click.Choice(registry.HERE),
        default=registry.DEFAULT,
        help="How each worker of the cluster starts probes.",
    ),
    request_option(
        "--start-timeout",
        type=click.FloatRange(1, 86400),
        default=120.0,
        metavar="SECONDS",
        help="Wait so long for a worker that may be used (default 120).",
    ),
    *(
        request_option(f"--tls-{name}", type=PATH, metavar="FILE", help=f"{about}, for tls://.")
        for name, about in (
            ("ca", "Certificate of the authority of the cluster"),
            ("cert", "Certificate that this machine shows the cluster"),
            ("key", "Its private key"),
        )
    ),
)
"""Where probes run, and how a cluster is reached."""

start_method = request_option(
    "--start-method",
    type=click.Choice(["auto", "fork", "spawn", "fresh"]),
    default="auto",
    help="How children start (default: fork if it works).",
)

memory = request_option(
    "--memory-mb",
    type=click.IntRange(LEAST_MEMORY_MB, MOST_MEMORY_MB),
    default=Limits().memory_mb,
    metavar="MB",
    help=f"Resident memory one load may take (default {Limits().memory_mb}).",
)

force = request_option(
    "--force", is_flag=True, help="Measure every selected cell again, recorded or not."
)

recorded = request_option(
    "--recorded",
    is_flag=True,
    help="Measure nothing: report the recorded cells, and the others as not_run.",
)

bisecting = _all(
    scenarios, force, recorded, store, jobs, executor, image_settings, start_method, memory
)
"""Where and how cells are measured that are named otherwise."""

shards = _all(
    request_option(
        "--shard",
        type=ShardType(),
        default=None,
        metavar="I/N",
        help="Measure part I of N of the plan, by readers and then by estimated time; join the "
        "parts with `nox -s merge -- PARTS`.",
    ),
    request_option(
        "--artifacts",
        default="",
        metavar="FOLDER",
        help="Folder or address (s3://...) where machines share saved models: each is saved once.",
    ),
)
"""For a plan that several machines measure."""

sandbox = _all(
    request_option(
        "--executor",
        type=click.Choice(registry.SANDBOXES),
        default=registry.DEFAULT,
        help="Where the file is confined: local by the kernel, docker in containers.",
    ),
    image_settings,
)
"""Where a user's file is loaded."""

measuring = _all(
    profile,
    selection,
    scenarios,
    builds,
    request_option(
        "--remedies",
        type=click.Choice(["auto", "first", "needed", "all"]),
        default=None,
        help="auto: where the bare load is not equivalent, and everywhere in the cells of a "
        "selector that names a remedy; first: the same, the cheapest first, until one gives the "
        "same model; needed: only where it is not equivalent; all: everywhere "
        "(default: first in the profile full, else auto).",
    ),
    request_option(
        "--frozen",
        is_flag=True,
        help="Read the frozen artifacts that `artifacts import` brought, and build no environment "
        "that only writes.",
    ),
    force,
    request_option(
        "--failed", is_flag=True, help="Measure again every recorded cell that is not equivalent."
    ),
    recorded,
    store,
    out,
    jobs,
    executor,
    image_settings,
    start_method,
    memory,
    request_option(
        "--keep",
        type=PATH,
        metavar="FOLDER",
        help="Folder of an earlier run: its cells that this run does not measure stay.",
    ),
)
"""Everything that says what a run measures, and where."""
