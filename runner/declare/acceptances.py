"""The acceptances of a gate: accepted.toml -> `Acceptance`s, and the smallest change of its text.

Input: the file. Output: what it declares; or the file with one acceptance more or fewer, sorted by
cells, every other entry as it was. An acceptance without a reason, a link or an end is an error.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from runner.declare.documents import read_document, refuse_duplicates
from runner.domain.errors import ConfigurationError
from runner.domain.gate import Acceptance
from runner.domain.selector import parse_pattern

TABLE = "accepted"
LEAST_WORDS = 3
"""Of a reason: fewer say nothing."""
HEADER = """\
# Changes for the worse that are meant: the gate takes them for known failures until a release.
# One that matches nothing any more, or whose cells are fixed, is an error.
"""


def read_acceptances(path: Path) -> tuple[Acceptance, ...]:
    """Return the acceptances of a file; none where there is no file.

    Raises:
        ConfigurationError: it is malformed, or an entry lacks its reason, link or end.
        SelectionError: a selector does not have the shape of one.
    """
    if not path.exists():
        return ()
    document = read_document(path, (TABLE,))
    found = []
    for entry in document.entries(TABLE):
        acceptance = entry.read(Acceptance)
        parse_pattern(acceptance.cells)
        found.append(acceptance)
    keys = [f"{each.cells} {each.outcome} {each.cause}" for each in found]
    refuse_duplicates(document.place, "the acceptance of", keys)
    return tuple(found)


def with_acceptances(text: str, added: Iterable[Acceptance]) -> str:
    """Return the text of a file with further acceptances, each in its place."""
    head, entries = _split(text)
    entries += [(_key(each), write_acceptance(each)) for each in added]
    return _join(head, entries)


def without_acceptances(text: str, removed: Sequence[Acceptance]) -> str:
    """Return the text of a file without some acceptances; the others keep every character."""
    gone = {_key(each) for each in removed}
    head, entries = _split(text)
    return _join(head, [(key, entry) for key, entry in entries if key not in gone])


def write_acceptance(acceptance: Acceptance) -> str:
    """Return an entry as it stands in a file."""
    lines = [f"[[{TABLE}]]", f"cells = {_quote(acceptance.cells)}"]
    lines.append(f"outcome = {_quote(acceptance.outcome)}")
    if acceptance.cause:
        lines.append(f"cause = {_quote(acceptance.cause)}")
    if acceptance.aspects:
        lines.append(f"aspects = [{', '.join(map(_quote, acceptance.aspects))}]")
    lines.append(f"reason = {_quote(acceptance.reason)}")
    lines.append(f"link = {_quote(acceptance.link)}")
    lines.append(f"until = {_quote(acceptance.until)}")
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    # A basic string of TOML escapes as JSON does.
    return json.dumps(str(text), ensure_ascii=False)


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what stands before the first entry, and the entries with what they are sorted by."""
    mark = f"[[{TABLE}]]"
    head, *parts = ("\n" + (text or HEADER)).split(f"\n{mark}")
    entries = [f"{mark}{part.rstrip()}\n" for part in parts]
    return head.removeprefix("\n"), [(_key_of(entry), entry) for entry in entries]


def _key_of(entry: str) -> str:
    values = tomllib.loads(entry)[TABLE][0]
    return " ".join(str(values.get(name, "")) for name in ("cells", "outcome", "cause"))


def _key(acceptance: Acceptance) -> str:
    return f"{acceptance.cells} {acceptance.outcome} {acceptance.cause}"


def _join(head: str, entries: Sequence[tuple[str, str]]) -> str:
    ordered = [entry for _, entry in sorted(entries, key=lambda each: each[0])]
    return "\n".join([head.rstrip() + "\n", *ordered]) if head.strip() else "\n".join(ordered)


def require_reason(reason: str) -> None:
    """Refuse a reason that says nothing.

    Raises:
        ConfigurationError: it is empty, or the placeholder of a printed command.
    """
    if len(reason.split()) >= LEAST_WORDS:
        return
    raise ConfigurationError(
        f"an acceptance needs a reason, and {reason!r} is none",
        cause="the placeholder of the printed command was left as it is, or the text is too short",
        next_step="give it again with --reason 'a sentence of at least three words'",
    )
