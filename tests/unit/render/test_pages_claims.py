"""The claims page and the boundaries in words, made from published data alone."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from report_fixtures import HOSTILE, make_run, publish_run, write_record

from runner.analyse.claims.table import Table
from runner.analyse.claims.verdict import judge_claims
from runner.domain import (
    Baseline,
    CellSet,
    Claim,
    ClaimSet,
    ClaimVerdict,
    Event,
    Pair,
    Prediction,
    Share,
)
from runner.domain.claims import VERDICT_STYLES
from runner.domain.errors import StoreError
from runner.publish.files import SchemaError, format_record
from runner.publish.reading import load_data
from runner.publish.record import ClaimsRecord, Hanging
from runner.publish.tables import build_cells, build_observations
from runner.render.parts.text import mark_code
from runner.render.site import render_site

RUN = make_run()
CLAIM = Claim(
    id="c001.loads",
    article="one.txt",
    statement=f"It loads everywhere {HOSTILE}",
    note=HOSTILE,
    decided_by=CellSet(
        cells=("plain_dense/h5/*->*/none",), pair=frozenset({Pair.ANY}), baseline=Baseline.ANY
    ),
    predicts=Prediction(share=Share.ALL, event=Event.EQUIVALENT),
)
NOWHERE = Claim(
    id="c002.nowhere",
    article="one.txt",
    statement="It loads on the moon.",
    not_decidable=f"No reader is there {HOSTILE}",
)


def publish(folder: Path) -> ClaimsRecord:
    record = publish_run(RUN, folder)
    claims = judge_claims(
        ClaimSet(
            articles={"one.txt": f"First {HOSTILE}", "two.txt": "Second"}, claims=(CLAIM, NOWHERE)
        ),
        Table(
            build_cells(RUN.results, RUN.order),
            build_observations(RUN.results, RUN.order),
            record.environments,
            {},
        ),
        run=record,
    )
    write_record(folder, "claims.json", claims)
    return claims


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claims")
    publish(folder)
    render_site(folder, folder / "site")
    return folder


def test_a_claim_is_told_with_verdict_counts_and_cells(data: Path) -> None:
    text = (data / "site/claims.html").read_text(encoding="utf-8")

    assert "It loads everywhere &lt;/script&gt;" in text
    assert HOSTILE not in text
    assert '<span class="chip r">◐ depends</span> It loads' in text
    assert "<b>all: 2 of 4 cells</b>" in text
    assert "<small>Judged on every writer and every reader.</small>" in text
    assert "<dt>refuted by</dt><dd>not one of these cells" in text
    assert "5 environment unavailable" in text
    assert '<a href="cell.html#plain_dense/h5/tf1.15-&gt;keras3.10/none">' in text
    assert "written by TF 1.15, read by Keras 3.10" in text
    assert "No claim of this article was judged" in text
    for style in VERDICT_STYLES:
        number = int(style.verdict in {ClaimVerdict.DEPENDS, ClaimVerdict.NOT_DECIDABLE})
        assert f"<b>{number} {style.label}</b> {mark_code(style.explanation)}" in text
    assert "<b>2 claims</b> of 2 articles" in text


def test_a_claim_without_cells_says_why_and_is_counted_apart(data: Path) -> None:
    text = (data / "site/claims.html").read_text(encoding="utf-8")
    own = text[text.index('id="c002.nowhere"') :]

    assert '<span class="chip z">∅ not decidable here</span> It loads on the moon.' in own
    assert "Not decidable here, because: No reader is there &lt;/script&gt;" in own
    assert "of 0" not in own[: own.index("</section>")]


def test_a_claim_names_the_version_it_hangs_on(tmp_path: Path) -> None:
    claims = publish(tmp_path)
    hanging = Hanging(
        environment="keras3.0", named=f"Keras 3.0 {HOSTILE}", verdict=ClaimVerdict.REFUTED
    )
    changed = msgspec.structs.replace(claims.claims[0], hangs_on=(hanging,))
    write_record(tmp_path, "claims.json", msgspec.structs.replace(claims, claims=(changed,)))
    render_site(tmp_path, tmp_path / "site")

    text = (tmp_path / "site/claims.html").read_text(encoding="utf-8")
    assert "<b>Hangs on one version</b>: without Keras 3.0 &lt;/script&gt;" in text
    assert ": refuted.</p>" in text


def test_pages_come_from_data_alone(data: Path, tmp_path: Path) -> None:
    changed = json.loads((data / "claims.json").read_text(encoding="utf-8"))
    changed["claims"][0]["statement"] = "Another statement."
    publish_run(RUN, tmp_path)
    (tmp_path / "claims.json").write_text(json.dumps(changed), encoding="utf-8")
    render_site(tmp_path, tmp_path / "site")

    assert "Another statement." in (tmp_path / "site/claims.html").read_text(encoding="utf-8")


def test_data_without_claims_say_so(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path)
    render_site(tmp_path, tmp_path / "site")

    assert load_data(tmp_path).claims is None
    assert "hold no claims" in (tmp_path / "site/claims.html").read_text(encoding="utf-8")


def test_claims_of_another_run_are_refused(tmp_path: Path) -> None:
    claims = publish(tmp_path)
    other = msgspec.structs.replace(claims, run="2020-01-01T00:00:00+00:00")
    write_record(tmp_path, "claims.json", other)
    with pytest.raises(StoreError, match="2020-01-01"):
        load_data(tmp_path)
    (tmp_path / "claims.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot read"):
        load_data(tmp_path)


def test_claims_are_held_against_their_schema(tmp_path: Path) -> None:
    claims = publish(tmp_path)
    before = (tmp_path / "claims.json").read_bytes()
    wrong = msgspec.structs.replace(claims.claims[0], verdict="true")
    with pytest.raises(SchemaError, match="verdict"):
        format_record("claims.json", msgspec.structs.replace(claims, claims=(wrong,)))
    assert (tmp_path / "claims.json").read_bytes() == before


def test_boundaries_are_on_the_scenario_page(data: Path) -> None:
    text = (data / "site/scenario/plain_dense.html").read_text(encoding="utf-8")
    words = text[text.index('id="boundaries"') : text.index('<section id="causes"')]

    assert words.count("<details") == 4
    assert "written by TF 1.15, read by Keras 3.10: fails to load <small>1 cell</small>" in words
    stated = [
        int(part.rsplit(">", 1)[1])
        for part in words.replace(" cells", " cell").split(" cell<")[:-1]
    ]
    assert sum(stated) >= 20


def test_every_verdict_can_be_told_apart() -> None:
    assert {style.verdict for style in VERDICT_STYLES} == set(ClaimVerdict)
    assert len({style.symbol for style in VERDICT_STYLES}) == len(ClaimVerdict)
