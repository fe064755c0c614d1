"""What a job's process makes of errors, warnings and output."""

from __future__ import annotations

import os
import warnings

import pytest

from runner.probe.answer import MESSAGE_CHARACTERS, TRACEBACK_CHARACTERS
from runner.probe.child import (
    OUTPUT_CHARACTERS,
    _means_out_of_memory,
    clean_text,
    describe_error,
    describe_warnings,
    read_output,
    signal_name,
)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            "Unable to open file (file read failed: time = Sun Nov  1 07:01:21 2026\n, errno = 21)",
            "Unable to open file (file read failed: time = ..., errno = 21)",
        ),
        (
            'File "/home/me/.matrix/environments/tf2.7-ab/lib/python3.9/site-packages/keras/a.py"',
            'File "site-packages/keras/a.py"',
        ),
        ('File "/usr/lib/python3.12/json/decoder.py"', 'File "lib/python3.12/json/decoder.py"'),
        ('File "/srv/matrix/scenarios/plain_dense.py"', 'File "scenarios/plain_dense.py"'),
        ("<keras.Layer object at 0x7f3a12bc9d10>", "<keras.Layer object at 0x...>"),
        ("0xff", "0xff"),
        ("2024-01-02 03:04:05.678901: E tensorflow/core", "E tensorflow/core"),
        ("W0102 03:04:05.678901 1234 deprecation.py", "deprecation.py"),
        ("nothing to clean", "nothing to clean"),
    ],
)
def test_what_differs_between_machines_is_taken_out(text, clean):
    assert clean_text(text) == clean


def test_the_job_s_folder_is_taken_out():
    folder = "/tmp/matrix-batch-x/probe-y/job-z"
    text = f"cannot open {folder}/payload/model.h5 in {folder}"
    assert clean_text(text, folder) == "cannot open payload/model.h5 in ."


def _caught(error):
    try:
        raise error
    except Exception as caught:  # noqa: BLE001 - any error is described
        return caught


def test_an_error_is_described_by_type_message_and_traceback():
    found = describe_error(_caught(ValueError("no /tmp/job-1/model.h5")), "/tmp/job-1")
    assert found["exception"] == "ValueError"
    assert found["message"] == "no model.h5"
    assert found["traceback"].startswith("Traceback (most recent call last)")
    assert found["traceback"].endswith("ValueError: no model.h5\n")
    assert set(found) == {"exception", "message", "traceback"}


def test_a_type_is_named_with_its_module_unless_it_is_builtin():
    class Local(Exception):
        pass

    Local.__module__ = "keras.errors"
    assert describe_error(_caught(Local()))["exception"] == "keras.errors.Local"
    Local.__module__ = "__main__"
    assert describe_error(_caught(Local()))["exception"] == "Local"


def test_endless_texts_are_cut_where_they_say_least():
    found = describe_error(_caught(ValueError("begin " + "x" * 50_000)))
    assert len(found["message"]) == MESSAGE_CHARACTERS
    assert found["message"].startswith("begin ")
    assert len(found["traceback"]) <= TRACEBACK_CHARACTERS


def test_each_warning_is_told_once_and_not_without_end():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(60):
            warnings.warn(f"warning {number // 2}", UserWarning, stacklevel=1)
    found = describe_warnings(caught)
    assert found[:2] == ["UserWarning: warning 0", "UserWarning: warning 1"]
    assert len(found) == 20


def test_the_end_of_the_output_is_kept_whatever_bytes_it_has(tmp_path):
    path = tmp_path / "output"
    path.write_bytes(b"x" * 1_000_000 + b"\xff\xfe the\r\nend\r")
    with path.open("rb") as output:
        found = read_output(output.fileno())
    assert len(found) == OUTPUT_CHARACTERS
    assert found.endswith(" the\nend\n")


@pytest.mark.parametrize(
    ("number", "name"), [(11, "SIGSEGV"), (6, "SIGABRT"), (9, "SIGKILL"), (4711, "signal 4711")]
)
def test_signals_are_named(number, name):
    assert signal_name(number) == name


@pytest.mark.parametrize(
    ("exception", "message", "status", "means"),
    [
        ("MemoryError", "", "raised", True),
        ("numpy.core._exceptions.MemoryError", "Unable to allocate", "raised", True),
        ("tensorflow.python.framework.errors_impl.ResourceExhaustedError", "", "raised", True),
        ("RuntimeError", "std::bad_alloc", "raised", True),
        ("RuntimeError", "bad shape", "raised", False),
        ("MemoryError", "", "harness_error", False),
    ],
)
def test_an_allocation_that_was_refused_is_out_of_memory(exception, message, status, means):
    observation = {"status": status, "exception": exception, "message": message}
    assert _means_out_of_memory(observation) is means


def test_numpy_s_own_memory_error_counts():
    import numpy as np

    child = os.fork()
    if child == 0:  # a limit of this process' own memory cannot be lifted again
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
        try:
            np.ones(2**40)
        except MemoryError as error:
            observation = {"status": "raised", **describe_error(error)}
            os._exit(0 if _means_out_of_memory(observation) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_traceback_is_that_of_python_without_marks_under_its_lines():
    def fail():
        return str({}["a"]["b"]) + str(1)

    try:
        try:
            fail()
        except KeyError as error:
            raise ValueError("no " + "model") from error
    except ValueError as error:
        found = describe_error(error)["traceback"]
    assert 'return str({}["a"]["b"]) + str(1)' in found
    assert "The above exception was the direct cause" in found
    assert found.endswith("ValueError: no model\n")
    assert "^" not in found
    assert "~" not in found
