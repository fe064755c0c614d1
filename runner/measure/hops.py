"""The files between, which hops make of artifacts (stage 5).

Input: tries, each a cell of the remedy `hop` and one of its chains, and the artifacts they begin
with. Output: for each try a `Made`: the last file of its chain, or why there is none. A file is
made once for all cells and all runs that go through it. A hop's job runs in its environment's
batch, like every other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runner import contract
from runner.contract import Job
from runner.domain import Artifact, Catalog, Cell, Kind, Made, Observation, Save, save_of
from runner.domain.hops import MOST_HOPS, Chain, Hop, steps_of
from runner.measure.digests import InputDigests
from runner.measure.known import Artifacts, Errors
from runner.store import Place, Store

Key = tuple[str, str]
Try = tuple[Cell, Chain]
"""A cell, and one of the chains that may help it."""


@dataclass(frozen=True, slots=True)
class _Start:
    """What a chain is followed from: the file that its next hop loads."""

    save: Save
    source: Artifact


class HopFiles:
    """The files between in a store."""

    def __init__(self, store: Store, digests: InputDigests, catalog: Catalog) -> None:
        """Take the digests of the environments that were built."""
        self._store = store
        self._digests = digests
        self._catalog = catalog

    def follow(
        self, tries: Iterable[Try], artifacts: Artifacts, errors: Errors
    ) -> tuple[dict[Try, Made], list[tuple[str, Job]]]:
        """Return the files that are there, and the jobs to be run before the others can be.

        Each job is given with its environment. Follow again once they ran: `MOST_HOPS` times make
        every file.
        """
        found: dict[Try, Made] = {}
        starts = {
            each: _Start(save_of(each[0]), artifact)
            for each in tries
            if (artifact := artifacts.get(save_of(each[0]))) is not None and artifact.sha256
        }
        jobs: dict[str, tuple[str, Job]] = {}
        for length in range(1, MOST_HOPS + 1):
            waiting = {
                each: self._job(start, each[1][:length])
                for each, start in starts.items()
                if len(each[1]) >= length and each not in found
            }
            seen = dict(self._recorded({(job.id, job.inputs) for job in waiting.values()}))
            for each, job in waiting.items():
                chain = each[1][:length]
                made = self._made(job, chain, seen.get((job.id, job.inputs)), errors)
                if made is None:
                    jobs[job.id] = chain[-1].environment, job
                    del starts[each]
                elif made.artifact is None or length == len(each[1]):
                    found[each] = made
                else:
                    starts[each] = _Start(starts[each].save, made.artifact)
        return found, list(jobs.values())

    def _job(self, start: _Start, chain: Chain) -> Job:
        hop, save = chain[-1], start.save
        format_ = chain[-2].format if len(chain) > 1 else save.format
        inputs = self._digests.of_hop(save, chain, format_, start.source.sha256)
        return contract.make_job(
            save,
            chain,
            self._catalog.scenarios[save.scenario],
            self._catalog.remedies[hop.remedy],
            start.source.folder,
            self._store.artifacts.folder(_place(save.scenario, hop, inputs)),
            inputs,
            format_=format_,
            made_from=start.source.sha256,
        )

    def _recorded(self, keys: set[Key]) -> Iterator[tuple[Key, Observation]]:
        for key, record in self._store.journal.find(Kind.MAKE, keys):
            seen = Observation(data=record.observation)
            # Our own failures are never kept: the next run tries again.
            if seen.status != "harness_error":
                yield key, seen

    def _made(
        self, job: Job, chain: Chain, seen: Observation | None, errors: Errors
    ) -> Made | None:
        """Return what came of a hop; None if it is not known."""
        steps, hop = steps_of(chain), chain[-1]
        if seen is None:
            error = errors.get(job.id)
            return Made(steps=steps, hops=True, error=error) if error else None
        if seen.status != "done":
            return Made(steps=steps, hops=True, failed=seen, made_with=self._made_with(steps))
        place = _place(job.payload["scenario"]["id"], hop, job.inputs)
        manifest = self._store.artifacts.find(place, seen.facts)
        if manifest is None:
            # It was damaged, and is made again.
            return None
        return Made(
            steps=steps,
            hops=True,
            made_with=self._made_with(steps),
            format=hop.format,
            artifact=Artifact(
                inputs=job.inputs,
                folder=self._store.artifacts.folder(place),
                observation=seen,
                sha256=manifest.sha256,
                written=manifest.written,
            ),
        )

    def _made_with(self, steps: tuple[str, ...]) -> str:
        return self._digests.of_steps(steps)


def _place(scenario: str, hop: Hop, inputs: str) -> Place:
    """Return the place of a hop's file: among what its environment writes, and nobody else."""
    return Place(hop.environment, scenario, hop.format, inputs)
