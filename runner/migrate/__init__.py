"""A user's file -> a file that a target reads as the same model, and how it was made.

Face: `migrate` (runs the search in a sandbox), `Order` (what is asked), `Manifest` (what was done).
"""

from runner.migrate.manifest import Manifest
from runner.migrate.order import Order
from runner.migrate.work import migrate

__all__ = ["Manifest", "Order", "migrate"]
