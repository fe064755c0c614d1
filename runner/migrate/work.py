"""A migration from its order to the new file and its manifest.

Input: an order, a request, the description of the file. Output: a `Manifest`; where a chain was
found, the new file is in its place with the manifest beside it. The original is only read.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runner import __version__
from runner.domain import Environment
from runner.domain.errors import SelectionError
from runner.domain.request import Request
from runner.executors.sandbox import open_sandbox
from runner.inspect import Description
from runner.migrate.chain import NoRoute, Plan, Way, plan_chains
from runner.migrate.files import Attempts, code_digest, describe_file, key_of, put_in_place
from runner.migrate.hands import SandboxHands
from runner.migrate.manifest import (
    SCHEMA,
    Attempt,
    Compared,
    File,
    Manifest,
    Reference,
    Step,
    encode,
)
from runner.migrate.order import Order
from runner.migrate.reading import compare_compiled
from runner.migrate.search import (
    DIVERGED,
    OUTPUTS,
    SAME,
    Found,
    Result,
    Saved,
    explain_failure,
    search,
)

MANIFEST = ".migration.json"
"""End of the manifest's name, behind that of the new file."""
CROSS_CHECKS = 2
"""Other environments that are asked, until one of them loads the original."""
Say = Callable[[str], None]


def manifest_path(out: Path) -> Path:
    """Return where the manifest of a new file is."""
    return out.with_name(out.name + MANIFEST)


def check_places(order: Order) -> None:
    """Refuse places that would cost the user a file.

    Raises:
        SelectionError: the new file would replace the original, lie inside it, or replace
            another one without `force`; or its ending names no format.
    """
    if order.format is None:
        raise SelectionError(
            f"--out {order.out}: no format of Keras has the ending {order.out.suffix!r}",
            cause="a new file ends in .keras or .h5",
            next_step=f"choose --out {order.out.with_suffix('.keras')}",
        )
    original, out = order.file.resolve(), order.out.resolve()
    if out == original or original in out.parents:
        raise SelectionError(
            f"--out {order.out} is the original itself, or inside it",
            cause="a migration never touches the file it reads",
            next_step="choose another --out",
        )
    for place in (order.out, manifest_path(order.out)):
        if place.exists() and not order.force:
            raise SelectionError(
                f"{place} exists",
                cause="an earlier migration",
                next_step="add --force, or choose another --out",
            )


def migrate(
    order: Order,
    request: Request,
    description: Description,
    environments: Sequence[Environment],
    say: Say,
) -> Manifest:
    """Find a chain, verify it, write the new file and its manifest.

    Interrupted, it keeps what was finished; the same order goes on from there.

    Raises:
        SelectionError: a place that would cost the user a file.
        NoSandbox: nothing confines the file's jobs on this machine.
    """
    check_places(order)
    known = {each.id: each for each in environments}
    kind = str(getattr(description, "container", ""))
    whole = describe_file(order.file, kind)
    try:
        plan = plan_chains(description, environments, known[order.target])
    except NoRoute as reason:
        return _manifest(order, whole, why=str(reason))
    code = code_digest(request.root)
    key = key_of((whole.sha256, order.target, str(order.format), code))
    attempts = Attempts(request.store / "migrations" / key)
    original = Saved(name="original", kind=plan.kind)
    with open_sandbox(request) as (sandbox, exchange):
        hands = SandboxHands(
            order=order,
            description=description,
            environments=known,
            sandbox=sandbox,
            exchange=exchange,
            folder=attempts.folder / "work",
            attempts=attempts,
            code=code,
            say=say,
        )
        hands.add(original, order.file)
        if order.custom_objects is not None:
            hands.add_custom(order.custom_objects)
        try:
            timed = Timed(hands, plan, say)
            found = search(plan, original, timed)
            checks = _cross_check(plan, original, hands, found, say) if found.last else []
        finally:
            hands.close()
            shutil.rmtree(attempts.folder / "work", ignore_errors=True)
        written = _written(order, plan, whole, found, checks, hands)
        _deliver(order, found, hands, written)
    if written.migrated:
        attempts.remove()
    return written


@dataclass(kw_only=False, slots=True)
class Timed:
    """The hands of a search, with a line for each attempt and the time that is left."""

    hands: SandboxHands
    plan: Plan
    say: Say
    entered: int = 0
    spent_s: float = 0.0
    last: str = ""

    def ways(self, kind: str, environment: str) -> tuple[Way, ...]:
        """Return the ways of loading such a file there."""
        return self.hands.ways(kind, environment)

    def convert(self, file: Saved, environment: str, way: Way, *, final: bool) -> Result:
        """Carry out one attempt, and say how it went."""
        began = time.monotonic()
        result = self.hands.convert(file, environment, way, final=final)
        self._tell(result, time.monotonic() - began)
        return result

    def set_reference(self, result: Result) -> None:
        """Say what everything is held against."""
        fits = (
            "which fits its writer"
            if result.environment in self.plan.fitting
            else "the first that loads it, of another version than its writer"
        )
        self.say(f"reference: {result.environment}, {fits}")
        self.hands.set_reference(result)

    def confirm(self, result: Result) -> bool:
        """Say where the reference is not the same model twice."""
        agreed = self.hands.confirm(result)
        if not agreed:
            self.say(f"{result.environment} is no reference: loaded again it is another model")
        return agreed

    def verify(self, file: Saved) -> Result:
        """Verify the new file, and say how it went."""
        began = time.monotonic()
        result = self.hands.verify(file)
        self._tell(result, time.monotonic() - began)
        return result

    def _tell(self, result: Result, took_s: float) -> None:
        self.spent_s += took_s
        if result.environment != self.last:
            self.entered += 1
            self.last = result.environment
        words = result.way.words if result.way else "its environment"
        what = (
            "the original" if result.reads.name == "original" else f"the file of {result.reads.by}"
        )
        if result.reads.by == self.plan.target:
            what, words = "the new file,", "as it is"
        why = f": {result.why[:160]}" if result.why else ""
        left = max(0, self.plan.most_attempts - self.entered)
        at_most = self.spent_s / max(1, self.entered) * left
        self.say(
            f"{result.environment} reads {what} {words}: {result.outcome.replace('_', ' ')}{why} "
            f"({took_s:.0f} s, at most about {_duration(at_most)} left)"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _cross_check(
    plan: Plan, original: Saved, hands: SandboxHands, found: Found, say: Say
) -> list[Result]:
    """Have another environment load the original, unless some did already."""
    reference = found.reference
    assert reference is not None  # noqa: S101 - a chain has one
    known = {each.environment for each in found.results if each.reads == original}
    others = [name for name in (*plan.readers, *plan.bridges) if name not in known]
    checks: list[Result] = []
    for environment in dict.fromkeys(others[:CROSS_CHECKS]):
        for way in hands.ways(original.kind, environment)[:3]:
            result = hands.load(original, environment, way)
            checks.append(result)
            if result.loaded or result.way is None:
                break
        if checks and checks[-1].loaded:
            say(f"cross-check: {environment} computes {_agreement(checks[-1])}")
            break
    return checks


def _agreement(result: Result) -> str:
    return "the same" if result.outcome == SAME else "something else"


# The manifest


def _written(
    order: Order,
    plan: Plan,
    whole: File,
    found: Found,
    checks: Sequence[Result],
    hands: SandboxHands,
) -> Manifest:
    loaded = [
        each
        for each in (*found.results, *checks)
        if each.reads.name == "original" and each.loaded and each.environment != _name(found)
    ]
    reference = _reference(plan, found, loaded, hands)
    contradicted = [each.environment for each in checks if each.outcome == DIVERGED]
    if contradicted and not any(each.outcome == SAME for each in checks):
        why = f"{_name(found)} and {contradicted[-1]} load the original and compute two things"
        return _manifest(order, whole, reference=reference, attempts=_attempts(found), why=why)
    if found.last is None or found.verified is None:
        return _manifest(
            order,
            whole,
            reference=reference,
            attempts=_attempts(found),
            why=explain_failure(plan, found),
        )
    chain = found.chain()
    verified = [*found.verified.compared, _compiled(found)]
    outputs = next((each for each in verified if each.aspect == OUTPUTS), None)
    new = describe_file(hands.path_of(found.last.saved[0]), str(order.format), order.out.name)
    return _manifest(
        order,
        whole,
        new=new,
        reference=reference,
        steps=tuple(_step(each, chain, whole, new, hands) for each in chain),
        verified=tuple(verified),
        largest=outputs.largest_difference if outputs else None,
        lost=tuple(_lost(chain, verified)),
        attempts=_attempts(found),
    )


def _name(found: Found) -> str:
    return found.reference.environment if found.reference else ""


def _manifest(
    order: Order,
    whole: File,
    *,
    new: File | None = None,
    reference: Reference | None = None,
    steps: tuple[Step, ...] = (),
    verified: tuple[Compared, ...] = (),
    largest: float | None = None,
    lost: tuple[str, ...] = (),
    attempts: tuple[Attempt, ...] = (),
    why: str = "",
) -> Manifest:
    return Manifest(
        schema=SCHEMA,
        tool=__version__,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        migrated=new is not None,
        original=whole,
        target=order.target,
        new=new,
        reference=reference,
        steps=steps,
        verified=verified,
        largest_difference=largest,
        lost=lost,
        attempts=attempts,
        why=why,
    )


def _reference(
    plan: Plan, found: Found, loaded: Sequence[Result], hands: SandboxHands
) -> Reference | None:
    one = found.reference
    if one is None:
        return None
    agree = dict.fromkeys(each.environment for each in loaded if each.outcome == SAME)
    differ = dict.fromkeys(each.environment for each in loaded if each.outcome != SAME)
    return Reference(
        environment=one.environment,
        way=one.way.id if one.way else "",
        fits=one.environment in plan.fitting,
        inputs=hands.inputs.source if hands.inputs else "",
        agree=tuple(agree),
        differ=tuple(name for name in differ if name not in agree),
    )


def _step(
    one: Result, chain: Sequence[Result], whole: File, new: File, hands: SandboxHands
) -> Step:
    assert one.way is not None  # noqa: S101 - it loaded
    place = chain.index(one)
    reads = whole if place == 0 else _file(one.reads, hands)
    writes = new if place == len(chain) - 1 else _file(chain[place + 1].reads, hands)
    return Step(
        environment=one.environment,
        versions=hands.versions(one.environment),
        lock_sha256=hands.lock(one.environment),
        way=one.way.id,
        words=one.way.words,
        reads=reads,
        writes=writes,
        changes=one.changes,
        compared=one.compared,
        duration_s=round(one.duration_s, 3),
    )


def _file(saved: Saved, hands: SandboxHands) -> File:
    path = hands.path_of(saved)
    return describe_file(path, saved.kind)


def _compiled(found: Found) -> Compared:
    reference, verified = found.reference, found.verified
    assert reference is not None and verified is not None  # noqa: S101, PT018 - a chain has both
    return compare_compiled(reference.detail.get("compiled"), verified.detail.get("compiled"))


def _lost(chain: Sequence[Result], verified: Sequence[Compared]) -> list[str]:
    """Return in sentences what the new file does not have of the original."""
    said = [
        f"{one.environment} loaded it {one.way.words}"
        for one in chain
        if one.way is not None and one.way.gives_up
    ]
    said += [change for one in chain for change in one.changes]
    said += [
        f"{each.aspect}: {each.status}{f': {each.detail}' if each.detail else ''}"
        for each in verified
        if each.status != "agrees"
    ]
    return list(dict.fromkeys(said))


def _attempts(found: Found) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            environment=each.environment,
            way=each.way.id if each.way else "",
            reads=each.reads.name,
            outcome=each.outcome,
            why=each.why,
        )
        for each in found.results
    )


def _deliver(order: Order, found: Found, hands: SandboxHands, written: Manifest) -> None:
    """Put the new file and its manifest in place, and keep the files between if asked."""
    if order.keep is not None:
        for one in found.results:
            for saved in one.saved:
                with suppress(FileExistsError):
                    path = hands.path_of(saved)
                    put_in_place(path, order.keep / saved.name / path.name, force=order.force)
    if found.last is None or not written.migrated:
        return
    put_in_place(hands.path_of(found.last.saved[0]), order.out, force=order.force)
    manifest = order.out.parent / f".{order.out.name}{MANIFEST}"
    manifest.write_bytes(encode(written))
    manifest.replace(manifest_path(order.out))
