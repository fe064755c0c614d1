"""Real files, written by the environments that name them, and a few made here."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from runner.inspect import Description, describe_here

DATA = Path(__file__).parent / "data" / "inspect"
SHARED = Path("/work/shared/files")
"""Public files that are never committed; tests say so where they are not there."""
SAMPLES = tuple(sorted(path.name for path in DATA.iterdir()))


def sample(name: str) -> Description:
    return describe_here(DATA / name)


def copied(name: str, folder: Path) -> Path:
    """Copy a file or a folder to where it may be damaged."""
    source, target = DATA / name, folder / name
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    return target


def rezipped(folder: Path, rename, *, compress=zipfile.ZIP_STORED) -> Path:
    """Return tf2.15's archive with other member names."""
    path = folder / "renamed.keras"
    with (
        zipfile.ZipFile(DATA / "tf2.15_compiled.keras") as old,
        zipfile.ZipFile(path, "w", compress) as new,
    ):
        for info in old.infolist():
            new.writestr(rename(info.filename), old.read(info))
    return path


def read(description: Description, about: str) -> str:
    """Return what the file says of its writer."""
    return next((each.value for each in description.writer if each.about == about), "")


def held(description: Description) -> dict[str, str]:
    return {each.about: each.value for each in description.held}


def counts(description: Description) -> dict[str, int]:
    return {each.class_name: each.count for each in description.layers}
