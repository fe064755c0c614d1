"""The calls of uv: one place for its path, its environment and its answer about PyTorch."""

from __future__ import annotations

import os
import shlex
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import uv

from runner.domain.errors import ConfigurationError
from runner.host import process
from runner.host.process import Completed

PIP_CONFIG_TIMEOUT_S = 60.0
_FINDING = threading.Lock()
"""Python's own sysconfig, which uv asks, answers None to a thread that comes in while it loads."""


def uv_binary() -> str:
    """Path of the uv that was installed with this tool."""
    try:
        with _FINDING:
            return str(uv.find_uv_bin())
    except FileNotFoundError as error:
        python = shlex.quote(sys.executable)
        raise ConfigurationError(
            "uv, which installs the environments, was not found",
            cause=str(error),
            next_step=f"run: {python} -m ensurepip; {python} -m pip install uv",
        ) from error


def run_uv(
    args: Sequence[str], *, timeout_s: float | None = None, binary: str | None = None
) -> Completed:
    """Run uv with its user's own settings and nothing else of the environment."""
    env = {**process.base_environment(network=True), "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
    return process.run([binary or uv_binary(), *args], env=env, timeout_s=timeout_s)


def torch_arguments(distributions: Iterable[str]) -> tuple[str, ...]:
    """Return the arguments that make uv take PyTorch's CPU build; none without torch.

    The default build brings gigabytes of CUDA. pip's find-links folder is asked first,
    because a machine without access to PyTorch's own index keeps the wheel there and uv
    does not read pip's configuration.
    """
    if not any(name.partition("=")[0].strip().lower() == "torch" for name in distributions):
        return ()
    folders = [folder for folder in pip_find_links() if any(Path(folder).glob("torch-*.whl"))]
    if folders:
        return tuple(part for folder in folders for part in ("--find-links", folder))
    return ("--torch-backend", "cpu")


def pip_find_links() -> tuple[str, ...]:
    """The local folders pip is configured to look in."""
    configured = os.environ.get("PIP_FIND_LINKS", "")
    if not configured:
        asked = process.run(
            [sys.executable, "-m", "pip", "config", "get", "global.find-links"],
            timeout_s=PIP_CONFIG_TIMEOUT_S,
        )
        configured = asked.stdout if asked.ok else ""
    return tuple(entry for entry in configured.split() if Path(entry).is_dir())
