"""Thousands of seeded changes to every file of a store: one message, one warning, or no matter.

Never a traceback, and never a result that was not recorded.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from store_records import append_all, found, make_record, observations

from runner.domain import Observation
from runner.domain.errors import BusyError, MatrixError
from runner.store import open_store

PAGE = 4096
COUNT = 60
RUNS = 50
LONGEST_MESSAGE = 2000
MOST_WARNINGS = 2
DEEPER, REMOVED = 0.9, 0.2
RECORDS = [
    make_record(number, output=f"line of job {number} " * (number % 9) * 9, message="short")
    for number in range(COUNT)
]
NEW = make_record("new", status="crashed", stage="load", message="killed")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A store that was closed, and one whose run was killed: the folders of both."""
    folder = tmp_path_factory.mktemp("pristine")
    with open_store(folder / "closed", command="run", warn=print) as store:
        append_all(store, RECORDS)
    with open_store(folder / "killed", command="run", warn=print) as store:
        append_all(store, RECORDS[: COUNT // 2])
        store.journal.sync()
        append_all(store, RECORDS[COUNT // 2 :])
        shutil.copytree(folder / "killed", folder / "copy")
    return folder / "closed", folder / "copy"


@pytest.fixture
def quick_path(tmp_path):
    """A folder in memory, if there is one: on a disk each start waits for it several times."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def pages(data, chance):
    """Change whole pages, as a file system does that mixes up blocks."""
    count = len(data) // PAGE
    first, second = (chance.randrange(count) * PAGE for _ in range(2))
    other = chance.choice([data[second : second + PAGE], bytes(PAGE), chance.randbytes(PAGE)])
    return data[:first] + other + data[first + PAGE :]


def bits(data, chance):
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 10, 100])):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def header(data, chance):
    """Change a field of the file's header, or of the header of a page."""
    start = chance.choice([0, 100, *range(0, len(data), PAGE)]) + chance.randrange(100)
    odd = chance.choice([b"\0", b"\xff", chance.randbytes(1)]) * chance.choice([1, 2, 4, 8])
    return data[:start] + odd + data[start + len(odd) :]


def cut(data, chance):
    return data[: chance.choice([chance.randrange(len(data)), len(data) // PAGE // 2 * PAGE])]


def more(data, chance):
    place = chance.choice([len(data), chance.randrange(len(data))])
    return data[:place] + chance.randbytes(chance.choice([1, 7, PAGE])) + data[place:]


MUTATIONS = [pages, bits, header, cut, more]


def use(folder, *, read_only, said):
    """Open a store and use it as a run does; return what it found."""
    with open_store(folder, command="run", warn=said.append, read_only=read_only) as store:
        known = found(store, RECORDS)
        store.journal.keys("load")
        if not read_only:
            append_all(store, [NEW])
            assert found(store, [NEW]) == observations([NEW])
            store.journal.sync()
    return known


def require_use(folder, number):
    """Read it, run in it, run in it again: each refused with one message, or sound."""
    ended = []
    for read_only in (True, False, False):
        said: list[str] = []
        known, refusal = {}, None
        try:
            known = use(folder, read_only=read_only, said=said)
        except MatrixError as error:
            refusal = error
        assert known.items() <= observations(RECORDS).items(), number
        assert len(said) <= MOST_WARNINGS, (number, said)
        if refusal is not None:
            assert refusal.cause, number
            assert refusal.next_step, number
            assert len(str(refusal)) < LONGEST_MESSAGE, number
        ended.append("used" if refusal is None else "refused")
    return ended


@pytest.mark.parametrize("which", [0, 1], ids=["closed", "killed"])
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda each: each.__name__)
def test_a_changed_database_gives_what_was_recorded_or_one_message(
    pristine, quick_path, which, mutate
):
    chance = random.Random(f"{mutate.__name__} {which}")
    used_in_the_end = 0
    for number in range(RUNS):
        folder = quick_path / str(number)
        shutil.copytree(pristine[which], folder)
        files = [each for each in folder.iterdir() if each.name.startswith("observations.sqlite")]
        path = chance.choice(sorted(files))
        path.write_bytes(mutate(path.read_bytes(), chance))
        used_in_the_end += require_use(folder, number)[-1] == "used"
        shutil.rmtree(folder)
    # A header that is gone is refused for good; nearly everything else is recovered.
    assert used_in_the_end > RUNS / 2


ODD = [None, True, -1, 1e999, 10**30, "", "odd", "\ud800", [], {}, [None], {"$text": "00"}, {"": 0}]


def odd_values(value, chance):
    """Return a value with one of its parts, at any depth, replaced, removed or added to."""
    if isinstance(value, dict) and value and chance.random() < DEEPER:
        name = chance.choice(sorted(value))
        changed = dict(value)
        if chance.random() < REMOVED:
            del changed[name]
        else:
            changed[name] = odd_values(value[name], chance)
        return changed
    if isinstance(value, list) and value and chance.random() < DEEPER:
        place = chance.randrange(len(value))
        return [*value[:place], odd_values(value[place], chance), *value[place + 1 :]]
    return chance.choice(ODD)


WHOLE = {
    "status": "done",
    "stage": "",
    "aspects": {"outputs": {"status": "differs", "max_abs_diff": 0.5, "detail": "all"}},
    "facts": {"loaded": "keras_model", "changed_by_saving": ["outputs"], "files": 1},
    "warnings": ["UserWarning: none"],
    "duration_s": 0.25,
    "output": "line " * 100,
    "max_rss_mb": 300,
    "position": 3,
    "start_method": "fork",
}


def test_an_odd_observation_counts_as_not_recorded_or_reads_well(quick_path):
    """3,000 observations with something odd in them: the record is sound, its content is not."""
    chance = random.Random(3)
    said: list[str] = []
    with open_store(quick_path / "store", command="run", warn=said.append) as store:
        records = []
        for number in range(3000):
            observation = odd_values(WHOLE, chance)
            records.append({**make_record(number), "observation": observation})
            append_all(store, records[-1:])
        known = found(store, records)
        assert known.items() <= observations(records).items()
        for data in known.values():
            seen = Observation(data=data)
            read = [seen.status, seen.stage, seen.exception, seen.message, seen.duration_s]
            assert read[0] == "done" or data["status"] == read[0]
            assert seen.aspects or seen.status != "done"
            assert isinstance(dict(seen.facts), dict)
    assert len(records) / 20 < len(known) < len(records) / 2
    assert len(said) == 1
    assert f"{len(records) - len(known)} recorded result(s)" in said[0]


def test_an_odd_lock_file_still_says_that_the_store_is_held(quick_path):
    chance = random.Random(4)
    with open_store(quick_path / "store", command="run", warn=print):
        lock = quick_path / "store" / "lock"
        content = lock.read_bytes()
        odd = [b"", b"null", b"7", b"[]", b"{}", b'{"pid":null}', b"[" * 100_000, b"\xff" * 99]
        odd += [bits(content, chance) for _ in range(200)]
        for each in odd:
            lock.write_bytes(each)
            with pytest.raises(BusyError, match="another run holds this store"):
                open_store(quick_path / "store", command="run", warn=print)
