"""The confinement of jobs on a user's file: stricter than that of scenarios.

Face: `open_sandbox` (a request -> a `Sandbox` that holds on this machine, or the reason for none),
`Exchange` (the folder that a sandbox sees), `Told` (limits). See docs/sandbox.md.
"""

from runner.executors.sandbox.choice import open_sandbox
from runner.executors.sandbox.interface import Exchange, Pipe, Sandbox, Told

__all__ = ["Exchange", "Pipe", "Sandbox", "Told", "open_sandbox"]
