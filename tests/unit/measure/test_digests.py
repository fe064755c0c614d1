"""A job runs again when something it depends on changed, and only then."""

import ast
import inspect
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from msgspec import structs

from runner.domain import (
    Aspect,
    Backend,
    Cell,
    Environment,
    Family,
    Format,
    ProvisionedEnvironment,
    Scenario,
)
from runner.domain.errors import ConfigurationError
from runner.measure.digests import (
    REMEDY_MODULES,
    InputDigests,
    environment_digest,
    load_inputs,
    probe_digest,
    save_inputs,
    scenario_digest,
)
from runner.probe import remedies

ENVIRONMENT = ProvisionedEnvironment(
    environment=Environment(
        id="keras3.15",
        family=Family.KERAS3,
        backend=Backend.TENSORFLOW,
        python="3.12",
        requirements=("keras==3.15.0",),
        released=date(2026, 1, 1),
        formats=frozenset({Format.H5}),
        order=1,
        env={"KERAS_BACKEND": "tensorflow"},
    ),
    executable="/somewhere/python",
    lock_digest="ab" * 32,
    python_version="3.12.4",
    resolved={"keras": "3.15.0"},
    import_s=5.0,
    fork=True,
)
SCENARIO = Scenario(
    id="plain_dense",
    module="plain_dense",
    group="controls",
    title="Plain",
    summary="A control.",
    formats=(Format.H5,),
    aspects=frozenset({Aspect.OUTPUTS, Aspect.WEIGHTS}),
    remedies=(),
)


@pytest.fixture
def root(tmp_path):
    probe = tmp_path / "runner" / "probe"
    probe.mkdir(parents=True)
    (probe / "job.py").write_text("x = 1\n")
    (probe / "identify.py").write_text("y = 1\n")
    (probe / "damage.py").write_text("z = 1\n")
    (probe / "arrays.py").write_text("a = 1\n")
    (probe / "compat_shims.py").write_text("b = 1\n")
    scenarios = tmp_path / "scenarios"
    scenarios.mkdir()
    (scenarios / "framework.py").write_text("keras = None\n")
    (scenarios / "layers.py").write_text("import os\n")
    (scenarios / "plain_dense.py").write_text(
        "from scenarios.framework import keras\nfrom scenarios import layers\n"
    )
    return tmp_path


def test_the_probe_digest_follows_what_measures_and_nothing_else(root):
    before = probe_digest(root)
    (root / "runner/probe/identify.py").write_text("y = 22\n")
    (root / "runner/probe/notes.txt").write_text("no code\n")
    assert probe_digest(root) == before
    (root / "runner/probe/job.py").write_text("x = 22\n")
    changed = probe_digest(root)
    assert changed != before
    (root / "scenarios/framework.py").write_text("keras = 22\n")
    assert probe_digest(root) not in {before, changed}


def test_the_probe_digest_does_not_depend_on_where_the_repository_is(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere") / "clone"
    root_digest = probe_digest(root)
    root.rename(other)
    assert probe_digest(other) == root_digest


def test_a_missing_probe_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match="probe"):
        probe_digest(tmp_path)


def test_prose_may_change_without_a_new_measurement(root):
    before = scenario_digest(SCENARIO, root)
    reworded = structs.replace(
        SCENARIO, title="Other", summary="Other.", links=("https://example.org",), group="x"
    )
    assert scenario_digest(reworded, root) == before


@pytest.mark.parametrize(
    "change",
    [
        {"variant": "other"},
        {"damage": "empty"},
        {"reader_knows": "registered"},
        {"reader_variables": {"LC_ALL": "C"}},
        {"aspects": frozenset({Aspect.OUTPUTS})},
        {"trained": True},
        {"rtol": 1e-3},
        {"atol": 1e-3},
        {"module": "layers"},
    ],
)
def test_what_reaches_the_probe_asks_for_a_new_measurement(root, change):
    changed = structs.replace(SCENARIO, **change)
    assert scenario_digest(changed, root) != scenario_digest(SCENARIO, root)


def test_the_code_of_a_scenario_and_of_what_it_imports_counts(root):
    before = scenario_digest(SCENARIO, root)
    (root / "scenarios/layers.py").write_text("import sys\n# longer\n")
    imported = scenario_digest(SCENARIO, root)
    assert imported != before
    with (root / "scenarios/plain_dense.py").open("a") as file:
        file.write("MORE = 1\n")
    assert scenario_digest(SCENARIO, root) not in {before, imported}


def test_how_files_are_damaged_counts_where_one_is(root):
    damaged = structs.replace(SCENARIO, damage="empty")
    before = scenario_digest(damaged, root), scenario_digest(SCENARIO, root), probe_digest(root)
    (root / "runner/probe/damage.py").write_text("z = 22\n")
    assert scenario_digest(damaged, root) != before[0]
    assert (scenario_digest(SCENARIO, root), probe_digest(root)) == before[1:]


def test_what_one_remedy_uses_counts_where_it_is_tried(root):
    def loads():
        digests = InputDigests(root, {"plain_dense": SCENARIO}, {"keras3.15": ENVIRONMENT})
        where = {"scenario": "plain_dense", "writer": "keras3.15", "reader": "keras3.15"}
        found = {}
        for remedy in ("none", "arrays", "compat_shims", "right_suffix"):
            cell = Cell(format=Format.H5, remedy=remedy, **where)
            load = digests.of_load(cell, aspects=(), artifact="a")
            found[remedy] = load, digests.depends(**where, remedy=remedy)
        return probe_digest(root), found

    def changed(before, after):
        return {name for name in after[1] if before[1][name] != after[1][name]}

    first = loads()
    (root / "runner/probe/arrays.py").write_text("a = 22\n")
    second = loads()
    (root / "runner/probe/compat_shims.py").write_text("b = 22\n")
    third = loads()
    assert first[0] == second[0] == third[0]
    assert changed(first, second) == {"arrays"}
    assert changed(second, third) == {"compat_shims", "right_suffix"}


def test_every_remedy_that_uses_such_a_module_is_declared():
    tree = ast.parse(inspect.getsource(remedies))
    uses = {
        node.name: {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }

    def reached(name, seen):
        if name in uses and name not in seen:
            seen.add(name)
            for each in uses[name]:
                reached(each, seen)
            seen |= uses[name]
        return seen

    for module, declared in REMEDY_MODULES.items():
        using = {
            remedy
            for remedy, load in remedies.REMEDIES.items()
            if module.removesuffix(".py") in reached(load.__name__, set())
        }
        assert using == declared, module
    # Nothing else of the probe imports them.
    for path in Path(remedies.__file__).parent.glob("*.py"):
        if path.name != "remedies.py":
            text = path.read_text()
            assert not re.search(r"(?m)^from runner.probe.*\b(arrays|compat_shims)\b", text), path


def test_framework_is_counted_once_with_the_probe(root):
    before = scenario_digest(SCENARIO, root)
    (root / "scenarios/framework.py").write_text("keras = 22\n")
    assert scenario_digest(SCENARIO, root) == before


def save(environment=ENVIRONMENT, format_=Format.H5, scenario_sha="s", probe_sha="p"):
    environment_sha = environment_digest(environment)
    return save_inputs(environment_sha, format_, scenario_sha=scenario_sha, probe_sha=probe_sha)


def test_save_inputs_are_short_stable_and_sensitive():
    assert save() == save()
    assert len(save()) == 16
    jax = structs.replace(ENVIRONMENT.environment, env={"KERAS_BACKEND": "jax"})
    variants = [
        save(replace(ENVIRONMENT, lock_digest="cd" * 32)),
        save(replace(ENVIRONMENT, python_version="3.12.5")),
        save(replace(ENVIRONMENT, environment=jax)),
        save(format_=Format.KERAS),
        save(scenario_sha="other"),
        save(probe_sha="other"),
    ]
    assert len({save(), *variants}) == 7
    # Where the environment was built and how fast it imports change nothing.
    assert save(replace(ENVIRONMENT, executable="/elsewhere", import_s=9.0)) == save()


def load(environment=ENVIRONMENT, remedy="none", **changes):
    given = {
        "aspects": {Aspect.OUTPUTS, Aspect.WEIGHTS},
        "artifact_sha256": "a",
        "sibling_sha256": "",
        "scenario_sha": "s",
        "probe_sha": "p",
    }
    environment_sha = environment_digest(environment)
    return load_inputs(environment_sha, Format.H5, remedy, **{**given, **changes})


def test_load_inputs_are_short_stable_and_sensitive():
    assert load() == load(aspects=[Aspect.WEIGHTS, Aspect.OUTPUTS])
    assert len(load()) == 16
    variants = [
        load(remedy="unsafe"),
        load(aspects={Aspect.OUTPUTS}),
        load(artifact_sha256="b"),
        load(artifact_sha256="", sibling_sha256="a"),
        load(scenario_sha="other"),
        load(probe_sha="other"),
        load(replace(ENVIRONMENT, lock_digest="cd" * 32)),
    ]
    assert len({load(), save(), *variants}) == 9


def test_each_executor_measures_for_itself():
    """The lock is the same; the operating system below it is another."""
    inside = replace(ENVIRONMENT, image="sha256:12", base="sha256:34")
    assert environment_digest(inside) != environment_digest(ENVIRONMENT)
    assert save(inside) != save()
    # The image is built again without a change of what is in it; then nothing is measured again.
    assert environment_digest(replace(inside, image="sha256:56")) == environment_digest(inside)
    assert environment_digest(replace(inside, base="sha256:78")) != environment_digest(inside)
