"""What is asked on the command line, and what its exit codes say."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from runner.cli import commands, main
from runner.domain import errors
from runner.domain.request import Request


def ask(monkeypatch, *arguments):
    """Parse a command line and return the request its command would get."""
    seen: list[Request] = []

    def command(request, _):
        seen.append(request)
        return 0

    for name in ("run", "show_plan", "show_environments", "show_cell", "audit", "bench"):
        monkeypatch.setattr(commands, name, command)
    assert main.main(arguments) == 0
    return seen[0]


def test_a_plain_run_has_the_documented_defaults(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    request = ask(monkeypatch, "run")
    assert request.root == Path(main.__file__).parents[2]
    assert request.store == tmp_path / ".matrix"
    assert request.out == tmp_path / ".matrix" / "report"
    assert request.profile == "default"
    assert request.patterns == ()
    assert request.filters == {}
    assert not (request.force or request.failed)
    assert request.remedies == "auto"
    assert request.start_method == "auto"
    assert request.baseline is None


def test_every_option_reaches_the_request(monkeypatch, tmp_path):
    store = tmp_path / "kept"
    request = ask(
        monkeypatch,
        *("run", "--profile", "smoke", "--select", "a", "--select", "b/h5"),
        *("--scenario", "x,y", "--scenario", "z", "--writer", "tf2.*", "--reader", "keras3*"),
        *("--format", "h5", "--remedy", "none", "--store", str(store), "--out", str(tmp_path)),
        *("--jobs", "0", "--force", "--failed", "--remedies", "all", "--memory-mb", "500"),
        *("--start-method", "fresh", "--baseline", "cells.csv"),
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
    assert request.workers == 1
    assert request.force
    assert request.failed
    assert request.remedies == "all"
    assert request.limits.memory_mb == 500
    assert request.start_method == "fresh"
    assert request.baseline == Path("cells.csv")


@pytest.mark.parametrize("verb", ["plan", "envs", "show", "audit", "bench"])
def test_every_command_takes_a_selection_and_a_store(monkeypatch, tmp_path, verb):
    extra = ("some/cell",) if verb == "show" else ()
    request = ask(monkeypatch, verb, *extra, "--writer", "tf*", "--store", str(tmp_path))
    assert request.filters == {"writer": ("tf*",)}
    assert request.store == tmp_path
    assert not request.force


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("run", "--nonsense"),
        ("run", "--remedies", "some"),
        ("run", "--memory-mb", "much"),
        ("run", "--start-method", "thread"),
        ("show",),
    ],
)
def test_what_cannot_be_parsed_is_a_usage_error(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main.main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m runner" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help")])
def test_help_and_version(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main.main(arguments)
    assert stopped.value.code == 0
    assert capsys.readouterr().out


def fail(monkeypatch, error):
    def command(request, arguments):
        raise error

    monkeypatch.setattr(commands, "run", command)
    return main.main(["run"])


CODES = {
    errors.SelectionError: 2,
    errors.ConfigurationError: 3,
    errors.ProvisionError: 4,
    errors.NoEnvironmentError: 5,
    errors.StoreError: 6,
    errors.BusyError: 7,
    errors.ControlFailure: 10,
    errors.RegressionFound: 11,
    errors.AuditDisagreement: 12,
}


def test_every_error_has_its_own_exit_code():
    declared = {each for each in vars(errors).values() if isinstance(each, type)}
    assert set(CODES) == declared - {errors.MatrixError}
    assert len(set(CODES.values())) == len(CODES)
    assert not set(CODES.values()) & {0, 1, main.INTERRUPTED}


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.__name__)
def test_an_error_is_one_message_with_cause_and_next_step(monkeypatch, capsys, kind):
    error = kind("it broke", cause="too old", next_step="renew it")
    assert fail(monkeypatch, error) == CODES[kind]
    said = capsys.readouterr()
    assert said.err == "error: it broke\n  likely cause: too old\n  next: renew it\n"
    assert said.out == ""


def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys):
    assert fail(monkeypatch, KeyboardInterrupt()) == 130
    assert "go on" in capsys.readouterr().err


def test_a_disk_error_no_stage_foresaw_is_a_store_error(monkeypatch, capsys):
    assert fail(monkeypatch, OSError(errno.ENOSPC, "No space left on device")) == 6
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "kept" in said


def test_a_fault_of_ours_is_not_hidden(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        fail(monkeypatch, ZeroDivisionError())


@pytest.mark.parametrize(
    ("arguments", "builds"),
    [
        ((), True),
        (("--list",), False),
        (("--prune",), False),
        (("--prune", "--list"), False),
        (("--prune", "--rebuild"), True),
        (("--prune", "keras3.15"), True),
        (("--prune", "--push", "registry.example/me"), True),
    ],
)
def test_pruning_alone_builds_no_image(monkeypatch, arguments, builds):
    seen = []
    monkeypatch.setattr(commands, "work_on_images", lambda _, wish: seen.append(wish) or 0)
    assert main.main(("images", *arguments)) == 0
    assert [wish.build for wish in seen] == [builds]
    assert [wish.prune for wish in seen] == ["--prune" in arguments]
