"""Hold the claims of the sources against the cells of a run.

CLAIM is a glob over ids; a single claim is told in detail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.columns import align
from runner.cli.command import Command
from runner.cli.run_data import choose_ids, open_data
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
            "nox -s claims -- 'c0*' --data reports/published",
            "those of the first article, held against the published run",
        ),
        ("nox -s claims -- --check", "fails if what is declared of a claim contradicts its cells"),
    ),
)
@click.argument("claim", default="*", metavar="[CLAIM]")
@click.option("--check", is_flag=True, help="Exit 10 if a claim says more than its cells do.")
@options.data
def command(request: Request, *, claim: str, check: bool, data: Path | None) -> int:
    """Hold the claims of scenarios/claims.toml against the cells of a run."""
    from runner.analyse.claims.check import check_claims
    from runner.analyse.claims.table import Table
    from runner.analyse.claims.verdict import judge_claims
    from runner.declare import scope
    from runner.domain.claims import VERDICT_STYLES
    from runner.domain.errors import ControlFailure

    declared = scope.declare(request).claims
    wanted = choose_ids("claim", claim, [each.id for each in declared.claims], "nox -s claims")
    chosen = replace(declared, claims=tuple(each for each in declared.claims if each.id in wanted))
    _, found = open_data(request, data)
    table = Table.of_run(found, declared)
    judged = judge_claims(chosen, table, run=found.run).claims
    symbols = {style.verdict: style.symbol for style in VERDICT_STYLES}
    if len(judged) == 1:
        print("\n".join(_describe(judged[0], declared.articles, symbols)))
    else:
        rows = [
            (each.id, f"{symbols[each.verdict]} {each.verdict}", each.counted, _hanging(each))
            for each in judged
        ]
        for line in align(("claim", "verdict", "counts", "hangs on"), rows):
            print(line)
        totals = Counter(each.verdict for each in judged)
        print(", ".join(f"{totals[style.verdict]} {style.label}" for style in VERDICT_STYLES))
    wrong = check_claims(chosen, judged, table)
    for fault in wrong:
        print(f"{fault.claim}: {fault.text}")
        for example in fault.examples:
            print(f"    {example}")
    if check and wrong:
        raise ControlFailure(
            f"{len(wrong)} claims say more than their cells do",
            cause="a selector that the run has no cell of, or a reason that no cell fails for",
            next_step=f"nox -s claims -- {wrong[0].claim}",
        )
    return 0


def _hanging(claim: JudgedClaim) -> str:
    return "; ".join(f"without {each.named}: {each.verdict}" for each in claim.hangs_on)


def _describe(
    claim: JudgedClaim, articles: Mapping[str, str], symbols: Mapping[ClaimVerdict, str]
) -> Iterator[str]:
    yield f"{claim.id}, of the article {articles.get(claim.article, claim.article)!r}"
    yield claim.statement
    if claim.note:
        yield f"  {claim.note}"
    if claim.because:
        yield f"{symbols[claim.verdict]} not decidable here: {claim.because}"
        return
    yield f"{symbols[claim.verdict]} {claim.verdict}: {claim.counted}"
    if claim.hangs_on:
        yield f"  {_hanging(claim)}"
    yield f"  predicted: {claim.prediction}"
    yield f"  refuted by: {claim.refuted_by}"
    yield f"  judged on: {claim.pairs}"
    yield f"  {claim.supports} for, {claim.against} against, {claim.missing} not measured"
    yield (
        f"  left out: {claim.other_reasons} that fail for another reason, "
        f"{claim.fails_at_home} whose writer does no better"
    )
    yield f"  cells: {', '.join(claim.cells)}"
    for selector in claim.unmatched:
        yield f"  no cell in this run: {selector}"
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
