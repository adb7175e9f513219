"""The report page as people use it: a small one, and that of the pipeline where it has been made."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pages import reports_of, without
from playwright.sync_api import Page, expect

from browser.visits import DARK, PHONE, barriers, unfold
from stages.artifacts.tables import COMPARISONS
from stages.page import PAGE
from stages.reporting.page import render
from stages.reporting.pictured import Pictured
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
# How the images, which are dark on light, are shown.
FILTERS = """() => [...new Set([...document.querySelectorAll("canvas[data-row]")].map(
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
# How far things have moved that nobody has touched.
SHIFTS = """() => new Promise(done => {
    let sum = 0;
    new PerformanceObserver(list => {
        for (const each of list.getEntries()) sum += each.hadRecentInput ? 0 : each.value;
    }).observe({type: "layout-shift", buffered: true});
    setTimeout(() => done(sum), 200);
})"""
PAINTED = """all => all.map(canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
    .data.some(value => value > 0))"""
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


def opened(page: Page) -> Page:
    """Open all that is folded, all cards and galleries, and wait for what is unpacked."""
    unfold(page)
    page.locator(".gallery").evaluate_all("all => all.forEach(each => { each.open = true; })")
    page.click("#all-cards")
    expect(page.locator("details[open] > .inside:empty")).to_have_count(0)
    page.wait_for_function("() => !!window.vegaEmbed")
    return page


def scrolled(page: Page) -> Page:
    """Show every part of the page once, all cards and galleries open."""
    opened(page).evaluate(SCROLL)
    expect(page.locator(".plot:not(:has(svg))")).to_have_count(0)
    page.wait_for_function(COMPLETE)
    return page


def test_every_chart_is_drawn_when_it_is_scrolled_to(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    expect(page.locator(".card .plot svg")).to_have_count(0)
    scrolled(page)
    assert page.locator(".plot").count() > 10
    expect(page.get_by_text("49", exact=True)).to_have_count(0)  # {{7*7}} was no template
    expect(page.locator("main b b")).to_have_count(0)


@pytest.mark.slow
def test_the_pipelines_page_draws_every_chart(real: Path, visit: Visit) -> None:
    page = visit(real, **DESKTOP)
    assert page.evaluate("document.querySelectorAll('*').length") < 20_000
    scrolled(page)
    assert real.stat().st_size <= 3_000_000


def test_every_chart_is_printed_with_what_is_open(small: Path, visit: Visit) -> None:
    page = opened(visit(small, **DESKTOP, **DARK))
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


PAGES = rb"/Type\s*/Page\b"


def test_the_answers_are_printed_alone_or_all_with_nothing_folded(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    page.locator(".study .fold > summary").first.click()
    page.evaluate("window.print = () => { window.printed = document.documentElement.dataset.print; }")
    page.click("#print-answers")
    assert page.evaluate("printed") == "answers"
    page.emulate_media(media="print")
    expect(page.locator("#study-dropout")).to_be_hidden()
    expect(page.locator(".effects").first).to_be_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("#study-dropout")).to_be_visible()
    folded = page.locator(":is(.fold, .more):not([open])")
    before = folded.count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(folded).to_have_count(0)
    expect(page.locator("#compare")).to_be_hidden()  # nothing is compared, and no card is open
    expect(page.locator("#variants")).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(folded).to_have_count(before)  # as it was


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_pipelines_answers_are_two_or_three_printed_pages(real: Path, visit: Visit, paper: str) -> None:
    page = visit(real, **DESKTOP)
    page.evaluate("document.documentElement.dataset.print = 'answers'")
    assert 2 <= len(re.findall(PAGES, page.pdf(format=paper))) <= 3


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_while_charts_are_drawn(small: Path, visit: Visit, options: dict[str, Any]) -> None:
    page = visit(small, **options)
    unfold(page)
    heading = page.locator(".study .controls").first
    near, before, after = heading.evaluate(PLACES)
    assert near > 0
    assert after == before


def test_the_language_is_switched_and_remembered(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    expect(page.locator("h1")).to_contain_text("worth")
    page.click("#language")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator("#study-dropout")).to_contain_text("드롭아웃은 도움이 됩니까?")
    expect(page.get_by_placeholder("검색", exact=True)).to_be_visible()
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
    page = opened(visit(small, **DESKTOP, **DARK))
    color = "getComputedStyle(document.body).backgroundColor"
    darkened = page.evaluate(FILTERS)
    assert page.evaluate(color) == "rgb(24, 24, 24)"
    assert "invert" in darkened[0]
    page.select_option("#theme", "light")
    assert page.evaluate(color) == "rgb(255, 255, 255)"
    page.reload()
    assert page.evaluate(color) == "rgb(255, 255, 255)"
    assert opened(page).evaluate(FILTERS) == ["none"]
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
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.reload()
    expect(card).to_have_attribute("open", "")
    expect(card).to_be_in_viewport()
    expect(card.locator(".recipe")).to_be_attached()
    # Hardly anything: the bar may be painted before all of it is read.
    assert page.evaluate(SHIFTS) < 0.001


@pytest.mark.parametrize("place", ["100%", "compare=best_100%", "variant-100%25"])
def test_an_address_that_is_not_encoded_rightly_shows_the_page(small: Path, visit: Visit, place: str) -> None:
    page = visit(small, **DESKTOP)
    page.goto("about:blank")
    page.goto(f"{small.resolve().as_uri()}#{place}")
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_bar_covers_nothing_that_a_link_leads_to(small: Path, visit: Visit, width: int) -> None:
    page = visit(small, viewport={"width": width, "height": 800}, **KOREAN)
    for place in ("study-dropout", "variant-plain", "leaderboard-fashion_mnist"):
        page.evaluate("place => { location.hash = place; }", place)
        expect(page.locator(f"#{place}")).to_be_in_viewport()
        bottom = page.locator(".bar").evaluate("bar => bar.getBoundingClientRect().bottom")
        top = page.locator(f"#{place}").evaluate("place => place.getBoundingClientRect().top")
        assert bottom <= top < bottom + 30


# How far the 0 of a scale's heading is from the line of its rows, and by how much the heading is too wide.
OFF = """() => [...document.querySelectorAll(".effects")].filter(each => each.querySelector(".scale")).map(each => {
    const middle = part => { const {left, right} = part.getBoundingClientRect(); return (left + right) / 2; };
    const scale = each.querySelector(".scale"), zero = [...scale.children].find(part => part.textContent === "0");
    const aside = middle(zero) - middle(each.querySelector(".drawn"));
    return Math.max(Math.abs(aside), scale.scrollWidth - scale.clientWidth);
})"""


@pytest.mark.parametrize("language", [{}, KOREAN], ids=["English", "Korean"])
def test_the_heading_of_a_scale_fits_it(real: Path, visit: Visit, language: dict[str, Any]) -> None:
    page = visit(real, **language)
    off = {}
    for width in (320, 390, 645, 800, 994, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        off[width] = max(page.evaluate(OFF))
    assert {width: value for width, value in off.items() if value >= 2} == {}


def test_a_word_of_the_tally_leads_to_the_first_row_of_its_kind(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    for link in page.locator(".tally a").all():
        kind = (link.get_attribute("class") or "").split()[-1]
        assert link.get_attribute("href") == f"#{page.locator(f'.row.{kind}').first.get_attribute('id')}"


def test_a_card_is_made_when_it_is_opened_in_the_language_that_is_spoken(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP, **KOREAN)
    inside = page.locator("#variant-best > .inside")
    expect(inside).to_be_empty()
    page.click("#variant-best > summary")
    expect(inside.locator("h3").first).to_have_text("질문 #")
    page.click("#language")
    expect(inside.locator("h3").first).to_have_text("Questions #")
    images = inside.locator("canvas")
    assert images.evaluate_all(PAINTED) == [True] * 12  # two worst errors, and the weights to ten classes


def test_a_card_gives_its_link_its_recipe_and_an_experiment_to_copy(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    page.click("#variant-best > summary")
    card = page.locator("#variant-best")
    for name, said in (
        ("Copy the link", f"{small.resolve().as_uri()}#variant-best"),
        ("Copy the recipe", card.locator(".recipe").text_content()),
        ("Copy an experiment", "dvc exp run -S '++variants.best.epochs=1'"),
    ):
        card.get_by_role("button", name=name).click()
        expect(card.locator("output")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == said


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_row_of_the_plot_leads_to_its_evidence(small: Path, visit: Visit, options: dict[str, Any]) -> None:
    page = visit(small, **options)
    row = page.locator(".effects a[href='#study-dropout']")
    expect(row).to_be_in_viewport()  # without scrolling
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


def test_on_a_phone_the_answers_stand_and_the_rest_is_folded_until_it_is_asked_for(small: Path, visit: Visit) -> None:
    page = visit(small, **PHONE)
    expect(page.locator(".fold[open]")).to_have_count(0)
    expect(page.locator(".study .said").first).to_be_visible()
    page.locator(".effects a[href='#study-dropout']").click()
    expect(page.locator(".fold[open]")).to_have_count(1)
    expect(page.locator("article:has(#study-dropout) .comparisons")).to_be_visible()
    bar = page.locator(".bar nav")
    expect(bar).to_be_in_viewport()  # it stays
    box = bar.bounding_box()
    assert box
    assert box["y"] + box["height"] < 64
    bar.locator("a[href='#documents']").click()
    cell = page.locator("[aria-labelledby=documents] tbody td").first
    expect(cell).to_be_in_viewport()
    expect(cell).to_have_attribute("data-label", "document")
    page.reload()
    expect(page.locator("#documents")).to_be_in_viewport()
    page.evaluate("scrollTo(0, 0)")
    page.click("#language")
    expect(cell).to_have_attribute("data-label", "문서")


def test_the_pipelines_page_is_short_on_a_phone(real: Path, visit: Visit) -> None:
    page = visit(real, **PHONE)
    assert page.evaluate("document.documentElement.scrollHeight / innerHeight") <= 25


def test_comparisons_beside_the_claim_unfold_and_have_no_barrier(tmp_path: Path, visit: Visit) -> None:
    reports = reports_of(["best", "second", "plain"], "plain")
    compared = reports.tables[COMPARISONS].assign(part=[1, 0], clean=[True, False], note="also has a bias")
    path = tmp_path / "index.html"
    path.write_text(
        render(replace(reports, tables={**reports.tables, COMPARISONS: compared}), bundle()), encoding="utf-8"
    )
    page = visit(path, **PHONE)
    page.locator(".study .fold > summary").first.click()
    rows = page.locator(".comparisons tbody tr:not(.part)")
    expect(rows.first).to_be_visible()
    expect(rows.last).to_be_hidden()
    page.locator(".study .more .more summary").click()
    expect(rows.last).to_contain_text("not clean also has a bias")
    expect(page.get_by_role("table").first.get_by_role("columnheader")).not_to_have_count(0)
    assert barriers(page) == []


# Whether each leaderboard shows all of its first row's ranked figure and interval without being scrolled.
RANKED = """() => [...document.querySelectorAll(".board[aria-labelledby^=leaderboard]")].flatMap(board =>
    [...board.querySelectorAll("tbody tr:first-child :is(td.number, td.interval)")].slice(0, 2).map(each => {
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
    unfold(page)
    assert set(page.evaluate(RANKED)) == {True}
    assert options == PHONE or page.evaluate(WIDER) == []
    page.locator(".study .more").evaluate_all("all => all.forEach(each => { each.open = true; })")
    assert page.evaluate(CUT) == []


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("language", [{}, KOREAN], ids=["English", "Korean"])
def test_every_text_of_the_pipelines_drawings_has_a_place_of_its_own(
    real: Path, visit: Visit, options: dict[str, Any], language: dict[str, Any]
) -> None:
    page = opened(visit(real, **options, **language))
    assert page.locator(".model").count() > 10
    assert page.evaluate(CROWDED) == []


def test_charts_leave_no_gaps(small: Path, visit: Visit) -> None:
    page = opened(visit(small, **DESKTOP))
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
    page = opened(visit(real, **DESKTOP))
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
    reports = replace(reports_of(["only", "plain"], "plain"), pictured=Pictured(), environment={})
    path.write_text(render(reports, bundle()), encoding="utf-8")
    page = scrolled(visit(path, **DESKTOP))
    expect(page.locator("[aria-labelledby=missing]")).to_contain_text("2 variants: no worst errors")
