"""A check from its order to its answer.

Input: an order, a request, the description of the file. Output: an `Answer`; each reader is told
as soon as it is known. The file is only read.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from runner import __version__
from runner.check.answer import SCHEMA, Answer, CheckedFile, Group, Prediction, Reader, UsedInputs
from runner.check.hands import Loaded, SandboxHands, given_inputs
from runner.check.install import code_of, install_line, packages_of
from runner.check.order import Order, order_readers
from runner.check.outputs import Outputs, find_groups, largest_difference, read_expected
from runner.check.results import Result
from runner.check.search import Finding, Search, computing
from runner.check.ways import (
    JOB_FORMATS,
    Way,
    is_unsupported,
    kind_of,
    own_name,
    right_name,
    ways_of,
)
from runner.check.words import Told, answer_words, find_best
from runner.domain import Cause, Environment, Format, Outcome, ProvisionedEnvironment
from runner.domain.request import Request
from runner.executors.sandbox import open_sandbox
from runner.inspect import Description
from runner.judge.cause import CauseTable, Symptoms
from runner.userfile.digest import digest_of
from runner.userfile.inputs import SEED, Inputs

OUTCOMES: Mapping[Result, Outcome] = {
    Result.UNUSABLE: Outcome.UNUSABLE,
    Result.LOAD_ERROR: Outcome.LOAD_ERROR,
    Result.CRASHED: Outcome.CRASHED,
    Result.TIMED_OUT: Outcome.TIMED_OUT,
    Result.OUT_OF_MEMORY: Outcome.OUT_OF_MEMORY,
}
"""Results that the rules of causes.toml speak of."""
Say = Callable[[Reader, bool], None]


@dataclass(kw_only=True, slots=True)
class Checking:
    """A check at work: what is needed to tell a finding as the answer has it."""

    order: Order
    description: Description
    kind: str
    hands: SandboxHands
    predictions: Mapping[str, Prediction]
    causes: CauseTable

    def tell(self, finding: Finding) -> Reader:
        """Return a finding as a row of the answer."""
        environment = self.hands.environments[finding.environment]
        tried = finding.rows(self._name_cause)
        first = next((each for each in tried if each.cause), None)
        built = None
        if finding.result not in {Result.UNSUPPORTED, Result.ENVIRONMENT_UNAVAILABLE}:
            built = self.hands.provision(finding.environment)
        way = finding.way
        row = Reader(
            environment=environment.id,
            result=finding.result,
            way=way.id if way else "",
            words=way.words if way else "",
            cause=first.cause if first else "",
            why=finding.why,
            tried=tried,
            largest_difference=finding.largest_difference,
            build_s=round(finding.build_s, 1),
            duration_s=round(finding.duration_s, 1),
            python=environment.python,
            gives_up=way.gives_up if way else (),
            prediction=self.predictions.get(environment.id),
        )
        if not isinstance(built, ProvisionedEnvironment) or way is None:
            return row
        name = self.order.file.name
        return _with_recipe(row, built, way, self.order.file, right_name(self.kind, name))

    def _name_cause(self, environment: str, way: Way, loaded: Loaded, result: Result) -> str:
        outcome = OUTCOMES.get(result)
        if outcome is None or loaded.observed is None:
            return ""
        writers = self.description.environments
        seen = loaded.observed
        return self.causes.find(
            Symptoms(
                outcome=outcome,
                stage=seen.stage,
                exception=seen.exception,
                message=seen.message,
                traceback=seen.traceback,
                format=Format(JOB_FORMATS.get(self.kind, Format.KERAS)),
                remedy=way.id,
                writer=writers[0] if writers else "",
                reader=environment,
                damaged=bool(self.description.damage),
            )
        )


def _with_recipe(
    row: Reader, built: ProvisionedEnvironment, way: Way, file: Path, name: str
) -> Reader:
    return msgspec.structs.replace(
        row,
        python=built.python_version,
        packages=packages_of(built),
        install=install_line(built, way),
        code=code_of(built.environment, way, file, name),
    )


def check(
    order: Order,
    request: Request,
    description: Description,
    *,
    predictions: Mapping[str, Prediction],
    causes: Sequence[Cause],
    say: Say,
) -> Answer:
    """Load the file in every reader of the order.

    Raises:
        NothingToLoad: no version of Keras loads a model from such a file.
        BadData: the expected numbers cannot be read.
        NoSandbox: nothing confines the file's jobs on this machine.
    """
    kind = kind_of(description)
    file = _describe_file(order, description, kind)
    expected = read_expected(order.expect) if order.expect is not None else None
    with (
        tempfile.TemporaryDirectory(
            prefix="keras-matrix-check-", ignore_cleanup_errors=True
        ) as place,
        open_sandbox(request) as (sandbox, exchange),
    ):
        hands = SandboxHands(
            kind=kind,
            name=order.file.name,
            description=description,
            sandbox=sandbox,
            exchange=exchange,
            folder=Path(place),
            environments={each.id: each for each in order.readers},
            allow_code=order.allow_code,
            free_size=order.free_size,
        )
        hands.add(order.file, order.custom_objects)
        if expected is not None:
            hands.use_inputs(given_inputs(expected[0]))
        checking = Checking(
            order=order,
            description=description,
            kind=kind,
            hands=hands,
            predictions=predictions,
            causes=CauseTable(causes),
        )
        search = Search(
            ways={each.id: _ways(kind, each, order, description) for each in order.readers},
            fitting=description.environments,
            hands=hands,
            clock=time.monotonic,
            expected=Outputs(arrays=expected[1]) if expected else None,
        )
        with closing(hands):
            for finding, again in search.run():
                say(checking.tell(finding), again)
            newest = order_readers(order.readers, ())
            rows = [checking.tell(search.findings[each.id]) for each in newest]
        return _answer(order, file, sandbox.words, search, rows, hands.inputs, description)


def _describe_file(order: Order, description: Description, kind: str) -> CheckedFile:
    sha256, size = digest_of(order.file)
    return CheckedFile(
        name=order.file.name,
        bytes=size,
        sha256=sha256,
        title=description.title,
        kind=str(kind),
        writer=description.environments,
        writer_source=description.environments_source,
    )


def _ways(
    kind: str, environment: Environment, order: Order, description: Description
) -> tuple[Way, ...]:
    found = ways_of(kind, environment, order, description)
    return () if is_unsupported(kind, environment, found) else found


def _answer(
    order: Order,
    file: CheckedFile,
    sandbox: str,
    search: Search,
    rows: Sequence[Reader],
    inputs: Inputs | None,
    description: Description,
) -> Answer:
    groups = group_readers(search)
    number = {name: each.number for each in groups for name in each.readers}
    rows = [msgspec.structs.replace(each, group=number.get(each.environment, 0)) for each in rows]
    reference = search.reference.environment if search.reference else ""
    best = find_best(rows, groups)
    told = Told(
        file=file,
        readers=tuple(rows),
        groups=groups,
        reference=reference,
        expected=order.expect is not None,
        best=best,
        order=order,
        description=description,
        outputs=search.findings[best].outputs if best else None,
        wrong_name=right_name(file.kind, file.name) != own_name(file.name),
    )
    return Answer(
        schema=SCHEMA,
        tool=__version__,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        file=file,
        sandbox=sandbox,
        code_allowed=order.allow_code,
        custom_objects=order.custom_objects is not None,
        expected=order.expect is not None,
        inputs=_used(inputs, own=order.expect is not None),
        reference=reference,
        readers=tuple(rows),
        groups=groups,
        best=best,
        sentences=answer_words(told),
    )


def _used(inputs: Inputs | None, *, own: bool) -> UsedInputs | None:
    if inputs is None:
        return None
    return UsedInputs(
        source=inputs.source,
        seed=None if own else SEED,
        names=inputs.names,
        shapes=tuple(tuple(each.shape) for each in inputs.arrays),
        dtypes=tuple(str(each.dtype) for each in inputs.arrays),
    )


def group_readers(search: Search) -> tuple[Group, ...]:
    """Return the readers that compute the same; the group of the reference first."""
    found = computing(list(search.findings.values()))
    lists = find_groups(found)
    held = search.expected or (search.reference.outputs if search.reference else None)
    told = []
    for readers in lists:
        first = found[readers[0]]
        others = [largest_difference(first, found[name])[1] or 0.0 for name in readers[1:]]
        right = held is not None and largest_difference(held, first)[0]
        told.append((right, readers, max(others, default=0.0)))
    told.sort(key=lambda each: not each[0])
    return tuple(
        Group(number=number, readers=tuple(readers), reference=right, largest_difference=largest)
        for number, (right, readers, largest) in enumerate(told, 1)
    )
