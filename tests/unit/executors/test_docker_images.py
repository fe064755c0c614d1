"""What decides which image an environment has, and that the bake file is in step."""

from __future__ import annotations

import io
import json
import re
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner.declare.environments import read_environments
from runner.domain.errors import ConfigurationError
from runner.executors.docker import bake
from runner.executors.docker.images import (
    CA_BUNDLE,
    ImageBuilder,
    ImageSettings,
    framework_variables,
    parse_build_args,
    tag,
)
from runner.executors.identity import Identity
from runner.executors.locks import read_lock, usable_lock

REPOSITORY = Path(__file__).resolve().parents[3]
DECLARED = read_environments(REPOSITORY / "containers" / "environments.toml")
TF = next(each for each in DECLARED.environments if each.id == "tf2.15")
OTHER = next(each for each in DECLARED.environments if each.id == "keras3.15")


@pytest.fixture
def root(tmp_path) -> Path:
    """A copy of what goes into images, which a test may change."""
    target = tmp_path / "repository"
    shutil.copytree(REPOSITORY / "containers", target / "containers")
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "runner" / "probe", target / "runner" / "probe", ignore=skip)
    shutil.copy(REPOSITORY / "runner" / "__init__.py", target / "runner")
    return target


def _builder(root: Path, **settings) -> ImageBuilder:
    return ImageBuilder(None, root, root / "store", ImageSettings(**settings))


def _key(root: Path, environment=TF) -> str:
    builder = _builder(root)
    return builder.key(environment, read_lock(builder.lock_path(environment)))


def test_a_key_is_of_the_content_alone(root, tmp_path):
    shutil.copytree(root, tmp_path / "elsewhere")
    assert _key(root) == _key(tmp_path / "elsewhere")
    assert _key(root) != _key(root, OTHER)


@pytest.mark.parametrize(
    "name",
    [
        "containers/Dockerfile",
        "containers/locks/tf2.15.txt",
        "runner/probe/server.py",
    ],
)
def test_a_key_changes_with_what_the_image_holds(root, name):
    before = _key(root)
    with (root / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert _key(root) != before


@pytest.mark.parametrize(
    "name",
    ["containers/locks/tf2.12.txt", "containers/docker-bake.hcl", "runner/__init__.py"],
)
def test_a_key_does_not_change_with_anything_else(root, name):
    before = _key(root)
    with (root / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    (root / "runner" / "probe" / "notes.txt").write_text("not in the image")
    assert _key(root) == before


def _members(stream: io.BytesIO) -> dict[str, bytes]:
    with tarfile.open(fileobj=stream) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}


def test_a_context_holds_what_the_dockerfile_copies_and_no_more(root, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificates")
    builder = _builder(root, ca_bundle=bundle)
    lock = usable_lock(TF, builder.lock_path(TF))
    found = _members(builder._context(lock))
    assert found[CA_BUNDLE] == b"certificates"
    assert found["containers/locks/tf2.15.txt"].startswith(b"# declared sha256:")
    assert "runner/probe/server.py" in found
    allowed = r"containers/(Dockerfile|ca\.pem|locks/tf2\.15\.txt)|runner/probe/\w+\.py"
    assert all(re.fullmatch(allowed, name) for name in found)
    assert CA_BUNDLE not in _members(_builder(root)._context(lock))
    # The same bytes at any time, so that the engine knows its layers again.
    assert _builder(root)._context(lock).read() == _builder(root)._context(lock).read()


def test_what_the_key_counts_is_what_the_dockerfile_copies(root):
    """A file that is copied and not counted would leave an old image in use."""
    text = (root / "containers" / "Dockerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+)", text, re.MULTILINE)
    assert copied == [
        "containers/locks/${ENVIRONMENT}.txt containers/ca.pe[m] /build/",
        "runner/probe /opt/probe/runner/probe",
    ]


def test_the_bake_file_is_as_declared():
    written = (REPOSITORY / bake.BAKE_FILE).read_text(encoding="utf-8")
    assert written == bake.bake_text(DECLARED), "next: nox -s update -- tf2.15"
    listed = re.findall(r'\{ id = "([^"]+)", python = "([^"]+)" \}', written)
    assert listed == [(each.id, each.python) for each in DECLARED.environments]


def test_the_bake_file_is_written_again_when_the_declaration_changes(root):
    assert not bake.refresh_bake_file(DECLARED, root)
    fewer = replace(DECLARED, environments=DECLARED.environments[1:])
    assert bake.refresh_bake_file(fewer, root)
    text = (root / bake.BAKE_FILE).read_text(encoding="utf-8")
    assert f'id = "{DECLARED.environments[0].id}"' not in text
    assert f'id = "{DECLARED.environments[1].id}"' in text


def test_the_bake_files_facts_are_those_of_a_build(root):
    builder = _builder(root, base="mirror.example/python:{python}", build_args={"A": "b"})
    target = builder.bake_overlay([TF])["target"]["tf2_15"]
    key = _key(root)
    assert target["tags"] == [tag(TF, key)] == [f"keras-matrix/tf2.15:{key[:12]}"]
    assert target["args"]["IMAGE_KEY"] == key
    assert target["args"]["PYTHON_IMAGE"] == "mirror.example/python:3.11"
    assert target["args"]["A"] == "b"
    assert "tensorflow-cpu==2.15" in target["args"]["RESOLVED"]


def test_a_container_gets_nothing_of_the_user(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "7")
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    found = framework_variables(TF)
    assert "hunter2" not in str(found)
    assert found.get("TF_ENABLE_ONEDNN_OPTS") != "7"
    assert found["HOME"].startswith("/tmp/")


def test_build_arguments():
    assert parse_build_args(["A=b=c", "D="]) == {"A": "b=c", "D": ""}
    for wrong in ("A", "=b"):
        with pytest.raises(ConfigurationError, match="NAME=VALUE"):
            parse_build_args([wrong])


def test_what_a_store_remembers_of_an_image_is_asked_again_where_it_makes_no_sense(
    root, monkeypatch
):
    said = Identity(
        python_version="3.11.9",
        distributions={"tensorflow-cpu": "2.15.1"},
        import_s=4.0,
        fork=True,
        framework_version="2.15.1",
    )
    asked = []
    monkeypatch.setattr(ImageBuilder, "_identify", lambda *_: asked.append(1) or said)
    builder, image = _builder(root), SimpleNamespace(id="sha256:12")
    assert builder._identity(TF, "ab" * 32, image) == said
    assert builder._identity(TF, "ab" * 32, image) == said
    assert len(asked) == 1
    (marker,) = (root / "store" / "images").iterdir()
    known = json.loads(marker.read_text(encoding="utf-8"))
    nonsense = ("null", "[]", "7", "{}", "[" * 5000, json.dumps({**known, "identity": None}))
    for number, content in enumerate(nonsense, 2):
        marker.write_text(content)
        assert builder._identity(TF, "ab" * 32, image) == said
        assert len(asked) == number
