"""A shell completes names of commands and ids of the declarations."""

import pytest
from click.shell_completion import ShellComplete

from runner.cli import COMPLETION_VARIABLE, PROGRAM, main, matrix


def complete(*words):
    shell = ShellComplete(matrix, {}, PROGRAM, COMPLETION_VARIABLE)
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("cl",), "claims"),
        (("run", "--rea"), "--reader"),
        (("run", "--reader", "keras3.1"), "keras3.15"),
        (("run", "--writer", "tf2.7,tf2."), "tf2.7,tf2.8"),
        (("run", "--scenario", "plain"), "plain_dense"),
        (("run", "--remedy", "compile"), "compile_false"),
        (("run", "--format", "k"), "keras"),
        (("plan", "--profile", "sm"), "smoke"),
        (("images", "tf-keras"), "tf-keras2.21"),
        (("advise", "--reader", "keras3.15-j"), "keras3.15-jax"),
    ],
)
def test_words_are_completed(words, found):
    got = complete(*words)
    assert found in got
    assert all(each.startswith(words[-1]) for each in got)


def test_the_line_for_a_shell_makes_a_script(monkeypatch, capsys):
    monkeypatch.setenv(COMPLETION_VARIABLE, "zsh_source")
    assert main(()) == 0
    script = capsys.readouterr().out
    assert f"{COMPLETION_VARIABLE}=zsh_complete {PROGRAM}" in script
