"""releases.toml: sound as it is, read only when a release is named, refused where it is not."""

import re
from pathlib import Path

import pytest

from runner.declare import environments as module
from runner.declare.environments import ENVIRONMENTS_FILE, RELEASES_FILE, read_environments
from runner.declare.scope import declare
from runner.domain.errors import ConfigurationError, ProvisionError, SelectionError
from runner.domain.request import Request
from runner.domain.selector import matches_environment, minor_of, names_release
from runner.executors import locks
from runner.executors.locks import LOCKS, lock_path, usable_lock
from runner.executors.releases import minor

ROOT = Path(__file__).resolve().parents[3]
DIGEST = "0" * 64
ENVIRONMENTS = """\
[profiles]
full = ["*"]
[[environment]]
id = "keras3.14"
family = "keras3"
backend = "tensorflow"
python = "3.13"
released = 2026-05-07
requirements = ["keras==3.14.1", "tensorflow-cpu==2.21.0"]
formats = ["h5"]
"""
RELEASE = f"""\
[[release]]
id = "keras3.14.0"
released = 2026-04-03
lock = "{DIGEST}"
packages = ["keras==3.14.0 {"a" * 64} {"b" * 64}"]
without = ["namex"]
"""


def write(folder, releases=RELEASE):
    path = folder / "environments.toml"
    path.write_text(ENVIRONMENTS, encoding="utf-8")
    (folder / RELEASES_FILE).write_text(releases, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def declared():
    return read_environments()


@pytest.fixture(scope="module")
def releases(declared):
    return declared.profile("releases")


def request(*, profile="default", **filters):
    given = {part: tuple(globs) for part, globs in filters.items()}
    return Request(root=ROOT, store=ROOT, out=ROOT, profile=profile, filters=given)


def test_every_release_of_the_minor_versions_is_declared(declared, releases):
    ids = [each.id for each in releases]
    # Each minor has at least the release that it is pinned to, and nothing is declared twice.
    assert {minor_of(each) for each in ids} == set(declared.minors)
    assert {
        minor(declared.by_id(each)).id_of(minor(declared.by_id(each)).pinned)
        for each in declared.minors
    } <= set(ids)
    assert len(set(ids)) == len(ids)
    assert {"keras3.4.0", "keras3.14.0", "tf2.4.0", "tf2.15.0.post1", "tf-keras2.20.0"} <= set(ids)


def test_each_release_is_its_minor_with_that_version(declared, releases):
    wrong = []
    for each in releases:
        of = minor(declared.by_id(minor_of(each.id)))
        version = of.version + each.id.removeprefix(of.environment.id)
        same = ("family", "backend", "python", "formats", "reads", "env", "order")
        if any(getattr(each, name) != getattr(of.environment, name) for name in same):
            wrong.append(f"{each.id}: unlike its minor")
        if each.requirements[0] != f"{of.package}=={version}":
            wrong.append(f"{each.id}: {each.requirements[0]}")
    assert wrong == []


def test_the_lock_of_each_release_can_be_derived_and_is_hashed(releases):
    wrong = []
    for each in releases:
        lock = usable_lock(each, lock_path(each.id))
        text = lock.content.decode()
        hashed = re.findall(r"^\S+==\S+(?: ;.*?)? \\\n    --hash=sha256:", text, re.MULTILINE)
        name, _, version = each.requirements[0].partition("==")
        if len(hashed) != len(lock.pins) or lock.pins[name] != version or not lock.fits(each):
            wrong.append(each.id)
        if len(lock.pins.keys() & {"tensorflow", "tensorflow-cpu"}) > 1:
            wrong.append(f"{each.id}: two TensorFlows")
    assert wrong == []


def test_a_derived_lock_is_another_for_each_release(declared):
    old, new = (
        usable_lock(declared.by_id(each), lock_path(each)) for each in ("keras3.14.0", "keras3.14")
    )
    differing = {name for name in old.pins if old.pins[name] != new.pins.get(name)}
    assert differing == {"keras"}
    assert old.digest != new.digest


def test_differences_to_another_lock_are_refused(declared, tmp_path):
    release = declared.by_id("keras3.14.0")
    text = (LOCKS / "keras3.14.txt").read_text(encoding="utf-8")
    (tmp_path / "keras3.14.txt").write_text(text + "# changed\n", encoding="utf-8")
    with pytest.raises(ProvisionError, match=r"keras3\.14\.0.*another lock") as caught:
        usable_lock(release, lock_path(release.id, tmp_path))
    assert caught.value.next_step == "run: nox -s update -- keras3.14.0"


def test_packages_are_replaced_added_and_left_out():
    compiled = "a==1 \\\n    --hash=sha256:00\nb-c==2 \\\n    --hash=sha256:11\n"
    changed = locks.apply_differences(compiled, [f"b_c==3 {DIGEST}", f"d==4 {DIGEST}"], ["a"])
    assert changed == (
        f"b_c==3 \\\n    --hash=sha256:{DIGEST}\nd==4 \\\n    --hash=sha256:{DIGEST}\n"
    )


def test_a_release_becomes_an_environment_beside_its_minor(tmp_path):
    found = read_environments(write(tmp_path)).with_releases()
    assert [each.id for each in found.environments] == ["keras3.14", "keras3.14.0"]
    assert found.profiles["releases"] == ("keras3.14.0",)
    assert found.profiles["full"] == ("keras3.14",)
    release = found.by_id("keras3.14.0")
    assert release.requirements == ("keras==3.14.0", "tensorflow-cpu==2.21.0")
    assert release.derived.without == ("namex",)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('lock = "0', 'lock = "x', "not a SHA-256"),
        ("keras==3.14.0 ", "keras>=3.14.0 ", "`packages` holds"),
        ('id = "keras3.14.0"', 'id = "keras3.99.0"', "minor version keras3.99 is not declared"),
        ('id = "keras3.14.0"', 'id = "keras3.14"', "minor version keras3.14 is not declared"),
        ("without", "wihtout", "did you mean 'without'"),
        ("[[release]]", "[[releases]]", "unknown table or key 'releases'"),
    ],
)
def test_a_damaged_release_is_refused(tmp_path, old, new, says):
    path = write(tmp_path, RELEASE.replace(old, new))
    with pytest.raises(ConfigurationError) as caught:
        read_environments(path).with_releases()
    assert says in str(caught.value)
    assert RELEASES_FILE in str(caught.value)


def test_a_release_declared_twice_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="declared twice"):
        read_environments(write(tmp_path, RELEASE + RELEASE)).with_releases()


def test_no_release_is_read_where_none_is_named(monkeypatch):
    def fail(*_):
        raise AssertionError("releases.toml was read")

    monkeypatch.setattr(module, "read_releases", fail)
    declare(request())
    declare(request(profile="full"))
    declare(request(reader=["keras3.14", "tf2.1?"]))
    with pytest.raises(AssertionError):
        declare(request(reader=["keras3.14.0"]))


def test_no_other_profile_has_a_release(declared):
    known = {each.id for each in declared.environments}
    assert all(set(ids) <= known for ids in declared.profiles.values())
    assert len(declared.with_releases().profile("full")) == len(declared.profile("full"))


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["keras3.14.0"], ["keras3.14.0"]),
        (["keras3.4.*"], ["keras3.4.0", "keras3.4.1"]),
        (["keras3.14.0,keras3.15"], ["keras3.14.0", "keras3.15"]),
    ],
)
def test_a_selector_names_releases(globs, expected):
    found = declare(request(writer=["keras3.8"], reader=globs))
    assert {each.id for each in found.environments} == {"keras3.8", *expected}


def test_an_unknown_release_comes_with_a_suggestion(declared):
    with pytest.raises(SelectionError) as caught:
        declared.by_id("keras3.14.7")
    assert "keras3.14.0" in caught.value.cause
    with pytest.raises(SelectionError) as caught:
        declare(request(reader=["keras3.14.7"]))
    assert "keras3.14.0" in caught.value.cause


def test_declarations_of_a_minor_hold_for_its_releases():
    assert matches_environment("tf2.12.0", ["tf2.12"])
    assert matches_environment("keras3.14.0", ["keras3.14.0"])
    assert not matches_environment("tf2.1.0", ["tf2.1[0-2]"])
    assert not matches_environment("keras3.14", ["keras3.14.0"])


@pytest.mark.parametrize(
    ("environment", "of"),
    [
        ("keras3.14.0", "keras3.14"),
        ("tf2.15.0.post1", "tf2.15"),
        ("tf-keras2.20.1", "tf-keras2.20"),
        ("keras3.15", "keras3.15"),
        ("keras3.15-jax", "keras3.15-jax"),
        ("compile_state.objects", "compile_state.objects"),
    ],
)
def test_a_release_has_a_minor(environment, of):
    assert minor_of(environment) == of
    assert names_release([f"x/h5/{environment}->tf2.15/none"]) == (environment != of)


def test_releases_is_no_name_for_another_profile(tmp_path):
    path = write(tmp_path)
    path.write_text(ENVIRONMENTS.replace("full =", "releases ="), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is the profile of"):
        read_environments(path)


def test_the_file_names_no_index():
    text = ENVIRONMENTS_FILE.with_name(RELEASES_FILE).read_text(encoding="utf-8")
    assert not re.search(r"https?://|--index|--find-links|file:|/home/|/root/", text)
