"""The charts, the comparison of any variants and the exploring part of the report page, as people use them."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pages import history_of, reports_of
from playwright.sync_api import Page, expect

from browser.visits import PHONE, barriers, unfold
from stages.reporting.page import render
from stages.reporting.vega import bundle

NAMES = ["best", "second", "third", "fourth", "plain"]
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
Visit = Callable[..., Page]

GROUP = "article:has(#study-dropout) .controls + .charts"
CURVES = f"{GROUP} .plot[data-drawn]"
FIGURE = f"{GROUP} figure"
LINES = f"{CURVES} .mark-line path"
COLORS = f"""count => new Set([...document.querySelectorAll("{LINES}")].map(
    line => line.getAttribute("stroke"))).size === count"""


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five variants of eight epochs, of which one is far below the others."""
    reports = reports_of(NAMES, "plain")
    histories = {}
    for place, name in enumerate(NAMES):
        history = pd.concat([history_of()] * 3, ignore_index=True)[:8]
        accuracy = 0.1 if name == "fourth" else 0.9 - 0.01 * place
        rising = [accuracy * (1 - 0.5 / (epoch + 1) ** 2) for epoch in range(8)]
        histories[name] = history.assign(epoch=range(1, 9), accuracy=rising, val_accuracy=rising)
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(replace(reports, histories=histories), bundle()), encoding="utf-8")
    return path


def first_chart(page: Page) -> str:
    """Scroll to the study's curves and name the first of their charts."""
    page.locator(f"{GROUP} .plot").first.scroll_into_view_if_needed()
    expect(page.locator(CURVES).first).to_be_visible()
    expect(page.locator(f"{CURVES} .mark-line path").nth(4)).to_be_attached()
    return f"{CURVES} >> nth=0"


def test_a_chart_is_used_with_the_mouse_and_with_the_keyboard(long: Path, visit: Visit) -> None:
    page = visit(long, **DESKTOP)
    chart = page.locator(first_chart(page))
    lines, legend = chart.locator(".mark-line path"), page.locator(".study .legend button")
    legend.first.scroll_into_view_if_needed()
    place = page.evaluate("[location.hash, scrollY]")

    # The legend toggles a line, and stays where it is.
    expect(lines).to_have_count(5)
    legend.nth(1).click()
    expect(lines).to_have_count(4)
    expect(legend.nth(1)).to_have_attribute("aria-pressed", "false")
    legend.nth(1).press("Enter")
    expect(lines).to_have_count(5)
    assert page.evaluate("[location.hash, scrollY]") == place

    # What has the focus in the legend, or is pointed at, is alone in color.
    legend.nth(2).focus()
    page.wait_for_function(COLORS, arg=2)
    page.keyboard.press("Tab")
    page.locator("#query").focus()
    page.wait_for_function(COLORS, arg=5)
    chart.scroll_into_view_if_needed()
    point = chart.locator(".mark-symbol path:not([fill=transparent])").first.bounding_box()
    assert point
    page.mouse.move(point["x"] + 3, point["y"] + 3)
    page.wait_for_function(COLORS, arg=2)
    tooltip = page.locator("#vg-tooltip-element")
    expect(tooltip).to_contain_text("accuracy")
    expect(tooltip).to_contain_text("0.")
    expect(tooltip).not_to_contain_text("undefined")
    page.mouse.move(5, 5)

    # The last half, closer: what lies far below does not squeeze the others.
    labels = chart.locator(".role-axis-label text")
    wide = [float(each) for each in labels.all_text_contents() if "." in each]
    page.get_by_role("button", name="Last half, closer").first.press("Space")
    expect(labels.get_by_text("1", exact=True)).to_have_count(0)
    close = [float(each) for each in labels.all_text_contents() if "." in each]
    assert min(wide) < 0.5
    assert min(close) > 0.8
    page.get_by_role("button", name="Last half, closer").first.click()

    # Training and validation, apart and together.
    select = page.get_by_label("Rows").first
    expect(select).to_have_value("validation")
    select.select_option("both")
    expect(lines).to_have_count(10)
    select.select_option("training")
    expect(lines).to_have_count(5)


def test_a_chart_is_zoomed_by_a_drag_and_by_keys(long: Path, visit: Visit) -> None:
    page = visit(long, **DESKTOP)
    chart = page.locator(first_chart(page))
    labels = chart.locator(".role-axis-label text")
    figure = page.locator(FIGURE).first
    whole = figure.get_by_role("button", name="Whole chart")
    chart.scroll_into_view_if_needed()
    frame = chart.locator(".background").first.bounding_box()
    assert frame
    page.mouse.move(frame["x"] + 0.6 * frame["width"], frame["y"] + 10)
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.9 * frame["width"], frame["y"] + 60, steps=4)
    page.mouse.up()
    expect(whole).to_be_enabled()
    expect(labels.get_by_text("1", exact=True)).to_have_count(0)
    whole.press("Enter")
    expect(labels.get_by_text("1", exact=True)).to_have_count(1)
    closer = figure.get_by_role("button", name="Zoom in")
    expect(closer).to_be_focused()
    closer.press("Enter")
    expect(labels.get_by_text("1", exact=True)).to_have_count(0)
    expect(labels.get_by_text("3", exact=True)).to_have_count(1)
    closer.press("ArrowRight")
    expect(labels.get_by_text("3", exact=True)).to_have_count(0)


def test_a_chart_is_saved_as_a_picture_and_as_a_table(long: Path, visit: Visit) -> None:
    page = visit(long, **DESKTOP)
    first_chart(page)
    figure = page.locator(FIGURE).first
    saved = {}
    for kind in ("PNG", "SVG", "CSV"):
        with page.expect_download() as download:
            figure.get_by_role("button", name=kind).click()
        assert download.value.suggested_filename == f"study-dropout-curves-accuracy.{kind.lower()}"
        saved[kind] = Path(download.value.path()).read_bytes()
    assert saved["PNG"].startswith(b"\x89PNG")
    assert saved["SVG"].startswith(b"<svg")
    for said in (b"fourth", b"Does dropout help?", b"seed 42"):
        assert said in saved["SVG"]
    rows = [*csv.DictReader(io.StringIO(saved["CSV"].decode()))]
    assert len(rows) == 5 * 8
    assert {"variant", "part", "epoch", "value"} <= rows[0].keys()


def test_any_variants_are_compared_by_a_link_and_by_the_form(long: Path, visit: Visit) -> None:
    page = visit(long, **DESKTOP)
    page.evaluate("location.hash = 'compare=plain,best'")
    shown = page.locator("#comparison")
    expect(page.locator("#compare")).to_be_in_viewport()
    expect(shown).to_contain_text("best against plain")
    expect(shown).to_contain_text("+1.00 points")
    expect(shown).to_contain_text("+0.50 to +1.50")
    expect(shown).to_contain_text("The recipes are the same.")
    expect(shown).to_contain_text("Right is best alone: 4")
    expect(shown.locator(".images canvas")).to_have_count(4)
    shown.locator(".charts").first.scroll_into_view_if_needed()
    expect(shown.locator(".plot .mark-line").first).to_be_visible()

    # The other way round the difference is turned around.
    page.evaluate("location.hash = 'compare=best,plain'")
    expect(shown).to_contain_text("−1.00 points")
    expect(shown).to_contain_text("−1.50 to −0.50")
    page.click("#language")
    expect(shown).to_contain_text("−1.00%p")
    page.click("#language")

    third = page.locator("#compare-form select").nth(2)
    third.focus()
    third.select_option("second")
    expect(page).to_have_url(page.url.split("#")[0] + "#compare=best,plain,second")
    expect(shown).to_contain_text("second against best")
    page.go_back()
    expect(third).to_have_value("")
    first, another = page.locator("#compare-form select").nth(0), page.locator("#compare-form select").nth(1)
    another.select_option("")
    expect(shown).to_have_text("Choose a second one.")
    expect(first).to_have_value("best")
    first.select_option("")
    expect(shown).to_be_empty()
    page.evaluate("location.hash = 'compare=best,nobody'")
    expect(shown).to_contain_text("Choose variants of one data set.")
    page.reload()
    expect(shown).to_contain_text("Choose variants of one data set.")


def test_a_cell_of_a_confusion_matrix_opens_its_images(long: Path, visit: Visit) -> None:
    page = visit(long, **DESKTOP)
    page.evaluate("location.hash = 'variant-second'")
    card = page.locator("#variant-second")
    figure = card.locator("figure:has(.cells)")
    figure.scroll_into_view_if_needed()
    figure.locator(".mark-text text").nth(1).click()
    expect(figure.locator("select.actual")).to_have_value("Sandal")
    expect(figure.locator("select.predicted")).to_have_value("Bag")
    expect(figure.locator(".shown")).to_contain_text("1 of the first 6 test rows; of all test rows: 7.")
    expect(figure.locator(".shown canvas")).to_have_count(1)
    figure.locator("select.predicted").select_option("Sandal")
    expect(figure.locator(".shown canvas")).to_have_count(2)


def test_a_dot_of_the_costs_opens_the_card_of_its_variant(long: Path, visit: Visit) -> None:
    page = visit(long, **DESKTOP)
    chart = page.locator(".explored .cost .plot")
    chart.scroll_into_view_if_needed()
    chart.locator(".mark-symbol path").first.click()
    expect(page.locator(".card[open]")).to_be_in_viewport()


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_exploring_and_comparing_have_no_barrier(long: Path, visit: Visit, options: dict[str, Any]) -> None:
    page = visit(long, **options)
    page.evaluate("location.hash = 'compare=plain,best,second'")
    expect(page.locator("#comparison .images").first).to_be_visible()
    unfold(page)
    for place in page.locator("#comparison .plot, .explored .plot").all():
        place.scroll_into_view_if_needed()
    expect(page.locator(".explored .plot:not(:has(svg))")).to_have_count(0)
    expect(page.locator(".explored .plot")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == options["viewport"]["width"]
    assert barriers(page) == []
