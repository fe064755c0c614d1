"""The causes of scenarios/causes.toml as frozen types, in file order (stage 1).

Whether a cause is seen in an environment that is no longer declared, whether a regular
expression compiles and whether a word is of its vocabulary is all checked here: anything
wrong is a `ConfigurationError` that names the cause, the rule and the next step.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from runner.declare.documents import read_document, refuse_duplicates
from runner.declare.place import Place, shortened_sentence, shown
from runner.domain import UNCLASSIFIED, UNEXPLAINED, Cause, CauseRule
from runner.domain.causes import HELPED, Sentence
from runner.domain.errors import ConfigurationError
from runner.domain.selector import minor_of, unmatched

REGEXES = ("message", "traceback", "detail")
SENTENCE_REGEXES = ("name", "message", "traceback", "details")
CONDITIONS = (
    *SENTENCE_REGEXES,
    *("bare", "direction", "owner", "writers", "readers", "formats", "scenarios", "outcomes"),
    *("stages", "exceptions", "damaged", "other_python", "aspects", "remedies"),
)
"""Fields of a sentence of which one at least is given where cells decide it."""


def cause_titles(root: Path) -> dict[str, str]:
    """Return the titles of the declared causes by id; `root` is that of the repository."""
    return {each.id: each.title for each in load_causes(root / "scenarios" / "causes.toml")}


def load_causes(path: Path) -> tuple[Cause, ...]:
    """Return the causes in file order: the first that matches a result is its cause.

    Raises:
        ConfigurationError: the file is missing or malformed, or an entry is inconsistent.
    """
    document = read_document(path, ("cause",))
    causes = []
    for entry in document.entries("cause"):
        cause = entry.read(Cause)
        if cause.id == UNCLASSIFIED:
            entry.place.fail(f"the id {UNCLASSIFIED!r} stands for cells without a cause", key="id")
        for number, rule in enumerate(cause.rules):
            _check_rule(entry.place.inside("rule", number), rule)
        for number, sentence in enumerate(cause.says):
            _check_sentence(entry.place.inside("says", number), sentence)
        causes.append(cause)
    refuse_duplicates(document.place, "cause", (cause.id for cause in causes))
    return tuple(causes)


def check_seen(path: Path, causes: Collection[Cause], environment_ids: Collection[str]) -> None:
    """Fail when a cause names an environment that is not declared.

    Raises:
        ConfigurationError: one it was seen in, or a glob of a rule that matches none.
    """
    for cause in causes:
        unknown = sorted(each for each in cause.seen if minor_of(each) not in environment_ids)
        if unknown:
            raise ConfigurationError(
                f"{path}: cause {cause.id!r}: `seen` names {shown(unknown[0])}",
                cause="the environment was renamed or is no longer declared",
                next_step="derive `seen` again: python tests/capture_causes.py",
            )
        for number, rule in enumerate(cause.rules, start=1):
            for key, globs in (("writers", rule.writers), ("readers", rule.readers)):
                for missing in filter(None, (unmatched(each, environment_ids) for each in globs)):
                    raise ConfigurationError(
                        f"{path}: cause {cause.id!r}: rule {number}: `{key}` names "
                        f"{shown(missing)}, which matches no environment",
                        cause="a typing error, or the environment is no longer declared",
                        next_step="see the ids in containers/environments.toml",
                    )


def check_remedies(path: Path, causes: Collection[Cause], remedies: Collection[str]) -> None:
    """Fail when a rule speaks of remedies that are not declared."""
    for cause in causes:
        for number, rule in enumerate(cause.rules, start=1):
            for missing in filter(None, (unmatched(each, remedies) for each in rule.remedies)):
                raise ConfigurationError(
                    f"{path}: cause {cause.id!r}: rule {number}: `remedies` names "
                    f"{shown(missing)}, which matches no remedy",
                    cause="a typing error, or the remedy is no longer declared",
                    next_step="see the ids in scenarios/remedies.toml",
                )


def _check_rule(place: Place, rule: CauseRule) -> None:
    explained = rule.outcomes & UNEXPLAINED
    if explained:
        said = f"`outcomes` names {', '.join(sorted(explained))}, which has no cause"
        place.fail(said, key="outcomes")
    _check_regexes(place, rule, REGEXES)


def _check_sentence(place: Place, sentence: Sentence) -> None:
    """Fail unless a sentence rests on one thing: its cells, a source, or nothing measured."""
    _check_regexes(place, sentence, SENTENCE_REGEXES)
    conditions = [key for key in CONDITIONS if getattr(sentence, key) not in _NOTHING]
    bases = [sentence.link is not None, sentence.untested, bool(conditions)]
    if sum(bases) != 1:
        place.fail("a sentence rests on cells, on a `link`, or is `untested`: on just one of them")
    if (sentence.owner is not None) != bool(sentence.name):
        place.fail("`owner` and `name` go together", key="owner")
    if sentence.name and re.compile(sentence.name).groups != 1:
        place.fail("`name` has no group, or several", key="name")
    if HELPED in sentence.text and not sentence.remedies:
        place.fail(f"{HELPED} stands in a sentence without `remedies`", key="text")


def _check_regexes(place: Place, holder: CauseRule | Sentence, keys: Iterable[str]) -> None:
    for key in keys:
        try:
            re.compile(getattr(holder, key), re.DOTALL)
        except (re.error, RecursionError, OverflowError) as error:
            said = shortened_sentence(str(error))
            place.fail(f"`{key}` is no regular expression: {said}", key=key)


_NOTHING: tuple[object, ...] = ("", (), None, False, frozenset())
