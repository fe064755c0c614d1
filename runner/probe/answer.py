"""Hold what a job's process said against the job: the model's code runs in that process.

Input: one line of the pipe and the job in flight. Output: the observation of that job and
of no other, each part of a known type and size; else Malformed, which is that job's fault.
"""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List, Tuple

from runner.probe.clock import PARTS

MESSAGE_CHARACTERS = 4000
TRACEBACK_CHARACTERS = 12000
EXCEPTION_CHARACTERS = 300
WARNING_CHARACTERS = 600
WARNINGS = 20
FACT_CHARACTERS = 4000
FACT_ITEMS = 1000
FACT_DEPTH = 4
DIGITS = 18
"""Of an integer: longer ones take long to read."""

STATUSES = ("done", "raised", "harness_error", "out_of_memory")
"""The others are of a process that cannot say anything any more."""
STAGES = ("", "prepare", "save", "load", "call", "train", "compare")
COMPARED = ("agrees", "differs", "missing")
TEXTS = {
    "exception": EXCEPTION_CHARACTERS,
    "message": MESSAGE_CHARACTERS,
    "traceback": TRACEBACK_CHARACTERS,
}

Job = Dict[str, Any]
Observation = Dict[str, Any]


class Malformed(Exception):
    """Not an observation of the job in flight."""


def read_answer(line: bytes, job: Job) -> Tuple[Observation, bool]:
    """Return the observation of `job` in `line`, and whether its process takes no other job.

    Raises Malformed for anything else.
    """
    message = _parse(line)
    _require(set(message) == {"observation", "last"}, "it is no answer")
    _require(isinstance(message["last"], bool), "`last` is neither true nor false")
    return _observation(message["observation"], job), message["last"]


def read_greeting(line: bytes) -> None:
    """Return if the process says that it is ready; Malformed for anything else."""
    _require(_parse(line) == {"ready": True}, "it is no greeting")


def _parse(line: bytes) -> Dict[str, Any]:
    try:
        message: Dict[str, Any] = json.loads(line.decode("utf-8"), parse_int=_integer)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON")
    _require(isinstance(message, dict), "it is no object")
    return message


def _integer(digits: str) -> int:
    _require(len(digits) <= DIGITS, "a number of {} digits".format(len(digits)))
    return int(digits)


def _observation(found: Any, job: Job) -> Observation:
    _require(isinstance(found, dict), "the observation is no object")
    named = (found.get("id"), found.get("kind"))
    _require(named == (job["id"], job["kind"]), "it speaks for another job")
    _require(found.get("status") in STATUSES, "the status is none it can say")
    _require(found.get("stage") in STAGES, "the stage is unknown")
    kept: Observation = {"id": job["id"], "kind": job["kind"]}
    for name, value in found.items():
        if name in ("id", "kind"):
            continue
        if name in TEXTS:
            kept[name] = _text(name, value, TEXTS[name])
        elif name in _READERS:
            kept[name] = _READERS[name](value, job)
        else:
            raise Malformed("it has an unknown part")
    missing = {"warnings", "duration_s", "max_rss_mb"} - set(kept)
    _require(not missing, "it lacks a part")
    if kept["status"] == "done":
        _require("facts" in kept and ("aspects" in kept) == (job["kind"] == "load"), "lacks facts")
    else:
        _require(set(TEXTS) <= set(kept), "it does not say what was raised")
    return kept


def _word(value: Any, job: Job) -> str:
    return str(value)


def _warnings(value: Any, job: Job) -> List[str]:
    _require(isinstance(value, list) and len(value) <= WARNINGS, "the warnings are no short list")
    return [_text("a warning", each, WARNING_CHARACTERS) for each in value]


def _duration(value: Any, job: Job) -> float:
    _require(_is_number(value), "the duration is no number")
    _require(math.isfinite(value) and value >= 0, "the duration is no duration")
    return float(value)


def _parts(value: Any, job: Job) -> Dict[str, float]:
    _require(isinstance(value, dict) and set(value) <= set(PARTS), "its parts are none of a job")
    return {part: _duration(seconds, job) for part, seconds in value.items()}


def _memory(value: Any, job: Job) -> int:
    _require(_is_number(value) and isinstance(value, int), "the memory is no number")
    _require(0 <= value < 2**31, "the memory is no number of MB")
    return int(value)


def _aspects(value: Any, job: Job) -> Dict[str, Any]:
    _require(isinstance(value, dict), "the aspects are no object")
    _require(set(value) == set(job.get("aspects", ())), "the aspects are not those asked for")
    kept = {}
    for name, result in value.items():
        _require(isinstance(result, dict), "an aspect is no object")
        _require(set(result) == {"status", "max_abs_diff", "detail"}, "an aspect lacks a part")
        _require(result["status"] in COMPARED, "an aspect's status is unknown")
        gap = result["max_abs_diff"]
        _require(gap is None or _is_number(gap), "a difference is no number")
        kept[name] = {
            "status": result["status"],
            "max_abs_diff": None if gap is None else float(gap),
            "detail": _text("detail", result["detail"], None)[:FACT_CHARACTERS],
        }
    return kept


def _facts(value: Any, job: Job) -> Dict[str, Any]:
    _require(isinstance(value, dict), "the facts are no object")
    kept: Dict[str, Any] = _plain(value, FACT_DEPTH)
    return kept


def _plain(value: Any, depth: int) -> Any:
    _require(depth > 0, "the facts are nested too deep")
    if value is None or isinstance(value, bool) or _is_number(value):
        return value
    if isinstance(value, str):
        return _text("a fact", value, FACT_CHARACTERS)
    _require(len(value) <= FACT_ITEMS, "the facts are too many")
    if isinstance(value, list):
        return [_plain(each, depth - 1) for each in value]
    return {_text("a fact", k, FACT_CHARACTERS): _plain(v, depth - 1) for k, v in value.items()}


def _text(name: str, value: Any, limit: Any) -> str:
    _require(isinstance(value, str), "{} is no text".format(name))
    _require(limit is None or len(value) <= limit, "{} is too long".format(name))
    return clean_characters(value)


def clean_characters(text: str) -> str:
    """Return a text that UTF-8 can hold: half of a pair of surrogates is none."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Malformed(otherwise)


_READERS: Dict[str, Any] = {
    "status": _word,
    "stage": _word,
    "warnings": _warnings,
    "duration_s": _duration,
    "parts_s": _parts,
    "max_rss_mb": _memory,
    "aspects": _aspects,
    "facts": _facts,
}
