"""Declarations damaged in thousands of ways: accepted, or one short message; never a traceback.

The mutations know the structure of a file: keys are dropped, misspelt and moved, values are
of another type, huge or nested deep, sections change places. Others damage the text. All are
drawn from seeds, so that a failure is found again.
"""

from __future__ import annotations

import copy
import json
import random
import re
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from runner.declare.catalog import (
    check_environment_globs,
    check_module,
    check_profiles,
    load_catalog,
    load_expectations,
    load_remedies,
    load_scenarios,
)
from runner.declare.causes import check_remedies, check_seen, load_causes
from runner.declare.claims import load_claims
from runner.declare.environments import read_environments
from runner.domain.errors import ConfigurationError, MatrixError
from runner.executors.locks import LOCKS, usable_lock

ROOT = Path(__file__).resolve().parents[3]
LONGEST_MESSAGE = 600
MUTATIONS = 700
"""Of each declaration file."""
ENTRIES = 3
"""Of a file's entries that one mutated file keeps, besides those it must have."""


class Raw(str):
    """Text that is written as it is."""

    __slots__ = ()


VALUES: tuple[Any, ...] = (
    *(0, -1, 3, 10**30, 1.5, True, False, "", " ", ",", "x", "*", "(", "none", "h5", "[["),
    *("y" * 100_000, "\u202eodd\u0000", "🜁", "../../etc", "%s{0}", "https://", "a\nb", "`$.x`"),
    *([], [[]], [1], [""], ["x", "x"], ["*"], ["tf9.*"], ["y" * 100_000], [None], {}, {"a": 1}),
    *(date(2020, 1, 1), datetime(2020, 1, 1), {"y" * 50_000: 1}, [{}], [{"id": "x"}]),  # noqa: DTZ001
    *(Raw("9" * 6000), Raw("-" + "9" * 4000), Raw("0x" + "f" * 6000), Raw("nan"), Raw("-inf")),
    *(Raw("1e999"), Raw("[" * 1000 + "]" * 1000), Raw("[" * 60 + "]" * 60), Raw("2020-99-99")),
    *(Raw("{a=" * 1000 + "1" + "}" * 1000), Raw("{a=" * 50 + "1" + "}" * 50), Raw("'''"), Raw("")),
)
NAMES = ("order", "id", "ids", "", "a b", "é", "y" * 100_000, "$", "rule", "formats", "x.y", "`")
CHARACTERS = ("\x00", "\ufeff", "\u2028", '"', "'", "[", "]", "=", "#", "\\", "\t", "é", "\r", "{")


def toml(values: dict[str, Any]) -> str:
    """Return a document as text, every value on a line of its own."""
    lines = []
    for key, value in values.items():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            for each in value:
                lines.append(f"[[{name(key)}]]")
                lines += [f"{name(inner)} = {inline(item)}" for inner, item in each.items()]
        elif isinstance(value, dict):
            lines.append(f"[{name(key)}]")
            lines += [f"{name(inner)} = {inline(item)}" for inner, item in value.items()]
        else:
            # Before any table: the top level ends at the first.
            lines.insert(0, f"{name(key)} = {inline(value)}")
    return "\n".join(lines) + "\n"


def name(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def inline(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name(key)} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def containers(value: Any) -> Iterator[dict[str, Any] | list[Any]]:
    """Yield every table and list of a document."""
    if isinstance(value, dict | list):
        yield value
        for item in list(value.values()) if isinstance(value, dict) else value:
            yield from containers(item)


def mutate(values: dict[str, Any], chance: random.Random) -> None:
    """Change one thing of a document's structure."""
    filled = [each for each in containers(values) if each]
    if not filled:
        return
    place = chance.choice(filled)
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    key, other = chance.choice(keys), chance.choice(keys)
    kind = chance.randrange(7)
    if kind == 0:
        del place[key]
    elif kind in {1, 2}:
        place[key] = copy.deepcopy(chance.choice(VALUES))
    elif kind == 3:
        place[key], place[other] = place[other], place[key]
    elif kind == 4 and isinstance(place, dict):
        place[chance.choice([*NAMES, str(key)[1:], f"{key}s"])] = place.pop(key)
    elif kind == 5 and isinstance(place, dict):
        place[chance.choice(NAMES)] = copy.deepcopy(chance.choice(VALUES))
    elif isinstance(place, list):
        place.append(copy.deepcopy(chance.choice([*place, *VALUES])))
    else:
        stranger = chance.choice([each for each in containers(values) if isinstance(each, dict)])
        place[key] = copy.deepcopy(stranger)


def damage(text: str, chance: random.Random) -> bytes:
    """Change one thing of a text."""
    lines = text.splitlines(keepends=True)
    place, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    at = chance.randrange(len(text))
    kind = chance.randrange(7)
    if kind == 0:
        return text[:at].encode()
    if kind == 1:
        return (text[:at] + text[at + 1 :]).encode()
    if kind == 2:
        return (text[:at] + chance.choice(CHARACTERS) + text[at:]).encode()
    if kind == 3:
        return text[:at].encode() + bytes([chance.randrange(128, 256)]) + text[at:].encode()
    if kind == 4:
        lines.insert(place, lines[other])
    elif kind == 5:
        del lines[place]
    else:
        lines[place], lines[other] = lines[other], lines[place]
    return "".join(lines).encode()


def shrunk(values: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a document with a few of its entries, which is quicker to read and as sound."""
    kept = {}
    for key, value in values.items():
        if key != "article" and isinstance(value, list):
            some = chance.sample(value, min(ENTRIES, len(value)))
            # Every other remedy is compared with the bare load.
            kept[key] = [each for each in value if each in some or each.get("id") == "none"]
        elif key not in {"profiles", "releases"}:
            kept[key] = value
    ids = [each["id"] for key in ("scenario", "environment") for each in kept.get(key, [])]
    if "profiles" in values:
        kept = {"profiles": {"smoke": ids[:2]}, **kept}
    return copy.deepcopy(kept)


class World:
    """The declarations of the repository, and how a changed one is read among them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "scenarios", folder, dirs_exist_ok=True)
        self.catalog = load_catalog(ROOT)
        self.environments = read_environments().environments
        self.ids = [each.id for each in self.environments]

    def read_environments(self, path: Path) -> None:
        read_environments(path)

    def read_remedies(self, path: Path) -> None:
        remedies, carries = load_remedies(path)
        check_environment_globs(replace(self.catalog, remedies=remedies, carries=carries), self.ids)

    def read_catalog(self, path: Path) -> None:
        scenarios, profiles = load_scenarios(path, self.catalog.remedies)
        changed = replace(self.catalog, scenarios=scenarios, profiles=profiles)
        check_environment_globs(changed, self.ids)
        check_profiles(changed, ["smoke", "default", "full"])

    def read_expectations(self, path: Path) -> None:
        found = load_expectations(path, self.catalog.scenarios, self.catalog.remedies)
        check_environment_globs(replace(self.catalog, expectations=found), self.ids)

    def read_causes(self, path: Path) -> None:
        causes = load_causes(path)
        check_seen(path, causes, self.ids)
        check_remedies(path, causes, self.catalog.remedies)

    def read_claims(self, path: Path) -> None:
        load_claims(path, self.catalog, self.environments)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("s"))


def complaint(read: Callable[[Path], object], path: Path, exit_code: int = 3) -> str:
    """Return what is wrong with how a file is refused; empty if it is accepted or refused well."""
    try:
        read(path)
    except MatrixError as error:
        wrong = {
            "does not name the file": path.name not in error.message,
            f"ends with exit code {error.exit_code}": error.exit_code != exit_code,
            f"has {len(str(error))} characters": len(str(error)) > LONGEST_MESSAGE,
            "has no cause or no next step": not (error.cause and error.next_step),
            "has several lines": "\n" in error.message,
        }
        said = [words for words, is_so in wrong.items() if is_so]
        return f"{', '.join(said)}: {str(error)[:1000]}" if said else ""
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {str(error)[:300]}"
    return ""


def accepts(read: Callable[[Path], object], path: Path) -> bool:
    try:
        read(path)
    except MatrixError:
        return False
    return True


@pytest.mark.parametrize(
    "stem", ["environments", "catalog", "remedies", "expectations", "causes", "claims"]
)
def test_a_damaged_declaration_is_accepted_or_refused_with_one_message(
    world: World, stem: str
) -> None:
    folder = ROOT / ("containers" if stem == "environments" else "scenarios")
    whole = tomllib.loads((folder / f"{stem}.toml").read_text(encoding="utf-8"))
    read: Callable[[Path], object] = getattr(world, f"read_{stem}")
    path = world.folder / f"{stem}.toml"
    offenders = []
    outcomes: Counter[bool] = Counter()
    for seed in range(MUTATIONS):
        chance = random.Random(f"{stem} {seed}")
        values = shrunk(whole, chance)
        if seed % 50 == 0:
            # What is mutated is sound, so that what is refused is the mutation.
            path.write_text(toml(values), encoding="utf-8")
            read(path)
        for _ in range(chance.choice((0, 1, 1, 1, 2))):
            mutate(values, chance)
        text = toml(values)
        content = damage(text, chance) if chance.random() < 0.3 else text.encode()
        path.write_bytes(content)
        found = complaint(read, path)
        if found:
            offenders.append(f"{stem} {seed}: {found}")
        outcomes[accepts(read, path)] += seed < 100
    assert offenders == []
    assert outcomes[True] > 5
    assert outcomes[False] > 30


DEEP = (
    "-" * 100_000 + "1",
    "(" * 150 + "1" + ")" * 150,
    "x" + ".a" * 100_000,
    "1" + "+1" * 100_000,
    "[" * 5000 + "]" * 5000,
    "not " * 50_000 + "x",
    "9" * 6000,
    "lambda: " * 5000 + "1",
)


def test_a_damaged_scenario_module_is_accepted_or_refused_with_one_message(tmp_path: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("scenarios/*.py"))]
    path = tmp_path / "module.py"
    offenders = []
    for seed in range(400):
        chance = random.Random(f"module {seed}")
        path.write_bytes(damage(chance.choice(texts), chance))
        offenders.append(complaint(check_module, path))
    for expression in DEEP:
        path.write_text(f"x = 1\ny = {expression}\n", encoding="utf-8")
        offenders.append(complaint(check_module, path))
    assert list(filter(None, offenders)) == []


@pytest.mark.parametrize("expression", DEEP[:1] + DEEP[2:4])
def test_an_expression_too_deep_is_refused(tmp_path: Path, expression: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(f"y = {expression}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"too deep|too complex|too many"):
        check_module(path)


def test_a_damaged_lock_is_accepted_or_refused_with_one_message(tmp_path: Path) -> None:
    environments = read_environments().environments
    offenders = []
    for seed in range(300):
        chance = random.Random(f"lock {seed}")
        environment = chance.choice(environments)
        text = (LOCKS / f"{environment.id}.txt").read_text(encoding="utf-8")
        path = tmp_path / f"{environment.id}.txt"
        path.write_bytes(damage(text, chance))
        found = complaint(lambda path, of=environment: usable_lock(of, path), path, 4)
        if found:
            offenders.append(f"{environment.id} {seed}: {found}")
    assert offenders == []


@pytest.mark.parametrize(
    "value", ['"h5"', "3", '["h5"]', "[[1]]", "true", '{h5 = "x"}', "{h5 = {carries = 3}}"]
)
def test_formats_of_another_shape_are_refused(tmp_path: Path, value: str) -> None:
    text = (ROOT / "scenarios" / "remedies.toml").read_text(encoding="utf-8")
    path = tmp_path / "remedies.toml"
    path.write_text(f"formats = {value}\n" + text[text.index("[[remedy]]") :], encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"remedies\.toml.*formats"):
        load_remedies(path)


@pytest.mark.parametrize("value", ["[" * 1000 + "]" * 1000, "{a=" * 1000 + "1" + "}" * 1000])
def test_a_value_nested_a_thousand_deep_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "environments.toml"
    path.write_text(f"[profiles]\nsmoke = {value}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="nested too deep"):
        read_environments(path)


def test_a_value_of_a_hundred_thousand_characters_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "causes.toml"
    path.write_text(f'[[cause]]\nid = "{"x" * 100_000}"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_causes(path)
    assert "xxx..." in caught.value.message
    assert len(str(caught.value)) < LONGEST_MESSAGE
