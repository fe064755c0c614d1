"""Every error is one message, with the exit code that docs/commands.md lists."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from runner.cli import failures, load, main
from runner.domain import errors


def fail(monkeypatch, error, *arguments):
    def callback(request, **_):
        raise error

    monkeypatch.setattr(load("run"), "callback", callback)
    return main(["run", *arguments])


CODES = {
    errors.SelectionError: 2,
    errors.ConfigurationError: 3,
    errors.ProvisionError: 4,
    errors.NoEnvironmentError: 5,
    errors.StoreError: 6,
    errors.BusyError: 7,
    errors.NotReadable: 8,
    errors.UnknownText: 9,
    errors.ControlFailure: 10,
    errors.RegressionFound: 11,
    errors.AuditDisagreement: 12,
    errors.NoSandbox: 13,
    errors.NoChain: 14,
    errors.NoReader: 15,
    errors.BuildError: 16,
    errors.CouldNotJudge: 20,
    errors.StaleAcceptance: 21,
    errors.IncompleteMatrix: 22,
    errors.PackError: 27,
    errors.NothingChanges: 23,
    errors.PartsDisagree: 24,
    errors.PartsMissing: 25,
    errors.ClusterError: 26,
}


def test_every_error_has_its_own_exit_code():
    declared = {each for each in vars(errors).values() if isinstance(each, type)}
    assert set(CODES) == declared - {errors.MatrixError}
    assert len(set(CODES.values())) == len(CODES)
    assert not set(CODES.values()) & {0, 1, failures.INTERRUPTED, failures.INTERNAL_ERROR}


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


def test_a_file_that_is_missing_is_not_called_a_full_disk(monkeypatch, capsys):
    assert fail(monkeypatch, FileNotFoundError(errno.ENOENT, "No such file", "scenarios")) == 6
    said = capsys.readouterr().err
    assert "scenarios" in said
    assert "is missing" in said
    assert "full" not in said


def test_a_fault_of_ours_is_one_message_and_its_traceback_is_kept(monkeypatch, capsys, tmp_path):
    assert fail(monkeypatch, ZeroDivisionError("by zero"), "--store", str(tmp_path)) == 70
    said = capsys.readouterr().err
    assert said.startswith("error: an error of this tool itself: ZeroDivisionError: by zero\n")
    assert "Traceback" not in said
    (kept,) = (tmp_path / "errors").iterdir()
    assert str(kept) in said
    assert "Traceback" in kept.read_text(encoding="utf-8")
    assert "ZeroDivisionError: by zero" in kept.read_text(encoding="utf-8")


def test_a_traceback_that_cannot_be_kept_is_printed(monkeypatch, capsys, tmp_path):
    assert fail(monkeypatch, ZeroDivisionError("by zero"), "--store", str(tmp_path / "none")) == 70
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "error: an error of this tool itself" in said
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("error", "code"), [(ZeroDivisionError("by zero"), 70), (errors.BusyError("busy"), 7)]
)
def test_a_traceback_is_printed_when_asked_for(monkeypatch, capsys, tmp_path, error, code):
    arguments = ("--store", str(tmp_path), "--traceback")
    assert fail(monkeypatch, error, *arguments) == code
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "error: " in said
    assert list(tmp_path.iterdir()) == []


def test_a_value_of_100_000_characters_is_not_repeated(capsys):
    long = "x" * 100_000
    for arguments in (
        ("plan", "--scenario", long),
        ("plan", "--profile", long),
        ("plan", "--select", f"{long}/h5"),
        ("run", "--memory-mb", long),
        ("run", f"--{long}"),
        (long,),
        ("show", long),
        ("show", f"{long}/h5/tf2.7->tf2.8/none"),
        ("advise", "--writer", long, "--reader", "a", "--scenario", "b", "--format", "h5"),
        ("compare", long[:4000], "b"),
    ):
        assert main(arguments) in (2, 3, 6), arguments[0][:20]
        said = capsys.readouterr().err
        assert len(said) < 8000, (arguments[0][:20], len(said))
        assert "error: " in said


def test_the_beginning_and_the_end_of_a_long_line_stay():
    text = "before " + "x" * 100_000 + " after"
    said = failures.shorten(f"short\n{text}\nshort")
    first, middle, last = said.split("\n")
    assert (first, last) == ("short", "short")
    assert len(middle) <= failures.LONGEST_LINE
    assert middle.startswith("before ")
    assert middle.endswith(" after")
    assert failures.shorten("x" * failures.LONGEST_LINE) == "x" * failures.LONGEST_LINE


def test_a_reader_that_goes_away_is_no_error():
    """Standard output is closed by `head`; nothing is said of it, whenever it is noticed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "envs", "--profile", "full"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == b""
