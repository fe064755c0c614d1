"""An engine and a base image for the tests, made from this machine where there are none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

from runner.executors.local import interpreters

BASE = "keras-matrix-test-base"
START_TIMEOUT_S = 60.0
ENGINE_TIMEOUT_S = 120.0
# What the Dockerfile's commands and the frameworks need of an operating system.
PROGRAMS = (
    *("sh", "env", "cat", "ls", "cp", "mkdir", "rm", "chmod", "find", "grep", "sleep", "id"),
    "strip",
)
LIBRARIES = (
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
    *("libresolv.so.2", "libnss_dns.so.2", "libstdc++.so.6", "libgcc_s.so.1", "libgomp.so.1"),
    *("libz.so.1", "libuuid.so.1", "libcrypt.so.1"),
)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LEFT_OUT = re.compile(
    r"/(site-packages/(?!pip|setuptools|README)|test/|tests/|idlelib/|config-|__pycache__)|\.(a|pyc)$"
)


class NoEngineError(Exception):
    """Why no engine can be had here."""


def answers() -> bool:
    """Return whether an engine can be reached."""
    try:
        docker.from_env(timeout=10).close()
    except (DockerException, requests.RequestException):
        return False
    return True


@contextmanager
def engine(folder: Path) -> Iterator[docker.DockerClient]:
    """Give an engine: the one that answers, or one started for as long as this lasts.

    Raises:
        NoEngineError: there is none, and none can be started.
    """
    started = None if answers() else _start(folder / "dockerd.log")
    try:
        client = docker.from_env(timeout=ENGINE_TIMEOUT_S)
        try:
            if client.info()["Driver"] == "vfs":
                raise NoEngineError("the engine can only copy whole images (storage driver vfs)")
            yield client
        finally:
            client.close()
    finally:
        if started is not None:
            _end(started)


def _start(log: Path) -> subprocess.Popen[bytes] | None:
    if os.geteuid() != 0:
        raise NoEngineError("no engine answers, and only root may start one")
    if not shutil.which("dockerd"):
        _install()
        if answers():  # The package has started it already; it stays.
            return None
    with log.open("wb") as output:
        started = subprocess.Popen(["dockerd"], stdout=output, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        if started.poll() is not None or time.monotonic() > deadline:
            _end(started)
            said = log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise NoEngineError(f"an engine (dockerd) does not start here: {' | '.join(said[-3:])}")
        time.sleep(0.2)
    return started


def _install() -> None:
    """Install an engine, on a machine that is there for tests and nothing else."""
    if not os.environ.get("CI") or not shutil.which("apt-get"):
        raise NoEngineError("no engine answers and none (dockerd) is installed")
    apt = [
        "apt-get",
        "--quiet",
        "--yes",
        "-o",
        "Acquire::Retries=1",
        "-o",
        "Acquire::http::Timeout=15",
    ]
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "--no-install-recommends", "docker.io", "iptables"]
    for command, timeout_s in ((["update"], 120), (install, 240)):
        try:
            subprocess.run(
                [*apt, *command], env=variables, timeout=timeout_s, check=True, capture_output=True
            )
        except subprocess.SubprocessError as error:
            raise NoEngineError(f"none is installed, and installing one failed: {error}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def image_arguments(
    client: docker.DockerClient, pythons: tuple[str, ...], folder: Path
) -> tuple[str, ...]:
    """What the command line must be told to build images here; the base images are made."""
    for python in pythons:
        make_base(client, python, folder)
    found = ["--base-image", f"{BASE}:{{python}}"]
    if CERTIFICATES.exists():
        found += ["--ca-bundle", str(CERTIFICATES)]
    # This machine's own package index, if it has one that is reached over the network.
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        if os.environ.get(name) and not os.environ[name].startswith("file:"):
            found += ["--build-arg", f"{name}={os.environ[name]}"]
    return tuple(found)


def make_base(client: docker.DockerClient, python: str, folder: Path) -> str:
    """Import a base image with that Python from this machine's own files; return its name."""
    name = f"{BASE}:{python}"
    if client.images.list(name=name):
        return name
    prefix = _python_prefix(python)
    archive = folder / f"base-{python}.tar"
    with tarfile.open(archive, "w") as tar:
        for folder_name in ("tmp", "etc", "usr/lib", "usr/bin", "root"):
            _add_folder(tar, folder_name)
        for link in ("bin", "lib", "lib64"):
            _add_link(tar, link, f"usr/{link}")
        files = [prefix / "bin" / f"python{python}"]
        files += sorted((prefix / "lib").glob(f"python{python}/lib-dynload/*.so"))
        programs = [Path(found) for each in PROGRAMS if (found := shutil.which(each))]
        for program in programs:
            tar.add(os.path.realpath(program), f"usr/bin/{program.name}")
        for path, place in _libraries([*files, *programs], prefix).items():
            tar.add(path, place)
        tar.add(files[0], f"usr/local/bin/python{python}")
        for alias in ("python", "python3"):
            _add_link(tar, f"usr/local/bin/{alias}", f"python{python}")
        tar.add(prefix / "lib" / f"python{python}", f"usr/local/lib/python{python}", filter=_lean)
        if CERTIFICATES.exists():
            tar.add(CERTIFICATES, str(CERTIFICATES)[1:])
    repository, _, tag = name.partition(":")
    changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin", "ENV LD_LIBRARY_PATH=/usr/local/lib"]
    client.api.import_image(str(archive), repository=repository, tag=tag, changes=changes)
    archive.unlink()
    return name


def _python_prefix(python: str) -> Path:
    """Return the folder of a whole Python: a distribution's own may lack what makes pip."""
    for interpreter in interpreters._candidates(python):
        if interpreters._reports(interpreter, python):
            asked = [str(interpreter), "-c", "import sys; print(sys.base_prefix)"]
            prefix = Path(subprocess.check_output(asked, text=True).strip())
            if list(prefix.glob(f"lib/python{python}/ensurepip/_bundled/pip-*.whl")):
                return prefix
    raise AssertionError(f"this machine has no Python {python} that can make environments")


def _libraries(binaries: list[Path], prefix: Path) -> dict[str, str]:
    """Return file -> place of every shared library these load, and the loader itself."""
    needed: dict[str, str] = {}
    for binary in binaries:
        linked = subprocess.run(["ldd", str(binary)], capture_output=True, text=True).stdout
        for path in re.findall(r"(/\S+)", linked):
            if not path.endswith(":") and Path(path).exists():
                needed[os.path.realpath(path)] = path
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    for name, path in re.findall(r"^\s*(\S+) .*x86-64.*=> (\S+)$", listed, re.MULTILINE):
        if name in LIBRARIES:
            needed[os.path.realpath(path)] = path
    return {real: _place(Path(path), prefix) for real, path in needed.items()}


def _place(path: Path, prefix: Path) -> str:
    if path.is_relative_to(prefix):
        return f"usr/local/lib/{path.name}"
    place = str(path).lstrip("/")
    return place if place.startswith("usr/") else f"usr/{place}"


def _lean(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if LEFT_OUT.search(member.name) else member


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    folder = tarfile.TarInfo(name)
    folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    tar.addfile(folder)


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, target
    tar.addfile(link)
