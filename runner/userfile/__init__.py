"""The jobs on a user's file: a file and an environment -> what loading it really does there.

Face: `open_workbench` (a sandbox with one environment's probe in it), `LoadOrder`, `Observed`.
"""

from runner.userfile.orders import LoadOrder
from runner.userfile.workbench import Observed, Workbench, open_workbench

__all__ = ["LoadOrder", "Observed", "Workbench", "open_workbench"]
