"""Options become a request; a value out of its range is refused before anything begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli import load, main
from runner.cli.invocation import ROOT
from runner.domain.request import Request


def ask(monkeypatch, *arguments):
    """Parse a command line and return the request its command would get."""
    seen: list[Request] = []

    def callback(request, **_):
        seen.append(request)
        return 0

    monkeypatch.setattr(load(arguments[0]), "callback", callback)
    assert main(arguments) == 0
    return seen[0]


def test_a_plain_run_has_the_documented_defaults(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    request = ask(monkeypatch, "run")
    assert request.root == ROOT == Path(__file__).resolve().parents[3]
    assert request.store == tmp_path / ".matrix"
    assert request.out == tmp_path / ".matrix" / "report"
    assert request.profile == "default"
    assert request.patterns == ()
    assert request.filters == {}
    assert not (request.force or request.failed)
    assert request.wanted_remedies == "auto"
    assert request.start_method == "auto"
    assert request.baseline is None
    assert request.workers >= 1


def test_every_option_reaches_the_request(monkeypatch, tmp_path):
    store = tmp_path / "kept"
    request = ask(
        monkeypatch,
        *("run", "--profile", "smoke", "--select", "a", "--select", "b/h5"),
        *("--scenario", "x,y", "--scenario", "z", "--writer", "tf2.*", "--reader", "keras3*"),
        *("--format", "h5", "--remedy", "none", "--store", str(store), "--out", str(tmp_path)),
        *("--jobs", "3", "--force", "--failed", "--remedies", "all", "--memory-mb", "500"),
        *("--start-method", "fresh", "--baseline", "cells.csv", "--executor", "docker"),
        *("--base-image", "mine", "--build-arg", "A=1", "--ca-bundle", "ca.pem", "--keep", "old"),
        "--recorded",
    )
    assert request.profile == "smoke"
    assert request.patterns == ("a", "b/h5")
    assert request.filters == {
        "scenario": ("x,y", "z"),
        "format": ("h5",),
        "writer": ("tf2.*",),
        "reader": ("keras3*",),
        "remedy": ("none",),
    }
    assert (request.store, request.out) == (store, tmp_path)
    assert request.workers == 3
    assert request.force
    assert request.failed
    assert request.recorded
    assert request.remedies == "all"
    assert request.limits.memory_mb == 500
    assert request.start_method == "fresh"
    assert request.baseline == Path("cells.csv")
    assert request.executor == "docker"
    assert (request.base_image, request.build_args) == ("mine", ("A=1",))
    assert (request.ca_bundle, request.keep) == (Path("ca.pem"), Path("old"))


@pytest.mark.parametrize("verb", ["envs", "audit", "bench", "boundaries"])
def test_a_command_of_a_store_takes_a_selection_too(monkeypatch, tmp_path, verb):
    request = ask(monkeypatch, verb, "--writer", "tf*", "--store", str(tmp_path))
    assert request.filters == {"writer": ("tf*",)}
    assert request.store == tmp_path
    assert not request.force


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fly",), "the commands are run, plan"),
        (("run", "--nonsense"), "--nonsense"),
        (("run", "--remedies", "some"), "needed"),
        (("run", "--memory-mb", "much"), "much"),
        (("run", "--start-method", "thread"), "spawn"),
        (("show",), "CELL"),
        # Of no use to the command: taken in silence before.
        (("advise", "--remedy", "nonsense"), "--remedy"),
        (("compare", "a", "b", "--profile", "smoke"), "--profile"),
        (("update", "--store", "x"), "--store"),
        # Out of range: each measured nonsense, or ended in a traceback.
        (("run", "--memory-mb", "0"), "200<=x<=1000000"),
        (("run", "--memory-mb", "-1"), "200<=x<=1000000"),
        (("run", "--memory-mb", "1" + "0" * 23), "200<=x<=1000000"),
        (("run", "--memory-mb", "9" * 6000), "not a valid integer"),
        (("run", "--jobs", "0"), "1<=x<=1024"),
        (("audit", "--sample=-1"), "x>=1"),
        (("audit", "--sample", "0"), "x>=1"),
        (("bench", "--cells", "0"), "x>=1"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_arguments_that_make_no_sense_are_a_usage_error(arguments, said, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert "Usage: python -m runner" in told
    assert said in told
    assert told.count("error: ") == 1
    assert len(told) < 2500
    assert "Traceback" not in told
