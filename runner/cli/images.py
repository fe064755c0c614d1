"""Build, list, save and push the container images.

ENVIRONMENT is a glob over ids; without one, the images are those of the profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import completion, options
from runner.cli.columns import align
from runner.cli.command import Command
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.executors.docker.collection import ImageRow

FAILED = 4
"""Exit code if an image could not be built, as for one environment of a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageWish:
    """The work on images that is asked for."""

    names: Sequence[str] = ()
    """Globs over environments; those of the profile if empty."""
    build: bool = True
    rebuild: bool = False
    prune: bool = False
    save: Path | None = None
    push: str = ""
    bake: Path | None = None


@click.command(
    "images",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s images -- --profile smoke", "build those of a profile"),
        ("nox -s images -- --list", "which images there are"),
        ("nox -s images -- --save FOLDER", "files for machines without an index of packages"),
        ("nox -s images -- --push registry.example/me", "the same through a registry"),
        ("nox -s images -- --prune", "remove images of older locks, and leftovers of builds"),
    ),
)
@click.argument(
    "environments", nargs=-1, metavar="[ENVIRONMENT]...", shell_complete=completion.environments
)
@click.option("--list", "only_list", is_flag=True, help="Build nothing.")
@click.option("--rebuild", is_flag=True, help="Build the images again that are there already.")
@click.option("--save", type=options.PATH, metavar="FOLDER", help="Write them for `docker load`.")
@click.option("--push", metavar="PREFIX", default="", help="Push them: registry.example/me.")
@click.option(
    "--prune", is_flag=True, help="Remove images of older locks; alone, nothing is built."
)
@click.option(
    "--bake",
    type=options.PATH,
    metavar="FILE",
    help="Only write the file that containers/docker-bake.hcl needs besides.",
)
@options.profile
@options.store
@options.image_settings
def command(
    request: Request,
    *,
    environments: tuple[str, ...],
    only_list: bool,
    rebuild: bool,
    save: Path | None,
    push: str,
    prune: bool,
    bake: Path | None,
) -> int:
    """Do it; with `--prune` alone no images are built."""
    named = environments or rebuild or save or push
    wish = ImageWish(
        names=environments,
        build=not only_list and bool(named or not prune),
        rebuild=rebuild,
        prune=prune,
        save=save,
        push=push,
        bake=bake,
    )
    return work_on_images(request, wish)


def work_on_images(request: Request, wish: ImageWish) -> int:
    """Do it; returns 4 if an image could not be built, like one environment of a run.

    Raises:
        NoEnvironmentError: no engine answers.
    """
    from runner.declare.environments import read_environments
    from runner.executors.docker import collection

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


def _print_images(rows: Sequence[ImageRow]) -> None:
    lines = [
        (row.environment, row.image, f"{row.size_mb:.0f}", row.built)
        if row.image
        else (row.environment, "-", "-", "-")
        for row in rows
    ]
    for line in align(("environment", "image", "MB", "built"), lines):
        print(line)
