"""The answer of a check in words: what to install, how to load, what that gives up. Pure.

Input: what was found. Output: sentences, the most useful first. A sentence never says more than
was measured: outputs on some inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.check.answer import CheckedFile, Group, Reader, Said
from runner.check.order import Order
from runner.check.outputs import Outputs, says_little
from runner.check.results import NOT_TRIED, WORKS, Result
from runner.check.ways import ARCHITECTURE
from runner.inspect import Description

MOST_NAMED = 6
GIVES_UP = {
    "compile": "its loss and metrics",
    "optimizer": "the optimizer's state",
    "weights": "its weights",
    "structure": "its layers",
    "losses": "its regularization losses",
    "training": "training on",
}
"""Parts of a model, as a sentence names them."""
OWN_MODULES = {
    "compat_shims": "runner/probe/compat_shims.py",
    "unix_names": "runner/fileprobe/unix_names.py",
}
"""Modules of this tool that the code of a way uses."""
MODEL_ITSELF = frozenset({"weights", "structure"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Everything that sentences are made of."""

    file: CheckedFile
    readers: tuple[Reader, ...]
    groups: tuple[Group, ...]
    reference: str
    expected: bool
    best: str
    order: Order
    description: Description
    outputs: Outputs | None
    wrong_name: bool


def find_best(readers: Sequence[Reader], groups: Sequence[Group]) -> str:
    """Return the reader to advise: the newest whose model is the file's, by the cheapest way.

    A way that gives up the model itself comes after every other. Where no reader is a reference and
    they compute several things, nobody knows whose model it is: none is advised.
    """
    works = [each for each in readers if each.result in WORKS]
    if not works or (len(groups) > 1 and not any(each.reference for each in groups)):
        return ""
    return min(
        enumerate(works),
        key=lambda pair: (
            pair[1].result is Result.NOT_CALLED,
            bool(MODEL_ITSELF & set(pair[1].gives_up)),
            pair[0],
        ),
    )[1].environment


def answer_words(told: Told) -> tuple[Said, ...]:
    """Return the sentences."""
    return tuple(
        each if isinstance(each, Said) else Said(text=each)
        for part in (_result, _advice, _bare, _groups, _limits, _not_tried)
        for each in part(told)
    )


def _result(told: Told) -> Iterator[str | Said]:
    tried = [each for each in told.readers if each.result not in NOT_TRIED]
    works = [each for each in tried if each.result in WORKS]
    if not tried:
        yield "No environment could try to load it: this says nothing of the file."
        return
    bare = [each for each in works if each.way == "none"]
    verb = "gives the expected outputs" if told.expected else "loads it"
    if not works:
        what = "gives the expected outputs" if told.expected else "loads it"
        yield f"None of the {len(tried)} environments that tried {what}."
        return
    yield (
        f"{len(works)} of {len(tried)} environments {_plural(verb, len(works))}, "
        f"{len(bare)} of them as it is."
    )


def _plural(verb: str, number: int) -> str:
    if number == 1:
        return verb
    return verb.replace("loads", "load", 1).replace("gives", "give", 1)


def _advice(told: Told) -> Iterator[str | Said]:
    best = next((each for each in told.readers if each.environment == told.best), None)
    if best is None:
        if any(each.result in WORKS for each in told.readers):
            yield (
                "They compute several things, and none of them is of the version that wrote the "
                "file: which of them is its model is not known. --expect FILE.npz decides."
            )
        return
    yield Said(text=f"The newest is {best.environment}, {best.words}:", code=_recipe(best))
    for module, path in OWN_MODULES.items():
        if f"{module}." in best.code:
            yield f"{module} is {path} of this tool: copy it beside your code."
    if best.gives_up:
        lost = ", ".join(GIVES_UP[each] for each in best.gives_up)
        yield f"That way gives up {lost}."


def _recipe(reader: Reader) -> str:
    return f"{reader.install}\n{reader.code}"


def _bare(told: Told) -> Iterator[Said]:
    """Name the newest that needs nothing, where the newest of all needs something."""
    best = next((each for each in told.readers if each.environment == told.best), None)
    if best is None or best.way == "none":
        return
    bare = next(
        (each for each in told.readers if each.result in WORKS and each.way == "none"),
        None,
    )
    if bare is not None and bare.result is best.result:
        yield Said(
            text=f"The newest that loads it as it is: {bare.environment}:", code=_recipe(bare)
        )


def _groups(told: Told) -> Iterator[str]:
    held = "the expected outputs" if told.expected else f"{told.reference}, which fits its writer"
    for group in told.groups:
        names = ", ".join(group.readers)
        if group.reference and len(group.readers) > 1:
            most = f"(largest difference {group.largest_difference:.2g})"
            yield f"The same outputs on the same inputs {most}: {names}."
        elif not group.reference and (told.reference or told.expected):
            yield (
                f"WARNING: {names} {_plural('loads', len(group.readers))} it and computes "
                f"something else than {held}."
            )
        elif not group.reference and len(told.groups) > 1:
            yield f"They agree with each other: {names}."
    unstable = [each.environment for each in told.readers if each.result is Result.UNSTABLE]
    if unstable:
        yield (
            f"WARNING: {', '.join(unstable)}: loaded twice it computes two things, since weights "
            "of the file are not restored."
        )


def _limits(told: Told) -> Iterator[str]:
    """Say how far the comparison goes."""
    uncalled = any(each.result is Result.NOT_CALLED for each in told.readers)
    if uncalled and told.file.kind == ARCHITECTURE:
        yield "It holds an architecture alone: its weights are in another file."
    elif uncalled:
        yield "Not compared where nobody knows a shape that the model can be called with."
    if told.outputs is not None and (why := says_little(told.outputs)):
        yield f"The comparison of outputs says little: {why}. --expect FILE.npz says more."
    alone = len(told.groups) == 1 and len(told.groups[0].readers) == 1
    if alone and not told.expected:
        yield "One environment alone computed outputs: nothing was compared."
    elif told.groups and not (told.reference or told.expected) and len(told.groups) == 1:
        yield (
            "None of them is known to be the version that wrote the file: they agree with each "
            "other, which is all that is known."
        )


def _not_tried(told: Told) -> Iterator[str]:
    refused = any(each.result is Result.CODE_REFUSED for row in told.readers for each in row.tried)
    bytecode = refused or any(each.bytecode for each in told.description.functions)
    if bytecode and not told.order.allow_code:
        yield (
            "The file holds Python bytecode, which was not executed: ways that need it were not "
            "tried. --allow-code tries them, in the sandbox."
        )
    custom = list(dict.fromkeys(each.value for each in told.description.custom))
    if custom and told.order.custom_objects is None:
        named = ", ".join(custom[:MOST_NAMED])
        yield (
            f"It has classes or functions that are not Keras' own ({named}): ways that need their "
            "code were not tried. --custom-objects FILE.py tries them."
        )
    for result, words in (
        (Result.UNSUPPORTED, "have no such format by declaration, and were not tried"),
        (Result.ENVIRONMENT_UNAVAILABLE, "could not be built here, which says nothing of the file"),
        (Result.HARNESS_ERROR, "failed by a fault of this tool, which says nothing of the file"),
    ):
        names = [each.environment for each in told.readers if each.result is result]
        if names:
            yield f"{', '.join(names)}: {words}."
    if told.wrong_name:
        yield f"Its name {told.file.name} is not that of its container, {told.file.title}."
