"""Frozen writers as environments that were not built, and whether their artifacts still fit.

Input: what packs said of a writer, and today's declarations. Output: the environment as its
digests and the published record need it; an error where an artifact was made by other code.
"""

from __future__ import annotations

from runner.domain import Environment, ProvisionedEnvironment, Save
from runner.domain.errors import PackError
from runner.domain.frozen import Frozen, FrozenWriter
from runner.measure.digests import InputDigests


def as_provisioned(environment: Environment, writer: FrozenWriter) -> ProvisionedEnvironment:
    """Return a declared environment as it was when its artifacts were written."""
    return ProvisionedEnvironment(
        environment=environment,
        executable="",
        lock_digest=writer.lock,
        python_version=writer.python_version,
        resolved=writer.resolved,
        import_s=0.0,
        fork=False,
        base=writer.base,
        frozen=writer.day,
        pack=writer.pack,
    )


def find_unfitting(frozen: Frozen, digests: InputDigests) -> list[Save]:
    """Return the saves that would be made otherwise today: other code, another declaration."""
    return [
        save
        for writer in frozen.values()
        for each in writer.saves
        if digests.of_save(
            save := Save(scenario=each.scenario, format=each.format, writer=writer.id)
        )
        != each.inputs
    ]


def require_fitting(frozen: Frozen, digests: InputDigests) -> None:
    """Raise unless every frozen artifact is what this code would write.

    Raises:
        PackError: it was made by another version of the probe or of its scenario.
    """
    wrong = find_unfitting(frozen, digests)
    if wrong:
        raise PackError(
            f"{len(wrong)} frozen artifacts were made with other code, the first {wrong[0].id}",
            cause="the probe, a scenario or its declaration changed after the pack was made",
            next_step="make the pack again with this version: nox -s artifacts -- export",
        )
