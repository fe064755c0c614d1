"""Stage 1: scenarios/causes.toml -> frozen causes, in file order.

Whether a cause is seen in an environment that is no longer declared, whether a regular
expression compiles and whether a word is of its vocabulary is all checked here: anything
wrong is a `ConfigurationError` that names the cause, the rule and the next step.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from runner.declare.strict import StrictTable, read_entries, read_toml, refuse_duplicates, top_level
from runner.domain import UNCLASSIFIED, UNEXPLAINED, Aspect, Cause, CauseRule, Format, Outcome
from runner.domain.errors import ConfigurationError

STAGES = ("prepare", "save", "load", "call", "train", "compare")


def load_causes(path: Path) -> tuple[Cause, ...]:
    """Return the causes in file order: the first that matches a result is its cause.

    Raises:
        ConfigurationError: the file is missing or malformed, or an entry is inconsistent.
    """
    document = read_toml(path)
    top_level(path, document, ("cause",))
    causes = []
    for table, entry in zip(
        read_entries(path, document, "cause"), document.get("cause", []), strict=True
    ):
        causes.append(_parse_cause(table, entry))
        table.finish()
    refuse_duplicates(path, "cause", (cause.id for cause in causes))
    return tuple(causes)


def check_seen(path: Path, causes: Collection[Cause], environment_ids: Collection[str]) -> None:
    """Fail when a cause says it was seen in an environment that is not declared."""
    for cause in causes:
        unknown = sorted(set(cause.seen) - set(environment_ids))
        if unknown:
            raise ConfigurationError(
                f"{path}: cause {cause.id!r}: `seen` names {', '.join(unknown)}",
                cause="the environment was renamed or is no longer declared",
                next_step="derive `seen` again: python tests/capture_causes.py",
            )


def _parse_cause(table: StrictTable, entry: Mapping[str, Any]) -> Cause:
    table.has("rule")
    rules = []
    for rule in read_entries(table.path, entry, "rule"):
        rule.entry = f"{table.entry}: {rule.entry}"
        rules.append(_parse_rule(rule))
        rule.finish()
    cause = Cause(
        id=table.id(),
        title=table.text("title"),
        explanation=table.text("explanation"),
        links=table.texts("links", ()),
        rules=tuple(rules),
        seen=table.texts("seen"),
    )
    if cause.id == UNCLASSIFIED:
        table.fail(f"the id {UNCLASSIFIED!r} is what has no cause")
    if not rules:
        table.fail("it has no [[cause.rule]]", cause="nothing would ever have this cause")
    for link in cause.links:
        if not link.startswith("https://"):
            table.fail(f"`links` holds {link!r}", cause="a link begins with https://")
    return cause


def _parse_rule(table: StrictTable) -> CauseRule:
    rule = CauseRule(
        outcomes=frozenset(table.members("outcomes", Outcome, required=True)),
        stages=table.known("stages", table.texts("stages", ()), STAGES),
        exceptions=table.texts("exceptions", ()),
        message=_regex(table, "message"),
        traceback=_regex(table, "traceback"),
        formats=table.members("formats", Format, ()),
        remedies=table.texts("remedies", ()),
        damaged=table.flag("damaged") if table.has("damaged") else None,
        aspects=frozenset(table.members("aspects", Aspect, ())),
        only=frozenset(table.members("only", Aspect, ())),
        detail=_regex(table, "detail"),
        writers=table.texts("writers", ()),
        readers=table.texts("readers", ()),
    )
    explained = rule.outcomes & UNEXPLAINED
    if explained:
        table.fail(f"`outcomes` names {', '.join(sorted(explained))}, which has no cause")
    return rule


def _regex(table: StrictTable, key: str) -> str:
    text = table.text(key, "")
    try:
        re.compile(text, re.DOTALL)
    except re.error as error:
        table.fail(f"`{key}` is no regular expression: {error}")
    return text
