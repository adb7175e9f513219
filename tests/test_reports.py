import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pages import reports_of

from stages import compare, readme
from stages.artifacts.tables import ANSWERS, COLUMNS, COMPARISONS, LEADERBOARD
from stages.artifacts.tables import PARTS as PARTS_OF_CLAIMS
from stages.comparison.changes import Changes
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


@pytest.mark.parametrize(
    ("seeds", "std", "result"),
    [
        (5, 0.02, "reproduced"),
        (4, 0.02, "missed"),
        (5, 0.0163, "missed"),
        (20, 0.0234, "reproduced"),
        (20, 0.023, "missed"),
    ],
)
def test_a_value_where_another_of_five_seeds_may_lie_is_reproduced(seeds: int, std: float, result: str) -> None:
    # 0.05 off: t of 4 degrees of freedom is 2.776, of 19 it is 2.093, and the mean of five is not known exactly.
    several = {"mine": {"validation": {"accuracy": 0.75, "accuracy_std": std}}}
    history = pd.concat([HISTORY.assign(seed=seed) for seed in range(seeds)])
    (row,) = reproduce([printed()], {"any": several}, {"mine": history}, 0.05)
    assert (row.std, row.seeds, row.result) == (std, seeds, result)


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
    assert measured_value(printed(epoch=1), PARTS, histories) == (pytest.approx(0.8), pytest.approx(0.2 / 2**0.5), 2)


def test_the_spread_of_a_saved_model_is_that_of_the_trainings_that_ended() -> None:
    parts = PARTS | {"validation": {"accuracy": 0.75, "accuracy_std": 0.02}}
    parts["model"] = PARTS["model"] | {"diverged": 0.4}
    history = pd.concat([HISTORY.assign(seed=seed) for seed in range(5)])
    assert measured_value(printed(), parts, history) == (0.75, 0.02, 3)
    (row,) = reproduce([printed()], {"any": {"mine": parts}}, {"mine": history}, 0.05)
    assert row.result == "missed"
    lost = HISTORY.assign(seed=43, val_accuracy=np.nan)
    assert measured_value(printed(epoch=1), PARTS, pd.concat([HISTORY, lost])) == (pytest.approx(0.7), None, 2)
    assert measured_value(printed(epoch=1), PARTS, lost) is None


def trained_on(name: str, dataset: str, predicted: list[float]) -> TrainedVariant:
    """A variant whose two test rows are both 0."""
    y: dict[str, np.ndarray] = {"train": np.zeros(4), "test": np.zeros(2, np.int32)}
    split = Split(x={}, y=y, rows={part: np.arange(len(values)) for part, values in y.items()}, scaling={})
    outputs = {"housing": [[value] for value in predicted], "fashion_mnist": [[1 - p, p] for p in predicted]}
    history = pd.DataFrame({"seed": [42], "epoch": [1]})
    recipe: Recipe = {"dataset": dataset, "split": "any"}
    predictions = {"test": np.array([outputs[dataset]], np.float32)}
    return TrainedVariant(name, recipe, [split], predictions, history, [{}], [None])


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
    # Of two rows that are both right not more is known than that one in four is.
    assert table["test_accuracy_low"]["d"] < 0.25
    assert table["test_accuracy_high"]["d"] == pytest.approx(1)
    assert table["diverged"].tolist() == [0] * 4


def test_variants_of_which_none_has_test_rows_stand_in_the_order_of_their_names_in_every_report() -> None:
    results = {name: trained_on(name, "fashion_mnist", [0.1, 0.2]) for name in ("b", "a")}
    parts = {"validation": {"accuracy": 0.75}, "model": {"parameters": 7, "epochs": 2.0, "trainings": 1}}
    table = rank({"fashion_mnist": dict.fromkeys(results, parts)}, results, 0.05)
    assert table["variant"].tolist() == ["a", "b"]
    assert table[["test_accuracy", "test_accuracy_low", "test_accuracy_high"]].isna().all(axis=None)
    nothing = pd.DataFrame({"answer": [], "result": []})
    assert summarize(table, nothing, nothing, Changes()) == {"claims_of_this_run": {}, "published_of_this_run": {}}
    ranked_by = {"fashion_mnist": "accuracy"}
    assert charts.ranking(table, ranked_by, dict.fromkeys("ab", "#000000"), {})["part"].tolist() == ["validation"] * 2
    assert re.findall("`(.)`", readme.results(table)) == ["a", "b"]
    reports = reports_of(["a", "b"], "b")
    (board,) = leaderboards(replace(reports, tables={**reports.tables, LEADERBOARD: table}), [], {}, [])
    assert [(row.variant, row.limits) for row in board.rows] == [("a", None), ("b", None)]


def test_an_estimator_has_no_epochs_on_the_leaderboard() -> None:
    results = {name: trained_on(name, "housing", [1.0, 3.0]) for name in ("linear", "net")}
    recipe: Recipe = {**results["linear"].recipe, "estimator": {"class": "LinearRegression"}}
    results["linear"] = replace(results["linear"], recipe=recipe)
    model = {"model": {"parameters": 1, "epochs": 1.0}, "test": {"mse": 1.0}}
    epochs = rank({"housing": dict.fromkeys(results, model)}, results, 0.05).set_index("variant")["epochs"]
    assert (pd.isna(epochs["linear"]), epochs["net"]) == (True, 1)


def test_a_study_has_its_answer_beside_its_comparisons() -> None:
    results = {name: trained_on(name, "housing", [1.0, 3.0]) for name in ("new", "old")}
    parts = [{"members": [{"variant": "new", "expected": "better"}]}]
    study = {"question": "Q?", "claim": "C!", "documents": ["A", "B"], "baseline": "old", "parts": parts, "but": "B."}
    by = Criteria(confidence=0.95, worth={"mse": 0.1})
    tables = compare.answer_all({"mine": Study.model_validate(study)}, results, by, {"new": 60.0, "old": 60.0})
    assert all(table.columns.tolist() == COLUMNS[path] for path, table in tables.items())
    (row,) = tables[COMPARISONS].to_dict("records")
    assert (row["variant"], row["difference"], row["verdict"], row["expected"]) == ("new", 0.0, "same", "better")
    (part,) = tables[PARTS_OF_CLAIMS].to_dict("records")
    assert (part["study"], part["part"], part["claim"], part["answer"]) == ("mine", 1, "C!", "open")
    (answer,) = tables[ANSWERS].drop(columns=["seeds_needed", "minutes"]).to_numpy().tolist()
    assert answer == ["mine", "Q?", "C!", "A B", "open", 0, 1, "B."]


def test_the_summary_is_short_and_says_what_a_run_gave() -> None:
    table = pd.DataFrame(
        {
            "dataset": ["housing"] * 4 + ["fashion_mnist"],
            "test_mse": [0.3, 0.5, 0.4, np.nan, np.nan],
            "test_accuracy": [np.nan] * 4 + [0.9],
        }
    )
    answers = pd.DataFrame({"answer": ["no", "cannot be known", "cannot be known"]})
    published = pd.DataFrame({"result": ["missed", "reproduced"]})
    assert summarize(table, answers, published, Changes()) == {
        "housing_mse": {"best": 0.3, "median": 0.4},
        "fashion_mnist_accuracy": {"best": 0.9, "median": 0.9},
        "claims_of_this_run": {"cannot_be_known": 2, "no": 1},
        "published_of_this_run": {"missed": 1, "reproduced": 1},
    }
