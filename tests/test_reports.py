from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import compare
from stages.recipes.schema import Published
from stages.reporting import figures

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
    assert compare.our_figure(figure(**changes), PARTS, HISTORY) == ours


@pytest.mark.parametrize("changes", [{"metric": "mae"}, {"epoch": 3}, {"part": "test"}])
def test_a_published_figure_that_nothing_measured_stays_empty(changes: dict) -> None:
    (row,) = compare.published_figures([figure(**changes)], {"any": {"mine": PARTS}}, {"mine": HISTORY})
    assert row["result"] == "not measured"
    assert "ours" not in row


@pytest.mark.parametrize(("tolerance", "result"), [(0.06, "reproduced"), (0.04, "missed")])
def test_a_figure_outside_its_tolerance_is_missed(tolerance: float, result: str) -> None:
    (row,) = compare.published_figures([figure(tolerance=tolerance)], {"any": {"mine": PARTS}}, {"mine": HISTORY})
    assert (row["difference"], row["result"]) == (0.05, result)


def test_the_interval_of_an_accuracy_is_wilsons() -> None:
    counts = pd.DataFrame({"variant": "mine", "actual": ["a", "b"], "predicted": ["a", "a"], "count": [8, 2]})
    table = pd.DataFrame({"variant": ["mine", "mine", "other"], "test_accuracy": [0.8, 0.83, np.nan]})
    table = compare.with_intervals(table, counts)
    # Wilson 1927, for 8 of 10; the mean of several seeds is no whole number of rows.
    assert table["test_accuracy_low"].to_numpy() == pytest.approx([0.4902, 0.4902, np.nan], abs=1e-4, nan_ok=True)
    assert table["test_accuracy_high"].to_numpy() == pytest.approx([0.9433, 0.9433, np.nan], abs=1e-4, nan_ok=True)


def test_variants_stand_best_first_by_the_figure_of_their_data_set() -> None:
    measured = {
        "housing": {
            name: {"test": {"mse": mse}, "model": {"parameters": 1, "epochs": 1.0}}
            for name, mse in [("a", 2), ("b", 1)]
        },
        "fashion_mnist": {
            name: {"test": {"accuracy": value}, "model": {"parameters": 1, "epochs": 1.0}}
            for name, value in [("c", 0.8), ("d", 0.9)]
        },
    }
    table = compare.comparisons(measured, dict.fromkeys("abcd", "any"))
    assert table["variant"].tolist() == ["b", "a", "d", "c"]


@pytest.mark.parametrize(
    "history",
    [
        HISTORY,
        HISTORY[:1],
        HISTORY.drop(columns=["val_loss", "val_accuracy"]),
        pd.concat([HISTORY, HISTORY.assign(seed=43, loss=np.nan)]),
    ],
    ids=["several epochs", "one epoch", "no validation", "two seeds, one diverged"],
)
def test_learning_curves_are_drawn_twice_with_the_same_bytes(history: pd.DataFrame, tmp_path: Path) -> None:
    for path in (tmp_path / "a.png", tmp_path / "b.png"):
        figures.save(figures.learning_curves("mine", history), path)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_learning_rate_is_drawn_where_it_changes() -> None:
    assert len(figures.learning_curves("mine", HISTORY).axes) == 3
    assert len(figures.learning_curves("mine", HISTORY.assign(learning_rate=0.1)).axes) == 2


def test_a_class_without_rows_does_not_stop_the_confusion_matrix(tmp_path: Path) -> None:
    counts = pd.DataFrame({"actual": list("aabb"), "predicted": list("abab"), "count": [3, 1, 0, 0]})
    figures.save(figures.confusion_matrix("mine", counts), tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").stat().st_size > 0
