"""The places of the file system that an environment's interpreter needs, and nothing beside them.

Input: a built environment. Output: folders to be seen read only.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner.domain import ProvisionedEnvironment
from runner.domain.errors import ProvisionError

SYSTEM = Path("/usr")


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
