"""The workflows' own programs, each run in a clone as its job would, on a few cells.

What `${{ }}` stands for is said here, and so are the inputs that make a selection small. Programs
that only install are run once: a job has a machine of its own, a test has not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
FILES = (*(ROOT / ".github").glob("workflows/*.yml"), *(ROOT / ".github").glob("actions/*/*.yml"))
CELL = "plain_dense/h5/tf2.15->keras3.15/none"
INSTALL = "python -m pip install --quiet nox uv"
EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")
GH = """#!/bin/sh
echo "gh $*" >> "$GH_CALLS"
"""
SESSIONS = ("matrix", "merge", "compare", "releases", "report")
"""They install the same lock: one environment serves them all."""


@dataclass(frozen=True)
class Program:
    """A `run:` of a step."""

    file: str
    job: str
    name: str
    text: str
    variables: dict[str, str]

    @property
    def id(self) -> str:
        return f"{self.file}/{self.job}/{self.name}"


def programs() -> dict[str, Program]:
    found = {}
    for path in FILES:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        jobs = document.get("jobs") or {"action": document["runs"]}
        file = path.parent.name if path.stem == "action" else path.stem
        for job, content in jobs.items():
            for step in content.get("steps", ()):
                if "run" in step:
                    each = Program(file, job, step["name"], step["run"], step.get("env", {}))
                    assert each.id not in found
                    found[each.id] = each
    return found


PROGRAMS = programs()


@dataclass
class Job:
    """A clone in which programs run one after another, as the steps of a job."""

    clone: Path
    environment: dict[str, str]
    ran: set[str] = field(default_factory=set)

    def run(self, name: str, code: int = 0, **values: str) -> str:
        """Run a program; `values` are those of its expressions, by variable. Return its output."""
        program = PROGRAMS[name]
        assert not EXPRESSION.search(program.text), "an expression is code there: pass a variable"
        assert set(values) == set(program.variables)
        summary, output = self.clone.parent / "summary", self.clone.parent / "output"
        for path in (summary, output):
            path.write_text("", encoding="utf-8")
        where = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
        where["GITHUB_ACTION_PATH"] = str(self.clone / ".github" / "actions" / "matrix")
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", program.text],
            cwd=self.clone,
            env={**self.environment, **where, **values},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert ended.returncode == code, f"{name}\n{ended.stdout}\n{ended.stderr}"
        self.ran.add(name)
        said = ended.stdout + summary.read_text() + output.read_text()
        print(f"--- {name}\n{said}")
        return said


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def job(tmp_path: Path, environments: Path) -> Job:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git clone")
    clone = tmp_path / "clone"
    for name in listed.stdout.splitlines():
        if not name.startswith("reports/published/site/") and (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    git(clone, "init", "--quiet", "--initial-branch=main")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "the target branch")
    with (clone / "scenarios" / "plain_dense.py").open("a", encoding="utf-8") as module:
        module.write("# Changed by a pull request.\n")
    git(clone, "commit", "--quiet", "--all", "--message", "a pull request")
    (clone / ".matrix").mkdir()
    (clone / ".matrix" / "environments").symlink_to(environments)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    python = tmp_path / "python"
    made = [uv or "uv", "venv", "--quiet", "--seed", "--python", sys.executable, str(python)]
    subprocess.run(made, check=True, capture_output=True)
    # The tool's own packages come from a cache that pip has not.
    put = [uv or "uv", "pip", "install", "--quiet", "--python", str(python / "bin" / "python")]
    put += ["--require-hashes", "--requirement", str(clone / "runner" / "requirements.txt")]
    subprocess.run(put, check=True, capture_output=True)
    (python / "bin" / "gh").write_text(GH, encoding="utf-8")
    (python / "bin" / "gh").chmod(0o755)
    for session in SESSIONS[1:]:
        (clone / ".nox").mkdir(exist_ok=True)
        (clone / ".nox" / session).symlink_to("matrix")
    # The index, its certificates and the caches are this machine's.
    own = ("PYTHON", "VIRTUAL_ENV", "PYTEST", "NOX", "GITHUB", "MATRIX")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    kept["PATH"] = f"{python / 'bin'}{os.pathsep}{kept['PATH']}"
    return Job(clone, {**kept, "GH_CALLS": str(tmp_path / "gh")})


def test_every_program_runs_in_a_clone(job: Job) -> None:
    matrix = {"PROFILE": "smoke", "SELECT": f"{CELL}\n"}

    job.run("matrix/saves/Install nox")
    installing = {name for name, each in PROGRAMS.items() if each.text == INSTALL}
    job.ran |= installing

    # The matrix on several machines.
    assert "saves have an artifact in shared" in job.run("matrix/saves/Save the models", **matrix)
    loaded = job.run("matrix/loads/Load a part of them", **matrix, SHARD="1/1")
    assert "1 equivalent" in loaded
    (job.clone / "parts").mkdir()
    (job.clone / "part").rename(job.clone / "parts" / "part-1")
    job.run("matrix/merge/Join the parts")
    # A small run in the place of the published one, which has 300,000 cells.
    shutil.rmtree(job.clone / "reports" / "published")
    shutil.copytree(job.clone / "whole", job.clone / "reports" / "published")
    said = job.run("matrix/merge/Say what changed since the published run")
    assert "| verdict |" in said or "changed" in said, said

    # A pull request, by the action.
    asked = dict.fromkeys(("SCENARIOS", "BUILDS", "BASE"), "")
    asked |= {**matrix, "STORE": ".matrix"}
    found = job.run("pull-request/smoke/Find the scenarios that changed")
    assert "select<<END\nplain_dense*/*/*/none\nEND\n" in found
    job.run("matrix/action/Install the tool")
    said = job.run("matrix/action/Measure", **asked, BASELINE="published")
    assert "report=.matrix/report" in said
    assert "## " in said
    said = job.run("matrix/action/Measure", **asked, BASELINE="")
    assert "1 cells (" in said
    assert "controls held" in said
    job.run("pull-request/checks/Check the tool", SESSIONS="layers")

    # New releases: nothing is measured again, and what is proposed is pushed where we say.
    words = {"PROFILE": "smoke", "WORDS": "--recorded keras3.15"}
    assert "the draft: " in job.run("releases/propose/Take up what is new", **words)
    remote = job.clone.parent / "remote"
    git(job.clone.parent, "init", "--quiet", "--bare", "remote")
    target = {"GH_TOKEN": "", "REMOTE": str(remote), "TARGET": "main"}
    said = job.run("releases/propose/Open the proposal", **target)
    assert "Every version of the index is declared." in said
    with (job.clone / "containers" / "releases.toml").open("a", encoding="utf-8") as releases:
        releases.write("# One more.\n")
    job.run("releases/propose/Open the proposal", **target)
    (branch,) = git(remote, "branch", "--list", "--format=%(refname:short)").splitlines()
    assert branch.startswith("releases/")
    assert git(remote, "show", "--name-only", "--format=", branch) == "containers/releases.toml"
    calls = Path(job.environment["GH_CALLS"]).read_text(encoding="utf-8")
    assert f"gh pr create --base main --head {branch} --title New releases" in calls

    # The site.
    address = {"BASE_URL": "https://example.org/matrix"}
    job.run("pages/build/Put the data and the pages together", **address)
    assert (job.clone / "public" / "index.html").is_file()

    assert PROGRAMS.keys() - job.ran == set()


def test_every_action_is_pinned_by_its_digest_and_no_job_has_more_rights_than_it_says() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for uses in re.findall(r"^ *(?:- )?uses: (.+)$", text, re.MULTILINE):
            assert uses.startswith("./") or re.fullmatch(
                r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses
            ), (path.name, uses)
        document = yaml.safe_load(text)
        if "jobs" in document:
            assert document["permissions"] in ({}, {"contents": "read"}), path.name
            for name, content in document["jobs"].items():
                assert "permissions" in content or document["permissions"], (path.name, name)
