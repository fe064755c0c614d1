"""Command lines of messages work where the tool is."""

from runner.cli.invocation import fit_commands


def test_an_installed_tool_names_itself_instead_of_sessions():
    text = "next: nox -s matrix -- --force\n`nox -s causes`, nox -s show -- 'a/h5/b->c/none'"

    assert fit_commands(text, clone=True) == text
    assert fit_commands(text, clone=False) == (
        "next: keras-matrix run --force\n`keras-matrix causes`, keras-matrix show 'a/h5/b->c/none'"
    )


def test_a_clone_names_its_sessions():
    assert fit_commands("nox -s plan") == "nox -s plan"
