"""A visitor's own file: read in the browser, held against `inspect` on the same file."""

from __future__ import annotations

import base64
import json
import zipfile
from pathlib import Path

import pytest
from chromium import PHONE, find_faults
from inspect_samples import DATA, SAMPLES, SHARED
from playwright.sync_api import expect
from report_fixtures import HOSTILE

from runner.declare.catalog import load_catalog
from runner.inspect.architecture import TOKENIZER
from runner.inspect.reading import describe_here
from runner.inspect.witness import matching_scenarios
from runner.publish.decoding import read_record
from runner.publish.record import RunRecord
from runner.render.scripts.witness import witness_data

ROOT = Path(__file__).resolve().parents[2]
ASK = (
    "async ([parts, tables]) => { const files = parts.map(([name, bytes]) =>"
    " new File([Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0))], name));"
    " try { const found = await describeFiles(files, tables);"
    " return { ...matchScenarios(found, tables), container: found.container,"
    " writer: found.writer.map((each) => [each.about, each.value]),"
    " environments: fittingEnvironments(found, tables).ids,"
    " model: found.items.find((each) => each.role === 'model')?.className ?? '',"
    " layers: found.items.filter((each) => each.role === 'layer').length,"
    " compiled: found.compiled.map((each) => each.about) };"
    " } catch (error) { return { refused: error.message }; } }"
)


def parts_of(path):
    """What a visitor chooses: the file, or the two of a SavedModel that say something."""
    if path.is_file():
        return [path]
    return [
        one for name in ("saved_model.pb", "keras_metadata.pb") if (one := path / name).exists()
    ]


def sent(path):
    return [(one.name, base64.b64encode(one.read_bytes()).decode()) for one in parts_of(path)]


def known_files():
    yield from (DATA / name for name in SAMPLES if parts_of(DATA / name))
    # Public files, which are never committed: where they are there, they are held against too.
    yield from sorted(path for path in SHARED.glob("*") if path.suffix != ".md")


@pytest.fixture(scope="module")
def declared():
    run = read_record(ROOT / "reports/published/run.json", RunRecord)
    scenarios = load_catalog(ROOT).scenarios
    return scenarios, json.loads(json.dumps(witness_data(run, scenarios)))


def test_a_file_is_described_as_inspect_does_it(visit, declared):
    scenarios, tables = declared
    page = visit("file.html")
    compared = 0
    for path in known_files():
        here = page.evaluate(ASK, [sent(path), tables])
        there = describe_here(path)
        if there.title == TOKENIZER:
            assert here == {"refused": f"It is a {TOKENIZER.replace(', no', ', and no')}."}
            continue
        assert "refused" not in here, (path.name, here)
        told = {each.about: each.value for each in there.writer if str(each.basis) == "read"}
        assert here["container"] == str(there.container), path.name
        assert dict(here["writer"]) == told, path.name
        assert here["model"] == there.model, path.name
        assert here["layers"] == sum(each.count for each in there.layers), path.name
        assert set(here["compiled"]) == {each.about for each in there.compiled} - {"loss weights"}
        matching = set(matching_scenarios(there, scenarios))
        assert set(here["matching"]) <= matching, path.name
        assert matching <= {*here["matching"], *here["open"]}, path.name
        compared += len(here["matching"])
    assert compared > 20


@pytest.fixture
def chosen(visit):
    """The page after a file was chosen."""

    def choose(*paths, wait="#known:not([hidden])"):
        page = visit("file.html")
        page.wait_for_selector("#drop:not([hidden])")
        page.set_input_files("#model", [str(path) for path in paths])
        page.wait_for_selector(wait)
        return page

    return choose


def test_a_chosen_file_is_told_with_its_writer_its_layers_and_a_real_check(chosen):
    page = chosen(DATA / "tf2.15_compiled.keras")
    said = page.inner_text("#said")
    assert "Keras v3 archive (.keras)" in said
    assert "2.15.0" in said
    assert "metadata.json, key keras_version" in said
    page.select_option("#asked [name=reader]", "keras3.10")
    check = "nox -s check -- tf2.15_compiled.keras --readers keras3.10"
    assert check in page.inner_text("#answer")
    page.locator("#answer a[href^='index.html#']").click()
    page.wait_for_selector("#pairs tbody td")
    assert page.input_value("#picker [name=to]") == "keras3.10"


def test_a_saved_model_is_its_two_files(chosen):
    folder = DATA / "tf2.15_saved_model"
    page = chosen(folder / "keras_metadata.pb", folder / "saved_model.pb")
    assert "SavedModel: its graph and Keras' metadata" in page.inner_text("#said")
    assert "nox -s check -- FOLDER" in page.inner_text("#answer")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "It is empty"),
        (b"\x93NUMPY", "it is no HDF5"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "cannot be read on"),
        (b"PK\3\4" + bytes(99), "zip archive"),
        (b"{not json", "no JSON"),
        (b'{"class_name": 1}', "no object of Keras"),
        (b"\x08\x01\x12\x05ab", "holds no graph"),
    ],
)
def test_what_is_no_model_is_refused_in_words(chosen, tmp_path, content, said):
    path = tmp_path / "<img src=x onerror=owned()>.h5"
    path.write_bytes(content)
    page = chosen(path, wait="#status:has-text('was not read')")
    assert said in page.inner_text("#status")
    assert page.locator("#said").is_hidden()


def test_a_hostile_configuration_is_text_and_a_bomb_is_not_unpacked(chosen, tmp_path):
    layer = {"class_name": HOSTILE, "config": {"name": HOSTILE, HOSTILE: [HOSTILE]}}
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": [layer]}}
    path = tmp_path / "it's.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": HOSTILE}))
    page = chosen(path)
    assert HOSTILE[:30] in page.inner_text("#said")
    assert r"nox -s check -- 'it'\''s.keras'" in page.inner_text("#answer")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * 300_000_000)
    page = chosen(path, wait="#status:has-text('was not read')")
    assert "without a config.json that this page reads" in page.inner_text("#status")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_description(chosen, scheme):
    page = chosen(DATA / "tf2.3_bidirectional.h5")
    page.emulate_media(color_scheme=scheme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true;")
    assert find_faults(page) == []
    page.set_viewport_size(PHONE)
    assert find_faults(page) == []
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0
    expect(page.locator("#status")).to_contain_text("was read")
