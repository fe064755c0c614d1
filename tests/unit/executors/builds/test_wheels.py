"""Wheels: checked for what they are before anything of them is installed."""

import zipfile

import pytest

from runner.domain.errors import BuildError
from runner.executors.builds import wheels


def make_wheel(path, name="keras", version="3.16.0", metadata=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        if metadata:
            archive.writestr(
                f"{name}-{version}.dist-info/METADATA",
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            )
    return path


def test_a_wheel_is_kept_under_its_digest(tmp_path):
    path = make_wheel(tmp_path / "keras-3.16.0-py3-none-any.whl")
    kept = wheels.keep_wheel(path, "keras", tmp_path / "store", "keras@pr")
    assert (kept.name, kept.version) == ("keras", "3.16.0")
    assert kept.path.parent.name == kept.sha256
    assert kept.path.read_bytes() == path.read_bytes()
    assert wheels.keep_wheel(path, "keras", tmp_path / "store", "keras@pr") == kept


def test_another_package_is_named(tmp_path):
    path = make_wheel(tmp_path / "keras-3.16.0-py3-none-any.whl", name="Tf_Keras")
    with pytest.raises(BuildError, match="wheel of tf-keras, not of keras") as error:
        wheels.keep_wheel(path, "keras", tmp_path / "store", "keras@pr")
    assert "--with tf-keras=" in error.value.next_step


def test_what_is_no_wheel_is_refused(tmp_path):
    cut = make_wheel(tmp_path / "keras-1-py3-none-any.whl")
    cut.write_bytes(cut.read_bytes()[:-40])
    nameless = make_wheel(tmp_path / "keras-2-py3-none-any.whl", metadata=False)
    odd = make_wheel(tmp_path / "keras-3-py3-none-any.whl", version="1; rm -rf")
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    link = tmp_path / "out" / "keras-4-py3-none-any.whl"
    link.parent.mkdir()
    link.symlink_to(secret)
    for path in (cut, nameless, odd, link):
        with pytest.raises(BuildError, match="is no wheel that can be installed"):
            wheels.keep_wheel(path, "keras", tmp_path / "store", "keras@pr")
    assert not list((tmp_path / "store").rglob("*.whl"))


def test_sources_say_what_their_build_needs(tmp_path):
    (tmp_path / "setup.py").write_text("")
    assert wheels._read_requires(tmp_path, "keras@pr") == ["setuptools", "wheel"]
    project = tmp_path / "pyproject.toml"
    project.write_text('[build-system]\nrequires = ["flit_core >=3"]\n')
    assert wheels._read_requires(tmp_path, "keras@pr") == ["flit_core >=3"]
    for text in ("[build-system", "[build-system]\nrequires = 3\n", "build-system = 3\n"):
        project.write_text(text)
        with pytest.raises(BuildError, match=r"pyproject\.toml cannot be read"):
            wheels._read_requires(tmp_path, "keras@pr")
