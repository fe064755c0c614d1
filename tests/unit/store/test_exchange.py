"""The exchange of artifacts between machines: whole, by digest, the first one counts."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime

import pytest
from s3_server import s3_server

from runner.domain import Format
from runner.domain.errors import ConfigurationError, StoreError
from runner.domain.progress import ShardProgress
from runner.store.artifacts import Place
from runner.store.exchange import (
    EnvironmentFacts,
    open_exchange,
    pack_folder,
    saved_record,
    unpack_folder,
)

PLACE = Place("tf2.7", "plain_dense", Format.H5, "0123456789abcdef")
ID = "plain_dense/h5/tf2.7"
DONE = {"status": "done", "facts": {"sha256": "0" * 64}}


@pytest.fixture
def artifact(tmp_path):
    folder = tmp_path / "artifact"
    (folder / "payload" / "empty").mkdir(parents=True)
    (folder / "payload" / "model.h5").write_bytes(b"\x89HDF" * 1000)
    (folder / "manifest.json").write_text("{}")
    return folder


def record(observation=DONE, inputs=PLACE.inputs):
    return saved_record(ID, inputs, observation, run="", at="2026-01-01T00:00:00+00:00")


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_an_artifact_arrives_as_it_was_and_the_first_offer_counts(tmp_path, artifact):
    here = open_exchange(str(tmp_path / "shared"))
    assert here.find(PLACE) is None and not here.has(PLACE)
    assert here.offer(PLACE, record(), artifact)
    before = files(artifact)
    (artifact / "manifest.json").write_text("another")
    assert not here.offer(PLACE, record(), artifact)

    found = open_exchange(str(tmp_path / "shared")).find(PLACE)
    assert found.observation == DONE
    target = tmp_path / "store" / "h5-0"
    here.take(found, target)
    assert files(target) == before
    here.take(found, target)
    assert files(target) == before
    assert [path.name for path in target.parent.iterdir()] == ["h5-0"]


def test_a_save_that_failed_is_known_without_files(tmp_path):
    here = open_exchange(str(tmp_path / "shared"))
    failed = {"status": "raised", "stage": "save", "exception": "TypeError"}
    assert here.offer(PLACE, record(failed), tmp_path / "nothing")
    found = here.find(PLACE)
    here.take(found, tmp_path / "target")
    assert found.observation == failed and not (tmp_path / "target").exists()


def test_the_same_files_are_the_same_pack(artifact):
    first = pack_folder(artifact)
    (artifact / "manifest.json").touch()
    assert pack_folder(artifact) == first


def test_a_damaged_pack_is_refused_and_named(tmp_path, artifact):
    here = open_exchange(str(tmp_path / "shared"))
    here.offer(PLACE, record(), artifact)
    [pack] = (tmp_path / "shared" / "packs").iterdir()
    pack.write_bytes(pack.read_bytes()[:-9])
    with pytest.raises(StoreError, match=r"packs/.* is damaged: its digest is another"):
        here.take(here.find(PLACE), tmp_path / "target")
    pack.unlink()
    with pytest.raises(StoreError, match="it is missing"):
        here.take(here.find(PLACE), tmp_path / "target")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "other/h5/tf2.7"}, "it is the record of other"),
        ({"observation": {"status": "odd"}}, "Invalid enum value"),
        ({"schema": "saved/9"}, "Invalid"),
    ],
)
def test_a_record_of_another_save_or_shape_is_refused(tmp_path, artifact, change, reason):
    here = open_exchange(str(tmp_path / "shared"))
    here.offer(PLACE, record(), artifact)
    [path] = (tmp_path / "shared" / "saves").rglob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StoreError, match=reason):
        here.find(PLACE)


@pytest.mark.parametrize("name", ["../escaped", "/absolute", "a/../../escaped"])
def test_a_pack_that_would_write_elsewhere_is_refused(tmp_path, name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("fine", "1")
        archive.writestr(name, "2")
    target = tmp_path / "deep" / "target"
    with pytest.raises(StoreError, match="cannot be unpacked"):
        unpack_folder(buffer.getvalue(), target)
    assert not target.exists() and not (tmp_path / "escaped").exists()
    with pytest.raises(StoreError, match="cannot be unpacked"):
        unpack_folder(b"no archive", target)
    assert list(target.parent.iterdir()) == []


def test_what_an_environment_is_is_known_to_the_others_by_its_lock(tmp_path):
    here = open_exchange(str(tmp_path / "shared"))
    facts = EnvironmentFacts(
        schema="provisioned/1",
        id="tf2.7",
        lock_digest="a" * 64,
        python_version="3.9.18",
        resolved={"tensorflow-cpu": "2.7.4"},
        import_s=2.5,
        fork=True,
    )
    assert here.facts("tf2.7", "a" * 64) is None
    here.note(facts)
    assert here.facts("tf2.7", "a" * 64) == facts
    assert here.facts("tf2.7", "b" * 64) is None


def test_an_address_that_nothing_opens_is_a_clear_error():
    with pytest.raises(ConfigurationError) as refused:
        open_exchange("nosuchthing://bucket/folder")
    assert refused.value.next_step


@pytest.fixture(scope="module")
def bucket():
    with s3_server() as address:
        yield address


def test_artifacts_travel_through_an_s3_server(bucket, tmp_path, artifact):
    here, there = open_exchange(bucket), open_exchange(bucket)
    assert here.find(PLACE) is None and not here.has(PLACE)
    assert here.offer(PLACE, record(), artifact)
    before = files(artifact)
    (artifact / "manifest.json").write_text("another")
    assert not there.offer(PLACE, record(), artifact)
    target = tmp_path / "taken"
    there.take(there.find(PLACE), target)
    assert files(target) == before


def test_a_bucket_that_nobody_made_is_refused_and_not_made(bucket):
    import s3fs

    name = bucket.split("/")[2]
    for address in (f"s3://{name}-mistyped/shared", f"s3://{name}-mistyped", "s3://"):
        with pytest.raises(ConfigurationError, match="is found") as refused:
            open_exchange(address)
        assert "none is made here" in refused.value.next_step
    assert s3fs.S3FileSystem().exists(name)
    assert not s3fs.S3FileSystem().exists(f"{name}-mistyped")


def test_of_two_that_write_an_s3_file_at_once_the_first_counts(bucket, monkeypatch):
    first, second = open_exchange(bucket)._files, open_exchange(bucket)._files
    for each in (first, second):
        # Neither has seen the other's yet.
        monkeypatch.setattr(each, "exists", lambda _name: False)
    assert first.write("packs/one", b"first")
    assert not second.write("packs/one", b"second")
    assert second.read("packs/one") == b"first"


def test_a_pack_that_was_changed_on_an_s3_server_is_refused(bucket, tmp_path, artifact):
    exchange = open_exchange(bucket)
    digest = exchange.put(artifact)
    exchange._files._system.pipe_file(f"{exchange._files._root}/packs/{digest}.zip", b"changed")
    with pytest.raises(StoreError, match="its digest is another"):
        exchange.fetch(digest, tmp_path / "taken")


def test_the_progress_of_shards_is_replaced_on_an_s3_server(bucket):
    exchange = open_exchange(f"{bucket}/told")
    assert exchange.told() == []
    for cells in (1, 2):
        exchange.tell(
            ShardProgress(
                index=1,
                of=2,
                plan="ab" * 32,
                host="here",
                at=datetime(2026, 1, 1, tzinfo=UTC),
                state="running",
                cells=cells,
            )
        )
    assert [each.cells for each in open_exchange(f"{bucket}/told").told()] == [2]
