"""Take up releases that are not declared: entry, lock, row and column, and a diff.

The index is asked for every version of the packages that environments are named after. A new one
gets its entry and its lock in this clone; it is then measured as a writer and as a reader, and
held against the release before it. ENVIRONMENT does the latter alone, for one that is declared.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import completion, options
from runner.cli.command import Command
from runner.domain.request import PUBLISHED, Request

if TYPE_CHECKING:
    from runner.declare.environments import EnvironmentSet
    from runner.domain import CellResult, Environment
    from runner.executors.undeclared import Undeclared

PATCH, DRAFT = Path("releases.patch"), Path("releases.md")
"""In the store."""


@click.command(
    "releases",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s releases", "every version that the index has and nobody declared"),
        ("nox -s releases -- --no-run", "entries and locks alone"),
        ("nox -s releases -- keras3.15", "the draft of a page, of one that is declared"),
    ),
)
@click.argument(
    "environments", nargs=-1, metavar="[ENVIRONMENT]...", shell_complete=completion.environments
)
@options.profile
@options.bisecting
@click.option("--no-run", is_flag=True, help="Measure nothing: declare and propose alone.")
@click.option(
    "--baseline",
    type=options.PATH,
    default=PUBLISHED,
    metavar="RUN",
    help="The run that the new cells are held against (default reports/published).",
)
@click.option(
    "--patch", type=options.PATH, metavar="FILE", help=f"The diff (default STORE/{PATCH})."
)
@click.option(
    "--draft", type=options.PATH, metavar="FILE", help=f"The draft (default STORE/{DRAFT})."
)
def command(request: Request, *, environments: tuple[str, ...], **given: Any) -> int:
    """Declare what is new, measure it, write the diff and the draft."""
    from runner.declare.environments import read_environments

    declared = read_environments()
    if environments:
        chosen = [each.id for each in declared.select(environments)]
    else:
        chosen = _declare_new(request, declared, given["patch"] or request.store / PATCH)
    if not chosen or given["no_run"]:
        return 0
    _measure(request, chosen, given)
    return 0


def _declare_new(request: Request, declared: EnvironmentSet, patch: Path) -> list[str]:
    """Write entries and locks of what is not declared, and the diff; return their ids.

    Raises:
        MatrixError: the index does not answer, or a version has no solution; no file is changed.
    """
    from runner.cli.invocation import ROOT
    from runner.domain.errors import ConfigurationError
    from runner.executors.releases import read_file
    from runner.executors.undeclared import find_undeclared
    from runner.store import atomic_write_text

    if not (ROOT / "noxfile.py").is_file():
        raise ConfigurationError(
            "releases are declared in a clone of the repository, and this is none",
            cause="the tool was installed from a wheel",
            next_step="clone the repository, and repeat the command there",
        )
    releases, missing = read_file(ROOT / "containers" / "releases.toml")
    known = {each.id for each in releases} | {each.id for each in missing}
    found = find_undeclared(declared.environments, declared.minors, known)
    if not found:
        print(f"nothing new: {len(known)} releases are declared, and the index has no others")
        return []
    for each in found:
        kind = "a new minor version" if each.new_minor else f"of {each.of.environment.id}"
        print(f"not declared: {each.of.package} {each.version} ({kind}): {each.id}")
    before = _texts(ROOT / "containers")
    try:
        _write(ROOT, found)
    except BaseException:
        _restore(ROOT / "containers", before)
        raise
    text = _diff(before, _texts(ROOT / "containers"))
    request.store.mkdir(parents=True, exist_ok=True)
    atomic_write_text(patch, text)
    files = [line.split(" b/")[1] for line in text.splitlines() if line.startswith("diff --git")]
    print(f"changed: {', '.join(files)}")
    print(f"the diff: {patch}")
    return [each.id for each in found]


def _write(root: Path, found: Sequence[Undeclared]) -> None:
    from runner.cli.update_work import update_releases
    from runner.declare.environments import ENVIRONMENTS_FILE, read_environments
    from runner.executors.docker.bake import refresh_bake_file
    from runner.executors.locks import lock_path, lock_text
    from runner.executors.undeclared import entry_text, insert_entry, make_environment
    from runner.store import atomic_write_text

    after: dict[str, str] = {}
    for each in (one for one in found if one.new_minor):
        environment, compiled = make_environment(each)
        base = each.of.environment.id
        text = ENVIRONMENTS_FILE.read_text(encoding="utf-8")
        entry = insert_entry(text, after.get(base, base), entry_text(environment))
        atomic_write_text(lock_path(environment.id), lock_text(environment, compiled))
        atomic_write_text(ENVIRONMENTS_FILE, entry)
        after[base] = environment.id
    now = read_environments()
    refresh_bake_file(now, root)
    minors = [each.id for each in found if each.new_minor and each.id in now.minors]
    if minors:
        update_releases(now, minors, ())
    patches = [each for each in found if not each.new_minor]
    if patches:
        of = {each.of.environment.id for each in patches}
        update_releases(now, of, [each.id for each in patches])


def _texts(folder: Path) -> dict[Path, str]:
    return {
        path: path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".toml", ".txt", ".hcl"}
    }


def _restore(folder: Path, before: Mapping[Path, str]) -> None:
    for path in _texts(folder):
        if path not in before:
            path.unlink()
    for path, text in before.items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _diff(before: Mapping[Path, str], after: Mapping[Path, str]) -> str:
    """Return the changes as `git apply` reads them."""
    from runner.cli.invocation import ROOT

    lines: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        name = path.relative_to(ROOT).as_posix()
        lines.append(f"diff --git a/{name} b/{name}\n")
        if old is None:
            lines.append("new file mode 100644\n")
        lines += difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (new or "").splitlines(keepends=True),
            f"a/{name}" if old is not None else "/dev/null",
            f"b/{name}",
        )
    return "".join(lines)


def _measure(request: Request, chosen: Sequence[str], given: Mapping[str, Any]) -> None:
    """Measure row and column of each, and write the draft."""
    from runner import pipeline
    from runner.declare.catalog import load_catalog
    from runner.host.progress import make_reporter
    from runner.publish.baselines import read_baseline
    from runner.store import atomic_write_text

    before = read_baseline(given["baseline"])
    scenarios = load_catalog(request.root).of_profile(request.profile)
    asked = replace(
        request,
        patterns=tuple(f"*/*/{ends}" for each in chosen for ends in (f"{each}->*", f"*->{each}")),
        filters={"scenario": scenarios} if scenarios else {},
    )
    reporter = make_reporter(sys.stdout)
    try:
        outcome = pipeline.run_matrix(asked, reporter)
    finally:
        reporter.close()
    print(f"report: {outcome.report}")
    text = _draft(request, chosen, outcome.results, before, str(given["baseline"]))
    path = given["draft"] or request.store / DRAFT
    atomic_write_text(path, text)
    print(f"the draft: {path}")


def _draft(
    request: Request,
    chosen: Sequence[str],
    results: Sequence[CellResult],
    before: Mapping[Any, Any],
    source: str,
) -> str:
    from runner.declare.causes import cause_titles
    from runner.declare.environments import read_environments
    from runner.render.release_draft import compare, draft

    declared = read_environments(request.root / "containers" / "environments.toml").with_releases()
    titles = cause_titles(request.root)
    measured = {name for cell in before for name in (cell.writer, cell.reader)}
    lines: list[str] = []
    for name in chosen:
        environment = declared.by_id(name)
        previous = _previous(declared, environment, measured)
        if previous is None:
            lines.append(f"# {name}\n\nNo release before it is in {source}.")
            continue
        found = compare(results, before, name, previous.id)
        lines += [*draft(environment, previous, found, titles, source), ""]
    return "\n".join(lines).rstrip() + "\n"


def _previous(
    declared: EnvironmentSet, environment: Environment, measured: set[str]
) -> Environment | None:
    """Return the last release before one that the earlier run has."""
    from runner.declare.lines import line_of

    line = line_of(declared, [environment])
    place = [each.id for each in line].index(environment.id)
    earlier = [each for each in line[:place] if each.id in measured]
    return earlier[-1] if earlier else None
