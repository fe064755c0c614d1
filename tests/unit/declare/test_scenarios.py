"""The catalogue of scenarios, checked without a framework: nothing here imports a model."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parents[3] / "scenarios"
OLDEST_SYNTAX = (3, 7)
"""Syntax of the oldest Python that executes the modules (TensorFlow 1.15)."""

NOT_SCENARIOS = {"__init__", "framework"}
BASE_ASPECTS = {"structure", "outputs", "weights", "losses", "trainable", "dtype"}
TRAINING_ASPECTS = {"compile", "optimizer", "training_step"}
FORMATS = {
    "h5",
    "keras",
    "saved_model",
    "weights_h5",
    "json_weights",
    "tf_checkpoint",
    "export",
}
CASES_OF_THE_ARTICLES = {
    "plain_dense",
    "compile_state",
    "l1l2_standard_layer",
    "l1l2_in_custom_layer",
    "l1l2_layer_built_late",
    "l2_sequential",
    "custom_regularizer_function",
    "architecture_json_fallback",
    "application_model_regularizer",
    "custom_layer_unregistered",
    "custom_layer_trained",
    "custom_layer_registered",
    "custom_activation_unregistered",
    "custom_activation_registered",
    "build_time_weights",
    "build_time_weights_registered",
    "corrupted_file",
    "truncated_file",
    "custom_loss_metric",
    "float_precision",
    "device_placement",
}
DAMAGE = re.compile(
    r"random_bytes:(offset=\d+|where=(header|config|weight)),count=\d+,seed=\d+"
    r"|truncate:(keep=0\.\d+|keep_bytes=\d+)|empty|interrupted"
    r"|flip:where=(directory|index|weight)|zeros:offset=\d+,count=\d+|content:of=(html|lfs_pointer)"
    r"|nest|unpack|function:module=\w+,name=\w+|vocabulary|external_link|huge_shape"
)


DAMAGED = {"corrupted_file", "truncated_file", "not_this_file", "hostile_file"}


def _load_toml(name):
    return tomllib.loads((SCENARIOS / name).read_text(encoding="utf-8"))


CATALOG = _load_toml("catalog.toml")["scenario"]
REMEDIES = {remedy["id"]: remedy for remedy in _load_toml("remedies.toml")["remedy"]}
MODULES = sorted({scenario["module"] for scenario in CATALOG})

each_scenario = pytest.mark.parametrize("scenario", CATALOG, ids=lambda entry: entry["id"])
each_module = pytest.mark.parametrize("module", MODULES)


def _parse(module):
    source = (SCENARIOS / f"{module}.py").read_text(encoding="utf-8")
    return ast.parse(source, filename=module, feature_version=OLDEST_SYNTAX)


def _top_level_names(tree):
    names = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def _registers(tree):
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "register"
        for node in ast.walk(tree)
    )


def test_every_case_of_the_articles_is_there():
    assert {scenario["id"] for scenario in CATALOG} >= CASES_OF_THE_ARTICLES


def test_ids_are_unique():
    ids = [scenario["id"] for scenario in CATALOG]
    assert len(ids) == len(set(ids))


def test_a_module_and_variant_is_one_model():
    keys = [
        (entry["module"], entry.get("variant", ""), entry.get("damage", "")) for entry in CATALOG
    ]
    assert len(keys) == len(set(keys))


def test_every_module_is_in_the_catalogue():
    files = {path.stem for path in SCENARIOS.glob("*.py")} - NOT_SCENARIOS
    assert files == set(MODULES)


@each_scenario
def test_id_is_the_case_and_its_variant(scenario):
    case, _, variant = scenario["id"].partition(".")
    assert case in {entry["id"] for entry in CATALOG}, "a variant needs its base case"
    assert scenario["module"] in {case, f"{case}_{variant}"}
    if scenario["module"] == case:
        assert scenario.get("variant", "") == variant


@each_scenario
def test_variant_is_known_to_its_module(scenario):
    source = (SCENARIOS / f"{scenario['module']}.py").read_text(encoding="utf-8")
    variant = scenario.get("variant", "")
    assert not variant or f'"{variant}"' in source or f"`{variant}`" in source


@each_scenario
def test_formats(scenario):
    assert set(scenario["formats"]) <= FORMATS
    if scenario["id"].partition(".")[0] in CASES_OF_THE_ARTICLES and not scenario.get("links"):
        assert {"h5", "keras"} <= set(scenario["formats"])


@each_scenario
def test_a_reported_case_links_the_report(scenario):
    if scenario["id"].partition(".")[0] not in CASES_OF_THE_ARTICLES:
        assert scenario["links"]
        assert all(link.startswith("https://") for link in scenario["links"])


@each_scenario
def test_aspects(scenario):
    asked = set(scenario["aspects"])
    assert asked >= BASE_ASPECTS
    assert asked - BASE_ASPECTS == (TRAINING_ASPECTS if scenario.get("trained") else set())


@each_scenario
def test_remedies_exist_and_apply_to_a_format(scenario):
    for remedy in scenario["remedies"]:
        assert remedy in REMEDIES
        assert remedy != "none", "the bare load is always measured"
        assert set(REMEDIES[remedy]["formats"]) & set(scenario["formats"])
        sibling = REMEDIES[remedy].get("sibling")
        assert sibling is None or sibling in scenario["formats"]


@each_scenario
def test_remedies_have_what_they_need(scenario):
    names = _top_level_names(_parse(scenario["module"]))
    if {"custom_objects", "registered"} & set(scenario["remedies"]):
        assert "custom_objects" in names
    if "compile_false" in scenario["remedies"]:
        assert scenario.get("trained"), "nothing to leave out in a model that is not compiled"


@each_scenario
def test_trained_means_compiled_with_targets(scenario):
    names = _top_level_names(_parse(scenario["module"]))
    assert bool(scenario.get("trained")) == ("compile_model" in names)
    assert ("compile_model" in names) == ("targets" in names)


@each_scenario
def test_a_reader_that_registers_has_something_to_register(scenario):
    known = scenario.get("reader_knows", "nothing")
    assert known in {"nothing", "registered"}
    assert (known == "registered") == _registers(_parse(scenario["module"]))


@each_scenario
def test_damage_is_a_spec_the_probe_knows(scenario):
    damaged = scenario["module"] in DAMAGED
    damage = scenario.get("damage", "")
    assert bool(damage) == damaged
    assert not damage or DAMAGE.fullmatch(damage)


@each_module
def test_module_parses_with_the_oldest_syntax(module):
    assert _parse(module).body


def test_framework_parses_with_the_oldest_syntax():
    assert _parse("framework").body


@each_module
def test_docstring_says_cause_and_source(module):
    docstring = ast.get_docstring(_parse(module)) or ""
    assert re.search(r"^Cause: ", docstring, re.MULTILINE)
    source = "seeds? 00[0-4]" if module in CASES_OF_THE_ARTICLES else ""
    assert re.search(rf"^Source: {source}", docstring, re.MULTILINE)


@each_module
def test_imports_are_those_of_every_environment(module):
    allowed = (set(sys.stdlib_module_names) | {"numpy"}) - {"tomllib"}
    for node in ast.walk(_parse(module)):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module == "scenarios.framework" or node.module.split(".")[0] in allowed


@each_module
def test_module_has_the_parts_the_probe_asks_for(module):
    tree = _parse(module)
    names = _top_level_names(tree)
    assert "build_model" in names
    assert {"INPUT_SHAPE", "inputs"} & names
    assert "__name__" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}, (
        "the probe executes the module as a program"
    )
    takes_variant = {
        "build_model": ["variant"],
        "compile_model": ["model", "variant"],
        "finish_model": ["model", "variant"],
        "custom_objects": ["variant"],
        "inputs": ["rng", "variant"],
        "targets": ["rng", "variant"],
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in takes_variant:
            assert [argument.arg for argument in node.args.args] == takes_variant[node.name]


@pytest.mark.parametrize("remedy", REMEDIES.values(), ids=lambda entry: entry["id"])
def test_remedy_speaks_of_known_formats(remedy):
    assert set(remedy["formats"]) <= FORMATS
    assert set(remedy.get("gives_up", [])) <= BASE_ASPECTS | TRAINING_ASPECTS


def test_remedies_are_ordered_by_cost():
    costs = [remedy["cost"] for remedy in REMEDIES.values()]
    assert costs == sorted(set(costs))
