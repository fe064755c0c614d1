"""The rules of scenarios/rewrites.toml as frozen types, in file order (stage 1)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.declare.documents import Entry, read_document, refuse_duplicates
from runner.domain.errors import ConfigurationError
from runner.domain.rewriting import Action, RewriteRule
from runner.domain.selector import unmatched

NEEDS: Mapping[Action, tuple[str, ...]] = {
    Action.DROP: ("arguments",),
    Action.RENAME: ("arguments", "name"),
    Action.REPLACE: ("arguments", "values", "value"),
    Action.ADD: ("arguments", "value"),
    Action.CLASS: ("name",),
    Action.TRANSLATE: ("translation",),
}
"""The keys that an action needs."""
WRITTEN_AS_JSON = ("values", "value")
"""Keys whose text is JSON: TOML has no null."""


def load_rewrites(path: Path) -> tuple[RewriteRule, ...]:
    """Return the rules in file order, in which they are applied.

    Raises:
        ConfigurationError: the file is missing or malformed, or a rule is inconsistent.
    """
    document = read_document(path, ("rule",))
    rules = []
    for entry in document.entries("rule"):
        rule = _decoded(entry).read(RewriteRule)
        for key in NEEDS[rule.action]:
            if key not in entry.values:
                entry.place.fail(f"a rule that does {rule.action} needs `{key}`", key="action")
        rules.append(rule)
    refuse_duplicates(document.place, "rule", (rule.id for rule in rules))
    return tuple(rules)


def check_readers(
    path: Path, rules: Collection[RewriteRule], environment_ids: Collection[str]
) -> None:
    """Fail when a glob of a rule matches no declared environment.

    Raises:
        ConfigurationError: it names the rule and the glob.
    """
    for rule in rules:
        for glob in rule.readers:
            if missing := unmatched(glob, environment_ids):
                raise ConfigurationError(
                    f"{path}: rule {rule.id!r}: `readers` names {missing!r}",
                    cause="the environment was renamed or is no longer declared",
                    next_step="see the environments there are: `nox -s envs`",
                )


def _decoded(entry: Entry) -> Entry:
    """Return an entry whose JSON texts are the values they write."""
    values: dict[str, Any] = dict(entry.values)
    for key in WRITTEN_AS_JSON:
        if key not in values:
            continue
        try:
            values[key] = json.loads(values[key])
        except (TypeError, ValueError) as error:
            entry.place.fail(f"`{key}` is not JSON: {error}", key=key)
    return replace(entry, values=values)
