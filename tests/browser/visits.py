"""A page in Chromium without a network, its complaints, and the barriers that axe-core finds in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Route

TIMEOUT = 60_000
"""Milliseconds that an action or an expectation may take; a busy machine is no failure."""
LOCAL = {"about", "blob", "data", "file"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK: dict[str, Any] = {"color_scheme": "dark"}


@dataclass
class Visit:
    """An open page; complaints: errors on its console, uncaught exceptions, requests that would leave the disk."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@contextmanager
def visiting(browser: Browser, page: Path | str, **options: Any) -> Iterator[Visit]:
    """Open a file, or HTML given as text, with the network off. options: those of Playwright's `new_context`."""
    context = browser.new_context(offline=True, **options)
    context.set_default_timeout(TIMEOUT)
    visit = Visit(context.new_page())

    def keep_on_disk(route: Route) -> None:
        if urlsplit(route.request.url).scheme in LOCAL:
            route.continue_()
        else:
            visit.complaints.append(f"request: {route.request.url}")
            route.abort()

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            visit.complaints.append(f"console: {message.text}")

    context.route("**/*", keep_on_disk)
    visit.page.on("console", listen)
    visit.page.on("pageerror", lambda error: visit.complaints.append(f"exception: {error}"))
    try:
        if isinstance(page, Path):
            visit.page.goto(page.resolve().as_uri())
        else:
            visit.page.set_content(page)
        yield visit
    finally:
        context.close()


def barriers(page: Page) -> list[str]:
    """Say what axe-core finds serious or critical: the rule, what it wants, where."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {rule['help']}: {node['target']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def unfold(page: Page) -> None:
    """Open all that is folded, as on a phone all sections are."""
    page.locator(".fold").evaluate_all("all => all.forEach(each => { each.open = true; })")
