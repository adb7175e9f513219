"""The report page as people use it: a small one, and that of the pipeline where it has been made."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pages import reports_of, without
from playwright.sync_api import Locator, Page, expect

from browser.visits import DARK, PHONE, barriers
from stages.artifacts.tables import COMPARISONS
from stages.page import PAGE
from stages.reporting.page import render
from stages.reporting.vega import bundle

REAL = Path(__file__).resolve().parents[2] / PAGE
NAMES = ["best", "second", "plain", "</script><b>&\"'{{7*7}}"]
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
KOREAN: dict[str, Any] = {"locale": "ko-KR"}

SCROLL = """async () => {
    for (const plot of document.querySelectorAll(".plot")) {
        plot.scrollIntoView();
        await new Promise(requestAnimationFrame);
    }
}"""
# As far as the browser goes before it prints: to the end of the event, and of the promises that wait for nothing else.
PRINT = """async () => {
    dispatchEvent(new Event("beforeprint"));
    await new Promise(done => setTimeout(done));
    const shown = [...document.querySelectorAll(".plot")].filter(plot => plot.checkVisibility());
    const missing = shown.filter(plot => !plot.querySelector("svg"));
    if (missing.length) throw new Error(`${missing.length} charts are not drawn`);
}"""
# Takes the questions, the tables and the cards out of the page, and puts some of them in again, or out.
TAKE_OUT = """() => {
    window.parts = [...document.querySelectorAll(".study, .board, .card")].map(part => [part, new Comment()]);
    for (const [part, place] of window.parts) part.replaceWith(place);
    return window.parts.length;
}"""
PUT_IN = """([first, last, into]) => {
    for (const [part, place] of window.parts.slice(first, last)) {
        if (into) place.replaceWith(part); else part.replaceWith(place);
    }
}"""
# How the drawings, which are on white, are shown.
FILTERS = """() => [...new Set([...document.querySelectorAll(".picture")].map(
    picture => getComputedStyle(picture).filter))]"""
# Texts of a drawing that leave their box or lie on another.
CROWDED = """() => [...document.querySelectorAll(".model g")].flatMap(group => {
    const box = group.querySelector("rect").getBoundingClientRect();
    const texts = [...group.querySelectorAll("text")].filter(text => text.textContent);
    const places = texts.map(text => text.getBoundingClientRect());
    return texts.filter((_, one) => places[one].left < box.left || places[one].right > box.right || places.some(
        (other, two) => two < one && other.left < places[one].right && other.right > places[one].left
            && other.top + 3 < places[one].bottom && other.bottom - 3 > places[one].top)).map(text => text.textContent);
})"""
AT_ONCE = 5
Visit = Callable[..., Page]

# A chart without a mark is an empty pair of axes: Vega names the groups of its marks so.
COMPLETE = """() => [...document.querySelectorAll(".plot")].every(plot => !plot.checkVisibility() || plot.querySelector(
    ".mark-symbol path, .mark-line path, .mark-rect path, .mark-rule line"))"""
# Where the heading lies in the window when it comes into view, and again when all charts beside it are drawn.
PLACES = """async heading => {
    heading.scrollIntoView({block: "center"});
    const place = () => Math.round(heading.getBoundingClientRect().top);
    const before = place();
    const near = [...document.querySelectorAll(".plot")].filter(plot => {
        const {top, bottom} = plot.getBoundingClientRect();
        return plot.checkVisibility() && bottom > 0 && top < innerHeight;
    });
    while (near.some(plot => !plot.querySelector("svg"))) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return [near.length, before, place()];
}"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four variants, the second of which failed."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(without(reports_of(NAMES, "plain"), "second"), bundle()), encoding="utf-8")
    return path


@pytest.fixture
def real() -> Path:
    if not REAL.exists():
        pytest.skip(f"{PAGE} has not been made")
    return REAL


def scrolled(page: Page) -> Page:
    """Show every part of the page once, all cards open."""
    page.click("#all-cards")
    page.evaluate(SCROLL)
    expect(page.locator(".plot:not(:has(svg))")).to_have_count(0)
    page.wait_for_function(COMPLETE)
    return page


def variants(page: Page, table: str) -> Locator:
    return page.locator(f"{table} tbody tr:visible th")


def test_every_chart_is_drawn_when_it_is_scrolled_to(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    expect(page.locator(".card .plot svg")).to_have_count(0)
    scrolled(page)
    assert page.locator(".plot").count() > 10
    expect(page.get_by_text("49", exact=True)).to_have_count(0)  # {{7*7}} was no template
    expect(page.locator("main b b")).to_have_count(0)


def test_the_pipelines_page_draws_every_chart(real: Path, visit: Visit) -> None:
    scrolled(visit(real, **DESKTOP))
    assert real.stat().st_size <= 10_000_000


def test_every_chart_is_printed_with_what_is_open(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP, **DARK)
    page.click("#all-cards")
    page.evaluate(PRINT)
    assert page.evaluate(COMPLETE)  # at once: a browser does not wait before it prints
    expect(page.locator(".plot text[fill='#e8e8e8']")).to_have_count(0)  # the dark page's ink
    assert page.pdf().startswith(b"%PDF")
    page.emulate_media(media="print")
    expect(page.locator("#search")).to_be_hidden()
    parting = page.locator("h2, h3, h4, h3 + p, .legend").evaluate_all(
        "all => all.map(e => getComputedStyle(e).breakAfter)"
    )
    assert set(parting) == {"avoid"}
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"
    assert page.evaluate(FILTERS) == ["none"]


def test_a_heading_sorts_its_column_both_ways(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    table = "[aria-labelledby=leaderboard-fashion_mnist]"
    heading = page.locator(f"{table} thead th", has_text="test loss")
    rows = variants(page, table)
    odd = NAMES[3]
    expect(rows).to_have_text(["best", "plain", odd])
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(rows).to_have_text(["best", "plain", odd])
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(rows).to_have_text([odd, "plain", "best"])


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_while_charts_are_drawn(small: Path, visit: Visit, options: dict[str, Any]) -> None:
    page = visit(small, **options)
    heading = page.locator("#leaderboards + .board thead th").first
    near, before, after = heading.evaluate(PLACES)
    assert near > 0
    assert after == before


def test_the_search_finds_variants_questions_and_rows(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    page.fill("#query", "BEST softmax")
    expect(page.locator(".card:visible")).to_have_count(0)
    page.fill("#query", "best flatten")
    expect(page.locator(".card:visible")).to_have_count(1)
    expect(page.locator("#found")).to_have_text("1 of 4 variants, 0 questions")
    page.fill("#query", "드롭아웃")
    expect(page.locator("#found")).to_have_text("3 of 4 variants, 1 question")
    expect(page.locator(".study:visible")).to_have_count(1)
    page.fill("#query", "no such thing")
    expect(page.locator("#nothing")).to_be_visible()


@pytest.mark.parametrize(
    ("query", "place"),
    [("plain", "variant-plain"), ("BEST", "variant-best"), ("dropout", "study-dropout"), ("flatten", "variant-best")],
)
def test_enter_goes_to_the_variant_of_that_name_or_to_the_first_hit(
    small: Path, visit: Visit, query: str, place: str
) -> None:
    page = visit(small, **DESKTOP)
    page.fill("#query", query)
    page.press("#query", "Enter")
    found = page.locator(f"#{place}")
    expect(found).to_be_in_viewport()
    expect(found.locator("summary") if "variant" in place else found).to_be_focused()
    assert page.evaluate("location.hash") == f"#{place}"
    if "variant" in place:
        expect(found).to_have_attribute("open", "")


def test_enter_goes_nowhere_if_nothing_is_found(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    for query in ("no such thing", ""):
        page.fill("#query", query)
        page.press("#query", "Enter")
    assert page.evaluate("location.hash + scrollY") == "0"


def test_a_filter_leaves_the_rows_that_it_names(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    table = "[aria-labelledby=leaderboard-fashion_mnist]"
    page.fill(f"{table} .filter-text", "pla")
    expect(variants(page, table)).to_have_text(["plain"])
    expect(page.locator(f"{table} .count")).to_have_text("1 of 3 rows")
    page.select_option("[aria-labelledby=documents] .filter-value", "reproduced")
    expect(variants(page, "[aria-labelledby=documents]")).to_have_count(0)
    page.select_option("[aria-labelledby=documents] .filter-value", "missed")
    expect(variants(page, "[aria-labelledby=documents]")).to_have_text(["best"])


def test_the_language_is_switched_and_remembered(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    expect(page.locator("h1")).to_contain_text("worth")
    page.click("#language")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator("#study-dropout")).to_contain_text("드롭아웃은 도움이 됩니까?")
    expect(page.get_by_placeholder("변형과 질문 검색")).to_be_visible()
    expect(page.get_by_role("img", name="에포크별")).not_to_have_count(0)
    page.locator("[data-chart*=differences]").first.scroll_into_view_if_needed()
    expect(page.locator("[data-chart*=differences] svg").first).to_contain_text("차이: 정확도")
    expect(page).to_have_title(page.locator("h1").inner_text())
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.click("#language")
    expect(page.locator("#study-dropout")).to_contain_text("Does dropout help?")


def test_korean_is_spoken_where_the_browser_does(small: Path, visit: Visit) -> None:
    page = scrolled(visit(small, **DESKTOP, **KOREAN))
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    shown = page.locator("[data-ko]").evaluate_all("all => all.filter(e => e.textContent !== e.dataset.ko).length")
    assert shown == 0


def test_the_colors_are_the_systems_or_those_chosen(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP, **DARK)
    color = "getComputedStyle(document.body).backgroundColor"
    darkened = page.evaluate(FILTERS)
    assert page.evaluate(color) == "rgb(24, 24, 24)"
    assert "invert" in darkened[0]
    page.select_option("#theme", "light")
    assert page.evaluate(color) == "rgb(255, 255, 255)"
    page.reload()
    assert page.evaluate(color) == "rgb(255, 255, 255)"
    assert page.evaluate(FILTERS) == ["none"]
    page.emulate_media(color_scheme="light")
    page.select_option("#theme", "dark")
    assert page.evaluate(FILTERS) == darkened


def test_a_link_to_a_variant_opens_its_card(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    page.fill("#query", "second")
    page.evaluate("location.hash = 'variant-plain'")
    card = page.locator("#variant-plain")
    expect(card).to_have_attribute("open", "")
    expect(card).to_be_in_viewport()
    page.reload()
    expect(card).to_have_attribute("open", "")
    expect(card).to_be_in_viewport()


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_row_of_the_plot_leads_to_its_evidence(small: Path, visit: Visit, options: dict[str, Any]) -> None:
    page = visit(small, **options)
    row = page.locator(".effects a[href='#study-dropout']")
    expect(row).to_be_in_viewport()  # without scrolling
    page.fill("#query", "no such thing")
    expect(page.locator(".effects:visible")).to_have_count(0)
    page.fill("#query", "")
    box = row.bounding_box()
    assert box
    assert box["height"] >= 44  # a finger's
    row.click(position={"x": box["width"] - 5, "y": box["height"] - 5})
    expect(page.locator("#study-dropout")).to_be_in_viewport()
    page.evaluate("location.hash = ''; scrollTo(0, 0)")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#study-dropout")).to_be_in_viewport()


# Texts of the plot that are wider than their place or lie on another of their row.
OVERLAID = """() => [...document.querySelectorAll(".effects .row, .effects .axis")].flatMap(row => {
    const parts = [...row.querySelectorAll("h3, .what, .size, .word, .drawn, .scale > span")];
    const places = parts.map(part => part.getBoundingClientRect());
    const beside = (one, two) => one.right <= two.left + 1 || two.right <= one.left + 1
        || one.bottom <= two.top + 1 || two.bottom <= one.top + 1;
    return parts.filter((part, at) => places.some((place, other) => other < at && !beside(place, places[at]))
        || !part.matches(".drawn") && part.scrollWidth > Math.ceil(places[at].width)).map(part => part.textContent);
})"""


@pytest.mark.parametrize("width", [360, 390, 700, 1000, 1280])
@pytest.mark.parametrize("language", [{}, KOREAN], ids=["English", "Korean"])
def test_nothing_in_the_pipelines_plot_lies_on_another(
    real: Path, visit: Visit, width: int, language: dict[str, Any]
) -> None:
    page = visit(real, viewport={"width": width, "height": 900}, **language)
    assert page.evaluate(OVERLAID) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_keyboard_is_enough(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.focus("#query")
    page.keyboard.type("best")
    page.keyboard.press("Tab")
    expect(page.locator("#language")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    summary = page.locator("#variant-best > summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#variant-best")).to_have_attribute("open", "")
    heading = page.locator("[aria-labelledby=documents] thead th").first
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")


@pytest.mark.parametrize("options", [{}, KOREAN], ids=["English", "Korean"])
def test_a_phone_does_not_scroll_sideways(small: Path, visit: Visit, options: dict[str, Any]) -> None:
    page = scrolled(visit(small, **PHONE, **options))
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]


def test_comparisons_beside_the_claim_unfold_and_have_no_barrier(tmp_path: Path, visit: Visit) -> None:
    reports = reports_of(["best", "second", "plain"], "plain")
    compared = reports.tables[COMPARISONS].assign(part=[1, 0], clean=[True, False], note="also has a bias")
    path = tmp_path / "index.html"
    path.write_text(
        render(replace(reports, tables={**reports.tables, COMPARISONS: compared}), bundle()), encoding="utf-8"
    )
    page = visit(path, **PHONE)
    rows = page.locator(".comparisons tbody tr:not(.part)")
    expect(rows.first).to_be_visible()
    expect(rows.last).to_be_hidden()
    page.locator(".study .more summary").click()
    expect(rows.last).to_contain_text("not clean also has a bias")
    expect(page.get_by_role("table").first.get_by_role("columnheader")).not_to_have_count(0)
    assert barriers(page) == []


# Whether each leaderboard shows all of its first row's ranked figure and interval without being scrolled.
RANKED = """() => [...document.querySelectorAll(".board[aria-labelledby^=leaderboard]")].flatMap(board =>
    [...board.querySelectorAll("tbody tr:first-child td.number")].slice(0, 2).map(each => {
        const cell = each.getBoundingClientRect();
        return cell.left >= 0 && cell.right <= innerWidth;
    }))"""
WIDER = """() => [...document.querySelectorAll(".board .scroll")].filter(
    table => table.scrollWidth > table.clientWidth).map(table => table.ariaLabel)"""
CUT = """() => [...document.querySelectorAll(".scroll:has(.comparisons)")].filter(
    each => each.checkVisibility() && each.scrollWidth > each.clientWidth).map(each => each.ariaLabel)"""
GAPS = """() => [...document.querySelectorAll(".charts")].filter(charts => charts.checkVisibility()).flatMap(charts => {
    const right = charts.getBoundingClientRect().right;
    const rows = Map.groupBy(charts.children, chart => Math.round(chart.getBoundingClientRect().top));
    return [...rows.values()].map(row => Math.round(right - row.at(-1).getBoundingClientRect().right));
})"""


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("language", [{}, KOREAN], ids=["English", "Korean"])
def test_the_pipelines_leaderboards_and_comparisons_are_read_without_scrolling_sideways(
    real: Path, visit: Visit, options: dict[str, Any], language: dict[str, Any]
) -> None:
    page = visit(real, **options, **language)
    assert set(page.evaluate(RANKED)) == {True}
    assert options == PHONE or page.evaluate(WIDER) == []
    page.locator(".study .more").evaluate_all("all => all.forEach(each => { each.open = true; })")
    assert page.evaluate(CUT) == []


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("language", [{}, KOREAN], ids=["English", "Korean"])
def test_every_text_of_the_pipelines_drawings_has_a_place_of_its_own(
    real: Path, visit: Visit, options: dict[str, Any], language: dict[str, Any]
) -> None:
    page = visit(real, **options, **language)
    page.click("#all-cards")
    assert page.locator(".model").count() > 10
    assert page.evaluate(CROWDED) == []


def test_charts_leave_no_gaps(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    page.click("#all-cards")
    for width in (390, 800, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        gaps = page.evaluate(GAPS)
        assert len(gaps) > 2
        assert set(gaps) == {0}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="English, light"),
        pytest.param(KOREAN | DARK, id="Korean, dark"),
        pytest.param(DARK, id="English, dark", marks=pytest.mark.slow),
        pytest.param(KOREAN, id="Korean, light", marks=pytest.mark.slow),
    ],
)
def test_the_page_has_no_barrier(small: Path, visit: Visit, options: dict[str, Any]) -> None:
    assert barriers(scrolled(visit(small, **DESKTOP, **options))) == []


# At once, axe-core takes more than ten minutes for them. What charts look like inside, it is asked of the small page.
@pytest.mark.slow
def test_no_part_of_the_pipelines_page_has_a_barrier(real: Path, visit: Visit) -> None:
    page = visit(real, **DESKTOP)
    page.click("#all-cards")
    count = page.evaluate(TAKE_OUT)
    assert count > 90
    found = barriers(page)
    for first in range(0, count, AT_ONCE):
        page.evaluate(PUT_IN, [first, first + AT_ONCE, True])
        found += barriers(page)
        page.evaluate(PUT_IN, [first, first + AT_ONCE, False])
    assert found == []


@pytest.mark.slow
def test_the_pipelines_page_has_no_barrier_on_a_phone(real: Path, visit: Visit) -> None:
    page = visit(real, **PHONE)
    page.evaluate("location.hash = 'variant-dropout_30'")
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]


def test_a_study_of_one_variant_and_no_picture_opens(tmp_path: Path, visit: Visit) -> None:
    path = tmp_path / "index.html"
    reports = replace(reports_of(["only", "plain"], "plain"), pictures={}, environment={})
    path.write_text(render(reports, bundle()), encoding="utf-8")
    page = scrolled(visit(path, **DESKTOP))
    expect(page.locator("[aria-labelledby=missing]")).to_contain_text("2 variants: no picture of the worst errors")
