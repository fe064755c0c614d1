"""A run and its report are published together: all of it, or nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace
from datetime import timedelta
from itertools import chain, cycle
from pathlib import Path

import pytest
from report_fixtures import MOMENT, SmallRun, make_run, put_together

from runner.analyse.advice import build_advice
from runner.analyse.changes import note_changes
from runner.analyse.claims.table import Table
from runner.analyse.claims.verdict import judge_claims
from runner.domain import CellSet, Claim, ClaimSet, Event, Prediction, Share
from runner.domain.errors import MatrixError
from runner.publish.files import DATA_FILES, data_files, publish_files
from runner.publish.reading import PublishedRun, load_data
from runner.render import site
from runner.render.site import GENERATED, SITE, publish_site, render_site, site_files

RUN = make_run()
CLAIM = Claim(
    id="c001.loads",
    article="one.txt",
    statement="It loads everywhere.",
    decided_by=CellSet(cells=("plain_dense/h5/*->*/none",)),
    predicts=Prediction(share=Share.ALL, event=Event.EQUIVALENT),
)


def whole(run: SmallRun, folder: Path, days: int) -> PublishedRun:
    """A run with everything a published one has."""
    moment = MOMENT + timedelta(days=days)
    found = put_together(run, started=moment, finished=moment)
    return replace(
        found,
        claims=judge_claims(
            ClaimSet(articles={"one.txt": "First"}, claims=(CLAIM,)),
            Table(found.cells, found.observations, found.run.environments, {}),
            run=found.run,
        ),
        changes=note_changes(folder, found.cells, found.run),
        advice=build_advice(found.cells, found.run),
    )


def publish(folder: Path, published: PublishedRun) -> Path:
    return publish_site(folder, published, list(data_files(published)))


def started(folder: Path) -> str:
    """When the run of a folder began: the data and every page say the same."""
    data = load_data(folder)
    assert data.claims is not None
    assert data.claims.run == data.run.started
    for page in (folder / SITE).glob("*.html"):
        assert f'<time datetime="{data.run.started}">' in page.read_text(encoding="utf-8")
    return data.run.started


def test_the_report_of_a_run_is_the_one_rebuilt_from_its_data(tmp_path: Path) -> None:
    page = publish(tmp_path / "out", whole(RUN, tmp_path, 0))
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    render_site(tmp_path / "out", tmp_path / "out" / SITE)
    after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}

    assert page in before
    assert before == after


def test_the_site_carries_the_data_that_its_pages_lead_to(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(out, whole(RUN, tmp_path, 0))
    page = (out / SITE / "index.html").read_text(encoding="utf-8")
    assert 'href="..' not in page
    for name in ("cells.csv", "cells.parquet", "observations.parquet", "run.json"):
        assert f'href="files/{name}"' in page
        assert (out / SITE / "files" / name).read_bytes() == (out / name).read_bytes()


def test_a_page_that_cannot_be_made_leaves_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    publish(folder, whole(RUN, folder, 0))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def broken(*_: object) -> None:
        raise MatrixError("no badge")

    monkeypatch.setattr(site, "extra_files", broken)
    with pytest.raises(MatrixError, match="no badge"):
        publish(folder, whole(RUN, folder, 1))

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_killed_while_publishing_data_and_site_are_of_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    publish(folder, whole(RUN, folder, 0))
    made = []
    for days in (1, 2):
        run = whole(RUN, folder, days)
        pages = ((f"{SITE}/{name}", text) for name, text in site_files(run, data_href=".."))
        made.append(list(chain(data_files(run), pages)))
    ours = (*DATA_FILES, *(f"{SITE}/{pattern}" for pattern in GENERATED))
    begun = time.monotonic()
    publish_files(folder, made[0], ours=ours)
    # Around the time that it takes on this machine, which may be busy with other tests.
    pace = time.monotonic() - begun
    rng, seen = random.Random(0), set()
    for number in range(15):
        child = os.fork()
        if child == 0:
            for files in cycle(made[:: 1 if number % 2 else -1]):
                publish_files(folder, files, ours=ours)
        time.sleep(rng.uniform(0.1, 2.5) * pace)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.add(started(folder))
    publish(folder, whole(RUN, folder, 3))
    seen.add(started(folder))

    assert len(seen) > 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
