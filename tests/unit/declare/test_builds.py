"""Builds of one's own: the texts of `--with` -> environments."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from runner.declare.builds import declare_builds, split_reference
from runner.declare.environments import read_environments
from runner.declare.scope import declare
from runner.domain import Build, BuildKind
from runner.domain.errors import SelectionError
from runner.domain.request import Request
from runner.domain.selector import matches_environment, minor_of
from runner.store.builds import BuildRecord, write_build_record

ROOT = Path(__file__).resolve().parents[3]
DECLARED = read_environments()


def make_checkout(folder, name="keras-pr"):
    checkout = folder / name
    checkout.mkdir()
    (checkout / "pyproject.toml").write_text("[project]\nname = 'keras'\n")
    return checkout


def declared_of(*texts, base=""):
    return declare_builds(texts, base, DECLARED)


def test_each_way_of_naming_a_build(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_checkout(tmp_path)
    (tmp_path / "keras-3.16.0-py3-none-any.whl").write_bytes(b"PK")
    texts = {
        "keras=3.16.0rc0": ("keras@3.16.0rc0", BuildKind.VERSION),
        "keras=./keras-pr": ("keras@keras-pr", BuildKind.CHECKOUT),
        "keras@mine=./keras-pr": ("keras@mine", BuildKind.CHECKOUT),
        "keras=git+https://example.org/keras.git@feature/Dense_X": (
            "keras@feature-dense-x",
            BuildKind.GIT,
        ),
        "keras=keras-3.16.0-py3-none-any.whl": ("keras@3.16.0", BuildKind.WHEEL),
        "keras-nightly": ("keras@nightly", BuildKind.NEWEST),
        "keras-nightly=3.17.0.dev1": ("keras@3.17.0.dev1", BuildKind.VERSION),
        "tf-keras=2.22.0rc0": ("tf-keras@2.22.0rc0", BuildKind.VERSION),
    }
    found = {text: declared_of(text)[0] for text in texts}
    assert {text: (each.id, each.build.kind) for text, each in found.items()} == texts
    assert found["keras-nightly"].build.package == "keras"
    assert found["keras-nightly"].build.distribution == "keras-nightly"
    # The base is the newest that is named after the package, and runs on TensorFlow.
    own = [each.id for each in DECLARED.environments if each.id.startswith("keras3.")]
    assert found["keras-nightly"].build.base == [each for each in own if "-" not in each][-1]
    assert found["tf-keras=2.22.0rc0"].build.base.startswith("tf-keras2.")


def test_everything_but_the_package_is_of_the_base():
    (build,) = declared_of("keras@rc=3.16.0rc0", base="keras3.8")
    base = DECLARED.by_id("keras3.8")
    same = ("family", "backend", "python", "formats", "order", "env")
    assert all(getattr(build, name) == getattr(base, name) for name in same)
    assert minor_of("keras@rc") == "keras3.8"
    assert matches_environment("keras@rc", ["keras3*"])
    assert not matches_environment("keras@rc", ["keras2*", "tf*"])


@pytest.mark.parametrize(
    ("texts", "base", "said", "next_step"),
    [
        (["keras"], "", "does not say which build", "keras=./keras"),
        (["keras=nope"], "", "neither a version nor a path", "keras=./keras"),
        (["keras=./nope"], "", "no folder", "keras=./keras"),
        (["keras=."], "", "no folder of sources", "keras=./keras"),
        (["keras=nope.whl"], "", "no such wheel", "keras=./keras"),
        (["keras@A B=3.16.0"], "", "is no label", "keras=./keras"),
        (["../keras=3.16.0"], "", "name of a package", "keras=./keras"),
        (["keras=3.16.0"], "keras9.9", "keras9.9", "choose from"),
        (["h5py=3.15.0"], "", "which environment", "--base"),
        (["keras@x=3.16.0", "keras@x=3.15.0"], "", "keras@x", "keras@LABEL"),
        ([], "keras3.15", "no build is given", ""),
    ],
)
def test_what_is_no_build_is_one_message(tmp_path, monkeypatch, texts, base, said, next_step):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SelectionError) as error:
        declared_of(*texts, base=base)
    assert said in error.value.message
    assert next_step in error.value.next_step


def test_a_reference_is_told_from_an_address():
    found = {
        source: split_reference(source)
        for source in (
            "git+https://example.org/k/keras.git@main",
            "git+ssh://git@example.org/k/keras.git",
            "git+ssh://git@example.org/k/keras.git@a/b",
            "git+file:///srv/keras@v3.15.1",
        )
    }
    assert [reference for _, reference in found.values()] == ["main", "HEAD", "a/b", "v3.15.1"]
    assert all("git+" not in address for address, _ in found.values())
    assert found["git+ssh://git@example.org/k/keras.git"][0] == "ssh://git@example.org/k/keras.git"


def make_request(tmp_path, **options):
    store = tmp_path / "store"
    return Request(root=ROOT, store=store, out=tmp_path / "out", profile="smoke", **options)


def test_without_a_selector_the_cells_are_those_a_build_takes_part_in(tmp_path):
    request = make_request(tmp_path, builds=("keras@rc=3.16.0rc0",))
    declared = declare(request)
    assert [each.id for each in declared.environments] == [
        *("tf2.15", "keras3.8", "keras3.15", "keras@rc")
    ]
    chosen = declared.scope.selection
    assert chosen.matches_pair("plain_dense", "h5", "keras3.8", "keras@rc")
    assert chosen.matches_pair("plain_dense", "h5", "keras@rc", "keras3.15")
    assert not chosen.matches_pair("plain_dense", "h5", "keras3.8", "keras3.15")
    # The profile's scenarios, and no more of them than without a build.
    plain = declare(replace(request, builds=()))
    assert {name for name in plain.scope.scenarios if chosen.matches_scenario(name)} == set(
        plain.catalog.of_profile("smoke")
    )


def test_a_selector_decides_where_there_is_one(tmp_path):
    pattern = "plain_dense/h5/keras3.10->keras@rc"
    declared = declare(make_request(tmp_path, builds=("keras@rc=3.16.0rc0",), patterns=(pattern,)))
    assert [each.id for each in declared.environments] == ["keras3.10", "keras@rc"]


def test_a_build_of_an_earlier_run_is_there_when_it_is_named(tmp_path):
    build = Build(
        base="keras3.15",
        package="keras",
        distribution="keras",
        kind=BuildKind.VERSION,
        source="3.16.0rc0",
        version="3.16.0rc0",
    )
    record = BuildRecord(
        schema="build/1",
        id="keras@rc",
        build=build,
        base_lock="0" * 64,
        lock="1" * 64,
        made="2026-11-28T10:00:00+00:00",
    )
    write_build_record(tmp_path / "store", record)
    pattern = "plain_dense/h5/keras3.8->keras@*"
    declared = declare(make_request(tmp_path, patterns=(pattern,)))
    found = declared.environments[-1]
    assert (found.id, found.released) == ("keras@rc", date(2026, 11, 28))
    assert found.requirements[0] == "keras==3.16.0rc0"
    assert found.requirements[1:] == DECLARED.by_id("keras3.15").requirements[1:]
    with pytest.raises(SelectionError, match="keras@other"):
        declare(make_request(tmp_path, patterns=("plain_dense/h5/keras3.8->keras@other",)))
    # Nobody who does not name it meets it.
    assert "keras@rc" not in [each.id for each in declare(make_request(tmp_path)).environments]
