"""What a job's process says is held against the job; anything else is Malformed, never an error."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from runner.probe.answer import Malformed, read_answer, read_greeting

JOB = {"id": "a", "kind": "load", "aspects": ["outputs", "weights"]}
AGREES = {"status": "agrees", "max_abs_diff": 0.0, "detail": ""}
DONE: dict[str, Any] = {
    "id": "a",
    "kind": "load",
    "status": "done",
    "stage": "",
    "warnings": ["UserWarning: old"],
    "duration_s": 0.25,
    "max_rss_mb": 300,
    "facts": {"loaded": "keras_model"},
    "aspects": {
        "outputs": AGREES,
        "weights": {"status": "differs", "max_abs_diff": float("inf"), "detail": "a[0]"},
    },
}
RAISED = {
    **{key: DONE[key] for key in ("id", "kind", "warnings", "duration_s", "max_rss_mb")},
    "status": "raised",
    "stage": "load",
    "exception": "ValueError",
    "message": "no",
    "traceback": "Traceback",
}


def said(observation: Any, **changes: Any) -> bytes:
    return json.dumps({"observation": observation, "last": False, **changes}).encode()


@pytest.mark.parametrize("observation", [DONE, RAISED])
def test_an_honest_answer_is_kept_whole(observation):
    assert read_answer(said(observation), JOB) == (observation, False)
    assert read_answer(said(observation, last=True), JOB)[1] is True


def test_a_save_has_no_aspects():
    save = {key: value for key, value in DONE.items() if key != "aspects"}
    save = {**save, "kind": "save", "facts": {"files": 3, "changed_by_saving": ["outputs"]}}
    job = {"id": "a", "kind": "save"}
    assert read_answer(said(save), job)[0] == save
    with pytest.raises(Malformed):
        read_answer(said({**save, "aspects": {}}), job)


WRONG: list[dict[str, Any]] = [
    {"id": "b"},
    {"kind": "save"},
    {"status": "crashed"},
    {"status": None},
    {"status": []},
    {"stage": "afterwards"},
    {"isolation": "container"},
    {"type": "start"},
    {"position": 3},
    {"output": "not its own to say"},
    {"warnings": None},
    {"warnings": ["x"] * 21},
    {"warnings": ["x" * 601]},
    {"warnings": [1]},
    {"duration_s": -1},
    {"duration_s": float("nan")},
    {"duration_s": True},
    {"duration_s": "1"},
    {"max_rss_mb": 1.5},
    {"max_rss_mb": 10**12},
    {"facts": []},
    {"facts": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
    {"facts": {"a": list(range(1001))}},
    {"facts": {"a": "x" * 4001}},
    {"message": 3},
    {"traceback": "x" * 12001},
    {"aspects": {}},
    {"aspects": {"outputs": AGREES}},
    {"aspects": {"outputs": AGREES, "weights": AGREES, "losses": AGREES}},
    {"aspects": {"outputs": AGREES, "weights": {**AGREES, "status": "equivalent"}}},
    {"aspects": {"outputs": AGREES, "weights": {**AGREES, "max_abs_diff": "0"}}},
    {"aspects": {"outputs": AGREES, "weights": {**AGREES, "detail": None}}},
    {"aspects": {"outputs": AGREES, "weights": None}},
    {"aspects": {"outputs": AGREES, "weights": {**AGREES, "more": 1}}},
]


def test_anything_else_is_malformed():
    lines = [said({**DONE, **change}) for change in WRONG]
    lines += [said({k: v for k, v in DONE.items() if k != name}) for name in DONE]
    lines += [said({k: v for k, v in RAISED.items() if k != name}) for name in RAISED]
    lines += [said(value) for value in (None, [], 3, "done", [DONE])]
    lines += [said(DONE, last=0), said(DONE, more=1), b"", b"null", b"[]", b"\xff\xfe", b"{"]
    lines += [b"[" * 100_000, b'{"a":' * 50_000, b"1" * 500_000, json.dumps(DONE).encode()]
    accepted = []
    for line in lines:
        try:
            read_answer(line, JOB)
        except Malformed:
            continue
        accepted.append(line[:200])
    assert accepted == []


def test_changed_bytes_are_malformed_or_an_answer_of_this_job():
    rng = random.Random(1)
    for _ in range(3000):
        line = bytearray(said(rng.choice([DONE, RAISED])))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(line))
            line[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
        try:
            found, _ = read_answer(bytes(line), JOB)
        except Malformed:
            continue
        assert (found["id"], found["kind"]) == ("a", "load")
        json.dumps(found, ensure_ascii=False).encode("utf-8")


def test_half_a_pair_of_surrogates_is_no_text():
    found, _ = read_answer(said({**RAISED, "message": "\ud800!"}), JOB)
    assert found["message"] == "?!"


def test_a_greeting_is_one_thing_only():
    read_greeting(b'{"ready": true}')
    for line in (b"{}", b'{"ready": 1, "more": 2}', b"[]", said(DONE)):
        with pytest.raises(Malformed):
            read_greeting(line)
