"""What a built environment needs in a sandbox: places of the file system, and variables.

Input: a built environment. Output: folders to be seen read only, and nothing beside them; the
variables that its interpreter starts with.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner import contract
from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.local.provision import require_whole
from runner.host import process

SYSTEM = Path("/usr")


def usable_places(environment: ProvisionedEnvironment, store: Path) -> list[Path]:
    """Return the places of an environment that is as it was built, and may be shown.

    Raises:
        ProvisionError: it is damaged, or its Python stands in a home folder.
    """
    require_whole(environment, store, lambda _: None)
    places = python_places(environment)
    require_no_home(environment.environment.id, places)
    return places


def variables_of(environment: Environment, work: Path) -> dict[str, str]:
    """Return the variables of a probe that writes below `work` alone."""
    return {
        **process.framework_environment(environment, work / "home"),
        **contract.framework_variables(environment),
        "TMPDIR": str(work),
        "USER": "reader",
    }


def python_places(environment: ProvisionedEnvironment) -> list[Path]:
    """Return the folders of the environment and of the Python that it was made from."""
    directory = Path(environment.executable).parents[1]
    found = [directory]
    for line in (directory / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            # Above `bin`; under its own name and, where that is a link, under the real one.
            found += [Path(value.strip()).parent, Path(os.path.realpath(value.strip())).parent]
    link = Path(environment.executable)
    while link.is_symlink():
        link = link.parent / link.readlink()
        found.append(Path(os.path.normpath(link)).parents[1])
    unique = dict.fromkeys(path for path in found if not path.is_relative_to(SYSTEM))
    return [each for each in unique if not any(o in each.parents for o in unique)]


def require_no_home(environment_id: str, places: list[Path]) -> None:
    """Refuse to show a folder that holds this user's home, or the whole system.

    Raises:
        ProvisionError: the interpreter was installed into such a folder.
    """
    home = Path.home()
    for place in places:
        if home.is_relative_to(place) or place == Path("/"):
            raise ProvisionError(
                f"{environment_id}: its Python stands in {place}, which the sandbox must not show",
                cause="a Python that was installed into a home folder itself",
                next_step="install one elsewhere, such as: uv python install",
            )
