"""A model that is saved again is the same model, in every environment."""

from __future__ import annotations

from pathlib import Path

from matrix_harness import ENVIRONMENTS, copy_tree, make_store, run, selection

SCENARIOS = ("plain_dense", "custom_layer_trained.corrected", "corrupted_file.weight_bit")


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


def test_two_runs_save_the_same_models(environments, tmp_path):
    tree = copy_tree(tmp_path / "repository")
    found = []
    # Alone, and among others: it does not matter what the process did before.
    for number, names in enumerate([SCENARIOS, ("l2_sequential", *reversed(SCENARIOS))]):
        store = make_store(tmp_path / f"store{number}", environments)
        chosen = selection(store, profile="integration", scenarios=names)
        # Every writer saves; that one environment reads is enough for a run.
        ended = run(tree, "run", *chosen, "--remedy", "none", "--reader", "keras3.15")
        assert ended.code == 0, ended.text
        found.append(_oracles(store))
    assert {each.parts[0] for each in found[0]} == set(ENVIRONMENTS)
    assert len(found[0]) >= len(SCENARIOS) * len(ENVIRONMENTS)
    assert [each for each in found[0] if found[0][each] != found[1].get(each)] == []
