"""The application of rules to a configuration. Pure.

Input: the JSON of a model's configuration, as Keras writes it, and rules. Output: the edited JSON
and a `Change` for each edit. An object is a mapping with `class_name` and `config`; a rule is
applied to each object it is about, and then to those inside it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from runner.domain.rewriting import Action, Change, RewriteRule, show_value
from runner.domain.selector import matches_environment
from runner.rewrite.translations import TRANSLATIONS

Config = dict[str, Any]
DEEPEST = 200
"""Objects inside each other that are looked at; real models nest some tens."""


def rules_for(rules: Iterable[RewriteRule], reader: str, wrote: str) -> list[RewriteRule]:
    """Return the rules for a reading environment and the version of Keras that a file names."""
    return [
        rule
        for rule in rules
        if matches_environment(reader, rule.readers)
        and any(fnmatchcase(wrote, glob) for glob in rule.wrote)
    ]


def rewrite_config(config: Any, rules: Sequence[RewriteRule]) -> tuple[Any, list[Change]]:
    """Return the configuration as the rules write it, and what they changed.

    The given one stays as it is.
    """
    changes: list[Change] = []
    edited = copy.deepcopy(config)
    for found, where in _objects(edited, ()):
        for rule in rules:
            if _is_about(rule, found):
                label = f"{'/'.join(where)} ({found['class_name']})".strip()
                changes += (
                    _change(rule, label, *each) for each in _ACTIONS[rule.action](rule, found)
                )
    return edited, changes


def _objects(value: Any, where: tuple[str, ...]) -> Iterator[tuple[Config, tuple[str, ...]]]:
    """Yield each object with the names around it, before those inside it."""
    if len(where) > DEEPEST:
        return
    if isinstance(value, list):
        for each in value:
            yield from _objects(each, where)
    if not isinstance(value, dict):
        return
    if isinstance(value.get("class_name"), str) and "config" in value:
        config = value["config"]
        name = config.get("name") if isinstance(config, dict) else None
        where = (*where, name) if isinstance(name, str) else where
        yield value, where
    for key in list(value):
        yield from _objects(value[key], where)


def _is_about(rule: RewriteRule, found: Config) -> bool:
    return any(fnmatchcase(found["class_name"], glob) for glob in rule.classes)


Edit = tuple[str, Any, Any]
"""The argument, its value before and after; `ABSENT` for none."""
ABSENT = object()


def _change(rule: RewriteRule, where: str, what: str, before: Any, after: Any) -> Change:
    shown = ["" if each is ABSENT else show_value(each) for each in (before, after)]
    return Change(rule=rule.id, where=where, what=what, before=shown[0], after=shown[1])


def _is_meant(rule: RewriteRule, value: Any) -> bool:
    if rule.values is None:
        return True
    # True == 1: a flag is no number.
    return any(
        value == each and isinstance(value, bool) == isinstance(each, bool) for each in rule.values
    )


def _arguments(rule: RewriteRule, found: Config) -> Iterator[tuple[Config, str]]:
    """Yield the arguments that an object has and a rule is about, those of `compile` too."""
    for config in (found["config"], found.get("compile_config")):
        if isinstance(config, dict):
            for name in rule.arguments:
                if name in config and _is_meant(rule, config[name]):
                    yield config, name


def _drop(rule: RewriteRule, found: Config) -> Iterator[Edit]:
    for config, name in _arguments(rule, found):
        yield name, config.pop(name), ABSENT


def _rename(rule: RewriteRule, found: Config) -> Iterator[Edit]:
    for config, name in _arguments(rule, found):
        if rule.name not in config:
            config[rule.name] = config.pop(name)
            yield name, config[rule.name], {rule.name: config[rule.name]}


def _replace(rule: RewriteRule, found: Config) -> Iterator[Edit]:
    for config, name in _arguments(rule, found):
        before, config[name] = config[name], copy.deepcopy(rule.value)
        yield name, before, rule.value


def _add(rule: RewriteRule, found: Config) -> Iterator[Edit]:
    config = found["config"]
    if isinstance(config, dict):
        for name in rule.arguments:
            if name not in config:
                config[name] = copy.deepcopy(rule.value)
                yield name, ABSENT, rule.value


def _name_class(rule: RewriteRule, found: Config) -> Iterator[Edit]:
    before, found["class_name"] = found["class_name"], rule.name
    yield "class_name", before, rule.name


def _translate(rule: RewriteRule, found: Config) -> Iterator[Edit]:
    if rule.translation is None or not isinstance(found["config"], dict):
        return
    translate = TRANSLATIONS[rule.translation]
    before = found["config"]
    after = translate(copy.deepcopy(before), rule.arguments)
    for name in dict.fromkeys((*before, *after)):
        if before.get(name, ABSENT) != after.get(name, ABSENT):
            yield name, before.get(name, ABSENT), after.get(name, ABSENT)
    found["config"] = after


_ACTIONS: Mapping[Action, Callable[[RewriteRule, Config], Iterator[Edit]]] = {
    Action.DROP: _drop,
    Action.RENAME: _rename,
    Action.REPLACE: _replace,
    Action.ADD: _add,
    Action.CLASS: _name_class,
    Action.TRANSLATE: _translate,
}
