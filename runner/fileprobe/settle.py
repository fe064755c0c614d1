"""The last part of the confinement: what a process can only give up from inside its sandbox.

Input: the part of `TOLD` on limits and user. Before any framework is imported.
"""

from __future__ import annotations

import os
import resource
from typing import Any, Dict


def settle(told: Dict[str, Any]) -> None:
    """Set the limits, and become a user of nothing.

    The kernel counts no processes of root, so whoever is root becomes a user that nobody else is.
    """
    for name, wanted in sorted(told["rlimits"].items()):
        which = getattr(resource, "RLIMIT_" + name.upper())
        _, hard = resource.getrlimit(which)
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(which, (allowed, allowed))
    user = told["user"]
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    os.umask(0o077)
    os.makedirs(os.path.join(told["work"], "home"), exist_ok=True)
