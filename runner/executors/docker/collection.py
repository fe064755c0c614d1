"""The images of one checkout as a collection: build, list, save, push and prune them.

Input: an `ImageBuilder` and the chosen environments. Output: the work done, as values; `say`
gets one line for each step that takes long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

Say = Callable[[str], None]
"""Called with a line about one environment, from several threads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRow:
    """One environment's image in a list."""

    environment: str
    image: str = ""
    """Short id; empty if there is no image of the present lock, Dockerfile and probe."""
    size_mb: float = 0.0
    built: str = ""
    """When, such as `2026-07-29 10:15`."""


@contextmanager
def opened_images(request: Request) -> Iterator[ImageBuilder]:
    """Give the images of the engine that answers.

    Raises:
        NoEnvironmentError: none answers, or it refuses something while this is open.
    """
    client = engine.connect()
    try:
        yield image_builder(request, client)
    except engine.ENGINE_ERRORS as error:
        raise engine.explain_engine_error("work on images", error) from error
    finally:
        client.close()


def build_images(
    builder: ImageBuilder, chosen: Sequence[Environment], say: Say, *, rebuild: bool
) -> int:
    """Build the missing images, or all of them; return how many could not be built."""

    def build(environment: Environment) -> bool:
        say(f"{environment.id}: building, unless it is there")
        found = builder.provision(environment, rebuild=rebuild)
        if isinstance(found, ProvisionError):
            say(f"{environment.id}: unavailable\n{found}")
            return False
        say(f"{environment.id}: ready, {found.image}")
        return True

    with ThreadPoolExecutor(max_workers=BUILDERS) as pool:
        try:
            return list(pool.map(build, chosen)).count(False)
        except BaseException:
            builder.stopped.set()
            raise


def built_images(
    builder: ImageBuilder, chosen: Sequence[Environment]
) -> list[tuple[Environment, Any]]:
    """Return each environment that has an image, with it."""
    return [(each, image) for each, image in builder.listed(chosen) if image is not None]


def list_images(builder: ImageBuilder, chosen: Sequence[Environment]) -> list[ImageRow]:
    """Return one row an environment, with or without an image."""
    rows = []
    for environment, image in builder.listed(chosen):
        if image is None:
            rows.append(ImageRow(environment=environment.id))
            continue
        rows.append(
            ImageRow(
                environment=environment.id,
                image=image.short_id,
                size_mb=image.attrs["Size"] / MEGABYTE,
                built=str(image.attrs["Created"])[:16].replace("T", " "),
            )
        )
    return rows


def save_image(environment: Environment, image: Any, folder: Path) -> Path:
    """Write a file for `docker load`; the labels by which an image is found are in it."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{environment.id}-{image.id.partition(':')[2][:12]}.tar"
    part = target.with_suffix(".part")
    with part.open("wb") as stream:
        for chunk in image.save(named=True):
            stream.write(chunk)
    part.replace(target)
    return target


def push_image(builder: ImageBuilder, environment: Environment, image: Any, prefix: str) -> str:
    """Push an image below a prefix such as `registry.example/me`; return its name there.

    Raises:
        ProvisionError: the registry refuses it, or does not answer.
    """
    lock = locks.usable_lock(environment, builder.lock_path(environment))
    name = tag(environment, builder.key(environment, lock), prefix)
    repository, _, version = name.rpartition(":")
    image.tag(repository, tag=version)
    for line in builder.client.images.push(repository, tag=version, stream=True, decode=True):
        if "error" in line:
            registry = prefix.partition("/")[0]
            if re.search(r"denied|unauthorized|authentication", line["error"]):
                cause = "the registry does not know this user, or not this repository"
                next_step = f"run: docker login {registry}, then repeat"
            else:
                cause = "the registry cannot be reached, or is none"
                next_step = f"check the name {registry} and the network, then repeat the command"
            raise ProvisionError(
                f"{name} could not be pushed: {line['error']}", cause=cause, next_step=next_step
            )
    return name


def write_overlay(builder: ImageBuilder, chosen: Sequence[Environment], path: Path) -> None:
    """Write the second file of `docker buildx bake`: keys, digests, versions and tags."""
    atomic_write_text(path, json.dumps(builder.bake_overlay(chosen), indent=1, sort_keys=True))
