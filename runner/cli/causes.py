"""List the causes of a run, and hold each of their sentences against its cells.

CAUSE is a glob over ids; a single cause is told in detail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.columns import align
from runner.cli.command import Command
from runner.cli.run_data import choose_ids, open_data
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.analyse.sentences import Finding
    from runner.domain import Cause

FAMILIES = 20
"""Kinds of messages of a cause that are listed."""


@click.command(
    "causes",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s causes -- --check", "fails if a sentence of a cause contradicts a cell"),
        ("nox -s causes -- newer_argument --families", "the kinds of messages with this cause"),
    ),
)
@click.argument("cause", default="*", metavar="[CAUSE]")
@click.option("--check", is_flag=True, help="Exit 10 if a sentence contradicts the cells.")
@click.option(
    "--families", is_flag=True, help="List the messages of each cause, names and numbers left out."
)
@options.data
def command(request: Request, *, cause: str, check: bool, families: bool, data: Path | None) -> int:
    """Hold the sentences of scenarios/causes.toml against the cells of a run."""
    from runner.analyse.sentences import check_causes, count_families, symptoms_of
    from runner.declare import scope
    from runner.domain.errors import ControlFailure

    declared = scope.declare(request).causes
    wanted = choose_ids("cause", cause, [each.id for each in declared], "nox -s causes")
    chosen = [each for each in declared if each.id in wanted]
    _, found = open_data(request, data)
    symptoms = symptoms_of(found.run, found.cells, found.observations)
    findings = check_causes(chosen, symptoms)
    wrong = [each for each in findings if each.contradicted]
    numbers = symptoms.cells["cause"].value_counts()
    if len(chosen) == 1:
        print("\n".join(_describe(chosen[0], findings)))
    elif not families:
        rows = [(each.id, str(numbers.get(each.id, 0)), *_tally(each, findings)) for each in chosen]
        for line in align(("cause", "cells", "checked", "contradicted", "not decided"), rows):
            print(line)
    if families:
        print("\n".join(_list_families(chosen, count_families(symptoms))))
    for each in wrong:
        print(f"{each.cause}: {each.text!r} holds in {each.holds} of {each.of}")
        for example in each.examples:
            print(f"    {example}")
    if check and wrong:
        raise ControlFailure(
            f"{len(wrong)} sentences contradict the cells they speak of",
            cause="a rule takes in cells of another kind, or the sentence says too much",
            next_step=f"nox -s causes -- {wrong[0].cause} --families",
        )
    return 0


def _tally(cause: Cause, findings: list[Finding]) -> tuple[str, str, str]:
    own = [each for each in findings if each.cause == cause.id]
    decided = [each for each in own if each.of]
    wrong = sum(each.contradicted for each in own)
    return str(len(decided)), str(wrong), str(len(own) - len(decided))


def _describe(cause: Cause, findings: list[Finding]) -> Iterator[str]:
    yield f"{cause.id}: {cause.title}"
    for place, sentence in enumerate(cause.says):
        yield f"  {sentence.plain}"
        if sentence.link is not None:
            yield f"      source: {sentence.link}"
        elif sentence.untested:
            yield "      not measured"
        for each in findings:
            if each.place == place:
                named = f"{each.remedy}: " if each.remedy else ""
                yield f"      {named}{each.holds} of {each.of}, said of {sentence.share}"


def _list_families(
    causes: Sequence[Cause], families: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    for cause in causes:
        kinds = sorted(families.get(cause.id, {}).items(), key=lambda each: (-each[1], each[0]))
        yield f"{cause.id}: {len(kinds)} kinds of messages"
        for text, number in kinds[:FAMILIES]:
            yield f"  {number:7} {text}"
