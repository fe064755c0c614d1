"""The declarations of scenarios/: what is read, and what is refused and how."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from runner.declare.catalog import DAMAGE, check_environment_globs, check_profiles, load_catalog
from runner.declare.environments import read_environments
from runner.domain import Aspect, Format, Isolation, Outcome
from runner.domain.declared import writes
from runner.domain.errors import ConfigurationError

REPOSITORY = Path(__file__).resolve().parents[3]

SCENARIO = """
[[scenario]]
id = "plain_dense"
module = "plain_dense"
group = "controls"
title = "Plain"
summary = "The control."
formats = ["h5", "keras"]
aspects = ["outputs", "weights"]
remedies = ["compile_false"]
"""
EXPECTATION = """
[[expectation]]
cells = "plain*/h5/*->*/none"
outcome = "load_error"
reason = "Because."
link = "https://example.org"
"""


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "scenarios"
    folder.mkdir()
    shutil.copy(REPOSITORY / "scenarios" / "remedies.toml", folder)
    (folder / "catalog.toml").write_text(SCENARIO)
    (folder / "expectations.toml").write_text("")
    (folder / "plain_dense.py").write_text("def build_model(variant):\n    return None\n")
    return tmp_path


def refused(root):
    with pytest.raises(ConfigurationError) as caught:
        load_catalog(root)
    error = caught.value
    assert error.cause
    assert error.next_step
    assert str(root / "scenarios") in error.message
    return error


def test_the_repository_declares_a_sound_catalog():
    catalog = load_catalog(REPOSITORY)
    assert next(iter(catalog.remedies)) == "none"
    assert set(catalog.carries) == set(Format)
    for scenario in catalog.scenarios.values():
        assert set(scenario.remedies) <= set(catalog.remedies)


def test_a_minimal_scenario_gets_the_documented_defaults(root):
    scenario = load_catalog(root).scenarios["plain_dense"]
    assert scenario.formats == (Format.H5, Format.KERAS)
    assert scenario.aspects == {Aspect.OUTPUTS, Aspect.WEIGHTS}
    assert (scenario.rtol, scenario.atol, scenario.timeout_s) == (1e-4, 1e-5, 30.0)
    assert (scenario.variant, scenario.damage, scenario.reader_knows) == ("", "", "nothing")
    assert scenario.writers == ("*",)
    assert not scenario.trained


def test_optional_fields_are_read(root):
    extra = 'rtol = 1\ntimeout_s = 90\ntrained = true\nwriters = ["tf2.*"]\nvariant = "x"\n'
    (root / "scenarios/catalog.toml").write_text(SCENARIO + extra)
    scenario = load_catalog(root).scenarios["plain_dense"]
    assert (scenario.rtol, scenario.timeout_s, scenario.trained) == (1.0, 90.0, True)
    assert (scenario.writers, scenario.variant) == (("tf2.*",), "x")


def test_remedies_keep_file_order_and_siblings(root):
    remedies = load_catalog(root).remedies
    assert list(remedies)[:3] == ["none", "custom_objects", "registered"]
    assert remedies["saved_model"].sibling is Format.SAVED_MODEL
    assert remedies["none"].sibling is None
    assert remedies["unsafe"].isolation is Isolation.ALONE
    assert remedies["compile_false"].gives_up == {Aspect.OPTIMIZER, Aspect.TRAINING_STEP}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Plain"', 'titel = "Plain"', "unknown key `titel`"),
        ('title = "Plain"', "", "`title` is missing"),
        ('title = "Plain"', 'title = "Plain"\nremedys = []', "unknown key `remedys`"),
        ('title = "Plain"', "title = 3", "not a string"),
        ('title = "Plain"', 'title = " "', "empty"),
        ('title = "Plain"', 'title = "P"\nrtol = "x"', "not a finite number"),
        ('title = "Plain"', 'title = "P"\nrtol = nan', "finite"),
        ('title = "Plain"', 'title = "P"\nrtol = true', "not a finite number"),
        ('title = "Plain"', 'title = "P"\ntimeout_s = 0', "timeout_s"),
        ('title = "Plain"', 'title = "P"\ntrained = 1', "true or false"),
        ('title = "Plain"', 'title = "P"\nreader_knows = "all"', "unknown 'all'"),
        ('["h5", "keras"]', '["h5", "kears"]', "unknown format 'kears'"),
        ('["h5", "keras"]', '["h5", "h5"]', "more than once"),
        ('["h5", "keras"]', "[]", "empty list"),
        ('["h5", "keras"]', '"h5"', "not a list"),
        ('["outputs", "weights"]', '["output"]', "unknown aspect 'output'"),
        ('["compile_false"]', '["compile_fals"]', "unknown 'compile_fals'"),
        ('["compile_false"]', '["none"]', "unknown 'none'"),
        ('title = "Plain"', 'title = "P"\ndamage = "scratch"', "unknown 'scratch'"),
        ('title = "Plain"', 'title = "P"\ndamage = "empty:keep=1"', "unknown 'keep'"),
        ('title = "Plain"', 'title = "P"\ndamage = "flip:where="', "'where' has the value ''"),
        ('title = "Plain"', 'title = "P"\ndamage = "truncate:keep=half"', "the value 'half'"),
        ('title = "Plain"', 'title = "P"\ndamage = "empty"', "'plain_dense' has remedies"),
        ('module = "plain_dense"', 'module = "plain-dense"', "not the name of a Python module"),
        ('id = "plain_dense"', 'id = "../plain"', "not an id"),
    ],
)
def test_a_wrong_entry_is_named_with_the_key(root, old, new, said):
    assert old in SCENARIO
    (root / "scenarios/catalog.toml").write_text(SCENARIO.replace(old, new))
    error = refused(root)
    assert said in error.message
    assert "(entry 1)" in error.message


def test_the_probe_knows_every_damage_that_can_be_declared():
    # By its text: the probe runs elsewhere, and to carry out each kind needs a file of its own.
    source = (REPOSITORY / "runner" / "probe" / "damage.py").read_text(encoding="utf-8")
    assert [kind for kind in DAMAGE if f'"{kind}"' not in source] == []


def test_a_misspelt_word_gets_a_suggestion(root):
    path = root / "scenarios/catalog.toml"
    path.write_text(SCENARIO.replace('"keras"]', '"kears"]'))
    assert "'keras'" in refused(root).cause


def test_duplicate_ids_are_refused(root):
    (root / "scenarios/catalog.toml").write_text(SCENARIO * 2)
    assert "'plain_dense' is declared twice" in refused(root).message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[scenario]\nid = 1", "line 1"),
        ("[scenario]\nid = 'x'", "not a list of tables"),
        ("scenarios = []", "unknown table or key 'scenarios'"),
        ("", "no scenario"),
    ],
)
def test_a_malformed_file_is_refused(root, text, said):
    (root / "scenarios/catalog.toml").write_text(text)
    assert said in refused(root).message


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('quick = ["plain_dens"]', "`quick` names an unknown 'plain_dens'"),
        ("quick = []", "`quick` is an empty list"),
        ('quick = "plain_dense"', "which is not a list of at least one string"),
    ],
)
def test_a_wrong_profile_is_refused(root, declared, said):
    (root / "scenarios/catalog.toml").write_text(f"[profiles]\n{declared}\n{SCENARIO}")
    assert said in refused(root).message


def test_a_profile_must_be_one_of_environments(root):
    text = f'[profiles]\nquick = ["plain_dense"]\n{SCENARIO}'
    (root / "scenarios/catalog.toml").write_text(text)
    catalog = load_catalog(root)
    assert catalog.of_profile("quick") == ("plain_dense",)
    assert catalog.of_profile("full") == ()
    check_profiles(catalog, ["full", "quick"])
    with pytest.raises(ConfigurationError, match="'quick' is no profile"):
        check_profiles(catalog, ["full"])


def test_a_file_that_is_not_utf8_or_missing_is_refused(root):
    path = root / "scenarios/catalog.toml"
    path.write_bytes(b"\xff\xfe")
    assert "malformed" in refused(root).message
    path.unlink()
    assert "does not exist" in refused(root).message


def test_a_syntax_error_in_a_module_names_file_and_line(root):
    module = root / "scenarios/plain_dense.py"
    module.write_text("x = 1\n\ndef build_model(variant)\n    return None\n")
    assert f"{module}:3" in refused(root).message


def test_syntax_newer_than_the_oldest_python_is_refused(root):
    module = root / "scenarios/plain_dense.py"
    module.write_text("x = 1\nif (y := x):\n    pass\n")
    error = refused(root)
    assert f"{module}:2" in error.message
    assert "3.7" in error.cause


def test_a_module_that_is_missing_or_binary_is_refused(root):
    module = root / "scenarios/plain_dense.py"
    module.write_bytes(b"x = 1\0\n")
    assert str(module) in refused(root).message
    module.unlink()
    assert str(module) in refused(root).message


def test_a_module_is_parsed_but_never_executed(root):
    (root / "scenarios/plain_dense.py").write_text("raise SystemExit(3)\n")
    assert load_catalog(root).scenarios


def test_a_missing_format_or_bare_load_is_refused(root):
    path = root / "scenarios/remedies.toml"
    text = path.read_text()
    path.write_text(text.replace("[formats.export]\ncarries", "# "))
    assert "[formats.export] is missing" in refused(root).message
    path.write_text(text + '[formats.exported]\ncarries = ["outputs"]\n')
    assert "unknown 'exported'" in refused(root).message
    path.write_text(text.replace('id = "none"', 'id = "nothing"'))
    assert "'none' is missing" in refused(root).message


def test_formats_that_is_not_a_table_is_refused(root):
    path = root / "scenarios/remedies.toml"
    path.write_text('formats = ["h5"]\n' + path.read_text()[path.read_text().index("[[") :])
    assert "formats" in refused(root).message


def test_expectations_are_read(root):
    (root / "scenarios/expectations.toml").write_text(EXPECTATION + 'readers = ["keras3*"]\n')
    (expected,) = load_catalog(root).expectations
    assert expected.outcome is Outcome.LOAD_ERROR
    assert expected.cells == "plain*/h5/*->*/none"
    assert (expected.writers, expected.readers) == (("*",), ("keras3*",))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("plain*/", "plian*/", "scenario 'plian*' matches nothing"),
        ("/h5/", "/h6/", "format 'h6' matches nothing"),
        ("/none", "/non", "remedy 'non' matches nothing"),
        ("*->*", "tf2.15", "third part"),
        ('"load_error"', '"load_eror"', "unknown outcome 'load_eror'"),
        ('reason = "Because."', "", "`reason` is missing"),
    ],
)
def test_a_wrong_expectation_is_refused(root, old, new, said):
    (root / "scenarios/expectations.toml").write_text(EXPECTATION.replace(old, new))
    assert said in refused(root).message


def test_globs_over_environments_must_match_one(root):
    catalog = load_catalog(root)
    known = ["keras2.3", "tf2.13", "tf2.14", "tf2.15", "keras3.0", "keras3.15", "tf-keras2.16"]
    check_environment_globs(catalog, known)
    writers = ("tf2.13,tf2.15", "keras3*")
    listed = structs.replace(catalog.scenarios["plain_dense"], writers=writers)
    check_environment_globs(replace(catalog, scenarios={"plain_dense": listed}), known)
    unlisted = structs.replace(listed, writers=("tf2.13,tf9.9",))
    with pytest.raises(ConfigurationError, match=r"scenario 'plain_dense'.*'tf9\.9'"):
        check_environment_globs(replace(catalog, scenarios={"plain_dense": unlisted}), known)
    with pytest.raises(ConfigurationError, match=r"remedy 'unsafe'.*'tf2\.1\[2-5\]'"):
        check_environment_globs(catalog, ["keras2.3", "tf2.7", *known[4:]])


def test_writers_may_be_listed_with_commas(root):
    path = root / "scenarios/catalog.toml"
    path.write_text(SCENARIO + 'writers = ["tf2.7,tf2.8", "keras3.1?"]\n')
    scenario = load_catalog(root).scenarios["plain_dense"]
    written_by = [
        each.id
        for each in read_environments().select(["tf2.*", "keras3.*"])
        if writes(each, scenario, Format.H5)
    ]
    assert written_by == ["tf2.7", "tf2.8", *(f"keras3.{minor}" for minor in range(10, 16))]
