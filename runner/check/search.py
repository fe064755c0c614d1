"""The search of a check: each reader, each way, until one gives the model.

Input: readers in order, and `Hands` that carry out one load. Output: `Finding`s. Nothing here
starts a process: with other hands it runs without a framework. The first reader of the writer's own
version that loads the file is the reference; readers that were there before it get a second look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runner.check.answer import Tried
from runner.check.hands import Loaded
from runner.check.outputs import Outputs, largest_difference
from runner.check.results import COMPUTES, Result
from runner.check.ways import Way
from runner.domain.errors import ProvisionError

ENOUGH = frozenset({Result.SAME, Result.LOADS, Result.ENVIRONMENT_UNAVAILABLE})
"""Results after which no other way is tried: the model is there, or nobody could try."""


class Hands(Protocol):
    """Who carries out loads."""

    def prepare(self, environment: str) -> None:
        """Begin to build an environment beside other work."""

    def provision(self, environment: str) -> object:
        """Return a built environment, or a `ProvisionError`."""

    def load(self, environment: str, way: Way) -> Loaded:
        """Load by one way and call the model."""


@dataclass(kw_only=True, slots=True)
class Finding:
    """What was found in one environment."""

    environment: str
    result: Result
    way: Way | None = None
    """The cheapest that works, or the first that loads."""
    why: str = ""
    tried: list[tuple[Way, Loaded, Result, float | None]] = field(default_factory=list)
    outputs: Outputs | None = None
    largest_difference: float | None = None
    build_s: float = 0.0
    duration_s: float = 0.0

    def rows(self, name_cause: Callable[[str, Way, Loaded, Result], str]) -> tuple[Tried, ...]:
        """Return what was tried, as the answer has it."""
        return tuple(
            Tried(
                way=way.id,
                words=way.words,
                result=result,
                cause=name_cause(self.environment, way, loaded, result),
                why=loaded.why,
                duration_s=loaded.duration_s,
                largest_difference=difference,
            )
            for way, loaded, result, difference in self.tried
        )


@dataclass(kw_only=True, slots=True)
class Search:
    """The readers in their order, and what is known so far."""

    ways: dict[str, tuple[Way, ...]]
    """Reader -> its ways; an empty tuple: it is declared to have no such format."""
    fitting: tuple[str, ...]
    hands: Hands
    clock: Callable[[], float]
    expected: Outputs | None = None
    """The user's own numbers: then no reader is a reference."""
    reference: Finding | None = None
    findings: dict[str, Finding] = field(default_factory=dict)

    def run(self) -> Iterator[tuple[Finding, bool]]:
        """Yield each finding when it is there, and whether it is a second look."""
        readers = list(self.ways)
        for place, name in enumerate(readers):
            self.findings[name] = finding = self._read(name, readers[place + 1 : place + 2])
            if self._may_be_reference(finding) and self._is_stable(finding):
                self.reference = finding
                finding.result = Result.SAME
            yield finding, False
            if self.reference is finding:
                yield from self._look_again()
        for finding in list(self.findings.values()):
            if self._is_lonely(finding) and not self._is_stable(finding):
                yield finding, True

    def _look_again(self) -> Iterator[tuple[Finding, bool]]:
        """Hold those that came before the reference against it; give them their other ways."""
        for finding in list(self.findings.values()):
            if finding is self.reference or finding.result is not Result.LOADS:
                continue
            began = self.clock()
            left = [each for each in self.ways[finding.environment] if each not in _ways(finding)]
            tried, finding.tried = finding.tried, []
            for way, loaded, _, _ in tried:
                self._note(finding, way, loaded)
            if not any(result is Result.SAME for _, _, result, _ in finding.tried):
                self._go_on(finding, left)
            self._settle(finding)
            finding.duration_s += self.clock() - began
            yield finding, True

    def _read(self, name: str, later: Sequence[str]) -> Finding:
        if not self.ways[name]:
            why = "that version is declared to have no such format; it was not tried"
            return Finding(environment=name, result=Result.UNSUPPORTED, why=why)
        began = self.clock()
        built = self.hands.provision(name)
        # Not before: two that are built at once make the first answer late.
        for each in later:
            if self.ways[each]:
                self.hands.prepare(each)
        build_s = self.clock() - began
        if isinstance(built, ProvisionError):
            why = built.message
            result = Result.ENVIRONMENT_UNAVAILABLE
            return Finding(environment=name, result=result, why=why, build_s=build_s)
        finding = Finding(environment=name, result=Result.HARNESS_ERROR, build_s=build_s)
        began = self.clock()
        self._go_on(finding, self.ways[name])
        self._settle(finding)
        finding.duration_s = self.clock() - began
        return finding

    def _go_on(self, finding: Finding, ways: Sequence[Way]) -> None:
        """Try ways until one gives the model."""
        for way in ways:
            self._note(finding, way, self.hands.load(finding.environment, way))
            if finding.tried[-1][2] in ENOUGH:
                return

    def _note(self, finding: Finding, way: Way, loaded: Loaded) -> None:
        result, difference = loaded.result, None
        held = self.expected or (self.reference.outputs if self.reference else None)
        if loaded.outputs is not None and result is Result.LOADS and held is not None:
            agrees, difference = largest_difference(held, loaded.outputs)
            result = Result.SAME if agrees else Result.DIFFERS
        finding.tried.append((way, loaded, result, difference))
        finding.result = result

    def _settle(self, finding: Finding) -> None:
        """Take the way that came farthest: one that works, else one that loads, else the first."""
        for wanted in (
            {Result.SAME},
            {Result.LOADS},
            {Result.DIFFERS},
            {Result.NOT_CALLED},
            {Result.UNUSABLE},
        ):
            chosen = next((each for each in finding.tried if each[2] in wanted), None)
            if chosen is not None:
                break
        else:
            # The reason of the bare load, unless that was our own fault.
            chosen = next(
                (each for each in finding.tried if each[2] is not Result.HARNESS_ERROR),
                finding.tried[0],
            )
        way, loaded, result, difference = chosen
        finding.way, finding.result = way, result
        finding.why, finding.outputs, finding.largest_difference = (
            loaded.why,
            loaded.outputs,
            difference,
        )
        if result is Result.DIFFERS:
            finding.why = self._words(difference)
            self._is_stable(finding)

    def _words(self, difference: float | None) -> str:
        held = "the expected outputs" if self.expected else "those of the reference"
        if difference is None:
            return f"its outputs have another shape, number or text than {held}"
        return f"its outputs differ by up to {difference:.3g} from {held}"

    def _may_be_reference(self, finding: Finding) -> bool:
        return (
            self.reference is None
            and self.expected is None
            and finding.environment in self.fitting
            and finding.result is Result.LOADS
        )

    def _is_lonely(self, finding: Finding) -> bool:
        """Whether a result stands for itself: nobody computed the same."""
        if finding.result is not Result.LOADS or finding.outputs is None:
            return False
        return not any(
            other is not finding
            and other.outputs is not None
            and largest_difference(other.outputs, finding.outputs)[0]
            for other in self.findings.values()
        )

    def _is_stable(self, finding: Finding) -> bool:
        """Load again alike; a model that computes something else then is none of the file's."""
        assert finding.way is not None and finding.outputs is not None  # noqa: S101, PT018
        again = self.hands.load(finding.environment, finding.way)
        if again.outputs is None or largest_difference(finding.outputs, again.outputs)[0]:
            return True
        finding.result = Result.UNSTABLE
        finding.why = "loaded twice it computes two things: weights of the file were not restored"
        return False


def _ways(finding: Finding) -> list[Way]:
    return [way for way, _, _, _ in finding.tried]


def computing(findings: Sequence[Finding]) -> dict[str, Outputs]:
    """Return the outputs of those that gave a model that computes the same twice."""
    return {
        each.environment: each.outputs
        for each in findings
        if each.outputs is not None and each.result in COMPUTES
    }
