"""All that is said of a run, worked out from its tables: words, claims, advice. Pure.

Input: the tables and a run record that says nothing yet, and the causes and claims as
declared. Output: the `PublishedRun`. A new run and one that is judged again both come here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
from msgspec import structs

from runner.analyse.advice import build_advice
from runner.analyse.advice_check import check_advice
from runner.analyse.boundaries_check import check_boundaries
from runner.analyse.claims.check import Fault, check_verdicts
from runner.analyse.claims.table import Table
from runner.analyse.claims.verdict import judge_claims
from runner.analyse.sentences import Finding, check_causes, describe_causes, symptoms_of
from runner.domain import FACTS, Cause, ClaimSet, Outcome
from runner.domain.causes import Quantifier
from runner.publish.files import describe_cause
from runner.publish.reading import PublishedRun
from runner.publish.record import ClaimsRecord, ControlRecord, RunRecord

SUBSET_SAFE = frozenset({Quantifier.ALL, Quantifier.NONE})
"""A sentence on all cells, or on none, is true of any part of them; one on `most` is not."""
WORDS, ADVICE, BOUNDARIES = "words ", "advice ", "boundaries "
"""Begin the ids of the controls that hold what is said against the cells."""
CONCLUDED = (WORDS, ADVICE, BOUNDARIES)
"""Of the controls that are made anew when a run is judged again."""


def conclude(
    record: RunRecord,
    cells: pd.DataFrame,
    observations: pd.DataFrame,
    *,
    causes: Sequence[Cause],
    claims: ClaimSet,
) -> PublishedRun:
    """Return the run with all that its cells say; `record` has the controls of the measuring."""
    measured = PublishedRun(run=record, cells=cells, observations=observations)
    table = Table.of_run(measured, claims)
    judged = judge_claims(claims, table, run=record)
    findings = check_causes(causes, symptoms_of(record, cells, observations))
    said = describe_causes(causes, findings)
    advised = build_advice(cells, record)
    controls = (
        *record.controls,
        *check_words(causes, findings),
        *control_claims(judged, check_verdicts(claims.claims, judged.claims, table)),
        *check_advised(advised, cells, record),
        *check_sentences(measured),
    )
    run = structs.replace(
        record,
        causes=tuple(describe_cause(cause, said[cause.id]) for cause in causes),
        controls=controls,
    )
    return PublishedRun(
        run=run,
        cells=cells,
        observations=observations,
        claims=judged,
        advice=advised,
    )


def check_words(causes: Iterable[Cause], findings: Iterable[Finding]) -> list[ControlRecord]:
    """Return a control for each cause whose sentences are said of all its cells, or of none.

    A run of a few cells cannot contradict the others.
    """
    shares = {cause.id: [sentence.share for sentence in cause.says] for cause in causes}
    by_cause: dict[str, list[Finding]] = {}
    for each in findings:
        if each.of and shares[each.cause][each.place] in SUBSET_SAFE:
            by_cause.setdefault(each.cause, []).append(each)
    return [
        ControlRecord(
            id=f"{WORDS}{cause}",
            passed=not any(each.contradicted for each in found),
            detail=_told(found),
        )
        for cause, found in by_cause.items()
    ]


def check_advised(
    advised: pd.DataFrame, cells: pd.DataFrame, run: RunRecord
) -> Iterator[ControlRecord]:
    """Yield a control for each kind of statement that the advice makes."""
    for each in check_advice(advised, cells, run):
        if each.of:
            detail = f"in {each.of:,} rows {each.says}"
            if each.wrong:
                detail = f"in {len(each.wrong):,} of {each.of:,} rows it is not so that "
                detail += f"{each.says}, such as {each.examples[0]}"
            yield ControlRecord(id=f"{ADVICE}{each.name}", passed=not each.wrong, detail=detail)


def check_sentences(data: PublishedRun) -> Iterator[ControlRecord]:
    """Yield the control that reads the sentences of every boundary back.

    Of a run that measured nothing there is nothing to hold them against.
    """
    if not data.cells["outcome"].isin([str(each) for each in Outcome if FACTS[each].tried]).any():
        return
    number, wrong = check_boundaries(data)
    yield ControlRecord(
        id=f"{BOUNDARIES}sentences",
        passed=not wrong,
        detail=wrong[0] if wrong else f"{number:,} sentences, read back, give the same cells",
    )


def control_claims(judged: ClaimsRecord, faults: Sequence[Fault]) -> list[ControlRecord]:
    """Return the control of the verdicts on claims, if cells of the run decide any.

    Whether each verdict is what its cells say, for the causes that it names. Which selectors
    have cells is no part of it: a run of a few cells lacks most.
    """
    if not faults and not any(each.deciding for each in judged.claims):
        return []
    first = f"{faults[0].claim}: {faults[0].text}" if faults else ""
    agree = "each verdict is what the cells of its claim say, for the causes it names"
    return [ControlRecord(id=f"{WORDS}claims", passed=not faults, detail=first or agree)]


def _told(findings: Sequence[Finding]) -> str:
    wrong = [each for each in findings if each.contradicted]
    if not wrong:
        return f"{len(findings)} sentences agree with the cells they speak of"
    first = wrong[0]
    example = f", such as {first.examples[0]}" if first.examples else ""
    return f"{first.text!r} holds in {first.holds} of {first.of} cells{example}"
