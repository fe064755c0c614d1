"""Which work on images the options ask for."""

import pytest

from runner.cli import images, main


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
    monkeypatch.setattr(images, "work_on_images", lambda _, wish: seen.append(wish) or 0)
    assert main(("images", *arguments)) == 0
    assert [wish.build for wish in seen] == [builds]
    assert [wish.prune for wish in seen] == ["--prune" in arguments]
