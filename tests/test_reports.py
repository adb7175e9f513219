import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages import compare, readme
from stages.artifacts import tables
from stages.comparison.criteria import Criteria
from stages.comparison.leaderboard import rank, summarize
from stages.comparison.published import measured_value, reproduce
from stages.comparison.trained import TrainedVariant
from stages.documents import PublishedValue, Study
from stages.presentation import plot_tables as charts
from stages.reporting.page.boards import leaderboards
from stages.splits import Split
from stages.training.recipe import Recipe

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


def printed(**changes: object) -> PublishedValue:
    base = {
        "document": "B",
        "variant": "mine",
        "part": "validation",
        "metric": "accuracy",
        "value": 0.7,
        "tolerance": 0.01,
    }
    return PublishedValue.model_validate(base | changes)


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, 0.75),
        ({"epoch": 1}, 0.7),
        ({"part": "training", "metric": "loss", "epoch": 2}, 0.4),
        ({"part": "model", "metric": "parameters"}, 7),
    ],
)
def test_a_published_value_is_compared_with_the_saved_model_or_with_the_epoch(changes: dict, ours: float) -> None:
    assert measured_value(printed(**changes), PARTS, HISTORY) == (ours, None, 1)


@pytest.mark.parametrize("changes", [{"metric": "mae"}, {"epoch": 3}, {"part": "test"}])
def test_a_published_value_that_nothing_measured_stays_empty(changes: dict) -> None:
    (row,) = reproduce([printed(**changes)], {"any": {"mine": PARTS}}, {"mine": HISTORY}, 0.05)
    assert row.result == "not measured"
    assert np.isnan([row.ours, row.difference, row.std]).all()


@pytest.mark.parametrize(("tolerance", "result"), [(0.06, "reproduced"), (0.04, "missed")])
def test_a_value_outside_its_tolerance_is_missed(tolerance: float, result: str) -> None:
    (row,) = reproduce([printed(tolerance=tolerance)], {"any": {"mine": PARTS}}, {"mine": HISTORY}, 0.05)
    assert (row.difference, row.result) == (0.05, result)


@pytest.mark.parametrize(("seeds", "result"), [(5, "reproduced"), (4, "missed")])
def test_a_value_within_the_spread_of_five_seeds_is_reproduced(seeds: int, result: str) -> None:
    several = {"mine": {"validation": {"accuracy": 0.75, "accuracy_std": 0.02}}}
    history = pd.concat([HISTORY.assign(seed=seed) for seed in range(seeds)])
    (row,) = reproduce([printed()], {"any": several}, {"mine": history}, 0.05)
    assert (row.std, row.seeds, row.result) == (0.02, seeds, result)


def test_neither_survivors_nor_repeated_splits_have_the_spread_of_seeds() -> None:
    early = HISTORY[HISTORY["epoch"] == 1]
    stopped = pd.concat([HISTORY, *(early.assign(seed=seed) for seed in range(43, 48))])
    assert measured_value(printed(epoch=2), PARTS, stopped) == (0.75, None, 6)
    splits = pd.concat([HISTORY.assign(split=split) for split in range(10)])
    several = {"validation": {"accuracy": 0.75, "accuracy_std": 0.02}}
    assert measured_value(printed(), several, splits) == (0.75, None, 1)
    assert measured_value(printed(epoch=1), several, splits) == (pytest.approx(0.7), None, 1)


def test_the_spread_of_an_epoch_is_that_of_its_trainings() -> None:
    histories = pd.concat([HISTORY, HISTORY.assign(seed=43, val_accuracy=0.9)])
    expected = (pytest.approx(0.8), pytest.approx(0.2 / 2**0.5), 2)
    assert measured_value(printed(epoch=1), PARTS, histories) == expected


def trained_on(name: str, dataset: str, predicted: list[float]) -> TrainedVariant:
    """A variant whose two test rows are both 0."""
    y: dict[str, np.ndarray] = {"train": np.zeros(4), "test": np.zeros(2, np.int32)}
    split = Split(x={}, y=y, rows={part: np.arange(len(values)) for part, values in y.items()}, scaling={})
    outputs = {"housing": [[value] for value in predicted], "fashion_mnist": [[1 - p, p] for p in predicted]}
    history = pd.DataFrame({"seed": [42], "epoch": [1]})
    recipe: Recipe = {"dataset": dataset, "split": "any"}
    predictions = {"test": np.array([outputs[dataset]], np.float32)}
    return TrainedVariant(name, recipe, [split], predictions, history, evaluations=[{}], diverged=[None])


def test_variants_stand_best_first_by_the_metric_of_their_data_set() -> None:
    left = {
        "housing": {"a": [1.0, 3.0], "b": [0.0, 1.0]},
        "fashion_mnist": {"c": [0.1, 0.9], "d": [0.1, 0.2]},
    }
    results = {name: trained_on(name, dataset, each[name]) for dataset, each in left.items() for name in each}
    model = {"model": {"parameters": 1, "epochs": 1.0}}
    measured = {
        "housing": {"a": {"test": {"mse": 5.0}, **model}, "b": {"test": {"mse": 0.5}, **model}},
        "fashion_mnist": {"c": {"test": {"accuracy": 0.5}, **model}, "d": {"test": {"accuracy": 1.0}, **model}},
    }
    table = rank(measured, results, 0.05).set_index("variant")
    assert table.index.tolist() == ["b", "a", "d", "c"]
    # Of two errors, 0 and 1: Student's t of one degree of freedom.
    assert table.loc["b", "test_mse_high"] == pytest.approx(0.5 + 12.7062 * 0.5, rel=1e-4)
    assert table["test_accuracy_low"]["d"] < table["test_accuracy_high"]["d"] == 1


def test_variants_of_which_none_has_test_rows_stand_in_the_order_of_their_names_in_every_report() -> None:
    results = {name: trained_on(name, "fashion_mnist", [0.1, 0.2]) for name in ("b", "a")}
    parts = {"validation": {"accuracy": 0.75}, "model": {"parameters": 7, "epochs": 2.0, "trainings": 1}}
    table = rank({"fashion_mnist": dict.fromkeys(results, parts)}, results, 0.05)
    assert table["variant"].tolist() == ["a", "b"]
    assert table[["test_accuracy", "test_accuracy_low", "test_accuracy_high"]].isna().all(axis=None)
    nothing = pd.DataFrame({"answer": [], "result": []})
    assert summarize(table, nothing, nothing) == {"claims": {}, "published": {}}
    ranked_by = {"fashion_mnist": "accuracy"}
    assert charts.ranking(table, ranked_by, dict.fromkeys("ab", "#000000"), {})["part"].tolist() == ["validation"] * 2
    assert re.findall("`(.)`", readme.results(table)) == ["a", "b"]
    (board,) = leaderboards(table, {}, [])
    assert [(row.variant, row.bar) for row in board.rows] == [("a", None), ("b", None)]


def test_an_estimator_has_no_epochs_on_the_leaderboard() -> None:
    results = {name: trained_on(name, "housing", [1.0, 3.0]) for name in ("linear", "net")}
    recipe: Recipe = {**results["linear"].recipe, "estimator": {"class": "LinearRegression"}}
    results["linear"] = replace(results["linear"], recipe=recipe)
    model = {"model": {"parameters": 1, "epochs": 1.0}, "test": {"mse": 1.0}}
    epochs = rank({"housing": dict.fromkeys(results, model)}, results, 0.05).set_index("variant")["epochs"]
    assert (pd.isna(epochs["linear"]), epochs["net"]) == (True, 1)


def test_a_study_has_its_answer_and_those_of_its_parts_beside_its_comparisons() -> None:
    results = {"new": trained_on("new", "housing", [1.0, 3.0]), "old": trained_on("old", "housing", [1.0, 3.0])}
    parts = [{"claim": "P!", "members": [{"variant": "new", "expected": "better"}]}]
    study = {"question": "Q?", "claim": "C!", "documents": ["A", "B"], "baseline": "old", "but": "b", "parts": parts}
    criteria = Criteria(confidence=0.95, worth={"mse": 0.01})
    seconds = dict.fromkeys(results, 1.0)
    found = compare.answer_all({"mine": Study.model_validate(study)}, results, criteria, seconds)
    (row,) = found[tables.COMPARISONS].to_dict("records")
    assert (row["variant"], row["difference"], row["verdict"], row["part"]) == ("new", 0.0, "same", 1)
    (part,) = found[tables.PARTS].to_dict("records")
    assert (part["claim"], part["answer"]) == ("P!", "open")
    (answer,) = found[tables.ANSWERS].to_dict("records")
    columns = ("study", "question", "claim", "documents", "answer", "yes", "parts", "but")
    assert [answer[column] for column in columns] == ["mine", "Q?", "C!", "A B", "open", 0, 1, "b"]


def test_the_summary_is_short_and_says_what_a_run_gave() -> None:
    table = pd.DataFrame(
        {
            "dataset": ["housing"] * 4 + ["fashion_mnist"],
            "test_mse": [0.3, 0.5, 0.4, np.nan, np.nan],
            "test_accuracy": [np.nan] * 4 + [0.9],
        }
    )
    answers = pd.DataFrame({"answer": ["no", "in part", "in part"]})
    published = pd.DataFrame({"result": ["missed", "reproduced"]})
    assert summarize(table, answers, published) == {
        "housing_mse": {"best": 0.3, "median": 0.4, "worst": 0.5},
        "fashion_mnist_accuracy": {"best": 0.9, "median": 0.9, "worst": 0.9},
        "claims": {"in_part": 2, "no": 1},
        "published": {"missed": 1, "reproduced": 1},
    }
