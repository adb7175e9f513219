import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import evaluate


def test_a_classifier_is_measured_as_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.5, 0.4, 0.1]], dtype=np.float32)
    measured = evaluate.classification_metrics(np.array([0, 2, 1]), probabilities)
    assert measured["accuracy"] == pytest.approx(2 / 3)
    assert measured["log_loss"] == pytest.approx(-np.log([0.7, 0.8, 0.4]).mean(), rel=1e-6)


def test_a_probability_of_zero_for_the_true_class_costs_much_but_not_everything() -> None:
    measured = evaluate.classification_metrics(np.array([0]), np.array([[0, 1, 0]], dtype=np.float32))
    assert 30 < measured["log_loss"] < 40


def test_one_output_is_the_probability_of_class_one() -> None:
    ones = np.array([[0.1], [0.9], [0.6], [0.4]], dtype=np.float32)
    measured = evaluate.classification_metrics(np.array([0, 1, 0, 1]), ones)
    assert measured["accuracy"] == 0.5
    assert measured["roc_auc"] == 0.75
    assert measured["log_loss"] == pytest.approx(-np.log([0.9, 0.9, 0.4, 0.4]).mean(), rel=1e-6)


def test_a_regression_is_measured_as_by_hand() -> None:
    measured = evaluate.regression_metrics(np.array([1, 2, 3], dtype=np.float32), np.array([[1], [2], [5]], np.float32))
    assert measured == pytest.approx({"mse": 4 / 3, "rmse": (4 / 3) ** 0.5, "mae": 2 / 3, "r2": -1.0})


@pytest.mark.parametrize(("recipe", "loss"), [({"loss_weights": {"main": 0.9, "auxiliary": 0.1}}, 1.3), ({}, 5.0)])
def test_a_second_output_adds_its_error_and_the_weighted_sum(recipe: dict, loss: float) -> None:
    y = np.array([0, 0], dtype=np.float32)
    outputs = {"main": np.array([[1], [1]], np.float32), "auxiliary": np.array([[2], [2]], np.float32)}
    measured = evaluate.part_metrics(y, outputs, recipe)
    assert measured["auxiliary_mse"] == 4
    assert measured["loss"] == pytest.approx(loss)


def test_one_seed_has_no_deviation_and_several_have() -> None:
    assert evaluate.over_seeds([{"accuracy": 0.5}]) == {"accuracy": 0.5}
    assert evaluate.over_seeds([{"accuracy": 0.4}, {"accuracy": 0.6}]) == {
        "accuracy": 0.5,
        "accuracy_std": pytest.approx(0.141421),
    }


def test_a_variant_is_measured_on_each_part_that_it_predicted(tmp_path: Path) -> None:
    predictions = {part: np.array([[[0.9], [0.2]]], dtype=np.float32) for part in ("validation", "test")}
    np.savez(tmp_path / "predictions.npz", **predictions)  # type: ignore[arg-type]
    (tmp_path / "summary.json").write_text(json.dumps({"parameters": 7, "epochs": [3]}))
    targets = {"train": np.array([1]), "validation": np.array([1, 0]), "test": np.array([0, 1])}
    measured = evaluate.variant_metrics({}, targets, tmp_path, pd.DataFrame({"seed": [42], "epoch": [3]}))
    assert measured["validation"]["accuracy"] == 1
    assert measured["test"]["accuracy"] == 0
    assert measured["model"] == {"parameters": 7, "epochs": 3}
    assert set(measured) == {"validation", "test", "model"}


def test_curves_have_a_row_per_part_and_epoch() -> None:
    history = pd.DataFrame({"seed": 42, "epoch": [1, 2], "loss": [0.5, 0.4], "val_loss": [0.6, 0.7]})
    table = evaluate.curves("mine", history, "loss")
    assert list(table.columns) == ["variant", "part", "seed", "epoch", "loss"]
    assert table.loc[table["part"] == "validation", "loss"].tolist() == [0.6, 0.7]
    assert evaluate.curves("mine", history, "accuracy").empty


def test_confusion_counts_every_test_row_once() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], dtype=np.float32)
    counts = evaluate.confusion("mine", np.array([0, 0, 1]), probabilities, ("a", "b"))
    assert counts[["actual", "predicted", "count"]].to_numpy().tolist() == [
        ["a", "a", 1],
        ["a", "b", 1],
        ["b", "a", 0],
        ["b", "b", 1],
    ]
