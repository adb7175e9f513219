"""The report page as text; `tests/browser/test_page.py` opens it."""

import json
import re
from collections import ChainMap
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pages import catalogue_of, history_of, reports_of, study_of, without
from ruamel.yaml import YAML

from stages import page as stage
from stages import readme
from stages.artifacts import TRAINED_RECIPE
from stages.artifacts.tables import (
    ANSWERS,
    COLUMNS,
    COMPARISONS,
    ENVIRONMENT,
    LEADERBOARD,
    METRICS,
    PUBLISHED,
    TRAININGS,
)
from stages.datasets.spec import spec_of
from stages.documents import read_studies
from stages.params.overrides import recipes
from stages.params.schema import Params, parse_params
from stages.presentation import determinism, kept
from stages.presentation.formats import cell, leaderboard_columns
from stages.presentation.words import LANGUAGES, read_strings, text
from stages.reporting import page
from stages.reporting.page import answers, boards, cards, charts
from stages.reporting.page.reports import Reports
from stages.reporting.vega import Bundle

BUNDLE = Bundle("window.vegaEmbed = null;", "6", "6", "7", "1")
NAMES = ["best", "second", "plain"]
ODD = "</script><b>&\"'{{7*7}}"


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text beside."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.found if (value := attributes.get(name))]


def missing(content: str) -> str:
    found = re.search(r'<section aria-labelledby="missing">(.*?)</section>', content, re.DOTALL)
    return found[1] if found else ""


def test_a_complete_run_misses_nothing() -> None:
    content = page.render(reports_of(NAMES, "plain"), BUNDLE)
    assert missing(content) == ""
    assert not re.search(r"\bnan\b|\bNone\b|undefined", content.split("<script", 1)[0])


def test_the_page_is_made_twice_with_the_same_bytes() -> None:
    assert page.render(reports_of(NAMES, "plain"), BUNDLE) == page.render(reports_of(NAMES, "plain"), BUNDLE)


def test_every_link_inside_the_page_has_its_place() -> None:
    elements = Elements(page.render(reports_of(NAMES, "plain"), BUNDLE))
    places = elements.values("id")
    assert len(places) == len(set(places))
    assert [link for link in elements.values("href") if link.removeprefix("#") not in places] == []


def test_the_page_names_no_other_place() -> None:
    elements = Elements(page.render(reports_of(NAMES, "plain"), BUNDLE))
    assert all(value.startswith(("#", "data:")) for name in ("href", "src") for value in elements.values(name))


def test_names_are_escaped_and_end_no_script() -> None:
    content = page.render(reports_of([*NAMES, ODD], "plain"), BUNDLE)
    plain = page.render(reports_of(NAMES, "plain"), BUNDLE)
    elements, before = Elements(content), Elements(plain)
    assert content.count("</script>") == plain.count("</script>")
    assert sum(tag == "b" for tag, _ in elements.found) == sum(tag == "b" for tag, _ in before.found) + 1
    assert f"variant-{ODD}" in elements.values("id")
    assert ODD in "".join(elements.words)


def test_a_script_that_would_end_its_element_is_refused() -> None:
    with pytest.raises(ValueError, match="</script"):
        page.script("'</SCRIPT>'")


def test_a_variant_whose_training_failed_has_a_card_that_says_so() -> None:
    content = page.render(without(reports_of(NAMES, "plain"), "second"), BUNDLE)
    assert 'id="variant-second"' in content
    said = missing(content)
    for key in ("no_model", "no_row", "no_history"):
        assert text("page", key, variant="second", path=LEADERBOARD)["en"] in said
    assert text("page", "no_drawing", count=1)["en"] in said


def test_a_study_of_one_variant_that_was_not_compared_says_why() -> None:
    reports = reports_of(["only", "plain"], "plain")
    unmeasured: dict[str, Any] = {
        "difference": np.nan,
        "low": np.nan,
        "high": np.nan,
        "verdict": "not measured",
        "note": "no rows",
    }
    tables = {**reports.tables, COMPARISONS: reports.tables[COMPARISONS].assign(**unmeasured)}
    content = page.render(replace(reports, tables=tables), BUNDLE)
    assert "only was not compared (no rows)" in missing(content)


def test_an_infinite_interval_is_no_number_on_the_page() -> None:
    reports = reports_of(NAMES, "plain")
    unlimited: dict[str, Any] = {"low": -np.inf, "high": np.inf, "verdict": "no interval"}
    tables = {**reports.tables, COMPARISONS: reports.tables[COMPARISONS].assign(**unlimited)}
    content = page.render(replace(reports, tables=tables), BUNDLE)
    assert "Infinity" not in content
    assert "no interval" in content


@pytest.mark.parametrize("column", ["test_log_loss", "test_accuracy", "test_accuracy_low"])
def test_a_metric_that_is_not_there_is_named(column: str) -> None:
    reports = reports_of(NAMES, "plain")
    tables = {**reports.tables, LEADERBOARD: reports.tables[LEADERBOARD].drop(columns=column)}
    said = missing(page.render(replace(reports, tables=tables), BUNDLE))
    assert ("best: no" in said) == (column != "test_accuracy_low")


def test_of_nothing_but_parameters_there_is_a_page_too() -> None:
    reports = reports_of(NAMES, "plain")
    nothing: dict[str, Any] = {name: {} for name in ("recipes", "summaries", "histories", "environment", "pictures")}
    nothing["tables"] = {path: pd.DataFrame(columns=stage.COLUMNS[path]) for path in reports.tables}
    nothing |= {each: getattr(reports, each)[:0] for each in ("confusion", "classes")}
    said = missing(page.render(replace(reports, **nothing), BUNDLE))
    assert text("page", "no_environment", path=ENVIRONMENT)["en"] in said
    assert "Does dropout help?: no answer" in said


def test_of_several_trainings_the_mean_goes_as_far_as_all_of_them() -> None:
    history = pd.concat([history_of(), history_of(0.2)[:2].assign(seed=43)])
    loss = charts.curves_of(history)["loss"]["validation"]
    assert loss == {"mean": [1.0, 0.6, None], "low": [0.9, 0.5, 0.4], "high": [1.1, 0.7, 0.4]}


def test_what_lies_far_off_does_not_squeeze_the_others() -> None:
    values = [0.90, 0.89, 0.88, 0.87, 0.10]
    rows = pd.DataFrame({"m": values, "m_low": [v - 0.01 for v in values], "m_high": [v + 0.01 for v in values]})
    *near, far = boards.bars_of(rows, "m")[1]
    assert far == boards.Bar(off="left")
    places = [bar.middle for bar in near if bar and not bar.off]
    assert len(places) == 4
    assert places[0] > 70
    assert places[3] < 30


def tables_with(seeds: list[int]) -> dict[Path, pd.DataFrame]:
    reports = reports_of(NAMES, "plain")
    trainings = [reports.tables[TRAININGS].assign(seed=seed, test_accuracy=0.9) for seed in seeds]
    return {**reports.tables, TRAININGS: pd.concat(trainings)}


def keep(tables: dict[Path, pd.DataFrame], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    kept.SEVERAL_SEEDS.mkdir(parents=True)
    for path in kept.COMPARED:
        tables[path].to_csv(kept.kept(path), index=False)


def test_what_several_seeds_say_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    several = tables_with([42, 43])
    keep({**several, ANSWERS: several[ANSWERS].assign(answer="confirmed")}, tmp_path, monkeypatch)
    found, notes = stage.read_several_seeds(tables_with([42]))
    assert notes == []
    content = page.render(replace(reports_of(NAMES, "plain"), several=found), BUNDLE)
    assert '<span class="badge confirmed">' in content
    assert "2 seeds, 42 to 43" in content


def test_several_seeds_of_other_trainings_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tables_with([42, 43]), tmp_path, monkeypatch)
    one = tables_with([42])
    one[TRAININGS]["test_accuracy"] = 0.8
    assert stage.read_several_seeds(one) == (None, [text("page", "stale_several_seeds")])
    one[ANSWERS] = one[ANSWERS].iloc[:0]  # of a project of its own that asks nothing yet
    assert stage.read_several_seeds(one) == (None, [text("page", "stale_several_seeds")])


def test_without_several_seeds_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert stage.read_several_seeds(tables_with([42])) == (None, [text("page", "no_several_seeds")])
    assert stage.read_several_seeds(tables_with([42, 43])) == (None, [])


def test_thousands_are_apart_everywhere() -> None:
    assert (cell(79510.0), cell(1234.5), cell(float("nan")), cell(0.25)) == ("79,510", "1,234.5000", "", "0.2500")


def card_of(content: str, name: str) -> str:
    """The text of a card, in English."""
    return re.sub(r"<[^>]+>|\s+", " ", content.split(f'id="variant-{name}"')[1].split("</details>")[0])


def with_recipe(reports: Reports, name: str, **changes: Any) -> Reports:
    recipe = json.loads(reports.recipes[name]) | changes
    return replace(reports, recipes={**reports.recipes, name: json.dumps(recipe).encode()})


BEST = {"class": "ModelCheckpoint", "monitor": "val_loss", "save_best_only": True}
RESTORED = {"class": "EarlyStopping", "restore_best_weights": True}


@pytest.mark.parametrize(
    ("callbacks", "said"),
    [
        ({}, "from the last epoch"),
        ({"stop": {"class": "EarlyStopping", "monitor": "val_loss", "patience": 2}}, "from the last epoch"),
        ({"best": BEST}, "from epoch 2 of 3, which has the lowest validation loss (ModelCheckpoint)"),
        ({"stop": RESTORED}, "the lowest validation loss (EarlyStopping)"),
        ({"stop": RESTORED | {"min_delta": 0.1}}, "from the best epoch by validation loss (EarlyStopping)"),
        ({"best": BEST | {"monitor": "val_accuracy"}}, "the best epoch by validation accuracy"),
    ],
)
def test_a_card_says_of_which_epoch_the_measured_weights_are(callbacks: dict[str, Any], said: str) -> None:
    reports = with_recipe(reports_of(NAMES, "plain"), "best", callbacks=callbacks)
    turned = history_of().assign(val_loss=[0.9, 0.4, 0.6])
    reports = replace(reports, histories={**reports.histories, "best": turned})
    assert said in card_of(page.render(reports, BUNDLE), "best")


def columns_of(params: Params, name: str) -> list[str]:
    variant = params.variants[name]
    left_out = params.datasets[variant.dataset].splits[variant.split].columns_left_out
    return [each for each in spec_of(variant.dataset).feature_names if each not in left_out]


@pytest.mark.parametrize("overrides", [{}, {"dropout": 0.25, "epochs": 7, "jit_compile": False}])
def test_a_recipe_that_is_pasted_into_params_yaml_gives_the_same_recipe(
    overrides: dict[str, Any], params: Params
) -> None:
    made = dict(recipes(params.model_copy(update=overrides)))
    blocks = [cards.declaration(name, recipe, columns_of(params, name)) for name, recipe in made.items()]
    assert max(len(line) for block in blocks for line in block.splitlines()) <= 80
    variants = dict(ChainMap(*(YAML(typ="safe").load(block) for block in blocks)))
    settings = YAML(typ="safe").load(Path("params.yaml").read_text(encoding="utf-8"))
    pasted = parse_params(settings | {"jit_compile": True, "variants": variants})
    assert dict(recipes(pasted)) == made


def test_a_recipe_is_written_as_a_person_writes_a_variant(params: Params) -> None:
    recipe: Any = {**dict(recipes(params))["selu_100_layers"], "jit_compile": True}
    deep = cards.declaration("mine", recipe)
    assert deep.startswith("  mine:\n    dataset: fashion_mnist\n")
    assert "jit_compile" not in deep
    assert "      output: {class: Dense, activation: softmax, units: 10}\n    optimizer: {class: SGD" in deep
    assert "        kernel_initializer: lecun_normal\n        repeat: 99\n" in deep  # too long for one line
    assert "seed" not in deep
    assert "    jit_compile: false\n" in cards.declaration("mine", recipe | {"jit_compile": False})


@pytest.mark.parametrize("others", [True, False])
def test_a_card_is_the_same_whatever_the_other_recipes_have_as_jit_compile(others: bool) -> None:
    reports = reports_of(NAMES, "plain")
    for name in NAMES[1:]:
        reports = with_recipe(reports, name, jit_compile=others)
    assert "jit_compile" not in card_of(page.render(reports, BUNDLE), "best")
    said = card_of(page.render(with_recipe(reports, "best", jit_compile=False), BUNDLE), "best")
    assert "jit_compile: false" in said


def test_a_recipe_is_the_one_that_its_model_was_trained_from() -> None:
    content = page.render(reports_of(NAMES, "plain"), BUNDLE)
    assert f"SHA-256 of {TRAINED_RECIPE.path('best').as_posix()} " in card_of(content, "best")
    for key, fields in (("no_recipe", {"variant": "best"}), ("recipes_hash", {"count": 3})):
        for said in text("page", key, **fields).values():
            assert f"{TRAINED_RECIPE.folder.as_posix()}/" in said


def test_inputs_are_written_by_the_names_of_their_columns() -> None:
    recipe: Any = {"dataset": "housing", "inputs": {"wide": [0, 2], "deep": [1]}}
    assert "inputs: {wide: a c, deep: b}\n" in cards.declaration("mine", recipe, ["a", "b", "c"])


def test_an_estimator_has_no_epochs_and_no_epoch_of_its_weights() -> None:
    reports = with_recipe(reports_of(NAMES, "plain"), "best", estimator={"class": "SGDClassifier"})
    history = pd.DataFrame({"seed": [42], "epoch": [1]})
    said = card_of(page.render(replace(reports, histories={**reports.histories, "best": history}), BUNDLE), "best")
    assert "3 epochs" not in said
    assert "measured weights" not in said
    assert "3 epochs" in card_of(page.render(reports, BUNDLE), "second")


def test_a_variant_without_metrics_by_design_has_a_note_and_misses_nothing() -> None:
    reports = reports_of(NAMES, "plain")
    board = reports.tables[LEADERBOARD].copy()
    measured = [column for column in board if str(column).startswith(("test_", "validation_"))]
    board.loc[board["variant"] == "second", measured] = np.nan
    history = history_of()[["seed", "epoch", "loss", "accuracy", "learning_rate"]]
    reports = replace(
        reports,
        tables={**reports.tables, LEADERBOARD: board},
        confusion=reports.confusion[reports.confusion["variant"] != "second"],
    )
    assert "second: no" in missing(page.render(reports, BUNDLE))
    content = page.render(replace(reports, histories={**reports.histories, "second": history}), BUNDLE)
    assert missing(content) == ""
    assert "alarm" not in content.split("<main")[1]
    assert text("page", "nothing_held_out_of", variant="second")["en"] in content
    assert text("page", "nothing_held_out", path=METRICS)["en"] in card_of(content, "second")


def test_a_study_of_learning_rates_draws_the_constant_ones_too() -> None:
    reports = reports_of(NAMES, "plain")
    constant = {name: history_of().assign(learning_rate=0.1) for name in NAMES}
    for histories, drawn in (
        ({**constant, "best": history_of()}, [["best", "second", "plain"], ["best"]]),
        (constant, []),
    ):
        curves = {name: charts.curves_of(history) for name, history in histories.items()}
        plotted = charts.Plotted(curves, {name: name for name in curves})
        (asked, _) = answers.questions(reports, plotted)
        of_cards = [cards.make_card(reports, name, plotted, [], "#000000") for name in NAMES]
        specs = [chart.spec for each in (asked.charts, *(card.charts for card in of_cards)) for chart in each]
        found = [sorted(each["variants"]) for each in specs if each.get("metric") == "learning_rate"]
        assert found == [sorted(names) for names in drawn]


def test_the_claim_of_the_benchmarks_is_the_last_question_with_its_answer() -> None:
    content = page.render(reports_of(NAMES, "plain"), BUNDLE)
    article = content.split('aria-labelledby="study-cost-of-determinism"')[1].split("</article>")[0]
    for said in (determinism.question()["en"], determinism.claim()["ko"], "confirmed", "1.30", "1.20 to 1.40"):
        assert said in article
    assert 'href="#study-cost-of-determinism"' in card_of_links(content, "best")
    reports = reports_of(NAMES, "plain")
    other_work = [replace(cost, same_work=False) for cost in reports.costs]
    assert text("page", "no_costs", path=determinism.COSTS)["en"] in missing(
        page.render(replace(reports, costs=other_work), BUNDLE)
    )


def test_without_measurements_there_is_no_claim_of_the_benchmarks() -> None:
    content = page.render(replace(reports_of(NAMES, "plain"), costs=[]), BUNDLE)
    assert determinism.question()["en"] not in content
    assert missing(content) == ""


def test_a_study_called_determinism_stands_beside_the_claim_of_the_benchmarks() -> None:
    reports = reports_of(NAMES, "plain")
    studies = {"determinism": reports.studies["dropout"]}
    tables = {path: table.replace("dropout", "determinism") for path, table in reports.tables.items()}
    places = Elements(page.render(replace(reports, studies=studies, tables=tables), BUNDLE)).values("id")
    assert [places.count(f"study-{name}") for name in ("determinism", determinism.NAME)] == [1, 1]


def test_no_study_can_be_called_as_the_claim_of_the_benchmarks_is(tmp_path: Path) -> None:
    path = tmp_path / "studies.yaml"
    path.write_text(json.dumps({determinism.NAME: study_of(NAMES, "plain").model_dump()}), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{determinism.NAME}: expected text that matches"):
        read_studies(path)


def card_of_links(content: str, name: str) -> str:
    return content.split(f'id="variant-{name}"')[1].split("</details>")[0]


def test_every_document_that_is_named_is_explained() -> None:
    elements = Elements(page.render(reports_of(NAMES, "plain"), BUNDLE))
    named = {link for link in elements.values("href") if link.startswith("#document-")}
    assert named == {"#document-A", "#document-B", "#document-E"}
    assert named <= {f"#{place}" for place in elements.values("id")}
    assert {"A title", "Dropout"} <= set(elements.words)


def test_the_functions_of_keras_have_a_gallery_of_their_own() -> None:
    content = page.render(reports_of(NAMES, "plain"), BUNDLE)
    gallery = content.split('aria-labelledby="data-sets"')[1].split("</section>\n\n")[0]
    functions, drawing = text("page", "functions")["en"], text("figures", "activations")["en"]
    words = Elements(gallery).words
    assert words.index(functions) < words.index(drawing)
    assert f"{drawing}: {functions}" in Elements(gallery).values("alt")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_title_of_a_data_set_counts_the_rows_of_a_split(language: str) -> None:
    assert [title for title in read_strings(language)["titles"].values() if re.search(r"\d", title)] == []


@pytest.mark.parametrize("named", [{}, {"test_log_loss": "loss"}, {"test_log_loss": "loss", "test_accuracy": "right"}])
def test_a_leaderboard_shows_the_metric_that_ranks_whatever_the_words_name(
    named: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for language in LANGUAGES:
        monkeypatch.setitem(read_strings(language)["leaderboards"], "fashion_mnist", named)
    reports = reports_of(NAMES, "plain")
    expected = [named.get("test_accuracy", "test accuracy"), "95 % interval", *(["loss"] if named else [])]
    assert [heading["en"] for heading in leaderboard_columns("fashion_mnist").values()] == expected
    board = page.render(reports, BUNDLE).split('id="leaderboard-fashion_mnist"')[1].split("</table>")[0]
    head, body = board.split("<tbody>")
    rows = body.split("<tr")[1:]
    assert len(rows) == len(NAMES)
    assert {len(re.findall("<t[dh]", row)) for row in rows} == {head.count("<th ")}
    table = readme.results(reports.tables[LEADERBOARD])
    assert table.splitlines()[2] == f"| variant | split | parameters | epochs | {' | '.join(expected)} |"
    assert "| 0.9000 | 0.890–0.910 |" in table


def test_the_marks_of_a_table_are_explained_below_it_where_they_are_used() -> None:
    reports = reports_of(NAMES, "plain")
    keys = [text("page", key, seed=42)["en"] for key in ("claimed_key", "one_seed_key", "beside_key")]

    def explained(several: Any, expected: Any) -> list[bool]:
        tables = {**reports.tables, COMPARISONS: reports.tables[COMPARISONS].assign(expected=expected)}
        content = page.render(replace(reports, tables=tables, several=tables if several else None), BUNDLE)
        return [key in content for key in keys]

    assert explained(several=False, expected="better") == [True, False, False]
    assert explained(several=True, expected=["better", np.nan]) == [True, True, True]


def test_of_several_trainings_it_says_what_is_their_mean_and_what_is_of_the_first() -> None:
    reports = reports_of(NAMES, "plain")
    split = pd.concat([history_of().assign(split=number) for number in range(10)])
    said = card_of(page.render(replace(reports, histories={**reports.histories, "best": split}), BUNDLE), "best")
    assert said.count("From the first of 10 splits of the data") == 2  # the confusion and each class
    assert "Means over 10 trainings on 10 splits" in said
    assert "From the first" not in card_of(page.render(reports, BUNDLE), "best")


def test_images_that_are_drawn_inverted_say_so() -> None:
    content = page.render(reports_of(NAMES, "plain"), BUNDLE)
    said = text("page", "inverted")["en"]
    assert said in card_of(content, "best")
    assert content.count(f">{said}<") == len(NAMES) + 1  # the worst errors of each, and the samples


def test_metrics_of_a_quantity_have_units() -> None:
    row = {"test_mse": 0.5, "test_mae": 0.37932, "validation_rmse": 0.5, "test_r2": 0.7}
    rows = {each.metric["en"]: each for each in cards.metric_rows(pd.DataFrame([row]), "housing")}
    assert list(rows) == ["MAE in USD", "MSE in (100,000 USD)²", "R²", "RMSE in USD"]
    assert (rows["MAE in USD"].test, rows["RMSE in USD"].validation) == ("37,932", "50,000")
    value = {"document": "E", "variant": "net", "part": "training", "metric": "mean_absolute_error", "epoch": 1}
    table = pd.DataFrame([value | {"published": 0.4, "result": "missed"}], columns=COLUMNS[PUBLISHED])
    (shown,) = boards.published_rows(table, table, {}, lambda _: "housing")
    assert shown.metric == {"en": "MAE in 100,000 USD", "ko": "MAE (단위: 100,000 USD)"}


def test_a_title_stands_for_a_name_but_not_in_places_and_on_cards() -> None:
    reports = reports_of(NAMES, "plain")
    catalogue = catalogue_of(NAMES, {"best": "The Best One"})
    content = page.render(replace(reports, catalogue=catalogue), BUNDLE)
    assert "The Best One</a>" in content
    assert ">best</a>" not in content
    assert {"variant-best", "variant-plain"} <= set(Elements(content).values("id"))
    said = card_of(content, "best")
    assert "The Best One" in said.split("·")[0]
    assert " best " in said.split("·")[0]


def test_the_keys_in_which_two_recipes_differ_stand_with_their_comparison() -> None:
    content = page.render(reports_of(NAMES, "plain"), BUNDLE)
    article = content.split('aria-labelledby="study-dropout"')[1].split("</article>")[0]
    assert article.count(text("page", "differs_in", keys="epochs")["en"]) == 2


@pytest.mark.parametrize("version", ["1 --> <script>", "1--!>"])
def test_licenses_that_would_end_their_comment_are_refused(version: str) -> None:
    with pytest.raises(ValueError, match="ends no comment"):
        page.render(reports_of(NAMES, "plain"), BUNDLE._replace(package=version))
