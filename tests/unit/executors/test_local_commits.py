"""A commit as an environment: its base with another folder before it, and nothing installed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest

from runner.declare.builds import declare_builds
from runner.declare.environments import read_environments
from runner.domain import BuildKind, ProvisionedEnvironment
from runner.domain.errors import BuildError, ProvisionError
from runner.executors.local import commits as module
from runner.executors.local import identify
from runner.executors.local.commits import base_of, folder_of, provision_commit
from runner.host import process
from runner.host.process import Completed

DECLARED = read_environments()
IDENTITY = {
    "python_version": "3.13.1",
    "distributions": {"keras": "3.15.1"},
    "import_s": 0.5,
    "fork": True,
    "framework_version": "3.16.0",
    "keras_version": "3.16.0",
}


def git(folder, *arguments):
    settings = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "checkout"
    (folder / "keras").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for number, text in enumerate(("one", "two")):
        (folder / "keras" / "__init__.py").write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "--quiet", "--message", str(number))
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "of no package")
    return folder


def commit_of(repository, reference):
    sha = git(repository, "rev-parse", reference)
    (found,) = declare_builds([f"keras=commit+{repository}@{sha}"], "keras3.15", DECLARED)
    return found


def provision(environment):
    return ProvisionedEnvironment(
        environment=environment,
        executable="/env/bin/python",
        lock_digest="a" * 64,
        python_version="3.13.1",
        resolved={"keras": "3.15.1", "numpy": "2.0"},
        import_s=1.0,
        fork=True,
    )


@pytest.fixture
def imported(monkeypatch):
    """Say where the package was imported from: a function of the folder; and how that ended."""
    monkeypatch.setattr(module, "_identified", {})
    monkeypatch.setattr(identify, "sandboxed", lambda command, **_: list(command))
    calls = []

    def install(module_file=lambda folder: f"{folder}/keras/__init__.py", **ended):
        def run(command, *, env, **_):
            calls.append(env["PYTHONPATH"])
            answer = {**IDENTITY, "module_file": module_file(env["PYTHONPATH"])}
            fields = {"returncode": 0, "stdout": json.dumps(answer), "stderr": "", **ended}
            return Completed(args=tuple(command), duration_s=1.0, **fields)

        monkeypatch.setattr(process, "run", _only(run, process.run))
        return calls

    return install


def _only(fake, real):
    """Take git's own calls as they are."""

    def run(command, **settings):
        return real(command, **settings) if command[0] == "git" else fake(command, **settings)

    return run


def test_a_commit_is_declared_with_its_checkout_and_its_digits(repository):
    found = commit_of(repository, "main")
    sha = git(repository, "rev-parse", "main")
    assert found.id == f"keras@{sha[:10]}"
    assert (found.build.kind, found.build.source, found.build.commit) == (
        BuildKind.COMMIT,
        str(repository),
        sha,
    )


def test_it_is_the_base_with_the_commit_before_the_installed_package(
    repository, tmp_path, imported
):
    imported()
    made = provision_commit(commit_of(repository, "main~1"), tmp_path / "store", provision)

    folder = folder_of(made.environment)
    assert made.environment.env["PYTHONPATH"] == str(folder)
    assert (folder / "keras" / "__init__.py").read_text() == "two"
    assert made.executable == "/env/bin/python"
    assert made.resolved == {"keras": "3.16.0", "numpy": "2.0"}
    assert base_of(made, provision).environment.id == "keras3.15"
    assert folder_of(DECLARED.by_id("keras3.15")) is None


def test_results_are_filed_under_the_tree_and_the_lock_of_the_base(repository, tmp_path, imported):
    calls = imported()
    made = [
        provision_commit(commit_of(repository, each), tmp_path / "store", provision).lock_digest
        for each in ("main~2", "main~1", "main")
    ]
    assert made[0] != made[1]
    assert made[1] == made[2]
    # The same package is imported once.
    assert len(calls) == 2

    def other(environment):
        return replace(provision(environment), lock_digest="b" * 64)

    again = provision_commit(commit_of(repository, "main"), tmp_path / "store", other)
    assert again.lock_digest not in made


def test_a_base_that_cannot_be_built_is_no_fault_of_the_commit(repository, tmp_path):
    error = ProvisionError("keras3.15: no network")
    found = provision_commit(commit_of(repository, "main"), tmp_path / "store", lambda _: error)
    assert found is error


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"module_file": lambda _: "/env/lib/keras/__init__.py"}, "not the commit's package"),
        ({"returncode": 1, "stderr": "Traceback\nSyntaxError: invalid"}, "SyntaxError: invalid"),
        ({"stdout": "no json"}, "it cannot be imported"),
    ],
)
def test_a_commit_that_is_not_what_was_imported_is_an_error(
    repository, tmp_path, imported, ended, said
):
    imported(**ended)
    found = provision_commit(commit_of(repository, "main"), tmp_path / "store", provision)
    assert isinstance(found, BuildError)
    assert said in found.message
