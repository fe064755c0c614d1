"""`containers/docker-bake.hcl`, made from the declared environments.

Input: environments.toml as read. Output: the file's text. `nox -s update` writes it with the
locks; a test holds it up to date.
"""

from __future__ import annotations

import json
from pathlib import Path

from runner.declare.environments import EnvironmentSet
from runner.domain import Environment
from runner.store import atomic_write_text

BAKE_FILE = Path("containers/docker-bake.hcl")
QUICK = "smoke"
"""The profile that is built where no target is named."""

_TEXT = """\
# All images at once, with BuildKit, from the root of the repository:
#
#     nox -s images -- --profile full --bake .matrix/images.json
#     docker buildx bake -f containers/docker-bake.hcl -f .matrix/images.json
#
# The second file holds values that only the tool knows: keys, digests and tags, by which the images
# are found afterwards. Mirrors: BASE, and PIP_INDEX_URL and PIP_EXTRA_INDEX_URL in the
# environment; a private authority's certificates: containers/ca.pem.
#
# Generated from environments.toml by `nox -s update`: a change here does not last.

variable "BASE" {
  default = "python"
}
variable "SUFFIX" {
  default = "-slim"
}
variable "PIP_INDEX_URL" {
  default = null
}
variable "PIP_EXTRA_INDEX_URL" {
  default = null
}

group "default" {
  targets = ["QUICK"]
}
group "QUICK" {
  targets = [TARGETS]
}
group "full" {
  targets = ["environment"]
}

target "environment" {
  name = replace(each.id, ".", "_")
  matrix = {
    each = [
ENVIRONMENTS
    ]
  }
  context    = "."
  dockerfile = "containers/Dockerfile"
  args = {
    ENVIRONMENT         = each.id
    PYTHON_IMAGE        = "${BASE}:${each.python}${SUFFIX}"
    PIP_INDEX_URL       = PIP_INDEX_URL
    PIP_EXTRA_INDEX_URL = PIP_EXTRA_INDEX_URL
  }
}
"""


def target_name(environment: Environment) -> str:
    """The target of an environment: it allows no dots."""
    return environment.id.replace(".", "_")


def bake_text(declared: EnvironmentSet) -> str:
    """Return the text of docker-bake.hcl."""
    targets = ", ".join(json.dumps(target_name(each)) for each in declared.profile(QUICK))
    rows = (
        f"      {{ id = {json.dumps(each.id)}, python = {json.dumps(each.python)} }},"
        for each in declared.environments
    )
    text = _TEXT.replace("QUICK", QUICK).replace("TARGETS", targets)
    return text.replace("ENVIRONMENTS", "\n".join(rows))


def refresh_bake_file(declared: EnvironmentSet, root: Path) -> bool:
    """Write docker-bake.hcl where it is not as declared; return whether it was not."""
    path = root / BAKE_FILE
    text = bake_text(declared)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    atomic_write_text(path, text)
    return True
