"""Site: what lies beside the pages of the matrix says the same as the data."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import MISSING, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import numpy as np
import pytest
from report_fixtures import HOSTILE, MOMENT, SmallRun, make_run, publish_run, put_together

from runner.analyse.changes import note_changes
from runner.analyse.differences import cell_id
from runner.analyse.grids import COMPATIBILITY, OUTCOMES, Coded, code_cells, tell_apart
from runner.analyse.releases import Direction, Release, Role, Slice
from runner.domain import Change, Family, Format, Outcome
from runner.domain.errors import ConfigurationError
from runner.publish.columns import DETAIL_COLUMNS
from runner.publish.files import publish_data
from runner.publish.reading import load_data
from runner.publish.record import ChangedCell, ChangesEntry
from runner.publish.schemas import load_schema
from runner.render.extras.badges import draw_badge
from runner.render.extras.feed import feed_text, is_news
from runner.render.extras.sitemap import round_off_address
from runner.render.pages import pictures
from runner.render.pages.pictures import given_files
from runner.render.parts.svg import SHAPES, Plot
from runner.render.scripts.compare import BLANK, compare_data
from runner.render.site import render_site

ATOM = "{http://www.w3.org/2005/Atom}"
RUN = make_run()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    publish_run(RUN, folder)
    render_site(folder, folder / "site")
    return folder


def test_every_cell_comes_back_out_of_the_packed_run(folder: Path) -> None:
    data = load_data(folder)
    packed = compare_data(data, code_cells(data))
    found = {}
    for scenario, format_, remedy, writers, readers, letters in packed["grids"]:
        pairs = ((w, r) for w in writers for r in readers)
        for (writer, reader), letter in zip(pairs, letters, strict=True):
            if letter != BLANK:
                names = (packed["environments"][each] for each in (writer, reader))
                key = f"{scenario}/{format_}/{'->'.join(names)}/{remedy}"
                found[key] = packed["records"][packed["alphabet"].index(letter)]

    rows = data.cells.astype(object).astype(str).to_dict("records")
    assert found == {cell_id(row): [row[name] for name in DETAIL_COLUMNS] for row in rows}
    # What the page tells changes by is what the command line does.
    assert [each["id"] for each in packed["changes"]] == list(Change)
    assert set(packed["outcomes"]) == set(Outcome)


def test_the_api_names_the_cells_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.publish.files.CSV_BUDGET", 1)
    publish_run(RUN, tmp_path)
    render_site(tmp_path, tmp_path / "site")
    api = tmp_path / "site" / "api"
    index = json.loads((api / "index.json").read_text(encoding="utf-8"))

    assert index["files"]["cells"].endswith(".csv.gz")
    assert (api / index["files"]["cells"]).exists()


def test_every_file_of_the_api_is_valid_and_reconciles(folder: Path) -> None:
    validator = jsonschema.Draft202012Validator(load_schema("api"))
    api = folder / "site" / "api"
    records = {path: json.loads(path.read_text(encoding="utf-8")) for path in api.rglob("*.json")}
    for record in records.values():
        validator.validate(record)
    index = records[api / "index.json"]
    listed = {api / each["href"] for each in index["scenarios"] + index["environments"]}
    assert {*listed, api / "index.json"} == set(records)
    for each in index["scenarios"] + index["environments"]:
        assert (api / each.get("page", each.get("badge"))).exists()
    assert (api / index["files"]["cells"]).exists()

    totals: Counter[str] = Counter()
    for each in index["scenarios"]:
        record = records[api / each["href"]]
        letters = Counter("".join(row for grid in record["grids"] for row in grid["outcomes"]))
        named = {index["letters"][letter]: number for letter, number in letters.items()}
        named.pop("", None)
        assert named == record["by_outcome"]
        assert sum(named.values()) == record["cells"]
        totals.update(named)
    assert totals == Counter(index["by_outcome"])
    readers = [records[api / each["href"]]["bare_loads"] for each in index["environments"]]
    assert sum(f["cells"] for each in readers for f in each["as_reader"].values()) == 36
    assert sum(f["cells"] for each in readers for f in each["as_writer"].values()) == 36


def test_badges_are_images_with_a_name(folder: Path) -> None:
    badges = {path.stem: path.read_text(encoding="utf-8") for path in folder.rglob("badges/*.svg")}

    for text in badges.values():
        image = ET.fromstring(text)
        assert image.get("role") == "img" and image.get("aria-label")
        assert not re.search(r"<script|href|style=", text)
    # Two scenarios x two formats: tf1.15 reads another's file silently wrong, and its own, which
    # says nothing of two versions.
    assert "0 % same, 4 silently not" in badges["tf1.15"]
    assert "0 % same, 2 silently not" in badges["tf1.15.h5"]
    assert "of 2 whole files of other versions" in badges["tf1.15.h5"]
    assert "not measured" in badges["keras2.3"]
    assert "keras2.3.h5" not in badges


def test_a_badge_escapes_what_it_says() -> None:
    image = ET.fromstring(draw_badge(HOSTILE, '"&<', "#000"))

    assert image.get("aria-label") == f'{HOSTILE}: "&<'


def republish(folder: Path, run: SmallRun, days: int) -> dict[str, Any]:
    """Publish as a run does, with what it changed; give back what changes.json holds."""
    moment = MOMENT + timedelta(days=days)
    published = put_together(run, started=moment, finished=moment)
    noted = note_changes(folder, published.cells, published.run)
    publish_data(folder, replace(published, changes=noted))
    found: dict[str, Any] = json.loads((folder / "changes.json").read_text(encoding="utf-8"))
    return found


def broken(run: SmallRun) -> SmallRun:
    """The same run, in which every load that was equivalent diverges."""
    results = [
        replace(each, outcome=Outcome.LOAD_ERROR, cause="other")
        if each.outcome is Outcome.EQUIVALENT
        else each
        for each in run.results
    ]
    return replace(run, results=tuple(results))


def test_the_feed_keeps_the_runs_before(tmp_path: Path) -> None:
    first = republish(tmp_path, RUN, 0)
    again = republish(tmp_path, RUN, 1)
    worse = republish(tmp_path, broken(RUN), 2)
    better = republish(tmp_path, RUN, 3)
    render_site(tmp_path, tmp_path / "site", "https://example.com/matrix")

    assert [len(each["runs"]) for each in (first, again, worse, better)] == [1, 1, 2, 3]
    assert worse["runs"][0]["counts"]["regressed"] == 12
    assert better["runs"][0]["counts"]["fixed"] == 12
    assert sum(better["runs"][0]["counts"].values()) == better["runs"][0]["cells"]
    assert [each["started"][:10] for each in better["runs"]] == [
        "2026-01-05",
        "2026-01-04",
        "2026-01-02",
    ]
    feed = ET.parse(tmp_path / "site" / "feed.xml").getroot()
    titles = [each.findtext(f"{ATOM}title") for each in feed.iter(f"{ATOM}entry")]
    assert titles == [
        "Measured otherwise: 12 fixed",
        "Measured otherwise: 12 regressed",
        "Measured otherwise: First published run: 40 cells",
    ]
    assert feed.findtext(f"{ATOM}updated") == better["runs"][0]["finished"]
    links = [each.get("href") or "" for each in feed.iter(f"{ATOM}link")]
    assert all(link.startswith("https://example.com/matrix/") for link in links)
    page = (tmp_path / "site" / "compare.html").read_text(encoding="utf-8")
    assert all(f'id="run-{each["started"]}"' in page for each in better["runs"])


def entry(**counts: int) -> ChangesEntry:
    """A run after which so many cells changed, of which one has its old outcome."""
    same = ChangedCell(
        cell="a/h5/x->y/none", before="✗ load error", after="✗ load error", cause="b"
    )
    all_counts = dict.fromkeys(Change, 0) | {Change(name): count for name, count in counts.items()}
    return ChangesEntry(
        started="2026-01-02T03:04:05+00:00",
        finished="2026-01-02T03:04:05+00:00",
        tool_version="1",
        previous="2026-01-01T03:04:05+00:00",
        cells=9,
        by_outcome={},
        counts=all_counts,
        examples={Change.CHANGED: (same,)} if counts.get("changed") else {},
    )


@pytest.mark.parametrize(
    ("counts", "news"),
    [
        ({"same": 9}, False),
        ({"same": 8, "changed": 1}, False),  # it has another cause, and the same outcome
        ({"same": 7, "changed": 2}, True),  # of one of them nothing is known
        ({"same": 8, "infrastructure": 1}, False),
        ({"same": 8, "regressed": 1}, True),
        ({"same": 8, "appeared": 1}, True),
    ],
)
def test_a_run_in_which_no_outcome_changed_is_no_news(counts: dict[str, int], news: bool) -> None:
    assert is_news(entry(**counts)) is news


def test_the_feed_has_an_entry_a_release_that_loses_or_wins(tmp_path: Path) -> None:
    run = put_together(RUN).run

    def direction(role: Role, lost: int) -> Direction:
        part = Slice(id="", loads=9, same=5, silent=1, lost=lost, won=0, both=8)
        return Direction(role=role, all=part, formats=(), groups=(), losses=())

    releases = [
        Release(
            id=name,
            before="before" if name != "keras2.3" else "",
            after="",
            ceased=(),
            directions=(direction(Role.READER, lost), direction(Role.WRITER, 0)),
        )
        for name, lost in (("keras3.10", 3), ("tf1.15", 0), ("keras2.3", 2))
    ]
    feed = ET.fromstring(feed_text(run, None, releases, "https://example.com/m/"))
    found = {
        each.findtext(f"{ATOM}title"): each
        for each in feed.iter(f"{ATOM}entry")
        if [one.get("term") for one in each.iter(f"{ATOM}category")] == ["release"]
    }
    said = (
        "3 loads lost and 0 won of the files that other environments wrote (8 measured with both)"
    )
    assert list(found) == [f"keras3.10 against before: {said}"]
    (one,) = found.values()
    links = [each.get("href") for each in one.iter(f"{ATOM}link")]
    assert links == ["https://example.com/m/release/keras3.10.html"]
    terms = [each.get("term") for each in feed.iter(f"{ATOM}category")]
    assert sorted(terms) == ["release", "run"]


def test_a_broken_folder_begins_a_new_history(tmp_path: Path) -> None:
    republish(tmp_path, RUN, 0)
    (tmp_path / "cells.parquet").write_bytes(b"no")

    assert len(republish(tmp_path, broken(RUN), 1)["runs"]) == 1


def test_a_map_of_the_site_and_previews_need_a_base_address(tmp_path: Path, folder: Path) -> None:
    publish_run(RUN, tmp_path)
    render_site(tmp_path, tmp_path / "site", "https://example.com/m")

    places = ET.parse(tmp_path / "site" / "sitemap.xml").getroot()
    listed = {each.text or "" for each in places.iter() if each.tag.endswith("}loc")}
    assert "https://example.com/m/scenario/plain_dense.html" in listed
    for address in listed:
        name = address.removeprefix("https://example.com/m/") or "index.html"
        page = (tmp_path / "site" / name).read_text(encoding="utf-8")
        assert f'<link rel="canonical" href="{address}">' in page, name
        assert 'property="og:title"' in page
    render_site(tmp_path, tmp_path / "site")
    assert not (tmp_path / "site" / "sitemap.xml").exists()
    assert not [path for path in folder.rglob("*.html") if 'rel="canonical"' in path.read_text()]


@pytest.mark.parametrize("address", ["example.com", "javascript:x()", "https://a/?b", 'http://"'])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError):
        round_off_address(address)


def test_pictures_have_a_name_and_a_table(folder: Path) -> None:
    page = (folder / "site" / "pictures.html").read_text(encoding="utf-8")

    plots = re.findall(r'<svg class="plot" [^>]*role="img" aria-label="([^"]+)"', page)
    assert len(plots) == 3, plots  # coverage of two formats, and differences
    assert page.count("<figure") <= page.count("<table")
    assert HOSTILE not in page


def test_a_format_the_reader_does_not_know_counts_against_it_and_a_damaged_file_does_not() -> None:
    def cell(scenario: int, writer: int, outcome: Outcome) -> tuple[int, ...]:
        return (scenario, 0, writer, 1 - writer, 0, OUTCOMES.index(outcome))

    rows = np.array(
        [
            cell(0, 0, Outcome.EQUIVALENT),
            cell(1, 0, Outcome.LOAD_ERROR),  # of a damaged file
            cell(0, 0, Outcome.UNSUPPORTED),
            cell(0, 0, Outcome.NOT_RUN),
            cell(0, 1, Outcome.UNSUPPORTED),  # by its writer
        ]
    ).T
    identifiers = (("a", "b"), ("h5",), ("x", "y"), (Family.KERAS3,) * 2, ("none",))
    names = [each.name for each in fields(Coded) if each.default_factory is MISSING]
    coded = Coded(**dict(zip(names, (*identifiers, *rows), strict=True)))
    run = put_together(RUN).run
    first, second = run.scenarios
    early, late, _ = run.environments
    run = msgspec.structs.replace(
        run,
        scenarios=(first, msgspec.structs.replace(second, damage="random")),
        environments=(
            msgspec.structs.replace(early, formats=(Format.H5,)),
            msgspec.structs.replace(late, formats=()),
        ),
    )
    assert given_files(run, coded).tolist() == [True, False, True, False, False]


def test_a_plot_is_the_same_text_and_escapes() -> None:
    def draw() -> str:
        plot = Plot(width=100, height=50)
        plot.horizontal(1 / 3, HOSTILE)
        plot.vertical(2 / 3, "1")
        plot.line([(1 / 3, 2.0)], "a")
        plot.bar((0, 1 / 3, 2, 3), "e", HOSTILE)
        for shape in SHAPES:
            plot.mark(shape, 1 / 3, 5, "d", HOSTILE)
        return str(plot.markup(HOSTILE))

    ET.fromstring(draw())
    assert draw() == draw()
    assert "<img" not in draw() and "33.3333" not in draw()


def test_the_same_data_give_the_same_files(folder: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / "site").rglob("*") if path.is_file()}
    render_site(folder, folder / "site")

    assert before == {path: path.read_bytes() for path in before}


def test_readers_of_a_format_are_held_against_the_same_files() -> None:
    run = make_run()
    missing = "plain_dense/h5/tf1.15->keras3.10/none"
    data = put_together(
        replace(run, results=tuple(each for each in run.results if each.cell.id != missing))
    )
    coded = code_cells(data)
    shown = pictures._shown(data, coded, tell_apart(data, coded) == COMPATIBILITY)
    files = {name: {each.files for each in found} for name, found, _ in shown["coverage"]}
    # In h5 one of four files was not given to every reader.
    assert files == {"h5": {3}, "keras": {4}}
