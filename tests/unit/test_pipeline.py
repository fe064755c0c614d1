"""The whole pipeline on the fake Keras: real probes, no environment, subjects wrong on purpose."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import plan_fixtures
import pytest
from fake_tree import AVAILABLE, ROW, UNAVAILABLE, HeardReporter, make_tree

from runner import pipeline, plan
from runner.cli import audit_work, bench_work
from runner.domain import Outcome
from runner.domain.errors import (
    AuditDisagreement,
    MatrixError,
    NoEnvironmentError,
    SelectionError,
    StoreError,
)
from runner.domain.request import Request
from runner.executors import registry
from runner.publish.audit import AUDIT_FILE
from runner.publish.reading import load_data
from runner.render import site
from runner.store import open_store

PAIRS = [f"{writer}->{reader}" for writer in AVAILABLE for reader in AVAILABLE]
EXPECTED = {
    "plain_dense": Outcome.EQUIVALENT,
    "truncated_file": Outcome.LOAD_ERROR,
    "fake.diverge": Outcome.DIVERGED,
    "fake.raise": Outcome.LOAD_ERROR,
    "fake.die": Outcome.CRASHED,
    "fake.call_later": Outcome.UNUSABLE,
    "fake.hang": Outcome.TIMED_OUT,
    # It takes the probe with it: nothing was learnt of the model.
    "fake.hide_and_kill": Outcome.HARNESS_ERROR,
    # Its probe finishes without one of the aspects asked for.
    "fake.forgetful": Outcome.HARNESS_ERROR,
    "fake.save": Outcome.SAVE_ERROR,
}


class Bench:
    """A tree with a store, and runs over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "tree"
        self.out = folder / "out"
        make_tree(self.root)

    def request(self, *patterns, **options):
        fields = {"store": self.folder / "store", "out": self.out, "profile": "smoke", **options}
        return Request(root=self.root, patterns=patterns, executor="fake", workers=2, **fields)

    def run(self, *patterns, **options):
        reporter = HeardReporter()
        request = self.request(*patterns, **options)
        outcome = pipeline.run_matrix(request, reporter)
        return SimpleNamespace(
            outcome=outcome,
            phases=reporter.phases,
            shown=Counter(reporter.outcomes),
            by_cell={each.cell.id: each for each in outcome.results},
            data=load_data(request.out),
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, ROW))
        found = Bench(tmp_path_factory.mktemp("run"))
        found.first = found.run()
        yield found


@pytest.mark.parametrize("damaged", ["change_points.json", "run.json"])
def test_earlier_data_that_the_end_needs_are_refused_before_anything_is_measured(tmp_path, damaged):
    bench = Bench(tmp_path)
    bench.out.mkdir()
    (bench.out / damaged).write_text("{cut", encoding="utf-8")
    with pytest.raises(StoreError, match=damaged):
        bench.run("plain_dense", keep=None if damaged == "change_points.json" else bench.out)
    assert not (tmp_path / "store").exists()


def outcomes(run, scenario):
    return {
        cell.split("/")[2]: each.outcome
        for cell, each in run.by_cell.items()
        if cell.startswith(f"{scenario}/") and cell.endswith("/none")
    }


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_each_subject_gets_the_outcome_that_is_true_of_it(bench):
    found = {name: set(outcomes(bench.first, name).values()) for name in EXPECTED}
    assert found == {name: {outcome} for name, outcome in EXPECTED.items()}
    assert set(outcomes(bench.first, "fake.raise")) == set(PAIRS)


def test_what_differs_and_what_was_left_out_is_named(bench):
    cells = bench.first.by_cell
    assert [str(each) for each in cells["fake.diverge/h5/old->new/none"].aspects] == [
        "outputs",
        "weights",
    ]
    assert "aspects" in cells["fake.forgetful/h5/old->new/none"].reason
    assert cells["fake.save/h5/old->new/none"].observation.message == "cannot be saved"


def test_a_remedy_runs_where_the_bare_load_failed_and_once_a_reader_where_it_did_not(bench):
    found = Counter(
        cell.split("/")[0] for cell in bench.first.by_cell if cell.endswith("/custom_objects")
    )
    assert found == {"fake.raise": len(PAIRS), "plain_dense": len(AVAILABLE)}


def test_with_first_the_next_remedy_runs_only_where_none_before_gave_the_same_model(monkeypatch):
    scope = plan_fixtures.field(filters={"scenario": ["custom_loss_metric"], "format": ["h5"]})
    failed = SimpleNamespace(outcome=Outcome.LOAD_ERROR)
    bare = dict.fromkeys(plan.plan_bare(scope), failed)
    rounds = []

    def measure(run, cells, label):
        rounds.append([cell.id for cell in cells])
        # The cheaper remedy loads everywhere, and is the same model in one reader alone.
        good = {"tf1.15": Outcome.EQUIVALENT, "keras3.15": Outcome.DIVERGED}
        return {cell: SimpleNamespace(outcome=good[cell.reader]) for cell in cells}

    monkeypatch.setattr(pipeline.remedies, "measure_cells", measure)
    for profile, wanted in [("full", ""), ("default", "first")]:
        rounds.clear()
        request = SimpleNamespace(
            wanted_remedies=Request(
                root=Path(), store=Path(), out=Path(), profile=profile, remedies=wanted
            ).wanted_remedies
        )
        run = SimpleNamespace(declared=SimpleNamespace(scope=scope), request=request, share=None)
        found = pipeline.measure_remedies(run, bare)
        assert [len(cells) for cells in rounds] == [4, 2]
        assert {name.split("->")[1] for name in rounds[1]} == {"keras3.15/rebuild_weights"}
        # What a cheaper remedy made needless is no cell at all: it was not tried.
        assert [cell.id for cell in found] == rounds[0] + rounds[1]


def test_the_profiles_say_where_remedies_are_tried_if_the_command_line_does_not(bench):
    wanted = {name: bench.request(profile=name).wanted_remedies for name in ("smoke", "full")}
    assert wanted == {"smoke": "auto", "full": "first"}
    assert bench.request(profile="full", remedies="all").wanted_remedies == "all"


def test_a_time_out_is_tried_twice(bench):
    assert ("second tries", len(AVAILABLE)) in bench.first.phases
    assert bench.first.shown["timed_out"] == 2 * len(AVAILABLE)


def test_the_progress_display_counts_what_the_judge_says(bench):
    assert bench.first.shown["diverged"] >= len(PAIRS)
    assert bench.first.shown["harness_error"] == len(AVAILABLE) + len(PAIRS)


def test_the_controls_held_and_are_published(bench):
    assert bench.first.outcome.failed_controls == []
    kinds = Counter(each.id.split()[0] for each in bench.first.outcome.controls)
    measured = {"readback": 4, "comparison": 2, "writes": 2}
    assert kinds == measured | {"advice": 11, "boundaries": 1}
    assert [each.id for each in bench.first.data.run.controls] == [
        each.id for each in bench.first.outcome.controls
    ]


def test_what_is_published_is_what_was_found(bench):
    cells = bench.first.data.cells
    assert len(cells) == len(bench.first.outcome.results)
    assert Counter(cells["outcome"].astype(str)) == Counter(
        str(each.outcome) for each in bench.first.outcome.results
    )
    assert (bench.out / "site" / "index.html").is_file()


def test_nothing_that_is_known_is_measured_again_but_our_own_faults(bench):
    again = bench.run()
    assert again.phases == [("bare loads", len(AVAILABLE) + len(PAIRS))]
    assert again.outcome.measured == len(AVAILABLE) + len(PAIRS)
    assert {cell: each.outcome for cell, each in again.by_cell.items()} == {
        cell: each.outcome for cell, each in bench.first.by_cell.items()
    }


def test_failed_measures_again_what_is_not_equivalent(bench):
    found = bench.run("fake.raise", "plain_dense", failed=True, out=bench.folder / "failed")
    # The truncated files are loaded for the controls, and fail as they should.
    assert found.phases == [("bare loads", len(PAIRS) + 2), ("remedies", len(PAIRS))]


def test_force_measures_everything_once(bench):
    found = bench.run("plain_dense/h5/*->*/none", force=True, out=bench.folder / "force")
    assert dict(found.phases) == {"saves": 4, "bare loads": len(PAIRS) + 2, "controls": 2}
    assert set(found.shown) == {"equivalent", "load_error", "diverged"}
    assert set(outcomes(found, "plain_dense").values()) == {Outcome.EQUIVALENT}


def test_recorded_measures_nothing_and_says_so(bench):
    found = bench.run(recorded=True, out=bench.folder / "recorded")
    assert (found.outcome.measured, found.phases) == (0, [])
    # Our own faults are never kept.
    expected = {
        name: Outcome.NOT_RUN if outcome is Outcome.HARNESS_ERROR else outcome
        for name, outcome in EXPECTED.items()
    }
    assert {name: set(outcomes(found, name).values()) for name in expected} == {
        name: {outcome} for name, outcome in expected.items()
    }
    assert found.outcome.failed_controls == []


def test_a_recorded_load_that_compared_too_little_is_not_believed_and_measured_again(bench):
    cell = "plain_dense/h5/new->new/none"
    seen = bench.first.by_cell[cell].observation.data
    aspects = {name: each for name, each in seen["aspects"].items() if name != "losses"}
    with open_store(bench.folder / "store", command="test", warn=print) as store:
        (inputs,) = (key[1] for key in store.journal.keys("load") if key[0] == cell)
        record = {"kind": "load", "id": cell, "inputs": inputs}
        store.journal.append({**record, "observation": {**seen, "aspects": aspects}})
    found = bench.run("plain_dense", recorded=True, out=bench.folder / "little")
    assert found.by_cell[cell].outcome is Outcome.HARNESS_ERROR
    assert "losses" in found.by_cell[cell].reason
    assert [each.id for each in found.outcome.failed_controls] == [f"readback {cell}"]
    again = bench.run("plain_dense", out=bench.folder / "little")
    assert (again.outcome.measured, again.by_cell[cell].outcome) == (1, Outcome.EQUIVALENT)


def test_recorded_in_an_empty_store_is_all_not_run_and_holds_no_control(bench):
    empty = bench.folder / "empty"
    found = bench.run(recorded=True, store=empty, out=bench.folder / "nothing")
    assert {each.outcome for each in found.outcome.results} == {Outcome.NOT_RUN}
    assert found.outcome.controls == []
    assert not empty.exists()


def test_what_this_run_does_not_measure_is_kept(bench):
    found = bench.run("plain_dense", keep=bench.out, out=bench.folder / "keep")
    assert set(outcomes(found, "plain_dense").values()) == {Outcome.EQUIVALENT}
    assert set(found.by_cell) == set(bench.first.by_cell)
    kept = found.data.run.kept
    own = sum(cell.startswith("plain_dense/") for cell in found.by_cell)
    assert kept.cells == len(found.by_cell) - own
    assert kept.started == load_data(bench.out).run.started


def test_an_environment_that_cannot_be_built_is_neither_good_nor_bad(bench):
    found = bench.run("plain_dense", profile="full", out=bench.folder / "gone")
    missing = {
        cell
        for cell, each in found.by_cell.items()
        if each.outcome is Outcome.ENVIRONMENT_UNAVAILABLE
    }
    assert missing == {cell for cell in found.by_cell if UNAVAILABLE in cell}
    assert len(missing) == 5
    assert found.outcome.failed_controls == []
    with pytest.raises(NoEnvironmentError):
        bench.run(f"plain_dense/h5/{UNAVAILABLE}->{UNAVAILABLE}", profile="full")


def test_a_publish_that_fails_midway_leaves_the_run_before_whole(bench, monkeypatch):
    before = files_of(bench.out)
    honest = site.site_files

    def fail_midway(*arguments, **options):
        for number, file in enumerate(honest(*arguments, **options)):
            if number == 5:
                raise MatrixError("the disk is gone")
            yield file

    monkeypatch.setattr(site, "site_files", fail_midway)
    with pytest.raises(MatrixError, match="the disk is gone"):
        bench.run("plain_dense", force=True)
    assert files_of(bench.out) == before


def test_a_selection_without_a_cell_is_refused(bench):
    with pytest.raises(SelectionError):
        bench.run("fake.hang/h5/new->*")


@pytest.fixture
def reporter(monkeypatch):
    found = HeardReporter()
    for module in (audit_work, bench_work):
        monkeypatch.setattr(module, "make_reporter", lambda _: found)
    return found


def test_an_audit_repeats_cells_and_says_when_and_from_what(bench, reporter, capsys):
    pattern = "plain_dense/h5/old->new/*"
    assert audit_work.audit_run(bench.request(pattern), sample=200, seed=3) == 0
    record = json.loads((bench.folder / "store" / AUDIT_FILE).read_text())
    assert (record["sample"], record["of"], record["seed"]) == (2, 2, 3)
    assert (record["selection"], record["profile"]) == ([pattern], "smoke")
    assert record["at"]
    assert record["disagreements"] == []
    assert "2 of 2 cells run again, from 2 of 2 strata: 0 disagree" in capsys.readouterr().out
    assert reporter.closed


def test_a_published_run_is_measured_from_nothing_and_says_so_itself(bench, reporter, capsys):
    subjects = ("plain_dense", "fake.raise", "fake.diverge", "fake.save")
    bench.run(*(f"{name}/h5/old->new/*" for name in subjects))
    request = bench.request(store=bench.folder / "elsewhere")
    assert audit_work.audit_published(request, bench.out, sample=200, seed=3, note=True) == 0
    said = load_data(bench.out)
    audit = said.run.audit_from_nothing
    measured = int((said.observations["status"] != "").sum())
    assert audit is not None
    assert (audit.sample, audit.of, audit.disagreements) == (measured, measured, ())
    assert {each.name for each in audit.tallies if each.by == "remedy"} > {"none"}
    assert f"{measured} of {measured} cells measured from nothing" in capsys.readouterr().out
    assert "saved again first" in (bench.out / "site" / "controls.html").read_text("utf-8")
    assert reporter.closed


def test_a_wrong_cell_of_a_published_run_is_found(bench, reporter, capsys, monkeypatch):
    pattern = "plain_dense/h5/old->new/none"
    bench.run(pattern)
    data = load_data(bench.out)
    cells = data.cells.assign(
        outcome=data.cells["outcome"].astype(object).replace("equivalent", "diverged")
    )
    monkeypatch.setattr(audit_work, "load_data", lambda _: replace(data, cells=cells))
    request = bench.request(store=bench.folder / "elsewhere")
    with pytest.raises(AuditDisagreement, match="1 of 1 cells"):
        audit_work.audit_published(request, bench.out, sample=1, seed=3, note=False)
    assert f"{pattern}: diverged became equivalent" in capsys.readouterr().out


def test_cells_of_other_code_are_not_in_the_sample(bench, reporter, capsys, monkeypatch):
    bench.run("plain_dense/h5/old->new/none", "fake.raise/h5/old->new/none")
    data = load_data(bench.out)
    older = data.cells["scenario"] == "fake.raise"
    cells = data.cells.assign(
        recipe=data.cells["recipe"].astype(object).mask(older, "0123456789ab")
    )
    monkeypatch.setattr(audit_work, "load_data", lambda _: replace(data, cells=cells))
    request = bench.request(store=bench.folder / "elsewhere")
    assert audit_work.audit_published(request, bench.out, sample=9, seed=3, note=False) == 0
    printed = capsys.readouterr().out
    assert "left out: 1 cells" in printed
    assert "scenario" in printed
    assert "1 of 2 cells measured from nothing" in printed


def test_an_audit_of_nothing_is_no_audit(bench, reporter):
    store = bench.folder / "unmeasured"
    with pytest.raises(SelectionError, match="nothing to audit"):
        audit_work.audit_run(bench.request(store=store), sample=5, seed=1)
    assert not (store / AUDIT_FILE).exists()
    assert reporter.closed


def test_a_bench_that_fails_closes_its_display(bench, reporter):
    request = bench.request(store=bench.folder / "unmeasured")
    with pytest.raises(SelectionError, match="are recorded"):
        bench_work.run_bench(request, cells=5, environments="*")
    assert reporter.closed


@pytest.mark.parametrize("cells", [0, -3])
def test_a_bench_of_nothing_is_refused_with_one_message(bench, cells):
    with pytest.raises(SelectionError, match=f"nothing can be timed on {cells} cells"):
        bench_work.run_bench(bench.request(), cells=cells, environments="*")
