"""`nox -s images`: build the container images, list, save, push and prune them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from runner.declare.environments import read_environments
from runner.domain.request import Request
from runner.executors.docker import collection

FAILED = 4
"""Exit code if an image could not be built, as for one environment of a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageWish:
    """What is to be done with the images."""

    names: Sequence[str] = ()
    """Globs over environments; those of the profile if empty."""
    build: bool = True
    rebuild: bool = False
    prune: bool = False
    save: Path | None = None
    push: str = ""
    bake: Path | None = None


def work_on_images(request: Request, wish: ImageWish) -> int:
    """Do it; returns 4 if an image could not be built, like one environment of a run.

    Raises:
        NoEnvironmentError: no engine answers.
    """
    declared = read_environments(request.root / "containers" / "environments.toml")
    chosen = declared.select(wish.names) if wish.names else declared.profile(request.profile)
    with collection.opened_images(request) as builder:
        if wish.bake is not None:
            collection.write_overlay(builder, chosen, wish.bake)
            print(f"docker buildx bake -f containers/docker-bake.hcl -f {wish.bake}")
            return 0
        failed = 0
        if wish.build:
            say = partial(print, flush=True)
            failed = collection.build_images(builder, chosen, say, rebuild=wish.rebuild)
        found = collection.built_images(builder, chosen)
        if wish.save is not None:
            for environment, image in found:
                target = collection.save_image(environment, image, wish.save)
                print(f"{environment.id}: saved as {target}")
        if wish.push:
            for environment, image in found:
                name = collection.push_image(builder, environment, image, wish.push)
                print(f"{environment.id}: pushed as {name}")
        if wish.prune:
            removed, freed = builder.prune(declared.environments)
            megabytes = freed / collection.MEGABYTE
            print(f"removed {removed} images of older locks; {megabytes:.0f} MB were freed")
        _print_images(collection.list_images(builder, chosen))
    return FAILED if failed else 0


def _print_images(rows: Sequence[collection.ImageRow]) -> None:
    width = max(len(row.environment) for row in rows)
    table = Table(
        Column("environment", min_width=width), "image", Column("MB", justify="right"), "built"
    )
    for row in rows:
        if row.image:
            table.add_row(row.environment, row.image, f"{row.size_mb:.0f}", row.built)
        else:
            table.add_row(row.environment, "-", "-", "-")
    Console().print(table)
