"""An artifact that is not what its writer wrote is never handed out."""

from __future__ import annotations

import json
import os
import random
import shutil

import pytest
from store_records import PLACE, write_artifact

from runner.domain import Format
from runner.domain.errors import StoreError
from runner.store.artifacts import NAMED_IN_WARNINGS, Place

OTHER = Place("tf2.15", "compile_state", Format.H5, "00ff")
MODEL = "payload/model.h5"


def flip(path, place=0):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def rewrite(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}), encoding="utf-8")


def replace_by_other(folder):
    """Put the sound artifact of another scenario in the place of this one."""
    other = folder.parents[1] / "compile_state" / folder.name
    shutil.rmtree(folder)
    shutil.copytree(other, folder)


def replace_payload(folder):
    other = folder.parents[1] / "compile_state" / folder.name
    shutil.copy(other / MODEL, folder / MODEL)


def link_folder(folder, link):
    """Let a link to a sound copy stand for a folder."""
    copy = link.with_name(f"copy-{link.name}")
    link.rename(copy)
    link.symlink_to(copy)


def link_file(folder):
    shutil.copy(folder / MODEL, folder.parent / "model.h5")
    (folder / MODEL).unlink()
    (folder / MODEL).symlink_to(folder.parent / "model.h5")


DAMAGE = {
    "cut": lambda f: os.truncate(f / MODEL, 100),
    "emptied": lambda f: os.truncate(f / MODEL, 0),
    "flipped": lambda f: flip(f / MODEL, 77),
    "longer": lambda f: (f / MODEL).open("ab").write(b"\0"),
    "missing": lambda f: (f / MODEL).unlink(),
    "payload missing": lambda f: shutil.rmtree(f / "payload"),
    "extra": lambda f: (f / "payload" / "model.keras").touch(),
    "extra beside": lambda f: (f / "notes.txt").touch(),
    "extra folder": lambda f: (f / "more").mkdir(),
    "oracle flipped": lambda f: flip(f / "oracle.npz"),
    "oracle emptied": lambda f: os.truncate(f / "oracle.json", 0),
    "oracle missing": lambda f: (f / "oracle.npz").unlink(),
    "manifest missing": lambda f: (f / "manifest.json").unlink(),
    "manifest cut": lambda f: os.truncate(f / "manifest.json", 40),
    "manifest null": lambda f: (f / "manifest.json").write_text("null"),
    "manifest deep": lambda f: (f / "manifest.json").write_text("[" * 100_000),
    "manifest of another version": lambda f: rewrite(f / "manifest.json", schema="artifact/9"),
    "manifest of another writer": lambda f: rewrite(f / "manifest.json", writer="tf2.14"),
    "manifest of another digest": lambda f: rewrite(f / "manifest.json", sha256="0" * 64),
    "manifest of other words": lambda f: rewrite(f / "manifest.json", written="zip_v3"),
    "manifest without files": lambda f: rewrite(f / "manifest.json", files={}),
    "manifest of a file elsewhere": lambda f: rewrite(
        f / "manifest.json", files={"../../../x": "0" * 64}
    ),
    "manifest of another": lambda f: shutil.copy(
        f.parents[1] / "compile_state" / f.name / "manifest.json", f
    ),
    "replaced by another scenario's": replace_by_other,
    "payload of another scenario": replace_payload,
    "file a link": link_file,
    "payload a link": lambda f: link_folder(f, f / "payload"),
    "folder a link": lambda f: link_folder(f, f),
    "scenario's folder a link": lambda f: link_folder(f, f.parent),
    "writer's folder a link": lambda f: link_folder(f, f.parents[1]),
    "link to nowhere": lambda f: (shutil.rmtree(f), f.symlink_to("nowhere")),
    "link to itself": lambda f: (shutil.rmtree(f), f.symlink_to(f.name)),
    "folder a file": lambda f: (shutil.rmtree(f), f.touch()),
    "writer's folder a file": lambda f: (shutil.rmtree(f.parents[1]), f.parents[1].touch()),
    "file a folder": lambda f: ((f / MODEL).unlink(), (f / MODEL).mkdir()),
    "file a pipe": lambda f: ((f / MODEL).unlink(), os.mkfifo(f / MODEL)),
    "manifest a pipe": lambda f: (
        (f / "manifest.json").unlink(),
        os.mkfifo(f / "manifest.json"),
    ),
    "manifest a folder": lambda f: (
        (f / "manifest.json").unlink(),
        (f / "manifest.json").mkdir(),
    ),
}


@pytest.fixture
def saved(reopen):
    """Two sound artifacts of one writer, in a closed store; the folder of the first."""
    with reopen() as store:
        folder, facts = write_artifact(store)
        write_artifact(store, OTHER, b"other" * 100)
    return folder, facts


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_artifact_is_put_aside_and_can_be_saved_again(reopen, saved, warnings, name):
    folder, facts = saved
    DAMAGE[name](folder)
    with reopen() as store:
        assert store.artifacts.find(PLACE, facts) is None
        assert not os.path.lexists(folder)
        assert len(list((store.folder / "artifacts" / ".damaged").iterdir())) == 1
        again, facts = write_artifact(store, content=b"again" * 100)
        assert again == folder
        assert store.artifacts.find(PLACE, facts).sha256 == facts["sha256"]
    assert len(warnings) == 1
    assert "the artifact is damaged" in warnings[0]
    assert "saved again" in warnings[0]


@pytest.mark.parametrize("name", DAMAGE)
def test_who_only_reads_finds_no_damaged_artifact_and_leaves_it(reopen, saved, warnings, name):
    folder, facts = saved
    DAMAGE[name](folder)
    before = sorted(os.walk(folder.parents[1]))
    with reopen(read_only=True) as store:
        assert store.artifacts.find(PLACE, facts) is None
        assert store.artifacts.damage(folder)
        assert store.artifacts.find(PLACE, facts) is None
    assert sorted(os.walk(folder.parents[1])) == before
    assert len(warnings) == 1


def test_an_artifact_that_was_removed_is_no_damage(reopen, saved, warnings):
    folder, facts = saved
    shutil.rmtree(folder)
    with reopen() as store:
        assert store.artifacts.find(PLACE, facts) is None
    assert warnings == []


def test_a_sound_artifact_is_read_once(reopen, saved, monkeypatch):
    folder, facts = saved
    with reopen() as store:
        manifest = store.artifacts.find(PLACE, facts)
        monkeypatch.setattr("runner.store.artifacts._sha256", None)
        assert store.artifacts.find(PLACE, facts) is manifest
        assert store.artifacts.damage(folder) == ""
        monkeypatch.undo()
        os.utime(folder / MODEL, (1, 1))
        assert store.artifacts.damage(folder) == ""


def hide_change(path):
    """Change a byte and put the time of the change back, as a hostile job might."""
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("name", ["flipped", "oracle flipped", "payload missing", "folder a link"])
def test_damage_done_while_it_is_read_is_found(reopen, saved, name):
    folder, facts = saved
    with reopen() as store:
        assert store.artifacts.find(PLACE, facts)
        DAMAGE[name](folder)
        assert store.artifacts.damage(folder)
        assert store.artifacts.find(PLACE, facts) is None


def test_an_artifact_replaced_as_a_whole_while_it_is_read_is_found(reopen, saved):
    folder, facts = saved
    with reopen() as store:
        assert store.artifacts.find(PLACE, facts)
        replace_by_other(folder)
        assert store.artifacts.damage(folder) == "it was replaced"
        assert store.artifacts.damage(folder) == "it was replaced"
        shutil.rmtree(folder)
        assert store.artifacts.damage(folder) == "it was replaced"


def test_a_change_with_its_time_put_back_is_found(reopen, saved):
    folder, facts = saved
    with reopen() as store:
        assert store.artifacts.find(PLACE, facts)
        hide_change(folder / MODEL)
        assert "not what was written" in store.artifacts.damage(folder)


def test_many_damaged_artifacts_are_few_warnings(reopen, warnings):
    places = [PLACE._replace(inputs=f"{number:04}") for number in range(20)]
    with reopen() as store:
        facts = {}
        for place in places:
            folder, facts[place] = write_artifact(store, place)
            flip(folder / MODEL)
        assert [store.artifacts.find(place, facts[place]) for place in places] == [None] * 20
    assert len(warnings) == NAMED_IN_WARNINGS
    assert "others are not named" in warnings[-1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_an_error_and_no_damage(reopen, saved):
    folder, facts = saved
    (folder / MODEL).chmod(0)
    with reopen() as store, pytest.raises(StoreError, match="cannot read the artifact"):
        store.artifacts.find(PLACE, facts)
    assert folder.exists()


def mutated(data, chance):
    """Return bytes with one change of a kind that disks, editors and copies make."""
    kind = chance.randrange(6)
    place = chance.randrange(len(data))
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
    if kind == 2:
        return data[:place] + data[place + chance.randrange(1, 9) :]
    if kind == 3:
        return data[:place] + chance.randbytes(chance.randrange(1, 9)) + data[place:]
    if kind == 4:
        return bytes(len(data))
    return data + data[place:]


def test_no_change_of_a_byte_is_taken_for_an_artifact(reopen, saved):
    """600 random changes of its files: not one is handed out, none is an error of the tool."""
    folder, facts = saved
    files = [each for each in sorted(folder.rglob("*")) if each.is_file()]
    chance = random.Random(5)
    with reopen(read_only=True) as store:
        for number in range(600):
            path = files[number % len(files)]
            content = path.read_bytes()
            changed = mutated(content, chance)
            path.write_bytes(changed)
            found = store.artifacts.find(PLACE, facts)
            if path.name == "manifest.json" and found is not None:
                # Between its parts JSON may have any space; keys nobody reads may be odd.
                found = None if found == changed_back(store, path, content, facts) else found
            assert (found is None) or changed == content, (number, path)
            path.write_bytes(content)
        assert store.artifacts.find(PLACE, facts)


def changed_back(store, path, content, facts):
    path.write_bytes(content)
    return store.artifacts.find(PLACE, facts)
