from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser.visits import barriers, visiting

HTML = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>{}</main></html>'
GOOD = HTML.format('<img alt="a dot" src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=">')


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('<img alt="" src="https://example.org/picture.png">', "request: https://example.org/picture.png"),
        ("<script>console.error('lost')</script>", "console: lost"),
        ("<script>nothing.at.all</script>", "exception: nothing is not defined"),
        ('<img alt="" src="missing.png">', "console: Failed to load resource: net::ERR_FILE_NOT_FOUND"),
    ],
)
def test_what_goes_wrong_in_a_page_is_heard(chromium: Browser, tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(HTML.format(content), encoding="utf-8")
    with visiting(chromium, file) as visit:
        visit.page.wait_for_load_state()
        assert complaint in visit.complaints


def test_a_good_page_is_silent_and_has_no_barrier(chromium: Browser) -> None:
    with visiting(chromium, GOOD) as visit:
        assert barriers(visit.page) == []
        assert visit.complaints == []


def test_a_picture_without_a_text_is_a_barrier(chromium: Browser) -> None:
    with visiting(chromium, GOOD.replace('alt="a dot"', "")) as visit:
        (found,) = barriers(visit.page)
        assert found.startswith("image-alt")
