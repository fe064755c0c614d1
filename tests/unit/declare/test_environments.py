"""environments.toml: the real one is sound, and a damaged one says where and what to do."""

import re
from datetime import date

import pytest

from runner.declare.environments import ENVIRONMENTS_FILE, read_environments
from runner.domain import Backend, Environment, Family, Format
from runner.domain.errors import ConfigurationError, SelectionError
from runner.executors import locks

ENTRY = """\
[[environment]]
id = "tf2.7"
family = "tf.keras"
backend = "tensorflow"
python = "3.9"
released = 2022-09-02
requirements = ["tensorflow-cpu==2.7.4", "numpy<1.24"]
formats = ["h5", "saved_model"]
"""


@pytest.fixture(scope="module")
def declared():
    return read_environments()


def read(tmp_path, text):
    path = tmp_path / "environments.toml"
    path.write_text(text, encoding="utf-8")
    return read_environments(path)


def test_one_entry_becomes_one_environment(tmp_path):
    extra = 'reads = ["keras"]\nnote = "why"\n[environment.env]\nA = "b"\n'
    (environment,) = read(tmp_path, ENTRY + extra).environments
    assert environment == Environment(
        id="tf2.7",
        family=Family.TF_KERAS,
        backend=Backend.TENSORFLOW,
        python="3.9",
        requirements=("tensorflow-cpu==2.7.4", "numpy<1.24"),
        released=date(2022, 9, 2),
        formats=frozenset({Format.H5, Format.SAVED_MODEL}),
        reads=frozenset({Format.KERAS}),
        order=0,
        env={"A": "b"},
        note="why",
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('python = "3.9"', 'pyhton = "3.9"', 5, "did you mean 'python'"),
        ('python = "3.9"', "", 1, "`python` is missing"),
        ('python = "3.9"', "python = 3.9", 5, "`python` is 3.9, which is not a string"),
        ('python = "3.9"', 'python = "3.9.1"', 5, "not a minor version"),
        ("released = 2022-09-02", 'released = "2022-09-02"', 6, "not a date"),
        ("released = 2022-09-02", "released = 2022-09-02T10:00:00", 6, "not a date"),
        ('"tf.keras"', '"keras"', 3, "tf.keras, keras2, keras3, tf-keras"),
        ('"tensorflow"', '"mxnet"', 4, "unknown backend 'mxnet'"),
        ('"saved_model"]', '"onnx"]', 8, "unknown format 'onnx'"),
        ('"saved_model"]', '"h5"]', 8, "names 'h5' more than once"),
        ('"numpy<1.24"', "1", 7, "`requirements` holds 1"),
        ('id = "tf2.7"', 'id = "TF 2.7"', 2, "which is not an id"),
        ('family = "tf.keras"', "family = tf.keras", 3, "malformed TOML"),
        ("[[environment]]", "[[enviroment]]", 1, "unknown table or key 'enviroment'"),
    ],
)
def test_a_damaged_entry_names_line_and_cause(tmp_path, old, new, line, says):
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, ENTRY.replace(old, new))
    text = str(caught.value)
    assert says in text
    assert "environments.toml" in text
    assert f":{line}:" in text or f"at line {line}," in text
    assert caught.value.next_step


def test_line_of_the_second_entry_is_reported(tmp_path):
    second = ENTRY.replace('"tf2.7"', '"tf2.8"').replace('"3.9"', "3")
    with pytest.raises(
        ConfigurationError,
        match=r"environments\.toml:13: environment 'tf2\.8' \(entry 2\): `python` is 3,",
    ):
        read(tmp_path, ENTRY + second)


def test_an_id_declared_twice_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="declared twice"):
        read(tmp_path, ENTRY + ENTRY)


def test_a_profile_that_names_nothing_is_refused(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"profiles: `smoke`: no environment matches 'tf2\.77'"
    ) as caught:
        read(tmp_path, '[profiles]\nsmoke = ["tf2.77"]\n' + ENTRY)
    assert "did you mean tf2.7?" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[profiles]\n"])
def test_a_file_without_environments_is_refused(tmp_path, text):
    with pytest.raises(ConfigurationError, match="no \\[\\[environment\\]\\]"):
        read(tmp_path, text)


def test_a_missing_or_binary_file_is_our_error(tmp_path):
    with pytest.raises(ConfigurationError, match="does not exist"):
        read_environments(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_environments(tmp_path / "bytes.toml")


def test_unknown_names_come_with_a_suggestion(declared):
    with pytest.raises(SelectionError) as caught:
        declared.by_id("keras3.5x")
    assert "keras3.5" in caught.value.cause
    with pytest.raises(SelectionError, match="no profile matches 'defualt'") as caught:
        declared.profile("defualt")
    assert "default" in caught.value.cause
    with pytest.raises(SelectionError):
        declared.select(["tf2.1*", "tf3.*"])


def test_selection_keeps_release_order(declared):
    chosen = [environment.id for environment in declared.select(["keras3.1", "tf2.1?", "tf1*"])]
    assert chosen == [
        *(
            "tf1.13",
            "tf1.14",
            "tf1.15",
            "tf2.10",
            "tf2.11",
            "tf2.12",
            "tf2.13",
            "tf2.14",
            "tf2.15",
            "keras3.1",
        ),
    ]


def test_the_full_set_is_declared(declared):
    expected = {"keras1.2", "keras2.0", "keras2.1", "keras2.2", "tf1.13", "tf1.14"}
    expected |= {"tf1.15", "keras2.3", "keras2.3-theano", "keras3.15-jax", "keras3.15-torch"}
    expected |= {f"tf2.{minor}" for minor in range(16)}
    expected |= {f"keras3.{minor}" for minor in range(16)}
    expected |= {f"tf-keras2.{minor}" for minor in range(16, 22)}
    assert {environment.id for environment in declared.environments} == expected


def test_profiles_grow(declared):
    sizes = [len(declared.profile(name)) for name in ("smoke", "default", "full")]
    assert 3 <= sizes[0] <= 4
    assert 10 <= sizes[1] <= 14
    assert sizes[2] == len(declared.environments)


def test_each_family_is_in_the_order_of_its_versions(declared):
    for family in Family:
        versions = [
            tuple(map(int, re.search(r"(\d+)\.(\d+)", one.id).groups()))
            for one in declared.environments
            if one.family is family
        ]
        assert versions == sorted(versions)
    assert [one.order for one in declared.environments] == list(range(len(declared.environments)))


def test_every_environment_writes_and_reads_the_common_formats(declared):
    common = {Format.H5, Format.WEIGHTS_H5, Format.JSON_WEIGHTS}
    for environment in declared.environments:
        assert common <= environment.formats
        assert not environment.reads & environment.formats


def test_the_id_names_the_pinned_version(declared):
    packages = {
        Family.TF_KERAS: r"tensorflow(?:-cpu)?",
        Family.KERAS2: "keras",
        Family.KERAS3: "keras",
        Family.LEGACY: "tf-keras",
    }
    for environment in declared.environments:
        wanted = re.search(r"\d+\.\d+", environment.id)[0]
        pin = rf"{packages[environment.family]}=={re.escape(wanted)}\.\d+"
        assert any(re.fullmatch(pin, one) for one in environment.requirements), environment.id


def test_every_lock_fits_its_declaration_and_is_hashed(declared):
    for environment in declared.environments:
        path = locks.lock_path(environment.id)
        lock = locks.read_lock(path)
        assert lock.fits(environment), environment.id
        text = path.read_text(encoding="utf-8")
        requirements = re.findall(r"^\S+==\S+(?: ;.*?)? \\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(requirements) == len(lock.pins), environment.id


def test_no_lock_installs_one_tensorflow_over_another(declared):
    """The full build and the CPU build have the same files: which wins would be chance."""
    for environment in declared.environments:
        pins = locks.read_lock(locks.lock_path(environment.id)).pins
        assert len(pins.keys() & {"tensorflow", "tensorflow-cpu"}) <= 1, environment.id


def test_no_lock_is_left_over(declared):
    names = {path.stem for path in locks.LOCKS.glob("*.txt")}
    assert names == {environment.id for environment in declared.environments}


def test_no_declaration_names_an_index_or_a_machine():
    for path in [ENVIRONMENTS_FILE, *locks.LOCKS.glob("*.txt")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|--index|--find-links|file:|/home/|/root/", text), path
