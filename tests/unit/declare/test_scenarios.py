"""The catalogue of scenarios, checked without a framework: nothing here imports a model.

Each test goes over the whole catalogue and lists every offender.
"""

import ast
import re
import sys
from functools import cache
from pathlib import Path

from runner.declare.catalog import load_catalog
from runner.domain import Aspect

ROOT = Path(__file__).parents[3]
SCENARIOS = ROOT / "scenarios"
OLDEST_SYNTAX = (3, 7)
"""Syntax of the oldest Python that executes the modules (TensorFlow 1.15)."""

NOT_SCENARIOS = {"__init__", "framework"}
TRAINING_ASPECTS = {Aspect.COMPILE, Aspect.OPTIMIZER, Aspect.TRAINING_STEP}
PARTICULAR_ASPECTS = {
    Aspect.INTERFACE,
    Aspect.PREPROCESSING,
    Aspect.STATES,
    Aspect.CONSTRAINTS,
    Aspect.SEEDS,
    Aspect.LOSS_WEIGHTS,
    Aspect.METRICS,
}
"""Asked for by scenarios that are about them alone."""
BASE_ASPECTS = set(Aspect) - TRAINING_ASPECTS - PARTICULAR_ASPECTS
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
VARIANTS_ALONE = {"other_implementation", "library_config"}
"""Modules of several public reports, none of which is the plain case of the others."""
OUTPUTS_ALONE = {"gpu_kernel", "parallel_model", "applications", "quantized"}
"""What is read differs from what was written by design, in all that is not asked for."""
DAMAGED = {"corrupted_file", "truncated_file", "not_this_file", "hostile_file"}

CATALOG = load_catalog(ROOT)
ENTRIES = tuple(CATALOG.scenarios.values())
MODULES = sorted({scenario.module for scenario in ENTRIES})


@cache
def _source(module):
    return (SCENARIOS / f"{module}.py").read_text(encoding="utf-8")


@cache
def _parse(module):
    return ast.parse(_source(module), filename=module, feature_version=OLDEST_SYNTAX)


def offenders(wrong, among=ENTRIES):
    """Return the ids of those for which something is wrong."""
    return [getattr(each, "id", each) for each in among if wrong(each)]


def _case(scenario):
    return scenario.id.partition(".")[0]


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
    assert CATALOG.scenarios.keys() >= CASES_OF_THE_ARTICLES


def test_a_module_and_variant_is_one_model():
    models = [(each.module, each.variant, each.damage) for each in ENTRIES]
    assert [model for model in models if models.count(model) > 1] == []


def test_every_module_is_in_the_catalogue():
    files = {path.stem for path in SCENARIOS.glob("*.py")} - NOT_SCENARIOS
    assert files == set(MODULES)


def test_id_is_the_case_and_its_variant():
    def wrong(scenario):
        case, _, variant = scenario.id.partition(".")
        if scenario.module == case:
            named = case in CATALOG.scenarios or case in VARIANTS_ALONE
            return scenario.variant != variant or not named
        return scenario.module != f"{case}_{variant}" or case not in CATALOG.scenarios

    assert offenders(wrong) == []


def test_variant_is_known_to_its_module():
    def wrong(scenario):
        named = (f'"{scenario.variant}"', f"`{scenario.variant}`")
        return scenario.variant and not any(name in _source(scenario.module) for name in named)

    assert offenders(wrong) == []


def test_a_case_of_the_articles_is_saved_in_both_formats_of_whole_models():
    def wrong(scenario):
        own = _case(scenario) in CASES_OF_THE_ARTICLES and not scenario.links
        return own and not {"h5", "keras"} <= set(scenario.formats)

    assert offenders(wrong) == []


def test_a_reported_case_links_the_report():
    reported = [each for each in ENTRIES if _case(each) not in CASES_OF_THE_ARTICLES]
    assert len(reported) > 50
    # That a link begins with https:// is checked when the catalogue is read.
    assert offenders(lambda scenario: not scenario.links, reported) == []


def test_a_trained_scenario_asks_for_the_aspects_of_training_and_no_other_does():
    def wrong(scenario):
        training = TRAINING_ASPECTS if scenario.trained else set()
        if _case(scenario) in OUTPUTS_ALONE:
            asked = {Aspect.OUTPUTS} <= scenario.aspects <= BASE_ASPECTS
            return scenario.trained or not asked
        compiled = {Aspect.LOSS_WEIGHTS, Aspect.METRICS} & scenario.aspects
        asked = scenario.aspects - PARTICULAR_ASPECTS
        return asked != BASE_ASPECTS | training or (compiled and not scenario.trained)

    assert offenders(wrong) == []


def test_every_aspect_is_asked_for_by_a_scenario():
    assert set().union(*(each.aspects for each in ENTRIES)) == set(Aspect)


def test_remedies_apply_to_a_format():
    def wrong(scenario):
        remedies = [CATALOG.remedies[each] for each in scenario.remedies]
        return any(
            not remedy.formats & set(scenario.formats)
            or (remedy.sibling and remedy.sibling not in scenario.formats)
            for remedy in remedies
        )

    assert offenders(wrong) == []


def test_remedies_have_what_they_need():
    def wrong(scenario):
        names = _top_level_names(_parse(scenario.module))
        code = {"custom_objects", "registered"} & set(scenario.remedies)
        # There is nothing to leave out in a model that is not compiled.
        idle = "compile_false" in scenario.remedies and not scenario.trained
        return idle or (code and "custom_objects" not in names)

    assert offenders(wrong) == []


def test_trained_means_compiled_with_targets():
    trained = {each.module for each in ENTRIES if each.trained}

    def wrong(scenario):
        names = _top_level_names(_parse(scenario.module))
        if scenario.module in trained:
            # Another variant of the module may not be.
            return not {"compile_model", "targets"} <= names
        return scenario.trained or bool({"compile_model", "targets"} & names)

    assert offenders(wrong) == []


def test_a_reader_that_registers_has_something_to_register():
    knowing = {each.module for each in ENTRIES if each.reader_knows == "registered"}
    # The writer's registration names a class that the reader passes by hand.
    passing = {each.module for each in ENTRIES if "custom_objects" in each.remedies}

    def wrong(scenario):
        tree = _parse(scenario.module)
        if scenario.module in knowing:
            return not (_registers(tree) or "before_loading" in _top_level_names(tree))
        return _registers(tree) and scenario.module not in passing

    assert offenders(wrong) == []


def test_only_scenarios_about_files_damage_them():
    assert offenders(lambda scenario: bool(scenario.damage) != (scenario.module in DAMAGED)) == []


def test_framework_parses_with_the_oldest_syntax():
    # The modules are parsed when the catalogue is read.
    assert _parse("framework").body


def test_docstring_says_cause_and_source():
    def wrong(module):
        docstring = ast.get_docstring(_parse(module)) or ""
        source = "seeds? 00[0-4]" if module in CASES_OF_THE_ARTICLES else ""
        lines = ("^Cause: ", f"^Source: {source}")
        return not all(re.search(line, docstring, re.MULTILINE) for line in lines)

    assert offenders(wrong, MODULES) == []


def test_imports_are_those_of_every_environment():
    allowed = (set(sys.stdlib_module_names) | {"numpy"}) - {"tomllib"}

    def wrong(module):
        for node in ast.walk(_parse(module)):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module != "scenarios.framework":
                names = {"a relative import" if node.level else node.module.split(".")[0]}
            else:
                continue
            if not names <= allowed:
                return True
        return False

    assert offenders(wrong, MODULES) == []


def test_a_module_has_the_parts_the_probe_asks_for():
    takes = {
        "build_model": ["variant"],
        "compile_model": ["model", "variant"],
        "finish_model": ["model", "variant"],
        "custom_objects": ["variant"],
        "inputs": ["rng", "variant"],
        "targets": ["rng", "variant"],
    }

    def wrong(module):
        tree = _parse(module)
        names = _top_level_names(tree)
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        # The probe executes the module as a program, under no name of its own.
        asks_its_name = any(
            isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(tree)
        )
        return (
            asks_its_name
            or "build_model" not in names
            or not {"INPUT_SHAPE", "inputs"} & names
            or any(
                [each.arg for each in node.args.args] != takes.get(node.name)
                for node in functions
                if node.name in takes
            )
        )

    assert offenders(wrong, MODULES) == []


def test_remedies_are_ordered_by_cost():
    costs = [remedy.cost for remedy in CATALOG.remedies.values()]
    assert costs == sorted(set(costs))
