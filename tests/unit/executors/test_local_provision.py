"""Provisioning against a uv made of a few lines: no network, no framework.

The error texts are uv's own, captured and stripped of machine and index names.
"""

import base64
import errno
import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest
from msgspec import structs

from runner.domain import Backend, Environment, Family, Format, ProvisionedEnvironment
from runner.domain.errors import ConfigurationError, ProvisionError
from runner.executors import locks, uv
from runner.executors.local import integrity, interpreters, provision
from runner.host.process import Completed

TEXTS = Path(__file__).parents[1] / "data" / "uv"
THIS_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

ENVIRONMENT = Environment(
    id="keras3.15",
    family=Family.KERAS3,
    backend=Backend.TENSORFLOW,
    python="3.13",
    requirements=("keras==3.15.1", "tensorflow-cpu==2.21.0"),
    released=date(2026, 7, 29),
    formats=frozenset({Format.KERAS}),
    order=0,
)
PINS = "keras==3.15.1 \\\n    --hash=sha256:00\ntensorflow-cpu==2.21.0 \\\n    --hash=sha256:11\n"
IDENTITY = {
    "framework_version": "3.15.1",
    "python_version": "3.13.0",
    "distributions": {"keras": "3.15.1", "tensorflow-cpu": "2.21.0"},
    "import_s": 1.5,
    "fork": True,
}


class World:
    """A store, a folder of locks and a fake uv."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.store = folder / "store"
        self.locks = folder / "locks"
        self.locks.mkdir()
        self.calls = folder / "calls"
        self.uv = folder / "uv"
        monkeypatch.setattr(uv, "uv_binary", lambda: str(self.uv))
        monkeypatch.setattr(provision, "find_interpreter", lambda minor: Path(sys.executable))
        self.write_lock()
        self.write_uv()

    def write_lock(self, environment=ENVIRONMENT, pins=PINS):
        path = locks.lock_path(environment.id, self.locks)
        path.write_text(locks.lock_text(environment, pins))

    def write_uv(self, *, venv="", install="", identity=None, python=""):
        """`venv`, `install`, `python`: shell code that runs at that step."""
        answer = self.folder / "identity.json"
        answer.write_text(json.dumps(IDENTITY if identity is None else identity))
        interpreter = f"#!/bin/sh\n{python}\ncat {answer}\n"
        (self.folder / "python").write_text(interpreter)
        self.uv.write_text(
            f'#!/bin/sh\necho "$@" >> {self.calls}\n'
            "for last; do :; done\n"
            f'if [ "$1" = venv ]; then {venv or ":"}\n'
            f'mkdir -p "$last/bin"; cp {self.folder}/python "$last/bin/python"\n'
            'chmod +x "$last/bin/python"\n'
            f"else {install or ':'}\nfi\n"
        )
        self.uv.chmod(self.uv.stat().st_mode | stat.S_IXUSR)

    def provision(self, environment=ENVIRONMENT):
        return provision.provision(environment, self.store, folder=self.locks)

    def count(self, word):
        if not self.calls.exists():
            return 0
        return sum(line.startswith(word) for line in self.calls.read_text().splitlines())

    def entries(self):
        return sorted(
            path.name for path in (self.store / "environments").iterdir() if path.name != ".locks"
        )


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


SITE = "lib/python3.13/site-packages"
RIGHT = "right = True\n"
INSTALL = f"""
for each; do [ "$before" = --python ] && target="${{each%/bin/python}}"; before="$each"; done
site="$target/{SITE}"; mkdir -p "$site/keras" "$site/keras-3.15.1.dist-info"
echo "right = True" > "$site/keras/saving.py"
echo "keras/saving.py,sha256=HASHED,13" > "$site/keras-3.15.1.dist-info/RECORD"
"""
"""What the fake uv installs: one package of one file, with the hash it brings."""


def installs(damage=":"):
    """The installing step; `damage` is shell code that runs after it, unless without a cache."""
    hashed = hashlib.sha256(RIGHT.encode()).digest()
    recorded = base64.urlsafe_b64encode(hashed).decode().rstrip("=")
    spoil = f'case "$*" in *--no-cache*) ;; *) {damage};; esac'
    return f"{INSTALL.replace('HASHED', recorded)}\n{spoil}"


def completed(stderr, **changes):
    values = {"args": (), "returncode": 2, "stdout": "", "duration_s": 1.0, **changes}
    return Completed(stderr=stderr, **values)


def test_builds_and_describes_an_environment(world):
    built = world.provision()
    assert isinstance(built, ProvisionedEnvironment)
    assert built.environment is ENVIRONMENT
    assert built.resolved == IDENTITY["distributions"]
    assert (built.python_version, built.import_s, built.fork) == ("3.13.0", 1.5, True)
    assert built.lock_digest == locks.read_lock(world.locks / "keras3.15.txt").digest
    assert world.entries() == [Path(built.executable).parents[1].name]
    install = next(line for line in world.calls.read_text().splitlines() if "install" in line)
    assert "--require-hashes" in install


def test_is_idempotent(world):
    first = world.provision()
    assert world.provision() == first
    assert world.count("venv") == 1


def test_a_new_lock_or_python_is_another_environment(world):
    world.provision()
    world.write_lock(pins=PINS + "six==1.17.0 \\\n    --hash=sha256:22\n")
    distributions = {**IDENTITY["distributions"], "six": "1.17.0"}
    world.write_uv(identity={**IDENTITY, "distributions": distributions})
    assert isinstance(world.provision(), ProvisionedEnvironment)
    assert len(world.entries()) == 2


@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign", "interpreter"])
def test_what_does_not_look_finished_is_built_again(world, damage):
    directory = Path(world.provision().executable).parents[1]
    marker = directory / provision.MARKER
    if damage == "missing":
        marker.unlink()
    elif damage == "truncated":
        marker.write_text(marker.read_text()[:50])
    elif damage == "foreign":
        marker.write_text(json.dumps({"schema": "environment/99"}))
    else:
        (directory / "bin" / "python").unlink()
    assert isinstance(world.provision(), ProvisionedEnvironment)
    assert world.count("venv") == 2
    assert len(world.entries()) == 1


def _nonsense(text):
    """Yield what a marker may hold after a damage that leaves it JSON, and then some."""
    marker = json.loads(text)
    yield from ("null", "[]", "7", '""', "{}", "[" * 5000, "1" * 6000, '{"schema": NaN}')
    for key in marker:
        for value in (None, [], 7, "x", {}):
            yield json.dumps({**marker, key: value} if marker[key] != value else {})
        yield json.dumps({name: value for name, value in marker.items() if name != key})
    identity = marker["identity"]
    for key in ("python_version", "distributions", "import_s", "fork", "framework_version"):
        for value in (None, [], "x", {"x": None}):
            yield json.dumps({**marker, "identity": {**identity, key: value}})
        fewer = {name: value for name, value in identity.items() if name != key}
        yield json.dumps({**marker, "identity": fewer})


def test_a_marker_that_makes_no_sense_is_no_finished_environment(world):
    built = world.provision()
    marker = Path(built.executable).parents[1] / provision.MARKER
    text = marker.read_text()
    lock = locks.read_lock(world.locks / "keras3.15.txt")
    place = provision._place(ENVIRONMENT, lock, world.store)
    assert provision._read_finished(place, lock) == built
    accepted = []
    for content in _nonsense(text):
        marker.write_text(content)
        if provision._read_finished(place, lock) is not None:
            accepted.append(content)
    # The environment's name in it is for people: which folder it lies in says the same.
    assert [each for each in accepted if json.loads(each)["environment"] == "keras3.15"] == []
    marker.write_text("null")
    assert world.provision() == built


def _built_with_a_package(world, **options):
    world.write_uv(install=installs(**options))
    built = world.provision()
    assert isinstance(built, ProvisionedEnvironment)
    return built, Path(built.executable).parents[1] / SITE / "keras" / "saving.py"


def _checked(world, built):
    """Hold an environment against what was installed; return the messages."""
    said = []
    provision.require_whole(built, world.store, said.append, folder=world.locks)
    return said


def test_a_whole_environment_is_left_alone(world):
    built, file = _built_with_a_package(world)
    compiled = file.parent / "__pycache__" / "saving.cpython-313.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"compiled")
    assert _checked(world, built) == []
    assert world.count("venv") == 1


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda file: file.write_text("right = None\n"), "was changed"),
        (lambda file: file.write_text(""), "was changed"),
        (lambda file: file.unlink(), "is gone"),
        (lambda file: (file.unlink(), file.symlink_to("/etc/hostname")), "was changed"),
        (lambda file: file.with_name("losses.py").write_text("import os\n"), "losses.py was added"),
        (lambda file: shutil.rmtree(file.parents[4]), "its folder is gone"),
    ],
)
def test_a_damaged_environment_is_built_again_with_one_message(world, damage, says):
    built, file = _built_with_a_package(world)
    damage(file)
    (said,) = _checked(world, built)
    assert said.startswith("keras3.15: its environment is damaged (")
    assert says in said
    assert file.read_text() == RIGHT
    assert not file.with_name("losses.py").exists()
    assert world.provision() == built
    assert _checked(world, built) == []
    assert world.count("venv") == 2


def test_an_environment_without_a_list_is_held_against_its_packages(world):
    built, file = _built_with_a_package(world)
    listing = file.parents[4] / integrity.LISTING
    listing.unlink()
    assert _checked(world, built) == []
    assert listing.exists()
    listing.unlink()
    file.write_text("right = None\n")
    (said,) = _checked(world, built)
    assert "keras/saving.py was changed" in said
    assert file.read_text() == RIGHT


def test_a_damaged_environment_that_cannot_be_built_again_is_a_provision_error(world):
    built, file = _built_with_a_package(world)
    file.unlink()
    world.write_uv(install=f"cat {TEXTS}/no_network.txt >&2; exit 1")
    with pytest.raises(ProvisionError, match="its packages could not be installed"):
        _checked(world, built)
    # And what is left of it does not look finished.
    assert isinstance(world.provision(), ProvisionError)


def test_a_damaged_cache_of_uv_is_passed_over(world):
    """An installed file is a link to uv's cache: an edit of the one damages the other."""
    _, file = _built_with_a_package(world, damage='echo damaged > "$site/keras/saving.py"')
    assert file.read_text() == RIGHT
    assert world.count("venv") == 2
    assert world.count("pip install --quiet --require-hashes --no-deps --no-cache") == 1


def test_what_two_packages_bring_may_be_either_ones(tmp_path):
    site = tmp_path / SITE
    for name, content in (("one", "1"), ("two", "2")):
        folder = site / f"{name}-1.dist-info"
        folder.mkdir(parents=True)
        hashed = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest())
        folder.joinpath("RECORD").write_text(f"shared.py,sha256={hashed.decode()[:-1]},1\n")
    for content, says in (("1", None), ("2", None), ("3", f"{SITE}/shared.py was changed")):
        (site / "shared.py").write_text(content)
        assert integrity.find_wrong_content(tmp_path) == says
    (site / "shared.py").unlink()
    assert integrity.find_wrong_content(tmp_path) == f"{SITE}/shared.py is gone"


def test_what_a_framework_leaves_in_its_temporary_folder_is_removed(world, monkeypatch):
    system = world.folder / "system"
    system.mkdir()
    monkeypatch.setenv("TMPDIR", str(system))
    monkeypatch.setattr(provision.tempfile, "tempdir", None)
    seen = world.folder / "seen"
    leave = 'mkdir "$TMPDIR/torchinductor_root" && touch "$TMPDIR/__autograph_generated_filex.py"'
    world.write_uv(python=f'{leave}; echo "$TMPDIR" > {seen}')
    assert isinstance(world.provision(), ProvisionedEnvironment)
    used = Path(seen.read_text().strip())
    assert world.store in used.parents
    assert not used.exists()
    assert list(system.iterdir()) == []
    assert len(world.entries()) == 1


def test_leftovers_of_killed_builds_are_removed(world):
    leftover = world.store / "environments" / ".building-tf2.7-0123456789ab-xyz"
    (leftover / "venv").mkdir(parents=True)
    world.provision()
    assert not leftover.exists()


def test_a_running_build_is_left_alone(world):
    root = world.store / "environments"
    running = root / ".building-tf2.7-0123456789ab-xyz"
    running.mkdir(parents=True)
    with provision._held(root, "tf2.7-0123456789ab"):
        assert provision.remove_leftovers(world.store) == ()
        assert running.exists()
    assert provision.remove_leftovers(world.store) == (running,)


def test_two_at_once_build_one(world):
    world.write_uv(install="sleep 0.3")
    results = []
    threads = [threading.Thread(target=lambda: results.append(world.provision())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(result, ProvisionedEnvironment) for result in results)
    assert world.count("venv") == 1


def test_an_interrupted_installation_leaves_nothing_that_looks_finished(world, monkeypatch):
    real = uv.run_uv

    def interrupted(args, **options):
        if args[0] == "pip":
            raise KeyboardInterrupt
        return real(args, **options)

    monkeypatch.setattr(provision, "run_uv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        world.provision()
    assert world.entries() == []


def test_failed_installation_is_a_value_and_cleaned_up(world):
    world.write_uv(install=f"cat {TEXTS}/hash_mismatch.txt >&2; exit 1")
    error = world.provision()
    assert isinstance(error, ProvisionError)
    assert "not the file that was locked" in error.cause
    assert world.entries() == []


def test_missing_lock_names_the_command(world):
    (world.locks / "keras3.15.txt").unlink()
    error = world.provision()
    assert isinstance(error, ProvisionError)
    assert error.next_step == "run: nox -s update -- keras3.15"


def test_lock_older_than_the_declaration_is_refused(world):
    changed = Environment(
        **{
            **{name: getattr(ENVIRONMENT, name) for name in Environment.__slots__},
            "requirements": ("keras==3.15.2",),
        }
    )
    error = world.provision(changed)
    assert isinstance(error, ProvisionError)
    assert "changed after the lock" in error.cause
    assert world.count("venv") == 0


@pytest.mark.parametrize("content", [b"", b"keras==3.15.1\n", b"\xff\xfe"])
def test_lock_without_its_first_line_is_refused(world, content):
    (world.locks / "keras3.15.txt").write_bytes(content)
    assert isinstance(world.provision(), ProvisionError)
    assert world.count("venv") == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"framework_version": "3.8.0"}, "the framework says it is 3.8.0, pinned 3.15.1"),
        ({"framework_version": ""}, "the framework says it is nothing"),
        ({"python_version": "3.11.7"}, "Python is 3.11.7, declared 3.13"),
        ({"distributions": {"keras": "3.15.1"}}, "tensorflow-cpu is missing, pinned 2.21.0"),
    ],
)
def test_what_is_not_pinned_is_not_accepted(world, change, says):
    world.write_uv(identity={**IDENTITY, **change})
    error = world.provision()
    assert isinstance(error, ProvisionError)
    assert says in error.message
    assert isinstance(world.provision(), ProvisionError)  # and not finished the second time


def test_a_wheel_that_was_packed_again_has_the_framework_of_its_version(world):
    packed = structs.replace(ENVIRONMENT, requirements=("keras==3.15.1.post1",))
    world.write_lock(packed, PINS.replace("3.15.1", "3.15.1.post1"))
    installed = {"keras": "3.15.1.post1", "tensorflow-cpu": "2.21.0"}
    world.write_uv(identity={**IDENTITY, "distributions": installed})

    assert isinstance(world.provision(packed), ProvisionedEnvironment)


def test_framework_that_cannot_be_imported(world):
    raises = "echo 'Traceback (most recent call last):\nImportError: libGL.so.1' >&2; exit 1"
    world.write_uv(python=raises)
    error = world.provision()
    assert isinstance(error, ProvisionError)
    assert error.message.endswith("its framework could not be imported: ImportError: libGL.so.1")
    assert "system library" in error.cause


def test_framework_that_answers_nonsense(world):
    world.write_uv(python="echo not json; exit 0")
    assert isinstance(world.provision(), ProvisionError)


@pytest.mark.parametrize(
    ("name", "step", "cause", "next_step"),
    [
        ("no_network", "install", "index cannot be reached", "proxy"),
        ("offline", "install", "index cannot be reached", "network"),
        ("no_interpreter", "venv", "no such Python", "uv python install 3.13"),
        ("no_interpreter_offline", "venv", "no such Python", "pyenv install 3.13"),
        ("hash_mismatch", "install", "not the file that was locked", "uv cache clean"),
        ("no_hash", "install", "without a hash", "nox -s update -- keras3.15"),
        ("not_found", "install", "no longer has that version", "nox -s update -- keras3.15"),
        ("disk_full", "install", "disk is full", "free some space"),
        ("read_only", "venv", "may not be written", "--store"),
        ("no_wheel", "install", "no wheel for this platform", "container"),
    ],
)
def test_uv_texts_are_understood(name, step, cause, next_step):
    ended = completed((TEXTS / f"{name}.txt").read_text())
    error = provision.explain_failure(ENVIRONMENT, step, ended)
    assert cause in error.cause
    assert not re.search(r"[{}]", error.next_step)
    assert next_step in error.next_step
    assert "error:" in error.message


def test_time_out_signal_and_silence_are_understood():
    late = completed("", timed_out=True, returncode=-9)
    assert "too slow" in provision.explain_failure(ENVIRONMENT, "install", late).cause
    crash = completed("", returncode=-4)
    assert "signal 4" in provision.explain_failure(ENVIRONMENT, "import", crash).message
    silent = completed("", returncode=7)
    assert "exit code 7" in provision.explain_failure(ENVIRONMENT, "install", silent).message


@pytest.mark.parametrize(
    ("number", "cause"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "may not be written"), (errno.EIO, "message")],
)
def test_errors_of_our_own_writing_are_values(world, monkeypatch, number, cause):
    def refuse(*_args, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(provision.tempfile, "mkdtemp", refuse)
    error = world.provision()
    assert isinstance(error, ProvisionError)
    assert cause in error.cause


def test_the_uv_that_is_advised_is_the_tools_own():
    """The user may have no other on PATH."""
    ended = completed((TEXTS / "no_interpreter.txt").read_text())
    advice = provision.explain_failure(ENVIRONMENT, "venv", ended).next_step
    command = advice.removeprefix("run: ").partition(" python install")[0]
    said = subprocess.run([*shlex.split(command), "--version"], capture_output=True, check=True)
    assert said.stdout.startswith(b"uv ")


def test_a_missing_uv_is_a_value(world, monkeypatch):
    def missing():
        raise ConfigurationError("no uv", cause="c", next_step="pip install uv")

    monkeypatch.setattr(uv, "uv_binary", missing)
    error = world.provision()
    assert isinstance(error, ProvisionError)
    assert error.next_step == "pip install uv"


def make_python(path, output):
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{output}\n")
    path.chmod(0o755)
    return path


def test_interpreters_that_do_not_work_are_passed_over(tmp_path, monkeypatch):
    make_python(tmp_path / "broken" / "python3.7", "echo 'pyenv: not found' >&2; exit 127")
    make_python(tmp_path / "shims" / "python3.7", "echo 3.7")
    make_python(tmp_path / "pyenv" / "versions" / "3.7.9" / "bin" / "python", "echo 3.7")
    newest = tmp_path / "pyenv" / "versions" / "3.7.16" / "bin" / "python"
    make_python(newest, "echo 3.7")
    make_python(tmp_path / "pyenv" / "versions" / "3.7.17t" / "bin" / "python", "echo 3.7")
    monkeypatch.setenv("PATH", f"{tmp_path}/broken:{tmp_path}/shims:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert interpreters.find_interpreter("3.7") == newest


def test_no_interpreter_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    nothing = completed("error: No interpreter found")
    monkeypatch.setattr(interpreters, "run_uv", lambda *_args, **_options: nothing)
    assert interpreters.find_interpreter("3.7") is None


def test_uvs_own_interpreters_are_the_last_resort(tmp_path, monkeypatch):
    own = make_python(tmp_path / "uv" / "python", "echo 3.7")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = completed("", returncode=0, stdout=f"{own}\n")
    monkeypatch.setattr(interpreters, "run_uv", lambda *_args, **_options: found)
    assert interpreters.find_interpreter("3.7") == own


def test_torch_is_only_ever_the_cpu_build(tmp_path, monkeypatch):
    assert uv.torch_arguments(["keras==3.15.1"]) == ()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert uv.torch_arguments(["torch==2.13.0"]) == ("--torch-backend", "cpu")
    (tmp_path / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl").touch()
    assert uv.torch_arguments({"torch": "2.13.0+cpu"}) == ("--find-links", str(tmp_path))
