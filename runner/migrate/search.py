"""The search for a chain: attempts in the order of the plan, until a model is the same.

Input: a `Plan`, and `Hands` that carry out one attempt. Output: a `Found`. Nothing here starts a
process: with other hands it runs without a framework. The order is that of cost: the target reads
the original, then a file that the reference's environment saved, then those of the bridges, which
read the original or what the reference's environment saved (two hops).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from runner.migrate.chain import Plan, Way
from runner.migrate.manifest import Compared

OUTPUTS = "outputs"
SAME, DIVERGED, NOT_SAVED = "same", "diverged", "not_saved"
UNSTABLE = "unstable"
"""Loaded twice it is two models: something that the file holds was drawn by chance instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A file that an attempt saved."""

    name: str
    """Unique in the search; also its place."""
    kind: str
    """Its format."""
    by: str = ""
    """Environment that saved it; empty for the original."""
    hops: int = 0
    """Environments that it came through."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one attempt found."""

    environment: str
    way: Way | None
    """None where the environment itself was not there."""
    reads: Saved
    outcome: str
    why: str = ""
    saved: tuple[Saved, ...] = ()
    compared: tuple[Compared, ...] = ()
    changes: tuple[str, ...] = ()
    duration_s: float = 0.0
    detail: dict[str, object] = field(default_factory=dict)
    """For the manifest: versions, report, folder."""

    @property
    def loaded(self) -> bool:
        """Whether it gave a model that could be called."""
        return self.outcome in {SAME, DIVERGED, NOT_SAVED}


class Hands(Protocol):
    """Who carries out attempts."""

    def ways(self, kind: str, environment: str) -> tuple[Way, ...]:
        """Return the ways of loading such a file there."""

    def convert(self, file: Saved, environment: str, way: Way, *, final: bool) -> Result:
        """Load, compare with the reference, and save: as the new file if `final`, else between.

        The first that loads a model is the reference, where none is set.
        """

    def set_reference(self, result: Result) -> None:
        """Hold everything from now on against the model of this result."""

    def confirm(self, result: Result) -> bool:
        """Load the reference's file again, alike, and say whether it is the same model."""

    def verify(self, file: Saved) -> Result:
        """Load the new file in the target by the bare load, and compare."""


@dataclass(kw_only=True, slots=True)
class Found:
    """What the search found."""

    reference: Result | None = None
    results: list[Result] = field(default_factory=list)
    """Every attempt, in order."""
    last: Result | None = None
    """The attempt in the target whose new file was verified; None where there is no chain."""
    verified: Result | None = None

    def chain(self) -> tuple[Result, ...]:
        """Return the attempts that lead to the new file, first to last."""
        steps: list[Result] = []
        step = self.last
        while step is not None:
            steps.insert(0, step)
            reads = step.reads
            step = next((r for r in self.results if reads in r.saved), None)
        return tuple(steps)


def search(plan: Plan, original: Saved, hands: Hands) -> Found:
    """Return the first chain whose new file is the same model, and everything that was tried."""
    found = Found()
    found.reference = _find_reference(plan, original, hands, found)
    if found.reference is None:
        return found
    for file in _files_for_target(plan, original, hands, found):
        if _reach_target(plan, file, hands, found):
            break
    return found


def _find_reference(plan: Plan, original: Saved, hands: Hands, found: Found) -> Result | None:
    for environment in plan.readers:
        result = _load_once(original, environment, hands, found, final=environment == plan.target)
        if result is None:
            continue
        hands.set_reference(result)
        if hands.confirm(result):
            return result
        found.results[-1] = replace(
            result,
            outcome=UNSTABLE,
            why="loaded twice it computes two things: weights of the file were not restored",
            saved=(),
        )
    return None


def _load_once(
    file: Saved, environment: str, hands: Hands, found: Found, *, final: bool
) -> Result | None:
    """Load by the first way that gives the same model; None if none does."""
    for way in hands.ways(file.kind, environment):
        result = hands.convert(file, environment, way, final=final)
        found.results.append(result)
        if result.outcome in {SAME, NOT_SAVED}:
            return result
        if result.way is None:
            return None
    return None


def _files_for_target(plan: Plan, original: Saved, hands: Hands, found: Found) -> Iterator[Saved]:
    """Yield what the target may read, the cheapest first."""
    yield original
    reference = found.reference
    if reference is None:
        return
    yield from _between(reference.saved)
    for environment in plan.bridges:
        if environment == reference.environment:
            continue
        read = _load_once(original, environment, hands, found, final=False)
        if read is not None:
            yield from _between(read.saved)
            continue
        for file in _between(reference.saved):
            again = _load_once(file, environment, hands, found, final=False)
            if again is not None:
                yield from _between(again.saved)
                break


def _between(saved: Sequence[Saved]) -> Sequence[Saved]:
    return saved


def _reach_target(plan: Plan, file: Saved, hands: Hands, found: Found) -> bool:
    """Try every way of the target on a file; whether one leads to a new file that is the same."""
    for way in hands.ways(file.kind, plan.target):
        result = _known(found, file, plan.target, way)
        if result is None:
            result = hands.convert(file, plan.target, way, final=True)
            found.results.append(result)
        if result.way is None:
            return False
        if result.outcome != SAME:
            continue
        verified = hands.verify(result.saved[0])
        found.results.append(verified)
        if verified.outcome == SAME:
            found.last, found.verified = result, verified
            return True
    return False


def _known(found: Found, file: Saved, environment: str, way: Way) -> Result | None:
    """Return what this attempt gave already, when the target itself gave the reference."""
    return next(
        (
            each
            for each in found.results
            if (each.reads, each.environment, each.way) == (file, environment, way)
            and each.outcome != NOT_SAVED
        ),
        None,
    )


def explain_failure(plan: Plan, found: Found) -> str:
    """Return which step fails, and why, in a sentence or two."""
    if found.reference is None:
        return _no_reference(plan, found)
    at_target = [each for each in found.results if each.environment == plan.target]
    reference = found.reference
    words = f"{reference.environment} loads it"
    if reference.outcome == NOT_SAVED:
        words += f" and cannot save it again ({reference.why})"
    if not at_target:
        return f"{words}; {plan.target} was not tried"
    last = _most_telling(at_target)
    return f"{words}; {plan.target} does not get the same model: {last}"


def _no_reference(plan: Plan, found: Found) -> str:
    if not plan.readers:
        return "no declared environment reads files of its kind"
    said = "; ".join(
        f"{environment}: {_most_telling(results)}"
        for environment in plan.readers
        if (results := [each for each in found.results if each.environment == environment])
    )
    return f"no environment that was tried loads it: {said}"


def _most_telling(results: Sequence[Result]) -> str:
    """Return the reason of the attempt that came farthest."""
    ranks = (UNSTABLE, DIVERGED, NOT_SAVED, "unusable", "code_refused", "load_error")
    ordered = sorted(
        results,
        # Of equals, one that read a file between: the original was in a format of the past.
        key=lambda each: (
            ranks.index(each.outcome) if each.outcome in ranks else len(ranks),
            each.reads.hops == 0,
        ),
    )
    first = ordered[0]
    way = f"`{first.way.id}`" if first.way else "the environment"
    of = f" of the file of {first.reads.by}" if first.reads.by else ""
    said = first.why or "no reason was given"
    return f"{way}{of}: {first.outcome.replace('_', ' ')}: {said}"
