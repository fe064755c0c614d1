"""The description of a model file, without a framework: read, never executed.

Face: `describe` (a path -> a `Description`, read in a confined child process), `describe_here`
(the same in this process), `matching_scenarios` and `check_witness` (a description held against
the witnesses of scenarios).
"""

from runner.inspect.confined import describe
from runner.inspect.description import Basis, Container, Description, Statement
from runner.inspect.reading import describe_here
from runner.inspect.witness import check_witness, evaluate, matching_scenarios

__all__ = [
    "Basis",
    "Container",
    "Description",
    "Statement",
    "check_witness",
    "describe",
    "describe_here",
    "evaluate",
    "matching_scenarios",
]
