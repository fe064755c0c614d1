"""Render: the report of a small run, page by page."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from report_fixtures import HOSTILE, make_run, publish_run, write_record

from runner.domain import OUTCOME_TABLE, BuildKind, ControlResult
from runner.domain.errors import StoreError
from runner.publish.record import (
    AuditSummary,
    BuildOfOnesOwn,
    FrozenRecord,
    MergedRecord,
    ShardRecord,
)
from runner.render.pages import PAGES
from runner.render.parts.text import code_line
from runner.render.scripts.script import script
from runner.render.site import render_site

RUN = make_run()
SCENARIOS = ["plain_dense", "custom_loss_metric"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    publish_run(RUN, folder / "data")
    render_site(folder / "data", folder / "site")
    return folder / "site"


class Page(HTMLParser):
    """What a page really contains: tags with attributes, as a browser would see them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def read_script(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    given = json.loads(f"[{text[text.index('(') + 1 : text.rindex(')')]}]")
    if not text.startswith("matrixPacked("):
        return given[0]
    assert given[0] == path.name.removesuffix(".js")
    return json.loads(zlib.decompress(base64.b64decode(given[1])))


def read_text(site: Path, shard: Any, number: int) -> str:
    """Put a text together as `cell.js` does: each begins like the one before it."""
    shared = read_script(site / "data" / "lines.js")
    lines: list[int] = []
    for kept, *rest in shard["texts"][: number + 1]:
        lines = [*lines[:kept], *rest]
    return "\n".join((shared + shard["lines"])[each] for each in lines)


def test_every_page_is_there(site: Path) -> None:
    found = {each.relative_to(site).as_posix() for each in pages(site)}

    assert found == {
        *(page.template for page in PAGES if page.name not in {"scenario", "release"}),
        *(f"scenario/{name}.html" for name in SCENARIOS),
        *(f"release/{name}.html" for name in ("tf1.15", "keras2.3", "keras3.10")),
    }
    assert not list(site.rglob(".*"))


def test_nothing_hostile_becomes_markup(site: Path) -> None:
    for path in pages(site):
        page = Page(path)
        assert HOSTILE not in page.text, path
        for tag, attributes in page.tags:
            assert tag not in {"img", "style", "iframe"}, path
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            if tag == "script":
                assert attributes["src"], path
            assert not (attributes.get("href") or "").startswith("javascript"), path
    for path in (site / "data").iterdir():
        assert "</script>" not in path.read_text(encoding="utf-8"), path


def test_every_page_forbids_inline_scripts(site: Path) -> None:
    for path in pages(site):
        policy = [a["content"] for t, a in Page(path).tags if t == "meta" and "http-equiv" in a]
        assert len(policy) == 1, path
        assert "default-src 'none'; script-src 'self'" in str(policy[0]), path
        assert "unsafe" not in str(policy[0]), path


def test_scripts_never_insert_html(site: Path) -> None:
    for path in (site / "assets").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_links_lead_somewhere(site: Path) -> None:
    for path in pages(site):
        for _, attributes in Page(path).tags:
            target = attributes.get("href") or attributes.get("src") or ""
            name = target.partition("#")[0]
            if name and not name.startswith("https://"):
                assert (path.parent / name).resolve().exists(), (path, target)


@pytest.mark.parametrize("name", SCENARIOS)
def test_totals_of_a_scenario_reconcile_with_its_grids(site: Path, name: str) -> None:
    text = (site / "scenario" / f"{name}.html").read_text(encoding="utf-8")
    symbols = {style.css: style.symbol for style in OUTCOME_TABLE}
    drawn = re.findall(r'<td class="?(\w)(?: x)?"?(?: colspan=(\d+))?>([^<])', text)
    stated = [int(each) for each in re.findall(r'sum">= <b>(\d+)</b> cells', text)]
    letters = "".join(
        packed["o"][grid["n"]]
        for packed in (read_script(site / "data" / f"{each}.js") for each in ("grids", "ways"))
        for of_format in packed["grids"].values()
        for grid in of_format[name].values()
    )

    assert all(symbols[css] == symbol for css, _, symbol in drawn)
    assert len(letters) - letters.count(".") == 20 == stated[0]
    by_format = [stated[1], stated[4]]
    assert sum(by_format) == 20
    assert stated[2] + stated[3] == by_format[0]
    assert stated[5] + stated[6] == by_format[1]
    # Bare loads are in the page itself, the others are drawn from the letters.
    assert sum(int(number or 1) for _, number, _ in drawn) == stated[2] + stated[5]


def test_totals_of_the_overview_reconcile(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    scenarios = (site / "scenarios.html").read_text(encoding="utf-8")

    assert [int(each) for each in re.findall(r'sum">= <b>(\d+)</b> cells', text)] == [40, 36, 4]
    assert 'all 2 scenarios</th><td class="num">36</td><td class="num">40</td>' in scenarios


def test_totals_of_environments_and_causes_reconcile(site: Path) -> None:
    environments = (site / "environments.html").read_text(encoding="utf-8")
    causes = (site / "causes.html").read_text(encoding="utf-8")

    total = 'all 3 environments</th><td class="num">40</td><td class="num">40</td>'
    assert total in environments
    assert "4 of 40 cells have one of 1 causes; the other 36" in causes
    assert "4 of them are bare loads" in causes
    feet = re.findall(
        r'scope="row">([a-z ]+)</th><td class="num">(\d+)</td><td class="num">', causes
    )
    assert feet == [("with a cause", "4"), ("without", "36"), ("all cells", "40")]


def test_totals_of_the_boundaries_reconcile(site: Path) -> None:
    text = (site / "boundaries.html").read_text(encoding="utf-8")

    assert "The 36 bare loads" in text
    assert sum(int(each) for each in re.findall(r'sum">= <b>(\d+)</b> cells', text)) == 36


def test_controls_are_counted_by_kind_and_those_of_a_cell_lead_to_it(tmp_path: Path) -> None:
    cell = "plain_dense/h5/tf1.15->tf1.15/none"
    controls = (
        ControlResult(id=f"readback {cell}", passed=True, detail="equivalent"),
        ControlResult(id="writes plain_dense/keras/tf1.15", passed=True, detail="unsupported"),
        ControlResult(id="writes plain_dense/h5/tf1.15", passed=False, detail=HOSTILE),
    )
    publish_run(RUN, tmp_path / "data", controls=controls)
    render_site(tmp_path / "data", tmp_path / "site")
    text = (tmp_path / "site" / "controls.html").read_text(encoding="utf-8")

    numbers = re.findall(r'<td class="num">(\d+)</td>', text)
    assert numbers == ["1", "0", "1", "1", "1", "2", "2", "1", "3"]
    assert f'href="cell.html#{cell.replace(">", "&gt;")}"' in text
    assert "2 of 3 passed" in text
    assert "FAILED" in text
    assert HOSTILE not in text


def test_a_scenario_shows_its_code_its_causes_and_what_is_claimed_of_it(tmp_path: Path) -> None:
    code = f'"""Left out."""\n\nimport numpy\n\nTEXT = """{HOSTILE}"""\n'
    publish_run(RUN, tmp_path / "data", sources={"plain_dense": code})
    render_site(tmp_path / "data", tmp_path / "site")
    text = (tmp_path / "site" / "scenario" / "plain_dense.html").read_text(encoding="utf-8")
    other = tmp_path / "site" / "scenario" / "custom_loss_metric.html"

    assert "Left out." not in text
    assert '<span class="p-kn">import</span>' in text
    assert HOSTILE not in text
    assert '<code class="id">unknown_class</code>' in text
    assert '<pre class="source"' not in other.read_text(encoding="utf-8")


def test_a_failed_control_is_loud_on_every_page(tmp_path: Path) -> None:
    failed = ControlResult(id="damage", passed=False, detail=HOSTILE)
    publish_run(RUN, tmp_path / "data", controls=(failed,))
    render_site(tmp_path / "data", tmp_path / "site")

    for path in pages(tmp_path / "site"):
        text = path.read_text(encoding="utf-8")
        assert "A control of this run failed" in text
        assert HOSTILE not in text


def test_shards_hold_every_cell_and_its_words(site: Path) -> None:
    found = 0
    for path in (site / "data").glob("*.*.js"):
        shard = read_script(path)
        for grid in shard["remedies"].values():
            found += sum(each >= 0 for each in grid["record"])
    assert found == 40

    shard = read_script(site / "data" / "plain_dense.h5.js")
    size, names = len(shard["environments"]), shard["environments"]
    at = names.index("tf1.15") * size + names.index("keras3.10")
    grid = shard["remedies"]["none"]
    at = grid["at"].index(at) if "at" in grid else at
    words = {
        name: read_text(
            site, shard, column if isinstance(column, int) else column[grid["record"][at]]
        )
        for name, column in shard["columns"].items()
        if name != "aspects"
    }
    assert words["outcome"] == "load_error"
    assert HOSTILE in words["message"]
    assert words["traceback"].startswith("Traceback")
    assert shard["remedies"]["none"]["ms"][at] == 120
    assert shard["remedies"]["none"]["digest"][names.index("tf1.15")] == "0123456789ab"


def test_remedies_page_says_how_often_it_helped(site: Path) -> None:
    text = (site / "remedies.html").read_text(encoding="utf-8")

    assert "8 bare loads were tried" in text
    assert "helped in <b>4</b> of the 4 loads" in text
    assert "As a control where" not in text
    assert "load(path, custom_objects={...})" in text


def test_environments_page_gives_the_reason(site: Path) -> None:
    text = (site / "environments.html").read_text(encoding="utf-8")

    assert "pip said no" in text
    assert "tensorflow-cpu <b>2.15.1</b>" in text
    assert "2 available, 1 unavailable" in text


def test_the_same_data_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    publish_run(RUN, tmp_path / "data")
    render_site(tmp_path / "data", tmp_path / "site")

    for path in sorted(each for each in site.rglob("*") if each.is_file()):
        assert path.read_bytes() == (tmp_path / "site" / path.relative_to(site)).read_bytes()


def test_pages_of_a_former_run_are_removed(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path / "data")
    old = tmp_path / "site" / "scenario" / "gone.html"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    script_of_old = tmp_path / "site" / "assets" / "gone.js"
    script_of_old.parent.mkdir()
    script_of_old.write_text("old")
    kept = tmp_path / "site" / "CNAME"
    kept.write_text("mine")
    render_site(tmp_path / "data", tmp_path / "site")

    assert not old.exists()
    assert not script_of_old.exists()
    assert kept.exists()


def test_a_site_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path / "data")
    (tmp_path / "site").write_text("in the way")

    with pytest.raises(StoreError, match="annot"):
        render_site(tmp_path / "data", tmp_path / "site")


def test_code_line_and_script_are_safe() -> None:
    assert code_line("f({path}, {{...}})", "'m.h5'") == "f('m.h5', {...})"
    assert "</" not in script("call", "</script>")


def test_the_page_of_the_audit_says_when_it_was_made_and_from_what(tmp_path: Path) -> None:
    audit = AuditSummary(
        sample=3,
        disagreements=(),
        at="2026-01-01T00:00:00+00:00",
        of=1200,
        seed=7,
        profile="default",
        selection=("--format h5",),
        tool_version="1.2.3",
    )
    contained = replace(audit, sample=2, executor="docker")
    publish_run(RUN, tmp_path / "data", audit=audit, audit_in_containers=contained)
    render_site(tmp_path / "data", tmp_path / "site")
    told = (tmp_path / "site" / "controls.html").read_text(encoding="utf-8")
    assert "3 cells were run again, each in a fresh process;" in told
    assert "2 cells were run again, each in a fresh process in a container;" in told
    assert "with the seed 7 from 1,200 recorded cells of the profile default (--format h5)" in told
    assert "at 2026-01-01T00:00:00+00:00, by version 1.2.3" in told


def test_a_run_says_which_environments_were_frozen_or_built_and_what_it_was_joined_from(
    tmp_path: Path,
) -> None:
    record = publish_run(RUN, tmp_path / "data")
    old, *others = record.environments
    base = others[-1].id
    frozen = FrozenRecord(day="2026-01-01", pack="ab" * 32)
    own = BuildOfOnesOwn(
        base=base,
        package="keras",
        distribution="keras",
        kind=BuildKind.CHECKOUT,
        source="keras",
        version="3.16.0",
    )
    part = MergedRecord(
        started=record.started,
        finished=record.finished,
        profile="smoke",
        selection=(),
        cells=12,
        host=record.host,
        shard=ShardRecord(index=2, of=3, plan="cd" * 32, remedies="all"),
    )
    build = replace(others[-1], id="keras@pr", build=own)
    environments = (replace(old, frozen=frozen), *others, build)
    changed = replace(record, environments=environments, merged=(part,))
    write_record(tmp_path / "data", "run.json", changed)
    render_site(tmp_path / "data", tmp_path / "site")
    text = (tmp_path / "site" / "controls.html").read_text(encoding="utf-8")

    assert "its files are frozen artifacts, the newest written on 2026-01-01" in text
    assert f"keras 3.16.0 of keras; all else is that of <code>{base}</code>" in text
    assert "12 cells, profile smoke, part 2 of 3" in text
    assert "40 not judged" in text
