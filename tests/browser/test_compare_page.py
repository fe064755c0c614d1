"""Compare: drop a run, choose what to see, go back, and only with the keyboard."""

from __future__ import annotations

import csv
import gzip
import io
import re

import pytest
from build_runs import BASE, BUILD, changes_of_the_gate, make_earlier, make_later_run, result_of
from chromium import DESKTOP, PHONE, find_faults
from playwright.sync_api import expect
from report_fixtures import HOSTILE, publish_run

from runner.domain import OUTCOME_TABLE
from runner.publish.tables import build_cells
from runner.render.site import render_site

TOTAL = 40


@pytest.fixture
def mine(report, tmp_path):
    """The published cells: two worse, two better, one gone, one new, one not measured."""
    with (report / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    good = [row for row in rows if row["outcome"] == "equivalent" and row["remedy"] == "none"]
    bad = [row for row in rows if row["outcome"] == "diverged"]
    good[0] |= {"outcome": "diverged", "aspects": "outputs", "cause": "mine", "message": HOSTILE}
    good[1] |= {"outcome": "load_error", "message": HOSTILE, "exception": HOSTILE}
    for row in bad[:2]:
        row |= {"outcome": "equivalent", "aspects": "", "cause": ""}
    good[2]["outcome"] = "not_run"
    rows.remove(good[3])
    rows.append(good[3] | {"scenario": "of_my_own"})
    path = tmp_path / "my cells.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def compared(visit, mine):
    page = visit("compare.html")
    page.set_input_files("#after-file", mine)
    page.wait_for_selector("#result:not([hidden])")
    return page


def counts(page):
    rows = page.locator("#totals tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [row.querySelector('button span').textContent,"
        " row.cells[1].textContent])"
    )
    return {name: int(number.replace(",", "")) for name, number in rows}


def shown(page):
    return page.locator("#list tbody tr").count()


def test_counts_reconcile(compared):
    assert counts(compared) == {
        "regressed": 2,
        "fixed": 2,
        "changed": 0,
        "infrastructure": 1,
        "appeared": 1,
        "vanished": 1,
        "same": TOTAL - 6,
    }
    assert compared.inner_text("#totals tfoot").split()[1] == str(TOTAL + 1)
    assert f"Before: {TOTAL} cells" in compared.inner_text("#sum")
    assert shown(compared) == 2
    assert "2 regressed" in compared.inner_text("#shown")
    last = compared.locator("#outcome-table tfoot tr").inner_text().split()
    assert last == ["all", str(TOTAL), str(TOTAL), "0"]


def test_every_control(compared):
    compared.select_option("#kind", "fixed")
    assert shown(compared) == 2
    compared.select_option("#kind", "all")
    assert shown(compared) == TOTAL + 1
    compared.select_option("#by", "scenario")
    assert shown(compared) == 3
    compared.select_option("#by", "from")
    assert "equivalent → diverged" in compared.inner_text("#list")
    compared.select_option("#by", "cell")
    compared.fill("#text", "of_my_own")
    assert shown(compared) == 1
    assert compared.locator("#list a").count() == 0  # the report has no such cell
    compared.fill("#text", "nothing like it")
    assert "No cell" in compared.inner_text("#shown")
    compared.fill("#text", "MINE")  # the cause of one, in the run after
    assert shown(compared) == 1
    compared.fill("#text", "")
    compared.click("#totals button:has-text('regressed')")
    assert compared.input_value("#kind") == "regressed"
    assert compared.locator("#list a").first.get_attribute("href").startswith("cell.html#")
    compared.click("#swap")
    assert counts(compared)["fixed"] == 2
    assert "the published run" in compared.inner_text("#after-name")
    compared.click("#before-published")
    assert counts(compared)["same"] == TOTAL


def test_the_matrix_counts_the_list_and_leads_to_it(compared, mine):
    compared.select_option("#kind", "all")
    assert sum(matrix(compared)) == TOTAL + 1
    compared.select_option("#format", "keras")
    expect(compared).to_have_url(re.compile("format=keras"))
    assert sum(matrix(compared)) == shown(compared) < TOTAL
    compared.select_option("#kind", "different")
    assert sum(matrix(compared)) == shown(compared)
    compared.select_option("#format", "")
    assert sum(matrix(compared)) == shown(compared) == 7
    pair = compared.locator("#grid tbody td:not(:empty)").first
    number = int(pair.text_content())
    pair.click()
    assert shown(compared) == number
    assert f"{number} of" in compared.inner_text("#reading")
    expect(compared).to_have_url(re.compile("text="))
    compared.go_back()
    expect(compared.locator("#list tbody tr")).to_have_count(7)
    compared.select_option("#matrix", "share")
    expect(compared).to_have_url(re.compile("matrix=share"))
    assert shares(compared) == expected_shares(mine)


def shares(page):
    """What the matrix says of each pair, `-` where nothing could be tried."""
    return page.locator("#grid").evaluate(
        "(table) => Object.fromEntries([...table.tBodies[0].rows].flatMap((row) =>"
        " [...row.cells].slice(1).map((cell, place) => [row.cells[0].textContent + '->'"
        " + table.tHead.rows[0].cells[place + 1].textContent, cell.textContent])))"
    )


SYMBOLS = {str(style.outcome): style.symbol for style in OUTCOME_TABLE}
TRIED = {str(style.outcome) for style in OUTCOME_TABLE if style.measured}


def expected_shares(path):
    """Of the files that their writer gets back, in what every reader was measured with."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["remedy"] == "none"]
    readers: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        readers.setdefault((row["scenario"], row["format"]), set()).add(row["reader"])
    every = set.union(*readers.values())
    own = {
        (row["scenario"], row["format"], row["writer"])
        for row in rows
        if row["writer"] == row["reader"] and row["outcome"] == "equivalent"
    }
    outcomes: dict[str, list[str]] = {f"{row['writer']}->{row['reader']}": [] for row in rows}
    for row in rows:
        kind = (row["scenario"], row["format"])
        if readers[kind] == every and (*kind, row["writer"]) in own:
            outcomes[f"{row['writer']}->{row['reader']}"].append(row["outcome"])
    return {pair: expected_share(found) for pair, found in outcomes.items()}


def expected_share(outcomes):
    if len(set(outcomes)) < 2:
        return SYMBOLS[outcomes[0]] if outcomes else ""
    files = sum(each in TRIED for each in outcomes)
    same, silent = outcomes.count("equivalent"), outcomes.count("diverged")
    share = "✓" if same == files else str(100 * same // files) if same else "✗"
    return f"{share}{f'≠{silent}' if silent else ''}"


def matrix(page):
    found = page.locator("#grid tbody td:not(:empty)").all_text_contents()
    return [int(text.lstrip("↓↑↔?+−=")) for text in found]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_comparison(compared, scheme, size):
    compared.emulate_media(color_scheme=scheme)
    compared.set_viewport_size(size)
    compared.select_option("#kind", "all")
    compared.evaluate("for (const each of document.querySelectorAll('details')) each.open = true;")
    assert find_faults(compared) == []
    compared.select_option("#matrix", "share")
    assert find_faults(compared) == []
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert compared.evaluate(wide) <= 0


def test_the_address_is_the_view_and_back_undoes_one_choice(compared, visit, mine):
    compared.select_option("#kind", "fixed")
    compared.select_option("#by", "reader")
    address = compared.url
    compared.go_back()
    expect(compared.locator("#by")).to_have_value("cell")
    compared.go_back()
    expect(compared.locator("#kind")).to_have_value("regressed")
    compared.go_forward()
    expect(compared.locator("#kind")).to_have_value("fixed")
    page = visit("index.html")
    page.goto(address)
    page.set_input_files("#after-file", mine)
    page.wait_for_selector("#result:not([hidden])")
    assert page.input_value("#kind") == "fixed"
    assert page.input_value("#by") == "reader"


def test_a_made_up_address_is_the_usual_view(visit):
    page = visit("compare.html#kind=<img src=x onerror=owned()>&by=prototype&text=%3Cb%3E")
    assert page.input_value("#kind") == "regressed"
    assert page.input_value("#by") == "cell"
    assert page.input_value("#text") == "<b>"


def test_a_file_dropped_anywhere_is_the_run_after(visit, mine):
    page = visit("compare.html")
    drop(page, "main", "dropped.csv", mine.read_text(encoding="utf-8"))
    page.wait_for_selector("#result:not([hidden])")
    assert "dropped.csv" in page.inner_text("#after-name")
    drop(page, "#before", "other.csv", mine.read_text(encoding="utf-8"))
    expect(page.locator("#before-name")).to_contain_text("other.csv")
    assert counts(page)["same"] == TOTAL


def test_a_file_dropped_before_the_page_has_its_data_is_read_when_it_has(visit, mine):
    page = visit("about.html")
    held = []
    page.route("**/data/compare.js", lambda route: held.append(route))  # noqa: PLW0108
    page.goto(page.url.replace("about.html", "compare.html"), wait_until="commit")
    page.wait_for_function("document.querySelector('main') && document.readyState !== 'loading'")
    page.wait_for_timeout(300)
    drop(page, "main", "early.csv", mine.read_text(encoding="utf-8"))
    assert len(held) == 1
    held[0].continue_()
    page.wait_for_selector("#result:not([hidden])")
    assert "early.csv" in page.inner_text("#after-name")


def drop(page, where, name, text):
    page.evaluate(
        "([where, name, text]) => { const given = new DataTransfer();"
        " given.items.add(new File([text], name)); for (const kind of ['dragenter', 'dragover',"
        " 'drop']) document.querySelector(where).dispatchEvent(new DragEvent(kind,"
        " {bubbles: true, cancelable: true, dataTransfer: given})); }",
        [where, name, text],
    )


def test_a_compressed_run(visit, mine, tmp_path):
    packed = tmp_path / "cells.csv.gz"
    packed.write_bytes(gzip.compress(mine.read_bytes()))
    page = visit("compare.html")
    page.set_input_files("#after-file", packed)
    page.wait_for_selector("#result:not([hidden])")
    assert counts(page)["regressed"] == 2


def test_the_download_is_what_is_shown(compared):
    compared.select_option("#kind", "all")
    with compared.expect_download() as waited:
        compared.click("#download")
    rows = list(csv.DictReader(io.StringIO(waited.value.path().read_text(encoding="utf-8"))))
    assert len(rows) == TOTAL + 1
    assert {row["change"] for row in rows} >= {"regressed", "fixed", "infrastructure"}


QUOTED = '"' + HOSTILE.replace('"', '""') + '"'
HEAD = "scenario,format,writer,reader,remedy,outcome,cause,aspects,exception,message\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HOSTILE, "HTML or XML"),
        ("x" + HOSTILE, "has no column"),
        ("", "is empty"),
        ("PAR1\0\1", "a Parquet file"),
        ("PK\3\4", "a zip archive"),
        ('{"schema": "run/1"}', "It is JSON"),
        (HEAD + "," * 1_000_001, "a line of more than a million"),
        (HEAD, "Not one of its rows"),
        (
            HEAD + f'"{HOSTILE.replace(chr(34), chr(34) * 2)}",h5,a,b,none,crashed,,,,\n',
            "cannot be",
        ),
        (HEAD + "a,h5,a,b,none,<b>,,,,\n", "is no outcome"),
        (HEAD + "a,h5,a,b,none,toString,,,,\n", "is no outcome"),
        (HEAD + 'a,h5,a,b,none,crashed,"<img src=x onerror=owned()>",,,\n', "is no cause"),
        (HEAD + 'a,h5,"a', "cannot be"),
    ],
)
def test_a_hostile_file_is_refused_in_words(visit, tmp_path, text, said):
    path = tmp_path / "<img src=x onerror=owned()>.csv"
    path.write_text(text, encoding="utf-8")
    page = visit("compare.html")
    page.set_input_files("#after-file", path)
    expect(page.locator("#status")).to_contain_text("not opened")
    assert said in page.inner_text("#status")
    assert page.locator("#result").is_hidden()


LONG = b"x" * 900_000 + b"\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(HEAD.encode() * 9999)[:90], "damaged, or was cut short"),
        (gzip.compress(b"scenario"), "has no column"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\xff\xfe\0\1", "has no column"),
        (gzip.compress(bytes(201_000_000), 1), "a line of more than a million"),
        (gzip.compress(HEAD.encode() + LONG * 224, 1), "unpacks to too much"),
    ],
    # The time is in what is packed: each process that runs tests would name them in its own way.
    ids=("cut", "short", "HDF5", "UTF-16", "a long line", "large"),
)
def test_a_file_of_another_kind_is_refused_in_words(visit, tmp_path, content, said):
    path = tmp_path / "cells.csv.gz"
    path.write_bytes(content)
    page = visit("compare.html")
    page.set_input_files("#after-file", path)
    expect(page.locator("#status")).to_contain_text("not opened", timeout=60_000)
    assert said in page.inner_text("#status")


def test_a_large_file_does_not_block_the_page(visit, tmp_path):
    path = tmp_path / "cells.csv"
    row = "s{0},h5,w{1},r{1},none,load_error,,,ValueError," + "long " * 20 + "\n"
    lines = (row.format(number, number % 9) for number in range(150_000))
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    page = visit("compare.html")
    page.evaluate(
        "() => { globalThis.seen = []; const bar = document.querySelector('#progress');"
        " setInterval(() => seen.push(bar.hidden ? -1 : bar.value), 20); }"
    )
    page.set_input_files("#after-file", path)
    page.wait_for_selector("#result:not([hidden])")
    expect(page.locator("#status")).to_contain_text("150,000 cells read")
    shown = page.evaluate("seen.filter((each) => each >= 0)")
    # The page answered all the while, and said how far it was.
    assert len(set(shown)) >= 5
    assert shown == sorted(shown)
    assert page.locator("#progress").is_hidden()
    assert counts(page)["appeared"] == 150_000


def test_a_later_file_takes_the_place_of_one_that_is_read(visit, tmp_path, mine):
    path = tmp_path / "large.csv"
    lines = (f"s{number},h5,a,b,none,crashed,,,,\n" for number in range(60_000))
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    page = visit("compare.html")
    page.set_input_files("#after-file", path)
    page.set_input_files("#after-file", mine)
    expect(page.locator("#after-name")).to_contain_text(f"my cells.csv: {TOTAL} cells")
    expect(page.locator("#status")).to_contain_text(f"{TOTAL} cells read")
    assert counts(page)["regressed"] == 2


def test_after_a_reload_the_page_names_the_file_it_has_lost(compared):
    compared.select_option("#kind", "fixed")
    compared.reload()
    said = compared.locator("#status")
    expect(said).to_contain_text("Choose again after: my cells.csv")
    assert compared.locator("#result").is_hidden()


def test_an_address_of_a_view_says_that_a_file_is_missing(visit):
    page = visit("compare.html#kind=fixed")
    expect(page.locator("#status")).to_contain_text("choose the file of the other one")


def test_what_changed_is_in_sight_and_the_controls_stay_in_their_box(compared):
    top = "document.querySelector('#changes').getBoundingClientRect().top"
    compared.wait_for_function(f"{top} >= 0 && {top} < innerHeight / 2")
    for size in (DESKTOP, PHONE, {"width": 1400, "height": 900}):
        compared.set_viewport_size(size)
        assert compared.evaluate(
            "() => [...document.querySelectorAll('.filters')].every((box) => { const outer ="
            " box.getBoundingClientRect();"
            " const all = box.querySelectorAll('input, select, button'); return [...all]"
            ".every((each) => { const inner = each.getBoundingClientRect();"
            " return inner.left >= outer.left && inner.right <= outer.right; }); })"
        )


def test_a_file_too_large_is_refused_unread(visit):
    page = visit("compare.html")
    page.evaluate(
        "() => { const part = new Uint8Array(1e6); const file = new File(Array(201).fill(part),"
        " 'big.csv'); const given = new DataTransfer(); given.items.add(file);"
        " document.querySelector('main').dispatchEvent("
        " new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: given})); }"
    )
    expect(page.locator("#status")).to_contain_text("too large")


def test_more_environments_than_fit_are_listed_and_not_drawn(visit, tmp_path):
    path = tmp_path / "cells.csv"
    lines = (f"a,h5,w{number},r{number},none,crashed,,,,\n" for number in range(2000))
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    page = visit("compare.html")
    page.set_input_files("#after-file", path)
    page.wait_for_selector("#result:not([hidden])")
    assert "too many to draw" in page.inner_text("#reading")
    assert page.locator("#grid td").count() == 0
    assert counts(page)["appeared"] == 2000
    page.select_option("#kind", "appeared")
    assert shown(page) == 100
    page.click("#more")
    assert shown(page) == 1100


def test_something_dropped_that_is_no_file(visit):
    page = visit("compare.html")
    page.evaluate(
        "() => { const given = new DataTransfer(); given.setData('text/plain', 'words');"
        " document.querySelector('main').dispatchEvent("
        " new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: given})); }"
    )
    expect(page.locator("#status")).to_contain_text("holds no file")


def test_rows_that_are_no_cells_are_counted_and_named(visit, tmp_path, mine):
    text = mine.read_text(encoding="utf-8")
    row = text.splitlines()[1]
    path = tmp_path / "cells.csv"
    path.write_text(f"\ufeff{text}{row}\n<b>,h5,a,b,none,crashed,,,,\n", encoding="utf-8")
    page = visit("compare.html")
    page.set_input_files("#after-file", path)
    page.wait_for_selector("#result:not([hidden])")
    assert "2 rows were left out" in page.inner_text("#status")
    assert counts(page)["regressed"] == 2


def test_with_the_keyboard_alone(visit, mine):
    page = visit("compare.html")
    page.set_input_files("#after-file", mine)
    page.wait_for_selector("#result:not([hidden])")
    page.focus("#after-published")
    for wanted in ("swap", "kind"):
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == wanted:
                break
        assert page.evaluate("document.activeElement.id") == wanted
    page.keyboard.press("ArrowDown")
    assert page.input_value("#kind") == "fixed"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.textContent") == "=same"
    page.keyboard.press("Enter")
    assert page.input_value("#kind") == "same"
    assert shown(page) == TOTAL - 6


def test_the_page_and_the_gate_agree_on_every_cell_of_a_build(context, tmp_path):
    run = make_later_run()
    earlier = make_earlier(run)
    publish_run(run, tmp_path)
    render_site(tmp_path, tmp_path / "site")
    before = tmp_path / "before.csv"
    results = [result_of(cell, detail) for cell, detail in earlier.items()]
    build_cells(results, run.order).to_csv(before, index=False)

    page = context.new_page()
    page.goto((tmp_path / "site" / "compare.html").as_uri())
    page.set_input_files("#before-file", before)
    page.wait_for_selector("#result:not([hidden])")
    assert f"{BUILD} is held against {BASE}" in page.inner_text("#sum")
    page.select_option("#kind", "all")
    with page.expect_download() as download:
        page.click("#download")

    rows = csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8")))
    name = "{scenario}/{format}/{writer}->{reader}/{remedy}"
    said = {name.format_map(row): row["change"] for row in rows}
    assert said == changes_of_the_gate(run, earlier)


def texts_of(page, table):
    """What each pair of a matrix shows, by the names of its writer and its reader."""
    return page.evaluate(
        "(table) => { const [head, ...rows] = document.querySelector(table).rows;"
        " const names = [...head.cells].map((each) => each.textContent);"
        " return Object.fromEntries(rows.flatMap((row) => [...row.cells].slice(1).map((each, at) =>"
        " [`${row.cells[0].textContent} ${names[at + 1]}`, each.textContent]))); }",
        table,
    )


@pytest.mark.parametrize("format_", ["", "keras"])
def test_a_share_is_that_of_the_overview(visit, format_):
    """One denominator: the files that their writer gets back, of what every reader has."""
    page = visit(f"index.html#format={format_}" if format_ else "index.html")
    page.wait_for_selector("#pairs:not([aria-busy=true]) tbody td")
    there = texts_of(page, "#pairs")
    assert set(there.values()) >= {"✓", "✗", "≠"}
    page = visit("compare.html#matrix=share")
    page.click("#after-published")
    page.wait_for_selector("#result:not([hidden])")
    page.select_option("#format", format_)
    assert texts_of(page, "#grid") == there
