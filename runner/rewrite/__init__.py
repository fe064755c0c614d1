"""The rewriting of a model file: its configuration edited in a copy, without a framework.

Face: `rewrite` (a file, the copy's path, the environment that shall read it -> what was changed,
done in a confined child process), `rewrite_all` (the same for many files, in one process),
`rewrite_config` (a configuration that was read already).
"""

from runner.rewrite.confined import Order, rewrite, rewrite_all
from runner.rewrite.engine import rewrite_config, rules_for

__all__ = ["Order", "rewrite", "rewrite_all", "rewrite_config", "rules_for"]
