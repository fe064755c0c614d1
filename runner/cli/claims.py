"""Hold the claims of the sources against the cells of a run.

CLAIM is a glob over ids; a single claim is told in detail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.columns import align
from runner.cli.command import Command
from runner.cli.run_data import open_data
from runner.domain import ClaimVerdict
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.publish.record import JudgedClaim


@click.command(
    "claims",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s claims", "every claim of scenarios/claims.toml, a line each"),
        (
            "nox -s claims -- 'l1l2*' --data reports/published",
            "some, held against the published run",
        ),
    ),
)
@click.argument("claim", default="*", metavar="[CLAIM]")
@options.data
def command(request: Request, *, claim: str, data: Path | None) -> int:
    """Hold the claims of scenarios/claims.toml against the cells of a run."""
    from runner.analyse.claims.verdict import judge_claims
    from runner.declare import scope
    from runner.domain.claims import VERDICT_STYLES
    from runner.domain.errors import SelectionError
    from runner.domain.selector import matches_any, suggest, unmatched

    declared = scope.declare(request).claims
    ids = [each.id for each in declared.claims]
    chosen = [each for each in declared.claims if matches_any(each.id, [claim])]
    missing = unmatched(claim, ids)
    if missing:
        close = suggest(missing, ids)
        raise SelectionError(
            f"no claim {missing!r}",
            cause=f"did you mean {' or '.join(close)}?" if close else "no id is anything like it",
            next_step=f"nox -s claims -- {close[0]}" if close else "nox -s claims",
        )
    _, found = open_data(request, data)
    judged = judge_claims(
        chosen,
        articles=declared.articles,
        cells=found.cells,
        observations=found.observations,
        run=found.run,
    ).claims
    symbols = {style.verdict: style.symbol for style in VERDICT_STYLES}
    if len(judged) == 1:
        print("\n".join(_describe(judged[0], symbols)))
        return 0
    rows = [
        (
            each.id,
            f"{symbols[each.verdict]} {each.verdict}",
            *map(str, (each.supports, each.against, each.missing)),
        )
        for each in judged
    ]
    for line in align(("claim", "verdict", "for", "against", "missing"), rows):
        print(line)
    totals = Counter(each.verdict for each in judged)
    print(", ".join(f"{totals[name]} {name}" for name in symbols))
    return 0


def _describe(claim: JudgedClaim, symbols: Mapping[ClaimVerdict, str]) -> Iterator[str]:
    yield f"{claim.id} ({claim.article})"
    yield claim.statement
    if claim.note:
        yield f"  {claim.note}"
    yield f"{symbols[claim.verdict]} {claim.verdict}: {claim.prediction}"
    yield f"  {claim.supports} for, {claim.against} against, {claim.missing} not measured"
    yield f"  cells: {', '.join(claim.cells)}"
    if claim.than:
        yield f"  compared with: {', '.join(claim.than)}"
    if claim.conditions:
        yield f"  {claim.conditions}"
    said = (("holds", claim.holds), ("does not hold", claim.fails), ("mixed", claim.mixed))
    for name, lines in said:
        yield from (f"  {name}: {line}" for line in lines)
    for name, examples in (("for", claim.examples_for), ("against", claim.examples_against)):
        for each in examples:
            yield f"  {name}: {each.cell} {each.outcome} {each.detail}".rstrip()
