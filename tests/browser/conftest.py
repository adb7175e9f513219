import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from browser.visits import TIMEOUT, Visit, visiting

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # root has none; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# Not for the whole session: while Playwright's own event loop is there, no other test of the process may run one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if executable is None:
        missing = f"no browser here: expected one of {', '.join(EXECUTABLES)} (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page: a path or HTML, and options of Playwright's `new_context`. The test fails if it complains."""
    visits: list[Visit] = []
    with ExitStack() as stack:

        def enter(page: Path | str, **options: Any) -> Page:
            visits.append(stack.enter_context(visiting(chromium, page, **options)))
            return visits[-1].page

        yield enter
    assert [complaint for each in visits for complaint in each.complaints] == []
