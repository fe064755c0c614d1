"""The mark `compat` of a function -> the cells that it asks for.

Input: the mark's words, and the declared environments. Output: an `Asked`. Read while tests are
collected: declarations are read, and nothing is built, installed or fetched.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from runner.declare.catalog import load_remedies
from runner.declare.environments import EnvironmentSet, read_environments
from runner.domain import BARE, Aspect, Cell, Environment, Format
from runner.domain.errors import SelectionError
from runner.domain.selector import alternatives, compile_glob, matches_any, suggest

ASPECTS = (
    *(Aspect.STRUCTURE, Aspect.OUTPUTS, Aspect.WEIGHTS),
    *(Aspect.LOSSES, Aspect.TRAINABLE, Aspect.DTYPE),
)
"""What is compared if the mark does not say it: everything that needs no training."""
FORMATS = "h5,keras"
WORDS = ("writers", "readers", "formats", "remedies", "aspects", "inputs", "custom_objects")
MUST = ("writers", "readers")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """All that one mark asks for."""

    cells: tuple[Cell, ...]
    """Of the writers that write the format."""
    absent: Mapping[Cell, str]
    """Cells that cannot be, since their writer does not write the format; with the reason."""
    formats: tuple[Format, ...]
    remedies: tuple[str, ...]
    aspects: tuple[Aspect, ...]
    inputs: str = ""
    """Name of the user's function."""
    custom_objects: str = ""


def read_mark(
    args: Sequence[object], words: Mapping[str, object], scenario: str, root: Path
) -> Asked:
    """Return the cells of a mark.

    Raises:
        SelectionError: a word is missing, unknown, or names what is not declared.
    """
    if args or set(words) - set(WORDS) or not set(MUST) <= set(words):
        raise _wrong_words(args, words)
    globs = {name: _globs(name, words.get(name, default)) for name, default in DEFAULTS.items()}
    declared = _environments(root).naming("", (*globs["writers"], *globs["readers"]))
    ends = {name: _chosen(name, globs[name], declared) for name in MUST}
    known = {each: Format(each) for each in map(str, Format)}
    formats = tuple(known[each] for each in _named("formats", globs["formats"], known))
    remedies = _named("remedies", globs["remedies"], _remedies(root))
    aspects = tuple(Aspect(each) for each in _named("aspects", globs["aspects"], ASPECTS))
    cells: list[Cell] = []
    absent: dict[Cell, str] = {}
    for format_ in formats:
        for writer in ends["writers"]:
            for reader in ends["readers"]:
                for remedy in remedies:
                    cell = Cell(
                        scenario=scenario,
                        format=format_,
                        writer=writer.id,
                        reader=reader.id,
                        remedy=remedy,
                    )
                    if format_ in writer.formats:
                        cells.append(cell)
                    else:
                        absent[cell] = f"{writer.id} does not write the format {format_}"
    return Asked(
        cells=tuple(cells),
        absent=absent,
        formats=formats,
        remedies=remedies,
        aspects=aspects,
        inputs=_function_name("inputs", words.get("inputs")),
        custom_objects=_function_name("custom_objects", words.get("custom_objects")),
    )


DEFAULTS: Mapping[str, str] = {
    "writers": "",
    "readers": "",
    "formats": FORMATS,
    "remedies": BARE,
    "aspects": ",".join(ASPECTS),
}


def _wrong_words(args: Sequence[object], words: Mapping[str, object]) -> SelectionError:
    example = '@pytest.mark.compat(writers="keras3.8", readers="keras3.15", formats="h5,keras")'
    if args:
        return SelectionError(
            f"the mark compat has a value without a name: {str(args[0])[:60]!r}",
            cause="all that it takes is given by name",
            next_step=f"write {example}",
        )
    unknown = sorted(set(words) - set(WORDS))
    if unknown:
        close = difflib.get_close_matches(unknown[0], WORDS, n=1)
        return SelectionError(
            f"the mark compat takes no {unknown[0][:60]!r}",
            cause=f"did you mean {close[0]!r}?" if close else "a word that it does not know",
            next_step=f"it takes: {', '.join(WORDS)}",
        )
    missing = [each for each in MUST if each not in words]
    return SelectionError(
        f"the mark compat has no `{missing[0]}`",
        cause="nobody knows which environments are meant",
        next_step=f"write {example}",
    )


def _globs(name: str, value: object) -> tuple[str, ...]:
    values: Iterable[object] = value if isinstance(value, list | tuple) else [value]
    found = [each for text in values for each in alternatives(str(text))]
    if not found or not all(isinstance(each, str) for each in values):
        raise SelectionError(
            f"the mark compat: `{name}` is {str(value)[:60]!r}, which names nothing",
            cause="it is empty, or no text",
            next_step=f'write {name}="...", several with commas between',
        )
    return tuple(dict.fromkeys(found))


def _chosen(name: str, globs: Sequence[str], declared: EnvironmentSet) -> list[Environment]:
    ids = [each.id for each in declared.environments]
    for glob in globs:
        if not any(map(compile_glob(glob), ids)):
            close = suggest(glob, ids)
            raise SelectionError(
                f"the mark compat: `{name}` names {glob[:60]!r}, which is no environment",
                cause=f"did you mean {' or '.join(close)}?" if close else "a typing error",
                next_step="see the environments there are: `nox -s envs`",
            )
    # A glob means the minor versions; a release is named by its third part.
    return [each for each in declared.environments if matches_any(each.id, globs)]


def _named(name: str, globs: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    ids = [str(each) for each in known]
    for glob in globs:
        if glob not in ids:
            close = difflib.get_close_matches(glob[:60], ids, n=1)
            raise SelectionError(
                f"the mark compat: `{name}` names {glob[:60]!r}",
                cause=f"did you mean {close[0]!r}?" if close else "a word that it does not know",
                next_step=f"it takes: {', '.join(ids)}",
            )
    return tuple(globs)


def _function_name(name: str, value: object) -> str:
    if value is None:
        return ""
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    raise SelectionError(
        f"the mark compat: `{name}` is {str(value)[:60]!r}, which is no function",
        cause="its text is run in the environments, so that a value is not enough",
        next_step=f"write a function of this file, and {name}=THE_FUNCTION",
    )


@lru_cache(maxsize=4)
def _environments(root: Path) -> EnvironmentSet:
    return read_environments(root / "containers" / "environments.toml")


@lru_cache(maxsize=4)
def _remedies(root: Path) -> tuple[str, ...]:
    remedies, _ = load_remedies(root / "scenarios" / "remedies.toml")
    return tuple(remedies)
