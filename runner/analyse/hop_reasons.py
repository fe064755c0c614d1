"""Why no chain of hops was tried for a pair: what its run measured of the chain's parts. Pure.

`runner.plan.hops` leaves a chain out of which no part was measured to work. Which part is missing
is told of the cells alone: nobody reads the file, or the reader gets no other environment's file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from runner.analyse.aspects import ALL_ASPECTS, asked_bits, bits_of, failed_aspects
from runner.domain import BARE, MEASURED, Format, Outcome
from runner.domain.hops import LAST_WAYS, VARIANTS, formats_between
from runner.publish.record import RunRecord

MOST_NAMED = 4
"""Environments that a sentence names; of more it says how many they are."""


def explain_no_hop(cells: pd.DataFrame, run: RunRecord, pair: Mapping[str, str]) -> str:
    """Say which part of a chain is missing for a pair; empty where one was tried or could be.

    `pair` names a scenario, a format, a writer and a reader; `cells` are those of the run. Nothing
    is said either where a part was not measured.
    """
    hops = [each.id for each in run.remedies if each.made_by == "hop"]
    offered = any(
        each.id == pair["scenario"] and {*each.remedies} & {*hops} for each in run.scenarios
    )
    some = cells[cells["scenario"] == pair["scenario"]]
    # Asked again and again: no categories from here on.
    some = some.astype(dict.fromkeys(("writer", "format", "reader", "remedy", "outcome"), str))
    files = _Files(some, run, pair)
    tried = files.loads(pair["writer"], pair["format"], [pair["reader"]], hops)
    openers = files.readers(pair["writer"], pair["format"])
    if not offered or len(tried) or openers is None:
        return ""
    if not openers:
        return "no other environment of this run reads the file as the same model"
    return _missing_end(files, openers, pair["reader"])


def _missing_end(files: _Files, openers: list[str], reader: str) -> str:
    """Say why no chain that begins in these environments ends in the reader."""
    last = files.writers_for(reader)
    if last is None:
        return ""
    if not last:
        return (
            f"{_named(openers)} it as the same model, but {reader} gets the same model from no "
            "other environment's file of this scenario either"
        )
    reached = {name for each in openers for name in files.next_readers(each)} | set(openers)
    if reached & set(last):
        return ""
    return (
        f"{_named(openers)} it as the same model, but none that can be reached from there "
        f"writes a file of this scenario that {reader} reads as the same model"
    )


@dataclass(frozen=True, slots=True)
class _Files:
    """The loads of one scenario, asked by file and reader."""

    cells: pd.DataFrame
    run: RunRecord
    pair: Mapping[str, str]

    @property
    def _formats(self) -> tuple[Format, ...]:
        return formats_between(Format(self.pair["format"]))

    @property
    def _through(self) -> list[str]:
        """Environments that a chain may go through."""
        return [
            each.id
            for each in self.run.environments
            if each.backend not in VARIANTS and each.id != self.pair["reader"]
        ]

    @property
    def _ids(self) -> list[str]:
        return [each.id for each in self.run.environments]

    @property
    def _asked(self) -> int:
        return asked_bits(self.run).get((self.pair["scenario"], self.pair["format"]), ALL_ASPECTS)

    def loads(
        self, writer: str, format_: str, readers: Iterable[str], remedies: Iterable[str]
    ) -> pd.DataFrame:
        """Return the cells of one file."""
        cells = self.cells
        return cells[
            (cells["writer"] == writer)
            & (cells["format"] == format_)
            & cells["reader"].isin(list(readers))
            & cells["remedy"].isin(list(remedies))
        ]

    def readers(self, writer: str, format_: str) -> list[str] | None:
        """Return who reads a file as the same model, whole; None if that was not measured."""
        asked = self._asked
        whole = [
            each.id
            for each in self.run.remedies
            if not (bits_of(each.gives_up) & asked or each.sibling or each.made_by)
        ]
        found = self.loads(writer, format_, self._through, whole)
        if not _known(found, readers=self._through):
            return None
        good = found[found["outcome"] == str(Outcome.EQUIVALENT)]
        readers = set(good["reader"])
        return [each for each in self._through if each in readers]

    def next_readers(self, writer: str) -> list[str]:
        """Return who reads what an environment writes of the scenario."""
        return [name for each in self._formats for name in self.readers(writer, each) or []]

    def writers_for(self, reader: str) -> list[str] | None:
        """Return whose own file of the scenario the reader gets as far as is asked.

        None if it was not measured of some.
        """
        found = []
        for format_ in self._formats:
            for name in self._through:
                if self.loads(name, format_, self._ids, [BARE]).empty:
                    continue
                own = self.loads(name, format_, [reader], LAST_WAYS)
                if not _known(own, readers=[reader]):
                    return None
                if self._is_enough(own):
                    found.append(name)
        return found

    def _is_enough(self, loads: pd.DataFrame) -> bool:
        asked = np.full(len(loads), self._asked, dtype=np.int64)
        failed = failed_aspects(loads, asked) & self._asked
        good = (loads["outcome"] == str(Outcome.EQUIVALENT)).to_numpy()
        return bool((good | (failed == 0)).any())


def _known(loads: pd.DataFrame, *, readers: list[str]) -> bool:
    """Whether the bare load of each reader is known: measured, or without a file or a way to be."""
    bare = loads[loads["remedy"] == BARE]
    settled = {*map(str, MEASURED), str(Outcome.UNSUPPORTED), str(Outcome.SAVE_ERROR)}
    known = bare[bare["outcome"].isin(settled)]["reader"]
    return set(readers) <= set(known)


def _named(environments: list[str]) -> str:
    if len(environments) == 1:
        return f"{environments[0]} reads"
    if len(environments) <= MOST_NAMED:
        return f"{', '.join(environments[:-1])} and {environments[-1]} read"
    return f"{len(environments)} environments read"
