"""The provisioning of environments, side by side: declared ones -> built ones (stage 2)."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from runner.domain import Environment, Provisioned, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.interface import Place
from runner.host.progress import EnvironmentState, Reporter


def provision_all(
    environments: Iterable[Environment], place: Place, reporter: Reporter, workers: int
) -> Provisioned:
    """Stage 2: build the environments, side by side; a failure costs only itself."""

    def build(environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        reporter.environment(environment.id, EnvironmentState.PROVISIONING)
        found = place.provision(environment)
        failed = isinstance(found, ProvisionError)
        state = EnvironmentState.UNAVAILABLE if failed else EnvironmentState.READY
        reporter.environment(environment.id, state)
        if isinstance(found, ProvisionError):
            reporter.message(f"{environment.id} is unavailable: {found}")
        return found

    listed = list(environments)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            found = dict(zip([each.id for each in listed], pool.map(build, listed), strict=True))
        except BaseException:
            place.abandon()
            raise
    return Provisioned(
        available={k: v for k, v in found.items() if isinstance(v, ProvisionedEnvironment)},
        unavailable={k: v for k, v in found.items() if isinstance(v, ProvisionError)},
    )
