"""The data of the search: everything that has an address, and what explains an error text.

Input: a published run, the families of its messages, and the causes as declared. Output: the value
of `data/search.js`. Paths lead from the site's own folder.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runner.analyse.explain import beside_text
from runner.analyse.messages import Family
from runner.domain import UNCLASSIFIED, Cause, Outcome
from runner.publish.reading import PublishedRun
from runner.publish.record import CauseRecord

Document = list[str]
"""Kind, address, title, text that is shown, further words that find it."""
LONGEST_SHOWN = 400


def search_data(
    data: PublishedRun, families: Sequence[Family], causes: Sequence[Cause]
) -> dict[str, Any]:
    """Return the documents, the families of messages and the rules of the causes."""
    seen = {str(each) for each in data.cells["cause"].unique()} - {""}
    titles = {name: data.run.describe_cause(name).title for name in seen}
    titles |= {each.id: each.title for each in causes}
    return {
        "documents": [*_documents(data, families, seen)],
        "messages": [
            [each.id, each.exception, each.whole, list(each.lines), each.causes]
            for each in families
        ],
        "rules": [*_rules(causes)],
        "causes": {name: [title, int(name in seen)] for name, title in sorted(titles.items())},
        "unclassified": UNCLASSIFIED,
        "raised": str(Outcome.LOAD_ERROR),
    }


def _documents(
    data: PublishedRun, families: Sequence[Family], seen: set[str]
) -> Iterator[Document]:
    run = data.run
    for name in sorted(seen):
        yield _describe_cause(run.describe_cause(name))
    for scenario in run.scenarios:
        shown = [scenario.title, scenario.summary, f"{scenario.id} {scenario.group}"]
        yield ["scenario", f"scenario/{scenario.id}.html", *shown]
    for name, users in sorted(find_layers(run.sources).items()):
        titles = {each.id: each.title for each in run.scenarios if each.module in users}
        if not titles:
            # A module that others import, or of scenarios that this run does not have.
            continue
        text = "; ".join(titles.values())
        yield ["layer", f"scenario/{next(iter(titles))}.html", name, text, " ".join(titles)]
    for claim in data.claims.claims if data.claims else ():
        text = f"{claim.verdict}: {claim.article}"
        yield ["claim", f"claims.html#{claim.id}", claim.statement, text, claim.id]
    for environment in run.environments:
        packages = " ".join(f"{name} {value}" for name, value in environment.resolved.items())
        text = f"{environment.family} on {environment.backend}, {environment.released}"
        yield ["environment", f"environments.html#{environment.id}", environment.id, text, packages]
    for remedy in run.remedies:
        yield ["remedy", f"remedies.html#{remedy.id}", remedy.title, remedy.code, remedy.id]
    for each in families:
        words = " ".join((*each.names, *each.causes))
        title = f"{each.exception}: {each.whole}"
        yield ["error", f"errors.html#{each.id}", title, each.text[:LONGEST_SHOWN], words]


def _describe_cause(cause: CauseRecord) -> Document:
    says = " ".join(each.text for each in cause.says) or cause.explanation
    words = " ".join((cause.id, says[LONGEST_SHOWN:], *cause.links))
    return ["cause", f"causes.html#{cause.id}", cause.title, says[:LONGEST_SHOWN], words]


def find_layers(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the layers of Keras that the code of scenarios names -> modules that name them."""
    found: dict[str, set[str]] = {}
    for module, source in sources.items():
        for name in _layers_of(source):
            found.setdefault(name, set()).add(module)
    return found


def _layers_of(source: str) -> Iterable[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr[:1].isupper():
            of = node.value
            named = of.id if isinstance(of, ast.Name) else getattr(of, "attr", "")
            if named == "layers":
                yield node.attr


def _rules(causes: Iterable[Cause]) -> Iterator[list[Any]]:
    """`[cause, message, traceback, exceptions, outcomes, further conditions]`, in their order."""
    for cause in causes:
        for rule in cause.rules:
            if rule.message:
                beside = sorted({*beside_text(rule)} - {"outcomes"})
                outcomes = sorted(map(str, rule.outcomes))
                exceptions = list(rule.exceptions)
                yield [cause.id, rule.message, rule.traceback, exceptions, outcomes, beside]
