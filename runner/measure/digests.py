"""The digests of jobs, which decide whether one must run again.

Input: what the result of a save or a load depends on: the environment's lock, the
probe's and the scenario's code, the declaration, the artifact. Output: one short hex
digest; a recorded result with the same digest is not measured again. Pure, but for the
reading of source files, which are hashed again only when they change.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from runner.domain import Aspect, Cell, Depends, Format, ProvisionedEnvironment, Save, Scenario
from runner.domain.errors import ConfigurationError
from runner.domain.hops import Chain, read_steps, steps_of

DIGEST_LENGTH = 16
"""Hex digits kept: 64 bits, ample for some millions of jobs."""
DEPENDS_LENGTH = 12
"""Hex digits of a digest in the published table."""
NOT_IN_RESULTS = frozenset({"identify.py"})
"""Probe modules that only provisioning uses."""
_DAMAGE = "damage.py"
"""The probe module that only scenarios with damage use: it counts in their digest alone."""
REMEDY_MODULES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "arrays.py": frozenset({"arrays"}),
        "compat_shims.py": frozenset(
            {"compat_shims", "compat_shims_compile_false", "right_suffix"}
        ),
    }
)
"""Probe modules that only some remedies use: they count in the digests of these alone."""
_FRAMEWORK = "framework"


class InputDigests:
    """Digests of the saves and loads of one set of declarations and built environments.

    Parts that are the same for many of them are worked out once.
    """

    def __init__(
        self,
        root: Path,
        scenarios: Mapping[str, Scenario],
        environments: Mapping[str, ProvisionedEnvironment],
    ) -> None:
        """Take the built environments by id.

        Raises:
            ConfigurationError: the probe's sources are not below `root`.
        """
        self._root = root
        self._scenarios = scenarios
        self._probe_sha = probe_digest(root)
        self._scenario_shas: dict[str, str] = {}
        self._remedy_modules = _remedy_modules(root)
        self._locks = {
            name: built.lock_digest[:DEPENDS_LENGTH] for name, built in environments.items()
        }
        self._environment_shas = {
            name: environment_digest(built) for name, built in environments.items()
        }

    def depends(self, scenario: str, writer: str, reader: str, remedy: str) -> Depends:
        """Return short digests of the inputs of a cell of these, as they are published."""
        return Depends(
            probe=self._probe_sha[:DEPENDS_LENGTH],
            scenario=self._recipe_sha(scenario, remedy)[:DEPENDS_LENGTH],
            writer_lock=self._locks.get(writer, ""),
            reader_lock=self._locks.get(reader, ""),
        )

    def of_steps(self, steps: Sequence[str]) -> str:
        """Return the short digest of the locks of a chain's environments; empty if one is unknown.

        Raises:
            ValueError: a step is none of a chain.
        """
        locks = [self._locks.get(hop.environment, "") for hop in read_steps(steps)]
        return short_digest(locks)[:DEPENDS_LENGTH] if all(locks) else ""

    def of_save(self, save: Save) -> str:
        """Return the digest of everything an artifact depends on; its writer is built."""
        return save_inputs(
            self._environment_shas[save.writer],
            save.format,
            scenario_sha=self._scenario_sha(save.scenario),
            probe_sha=self._probe_sha,
        )

    def of_load(
        self, cell: Cell, *, aspects: Collection[Aspect], artifact: str, sibling: str = ""
    ) -> str:
        """Return the digest of everything a cell's observation depends on.

        `artifact` and `sibling` are the digests of what is read; the reader is built.
        """
        return load_inputs(
            self._environment_shas[cell.reader],
            cell.format,
            cell.remedy,
            aspects=aspects,
            artifact_sha256=artifact,
            sibling_sha256=sibling,
            scenario_sha=self._recipe_sha(cell.scenario, cell.remedy),
            probe_sha=self._probe_sha,
        )

    def of_hop(self, save: Save, chain: Chain, format_: Format, source: str) -> str:
        """Return the digest of what names the last file of a chain; its environments are built.

        `format_` and `source` are the format and the digest of what the last hop loads. The way
        to there is part of it: two may lead to the same bytes, and of the files that are made of
        these the second would take the place of the first.
        """
        hop = chain[-1]
        way = [save.format, *steps_of(chain[:-1])] if len(chain) > 1 else []
        return short_digest(
            [
                "hop",
                self._environment_shas[hop.environment],
                hop.remedy,
                format_,
                hop.format,
                save.writer,
                source,
                self._recipe_sha(save.scenario, hop.remedy),
                self._probe_sha,
                *way,
            ]
        )

    def _recipe_sha(self, scenario: str, remedy: str) -> str:
        """Return the digest of a scenario, and of the modules that the remedy alone uses."""
        found = self._scenario_sha(scenario)
        own = self._remedy_modules.get(remedy)
        return _digest([found, own]) if own else found

    def _scenario_sha(self, name: str) -> str:
        found = self._scenario_shas.get(name)
        if found is None:
            found = scenario_digest(self._scenarios[name], self._root)
            self._scenario_shas[name] = found
        return found


def probe_digest(root: Path) -> str:
    """Return the digest of the code that every job runs: runner/probe/, scenarios/framework.py.

    What only some jobs run counts in theirs.

    Raises:
        ConfigurationError: the probe's sources are not below `root`.
    """
    folder = root / "runner" / "probe"
    left_out = {*NOT_IN_RESULTS, _DAMAGE, *REMEDY_MODULES}
    sources = [path for path in sorted(folder.rglob("*.py")) if path.name not in left_out]
    if not sources:
        raise ConfigurationError(
            f"{folder}: the probe's sources are not there",
            cause="the command runs outside the repository",
            next_step="run it in the root of the repository",
        )
    sources.append(_module_path(_FRAMEWORK, root))
    return _digest([[str(path.relative_to(root)), source_digest(path)] for path in sources])


def _remedy_modules(root: Path) -> dict[str, list[list[str]]]:
    """Return for a remedy the probe modules that it alone uses, with their digests."""
    found: dict[str, list[list[str]]] = {}
    for module, remedies in REMEDY_MODULES.items():
        digest = source_digest(root / "runner" / "probe" / module)
        for remedy in remedies:
            found.setdefault(remedy, []).append([module, digest])
    return found


def code_digest(sources: Iterable[Path]) -> str:
    """Return the digest of Python files by their names and code.

    Raises:
        ConfigurationError: one cannot be read.
    """
    return _digest([[path.name, source_digest(path)] for path in sources])


def scenario_digest(scenario: Scenario, root: Path) -> str:
    """Return the digest of a scenario's code and of the declared fields that the probe is given.

    Its code is its module and the other scenario modules it imports. Titles, summaries,
    links and the like may change without a new measurement.
    """
    sources = _sources(scenario.module, root)
    if scenario.damage:
        sources.append([_DAMAGE, source_digest(root / "runner" / "probe" / _DAMAGE)])
    # What most do not have is left out, so that their digests stay.
    variables = {"reader_variables": dict(scenario.reader_variables)}
    return _digest(
        {
            **(variables if scenario.reader_variables else {}),
            "sources": sources,
            "module": scenario.module,
            "variant": scenario.variant,
            "damage": scenario.damage,
            "reader_knows": scenario.reader_knows,
            "aspects": sorted(scenario.aspects),
            "trained": scenario.trained,
            "rtol": scenario.rtol,
            "atol": scenario.atol,
        }
    )


def environment_digest(environment: ProvisionedEnvironment) -> str:
    """Return the digest of everything that decides an environment's behaviour.

    Variables such as KERAS_BACKEND count: two environments can share one lock.
    """
    declared = environment.environment
    # Another operating system is another environment, whatever the lock.
    system = {"base": environment.base} if environment.base else {}
    return _digest(
        {
            **system,
            "lock": environment.lock_digest,
            "python": environment.python_version,
            "family": declared.family,
            "backend": declared.backend,
            "env": dict(declared.env),
        }
    )


def save_inputs(
    environment_sha: str,
    format_: Format,
    *,
    scenario_sha: str,
    probe_sha: str,
) -> str:
    """Return the digest of everything an artifact depends on.

    `environment_sha` is an `environment_digest`, `scenario_sha` a `scenario_digest`,
    `probe_sha` a `probe_digest`: they are the same for many jobs, so the caller works
    them out once.
    """
    return short_digest(["save", environment_sha, format_, scenario_sha, probe_sha])


def load_inputs(
    environment_sha: str,
    format_: Format,
    remedy: str,
    *,
    aspects: Collection[Aspect],
    artifact_sha256: str,
    sibling_sha256: str = "",
    scenario_sha: str,
    probe_sha: str,
) -> str:
    """Return the digest of everything a cell's observation depends on.

    `environment_sha` is the reader's; the writer counts through its artifact. `aspects`
    are those the job asks for, after what the format carries and the remedy gives up.
    """
    return short_digest(
        [
            "load",
            environment_sha,
            format_,
            remedy,
            sorted(aspects),
            artifact_sha256,
            sibling_sha256,
            scenario_sha,
            probe_sha,
        ]
    )


def source_digest(path: Path) -> str:
    """Return the SHA-256 of a Python file's code, in hex.

    Comments, docstrings and layout do not count: a better sentence must not cost a day of
    measuring. Remembered until the file's size or time changes.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        status = path.stat()
        return _hash_file(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error.strerror}",
            cause="it was moved or removed while the command ran, or its permissions",
            next_step="restore it and run the same command again",
        ) from error


@lru_cache(maxsize=4096)
def _hash_file(path: Path, _mtime_ns: int, _size: int) -> str:
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_docstring(part)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _sources(module: str, root: Path) -> list[list[str]]:
    """Return (module, digest) of a scenario module and of all it imports from scenarios/."""
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        # framework.py is part of the probe's digest.
        if name in found or name == _FRAMEWORK:
            continue
        path = _module_path(name, root)
        found[name] = source_digest(path)
        waiting.extend(_imported_modules(path, found[name]))
    return [[name, found[name]] for name in sorted(found)]


@lru_cache(maxsize=1024)
def _imported_modules(path: Path, _content_digest: str) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.ImportFrom):
            if node.module == "scenarios" or (node.level and not node.module):
                names += [alias.name for alias in node.names]
            elif node.module and node.module.startswith("scenarios."):
                names.append(node.module)
            elif node.level and node.module:
                names.append(f"scenarios.{node.module}")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.startswith("scenarios.")]
    modules = {name.removeprefix("scenarios.") for name in names}
    return tuple(sorted(name for name in modules if (path.parent / f"{name}.py").is_file()))


def _module_path(module: str, root: Path) -> Path:
    return root / "scenarios" / f"{module}.py"


def _digest(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def short_digest(values: Any) -> str:
    """Return the digest of JSON values that a record is filed under."""
    return _digest(values)[:DIGEST_LENGTH]
