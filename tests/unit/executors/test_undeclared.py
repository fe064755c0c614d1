"""Versions that the index has and nobody declared; their entries in environments.toml."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from runner.declare.environments import read_environments
from runner.domain.errors import ProvisionError
from runner.executors import undeclared as module
from runner.executors.releases import read_file
from runner.executors.undeclared import (
    entry_text,
    find_undeclared,
    insert_entry,
    make_environment,
)

ROOT = Path(__file__).resolve().parents[3]
CONTAINERS = ROOT / "containers"


@pytest.fixture(scope="module")
def declared():
    return read_environments()


@pytest.fixture(scope="module")
def known():
    releases, missing = read_file(CONTAINERS / "releases.toml")
    return {each.id for each in releases} | {each.id for each in missing}


@pytest.fixture
def index(monkeypatch, declared, known):
    """An index that has what is declared, and some more of Keras and tf-keras."""
    more = {"keras": [], "tf-keras": [], "tensorflow-cpu": [], "tensorflow": []}

    def versions(package, python):
        own = [module.minor(each) for each in declared.environments if each.id in declared.minors]
        there = [
            of.version + name.removeprefix(of.environment.id)
            for of in own
            if of.package == package
            for name in known
            if name.startswith(f"{of.environment.id}.")
        ]
        return [*there, *more[package]]

    monkeypatch.setattr(module, "list_versions", versions)
    monkeypatch.setattr(
        module, "upload_dates", lambda of, asked: {each: date(2026, 12, 1) for each in asked}
    )
    return more


def found(declared, known):
    new = find_undeclared(declared.environments, declared.minors, known)
    return [(each.id, each.version, each.new_minor) for each in new]


def test_nothing_is_undeclared_if_the_index_has_no_more(index, declared, known):
    assert found(declared, known) == []


def test_patches_and_new_minor_versions_are_told_apart(index, declared, known):
    index["keras"] += ["3.14.99", "3.16.0", "3.16.1", "3.17.0", "4.0.0", "2.99.0"]
    index["tf-keras"] += ["2.22.0"]
    assert found(declared, known) == [
        ("tf-keras2.22", "2.22.0", True),
        ("keras3.14.99", "3.14.99", False),
        ("keras3.16", "3.16.1", True),
        ("keras3.17", "3.17.0", True),
    ]


def test_a_release_that_cannot_be_installed_is_not_asked_for_again(index, declared, known):
    index["keras"] += ["3.14.99"]
    assert found(declared, {*known, "keras3.14.99"}) == []


def test_tensorflow_has_no_new_environments(index, declared, known):
    index["tensorflow-cpu"] += ["2.22.0"]
    index["tensorflow"] += ["2.22.0"]
    assert found(declared, known) == []


def new_minor(index, declared, known, monkeypatch, refuse=lambda requirements: False):
    index["keras"] += ["3.16.0"]
    asked = []

    def compile_lock(name, python, requirements, **given):
        asked.append(tuple(requirements))
        if refuse(requirements):
            raise ProvisionError("no solution")
        return "\n".join(
            f"{each} \\\n    --hash=sha256:{'0' * 64}"
            for each in ("keras==3.16.0", "tensorflow-cpu==2.22.0", "tf-keras==2.22.0")
        )

    monkeypatch.setattr(module, "compile_lock", compile_lock)
    (new,) = find_undeclared(declared.environments, declared.minors, known)
    return make_environment(new)[0], asked


def test_a_new_minor_version_is_the_one_before_it_with_one_package_replaced(
    index, declared, known, monkeypatch
):
    made, asked = new_minor(index, declared, known, monkeypatch)
    before = declared.by_id("keras3.15")
    assert made.id == "keras3.16"
    assert made.requirements == ("keras==3.16.0", *before.requirements[1:])
    assert (made.python, made.formats, made.family) == (
        before.python,
        before.formats,
        before.family,
    )
    assert made.released == date(2026, 12, 1)
    assert asked == [made.requirements]


def test_companions_that_do_not_fit_are_those_that_the_resolver_takes(
    index, declared, known, monkeypatch
):
    made, asked = new_minor(
        index,
        declared,
        known,
        monkeypatch,
        refuse=lambda given: "tensorflow-cpu==2.21.0" in given,
    )
    assert made.requirements == ("keras==3.16.0", "tensorflow-cpu==2.22.0", "tf-keras==2.22.0")
    assert len(asked) == 3


def test_an_entry_is_read_back_as_the_environment(tmp_path, declared):
    text = (CONTAINERS / "environments.toml").read_text(encoding="utf-8")
    for name in ("keras3.0", "keras3.14", "tf2.15", "keras3.15-jax"):
        environment = declared.by_id(name)
        entry = entry_text(environment).replace(f'id = "{name}"', 'id = "keras3.99"')
        path = tmp_path / "environments.toml"
        path.write_text(insert_entry(text, name, entry), encoding="utf-8")
        made = read_environments(path)
        ids = [each.id for each in made.environments]
        assert ids.index("keras3.99") == ids.index(name) + 1
        assert len(ids) == len(declared.environments) + 1
        copy = made.by_id("keras3.99")
        for field in ("family", "backend", "python", "requirements", "released", "formats", "env"):
            assert getattr(copy, field) == getattr(environment, field), field
        assert path.read_text().endswith("\n")
        assert not path.read_text().endswith("\n\n")


def test_the_comment_of_the_next_entry_stays_with_it(declared):
    text = '[[environment]]\nid = "a"\nx = 1\n\n# of b\n[[environment]]\nid = "b"\n'
    found = insert_entry(text, "a", '[[environment]]\nid = "new"\n')
    assert found == (
        '[[environment]]\nid = "a"\nx = 1\n\n[[environment]]\nid = "new"\n\n'
        '# of b\n[[environment]]\nid = "b"\n'
    )
    assert [each["id"] for each in tomllib.loads(found)["environment"]] == ["a", "new", "b"]
    with pytest.raises(ValueError, match="no entry of c"):
        insert_entry(text, "c", "")
