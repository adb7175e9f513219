"""What the search of the report page finds: each thing by words of its own, at a place that is there."""

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest
from pages import reports_of

from stages.presentation.words import LANGUAGES, read_strings
from stages.reporting import page
from stages.reporting.page import search
from stages.reporting.page.boards import columns_of, less_is_better
from stages.reporting.pictured import Pictured
from stages.reporting.vega import Bundle
from stages.training.recipe import Recipe

BUNDLE = Bundle("window.vegaEmbed = null;", "6", "6", "7", "1")
ODD = "</script><b>&\"'{{7*7}}?"


def data_of(content: str) -> Any:
    found = re.search(r'id="data">(.*?)</script>', content, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_every_place_that_is_found_is_on_the_page_with_the_column_that_it_sorts() -> None:
    content = page.render(reports_of(["best", "plain", ODD], "plain"), BUNDLE)
    ids = {unescape(each) for each in re.findall(r' id="([^"]*)"', content)}
    columns = set(re.findall(r'data-column="([^"]*)"', content))
    index = data_of(content)["search"]
    entries = [*index["questions"], *index["places"]]
    assert [each["place"] for each in entries if unquote(each["place"].partition("?")[0]) not in ids] == []
    sorts = [parse_qs(each["place"].partition("?")[2]) for each in entries if "?" in each["place"]]
    assert {each["sort"][0].removeprefix("-") for each in sorts} == columns & set(index_columns(content))
    assert {f"variant-{name}" for name in index["variants"]} <= ids
    assert all(position < len(index["variants"]) for each in index["terms"].values() for position in each)


def index_columns(content: str) -> list[str]:
    """Columns of the leaderboard that are found: all but the name."""
    return re.findall(r'data-column="([^"]+)"', content.split('id="documents"')[0])[1:]


def test_without_pictures_there_is_no_place_of_the_data_sets() -> None:
    reports = replace(reports_of(["best", "plain"], "plain"), pictured=Pictured())
    found = data_of(page.render(reports, BUNDLE))["search"]["places"]
    assert "data-sets" not in [each["place"] for each in found]


@pytest.mark.parametrize(
    "term",
    [
        *("Adam", "Adam(learning_rate=0.001)", "BatchNormalization", "EarlyStopping(patience=10)", "batch_size=32"),
        *("Dense(kernel_initializer=he_normal)", "Dense(kernel_regularizer=L2)", "L2(l2=0.01)", "split=holdout"),
        *("Dropout(rate=0.3)", "SGD(nesterov=True)", "ReduceLROnPlateau(factor=0.5)", "LogisticRegression"),
    ],
)
def test_the_recipes_are_found_by_their_classes_and_arguments(recipes: dict[str, Recipe], term: str) -> None:
    assert any(term in search.terms_of(recipe) for recipe in recipes.values())


def test_names_that_a_user_gave_to_layers_and_seeds_are_no_terms() -> None:
    layers = {"mine": {"class": "Dense", "units": 3, "kernel_regularizer": {"class": "L1", "l1": 0.1}}}
    recipe: Any = {"seed": 42, "layers": layers, "callbacks": {"best": {"class": "ModelCheckpoint"}}, "epochs": 2}
    expected = [
        "Dense",
        "Dense(units=3)",
        "Dense(kernel_regularizer=L1)",
        "L1",
        "L1(l1=0.1)",
        "ModelCheckpoint",
        "epochs=2",
    ]
    assert list(search.terms_of(recipe)) == expected


def test_no_word_stands_for_two_things() -> None:
    forms = [form for each in search.synonyms() for form in dict.fromkeys(each)]
    assert len(set(forms)) == len(forms)
    assert {"과대적합", "과적합", "overfitting"} <= set(
        next(each for each in search.synonyms() if "overfitting" in each)
    )
    assert [form for form in forms if form != form.strip().lower() or not form] == []


@pytest.mark.parametrize(
    ("column", "less"),
    [
        *(("test_accuracy", False), ("test_roc_auc", False), ("test_r2", False), ("validation_accuracy", False)),
        *(("test_log_loss", True), ("test_calibration_error", True), ("test_mae", True), ("test_rmse", True)),
        *(("parameters", True), ("epochs", True), ("multiply_adds", True), ("validation_mse", True)),
    ],
)
def test_a_column_has_the_best_first(column: str, less: bool) -> None:
    assert less_is_better(column) == less


def test_a_leaderboard_shows_few_columns_before_the_reader_chooses() -> None:
    for dataset, named in read_strings("en")["leaderboards"].items():
        columns = columns_of({key: dict.fromkeys(LANGUAGES, key) for key in named if key != "interval"})
        assert sum(each.shown for each in columns) == 7, dataset
        assert columns[-1].key == "multiply_adds"
        assert columns[-1].shown
