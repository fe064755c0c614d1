"""Derive from a published run what causes.toml and its tests rest on.

    python tests/capture_causes.py --data .matrix/report

rewrites `seen` of every cause in scenarios/causes.toml and, in tests/unit/data/causes/, a
file a cause: real observations for each rule, and for each environment in `seen` a cell in
which it was seen. Captures with a `source` come from public reports and are kept.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from msgspec import structs  # noqa: E402

from runner.declare.causes import load_causes  # noqa: E402
from runner.declare.environments import read_environments  # noqa: E402
from runner.domain import (  # noqa: E402
    ID_COLUMNS,
    UNCLASSIFIED,
    UNEXPLAINED,
    Aspect,
    Cause,
    Format,
    Outcome,
)
from runner.domain.selector import minor_of  # noqa: E402
from runner.judge.cause import CauseTable, Symptoms, detail_lines, find_innermost  # noqa: E402
from runner.publish.reading import PublishedRun, load_data  # noqa: E402

CAUSES = ROOT / "scenarios" / "causes.toml"
CAPTURES = ROOT / "tests" / "unit" / "data" / "causes"
PER_RULE = 3


@dataclass(frozen=True, kw_only=True)
class Capture:
    """One real observation that a rule must match."""

    cell: str
    outcome: str
    stage: str
    exception: str
    message: str
    traceback: str
    damaged: bool
    aspects: tuple[str, ...]
    details: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / "reports" / "published")
    parser.add_argument("--add", metavar="GLOBS", help="causes, with commas; keep what is there")
    arguments = parser.parse_args()
    data = load_data(arguments.data)
    causes = load_causes(CAUSES)
    table = CauseTable(causes)
    found: dict[str, list[Capture]] = defaultdict(list)
    for capture in read_captures(data):
        found[table.find(as_symptoms(asdict(capture)))].append(capture)
    chosen = [each for each in causes if not arguments.add or _is_named(each.id, arguments.add)]
    for cause in chosen:
        write_captures(cause, found[cause.id], add=bool(arguments.add))
    write_seen([cause.id for cause in chosen])
    counts = {name: len(captures) for name, captures in found.items()}
    for name in sorted(counts, key=lambda each: -counts[each]):
        sys.stdout.write(f"{counts[name]:7} {name}\n")
    for capture in found[UNCLASSIFIED][:20]:
        sys.stdout.write(f"unclassified: {capture.cell}: {capture.message[:100]}\n")
    return 1 if found[UNCLASSIFIED] else 0


def _is_named(cause: str, globs: str) -> bool:
    return any(fnmatch(cause, glob) for glob in globs.split(","))


def read_captures(data: PublishedRun) -> Iterator[Capture]:
    """Yield every cell of a run that asks for a cause."""
    damaged = {each.id: bool(each.damage) for each in data.run.scenarios}
    ids = list(ID_COLUMNS)
    cells = data.cells[[*ids, "outcome", "aspects"]]
    cells = cells[~cells["outcome"].isin([str(each) for each in UNEXPLAINED])]
    seen = data.observations.drop(columns="aspects").join(data.observations["aspects"].rename("d"))
    for row in cells.merge(seen, on=ids, how="left").fillna("").astype(object).to_dict("records"):
        aspects = tuple(filter(None, str(row["aspects"]).split(";")))
        details = json.loads(row["d"]) if row["d"] else {}
        yield Capture(
            cell="{scenario}/{format}/{writer}->{reader}/{remedy}".format(**row),
            outcome=str(row["outcome"]),
            stage=str(row["stage"]),
            exception=str(row["exception"]),
            message=str(row["message"] or row["reason"]),
            traceback=str(row["traceback"]),
            damaged=damaged[row["scenario"]],
            aspects=aspects,
            details=detail_lines(details, aspects),
        )


def as_symptoms(capture: dict[str, Any]) -> Symptoms:
    """Turn a capture, as it stands in its file, into what rules look at."""
    scenario, format_, pair, remedy = capture["cell"].split("/")
    writer, reader = pair.split("->")
    return Symptoms(
        outcome=Outcome(capture["outcome"]),
        stage=capture["stage"],
        exception=capture["exception"],
        message=capture["message"],
        traceback=capture["traceback"],
        scenario=scenario,
        format=Format(format_),
        remedy=remedy,
        writer=writer,
        reader=reader,
        damaged=capture["damaged"],
        aspects=frozenset(map(Aspect, capture["aspects"])),
        details=capture["details"],
    )


def environment_of(cell: str, outcome: str, stage: str) -> str:
    """Name whose version shows the cause: the writer's where the reader never ran."""
    writer, reader = cell.split("/")[2].split("->")
    unwritten = outcome == Outcome.UNSUPPORTED and stage in ("", "save")
    return writer if outcome == Outcome.SAVE_ERROR or unwritten else reader


def seen_in(captures: list[Capture]) -> dict[str, str]:
    """Give for each environment the first cell in which the cause was seen."""
    found: dict[str, str] = {}
    for capture in sorted(captures, key=lambda each: each.cell):
        found.setdefault(environment_of(capture.cell, capture.outcome, capture.stage), capture.cell)
    return found


def write_captures(cause: Cause, captures: list[Capture], *, add: bool) -> None:
    """Write the file of one cause: the shortest captures of each rule, all unlike each other.

    With `add`, what the file has stays, and only rules without a capture get some.
    """
    path = CAPTURES / f"{cause.id}.json"
    empty: dict[str, Any] = {"seen": {}, "captures": []}
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else empty
    chosen: dict[str, dict[str, Any]] = {}
    for rule in cause.rules:
        alone = CauseTable([structs.replace(cause, rules=(rule,))])
        if add and any(alone.matching(as_symptoms(each)) for each in before["captures"]):
            continue
        matching = [each for each in captures if alone.matching(as_symptoms(asdict(each)))]
        for capture in _unlike(matching)[:PER_RULE]:
            chosen.setdefault(capture.cell, asdict(capture))
    kept = [each for each in before["captures"] if add or "source" in each]
    seen = {**seen_in(captures), **(before["seen"] if add else {})}
    record = {"seen": seen, "captures": [*chosen.values(), *kept]}
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _unlike(captures: list[Capture]) -> list[Capture]:
    """Take one, the shortest, of each kind of message; the commonest kind first."""
    kinds: dict[str, list[Capture]] = defaultdict(list)
    for capture in captures:
        innermost = find_innermost(capture.message, capture.traceback)[:200]
        kinds[re.sub(r"\d+|'[^']*'", "#", capture.exception + innermost + capture.details)].append(
            capture
        )
    counts = Counter({kind: len(group) for kind, group in kinds.items()})
    return [
        min(kinds[kind], key=lambda each: (len(each.message) + len(each.traceback), each.cell))
        for kind, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]


def write_seen(causes: list[str]) -> None:
    """Rewrite `seen` of causes as their files have it, in release order."""
    declared = read_environments(ROOT / "containers" / "environments.toml").environments
    place = {each.id: number for number, each in enumerate(declared)}
    text = CAUSES.read_text(encoding="utf-8")
    for name in causes:
        record = json.loads((CAPTURES / f"{name}.json").read_text(encoding="utf-8"))
        # A release stands behind its minor version.
        ordered = sorted(record["seen"], key=lambda each: (place[minor_of(each)], each))
        block = re.compile(
            rf'(\[\[cause\]\]\nid = "{re.escape(name)}"\n(?:(?!\[\[).*\n)*?)seen = \[[^\]]*\]'
        )
        text, changed = block.subn(lambda match, o=ordered: match[1] + _array(o), text)
        if changed != 1:
            raise SystemExit(f"{CAUSES}: no `seen` of {name!r} to rewrite")
    CAUSES.write_text(text, encoding="utf-8")


def _array(names: list[str]) -> str:
    line = "seen = [" + ", ".join(f'"{name}"' for name in names) + "]"
    if len(line) <= 100:
        return line
    body = textwrap.fill(", ".join(f'"{name}"' for name in names), 96, break_on_hyphens=False)
    return "seen = [\n" + textwrap.indent(body, "    ") + ",\n]"


if __name__ == "__main__":
    raise SystemExit(main())
