"""The pages of `dvc plots show` and `dvc plots diff`, from disk: of small tables, and of this repository's own."""

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from playwright.sync_api import Page

from browser.visits import DARK, PHONE, barriers
from stages.artifacts.tables import COLUMNS, COMPARISONS, write_table
from stages.comparison.changes import Change, Changes
from stages.comparison.verdicts import Verdict
from stages.documents import Study
from stages.evaluation.tables import confusion
from stages.presentation import plot_tables

ROOT = Path(__file__).resolve().parents[2]
PLOTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
TITLES = [title for plot in PLOTS for title in plot]
LOSS, ACCURACY, DIFFERENCES, RANKING, COST, CONFUSIONS = (
    path for plot in PLOTS for each in plot.values() for path in each["y"]
)
"""Paths of the tables, in the order of the titles."""
IMAGE = "reports/effects.png"
SHOW, DIFF = "plots show", "plots diff HEAD~1 workspace"
NOTHING = "Nothing differs between these revisions."

# How many panels a chart has, and how many are empty. Bands, and what is transparent or has no extent, are nothing.
PANELS = """
() => Object.fromEntries([...document.querySelectorAll('.plot:has(.chart)')].map((plot) => {
  const panels = [...plot.querySelectorAll('.role-scope[class*="cell"] > g')];
  const marks = (panel) => [...panel.querySelectorAll('.role-mark:not(.mark-area) :is(path, line)')];
  const shown = (mark) => mark.getAttribute('opacity') !== '0' && mark.getBBox().width + mark.getBBox().height > 0;
  const empty = panels.filter((panel) => !marks(panel).some(shown));
  return [plot.querySelector('h2').textContent, [panels.length, empty.length]];
}))
"""
# By title, how many times its width a chart would take of its place, and by how much it is drawn smaller than it is.
WIDTHS = """
() => Object.fromEntries([...document.querySelectorAll('.plot:has(.chart svg)')].map((plot) => {
  const [place, drawing] = [plot.querySelector('.chart'), plot.querySelector('svg.marks')];
  const scale = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
  return [plot.querySelector('h2').textContent, [place.scrollWidth / place.clientWidth, scale]];
}))
"""
# What is written over something else that is written, and what is cut short; in charts, upright.
UNREADABLE = """
() => [...document.querySelectorAll('svg.marks')].flatMap((drawing) => {
  const lines = [...drawing.querySelectorAll('text')].filter((text) => text.getAttribute('opacity') !== '0')
    .flatMap((text) => text.children.length ? [...text.children] : [text]).filter((line) => line.textContent);
  const boxes = lines.map((line) => line.getBoundingClientRect());
  const over = (one, other) => Math.min(one.right, other.right) - Math.max(one.left, other.left) > 2
    && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 4;
  const upright = lines.map((line) => !/rotate\\((?!0\\))/.test(line.closest('text').getAttribute('transform') ?? ''));
  const short = lines.filter((line) => line.textContent.includes('…')).map((line) => line.textContent);
  const written = lines.flatMap((line, number) => lines.slice(0, number)
    .filter((_, other) => upright[number] && upright[other] && over(boxes[number], boxes[other]))
    .map((other) => `${other.textContent} | ${line.textContent}`));
  return [...short, ...written];
})
"""
# Axes of the chart of differences, in which each panel has its own, on which no 0 can be read.
WITHOUT_ZERO = """
() => [...document.querySelectorAll('.plot:has(.chart svg)')]
  .filter((plot) => plot.querySelector('h2').textContent.startsWith('Differences'))
  .flatMap((plot) => [...plot.querySelectorAll('.role-axis-label')])
  .map((axis) => [...axis.querySelectorAll('text')].filter((text) => text.getAttribute('opacity') !== '0'))
  .map((labels) => labels.map((label) => label.textContent))
  .filter((labels) => labels.every((label) => /^[−0-9.]+$/.test(label)) && labels.every((label) => +label !== 0))
"""
DRAWN = "[...document.querySelectorAll('.chart')].every((chart) => chart.textContent)"


def write_tables(root: Path, better: float) -> None:
    """A study of two variants, of which the large one is by so much better, and the confusions of a third."""
    member = {"variant": "large", "expected": "better"}
    about = {"question": "Is more better?", "claim": "It is", "baseline": "small", "documents": ["A"]}
    study = Study.model_validate(about | {"parts": [{"members": [member]}]})
    titles = {"large": "many units", "small": "few units"}
    epochs = np.arange(1, 4)
    histories = {}
    for place, (name, gain) in enumerate({"small": 0.0, "large": better}.items(), start=1):
        loss = (1 - gain) / (epochs + place)
        curve = {"loss": loss, "val_loss": 1.2 * loss, "accuracy": 1 - loss, "val_accuracy": 1 - 1.2 * loss}
        histories[name] = pd.DataFrame({"seed": 42, "epoch": epochs, **curve})
    datasets, colors = {"small": "fashion_mnist", "large": "fashion_mnist"}, {"small": "#0072b2", "large": "#d55e00"}
    for metric, path in (("loss", LOSS), ("accuracy", ACCURACY)):
        table = plot_tables.learning_curves({"more": study}, histories, datasets, colors, titles, metric)
        write_table(table, root / path)
    leaderboard = pd.DataFrame(
        {
            "dataset": "fashion_mnist",
            "variant": ["large", "small"],
            "parameters": [9000, 5000],
            "multiply_adds": [8e9, 3e9],
            "diverged": 0.0,
            "validation_accuracy": [0.8 + better, 0.7],
            "test_accuracy": [0.78 + better, 0.69],
            "test_accuracy_low": [0.75 + better, 0.66],
            "test_accuracy_high": [0.81 + better, 0.72],
        }
    )
    table = plot_tables.ranking(leaderboard, {"fashion_mnist": "accuracy"}, colors, titles)
    # The run without this is the kept one.
    found: dict[str, Any] = {"before": 0.78, "low": better - 0.02, "high": better + 0.02, "verdict": Verdict.BETTER}
    changes = [Change(variant="large", keys={"epochs": (5, 3)}, metric="accuracy", **found)] if better else []
    recipes = {"large": {"epochs": 3 if better else 5}, "small": {"epochs": 5}}
    metrics = dict.fromkeys(recipes, "accuracy")
    table = plot_tables.with_changes(table, metrics, recipes, Changes(variants=changes))
    write_table(table, root / RANKING)
    write_table(plot_tables.cost(leaderboard, {"fashion_mnist": "accuracy"}, titles), root / COST)
    row: dict[str, Any] = {"study": "more", "variant": "large", "baseline": "small", "verdict": "better"}
    row |= {"expected": "better", "diverged": 0, "baseline_diverged": 0}
    rows = [
        {**row, "metric": "accuracy", "difference": 0.09 + better, "low": 0.05, "high": 0.2 + better},
        {**row, "metric": "training_loss", "difference": -0.1, "verdict": "no interval"},
    ]
    compared = pd.DataFrame(rows, columns=COLUMNS[COMPARISONS])
    write_table(plot_tables.differences(compared, {"more": study}, datasets, titles), root / DIFFERENCES)
    right = round(10 * better)
    tables = []
    for classes, names in ((("boot", "coat", "bag"), ("large", "small")), (("survived", "died"), ("operated",))):
        y = np.arange(30) % len(classes)
        for name in names:
            predicted = np.where(np.arange(30) < 20 + (right if name == "large" else 0), y, 0)
            tables.append(confusion(y, np.eye(len(classes))[predicted], classes).assign(variant=name))
    write_table(pd.concat(tables)[["variant", "actual", "predicted", "count"]], root / CONFUSIONS)
    Image.new("L", (20, 10), round(255 * better)).save(root / IMAGE)


def run(command: str, root: Path) -> None:
    done = subprocess.run(command.split(), cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def commit(root: Path, message: str) -> None:
    run("git add --all", root)
    run(f"git -c user.name=test -c user.email=test commit --quiet --message {message}", root)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two revisions of tables, without the stages that make them. The workspace is that of the second one."""
    root = tmp_path_factory.mktemp("repository")
    for path in (LOSS, CONFUSIONS):
        (root / path).parent.mkdir(parents=True)
    shutil.copytree(ROOT / ".dvc" / "plots", root / ".dvc" / "plots")
    shutil.copy(ROOT / ".dvc" / "config", root / ".dvc" / "config")
    shutil.copy(ROOT / ".dvc" / ".gitignore", root / ".dvc" / ".gitignore")
    (root / "dvc.yaml").write_text(yaml.safe_dump({"plots": [*PLOTS, IMAGE]}, sort_keys=False), encoding="utf-8")
    run("git init --quiet", root)
    for better in (0.0, 0.1):
        write_tables(root, better)
        commit(root, f"{better}")
    return root


@pytest.fixture(scope="module")
def made(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes the page of a command of DVC, once."""

    @cache
    def make(command: str) -> Path:
        out = tmp_path_factory.mktemp("page")
        run(f"dvc {command} --quiet --out {out}", repository)
        return out / "index.html"

    return make


@pytest.fixture
def drawn(visit: Callable[..., Page]) -> Callable[..., Page]:
    def open_and_wait(path: Path, **options: Any) -> Page:
        page = visit(path, **options)
        page.wait_for_function(DRAWN)
        return page

    return open_and_wait


@pytest.fixture
def diffed(drawn: Callable[..., Page], repository: Path, tmp_path: Path) -> Callable[..., Page]:
    """Opens the diff between the repository, as `change` leaves it for an older revision, and tables made anew."""

    def open_diff(change: Callable[[Path], None], better: float) -> Page:
        root = tmp_path / "repository"
        shutil.copytree(repository, root)
        change(root)
        commit(root, "older")
        write_tables(root, better)
        run(f"dvc plots diff HEAD workspace --quiet --out {tmp_path / 'out'}", root)
        return drawn(tmp_path / "out" / "index.html")

    return open_diff


def text_of(page: Page, title: str) -> str:
    return page.locator(".plot", has=page.get_by_role("heading", name=title, exact=True)).inner_text()


@pytest.mark.parametrize("command", [SHOW, DIFF], ids=["show", "diff"])
def test_every_chart_and_image_is_drawn_without_a_network(
    drawn: Callable[..., Page], made: Callable[[str], Path], command: str
) -> None:
    page = drawn(made(command))
    panels = page.evaluate(PANELS)
    assert list(panels) == TITLES
    assert {title for title, (count, empty) in panels.items() if count == 0 or empty} == set()
    assert page.get_by_role("heading", level=2).all_inner_texts() == [*TITLES, IMAGE]
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")


def test_a_diff_shows_what_differs_old_beside_new_and_nothing_else(
    drawn: Callable[..., Page], made: Callable[[str], Path]
) -> None:
    page, alone = drawn(made(DIFF)), drawn(made(SHOW))
    # What both revisions have alike, by chart: the small variant, the second comparison, the patients.
    alike = ["few units", "few units", "training loss", "few units", "few units", "operated"]
    for title, name in zip(TITLES, alike, strict=True):
        text, large = text_of(page, title), "large" if name == "operated" else "many units"
        # Dots say which is the newer, and confusions are one difference.
        revisions = () if title in TITLES[4:] else ("HEAD~1", "workspace")
        assert [word for word in (large, *revisions) if word not in text] == []
        assert name not in text
        assert name in text_of(alone, title)
    (confusions,) = page.locator(".plot", has=page.get_by_role("heading", name=TITLES[5])).all()
    assert {"+1", "−1"} <= set(confusions.locator(".mark-text.role-mark text").all_text_contents())


def test_a_diff_shows_each_curve_once(drawn: Callable[..., Page], made: Callable[[str], Path]) -> None:
    page = drawn(made(DIFF))
    assert page.evaluate(PANELS)[TITLES[0]] == [2, 0]  # of one variant, training and validation rows


def test_a_diff_begins_with_what_changed(drawn: Callable[..., Page], made: Callable[[str], Path]) -> None:
    page, alone = drawn(made(DIFF)), drawn(made(SHOW))
    said = "many units: epochs 5 → 3: accuracy +10.00 points, better"
    assert page.get_by_role("heading", level=1).inner_text() == page.title() == said
    (row,) = page.locator(".changes tbody tr").all()
    values = ["accuracy", "0.7800", "0.8800", "+10.00 points", "+8.00 to +12.00", "better"]
    assert row.locator("th, td").all_inner_texts() == ["many units", "epochs 5 → 3", *values]
    assert alone.get_by_role("heading", level=1).inner_text() == "What is each deep-learning technique worth?"
    assert alone.locator(".changes tr").count() == 0


def test_a_diff_shows_one_picture_of_the_revision_that_is_chosen(
    drawn: Callable[..., Page], made: Callable[[str], Path]
) -> None:
    page = drawn(made(DIFF))
    picture = page.locator("img")
    assert "workspace" in str(picture.get_attribute("src"))
    page.get_by_label("HEAD~1").check()
    assert "workspace" not in str(picture.get_attribute("src"))
    assert picture.get_attribute("alt") == f"{IMAGE}, HEAD~1"


def in_another_form(root: Path) -> None:
    """The tables of the workspace as an older revision may have them: other digits, colors and titles of studies."""
    for path in (root / LOSS, root / ACCURACY, root / DIFFERENCES, root / RANKING, root / COST):
        table = pd.read_csv(path)
        numbers = table.select_dtypes("float").columns
        table[numbers] *= 1 + 4e-8
        if "color" in table:
            table["color"] = table["color"].map({"#0072b2": "#123456", "#d55e00": "#654321"})
            if "study" in table:
                table["study"] += " (fashion_mnist)"
        table.to_csv(path, index=False)


def test_rounding_colors_and_titles_are_no_difference(diffed: Callable[..., Page]) -> None:
    assert diffed(in_another_form, 0.1).locator(".chart").all_inner_texts() == [NOTHING] * len(TITLES)


def test_a_variant_that_differs_has_one_color_whatever_it_had_before(diffed: Callable[..., Page]) -> None:
    def worse_and_in_another_form(root: Path) -> None:
        write_tables(root, 0.0)
        in_another_form(root)

    page = diffed(worse_and_in_another_form, 0.1)
    for title in (TITLES[0], TITLES[3]):
        assert "many units" in text_of(page, title)
        assert "few units" not in text_of(page, title)
    assert page.locator("[stroke='#d55e00']").count() > 0
    assert page.locator("[stroke='#654321'], [fill='#654321']").count() == 0


def test_a_revision_without_such_a_table_is_named(diffed: Callable[..., Page]) -> None:
    def lack_a_table_and_a_column(root: Path) -> None:
        (root / ACCURACY).unlink()
        ranking = root / RANKING
        pd.read_csv(ranking).rename(columns={"value": "figure"}).to_csv(ranking, index=False)

    page = diffed(lack_a_table_and_a_column, 0.3)
    for title in (TITLES[1], TITLES[3]):
        assert "HEAD has no table of this form" in text_of(page, title)
    assert page.locator("svg.marks").count() == len(TITLES) - 2


def test_a_diff_of_equal_tables_says_so(drawn: Callable[..., Page], made: Callable[[str], Path]) -> None:
    page = drawn(made("plots diff HEAD workspace"))
    assert page.locator(".chart").all_inner_texts() == [NOTHING] * len(TITLES)


def test_a_table_without_rows_leaves_the_other_charts(
    drawn: Callable[..., Page], repository: Path, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    shutil.copytree(repository, root)
    table = root / ACCURACY
    table.write_text(table.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    run(f"dvc plots show --quiet --out {tmp_path / 'out'}", root)
    panels = drawn(tmp_path / "out" / "index.html").evaluate(PANELS)
    assert len(panels) == len(TITLES)
    assert [title for title, (count, _) in panels.items() if count == 0] == [TITLES[1].replace(",", "")]


@pytest.mark.parametrize("options", [{}, DARK, PHONE], ids=["light", "dark", "phone"])
def test_a_diff_has_no_barrier(
    drawn: Callable[..., Page], made: Callable[[str], Path], options: dict[str, Any]
) -> None:
    page = drawn(made(DIFF), **options)
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("command", [SHOW, DIFF], ids=["show", "diff"])
def test_charts_fit_on_a_phone_and_can_be_read(
    drawn: Callable[..., Page], made: Callable[[str], Path], command: str
) -> None:
    page = drawn(made(command), **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
    widths = page.evaluate(WIDTHS)
    assert list(widths) == TITLES
    assert {title: width for title, (width, scale) in widths.items() if width > 1 or scale < 0.75} == {}
    assert page.evaluate(UNREADABLE) == []


def test_the_page_draws_the_templates_of_dvc_too(drawn: Callable[..., Page], made: Callable[[str], Path]) -> None:
    page = drawn(made(f"plots show {LOSS} -x epoch -y value --template linear"))
    assert page.locator(".mark-line.role-mark path").count() > 0


def test_the_tables_of_this_repository_are_drawn(drawn: Callable[..., Page], tmp_path: Path) -> None:
    if not (ROOT / LOSS).exists():
        pytest.skip("nothing was run here")
    run(f"dvc plots show --quiet --out {tmp_path}", ROOT)
    for options in ({}, PHONE):
        page = drawn(tmp_path / "index.html", **options)
        panels = page.evaluate(PANELS)
        assert list(panels) == TITLES
        assert {title for title, (count, empty) in panels.items() if count == 0 or empty} == set()
        assert {title for title, (width, scale) in page.evaluate(WIDTHS).items() if width > 1 or scale < 0.75} == set()
        assert page.evaluate(WITHOUT_ZERO) == []
        assert page.evaluate(UNREADABLE) == []
