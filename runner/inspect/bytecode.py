"""The bytecode of a lambda, read by hand and never loaded -> the Pythons that write such.

Input: the text that a configuration holds: base64, or the bytes as characters in files of Keras
before 2.1. Output: a range of versions and what it was inferred from. `marshal` is never called:
the head of a code object tells the layout (CPython's `Python/marshal.c`), and the first and last
instructions tell the rest.
"""

from __future__ import annotations

import base64
import binascii

CODE = (0x63, 0xE3)
"""The type of a code object, without and with the flag of a reference."""
TEXT = (0x73, 0xF3)
RETURN_VALUE = 83
RESUME = {151: "3.11 or 3.12", 149: "3.13", 128: "3.14"}
"""Opcode of the instruction that every function begins with since 3.11."""
PREFIXES = {"3.11 or 3.12": (135, 149), "3.13": (94, 62), "3.14": (97, 62)}
LONGEST = 2**20


def decode(text: str) -> bytes:
    """Return the bytes of a code object; empty where the text holds none."""
    if len(text) > LONGEST:
        return b""
    try:
        content = base64.b64decode(text.encode("ascii"), validate=False)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        content = b""
    if content[:1] and content[0] in CODE:
        return content
    content = text.encode("latin-1", "replace")
    return content if content[:1] and content[0] in CODE else b""


def python_of(content: bytes) -> tuple[str, str]:
    """Return the versions of Python that write it, and from what that follows; else empty."""
    for numbers in (4, 5, 6):
        place = 1 + 4 * numbers
        if place + 5 > len(content) or content[place] not in TEXT:
            continue
        heads = [int.from_bytes(content[at : at + 4], "little") for at in range(1, place, 4)]
        if max(heads[:-1]) > 100_000:
            continue
        length = int.from_bytes(content[place + 1 : place + 5], "little")
        code = content[place + 5 : place + 5 + length]
        if length and len(code) == length:
            return _by_layout(numbers, code)
    return "", ""


def _by_layout(numbers: int, code: bytes) -> tuple[str, str]:
    said = f"a code object's head of {numbers} numbers"
    if numbers == 4:
        return "2", said
    if numbers == 6:
        return "3.8 to 3.10", said
    new = _resumed(code)
    if new:
        return new, f"{said}, and its first instruction"
    if code[-1] == RETURN_VALUE:
        return "3.0 to 3.5", f"{said}, and instructions of one and three bytes"
    return "3.6 or 3.7", f"{said}, and instructions of two bytes"


def _resumed(code: bytes) -> str:
    """Return the versions by the first instruction; cells and free variables come before it."""
    for place in range(0, min(len(code), 64), 2):
        version = RESUME.get(code[place], "")
        if version and (place + 1 >= len(code) or code[place + 1] == 0):
            return version
        if not any(code[place] in prefixes for prefixes in PREFIXES.values()):
            break
    return ""
