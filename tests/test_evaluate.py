from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics

from stages.artifacts.tables import CONFUSION, PRECISION_RECALL, RELIABILITY, ROC
from stages.comparison.scores import shares
from stages.evaluation import metrics, tables
from stages.evaluation.names import measured_names
from stages.splits import Split


def test_a_classifier_is_measured_as_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.5, 0.4, 0.1]], dtype=np.float32)
    measured = metrics.classification_metrics(np.array([0, 2, 1]), probabilities)
    assert measured["accuracy"] == pytest.approx(2 / 3)
    assert measured["log_loss"] == pytest.approx(-np.log([0.7, 0.8, 0.4]).mean(), rel=1e-6)


def test_a_probability_of_zero_for_the_true_class_costs_much_but_not_everything() -> None:
    measured = metrics.classification_metrics(np.array([0]), np.array([[0, 1, 0]], dtype=np.float32))
    assert 30 < measured["log_loss"] < 40


def test_one_output_is_the_probability_of_class_one() -> None:
    ones = np.array([[0.1], [0.9], [0.6], [0.4]], dtype=np.float32)
    measured = metrics.classification_metrics(np.array([0, 1, 0, 1]), ones)
    assert measured["accuracy"] == 0.5
    assert measured["roc_auc"] == 0.75
    assert measured["log_loss"] == pytest.approx(-np.log([0.9, 0.9, 0.4, 0.4]).mean(), rel=1e-6)


def test_two_outputs_of_two_classes_are_measured_as_one_is() -> None:
    y, ones = np.array([0, 1, 0, 1]), np.array([[0.125], [0.875], [0.625], [0.375]], dtype=np.float32)
    assert metrics.classification_metrics(y, np.hstack([1 - ones, ones])) == metrics.classification_metrics(y, ones)


def test_three_classes_are_not_ranked() -> None:
    measured = metrics.classification_metrics(np.array([0, 1, 2]), np.eye(3, dtype=np.float32))
    assert list(measured) == ["accuracy", "log_loss", "macro_f1", "calibration_error"]


def test_a_regression_is_measured_as_by_hand() -> None:
    measured = metrics.regression_metrics(np.array([1, 2, 3], dtype=np.float32), np.array([[1], [2], [5]], np.float32))
    assert measured == pytest.approx({"mse": 4 / 3, "rmse": (4 / 3) ** 0.5, "mae": 2 / 3, "r2": -1.0})


@pytest.mark.parametrize(("recipe", "loss"), [({"loss_weights": {"main": 0.9, "auxiliary": 0.1}}, 1.3), ({}, 5.0)])
def test_a_second_output_adds_its_error_and_the_weighted_sum(recipe: Any, loss: float) -> None:
    y = np.array([0, 0], dtype=np.float32)
    outputs = {"main": np.array([[1], [1]], np.float32), "auxiliary": np.array([[2], [2]], np.float32)}
    measured = metrics.part_metrics(y, outputs, recipe | {"loss": {"class": "MeanSquaredError"}})
    assert measured["auxiliary_mse"] == 4
    assert measured["loss"] == pytest.approx(loss)
    both = {"main": {"class": "MeanSquaredError"}, "auxiliary": {"class": "MeanSquaredError"}}
    assert metrics.part_metrics(y, outputs, recipe | {"loss": both}) == measured
    assert "loss" not in metrics.part_metrics(y, outputs, recipe | {"loss": {"class": "Huber"}})


TWO_OUTPUTS: Any = {
    "graph": {"class": "wide_and_deep", "auxiliary_output": True},
    "loss": {"class": "MeanSquaredError"},
    "metrics": {"mae": {"class": "MeanAbsoluteError"}},
}


ALL_PARTS = {"train", "validation", "test"}
ESTIMATOR: Any = {"estimator": {"class": "SGDClassifier"}}


@pytest.mark.parametrize(
    ("part", "epoch", "recipe", "classes", "parts", "names"),
    [
        ("validation", 2, {"metrics": {"accuracy": {}}}, 10, ALL_PARTS, ["loss", "accuracy"]),
        (
            *("training", 1, TWO_OUTPUTS, 0, ALL_PARTS),
            ["loss", "mae", "main_loss", "main_mae", "auxiliary_loss", "auxiliary_mae"],
        ),
        ("training", 1, {"metrics": {"accuracy": {}}}, 10, {"train"}, ["loss", "accuracy"]),
        ("training", 1, ESTIMATOR, 10, ALL_PARTS, []),
        ("model", None, {}, 10, {"train"}, ["parameters", "epochs", "trainings", "multiply_adds"]),
        ("cross_validation", None, ESTIMATOR | {"cross_validation": 3}, 10, ALL_PARTS, ["accuracy"]),
        ("cross_validation", None, ESTIMATOR, 10, ALL_PARTS, []),
        ("cross_validation", None, {}, 10, ALL_PARTS, []),
        ("test", None, {}, 10, ALL_PARTS, ["accuracy", "log_loss", "macro_f1", "calibration_error"]),
        ("test", None, {}, 10, {"train", "validation"}, []),
        ("validation", None, {}, 10, {"train", "test"}, []),
        ("validation", 1, {"metrics": {"accuracy": {}}}, 10, {"train"}, []),
        ("test", None, {"graph": {"class": "wide_and_deep"}}, 0, ALL_PARTS, ["mse", "rmse", "mae", "r2"]),
        ("test", None, TWO_OUTPUTS, 0, ALL_PARTS, ["mse", "rmse", "mae", "r2", "auxiliary_mse", "loss"]),
        (
            *("test", None, {}, 2, ALL_PARTS),
            ["accuracy", "log_loss", "macro_f1", "calibration_error", "roc_auc", "average_precision"],
        ),
    ],
)
def test_the_metrics_that_a_value_may_be_of_are_named(
    part: str, epoch: int | None, recipe: Any, classes: int, parts: set[str], names: list[str]
) -> None:
    assert measured_names(part, epoch, recipe, classes, parts) == names


def test_one_seed_has_no_deviation_and_several_have() -> None:
    assert metrics.mean_metrics([{"accuracy": 0.5}]) == {"accuracy": 0.5}
    several = {"accuracy": 0.5, "accuracy_std": pytest.approx(0.141421)}
    assert metrics.mean_metrics([{"accuracy": 0.4}, {"accuracy": 0.6}]) == several
    # One that diverged has no metrics.
    assert metrics.mean_metrics([{"accuracy": 0.4}, {}, {"accuracy": 0.6}]) == several
    assert metrics.mean_metrics([{}, {"accuracy": 0.6}]) == {"accuracy": 0.6}
    assert metrics.mean_metrics([{}, {}]) == {}


def split_with(targets: dict[str, np.ndarray]) -> Split:
    return Split(x={}, y=targets, rows={}, scaling={})


def history_of(*epochs: int, seed: int = 42, splits: int = 1) -> pd.DataFrame:
    """So many epochs of each training."""
    seeds = len(epochs) // splits
    rows = [
        {"split": number // seeds, "seed": seed + number % seeds, "epoch": epoch, "loss": 1 / epoch, "val_loss": epoch}
        for number, count in enumerate(epochs)
        for epoch in range(1, count + 1)
    ]
    return pd.DataFrame(rows) if splits > 1 else pd.DataFrame(rows).drop(columns="split")


def summary_of(*epochs: int, diverged: Any = None) -> dict[str, Any]:
    """The summary of a variant with a dense layer of three inputs and two units."""
    layer = {"class": "Dense", "inputs": [], "output_shape": [None, 2], "parameters": 8, "multiply_adds": 6}
    layer["trainable"] = True
    evaluation = {"train": {"loss": 0.5}, "validation": {"loss": 0.75}, "model": {"near_zero_weights": 0.25}}
    diverged = diverged or [None] * len(epochs)
    return {
        "parameters": 8,
        "layers": [layer | {"name": "output"}],
        "epochs": list(epochs),
        "evaluations": [{} if each else evaluation for each in diverged],
        "diverged": diverged,
    }


@pytest.mark.parametrize(("classes", "columns"), [(2, 1), (2, 2), (4, 4)])
def test_a_classifier_is_measured_as_scikit_learn_does(classes: int, columns: int) -> None:
    generator = np.random.default_rng(classes)
    y = generator.integers(0, classes, 200).astype(np.int32)
    y[y == classes - 1] = 1  # the last of several classes is never right
    probabilities = generator.dirichlet(np.ones(classes), 200).astype(np.float32)[:, -columns:]
    wide, measured = shares(probabilities), metrics.classification_metrics(y, probabilities)
    labels, predicted = range(classes), wide.argmax(axis=1)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(y, predicted),
        "log_loss": sklearn.metrics.log_loss(y, wide, labels=labels),
        "macro_f1": sklearn.metrics.f1_score(y, predicted, labels=labels, average="macro", zero_division=0),
    }
    if classes == 2:
        expected["roc_auc"] = sklearn.metrics.roc_auc_score(y, wide[:, 1])
        expected["average_precision"] = sklearn.metrics.average_precision_score(y, wide[:, 1])
    measured.pop("calibration_error")
    assert measured == pytest.approx(expected, rel=1e-12)
    table = tables.class_metrics(y, probabilities, tuple(map(str, labels)))
    by_class = sklearn.metrics.precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0)
    assert np.allclose(table[["precision", "recall", "f1", "rows"]].T, by_class, rtol=1e-12)
    counts = tables.confusion(y, probabilities, tuple(map(str, labels)))["count"]
    assert counts.tolist() == sklearn.metrics.confusion_matrix(y, predicted, labels=labels).ravel().tolist()


def test_the_names_are_those_of_what_is_measured() -> None:
    for classes in (2, 3):
        measured = metrics.classification_metrics(np.arange(classes), np.eye(classes, dtype=np.float32))
        assert list(measured) == measured_names("test", None, {}, classes, ALL_PARTS)
    outputs = {"main": np.ones((2, 1), np.float32), "auxiliary": np.ones((2, 1), np.float32)}
    measured = metrics.part_metrics(np.array([0.0, 1.0], np.float32), outputs, TWO_OUTPUTS)
    assert list(measured) == measured_names("test", None, TWO_OUTPUTS, 0, ALL_PARTS)


def test_a_variant_is_measured_on_each_part_that_it_predicted() -> None:
    predictions = {part: np.array([[[0.9], [0.2]]], dtype=np.float32) for part in ("validation", "test")}
    splits = [split_with({"train": np.array([1]), "validation": np.array([1, 0]), "test": np.array([0, 1])})]
    by_training = metrics.training_metrics({}, splits, predictions, history_of(3), summary_of(3))
    measured = metrics.variant_metrics(by_training, splits, summary_of(3))
    assert measured["validation"]["accuracy"] == 1
    assert measured["test"]["accuracy"] == 0
    assert measured["train"] == {"loss": 0.5}
    # One row, three epochs: two products for each of six weights.
    model = {"parameters": 8, "epochs": 3, "trainings": 1, "multiply_adds": 36, "near_zero_weights": 0.25}
    assert measured["model"] == model
    assert set(measured) == {"train", "validation", "test", "model"}


def test_the_trainings_for_initial_weights_count_in_the_cost() -> None:
    splits = [split_with({"train": np.array([1, 0])})]
    predictions = {"train": np.full((2, 2, 2), 0.5, np.float32)}
    summary = summary_of(3, 3)
    before = [{"layers": summary["layers"], "epochs": [5, 7]}, {"layers": summary["layers"], "epochs": [1, 1]}]
    by_training = metrics.training_metrics({}, splits, predictions, history_of(3, 3), summary)
    found = metrics.variant_metrics(by_training, splits, {**summary, "initial_weights": before})
    # Two rows, and two products for each of six weights: 9 and 11 epochs.
    assert found["model"]["multiply_adds"] == 2 * 2 * 6 * (9 + 11) / 2


def test_the_evaluation_of_training_rows_stands_beside_their_predictions_where_there_are_no_others() -> None:
    splits = [split_with({"train": np.array([1, 0])})]
    predictions = {"train": np.array([[[0.9], [0.2]]], dtype=np.float32)}
    (found,) = metrics.training_metrics({}, splits, predictions, history_of(3), summary_of(3))["train"]
    assert (found["loss"], found["accuracy"]) == (0.5, 1)


def test_each_training_is_measured_on_the_rows_of_its_split_and_has_a_row_of_its_own() -> None:
    predicted = np.array([[[0.9], [0.2]], [[0.8], [0.1]], [[0.9], [0.2]], [[0.1], [0.6]]], dtype=np.float32)
    splits = [split_with({"train": np.zeros(4), "test": np.array(labels)}) for labels in ([1, 0], [0, 1])]
    epochs = (3, 3, 3, 7)
    history, summary = history_of(*epochs, seed=5, splits=2), summary_of(*epochs)
    by_training = metrics.training_metrics({}, splits, {"test": predicted}, history, summary)
    measured = metrics.variant_metrics(by_training, splits, summary)
    assert measured["test"]["accuracy"] == (1 + 1 + 0 + 1) / 4
    model = measured["model"]
    assert (model["epochs"], model["trainings"], model["epochs_std"], model["multiply_adds"]) == (
        4,
        4,
        2,
        2 * 6 * 4 * 4,
    )
    recipe: Any = {"dataset": "thoracic", "seed": 5, "seeds": 2}
    table = metrics.training_table("mine", recipe, by_training, splits, summary, history)
    columns = ["variant", "split", "seed", "epochs", "test_accuracy", "train_loss", "overfitting", "last_val_loss"]
    assert table[columns].to_numpy().tolist() == [
        ["mine", 0, 5, 3, 1.0, 0.5, 0.25, 3],
        ["mine", 0, 6, 3, 1.0, 0.5, 0.25, 3],
        ["mine", 1, 5, 3, 0.0, 0.5, 0.25, 3],
        ["mine", 1, 6, 7, 1.0, 0.5, 0.25, 7],
    ]
    assert table["least_val_loss"].tolist() == [1] * 4
    assert table["diverged"].isna().all()


def test_a_training_that_diverged_is_told_and_left_out_of_the_means() -> None:
    predicted = np.array([[[np.nan], [np.nan]], [[0.9], [0.2]], [[0.9], [0.7]]], dtype=np.float32)
    splits = [split_with({"train": np.zeros(4), "test": np.array([1, 0])})]
    diverged = [{"epoch": 2, "reason": "loss nan"}, None, None]
    summary, history = summary_of(2, 5, 5, diverged=diverged), history_of(2, 5, 5)
    by_training = metrics.training_metrics({}, splits, {"test": predicted}, history, summary)
    measured = metrics.variant_metrics(by_training, splits, summary)
    assert measured["test"]["accuracy"] == 0.75
    assert measured["model"]["near_zero_weights"] == 0.25
    shares = [measured["model"][name] for name in ("diverged", "diverged_low", "diverged_high")]
    assert shares == pytest.approx([1 / 3, 0.0615, 0.7923], abs=1e-4)  # Wilson's
    recipe: Any = {"dataset": "thoracic", "seed": 42, "seeds": 3}
    table = metrics.training_table("mine", recipe, by_training, splits, summary, history)
    assert table["diverged"].tolist()[0] == 2
    assert table["reason"].fillna("").tolist() == ["loss nan", "", ""]
    assert table["test_accuracy"].isna().tolist() == [True, False, False]


def layer(name: str, multiply_adds: int, parameters: int, *inputs: str) -> dict[str, Any]:
    size = {"multiply_adds": multiply_adds, "parameters": parameters, "trainable": parameters > 0}
    return {"name": name, **size, "inputs": list(inputs)}


def test_what_trains_a_row_is_counted_product_by_product() -> None:
    # 784 x 100 and 100 x 10 weights: both with their input and for their own gradient; and for the gradient of what
    # the second has from the first, whose own input has none.
    dense = [layer("x", 0, 0), layer("hidden", 78_400, 78_500, "x"), layer("output", 1000, 1010, "hidden")]
    assert metrics.multiply_adds(dense) == 2 * 78_400 + 3 * 1000
    # A shortcut from the input joins what is trained.
    wide = [
        layer("x", 0, 0),
        layer("deep", 40, 45, "x"),
        layer("joined", 0, 0, "x", "deep"),
        layer("y", 9, 10, "joined"),
    ]
    assert metrics.multiply_adds(wide) == 2 * 40 + 3 * 9
    # A frozen layer has no gradient of its own, and below it there is nothing to train.
    frozen = [dense[0], {**dense[1], "trainable": False}, dense[2]]
    assert metrics.multiply_adds(frozen) == 78_400 + 2 * 1000
    assert metrics.multiply_adds([{"name": "estimator", "inputs": [], "parameters": 5}]) is None


def test_a_classifier_that_is_as_often_right_as_it_says_is_calibrated() -> None:
    y = np.array([0, 0, 0, 1])
    sure = np.tile([0.75, 0.25], (4, 1))
    assert metrics.calibration_error(y, sure) == 0
    # Of four rows at 0.95, three are right; of two at 0.6, none: (4 * 0.2 + 2 * 0.6) / 6.
    y, unsure = np.array([0, 0, 0, 1, 1, 1]), np.array([[0.95, 0.05]] * 4 + [[0.6, 0.4]] * 2)
    assert metrics.calibration_error(y, unsure) == pytest.approx((4 * 0.2 + 2 * 0.6) / 6)
    assert metrics.calibration_error(np.array([0]), np.array([[1.0, 0.0]])) == 0


def test_precision_and_recall_of_each_class_are_as_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], dtype=np.float32)
    table = tables.class_metrics(np.array([0, 0, 1]), probabilities, ("a", "b"))
    assert table.to_dict("list") == {
        "class": ["a", "b"],
        "precision": [1.0, 0.5],
        "recall": [0.5, 1.0],
        "f1": [pytest.approx(2 / 3)] * 2,
        "rows": [2, 1],
    }


def test_confusion_counts_every_test_row_once() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], dtype=np.float32)
    counts = tables.confusion(np.array([0, 0, 1]), probabilities, ("a", "b"))
    assert counts[["actual", "predicted", "count"]].to_numpy().tolist() == [
        ["a", "a", 1],
        ["a", "b", 1],
        ["b", "a", 0],
        ["b", "b", 1],
    ]


def test_reliability_has_a_row_for_each_bin_with_rows_and_agrees_with_the_calibration_error() -> None:
    probabilities = np.array([[0.95, 0.05], [0.97, 0.03], [0.4, 0.6]], dtype=np.float32)
    y = np.array([0, 1, 1])
    bins = tables.reliability(y, probabilities)
    assert bins.to_numpy().tolist() == [[pytest.approx(0.6), 1, 1], [pytest.approx(0.96), 0.5, 2]]
    error = (bins["rows"] * (bins["accuracy"] - bins["confidence"]).abs()).sum() / len(y)
    assert error == pytest.approx(metrics.calibration_error(y, shares(probabilities)))


def test_the_worst_rows_are_wrong_ones_by_the_probability_of_their_class() -> None:
    probabilities = np.array([[0.3, 0.7], [0.1, 0.9], [0.6, 0.4], [0.49, 0.51]], dtype=np.float32)
    worst = tables.worst_rows(np.array([0, 0, 0, 0]), probabilities, np.array([70, 71, 72, 73]), ("a", "b"), count=2)
    assert worst[["row", "actual", "predicted"]].to_numpy().tolist() == [[71, "a", "b"], [70, "a", "b"]]
    assert worst[["probability_actual", "probability_predicted"]].to_numpy()[0] == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize("columns", [1, 2])
def test_each_training_has_ranking_curves(columns: int) -> None:
    y = {"test": np.array([0, 1, 1, 0])}
    splits = [Split(x={}, y=y, rows={"test": np.arange(4)}, scaling={}) for _ in range(2)]
    perfect, reversed_ = [0.1, 0.9, 0.8, 0.2], [0.9, 0.1, 0.2, 0.8]
    ones = np.array([perfect, reversed_, perfect, perfect], np.float32)
    predictions = np.stack([1 - ones, ones], axis=-1)[..., -columns:]
    made = tables.classifier_tables(("no", "yes"), splits, predictions, seed=42)
    curves = dict(list(made[ROC].groupby(["split", "seed"])))
    assert list(curves) == [(0, 42), (0, 43), (1, 42), (1, 43)]
    areas = [np.trapezoid(each["true_positive_rate"], each["false_positive_rate"]) for each in curves.values()]
    assert areas == [1, 0, 1, 1]
    recall = made[PRECISION_RECALL].query("split == 0 and seed == 42")["recall"]
    assert recall.is_monotonic_increasing
    assert made[RELIABILITY]["rows"].sum() == 16  # of all trainings
    lost = predictions.copy()
    lost[[0, 3]] = np.nan  # the first training and the last diverged
    made = tables.classifier_tables(("no", "yes"), splits, lost, seed=42)
    assert made[ROC][["split", "seed"]].drop_duplicates().to_numpy().tolist() == [[0, 43], [1, 42]]
    assert made[CONFUSION]["count"].sum() == 4  # of the first that ended
    assert made[RELIABILITY]["rows"].sum() == 8
    assert tables.classifier_tables(("no", "yes"), splits, np.full_like(lost, np.nan), seed=42) == {}
    assert ROC not in tables.classifier_tables(("a", "b", "c"), splits, np.ones((1, 4, 3), np.float32), 42)
