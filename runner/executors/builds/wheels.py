"""The wheel of a build: sources -> a wheel, built in confinement; any wheel -> checked and kept.

Input: a folder of sources, or a wheel of the user's. Output: a wheel in the store, under its
digest. A build backend is foreign code: it runs without a network and sees its own folder; the
packages it is declared to need are fetched before, as wheels, by uv, of which none is executed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
import tomllib
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from runner.domain.errors import BuildError
from runner.executors.foreign import python_folders, sandboxed
from runner.executors.local.interpreters import find_interpreter
from runner.executors.locks import normalise_name
from runner.executors.uv import run_uv, uv_binary
from runner.host import process
from runner.host.process import Completed
from runner.store.builds import WHEELS, builds_folder

BUILD_TIMEOUT_S = 1800.0
BUILD_CPU_S = 3600
LEGACY_REQUIRES = ("setuptools", "wheel")
"""Of sources with a setup.py alone."""
EPOCH = "1577836800"
"""1 January 2020: the same sources make the same wheel, whenever that is."""
LARGEST_WHEEL = 1 << 30
LARGEST_METADATA = 1 << 20
_SHOWN = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """A wheel that was checked."""

    path: Path
    name: str
    """Of the distribution, normalised."""
    version: str
    sha256: str


def build_wheel(sources: Path, scratch: Path, python: str, build_id: str) -> Path:
    """Build the wheel of some sources for a Python; return where it lies.

    Raises:
        BuildError: the sources are no project, or their backend fails.
    """
    requires = _read_requires(sources, build_id)
    interpreter = find_interpreter(python)
    backend = scratch / "backend"
    made = run_uv(
        [
            *("venv", "--quiet", "--no-project", "--no-config"),
            *("--python", str(interpreter or python), str(backend)),
        ],
        timeout_s=BUILD_TIMEOUT_S,
    )
    if not made.ok:
        raise _failed(build_id, "no Python for its build could be set up", made)
    installed = run_uv(
        [
            *("pip", "install", "--quiet", "--no-config", "--only-binary", ":all:"),
            *("--python", str(backend / "bin" / "python"), "--", *requires),
        ],
        timeout_s=BUILD_TIMEOUT_S,
    )
    if not installed.ok:
        raise _failed(build_id, f"its build needs {', '.join(requires)}", installed)
    out = scratch / "out"
    out.mkdir()
    _run_backend(sources, scratch, backend / "bin" / "python", out, build_id)
    found = [each for each in out.iterdir() if each.suffix == ".whl"]
    if len(found) != 1:
        raise BuildError(
            f"{build_id}: its build made {len(found)} wheels where one was expected",
            cause="its build backend does not do as the standard says",
            next_step="run: python -m pip wheel --no-deps in its folder, and see what it makes",
        )
    return found[0]


def _run_backend(sources: Path, scratch: Path, python: Path, out: Path, build_id: str) -> None:
    """Start the build backend of foreign sources, in confinement."""
    temporary = scratch / "tmp"
    temporary.mkdir()
    uv = Path(uv_binary())
    command = [
        *(str(uv), "build", "--wheel", "--no-build-isolation", "--offline", "--no-config"),
        *("--no-cache", "--python", str(python), "--out-dir", str(out), str(sources)),
    ]
    built = process.run(
        sandboxed(
            command,
            readable=[uv, *python_folders(python)],
            writable=[scratch],
            folder=scratch,
            cpu_s=BUILD_CPU_S,
        ),
        env={
            **process.PLAIN_VARIABLES,
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
            "SOURCE_DATE_EPOCH": EPOCH,
            "PYTHONHASHSEED": "0",
            "NO_COLOR": "1",
        },
        cwd=scratch,
        timeout_s=BUILD_TIMEOUT_S,
    )
    if not built.ok:
        raise _failed(build_id, "its wheel cannot be built", built)


def keep_wheel(path: Path, package: str, store: Path, build_id: str) -> Wheel:
    """Check a wheel, and copy it into the store under its digest.

    Raises:
        BuildError: it is no wheel, of another package, or too large.
    """
    content = _read_wheel(path, build_id)
    name, version = _read_identity(path, build_id)
    if name != package:
        raise BuildError(
            f"{build_id}: {path.name} is a wheel of {name}, not of {package}",
            cause="the wheel, or the folder, is that of another package",
            next_step=f"name it as what it is: --with {name}=...",
        )
    digest = hashlib.sha256(content).hexdigest()
    kept = builds_folder(store) / WHEELS / digest / path.name
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        part.write_bytes(content)
        part.replace(kept)
    return Wheel(path=kept, name=name, version=version, sha256=digest)


def _read_wheel(path: Path, build_id: str) -> bytes:
    status = path.lstat()
    # What a build left in the place of its wheel may be a link to anything.
    if not stat.S_ISREG(status.st_mode) and path.parent.name == "out":
        raise _no_wheel(path, build_id, "it is no regular file")
    if path.stat().st_size > LARGEST_WHEEL:
        raise _no_wheel(path, build_id, "it is larger than 1 GiB")
    return path.read_bytes()


def _read_identity(path: Path, build_id: str) -> tuple[str, str]:
    """Return the name and the version that a wheel's metadata state."""
    try:
        with zipfile.ZipFile(path) as archive:
            listed = [
                each
                for each in archive.infolist()
                if re.fullmatch(r"[^/]+\.dist-info/METADATA", each.filename)
            ]
            if len(listed) != 1 or listed[0].file_size > LARGEST_METADATA:
                raise _no_wheel(path, build_id, "it has no metadata of one distribution")
            with archive.open(listed[0]) as file:
                text = file.read(LARGEST_METADATA).decode("utf-8", "replace")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise _no_wheel(path, build_id, str(error)) from error
    headers = HeaderParser().parsestr(text)
    name, version = str(headers["Name"] or ""), str(headers["Version"] or "")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or not re.fullmatch(
        r"[A-Za-z0-9.!+_-]+", version
    ):
        raise _no_wheel(path, build_id, "its metadata name no distribution")
    return normalise_name(name), version


def _no_wheel(path: Path, build_id: str, reason: str) -> BuildError:
    return BuildError(
        f"{build_id}: {path.name} is no wheel that can be installed: {reason}"[:_SHOWN],
        cause="a download that was cut, or another file under this name",
        next_step=f"python -m zipfile --list {path}",
    )


def _read_requires(sources: Path, build_id: str) -> list[str]:
    project = sources / "pyproject.toml"
    if not project.is_file():
        if (sources / "setup.py").is_file():
            return list(LEGACY_REQUIRES)
        raise BuildError(
            f"{build_id}: its sources have neither pyproject.toml nor setup.py",
            cause="the project lies in a folder of the repository, not at its top",
            next_step="clone it, and name that folder: --with keras=./repository/folder",
        )
    try:
        found = tomllib.loads(project.read_text(encoding="utf-8")).get("build-system", {})
        requires = found.get("requires", LEGACY_REQUIRES)
        # One that begins like an option would be read as a file's name after `--`.
        return [str(each) for each in requires]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BuildError(
            f"{build_id}: its pyproject.toml cannot be read: {error}"[:_SHOWN],
            cause="the file is malformed",
            next_step="correct it, then repeat the command",
        ) from error


def _failed(build_id: str, what: str, ended: Completed) -> BuildError:
    lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
    said = "\n".join(f"    {line[:_SHOWN]}" for line in lines[-8:])
    cause = "see the end of what it printed, above"
    if ended.timed_out:
        cause = f"it did not end within {BUILD_TIMEOUT_S:.0f} s"
    elif re.search(r"network|connect|dns|resolve host", ended.stderr, re.IGNORECASE):
        cause = "there is no network (a build backend itself is given none)"
    return BuildError(
        f"{build_id}: {what}:\n{said}",
        cause=cause,
        next_step="build it yourself and give the wheel: --with keras=FILE.whl",
    )


def remove_folder(folder: Path) -> None:
    """Remove what a build left, read-only folders and all."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
