"""Selectors: globs over the five parts of a cell's id -> a frozen `Selection`.

Input: the texts of `--select`, `--scenario`, `--format`, `--writer`, `--reader` and
`--remedy`, and the ids there are. Output: a `Selection` that answers for each cell.
A glob that matches no id at all is a `SelectionError` with a suggestion. Pure.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn

from runner.domain.cells import Cell
from runner.domain.errors import LONGEST, SelectionError, shortened

PARTS = ("scenario", "format", "writer", "reader", "remedy")
ARROW = "->"
SHAPE = "scenario/format/writer->reader/remedy"


def alternatives(glob: str) -> tuple[str, ...]:
    """Return the globs between the commas of one; a selector and a declaration alike may list."""
    return tuple(each.strip() for each in glob.split(",") if each.strip())


@lru_cache(maxsize=4096)
def compile_glob(glob: str) -> Callable[[str], re.Match[str] | None]:
    """Return the match function of a glob: case-sensitive, one of its alternatives matches."""
    # Without an alternative it matches nothing, where the empty pattern would match all.
    return re.compile("|".join(map(fnmatch.translate, alternatives(glob))) or r"(?!)").match


def matches_any(name: str, globs: Iterable[str]) -> bool:
    """Whether one of the globs matches the name."""
    return any(compile_glob(glob)(name) for glob in globs)


_RELEASE = re.compile(r"(?P<minor>.*?[a-z]\d+\.\d+)\.(?P<patch>\d[a-z0-9.]*)\Z")
_NAMES_RELEASE = re.compile(r"[a-z]\d+\.\d+\.[^,>/-]")


_NAMES_DEPENDENCY = re.compile(r"\d\.(h5py|numpy|protobuf|python)[\d*?]")
_BASES: dict[str, str] = {}
"""Id of a build -> id of its base, as it was declared last, or read from a run."""


def note_base(build_id: str, base_id: str) -> None:
    """Remember the base of a build, for `minor_of`: the id `keras@pr` does not say it.

    Cells hold ids alone, and whatever is said of the base must hold for the build wherever a
    cell is looked at: in a plan, a judge, and a table that was published.
    """
    _BASES[build_id] = base_id


def is_build(environment_id: str) -> bool:
    """Whether an id, or a glob of ids, is that of a build: `keras@pr`."""
    return "@" in environment_id


def minor_of(environment_id: str) -> str:
    """Return the id whose declarations hold for an environment too; else the id itself.

    For a release that is its minor version, `keras3.14` of `keras3.14.0`; for a build its base.
    """
    if is_build(environment_id):
        base = _BASES.get(environment_id, environment_id)
        return base if is_build(base) else minor_of(base)
    return _release_minor(environment_id)


@lru_cache(maxsize=4096)
def _release_minor(environment_id: str) -> str:
    found = _RELEASE.match(environment_id)
    return found["minor"] if found else environment_id


def names_release(texts: Iterable[str]) -> bool:
    """Whether one of the selectors or globs names a release by its third part: `keras3.14.0`."""
    return any(_NAMES_RELEASE.search(text) for text in texts)


def names_dependency(texts: Iterable[str]) -> bool:
    """Whether a selector or glob names a version of a dependency: `keras3.10.0.h5py3.11.0`."""
    return any(_NAMES_DEPENDENCY.search(text) for text in texts)


def matches_environment(environment_id: str, globs: Collection[str]) -> bool:
    """Whether a declaration's globs match an environment.

    What is said of a minor version holds for its releases.
    """
    if matches_any(environment_id, globs):
        return True
    minor = minor_of(environment_id)
    return minor != environment_id and matches_any(minor, globs)


def unmatched(glob: str, ids: Collection[str]) -> str:
    """Return the first alternative that matches none of the ids; empty if each matches one.

    A glob without any alternative, such as a comma, is returned whole.
    """
    for each in alternatives(glob) or (glob,):
        if each != "*" and not any(map(compile_glob(each), ids)):
            return each
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIds:
    """The ids a selector may name."""

    scenarios: tuple[str, ...]
    formats: tuple[str, ...]
    environments: tuple[str, ...]
    remedies: tuple[str, ...]

    def ids(self, part: str) -> tuple[str, ...]:
        """Return the ids of one of the five parts."""
        by_part = {
            "scenario": self.scenarios,
            "format": self.formats,
            "writer": self.environments,
            "reader": self.environments,
            "remedy": self.remedies,
        }
        return by_part[part]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellPattern:
    """One selector, split into a glob for each part."""

    text: str
    scenario: str = "*"
    format: str = "*"
    writer: str = "*"
    reader: str = "*"
    remedy: str = "*"

    def glob(self, part: str) -> str:
        """Return the glob of one of the five parts."""
        return str(getattr(self, part))

    def matches(self, cell: Cell) -> bool:
        """Whether every part of the cell matches."""
        return all(compile_glob(self.glob(part))(getattr(cell, part)) for part in PARTS)


class _PartMasks(dict[str, int]):
    """Id of one part -> bit mask of the patterns it matches; worked out once for each id."""

    def __init__(self, globs: Sequence[str], only: Sequence[str]) -> None:
        super().__init__()
        self._globs = globs
        self._only = only

    def __missing__(self, part_id: str) -> int:
        mask = 0
        if not self._only or matches_any(part_id, self._only):
            for position, glob in enumerate(self._globs):
                if compile_glob(glob)(part_id):
                    mask |= 1 << position
        self[part_id] = mask
        return mask


@dataclass(frozen=True, slots=True)
class Selection:
    """The cells asked for: any pattern matches, and every filter does.

    Whether an id matches is decided once for each id and part; a cell then costs five
    dictionary look-ups.
    """

    patterns: tuple[CellPattern, ...] = ()
    """Of `--select`; a cell must match one of them. None means all cells."""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Part -> globs, one of which must match."""
    _masks: tuple[_PartMasks, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns = self.patterns or (CellPattern(text="*"),)
        masks = tuple(
            _PartMasks([pattern.glob(part) for pattern in patterns], self.filters.get(part, ()))
            for part in PARTS
        )
        object.__setattr__(self, "_masks", masks)

    @property
    def everything(self) -> bool:
        """Whether nothing was asked for in particular."""
        return not self.patterns and not any(self.filters.values())

    def mask(self, cell: Cell) -> int:
        """Return the bit mask of the patterns that match the cell; 0 for none."""
        scenario, format_, writer, reader, remedy = self._masks
        return (
            scenario[cell.scenario]
            & format_[cell.format]
            & writer[cell.writer]
            & reader[cell.reader]
            & remedy[cell.remedy]
        )

    def masks(self, part: str, ids: Iterable[str]) -> list[int]:
        """Return the bit masks of the patterns that ids of one part match.

        A cell is selected where a bit is set in the masks of all its five parts.
        """
        known = self._masks[PARTS.index(part)]
        return [known[each] for each in ids]

    def matches(self, cell: Cell) -> bool:
        """Whether the cell is selected."""
        return self.mask(cell) != 0

    def names_remedy(self, cell: Cell) -> bool:
        """Whether the cell is selected by something that asks for particular remedies.

        A filter `--remedy` does, and a pattern whose remedy is not `*`.
        """
        if self.filters.get("remedy"):
            return self.matches(cell)
        named = sum(
            1 << position for position, pattern in enumerate(self.patterns) if pattern.remedy != "*"
        )
        return self.mask(cell) & named != 0

    def matches_scenario(self, scenario: str) -> bool:
        """Whether some cell of the scenario can be selected."""
        return self._masks[0][scenario] != 0

    def matches_format(self, format_: str) -> bool:
        """Whether some cell of the format can be selected."""
        return self._masks[1][format_] != 0

    def matches_writer(self, environment: str) -> bool:
        """Whether some cell of the writer can be selected."""
        return self._masks[2][environment] != 0

    def matches_reader(self, environment: str) -> bool:
        """Whether some cell of the reader can be selected."""
        return self._masks[3][environment] != 0

    def matches_remedy(self, remedy: str) -> bool:
        """Whether some cell of the remedy can be selected."""
        return self._masks[4][remedy] != 0

    def matches_pair(self, scenario: str, format_: str, writer: str, reader: str) -> bool:
        """Whether some cell of this artifact and reader can be selected, by one pattern."""
        masks = self._masks
        found = masks[0][scenario] & masks[1][format_] & masks[2][writer] & masks[3][reader]
        return found != 0


def parse_pattern(text: str) -> CellPattern:
    """Split a selector into its parts; missing and empty parts mean `*`.

    Raises:
        SelectionError: it is empty, has too many parts, or its third part is neither
            `*` nor `writer->reader`.
    """
    parts = text.strip().split("/")
    if not text.strip() or len(parts) > 4:
        raise SelectionError(
            f"selector {shortened(text)!r} does not have the shape {SHAPE}",
            cause="it is empty" if not text.strip() else "it has more than four parts",
            next_step=f"write '{SHAPE}', each part a glob; trailing parts may be left out",
        )
    scenario, format_, ends, remedy = [*parts, *["*"] * (4 - len(parts))]
    writer, reader = _split_ends(text, ends)
    return CellPattern(
        text=text.strip(),
        scenario=scenario or "*",
        format=format_ or "*",
        writer=writer or "*",
        reader=reader or "*",
        remedy=remedy or "*",
    )


def _split_ends(text: str, ends: str) -> tuple[str, str]:
    if ends in {"", "*"}:
        return "*", "*"
    if ends.count(ARROW) != 1:
        eaten = ends.endswith("-")
        raise SelectionError(
            f"selector {shortened(text)!r}: its third part {shortened(ends)!r} "
            "is not writer->reader",
            cause="the shell took `>` for a redirection" if eaten else "`->` stands there once",
            next_step=f"put the selector in quotes: '{SHAPE}' (or `*` for all pairs)",
        )
    writer, reader = ends.split(ARROW)
    return writer, reader


def select(
    patterns: Iterable[str], filters: Mapping[str, Iterable[str]], known_ids: KnownIds
) -> Selection:
    """Return the selection of the command line, every glob of it held against the ids.

    `filters` maps a part (`scenario`, `format`, `writer`, `reader`, `remedy`) to the
    values of its option; each is a glob or a comma-separated list of globs.

    Raises:
        SelectionError: a glob matches no id of its part, with a suggestion.
    """
    parsed = tuple(parse_pattern(text) for text in patterns)
    for pattern in parsed:
        for part in PARTS:
            _require_id(
                pattern.glob(part), part, known_ids, f"selector {shortened(pattern.text)!r}"
            )
    split = {part: _split_list(part, values) for part, values in filters.items()}
    for part, globs in split.items():
        for glob in globs:
            _require_id(glob, part, known_ids, f"--{part} {shortened(glob)!r}")
    return Selection(parsed, {part: globs for part, globs in split.items() if globs})


def _split_list(part: str, values: Iterable[str]) -> tuple[str, ...]:
    globs: list[str] = []
    for value in values:
        found = alternatives(value)
        if not found:
            raise SelectionError(
                f"--{part} {shortened(value)!r} names nothing",
                cause="its value is empty",
                next_step=f"give --{part} a glob, or leave it out for all",
            )
        globs.extend(found)
    return tuple(globs)


def _require_id(glob: str, part: str, known_ids: KnownIds, origin: str) -> None:
    ids = known_ids.ids(part)
    missing = unmatched(glob, ids)
    if missing:
        _fail_unknown(missing, part, ids, origin)


def _fail_unknown(glob: str, part: str, ids: Sequence[str], origin: str) -> NoReturn:
    close = suggest(glob, ids)
    if close:
        cause = f"did you mean {' or '.join(close)}?"
    else:
        cause = f"no {part} is called anything like it"
    shown = ", ".join(ids[:12]) + (", ..." if len(ids) > 12 else "")
    raise SelectionError(
        f"{origin}: {part} {shortened(glob)!r} matches nothing",
        cause=cause,
        next_step=f"use a {part} of this profile: {shown or 'there is none'}",
    )


def suggest(glob: str, ids: Sequence[str]) -> list[str]:
    """Return up to three ids that resemble the glob, the best first."""
    literal = re.sub(r"\[.*?\]|[*?]", "", glob[: 2 * LONGEST]).lower()
    by_lower = {known.lower(): known for known in ids}
    close = difflib.get_close_matches(literal, list(by_lower), n=3, cutoff=0.5)
    return [by_lower[name] for name in close]


def require_cells(selection: Selection, cells: Iterable[Cell]) -> None:
    """Fail when a pattern, or the filters together, select none of the existing cells.

    Every glob by itself matches some id (`select` saw to it), but the combination may
    not exist, such as a format its scenario is not declared for.

    Raises:
        SelectionError: naming the selector and the part that is at fault.
    """
    everything = list(cells)
    wanted = (1 << max(1, len(selection.patterns))) - 1
    seen = 0
    for cell in everything:
        seen |= selection.mask(cell)
        if seen == wanted:
            return
    patterns = selection.patterns or (CellPattern(text="*"),)
    missing = next(item for position, item in enumerate(patterns) if not seen >> position & 1)
    part = _part_at_fault(missing, selection.filters, everything)
    filters = "".join(f" --{name} {','.join(globs)}" for name, globs in selection.filters.items())
    raise SelectionError(
        f"selector {shortened(missing.text)!r}{filters} matches no cell",
        cause=f"the {part} has no cell with the other parts"
        if part
        else "no cell has these parts together",
        next_step=f"widen the {part or 'selector'}, or see the cells there are: `nox -s plan`",
    )


def _part_at_fault(
    pattern: CellPattern, filters: Mapping[str, tuple[str, ...]], cells: Sequence[Cell]
) -> str:
    """Return the first part that, left open, lets the selector match; empty if none."""
    for part in PARTS:
        globs = {name: pattern.glob(name) for name in PARTS if name != part}
        relaxed = Selection(
            (CellPattern(text=pattern.text, **globs),),
            {name: values for name, values in filters.items() if name != part},
        )
        if any(relaxed.matches(cell) for cell in cells):
            return part
    return ""
