"""Leaderboards and search of the report page, as people use them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pages import NET, leaderboard_of, reports_of, study_of
from playwright.sync_api import Locator, Page, expect

from browser.visits import DARK, PHONE, barriers
from stages.artifacts.tables import COMPARISONS, LEADERBOARD
from stages.reporting.page import render
from stages.reporting.vega import bundle

NAMES = ["best", "near", "third", "fourth", "fifth", "far"]
VALUES = [0.900, 0.893, 0.880, 0.875, 0.870, 0.100]
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
BOARD = "[aria-labelledby=leaderboard-fashion_mnist]"
STANDINGS = ["best of these rows", "may equal the best"]

Visit = Callable[..., Page]

# Left and right end of each bar that is shown and on the scale, and of its scale.
BARS = """() => [...document.querySelectorAll("td.interval:not([data-standing=left])")].filter(
    cell => cell.checkVisibility()).map(cell => {
        const [begin, width] = ["--bar", "--bar-width"].map(name => parseFloat(cell.style.getPropertyValue(name)));
        return [begin, begin + width];
    })"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six variants: the second cannot be told from the best, the last is far off."""
    reports = reports_of(NAMES, "far")
    board = leaderboard_of(NAMES).assign(
        test_accuracy=VALUES,
        test_accuracy_low=[value - 0.010 for value in VALUES],
        test_accuracy_high=[value + 0.010 for value in VALUES],
        split=["holdout"] * 3 + ["full"] * 3,
    )
    compared = reports.tables[COMPARISONS]
    compared = compared[compared["variant"].isin(["best", "third"])]
    recipes = {name: json.loads(json.dumps(NET)) for name in NAMES}
    recipes["third"]["optimizer"] = {"class": "SGD", "momentum": 0.9}
    recipes["third"]["callbacks"] = {"stop": {"class": "EarlyStopping", "patience": 7}}
    path = tmp_path_factory.mktemp("find") / "index.html"
    reports = replace(
        reports,
        tables={**reports.tables, LEADERBOARD: board, COMPARISONS: compared},
        recipes={name: json.dumps(recipe).encode() for name, recipe in recipes.items()},
        studies={"dropout": study_of(["best", "third", "far"], "far")},
    )
    path.write_text(render(reports, bundle()), encoding="utf-8")
    return path


def names(page: Page) -> Locator:
    return page.locator(f"{BOARD} tbody tr:visible th .variant")


def test_the_scale_follows_the_rows_and_words_tell_which_cannot_be_told_from_the_best(
    small: Path, visit: Visit
) -> None:
    page = visit(small, **DESKTOP)
    standing = page.locator(f"{BOARD} .standing")
    expect(standing).to_have_text([*STANDINGS, "", "", "", "off the scale"])
    bars = page.evaluate(BARS)
    assert len(bars) == 5
    assert 0 < min(begin for begin, _ in bars) < 5
    assert 95 < max(end for _, end in bars) < 100
    page.select_option(f"{BOARD} [name=split]", "full")
    expect(names(page)).to_have_text(["fourth", "fifth", "far"])
    expect(page.locator(f"{BOARD} .count")).to_have_text("3 of 6 rows")
    expect(page.locator(f"{BOARD} .standing:visible")).to_have_text(STANDINGS)
    assert len(page.evaluate(BARS)) == 3  # of three rows none is far from the others
    page.locator(f"{BOARD} thead").get_by_role("button", name="test loss").click()
    expect(page.locator(f"{BOARD} .standing:visible")).to_have_count(2)  # of the metric that ranks still


def test_the_state_is_in_the_address_and_comes_back(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    place = "#leaderboard-fashion_mnist"
    address = "decodeURIComponent(location.hash)"
    heading = page.locator(f"{BOARD} thead th", has_text="test loss")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(names(page)).to_have_text(NAMES[::-1])
    assert page.evaluate(address) == f"{place}?sort=-test_log_loss"
    page.select_option(f"{BOARD} [name=study]", "dropout")
    page.fill(f"{BOARD} [name=text]", "THI")
    expect(names(page)).to_have_text(["third"])
    assert page.evaluate(address) == f"{place}?sort=-test_log_loss&text=THI&study=dropout"
    page.click("#language")
    expect(names(page)).to_have_text(["third"])
    expect(page.locator(f"{BOARD} .count")).to_have_text("6행 중 1행")
    page.reload()
    expect(names(page)).to_have_text(["third"])
    page.go_back()  # a word that is typed is no step of its own
    expect(names(page)).to_have_text(["far", "third", "best"])
    page.select_option("[aria-labelledby=documents] [name=result]", "reproduced")
    expect(page.locator("[aria-labelledby=documents] tbody tr:visible")).to_have_count(0)
    page.go_back()
    expect(page.locator("[aria-labelledby=documents] tbody tr:visible")).to_have_count(1)
    expect(names(page)).to_have_text(["far", "third", "best"])
    for _ in range(3):
        page.go_back()
    expect(names(page)).to_have_text(NAMES)
    page.goto(f"{small.as_uri()}{place}?sort=test_accuracy&optimizer=SGD&column=validation_accuracy&split=nobodys")
    expect(names(page)).to_have_text(["third"])
    expect(page.locator(f"{BOARD} thead th:visible")).to_have_count(4)
    expect(page.locator("#leaderboard-fashion_mnist")).to_be_in_viewport()
    page.click(f"{BOARD} [type=reset]")
    expect(names(page)).to_have_text(NAMES)
    assert page.evaluate(address) == place
    expect(page.locator(f"{BOARD} thead th:visible")).to_have_count(9)


def test_rows_are_chosen_to_compare_and_saved_as_they_are_shown(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    link = page.locator(f"{BOARD} .compare")
    page.get_by_label("Compare best", exact=True).check()
    expect(link).to_be_hidden()
    page.get_by_label("Compare third").check()
    expect(link).to_have_attribute("href", "#compare=best,third")
    expect(link).to_have_text("Compare the 2 that are ticked")
    for name in ("near", "far"):
        page.get_by_label(f"Compare {name}").check()
    expect(page.get_by_label("Compare fourth")).to_be_disabled()
    page.select_option(f"{BOARD} [name=split]", "full")
    page.locator(f"{BOARD} .choice summary").click()
    for key in ("optimizer", "split", "epochs", "test_log_loss", "multiply_adds"):
        page.uncheck(f"{BOARD} [value={key}]")
    with page.expect_download() as saved:
        page.click(f"{BOARD} .save")
    table = pd.read_csv(saved.value.path())
    assert saved.value.suggested_filename == "leaderboard-fashion_mnist.csv"
    assert list(table) == ["variant", "test_accuracy", "test_accuracy_low", "test_accuracy_high", "parameters"]
    assert table["variant"].tolist() == NAMES[3:]
    assert table["parameters"].tolist() == [7880, 7890, 7900]


FOUND = [
    ("third", "variant-third", "third"),
    ("BEST", "variant-best", "best"),
    ("dropout", "study-dropout", "Does dropout help?"),
    ("드롭아웃", "study-dropout", "Does dropout help?"),
    ("patience", "variant-third", "EarlyStopping(patience=7)"),
    ("모멘텀", "variant-third", "SGD(momentum=0.9)"),
    ("momentum 0.9", "variant-third", "SGD(momentum=0.9)"),
    ("macro f1", "leaderboard-fashion_mnist", "macro F1: Fashion-MNIST"),
    ("시드", "evidence", "Evidence"),
    ("dropout vs third", "study-dropout", "Does dropout help?"),
    ("expensive or yes", "study-cost-of-determinism", "Are deterministic runs expensive?"),
]


def test_enter_goes_to_the_first_result(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    for query, place, shown in FOUND:
        page.fill("#query", query)
        expect(page.locator("#hits [role=option]").first).to_contain_text(shown)
        page.press("#query", "Enter")
        found = page.locator(f"[id={place}]")
        expect(found).to_be_in_viewport()
        assert page.evaluate("location.hash.slice(1).split('?')[0]") == place
        expect(page.locator("#hits [role=option]")).to_have_count(0)
        assert found.evaluate("place => place.contains(document.activeElement)")
    expect(page.locator("#variant-third")).to_have_attribute("open", "")
    expect(page.locator(f"{BOARD} thead th", has_text="macro F1")).to_have_attribute("aria-sort", "descending")


def test_results_are_a_list_below_the_box_for_the_keyboard(small: Path, visit: Visit) -> None:
    page = visit(small, **DESKTOP)
    box, options = page.get_by_role("combobox", name="Search", exact=False), page.locator("#hits [role=option]")
    box.fill("e")
    count = options.count()
    assert count > 3
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#found")).to_have_text(f"{count} results")
    box.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    box.press("ArrowDown")
    box.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(options.nth(1)).to_have_id(box.get_attribute("aria-activedescendant") or "")
    assert barriers(page) == []
    box.press("Escape")
    expect(options).to_have_count(0)
    expect(box).to_have_value("e")
    expect(box).to_have_attribute("aria-expanded", "false")
    box.fill("no such thing")
    expect(page.locator("#found")).to_have_text("Nothing found for “no such thing”.")
    box.press("Enter")
    assert page.evaluate("location.hash + scrollY") == "0"
    assert page.locator(".card, .study, .effects").evaluate_all("all => all.every(each => each.checkVisibility())")
    box.fill("드롭아웃은")
    page.click("#language")
    expect(options).to_have_count(0)
    page.focus("#query")
    expect(options.first).to_contain_text("드롭아웃은 도움이 됩니까?")
    options.first.click()
    expect(page.locator("#study-dropout")).to_be_in_viewport()


def test_a_phone_shows_what_ranks_and_the_search_over_the_whole_width(small: Path, visit: Visit) -> None:
    page = visit(small, **PHONE, **DARK)
    width = "document.documentElement.scrollWidth"
    page.evaluate("location.hash = 'leaderboard-fashion_mnist'")
    expect(page.locator(f"{BOARD} thead th:visible")).to_have_count(3)
    assert page.locator(f"{BOARD} .scroll").first.evaluate("table => table.scrollWidth - table.clientWidth") == 0
    page.locator(f"{BOARD} .choice summary").tap()
    page.get_by_label("optimizer", exact=True).check()
    expect(page.locator(f"{BOARD} thead th:visible")).to_have_count(4)
    assert page.evaluate(width) == PHONE["viewport"]["width"]
    page.fill("#query", "third")
    box = page.locator("#results").bounding_box()
    assert box
    assert box["x"] >= 0
    assert 300 < box["width"] <= PHONE["viewport"]["width"]
    assert page.evaluate(width) == PHONE["viewport"]["width"]
    assert barriers(page) == []
