"""Requirements -> the text of a lock, by uv, which decides the versions."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from runner.domain.errors import ProvisionError
from runner.executors.uv import run_uv, torch_arguments

PLATFORM = "x86_64-manylinux_2_28"
COMPILE_TIMEOUT_S = 900.0
CPU_BUILD = "tensorflow-cpu"
REPLACED = 'tensorflow; python_version < "0"'
"""A requirement that is never met. tf-keras asks for `tensorflow`, whose files lie where those of
its CPU build lie: with both in a lock, whichever is installed last wins.
"""


def compile_lock(
    environment_id: str,
    python: str,
    requirements: Sequence[str],
    *,
    preferred: str = "",
    without: Sequence[str] = (),
) -> str:
    """Return the resolved requirements with their hashes.

    `preferred` is the text of another lock, whose versions are taken wherever they fit. `without`
    names packages that are left out, whoever asks for them.

    Raises:
        ProvisionError: there is no solution, or the index does not answer.
    """
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "requirements.in"
        wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        overrides = Path(scratch) / "overrides.in"
        has_cpu_build = any(line.startswith(f"{CPU_BUILD}=") for line in requirements)
        replaced = [REPLACED] if has_cpu_build else []
        replaced += [f'{name}; python_version < "0"' for name in without]
        overrides.write_text("\n".join(replaced), encoding="utf-8")
        lock = Path(scratch) / "lock.txt"
        lock.write_text(preferred, encoding="utf-8")
        resolved = run_uv(
            [
                *("pip", "compile", "--quiet", "--generate-hashes", "--no-header"),
                *("--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
                *("--python-version", python, "--python-platform", PLATFORM),
                *torch_arguments(requirements),
                *("--override", str(overrides)),
                *(("--output-file", str(lock)) if preferred else ()),
                str(wanted),
            ],
            timeout_s=COMPILE_TIMEOUT_S,
        )
        # Where it writes a file it prints nothing.
        compiled = lock.read_text(encoding="utf-8") if preferred else resolved.stdout
    if not resolved.ok:
        raise ProvisionError(
            f"{environment_id}: no lock could be made:\n{resolved.stderr.strip()}",
            cause="the requirements contradict each other, or the index cannot be reached",
            next_step="correct its entry in containers/environments.toml",
        )
    return compiled
