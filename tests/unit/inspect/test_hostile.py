"""Files made to exhaust or to mislead whoever reads them, and seeded damage of every sample."""

from __future__ import annotations

import json
import random
import struct
import time
import zipfile
from pathlib import Path

import msgspec
import pytest
from inspect_samples import SAMPLES, copied, sample

from runner.domain.errors import MatrixError
from runner.inspect import Container, describe_here
from runner.inspect.config import MOST_ITEMS
from runner.inspect.description import Description
from runner.inspect.hdf5 import MOST_VALUES, Hdf5
from runner.inspect.source import Budget, Source, TooMuch

SLOWEST_S = 20.0
"""Far beyond what any of these takes, on a machine that does much else."""
MUTATIONS = 100
"""Of each sample."""


def timed(path: Path) -> Description:
    begun = time.monotonic()
    found = describe_here(path)
    assert time.monotonic() - begun < SLOWEST_S
    assert msgspec.json.decode(msgspec.json.encode(found), type=Description) == found
    return found


def test_links_out_of_a_file_and_absurd_shapes_are_told():
    said = " / ".join(sample("links.h5").dangers)
    assert "link into another file" in said
    assert "virtual dataset" in said
    assert "keeps its data in another file" in said
    assert "no model has such" in said


def test_the_newest_layout_of_hdf5_is_read_with_its_heaps():
    found = sample("latest.h5")
    assert found.unread == ()
    assert sum(each.parameters for each in found.tensors) == 3 * sum(range(1, 13))


def zipped(path: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_bomb_is_not_expanded(tmp_path):
    bomb = zipped(
        tmp_path / "a.keras",
        {"metadata.json": b"{}", "config.json": b" " * 80_000_000, "model.weights.h5": b""},
    )
    found = timed(bomb)
    assert found.container is Container.ZIP_V3
    assert any("expands from" in each for each in found.unread)


def test_a_member_that_lies_about_its_size_is_not_believed(tmp_path):
    path = zipped(tmp_path / "a.keras", {"metadata.json": b"{}", "config.json": b" " * 10_000_000})
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 10_000_000), struct.pack("<I", 10)))
    assert timed(path).items == ()


def test_members_that_would_leave_the_folder_are_told(tmp_path):
    names = ("../../up.json", "/root.json", "C:\\drive.json", "a/../../b")
    path = zipped(tmp_path / "a.keras", {"config.json": b"{}", **dict.fromkeys(names, b"")})
    assert sum("outside the folder" in each for each in timed(path).dangers) == len(names)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.keras"]


def test_a_zip_of_very_many_members_is_not_listed(tmp_path):
    path = zipped(tmp_path / "a.keras", {f"{index}": b"" for index in range(25_000)})
    found = timed(path)
    assert any("25,000 members" in each for each in found.unread)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '{"class_name": "Dense", "config": ' * 20_000 + "{}" + "}" * 20_000,
        '{"class_name": "A", "config": {"x": ' + "9" * 5000 + "}}",
        '{"class_name": "A", "config": {"x": 1e999, "y": NaN, "z": -9e99}}',
        '{"class_name": "A", "config": {"\\ud800": "\\udfff"}}',
        json.dumps(
            {"class_name": "A", "config": {"layers": [{"class_name": "D", "config": {}}] * 40_000}}
        ),
        "{" + '"class_name": "A", "config": {' + '"k": 1,' * 10_000 + '"k": 2}}',
    ],
    ids=range(8),
)
def test_hostile_json_is_described_or_damaged(tmp_path, text):
    path = tmp_path / "model.json"
    path.write_text(text, encoding="utf-8")
    found = timed(path)
    assert len(found.items) <= MOST_ITEMS + 1


def nested(depth: int, number: int = 2) -> bytes:
    content = b""
    for _ in range(depth):
        size, length = len(content), b""
        while True:
            length += bytes([size & 127 | (128 if size > 127 else 0)])
            size >>= 7
            if not size:
                break
        content = bytes([number << 3 | 2]) + length + content
    return content


@pytest.mark.parametrize("number", [1, 2, 5, 7])
def test_deep_protocol_buffers_cost_nothing(tmp_path, number):
    path = tmp_path / "saved_model.pb"
    path.write_bytes(b"\x08\x01" + nested(1000, number))
    assert timed(path).items == ()


def test_an_attribute_of_gigabytes_is_not_read(tmp_path):
    path = copied("tf1.15_compiled.h5", tmp_path)
    content = bytearray(path.read_bytes())
    at = content.index(b"GCOL") + 16
    content[at + 8 : at + 16] = struct.pack("<Q", 2**40)
    heap = content.index(b"GCOL") + 8
    content[heap : heap + 8] = struct.pack("<Q", 2**40)
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(2**41)  # sparse: as large as the heap says, and nothing in it
    assert any("bytes" in each for each in timed(path).unread)


def test_many_elements_that_name_one_long_text_cost_its_length_each():
    heap = b"GCOL\x01\0\0\0" + struct.pack("<Q", 2**20)
    heap += struct.pack("<HH4xQ", 1, 0, 2**20 - 64).ljust(2**20 - 16, b"x")
    budget = Budget()
    file = Hdf5.__new__(Hdf5)
    file._source = Source.of_bytes(heap, budget)
    file._heaps, file.start, file.offset_size, file.length_size = {}, 0, 8, 8
    file._undefined = 2**64 - 1
    piece = struct.pack("<IQI", 2**19, 0, 1)
    read = [file._long_string(piece) for _ in range(100)]
    assert len(read) == 100
    with pytest.raises(TooMuch):
        [file._long_string(piece) for _ in range(MOST_VALUES)]


def test_lines_without_end_are_no_trap(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_bytes(b"class_name: A\n" + b"\n" * 4_000_000 + b" " * 4_000_000)
    assert timed(path).container is Container.YAML


def test_an_object_header_that_continues_in_itself_ends(tmp_path):
    path = copied("tf1.15_compiled.h5", tmp_path)
    content = bytearray(path.read_bytes())
    root = int.from_bytes(content[64:72], "little")
    # The first message becomes a continuation that leads to its own block.
    size = int.from_bytes(content[root + 8 : root + 12], "little")
    content[root + 16 : root + 24] = struct.pack("<HHB3x", 0x10, 16, 0)
    content[root + 24 : root + 40] = struct.pack("<QQ", root + 16, size)
    path.write_bytes(content)
    assert any("continues in itself" in each for each in timed(path).unread)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return bytes with one of several kinds of damage."""
    data = bytearray(content)
    if not data:
        return b"\0"
    kind = chance.randrange(6)
    at = chance.randrange(len(data))
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        for _ in range(chance.randrange(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    elif kind == 2:
        data[at : at + 8] = struct.pack("<Q", chance.choice((0, 1, 2**31, 2**63, 2**64 - 1, at)))
    elif kind == 3:
        other = chance.randrange(len(data))
        data[at : at + 64] = data[other : other + 64]
    elif kind == 4:
        data[at : at + 4] = struct.pack("<I", chance.choice((0, 0xFFFF, 2**31 - 1, 2**32 - 1)))
    else:
        del data[at : at + chance.randrange(1, 40)]
    return bytes(data)


@pytest.mark.parametrize("name", SAMPLES)
def test_seeded_damage_is_described_or_one_error(tmp_path, name):
    path = copied(name, tmp_path)
    files = sorted(each for each in path.rglob("*") if each.is_file()) or [path]
    contents = {each: each.read_bytes() for each in files}
    for seed in range(MUTATIONS):
        chance = random.Random(f"{name} {seed}")
        victim = chance.choice(files)
        victim.write_bytes(mutated(contents[victim], chance))
        try:
            found = timed(path)
        except MatrixError as error:
            assert error.next_step  # noqa: PT017 - either is right
        else:
            assert found.title
            assert len(found.items) <= 2 * MOST_ITEMS
        victim.write_bytes(contents[victim])
