"""The errors of our side, one class and one exit code each.

A failing cell is a value (an outcome), never one of these: an exception means that
the configuration, the machine or the harness failed. Every message says what
happened, the likely cause and the next command.
"""

from __future__ import annotations

from typing import ClassVar

LONGEST = 60
"""Characters of a foreign text that a message repeats."""


def shortened(text: str) -> str:
    """Return a text as a message repeats it: cut after `LONGEST` characters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


class MatrixError(Exception):
    """Base of every error that ends a command.

    `message` says what happened, `cause` why that is likely, `next_step` what to
    run or change. `exit_code` is documented in docs/commands.md.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, cause: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.next_step = next_step

    def __str__(self) -> str:
        lines = [self.message]
        if self.cause:
            lines.append(f"  likely cause: {self.cause}")
        if self.next_step:
            lines.append(f"  next: {self.next_step}")
        return "\n".join(lines)


class SelectionError(MatrixError):
    """An unknown id, or a selector that matches nothing."""

    exit_code = 2


class ConfigurationError(MatrixError):
    """A declaration (TOML, lock, scenario module) is malformed or inconsistent."""

    exit_code = 3


class ProvisionError(MatrixError):
    """One environment could not be built; the run goes on without it."""

    exit_code = 4


class BuildError(ProvisionError):
    """A build given with --with could not be made, locked or imported: nothing was measured."""

    exit_code = 16


class NoEnvironmentError(MatrixError):
    """Not one of the selected environments could be built: there is nothing to measure."""

    exit_code = 5


class StoreError(MatrixError):
    """The store cannot be read or written (read-only, full disk, damaged)."""

    exit_code = 6


class BusyError(MatrixError):
    """Another run holds the store."""

    exit_code = 7


class NotReadable(MatrixError):
    """A file of the user's cannot be read, or is nothing that models are kept in."""

    exit_code = 8


class UnknownText(MatrixError):
    """No cause is known for an error text of the user's."""

    exit_code = 9


class NoSandbox(MatrixError):
    """Nothing on this machine confines a model file: it is not loaded."""

    exit_code = 13


class NoChain(MatrixError):
    """No chain of environments leads from a model file to one that the target reads."""

    exit_code = 14


class NoReader(MatrixError):
    """No environment that tried loads a model file, or none gives the expected outputs."""

    exit_code = 15


class ControlFailure(MatrixError):
    """A control did not behave: nothing this matrix says can be trusted."""

    exit_code = 10


class RegressionFound(MatrixError):
    """The gate was asked for, and a cell is worse than expected."""

    exit_code = 11


class AuditDisagreement(MatrixError):
    """A re-run in fresh processes disagrees with a recorded outcome."""

    exit_code = 12


class PartsDisagree(MatrixError):
    """Two parts of a run do not go together: nothing was joined."""

    exit_code = 24


class PartsMissing(MatrixError):
    """Parts of a run were joined, and cells of its plan are missing."""

    exit_code = 25


class ClusterError(MatrixError):
    """A cluster cannot be used: no scheduler or worker answers, or it is refused."""

    exit_code = 26


class CouldNotJudge(MatrixError):
    """The gate could not judge every cell it was asked for: that is no pass."""

    exit_code = 20


class StaleAcceptance(MatrixError):
    """An acceptance matches nothing any more, or its cells are fixed."""

    exit_code = 21


class PackError(MatrixError):
    """A pack of frozen artifacts is damaged, of another version, or does not fit this tool."""

    exit_code = 27


class IncompleteMatrix(MatrixError):
    """An artifact, a witness or a control is missing, and nothing declares why."""

    exit_code = 22


class NothingChanges(MatrixError):
    """A cell was bisected that is the same at every release."""

    exit_code = 23
