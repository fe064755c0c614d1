"""A model that is saved again is the same model, in every environment."""

from __future__ import annotations

from pathlib import Path

from matrix_harness import ENVIRONMENTS, SCENARIOS, make_store, run, selection


def _oracles(store: Path) -> dict[Path, tuple[bytes, bytes]]:
    """Return the oracles of a store by writer, scenario and format."""
    artifacts = store / "artifacts"
    return {
        each.parent.relative_to(artifacts): (
            (each.parent / "oracle.json").read_bytes(),
            each.read_bytes(),
        )
        for each in sorted(artifacts.glob("*/*/*/oracle.npz"))
    }


def test_a_second_run_saves_the_same_models(matrix, tree, environments, tmp_path):
    # In another order and without one: it does not matter what the process did before.
    again = make_store(tmp_path / "store", environments)
    chosen = selection(again, profile="integration", scenarios=tuple(reversed(SCENARIOS[1:])))
    # Every writer saves; that one environment reads is enough for a run.
    ended = run(tree, "run", *chosen, "--remedy", "none", "--reader", "keras3.15")
    assert ended.code == 0, ended.text
    before, after = _oracles(matrix.store), _oracles(again)
    assert {each.parts[0] for each in after} == set(ENVIRONMENTS)
    assert len(after) >= len(SCENARIOS[1:]) * len(ENVIRONMENTS)
    assert [each for each in after if after[each] != before.get(each)] == []
