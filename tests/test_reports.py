import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages import compare
from stages.comparison.studies import Result
from stages.datasets import Split
from stages.params.schema import Published, Study
from stages.presentation import plot_tables as charts
from stages.presentation import readme
from stages.presentation.words import read_strings
from stages.reporting.figures.overview import overview
from stages.reporting.page.boards import leaderboards

HISTORY = pd.DataFrame(
    {
        "seed": 42,
        "epoch": [1, 2],
        "loss": [0.5, 0.4],
        "val_loss": [0.6, 0.7],
        "accuracy": [0.8, 0.9],
        "val_accuracy": [0.7, 0.75],
        "learning_rate": [0.1, 0.05],
    }
)
PARTS = {"validation": {"accuracy": 0.75}, "model": {"parameters": 7, "epochs": 2.0}}


def figure(**changes: object) -> Published:
    base = {
        "document": "B",
        "variant": "mine",
        "part": "validation",
        "metric": "accuracy",
        "value": 0.7,
        "tolerance": 0.01,
    }
    return Published.model_validate(base | changes)


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, 0.75),
        ({"epoch": 1}, 0.7),
        ({"part": "training", "metric": "loss", "epoch": 2}, 0.4),
        ({"part": "model", "metric": "parameters"}, 7),
    ],
)
def test_a_published_figure_is_compared_with_the_saved_model_or_with_the_epoch(changes: dict, ours: float) -> None:
    assert compare.our_figure(figure(**changes), PARTS, HISTORY) == (ours, None)


@pytest.mark.parametrize("changes", [{"metric": "mae"}, {"epoch": 3}, {"part": "test"}])
def test_a_published_figure_that_nothing_measured_stays_empty(changes: dict) -> None:
    (row,) = compare.published_figures([figure(**changes)], {"any": {"mine": PARTS}}, {"mine": HISTORY})
    assert row["result"] == "not measured"
    assert "ours" not in row


@pytest.mark.parametrize(("tolerance", "result"), [(0.06, "reproduced"), (0.04, "missed")])
def test_a_figure_outside_its_tolerance_is_missed(tolerance: float, result: str) -> None:
    (row,) = compare.published_figures([figure(tolerance=tolerance)], {"any": {"mine": PARTS}}, {"mine": HISTORY})
    assert (row["difference"], row["result"]) == (0.05, result)


@pytest.mark.parametrize(("seeds", "result"), [(5, "reproduced"), (4, "missed")])
def test_a_figure_within_the_spread_of_five_seeds_is_reproduced(seeds: int, result: str) -> None:
    several = {"mine": {"validation": {"accuracy": 0.75, "accuracy_std": 0.02}}}
    history = pd.concat([HISTORY.assign(seed=seed) for seed in range(seeds)])
    (row,) = compare.published_figures([figure()], {"any": several}, {"mine": history})
    assert (row["std"], row["seeds"], row["result"]) == (0.02, seeds, result)


def test_neither_survivors_nor_repeated_splits_have_the_spread_of_seeds() -> None:
    early = HISTORY[HISTORY["epoch"] == 1]
    stopped = pd.concat([HISTORY, *(early.assign(seed=seed) for seed in range(43, 48))])
    assert compare.our_figure(figure(epoch=2), PARTS, stopped) == (0.75, None)
    splits = pd.concat([HISTORY.assign(split=split) for split in range(10)])
    several = {"validation": {"accuracy": 0.75, "accuracy_std": 0.02}}
    assert compare.our_figure(figure(), several, splits) == (0.75, None)
    assert compare.our_figure(figure(epoch=1), several, splits)[1] is None


def test_the_spread_of_an_epoch_is_that_of_its_trainings() -> None:
    histories = pd.concat([HISTORY, HISTORY.assign(seed=43, val_accuracy=0.9)])
    mean, std = compare.our_figure(figure(epoch=1), PARTS, histories)
    assert (mean, std) == (pytest.approx(0.8), pytest.approx(0.2 / 2**0.5))


def left_by(name: str, dataset: str, predicted: list[float]) -> Result:
    """A variant whose two test rows are both 0."""
    y: dict[str, np.ndarray] = {"train": np.zeros(4), "test": np.zeros(2, np.int32)}
    split = Split(x={}, y=y, rows={part: np.arange(len(values)) for part, values in y.items()}, scaling={})
    outputs = {"housing": [[value] for value in predicted], "fashion_mnist": [[1 - p, p] for p in predicted]}
    history = pd.DataFrame({"seed": [42], "epoch": [1]})
    recipe = {"dataset": dataset, "split": "any"}
    return Result(name, recipe, [split], {"test": np.array([outputs[dataset]], np.float32)}, history)


def test_variants_stand_best_first_by_the_figure_of_their_data_set() -> None:
    left = {
        "housing": {"a": [1.0, 3.0], "b": [0.0, 1.0]},
        "fashion_mnist": {"c": [0.1, 0.9], "d": [0.1, 0.2]},
    }
    results = {name: left_by(name, dataset, each[name]) for dataset, each in left.items() for name in each}
    model = {"model": {"parameters": 1, "epochs": 1.0}}
    measured = {
        "housing": {"a": {"test": {"mse": 5.0}, **model}, "b": {"test": {"mse": 0.5}, **model}},
        "fashion_mnist": {"c": {"test": {"accuracy": 0.5}, **model}, "d": {"test": {"accuracy": 1.0}, **model}},
    }
    table = compare.leaderboard(measured, results).set_index("variant")
    assert table.index.tolist() == ["b", "a", "d", "c"]
    # Of two errors, 0 and 1: Student's t of one degree of freedom.
    assert table.loc["b", "test_mse_high"] == pytest.approx(0.5 + 12.7062 * 0.5, rel=1e-4)
    assert (table["test_accuracy_low"]["d"], table["test_accuracy_high"]["d"]) == (1, 1)


def test_variants_of_which_none_has_test_rows_stand_in_the_order_of_their_names_in_every_report() -> None:
    results = {name: left_by(name, "fashion_mnist", [0.1, 0.2]) for name in ("b", "a")}
    parts = {"validation": {"accuracy": 0.75}, "model": {"parameters": 7, "epochs": 2.0, "trainings": 1}}
    table = compare.leaderboard({"fashion_mnist": dict.fromkeys(results, parts)}, results)
    assert table["variant"].tolist() == ["a", "b"]
    assert table[["test_accuracy", "test_accuracy_low", "test_accuracy_high"]].isna().all(axis=None)
    nothing = pd.DataFrame({"answer": [], "result": []})
    assert compare.summary(table, nothing, nothing) == {"claims": {}, "published": {}}
    ranked_by = {"fashion_mnist": "accuracy"}
    assert charts.ranking(table, ranked_by, dict.fromkeys("ab", "#000000"))["part"].tolist() == ["validation"] * 2
    (axes,) = overview(table, ranked_by).axes
    assert axes.get_yticklabels() == []
    assert re.findall("`(.)`", readme.results(table, read_strings("en"))) == ["a", "b"]
    (board,) = leaderboards(table, {}, [])
    assert [(row["variant"], row["bar"]) for row in board["rows"]] == [("a", None), ("b", None)]


def test_an_estimator_has_no_epochs_on_the_leaderboard() -> None:
    results = {name: left_by(name, "housing", [1.0, 3.0]) for name in ("linear", "net")}
    recipe = results["linear"].recipe | {"estimator": {"LinearRegression": {}}}
    results["linear"] = replace(results["linear"], recipe=recipe)
    model = {"model": {"parameters": 1, "epochs": 1.0}, "test": {"mse": 1.0}}
    epochs = compare.leaderboard({"housing": dict.fromkeys(results, model)}, results).set_index("variant")["epochs"]
    assert (pd.isna(epochs["linear"]), epochs["net"]) == (True, 1)


def test_a_study_has_its_answer_beside_its_comparisons() -> None:
    results = {"new": left_by("new", "housing", [1.0, 3.0]), "old": left_by("old", "housing", [1.0, 3.0])}
    members = [{"variant": "new", "expected": "better"}]
    study = {"question": "Q?", "claim": "C!", "documents": ["A", "B"], "baseline": "old", "members": members}
    comparisons, answers = compare.studied({"mine": Study.model_validate(study)}, results)
    assert comparisons[["variant", "difference", "verdict"]].to_numpy().tolist() == [["new", 0.0, "within noise"]]
    assert answers.to_numpy().tolist() == [["mine", "Q?", "C!", "A B", "needs several seeds"]]


def test_the_summary_is_short_and_says_what_a_run_gave() -> None:
    table = pd.DataFrame(
        {
            "dataset": ["housing"] * 4 + ["fashion_mnist"],
            "test_mse": [0.3, 0.5, 0.4, np.nan, np.nan],
            "test_accuracy": [np.nan] * 4 + [0.9],
        }
    )
    answers = pd.DataFrame({"answer": ["refuted", "not decided", "not decided"]})
    published = pd.DataFrame({"result": ["missed", "reproduced"]})
    assert compare.summary(table, answers, published) == {
        "housing_mse": {"best": 0.3, "median": 0.4, "worst": 0.5},
        "fashion_mnist_accuracy": {"best": 0.9, "median": 0.9, "worst": 0.9},
        "claims": {"not_decided": 2, "refuted": 1},
        "published": {"missed": 1, "reproduced": 1},
    }
