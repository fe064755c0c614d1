"""`Command`: a click command that gets a `Request` from shared options, and shows examples.

Options made with `cls=RequestOption` go into the `Request`; a command's function gets that as
`request`, and its own arguments by name.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from runner.cli.failures import Told
from runner.cli.invocation import ROOT, fit_commands
from runner.domain.request import BASE_IMAGE, Limits, Request
from runner.domain.selector import PARTS

STORE = Path(".matrix")


class RequestOption(click.Option):
    """An option whose value is part of the `Request`."""


class Command(click.Command):
    """A command with examples; `(command line, purpose)` each."""

    def __init__(
        self, name: str | None, *, examples: Sequence[tuple[str, str]], **settings: Any
    ) -> None:
        settings["context_settings"] = {"help_option_names": ["-h", "--help"]}
        super().__init__(name, **settings)
        self.examples = tuple(examples)
        self.params.append(
            click.Option(
                ["--traceback"], is_flag=True, help="Print the traceback of an error, too."
            )
        )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, each on a line of its own that can be copied."""
        del ctx
        with formatter.section("Examples"):
            for line, meaning in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{fit_commands(line)}\n")
                formatter.write(f"{'':>{formatter.current_indent}}    {meaning}\n")

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command's function."""
        shared = {each.name for each in self.params if isinstance(each, RequestOption)}
        own = {name: value for name, value in ctx.params.items() if name not in shared}
        asked = {name: value for name, value in ctx.params.items() if name in shared}
        request = make_request(asked)
        told = ctx.ensure_object(Told)
        told.traceback = own.pop("traceback")
        told.store = request.store
        assert self.callback is not None  # noqa: S101 - a command has a function
        return ctx.invoke(self.callback, request=request, **own)


def make_request(asked: Mapping[str, Any]) -> Request:
    """Return the request of the shared options; a command may have any of them."""
    store = (asked.get("store") or STORE).absolute()
    filters = {part: asked[part] for part in PARTS if asked.get(part)}
    root = ROOT
    if asked.get("scenarios"):
        from runner.declare.own_scenarios import lay_over

        own = lay_over(ROOT, asked["scenarios"])
        root = own.root
        if not asked.get("select") and "scenario" not in filters:
            filters["scenario"] = own.ids
    plain = (
        *("frozen", "force", "failed", "recorded", "executor", "start_method"),
        *("shard", "artifacts", "saves_only"),
        *("scheduler", "worker_executor", "tls_ca", "tls_cert", "tls_key"),
    )
    return Request(
        root=root,
        scenarios=asked.get("scenarios"),
        store=store,
        out=(asked.get("out") or store / "report").absolute(),
        profile=asked.get("profile", "default"),
        patterns=tuple(asked.get("select", ())),
        filters=filters,
        remedies=asked.get("remedies") or "",
        builds=tuple(asked.get("with", ())),
        base=asked.get("base") or "",
        workers=asked.get("jobs") or os.cpu_count() or 1,
        base_image=asked.get("base_image", BASE_IMAGE),
        build_args=tuple(asked.get("build_arg", ())),
        ca_bundle=asked.get("ca_bundle"),
        limits=Limits(memory_mb=asked.get("memory_mb", Limits().memory_mb)),
        baseline=asked.get("baseline"),
        keep=asked.get("keep"),
        start_timeout_s=asked.get("start_timeout", 120.0),
        command="python -m runner " + shlex.join(sys.argv[1:]),
        **{name: asked[name] for name in plain if name in asked},
    )
