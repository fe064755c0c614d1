"""Accept failures of the last gate until a release, or take an acceptance back.

CELLS are selectors over the cells that the last gate with this store found worse. An acceptance
needs a reason and a link, and ends with a release; the gate prints the whole command.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.cli.gate import ACCEPTED
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.domain.gate import Acceptance
    from runner.publish.gate_record import GateRecord, HeldRecord

FARTHEST_MINORS = 6
"""Minor versions beyond the release under test at most: an acceptance is not for ever."""


@click.command(
    "accept",
    cls=Command,
    help=__doc__,
    examples=(
        (
            (
                "nox -s accept -- 'plain_dense/keras/keras3.10->keras@*/none' --until 3.17 "
                "--link https://github.com/keras-team/keras/pull/1 --reason 'the key was renamed'"
            ),
            "one cell of the build, until 3.17",
        ),
        (
            "nox -s accept -- 'plain_dense/keras/keras3.10->keras@*/none' --remove",
            "take it back",
        ),
    ),
)
@click.argument("cells", nargs=-1, required=True)
@click.option("--reason", default="", metavar="TEXT", help="Why it is meant: a sentence.")
@click.option("--link", default="", metavar="URL", help="The decision: a pull request or issue.")
@click.option(
    "--until", default="", metavar="RELEASE", help="The release from which on it no longer holds."
)
@click.option("--remove", is_flag=True, help="Take back the acceptances with these very selectors.")
@click.option(
    "--file",
    "path",
    type=options.PATH,
    default=ACCEPTED,
    metavar="FILE",
    help=f"The acceptances (default {ACCEPTED}).",
)
@options.store
def command(
    request: Request,
    *,
    cells: Sequence[str],
    reason: str,
    link: str,
    until: str,
    remove: bool,
    path: Path,
) -> int:
    """Change the file of acceptances."""
    from runner.declare.acceptances import (
        read_acceptances,
        require_reason,
        with_acceptances,
        without_acceptances,
    )
    from runner.publish.gate_record import read_gate
    from runner.store import atomic_write_text

    declared = read_acceptances(path)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if remove:
        gone = _named(declared, cells, path)
        atomic_write_text(path, without_acceptances(text, gone))
        print(f"{path}: {len(gone)} acceptances taken back, {len(declared) - len(gone)} left")
        return 0
    require_reason(reason)
    gate = read_gate(request.store)
    _require_link(link)
    _require_until(until, gate.release)
    made = [
        each
        for selector in cells
        for each in _accept(gate, selector, reason=reason, link=link, until=until)
    ]
    new = _without_known(made, declared)
    atomic_write_text(path, with_acceptances(text, new))
    read_acceptances(path)
    print(f"{path}: {len(new)} acceptances more, {len(declared) + len(new)} in all")
    return 0


def _named(declared: Sequence[Acceptance], cells: Sequence[str], path: Path) -> list[Acceptance]:
    from runner.domain.errors import SelectionError

    found = [each for each in declared if each.cells in cells]
    missing = [each for each in cells if all(each != other.cells for other in found)]
    if missing:
        raise SelectionError(
            f"{path} has no acceptance of {missing[0]!r}",
            cause="it is written otherwise there"
            if declared
            else "the file has no acceptance, or is another one",
            next_step=f"name one of: {', '.join(each.cells for each in declared[:3]) or 'none'}",
        )
    return found


def _accept(
    gate: GateRecord, selector: str, *, reason: str, link: str, until: str
) -> list[Acceptance]:
    """Return the acceptances of a selector's cells: one for each outcome and cause.

    Raises:
        SelectionError: the last gate found none of its cells worse.
    """
    from runner.domain.errors import SelectionError
    from runner.domain.gate import Acceptance

    kinds: dict[tuple[str, str], set[str]] = {}
    for each in _worse(gate, selector):
        assert each.after is not None  # noqa: S101 - it is worse
        key = (str(each.after.outcome), each.after.cause)
        kinds.setdefault(key, set()).update(each.after.aspects)
    if not kinds:
        raise SelectionError(
            f"the last gate found no cell of {selector!r} worse",
            cause=f"it decided on {gate.release} at {gate.at}, with other cells, or accepted them",
            next_step="run the gate again, and paste one of the commands that it prints",
        )
    from runner.domain import Outcome

    return [
        Acceptance(
            cells=selector,
            outcome=Outcome(outcome),
            cause=cause,
            aspects=tuple(sorted(aspects)),
            reason=reason,
            link=link,
            until=until,
        )
        for (outcome, cause), aspects in sorted(kinds.items())
    ]


def _worse(gate: GateRecord, selector: str) -> list[HeldRecord]:
    from runner.cli.run_data import split_cell
    from runner.domain import Cell, Format, Verdict
    from runner.domain.selector import parse_pattern

    pattern = parse_pattern(selector)
    found = {}
    for baseline in gate.baselines:
        for each in baseline.cells:
            parts = split_cell(each.cell)
            cell = Cell(
                scenario=parts["scenario"],
                format=Format(parts["format"]),
                writer=parts["writer"],
                reader=parts["reader"],
                remedy=parts["remedy"],
            )
            if each.verdict is Verdict.REGRESSION and pattern.matches(cell):
                found[each.cell] = each
    return list(found.values())


def _without_known(made: Iterable[Acceptance], declared: Sequence[Acceptance]) -> list[Acceptance]:
    """Leave out what the file has, so that accepting twice changes nothing.

    Raises:
        SelectionError: the file accepts the same failure for another reason, or for longer.
    """
    from runner.domain.errors import SelectionError

    known = {(each.cells, each.outcome, each.cause): each for each in declared}
    new = []
    for each in made:
        before = known.get((each.cells, each.outcome, each.cause))
        if before is None:
            new.append(each)
        elif before != each:
            raise SelectionError(
                f"{each.cells} has an acceptance of this failure, until {before.until}",
                cause="it has another reason, link or end",
                next_step=f"take it back first: nox -s accept -- '{each.cells}' --remove",
            )
    return new


def _require_link(link: str) -> None:
    from runner.domain.errors import ConfigurationError

    if link.startswith("https://") and "." in link:
        return
    raise ConfigurationError(
        f"an acceptance needs a link to where it was decided, and {link!r} is none",
        cause="the placeholder of the printed command was left as it is, or --link is missing",
        next_step="give it as in --link https://github.com/keras-team/keras/pull/1",
    )


def _require_until(until: str, release: str) -> None:
    """Refuse an end that has passed, and one that is so far away that it is none."""
    from runner.domain.errors import ConfigurationError
    from runner.domain.gate import release_numbers

    try:
        end, now = release_numbers(until), release_numbers(release)
    except ValueError:
        end = now = (0, 0, 0)
    if end <= now:
        raise ConfigurationError(
            f"an acceptance ends with a release after {release}, and {until!r} is none",
            cause="--until is missing, or names a release that is out",
            next_step=f"give a later one, as in --until {now[0]}.{now[1] + 2}",
        )
    near = end[0] == now[0] and end[1] <= now[1] + FARTHEST_MINORS
    if not near and end != (now[0] + 1, 0, 0):
        raise ConfigurationError(
            f"an acceptance until {until} would hold for ever: {release} is decided on",
            cause=f"--until may be {FARTHEST_MINORS} minor versions away, or the next major one",
            next_step=f"give a nearer one, as in --until {now[0]}.{now[1] + 2}",
        )
