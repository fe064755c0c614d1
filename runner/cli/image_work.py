"""`nox -s images`: build the container images, list, save, push and prune them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from runner.declare.environments import read_environments
from runner.domain import Environment
from runner.domain.errors import ProvisionError
from runner.domain.request import Request
from runner.executors import locks
from runner.executors.docker import engine
from runner.executors.docker.images import ImageBuilder, image_builder, tag
from runner.store import atomic_write_text

BUILDERS = 2
"""Images built at once: the network and the disk are the limit, not the processor."""
MEGABYTE = 1e6


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
    profile = declared.profile(request.profile)
    chosen = declared.select(wish.names) if wish.names else profile
    client = engine.connect()
    try:
        builder = image_builder(request, client)
        if wish.bake is not None:
            _write_overlay(builder, chosen, wish.bake)
            return 0
        failed = _build(builder, chosen, rebuild=wish.rebuild) if wish.build else 0
        found = [(each, image) for each, image in builder.listed(chosen) if image is not None]
        if wish.save is not None:
            for environment, image in found:
                _save(environment, image, wish.save)
        if wish.push:
            for environment, image in found:
                _push(builder, environment, image, wish.push)
        if wish.prune:
            removed, freed = builder.prune(declared.environments)
            print(f"removed {removed} images of older locks; {freed / MEGABYTE:.0f} MB were freed")
        _print_images(builder, chosen)
    except engine.ENGINE_ERRORS as error:
        raise engine.explain_engine_error("work on images", error) from error
    finally:
        client.close()
    return 4 if failed else 0


def _build(builder: ImageBuilder, chosen: Sequence[Environment], *, rebuild: bool) -> int:
    def build(environment: Environment) -> bool:
        print(f"{environment.id}: building, unless it is there", flush=True)
        found = builder.provision(environment, rebuild=rebuild)
        if isinstance(found, ProvisionError):
            print(f"{environment.id}: unavailable\n{found}")
            return False
        print(f"{environment.id}: ready, {found.image}")
        return True

    with ThreadPoolExecutor(max_workers=BUILDERS) as pool:
        try:
            return list(pool.map(build, chosen)).count(False)
        except BaseException:
            builder.stopped.set()
            raise


def _write_overlay(builder: ImageBuilder, chosen: Sequence[Environment], path: Path) -> None:
    atomic_write_text(path, json.dumps(builder.bake_overlay(chosen), indent=1, sort_keys=True))
    print(f"docker buildx bake -f containers/docker-bake.hcl -f {path}")


def _save(environment: Environment, image: Any, folder: Path) -> None:
    """Write what `docker load` reads; the labels by which an image is found are in it."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{environment.id}-{image.id.partition(':')[2][:12]}.tar"
    part = target.with_suffix(".part")
    with part.open("wb") as stream:
        for chunk in image.save(named=True):
            stream.write(chunk)
    part.replace(target)
    print(f"{environment.id}: saved as {target}")


def _push(builder: ImageBuilder, environment: Environment, image: Any, prefix: str) -> None:
    lock = locks.read_lock(builder.lock_path(environment))
    name = tag(environment, builder.key(environment, lock), prefix)
    repository, _, version = name.rpartition(":")
    image.tag(repository, tag=version)
    for line in builder.client.images.push(repository, tag=version, stream=True, decode=True):
        if "error" in line:
            registry = prefix.partition("/")[0]
            refused = re.search(r"denied|unauthorized|authentication", line["error"])
            raise ProvisionError(
                f"{name} could not be pushed: {line['error']}",
                cause="the registry does not know this user, or not this repository"
                if refused
                else "the registry cannot be reached, or is none",
                next_step=f"run: docker login {registry}, then repeat",
            )
    print(f"{environment.id}: pushed as {name}")


def _print_images(builder: ImageBuilder, chosen: Sequence[Environment]) -> None:
    width = max(len(each.id) for each in chosen)
    table = Table(
        Column("environment", min_width=width), "image", Column("MB", justify="right"), "built"
    )
    for environment, image in builder.listed(chosen):
        if image is None:
            table.add_row(environment.id, "-", "-", "-")
            continue
        size = f"{image.attrs['Size'] / MEGABYTE:.0f}"
        built = str(image.attrs["Created"])[:16].replace("T", " ")
        table.add_row(environment.id, image.short_id, size, built)
    Console().print(table)
