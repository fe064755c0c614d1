"""A real browser for the tests and the screenshots: which one, and how it is started."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update"),
)
"""Without a network, a display, or rights of its own."""
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
TRACED = ("devtools.timeline",)
TASKS = frozenset({"RunTask", "EventDispatch", "TimeStamp"})
"""Of a trace: whole tasks, and the events that a test dispatches beside them."""
VENDOR = Path(__file__).parent / "vendor"
LOOKS = ("color-contrast", "target-size", "scrollable-region-focusable", "meta-viewport")
"""The rules of axe that depend on the theme or on the width; the others see the same elements."""


class NoBrowserError(Exception):
    """There is no browser here; the message says where it was looked for."""


def find_chromium() -> str | None:
    """Return MATRIX_CHROMIUM, else what is on PATH; None for playwright's own.

    Raises:
        NoBrowserError: MATRIX_CHROMIUM names no file.
    """
    named = os.environ.get("MATRIX_CHROMIUM")
    if named:
        if not shutil.which(named):
            raise NoBrowserError(f"MATRIX_CHROMIUM={named} is not a program")
        return named
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium.

    Raises:
        NoBrowserError: none is installed.
    """
    executable = find_chromium()
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        if executable is None and not Path(own).exists():
            raise NoBrowserError(
                f"no Chromium: MATRIX_CHROMIUM is not set, none of {', '.join(NAMES)} is on PATH, "
                "and playwright has none of its own (python -m playwright install chromium)"
            )
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield browser
        browser.close()


def find_faults(page: Page, only: Sequence[str] = ()) -> list[str]:
    """Return what axe finds on a page by all its rules, WCAG 2.2's size of targets included.

    `only` names the rules that are asked instead of all.
    """
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate((VENDOR / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    # What it would preload, the pages' policy forbids.
    found = page.evaluate(
        "(only) => axe.run(document, {preload: false, resultTypes: ['violations'],"
        " ...(only.length ? {runOnly: {type: 'rule', values: only}} : {}),"
        " rules: {'target-size': {enabled: true}}})"
        ".then((found) => found.violations.map((each) => `${each.id}: ${each.help}: `"
        " + each.nodes.slice(0, 3).map((node) => node.target.join(' ') + ' '"
        " + node.html.slice(0, 120)).join(' | ')))",
        list(only),
    )
    return list(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A piece of work of a page's main thread, during which it answers to nothing."""

    begun: float
    """Milliseconds since whenever the browser's clock began."""
    name: str
    work_ms: float
    """Time the thread computed: a machine that is busy otherwise does not make it longer."""


def record_work(browser: Browser, page: Page, act: Callable[[], object]) -> list[Task]:
    """Return the tasks of a page's main thread while something is done to it.

    What the page marks with `console.timeStamp` is among them, under the words of the mark; at
    least one such mark is needed, as it tells which thread is the page's.
    """
    browser.start_tracing(page=page, categories=["disabled-by-default-devtools.timeline", *TRACED])
    act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    threads = {(each["pid"], each["tid"]) for each in events if each["name"] == "TimeStamp"}
    tasks = [
        Task(
            begun=each["ts"] / 1000,
            name=each["args"]["data"]["message"] if each["name"] == "TimeStamp" else each["name"],
            work_ms=each.get("tdur", 0) / 1000,
        )
        for each in events
        if each["name"] in TASKS and (each["pid"], each["tid"]) in threads
    ]
    return sorted(tasks, key=lambda each: each.begun)
