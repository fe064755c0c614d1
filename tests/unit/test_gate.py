"""The gate on releases of the fake Keras: real probes, and a reader that is broken on purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import release_tree
from fake_tree import HeardReporter
from release_tree import make_release_tree

from runner import pipeline
from runner.domain import Outcome, Verdict
from runner.domain.errors import SelectionError
from runner.domain.request import Request
from runner.executors import registry
from runner.gate import GateRequest, run_gate
from runner.publish.audit import read_audit
from runner.render.gate import terminal
from runner.render.gate.verdict import failures, headline

CELL = "plain_dense/h5/keras3.0->keras3.4/none"
UNWITNESSED = "fake.raise/h5/keras3.0->keras3.4/none"
PLAIN = '\nid = "plain_dense"\n'
WITNESS = 'witness = [{ formats = ["keras"], class = "Dense" }]\n'
"""Of another format than that of these cells: what the fake writes is no model file."""
FLAW = """

_PLACE = os.path.dirname(os.path.abspath(__file__))
_load_released = load_model


def load_model(path, custom_objects=None):
    if _RELEASE == "3.4":
        with contextlib.suppress(OSError):
            with open(os.path.join(_PLACE, "flaw")) as flaw:
                kind = flaw.read()
            if kind == "broken" or (kind == "chance" and _is_unlucky(path)):
                raise TypeError("a key has no name")
    return _load_released(path, custom_objects)


def _is_unlucky(path):
    # The first process that reads a file of another release is; those after it are not.
    with open(path, "rb") as artifact:
        if artifact.read().endswith(_MARK):
            return False
    with open(os.path.join(_PLACE, "reads"), "a+b") as reads:
        reads.write(b".")
        return reads.tell() == 1


def _save_marked(self, path):
    _save_released(self, path)
    if _RELEASE == "3.4":
        with open(path, "ab") as artifact:
            artifact.write(_MARK)


_MARK = b"  "
_save_released = Sequential.save
Sequential.save = _save_marked
models.load_model = load_model
"""
"""What the file `flaw` of the tree does to release 3.4."""


ACCEPTED = """
[[accepted]]
cells = "plain_dense/h5/{writer}->keras3.4/none"
outcome = "load_error"
cause = "{cause}"
reason = "{why}"
link = "https://example.org/{why}"
until = "{until}"
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, release_tree.ROW))
        root = tmp_path_factory.mktemp("gate") / "tree"
        make_release_tree(root)
        with (root / "keras.py").open("a", encoding="utf-8") as keras:
            keras.write(FLAW)
        catalog = root / "scenarios" / "catalog.toml"
        text = catalog.read_text(encoding="utf-8")
        catalog.write_text(text.replace(PLAIN, f"{PLAIN}{WITNESS}", 1), encoding="utf-8")
        yield root


@pytest.fixture
def gate(tree, tmp_path):
    """Run a gate on one cell, with a flaw of the reader."""

    def decide(flaw, *, cell=CELL, **asked):
        request = request_of(tree, tmp_path, flaw, cell)
        given = {"release_baseline": None, "baseline": None, "repeats": 2, **asked}
        wanted = GateRequest(accepted=tmp_path / "accepted.toml", subjects=("keras3.4",), **given)
        found = run_gate(request, wanted, HeardReporter())
        wrong = failures(found.decision, request.command)
        return SimpleNamespace(
            decision=found.decision,
            store=request.store,
            held=[
                next(each for each in one.cells if each.cell.id == cell)
                for one in found.decision.held
            ],
            codes=[each.exit_code for each in wrong],
            text="\n".join(
                [*terminal.lines(found.decision, "keras3.4", {}), headline(found.decision, wrong)]
            ),
        )

    yield decide
    (tree / "flaw").unlink(missing_ok=True)
    (tree / "reads").unlink(missing_ok=True)


def request_of(tree, folder, flaw, cell=CELL):
    (tree / "flaw").write_text(flaw, encoding="utf-8")
    return Request(
        root=tree,
        store=folder / "store",
        out=folder / "out",
        profile="smoke",
        patterns=(cell,),
        executor="releases",
        workers=1,
        force=True,
    )


@pytest.fixture(scope="module")
def sound(tree, tmp_path_factory):
    """A run in which the release was sound."""
    return earlier(tree, tmp_path_factory.mktemp("sound"), "")


@pytest.fixture(scope="module")
def broken(tree, tmp_path_factory):
    """A run in which it was not."""
    return earlier(tree, tmp_path_factory.mktemp("broken"), "broken")


def earlier(tree, folder, flaw):
    pipeline.run_matrix(request_of(tree, folder, flaw), HeardReporter())
    return folder / "out"


def test_a_regression_is_what_every_fresh_process_found(gate, sound):
    found = gate("broken", release_baseline=sound)

    (held,) = found.held
    assert (held.verdict, held.runs, held.agreed) == (Verdict.REGRESSION, 3, 3)
    assert found.codes == [11]
    assert "1 of 1 ran 3 times, with the same verdict" in found.text


def test_a_cell_that_differs_by_chance_is_told_with_its_rate_and_is_no_regression(gate, sound):
    found = gate("chance", release_baseline=sound)

    (held,) = found.held
    assert held.after.outcome is Outcome.LOAD_ERROR
    assert held.verdict is Verdict.NOT_JUDGED
    assert held.flaky
    assert held.reason == "flaky: load error in 1 of 3 runs, equivalent in 2 of 3 runs"
    assert found.decision.regressions == []
    assert found.codes == [20]
    assert "regressions" not in found.text
    assert "flaky: load error in 1 of 3 runs" in found.text


def test_a_target_branch_advises_and_a_release_decides(gate, sound, broken):
    worse = gate("broken", release_baseline=sound, baseline=broken)
    assert [each.verdict for each in worse.held] == [Verdict.REGRESSION, Verdict.KNOWN_FAILURE]
    assert worse.codes == [11]

    advised = gate("broken", release_baseline=broken, baseline=sound)
    assert [each.verdict for each in advised.held] == [Verdict.KNOWN_FAILURE, Verdict.REGRESSION]
    assert advised.codes == []
    assert "(advisory)" in advised.text
    assert advised.text.endswith(
        "The gate passes: 1 cells judged, none regressed. "
        "Against --baseline, which only advises, 1 regressed."
    )


def test_an_audit_gives_the_tolerance_and_the_gate_says_so(gate, sound):
    found = gate("", release_baseline=sound, audit=5)

    assert found.codes == []
    spread = found.decision.spread
    assert (spread.audit, spread.audited, spread.repeats) == (0.0, 1, None)
    assert "numbers: largest spread 0 in the last audit, of 1 cells" in found.text
    assert read_audit(found.store).sample == 1
    run = json.loads((found.store.parent / "out" / "run.json").read_text(encoding="utf-8"))
    assert run["audit"]["sample"] == 1


def test_an_audit_finds_a_flaky_cell_that_came_out_as_before(gate, broken):
    found = gate("chance", release_baseline=broken, audit=5)

    (held,) = found.held
    assert (held.after.outcome, held.runs, held.agreed) == (Outcome.LOAD_ERROR, 2, 1)
    assert held.reason == "flaky: load error in 1 of 2 runs, equivalent in 1 of 2 runs"
    assert found.codes == [20]


def test_the_run_tells_the_acceptances_in_force_and_what_they_covered(gate, sound, tmp_path):
    cause = gate("broken", release_baseline=sound).held[0].after.cause
    rows = (("keras3.0", "9.9", "meant"), ("keras3.3", "9.9", "other"), ("keras3.?", "0.1", "old"))
    (tmp_path / "accepted.toml").write_text(
        "".join(
            ACCEPTED.format(writer=writer, until=until, why=why, cause=cause)
            for writer, until, why in rows
        )
    )
    found = gate("broken", release_baseline=sound)

    (held,) = found.held
    assert held.accepted
    run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    told = [(each["reason"], each["until"], each["covered"]) for each in run["accepted"]]
    assert told == [("meant", "9.9", 1), ("other", "9.9", 0)]
    page = (tmp_path / "out" / "site" / "controls.html").read_text(encoding="utf-8")
    assert "Accepted failures" in page
    assert "https://example.org/meant" in page
    assert "https://example.org/old" not in page


def test_a_scenario_without_a_witness_fails_the_gate(gate, sound):
    found = gate("", cell=UNWITNESSED, release_baseline=sound, repeats=0)

    assert found.decision.incomplete == [
        "fake.raise declares no witness: nothing proves that its artifacts are about it"
    ]
    assert 22 in found.codes


def test_an_audit_of_what_may_not_run_is_refused(tree, tmp_path, sound):
    asked = GateRequest(
        release_baseline=sound, baseline=None, accepted=tmp_path / "none.toml", audit=3
    )
    request = replace(request_of(tree, sound.parent, ""), recorded=True, force=False)
    with pytest.raises(SelectionError, match="with --recorded nothing runs"):
        run_gate(request, asked, HeardReporter())
