"""The report page as text; `tests/browser/test_page.py` opens it."""

import base64
import hashlib
import json
import re
import shlex
import zlib
from collections import ChainMap
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides
from pages import catalogue_of, history_of, opened, reports_of, study_of, unpacked, without
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
    PARTS,
    PUBLISHED,
    TRAININGS,
)
from stages.datasets.spec import spec_of
from stages.documents import read_studies
from stages.params.differences import recipe_differences
from stages.params.overrides import recipes
from stages.params.schema import Params, parse_params
from stages.presentation import determinism, kept
from stages.presentation.formats import cell, leaderboard_columns
from stages.presentation.words import LANGUAGES, read_strings, text
from stages.reporting import page
from stages.reporting.page import answers, boards, cards, charts, comparisons, graphs, models
from stages.reporting.page.galleries import described
from stages.reporting.page.packed import packed
from stages.reporting.page.reports import Reports
from stages.reporting.pictured import Pictured, Residuals
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


def rendered(reports: Reports) -> str:
    """The page with all of its cards open."""
    return opened(page.render(reports, BUNDLE))


@cache
def complete() -> str:
    """The page of a run in which nothing is missing."""
    return rendered(reports_of(NAMES, "plain"))


def missing(content: str) -> str:
    found = re.search(r'<section aria-labelledby="missing">(.*?)</section>', content, re.DOTALL)
    return found[1] if found else ""


def test_a_complete_run_misses_nothing() -> None:
    content = complete()
    assert missing(content) == ""
    assert not re.search(r"\bnan\b|\bNone\b|undefined", re.sub(r"<script.*?</script>", "", content, flags=re.DOTALL))


def test_the_page_is_made_twice_with_the_same_bytes() -> None:
    assert rendered(reports_of(NAMES, "plain")) == complete()


def test_what_is_packed_has_the_same_bytes_everywhere() -> None:
    content = json.dumps([number * number for number in range(9999)])
    made = packed(content)
    assert zlib.decompress(base64.b64decode(made)).decode() == content
    assert hashlib.sha256(made.encode()).hexdigest()[:16] == "c36d24b9d2c25cde"


def test_a_card_is_no_part_of_the_page_before_it_is_opened() -> None:
    content = page.render(reports_of(NAMES, "plain"), BUNDLE)
    assert content.count('<div class="inside"></div>') == len(NAMES) + 3  # galleries
    assert unpacked(content, "vega").decode() == BUNDLE.script
    for said in ("batch_size: ", text("page", "training_key")["en"]):
        assert said not in content
        assert said in opened(content)


def test_every_link_inside_the_page_has_its_place() -> None:
    elements = Elements(opened(complete()))
    places = elements.values("id")
    assert len(places) == len(set(places))
    links = [link.removeprefix("#") for link in elements.values("href")]
    compared = [link.removeprefix("compare=").split(",") for link in links if link.startswith("compare=")]
    assert {f"variant-{name}" for names in compared for name in names} <= {*places}
    assert [link for link in links if link not in places and not link.startswith("compare=")] == []


def test_the_page_names_no_other_place() -> None:
    elements = Elements(complete())
    assert all(value.startswith(("#", "data:")) for name in ("href", "src") for value in elements.values(name))


def test_names_are_escaped_and_end_no_script() -> None:
    content = rendered(reports_of([*NAMES, ODD], "plain"))
    plain = complete()
    elements, before = Elements(content), Elements(plain)
    assert content.count("</script>") == plain.count("</script>")
    assert sum(tag == "b" for tag, _ in elements.found) == sum(tag == "b" for tag, _ in before.found) + 1
    assert f"variant-{ODD}" in elements.values("id")
    assert ODD in "".join(elements.words)


def test_a_script_that_would_end_its_element_is_refused() -> None:
    with pytest.raises(ValueError, match="</script"):
        page.script("'</SCRIPT>'")


def test_a_variant_whose_training_failed_has_a_card_that_says_so() -> None:
    content = rendered(without(reports_of(NAMES, "plain"), "second"))
    assert 'id="variant-second"' in content
    said = missing(content)
    for key in ("no_model", "no_row", "no_history"):
        assert text("page", key, variant="second", path=LEADERBOARD)["en"] in said


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
    content = rendered(replace(reports, tables=tables))
    assert "only was not compared (no rows)" in missing(content)


def test_an_infinite_interval_is_no_number_on_the_page() -> None:
    reports = reports_of(NAMES, "plain")
    unlimited: dict[str, Any] = {"low": -np.inf, "high": np.inf, "verdict": "no interval"}
    tables = {**reports.tables, COMPARISONS: reports.tables[COMPARISONS].assign(**unlimited)}
    content = rendered(replace(reports, tables=tables))
    assert "Infinity" not in content
    assert "no interval" in content


@pytest.mark.parametrize("column", ["test_log_loss", "test_accuracy", "test_accuracy_low"])
def test_a_metric_that_is_not_there_is_named(column: str) -> None:
    reports = reports_of(NAMES, "plain")
    tables = {**reports.tables, LEADERBOARD: reports.tables[LEADERBOARD].drop(columns=column)}
    said = missing(rendered(replace(reports, tables=tables)))
    assert ("best: no" in said) == (column != "test_accuracy_low")


def test_of_nothing_but_parameters_there_is_a_page_too() -> None:
    reports = reports_of(NAMES, "plain")
    nothing: dict[str, Any] = {name: {} for name in ("recipes", "summaries", "histories", "environment")}
    nothing["pictured"] = Pictured()
    nothing["tables"] = {path: pd.DataFrame(columns=stage.COLUMNS[path]) for path in reports.tables}
    nothing |= {each: getattr(reports, each)[:0] for each in ("confusion", "classes", "reliability")}
    said = missing(rendered(replace(reports, **nothing)))
    assert text("page", "no_environment", path=ENVIRONMENT)["en"] in said
    assert "Does dropout help?: no answer" in said


def test_of_several_trainings_the_mean_goes_as_far_as_all_of_them() -> None:
    history = pd.concat([history_of(), history_of(0.2)[:2].assign(seed=43)])
    loss = charts.curves_of(history)["loss"]["validation"]
    assert loss == {"mean": [1.0, 0.6, None], "low": [0.9, 0.5, 0.4], "high": [1.1, 0.7, 0.4]}


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
    keep({**several, ANSWERS: several[ANSWERS].assign(answer="yes", yes=2)}, tmp_path, monkeypatch)
    found, notes = stage.read_several_seeds(tables_with([42]), {})
    assert notes == []
    content = rendered(replace(reports_of(NAMES, "plain"), several=found))
    assert '<span class="badge yes">' in content
    assert "2 seeds for each comparison, from 42 to 43" in content


def test_several_seeds_of_other_trainings_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tables_with([42, 43]), tmp_path, monkeypatch)
    one = tables_with([42])
    one[TRAININGS]["test_accuracy"] = 0.8
    assert stage.read_several_seeds(one, {}) == (None, [text("page", "stale_several_seeds")])
    one[ANSWERS] = one[ANSWERS].iloc[:0]  # of a project of its own that asks nothing yet
    assert stage.read_several_seeds(one, {}) == (None, [text("page", "stale_several_seeds")])


def test_a_study_that_is_not_kept_is_answered_from_one_seed_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tables_with([42, 43]), tmp_path, monkeypatch)
    one = tables_with([42])
    for path in (ANSWERS, PARTS, COMPARISONS):
        one[path] = pd.concat([one[path], one[path].assign(study="mine")])
    studies = reports_of(NAMES, "plain").studies
    mine = studies["dropout"].model_copy(update={"question": "Is mine better?"})
    several, (note,) = stage.read_several_seeds(one, {**studies, "mine": mine})
    assert several is not None
    assert [*several[ANSWERS]["study"]] == ["dropout", "mine"]
    assert note["en"].endswith(": Is mine better?")


def test_without_several_seeds_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert stage.read_several_seeds(tables_with([42]), {}) == (None, [text("page", "no_several_seeds")])
    assert stage.read_several_seeds(tables_with([42, 43]), {}) == (None, [])


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
    assert said in card_of(rendered(reports), "best")


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


def test_class_weights_blocks_and_initial_weights_are_pasted_too() -> None:
    settings = YAML(typ="safe").load(Path("tests/small_project/params.yaml").read_text(encoding="utf-8"))
    block = {
        "repeat": 2,
        "layers": {"hidden": {"class": "Dense", "units": 4}, "drop": {"class": "Dropout", "rate": 0.5}},
    }
    output = {"class": "Dense", "units": 1, "activation": "sigmoid"}
    mine = {"dataset": "thoracic", "base": "thoracic_bce", "layers": {"block": block, "output": output}}
    settings["variants"]["mine"] = {**mine, "initial_weights": "thoracic_bce", "class_weight": {"died": 5.5}}
    made = dict(recipes(parse_params(settings)))["mine"]
    pasted = YAML(typ="safe").load(
        cards.declaration("mine", {**made, "custom_objects": {"file": "custom_objects.py", "sha256": "0"}})
    )
    settings["variants"]["mine"] = pasted["mine"]
    assert dict(recipes(parse_params(settings)))["mine"] == made


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
    assert "jit_compile" not in card_of(rendered(reports), "best")
    said = card_of(rendered(with_recipe(reports, "best", jit_compile=False)), "best")
    assert "jit_compile: false" in said


def test_a_recipe_is_the_one_that_its_model_was_trained_from() -> None:
    content = complete()
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
    said = card_of(rendered(replace(reports, histories={**reports.histories, "best": history})), "best")
    assert "3 epochs" not in said
    assert "measured weights" not in said
    assert "3 epochs" in card_of(rendered(reports), "second")


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
    assert "second: no" in missing(rendered(reports))
    content = rendered(replace(reports, histories={**reports.histories, "second": history}))
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
        plotted = charts.Plotted(curves, {name: reports.title(name) for name in curves})
        (asked, _) = answers.questions(reports, plotted)
        of_cards = [cards.make_card(reports, name, plotted, [], "#000000") for name in NAMES]
        specs = [chart.spec for each in (asked.charts, *(card.charts for card in of_cards)) for chart in each]
        found = [sorted(each["variants"]) for each in specs if each.get("metric") == "learning_rate"]
        assert found == [sorted(names) for names in drawn]


def test_the_claim_of_the_benchmarks_is_the_last_question_with_its_answer() -> None:
    content = complete()
    article = content.split('aria-labelledby="study-cost-of-determinism"')[1].split("</article>")[0]
    for said in (determinism.question()["en"], determinism.claim()["ko"], "badge yes", "1.30", "1.20 to 1.40"):
        assert said in article
    assert 'href="#study-cost-of-determinism"' in card_of_links(content, "best")
    reports = reports_of(NAMES, "plain")
    other_work = [replace(cost, same_work=False) for cost in reports.costs]
    assert text("page", "no_costs", path=determinism.COSTS)["en"] in missing(
        rendered(replace(reports, costs=other_work))
    )


def test_without_measurements_there_is_no_claim_of_the_benchmarks() -> None:
    content = rendered(replace(reports_of(NAMES, "plain"), costs=[]))
    assert determinism.question()["en"] not in content
    assert missing(content) == ""


def test_a_study_called_determinism_stands_beside_the_claim_of_the_benchmarks() -> None:
    reports = reports_of(NAMES, "plain")
    studies = {"determinism": reports.studies["dropout"]}
    tables = {path: table.replace("dropout", "determinism") for path, table in reports.tables.items()}
    places = Elements(rendered(replace(reports, studies=studies, tables=tables))).values("id")
    assert [places.count(f"study-{name}") for name in ("determinism", determinism.NAME)] == [1, 1]


def test_no_study_can_be_called_as_the_claim_of_the_benchmarks_is(tmp_path: Path) -> None:
    path = tmp_path / "studies.yaml"
    path.write_text(json.dumps({determinism.NAME: study_of(NAMES, "plain").model_dump()}), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{determinism.NAME}: expected text that matches"):
        read_studies(path)


def card_of_links(content: str, name: str) -> str:
    return content.split(f'id="variant-{name}"')[1].split("</details>")[0]


def test_a_card_draws_its_model_with_a_box_for_each_layer_and_an_arrow_between_them() -> None:
    drawing = complete().split('id="variant-best"')[1].split('<svg class="model"')[1].split("</svg>")[0]
    elements = Elements(f"<svg {drawing}")
    assert [tag for tag, _ in elements.found if tag in ("rect", "path")] == ["rect", "rect", "path"]
    said = [word for word in elements.words if word.strip()]
    assert said == ["flatten", "Flatten", "rows × 784", "out", "Dense", "rows × 10", "7,850 parameters"]
    assert elements.values("data-ko") == ["행 × 784", "행 × 10", "파라미터 7,850개"]


def test_layers_alike_are_one_box_and_an_estimator_is_one_without_a_shape() -> None:
    hidden = [
        {"name": f"d{number}", "class": "Dense", "output_shape": [None, 8], "parameters": 72, "inputs": inputs}
        for number, inputs in enumerate([["x"], ["d0"], ["d1"]])
    ]
    first = {"name": "x", "class": "InputLayer", "output_shape": [None, 8], "parameters": 0, "inputs": []}
    drawing = models.drawn_model([first, *hidden], {"en": "Mine", "ko": "Mine"})
    box = drawing.boxes[1]
    assert (box.heading, box.name, box.parameters) == (
        "3 × Dense",
        "d0 … d2",
        {"en": "3 × 72 parameters", "ko": "3 × 파라미터 72개"},
    )
    estimator: Any = {
        "name": "estimator",
        "class": "SGDClassifier",
        "output_shape": None,
        "parameters": 0,
        "inputs": [],
    }
    (box,) = models.drawn_model([estimator], {"en": "Mine", "ko": "Mine"}).boxes
    assert (box.shape["en"], box.parameters) == ("", None)


def test_a_reliability_diagram_has_its_numbers_once_and_is_told_in_words() -> None:
    content = complete()
    data = json.loads(re.findall(r'id="data">(.*?)</script>', content, re.DOTALL)[0])
    assert data["reliability"]["best"] == {"confidence": [0.5, 0.9], "accuracy": [0.5, 0.9], "rows": [14, 14]}
    said = card_of_links(content, "best")
    assert "0.50 of 14 predictions with probability 0.50; 0.90 of 14 predictions with probability 0.90" in said
    assert "Bars: predictions, at most 14." in said
    one = pd.DataFrame({"confidence": [0.5], "accuracy": [1.0], "rows": [1]})
    description = charts.reliability_chart("mine", one).description
    assert description["en"].endswith("class. 1.00 of 1 prediction with probability 0.50")


def test_every_document_that_is_named_is_explained() -> None:
    elements = Elements(complete())
    named = {link for link in elements.values("href") if link.startswith("#document-")}
    assert named == {"#document-A", "#document-B", "#document-E"}
    assert named <= {f"#{place}" for place in elements.values("id")}
    assert {"A title", "Dropout"} <= set(elements.words)


def gallery_of(content: str, name: str) -> str:
    return content.split(f'id="gallery-{name}"')[1].split("</details>")[0]


def specs_of(content: str) -> list[dict[str, Any]]:
    return [json.loads(spec) for spec in Elements(content).values("data-chart")]


def test_data_sets_functions_and_sweeps_have_galleries() -> None:
    content = complete()
    images = Elements(gallery_of(content, "fashion_mnist"))
    assert {"Bag", "holdout", "9", text("figures", "classes")["en"]} <= {word.strip() for word in images.words}
    assert [attributes["data-row"] for tag, attributes in images.found if tag == "canvas"] == ["0"]
    functions = specs_of(gallery_of(content, "functions"))
    assert [each["y"]["title"]["en"] for each in functions[:2]] == ["output", "output per input"]
    assert [each["series"][0]["color"] for each in functions[-1:]] == ["plain"]  # of the variant's color
    by_rate, of_k = specs_of(gallery_of(content, "sweeps"))
    (line,) = by_rate["series"]
    assert (line["x"], line["best"], by_rate["x"]["log"]) == ([0.001, 0.01, 0.1], [0], True)
    assert all(low < mean < high for low, mean, high in zip(line["low"], line["y"], line["high"], strict=True))
    assert of_k["series"][0]["x"] == [1, 2, 3]


def test_worst_errors_and_weights_are_drawn_of_pixels_that_the_page_has_once() -> None:
    content = complete()
    canvases = [attributes for tag, attributes in Elements(card_of_links(content, "best")).found if tag == "canvas"]
    assert [each["data-row"] for each in canvases if "data-row" in each] == ["60001", "60007"]
    assert re.search(r"is Bag, &lt; 1 % +said Sandal, 90 %", card_of(content, "best"))
    (sheet,) = [
        attributes for _, attributes in Elements(content).found if attributes.get("id") == "pixels-fashion_mnist"
    ]
    assert sheet["data-rows"] == "0 60001 60007"
    pixels = np.frombuffer(unpacked(content, "pixels-fashion_mnist"), np.uint8).reshape(3, 28, 28)
    assert pixels[:, 0, 0].tolist() == [0, 60001 % 256, 60007 % 256]
    weights = [np.frombuffer(base64.b64decode(each["data-weights"] or ""), np.int8) for each in canvases[2:]]
    assert (len(weights), weights[0][0], weights[-1][-1]) == (10, -127, 127)
    assert "data:image" not in content


def test_curves_of_two_classes_are_drawn_for_the_variant_and_for_its_study() -> None:
    content = complete()
    study = content.split('aria-labelledby="study-dropout"')[1].split("</article>")[0]
    titles = ["true positive rate", "precision"]
    for part in (card_of_links(content, "best"), study):
        assert [each["y"]["title"]["en"] for each in specs_of(part) if each["kind"] == "lines"] == titles
    assert not [each for each in specs_of(card_of_links(content, "plain")) if each["kind"] == "lines"]


def test_errors_of_a_quantity_are_counted_in_cells_and_averaged_on_a_map() -> None:
    y, places = np.array([1.0, 1.0, 3.0]), pd.DataFrame({"east": [0.0, 0.0, 9.0], "north": [5.0, 5.0, 6.0]})
    found = Residuals(y, np.array([1.5, 1.5, 2.0]), spec_of("housing").target, places)
    against, errors = (each.spec for each in graphs.residual_charts(found))
    assert sorted(against["cells"]["value"]) == [1, 2]
    assert errors["cells"] == {"x": [0, 47], "y": [0, 47], "value": [0.5, -1.0]}
    assert "100,000 USD" in against["y"]["title"]["en"]
    diverged = replace(found, predicted=np.array([np.nan, np.inf, 2.0]))
    assert [len(each.spec["cells"]["value"]) for each in graphs.residual_charts(diverged)] == [1, 1]
    assert graphs.residual_charts(replace(found, predicted=np.full(3, np.nan))) == []


def test_a_histogram_has_a_bar_for_each_bin_that_has_rows() -> None:
    table = pd.DataFrame({"x": [0.0, 0.0, 1.0], "y": [1.0, 2.0, 3.0]})
    x, _ = described({}, table, {"x": "liters"}).columns
    assert (x.unit, x.statistics) == ("liters", ["0.333", "0.577", "0", "0", "1"])
    assert x.bars == "M0,20v-20h2v20M58,20v-13h2v13"


def test_the_experiment_of_a_card_sets_what_it_says(params: Params, tmp_path: Path) -> None:
    before, path = dict(recipes(params)), tmp_path / "params.yaml"
    path.write_bytes(Path("params.yaml").read_bytes())
    names = [
        "relu_100",
        "relu_100_adam_long",
        "sgd_classifier",
        "relu_100_adam_one_epoch",
    ]  # of its own, or of its base
    commands = [shlex.split(cards.experiment(name, before[name])) for name in names]
    assert {tuple(command[:-1]) for command in commands} == {("dvc", "exp", "run", "-S")}
    apply_overrides(path, [command[-1] for command in commands])
    after = dict(recipes(parse_params(YAML(typ="safe").load(path))))
    for name, command in zip(names, commands, strict=True):
        key, value = command[-1].removeprefix(f"++variants.{name}.").split("=")
        ((changed, (_, now)),) = recipe_differences(before[name], after[name]).items()
        assert (changed, str(now)) == (key, value)


def test_each_variant_that_is_trained_in_epochs_or_iterations_has_an_experiment(params: Params) -> None:
    made = {name: cards.experiment(name, recipe) for name, recipe in recipes(params)}
    assert {name for name, command in made.items() if not command} == {
        name for name, recipe in recipes(params) if "epochs" not in recipe and "max_iter" not in recipe["estimator"]
    }
    said = card_of(complete(), "best")
    assert "dvc exp run -S &#39;++variants.best.epochs=1&#39;" in said


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
    board = rendered(reports).split('id="leaderboard-fashion_mnist"')[1].split("</table>")[0]
    head, body = board.split("<tbody>")
    rows = body.split("<tr")[1:]
    assert len(rows) == len(NAMES)
    assert {len(re.findall("<t[dh]", row)) for row in rows} == {head.count("<th ")}
    table = readme.results(reports.tables[LEADERBOARD])
    assert table.splitlines()[2] == f"| variant | split | parameters | epochs | {' | '.join(expected)} |"
    assert "| 0.9000 | 0.890–0.910 |" in table


def article_of(reports: Reports) -> str:
    """The text of the question of a small run, in English."""
    content = rendered(reports)
    return re.sub(r"<[^>]+>|\s+", " ", content.split('aria-labelledby="study-dropout"')[1].split("</article>")[0])


def with_comparisons(reports: Reports, **columns: Any) -> Reports:
    """The same run with other values in its comparisons."""
    compared = reports.tables[COMPARISONS].assign(**columns)
    return replace(reports, tables={**reports.tables, COMPARISONS: compared})


def with_answers(reports: Reports, path: Path, **columns: Any) -> Reports:
    return replace(reports, tables={**reports.tables, path: reports.tables[path].assign(**columns)})


def test_each_part_of_a_claim_has_its_answer_and_its_comparisons() -> None:
    reports = with_answers(reports_of(NAMES, "plain"), PARTS, answer=["yes", "no difference"])
    reports = with_answers(reports, ANSWERS, answer="in part", yes=1)
    said = article_of(with_comparisons(reports, verdict=["better", "same"]))
    assert "It does in part (1 of 2)" in re.sub(r"\s+", " ", said)
    assert "But: in small networks" in said
    assert "True: “It predicts better”. No difference: “So does the other”." in said
    first, second = said.split("It predicts better")[2].split("So does the other")
    assert re.search(r"Yes .* best +against +plain .* better +as claimed", first)
    assert re.search(r"No difference .* second +against +plain .* same +claimed: better +less than 0.5 points", second)
    assert "beside the claim" not in said


def test_what_is_beside_the_claim_is_folded_and_what_is_not_clean_is_marked() -> None:
    reports = with_comparisons(
        reports_of(NAMES, "plain"),
        part=[1, 0],
        expected=["better", np.nan],
        clean=[True, False],
        note=[np.nan, "also has a bias"],
    )
    content = rendered(reports)
    article = content.split('aria-labelledby="study-dropout"')[1].split("</article>")[0]
    _, before, folded = article.split("<details")
    assert "1 comparison beside the claim" in folded
    assert text("page", "not_clean")["en"] in folded
    assert "also has a bias" in folded
    assert text("page", "not_clean")["en"] not in before
    assert "as claimed" in before
    assert "claimed" not in folded.split("<table")[1].split("</table>")[0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"seeds": 5, "better_in": 5, "worse_in": 0}, ["better in 5 of 5 seeds"]),
        ({"seeds": 5, "better_in": 0, "worse_in": 5, "verdict": "worse"}, ["worse in 5 of 5 seeds"]),
        ({"seeds": 20, "better_in": 9, "worse_in": 11, "verdict": "open"}, ["better in 9, worse in 11 of 20 seeds"]),
        ({"seeds": 5, "better_in": 5, "splits": 10}, ["better in 5 of 5 seeds", "on 10 splits of the data"]),
        (
            {"seeds": 19, "ended": 12, "worse_in": 19, "better_in": 0, "diverged": 7, "verdict": "worse"},
            ["worse in 19 of 19 seeds", "diverged in 7 of 19 seeds", "means over the trainings that finished"],
        ),
        (
            {"seeds": 5, "ended": 1, "better_in": 5, "baseline_diverged": 4},
            [
                "better in 5 of 5 seeds",
                "the other one diverged in 4 of 5 seeds",
                "means over the trainings that finished",
            ],
        ),
        (
            {"seeds": 5, "worse_in": 5, "better_in": 0, "diverged": 5, "difference": np.nan, "verdict": "worse"},
            ["worse in 5 of 5 seeds", "diverged in 5 of 5 seeds"],
        ),
        ({"seeds": 1}, []),
    ],
)
def test_a_comparison_counts_its_seeds_and_those_that_diverged(columns: dict[str, Any], said: list[str]) -> None:
    table = with_comparisons(reports_of(["best", "plain"], "plain"), **columns).tables[COMPARISONS]
    row = comparisons.comparison_row(table.assign(verdict_one_seed="better").iloc[0], "fashion_mnist", "42", ({}, {}))
    assert [each["en"] for each in row.seeds] == said


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("accuracy", 0.0058, "+0.58 points"),
        ("roc_auc", -0.0348, "−3.48 points"),
        ("accuracy", -0.00001, "0.00 points"),
        ("log_loss", -0.0123, "−0.0123"),
    ],
)
def test_differences_of_shares_are_in_percentage_points(metric: str, value: float, said: str) -> None:
    found = comparisons.effect(value, metric)
    assert (found if isinstance(found, str) else found["en"]) == said


def test_the_points_of_a_chart_have_the_unit_of_its_axis() -> None:
    reports = with_comparisons(reports_of(["best", "plain"], "plain"), metric=["accuracy"])
    (asked, _) = answers.questions(reports, charts.Plotted({}, {}))
    assert [(each["difference"], each["low"], each["high"]) for each in asked.points] == [(1.0, 0.5, 1.5)]
    assert [chart.spec["axis"]["en"] for chart in asked.charts] == ["difference: accuracy, percentage points"]


@pytest.mark.parametrize(
    ("seeds", "minutes", "said"),
    [
        (34.0, 12.4, "about 34 seeds would decide it, 12 min on one core"),
        (34.0, 300.0, "about 34 seeds would decide it, 5 h on one core"),
        (10_000.0, 0.2, "at least 10,000 seeds would decide it, 1 min on one core"),
        (np.inf, np.inf, None),
        (np.nan, np.nan, None),
    ],
)
def test_an_open_part_says_what_would_decide_it(seeds: float, minutes: float, said: str | None) -> None:
    row = pd.Series({"answer": "open", "seeds_needed": seeds, "minutes": minutes})
    found = answers.needed(row)
    assert (found["en"] if found else None) == said
    assert answers.needed(row.replace("open", "no")) is None


def test_a_verdict_of_one_seed_is_told_where_it_differs() -> None:
    reports = reports_of(["best", "plain"], "plain")
    several = {**reports.tables, COMPARISONS: reports.tables[COMPARISONS].assign(verdict="worse", seeds=5)}
    assert "seed 42 alone: better" in article_of(replace(reports, several=several))
    assert "alone" not in article_of(replace(reports, several=dict(reports.tables)))


def test_the_seeds_of_the_answers_are_told_as_a_range() -> None:
    reports = reports_of(NAMES, "plain")
    trainings = pd.concat([reports.tables[TRAININGS].assign(seed=seed) for seed in range(42, 62)])
    compared = reports.tables[COMPARISONS].assign(seeds=[5, 20], looks=3)
    several = {**reports.tables, TRAININGS: trainings, COMPARISONS: compared}
    content = rendered(replace(reports, several=several))
    assert "from 5 to 20 seeds for each comparison, from 42 to 61" in content
    assert text("page", "looks", count=3)["en"] in content
    assert text("page", "looks", count=3)["en"] not in rendered(reports)


def test_effects_and_claims_are_counted_at_the_top() -> None:
    reports = with_answers(reports_of(NAMES, "plain"), ANSWERS, answer="no difference")
    reports = with_comparisons(reports, seeds=5)
    content = re.sub(r"<[^>]+>|\s+", " ", rendered(reports))
    assert re.search(r"helps +1, +other +1 ", content)
    assert re.search(r"The claims: +as claimed +1, +not as claimed +1 ", content)
    assert "2 questions, 3 variants, 3 trainings behind the answers, 0 of 1 published values reproduced." in content


def test_without_questions_and_documents_the_page_has_no_section_of_them() -> None:
    reports = reports_of(["best", "plain"], "plain")
    for section in ('id="documents"', 'id="claims"', 'href="#documents"'):
        assert section in page.render(reports, BUNDLE)
    asked = (ANSWERS, PARTS, COMPARISONS, PUBLISHED)
    tables = {path: table.iloc[:0] if path in asked else table for path, table in reports.tables.items()}
    content = page.render(replace(reports, tables=tables, studies={}, sources={}, described={}, costs=[]), BUNDLE)
    for section in ('id="documents"', 'id="claims"', 'href="#documents"', "published values"):
        assert section not in content
    assert "0 questions, 2 variants, 2 trainings behind the answers." in content


def test_each_question_is_in_the_plot_once_and_leads_to_its_section() -> None:
    content = complete()
    first, evidence = content.split('id="evidence"')
    links = [each for each in Elements(first).values("href") if each.startswith("#study-")]
    assert sorted(links) == sorted(f"#{each}" for each in Elements(evidence).values("id") if each.startswith("study-"))
    assert len(set(links)) == len(links) == 2


def diverged(reports: Reports, name: str) -> Reports:
    """The same run in which the training of a variant diverged."""
    board, trainings = reports.tables[LEADERBOARD].copy(), reports.tables[TRAININGS].astype({"reason": object})
    lost = board["variant"] == name
    board.loc[lost, list(board.filter(regex="^(test|validation)_"))] = np.nan
    board.loc[lost, "diverged"] = 1.0
    trainings.loc[trainings["variant"] == name, "diverged"] = 3
    trainings.loc[trainings["variant"] == name, "reason"] = "val_loss inf"
    history = reports.histories[name].copy()
    history.loc[history["epoch"] == 3, ["loss", "val_loss", "accuracy", "val_accuracy"]] = np.nan
    summary = {**reports.summaries[name], "evaluations": [{}], "diverged": [{"epoch": 3, "reason": "val_loss inf"}]}
    without_it = without(reports, name)
    return replace(
        reports,
        tables={**reports.tables, LEADERBOARD: pd.concat([board[~lost], board[lost]]), TRAININGS: trainings},
        histories={**reports.histories, name: history},
        summaries={**reports.summaries, name: summary},
        confusion=without_it.confusion,
        classes=without_it.classes,
        pictured=replace(reports.pictured, worst=without_it.pictured.worst),
    )


def test_a_variant_that_diverged_stands_last_and_its_card_says_when_and_why() -> None:
    reports = diverged(reports_of(NAMES, "plain"), "best")
    content = rendered(reports)
    assert missing(content) == ""
    assert not re.search(r"\bnan\b|\bNone\b|undefined", re.sub(r"<script.*?</script>", "", content, flags=re.DOTALL))
    board = content.split('id="leaderboard-fashion_mnist"')[1].split("</section>")[0]
    rows = board.split("<tbody>")[1].split("</tbody>")[0].split("<tr")[1:]
    assert 'data-sort=""' in rows[-1]
    assert [re.findall('#variant-([a-z]+)"', row)[0] for row in rows] == ["second", "plain", "best"]
    assert text("page", "all_diverged")["en"] in rows[-1]
    assert text("page", "diverged_key")["en"] in board
    card = card_of(content, "best")
    assert "Its training diverged in epoch 3: validation loss ∞. So it has no metrics." in card
    assert "diverged" in card.split("Questions")[0]
    assert text("page", "diverged_key")["en"] not in complete()


def test_of_several_trainings_it_says_how_many_diverged() -> None:
    reports = reports_of(NAMES, "plain")
    trainings = pd.DataFrame({"variant": "best", "seed": range(42, 52), "diverged": np.nan, "reason": None})
    failed = {43: (1, "loss nan"), 45: (3, "loss nan"), 46: (2, "prediction of test rows inf")}
    for seed, (epoch, reason) in failed.items():
        trainings.loc[trainings["seed"] == seed, "diverged"] = epoch
        trainings.loc[trainings["seed"] == seed, "reason"] = reason
    several = {**reports.tables, TRAININGS: trainings}
    said = card_of(rendered(replace(reports, several=several)), "best")
    expected = (
        "Of the 10 trainings with several seeds, 3 diverged, in epochs 1 to 3: training loss NaN, a prediction ∞."
    )
    assert expected in said
    said = card_of(rendered(replace(reports, tables=several)), "best")
    assert "3 of 10 trainings diverged, in epochs 1 to 3" in said
    board = pd.DataFrame([{"diverged": 0.3, "trainings": 10, "test_accuracy": 0.9}])
    found = boards.divergence(board.iloc[0], "test_accuracy")
    assert found == text("page", "some_diverged", count=3, trainings=10)


def test_a_card_has_the_loss_of_the_training_rows_and_the_cost_of_the_training() -> None:
    said = card_of(complete(), "best")
    assert re.search(r"metric +training +validation +test +accuracy +0.9500 +0.9000 +0.9000", said)
    assert re.search(r"log loss in nats +0.2500 +0.2500 +0.3000", said)
    assert text("page", "training_key")["en"] in said
    assert re.search(r"multiply-adds of the training +1,500,000,000 +share of weights near zero +25.0 %", said)


def test_a_loss_that_is_no_metric_of_the_tables_keeps_its_name() -> None:
    summary = {"evaluations": [{"train": {"loss": 0.25}}, {"train": {"loss": 0.75}}, {}]}
    hinge: Any = {"loss": {"class": "Hinge"}}
    assert cards.evaluated(hinge, summary) == {"loss": {"train": 0.5}}
    assert cards.evaluated({**hinge, "graph": {"auxiliary_output": True}}, summary) == {"main_loss": {"train": 0.5}}
    assert cards.evaluated({"loss": {"class": "MeanSquaredError"}}, summary) == {"mse": {"train": 0.5}}
    assert cards.evaluated(hinge, None) == {}


def test_multiply_adds_have_a_column_that_is_sorted_by_their_number() -> None:
    content = complete()
    board = content.split('id="leaderboard-fashion_mnist"')[1].split("</table>")[0]
    assert text("leaderboards", "fashion_mnist", "multiply_adds")["en"] in board
    assert 'data-sort="1500000000.0">' in board
    assert board.count("1.5 G") == len(NAMES)


def test_a_card_says_which_settings_are_the_documents_and_which_are_ours() -> None:
    reports = reports_of(NAMES, "plain")
    content = rendered(reports)
    assert re.search(r"Documents: +A +\) +Ours: the validation rows.", card_of(content, "best"))
    assert text("page", "all_ours")["en"] in card_of(content, "plain")
    assert text("page", "all_ours")["en"] not in rendered(replace(reports, described={}))


def test_what_a_pair_differs_in_is_said_in_words_with_both_values_and_once() -> None:
    old: Any = {
        "layers": {"one": {"class": "Dense", "activation": "relu", "units": 9}},
        "epochs": 5,
        "mine": {"own": 1},
    }
    new: Any = {
        "layers": {"one": {"class": "Dense", "activation": "selu"}, "drop": {"class": "Dropout"}, "two": {}},
        "optimizer": {"rho": 0.5, "learning_rate": 0.1},
        "epochs": 20,
    }
    keys = "layers.one.activation; layers.one.units; layers.drop; layers.drop_2; layers; optimizer.learning_rate.steps"
    said = comparisons.differs_in(f"{keys}; epochs; mine.own", old, new)
    expected = "activation (relu → selu), units, Dropout layers, drop_2 layers, layers, learning rate"
    assert said["en"] == f"{expected}, epochs (5 → 20), mine.own"
    assert said["ko"].startswith("활성화 함수(relu → selu), 유닛 수, Dropout 층")
    assert comparisons.differs_in("estimator; layers; loss.class", old, new)["en"] == "kind of model"


def test_of_several_trainings_it_says_what_is_their_mean_and_what_is_of_the_first() -> None:
    reports = reports_of(NAMES, "plain")
    split = pd.concat([history_of().assign(split=number) for number in range(10)])
    said = card_of(rendered(replace(reports, histories={**reports.histories, "best": split})), "best")
    assert said.count("From the first of 10 splits of the data") == 2  # the confusion and each class
    assert "Means over 10 trainings on 10 splits" in said
    assert "From the first" not in card_of(rendered(reports), "best")


def test_images_that_are_drawn_inverted_say_so() -> None:
    content = complete()
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
    (shown,) = boards.published_rows(table, table, lambda _: "housing")
    assert shown.metric == {"en": "MAE in 100,000 USD", "ko": "MAE (단위: 100,000 USD)"}


def test_a_title_stands_for_a_name_but_not_in_places_and_on_cards() -> None:
    reports = reports_of(NAMES, "plain")
    catalogue = catalogue_of(NAMES, {"best": "The Best One"})
    content = rendered(replace(reports, catalogue=catalogue))
    assert "The Best One</a>" in content
    assert ">best</a>" not in content
    assert {"variant-best", "variant-plain"} <= set(Elements(content).values("id"))
    said = card_of(content, "best")
    assert "The Best One" in said.split("·")[0]
    assert " best " in said.split("·")[0]


def test_the_keys_in_which_two_recipes_differ_stand_with_their_comparison() -> None:
    content = complete()
    article = content.split('aria-labelledby="study-dropout"')[1].split("</article>")[0]
    assert article.count(text("page", "differs_in", keys=text("differs", "epochs"))["en"]) == 2


@pytest.mark.parametrize("version", ["1 --> <script>", "1--!>"])
def test_licenses_that_would_end_their_comment_are_refused(version: str) -> None:
    with pytest.raises(ValueError, match="ends no comment"):
        page.render(reports_of(NAMES, "plain"), BUNDLE._replace(package=version))


def test_sizes_of_text_and_spaces_are_those_of_the_scales() -> None:
    css = page.inlined("css", [name for name in page.STYLES if name != "print"])  # paper has points
    sizes = re.findall(r"(?<![\w-])font(?:-size)?:[^;}]*?[\d.]+(?:rem|em)[^;}]*", css)
    spaces = re.findall(r"(?<![\w-])(?:margin|padding|gap)(?:-\w+)?:[^;}]*?(?<![-\w.])[\d.]+rem[^;}]*", css)
    assert sizes + spaces == []
