"""A user's file -> the versions that really load it, and how; measured in a sandbox.

Face: `check` (loads the file in each environment), `Order` (what is asked), `Answer` (what was
found, schema check/1).
"""

from runner.check.answer import Answer, Reader
from runner.check.order import Order
from runner.check.work import check

__all__ = ["Answer", "Order", "Reader", "check"]
