"""The release that a gate decides on: the version of what is under test, by any package's name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from runner.declare.builds import declare_builds
from runner.declare.environments import read_environments
from runner.gate import GateRequest, _release

ROOT = Path(__file__).resolve().parents[2]


def test_a_nightly_build_says_its_release():
    declared = read_environments(ROOT / "containers" / "environments.toml")
    (nightly,) = declare_builds(("keras-nightly",), "", declared)
    built = SimpleNamespace(resolved={"keras-nightly": "3.16.0.dev2026102704", "numpy": "2.4.1"})
    run = SimpleNamespace(
        declared=SimpleNamespace(environments=[nightly]),
        built=SimpleNamespace(available={nightly.id: built}),
    )
    gate = GateRequest(release_baseline=None, baseline=None, accepted=Path("accepted.toml"))

    assert _release(run, gate, [nightly.id]) == (
        "3.16.0.dev2026102704",
        f"keras-nightly in {nightly.id}",
    )
