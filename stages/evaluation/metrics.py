"""What a variant's predictions are worth: each training measured, and the means over them; scikit-learn does it."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.comparison.scores import TRAINING_SCORES, predicted_classes, shares
from stages.comparison.statistics import interval
from stages.datasets import Split, overlap_of, split_of_each
from stages.params.overrides import Recipe

Metrics = dict[str, float]


def classification_metrics(y: np.ndarray, probabilities: np.ndarray) -> Metrics:
    """Measure a classifier.

    y: int (n,); probabilities: float32 (n, classes), or (n, 1) that of class 1 of two.
    log_loss is the mean cross-entropy in nats: Keras's `loss` without penalties, but for the least probabilities, which
    Keras takes from the logits and scikit-learn cuts off at 2e-16.
    """
    of_class = shares(probabilities)
    classes = range(of_class.shape[1])
    predicted = predicted_classes(probabilities)
    measured = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "log_loss": metrics.log_loss(y, of_class, labels=classes),
        "macro_f1": metrics.f1_score(y, predicted, labels=classes, average="macro", zero_division=0),
        "calibration_error": calibration_error(y, of_class),
    }
    if probabilities.shape[1] == 1:
        measured |= {name: score(y, probabilities) for name, score in TRAINING_SCORES.items()}
    return measured


def calibration_error(y: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the predicted class: |accuracy - confidence|, mean over bins weighted by rows.

    y: int (n,); probabilities: float64 (n, classes). The bins divide confidence, 0 to 1, evenly (Guo et al. 2017, "On
    Calibration of Modern Neural Networks").
    """
    confidence, correct, bin_of_row = confidence_bins(y, probabilities, bins)
    gaps = np.bincount(bin_of_row, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(y))


def confidence_bins(y: np.ndarray, probabilities: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The confidence in the predicted class, float64 (n,), whether it is right, and its bin, int (n,) from 0.

    y: int (n,); probabilities: float64 (n, classes).
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == y
    return confidence, correct, np.minimum((confidence * bins).astype(int), bins - 1)


def regression_metrics(y: np.ndarray, predicted: np.ndarray) -> Metrics:
    """Measure a regression, in the target's unit (mse: its square). y: float32 (n,); predicted: float32 (n, 1)."""
    values = predicted[:, 0].astype(np.float64)
    mse = metrics.mean_squared_error(y, values)
    return {
        "mse": mse,
        "rmse": float(np.sqrt(mse)),
        "mae": metrics.mean_absolute_error(y, values),
        "r2": metrics.r2_score(y, values),
    }


def part_metrics(y: np.ndarray, outputs: dict[str, np.ndarray], recipe: Recipe) -> Metrics:
    """Measure one part by one seed; a second output adds its own error and the weighted sum that was minimised."""
    main = outputs["main"]
    if not np.issubdtype(y.dtype, np.floating):
        return classification_metrics(y, main)
    measured = regression_metrics(y, main)
    if "auxiliary" in outputs:
        measured["auxiliary_mse"] = regression_metrics(y, outputs["auxiliary"])["mse"]
        weights = {"main": 1.0, "auxiliary": 1.0} | recipe.get("loss_weights", {})
        measured["loss"] = weights["main"] * measured["mse"] + weights["auxiliary"] * measured["auxiliary_mse"]
    return measured


def over_trainings(measured: list[Metrics], splits: int = 1, overlap: float = 0.0) -> Metrics:
    """Mean of each metric over the trainings, and of several, `<metric>_std` and the 95 % interval `_low`, `_high`.

    The trainings of a split follow each other. Of repeated splits the interval is over splits, each the mean of its
    seeds, and overlap the number of test rows for each training row; of one split it is over seeds.
    """
    table = pd.DataFrame(measured)
    values = table.mean().to_dict()
    if len(table) > 1:
        by_split = table.groupby(np.arange(len(table)) // (len(table) // splits)).mean() if splits > 1 else table
        values |= table.std(ddof=1).add_suffix("_std").to_dict()
        for name in table:
            _, low, high = interval(by_split[name].to_numpy(), overlap=overlap)
            values |= {f"{name}_low": low, f"{name}_high": high}
    return {str(name): round(float(value), 6) for name, value in values.items()}


def metrics_of_each(
    recipe: Recipe, splits: list[Split], predictions: dict[str, np.ndarray], history: pd.DataFrame
) -> dict[str, list[Metrics]]:
    """Measure each training of a variant: {part: [metrics of the first training, of the next, …]}.

    splits: the split and its repetitions.
    """
    measured: dict[str, list[Metrics]] = {}
    for part in [part for part in ("train", "validation", "test") if part in predictions]:
        outputs = {"main": predictions[part]}
        if f"{part}_auxiliary" in predictions:
            outputs["auxiliary"] = predictions[f"{part}_auxiliary"]
        measured[part] = [
            part_metrics(split.y[part], {name: values[number] for name, values in outputs.items()}, recipe)
            for number, split in enumerate(split_of_each(splits, len(predictions[part])))
        ]
    if "cross_validation_accuracy" in history:
        measured["cross_validation"] = [{"accuracy": value} for value in history["cross_validation_accuracy"]]
    return measured


def variant_metrics(of_each: dict[str, list[Metrics]], splits: list[Split], summary: dict[str, Any]) -> dict[str, Any]:
    """Average what `metrics_of_each` gave: {part: {metric: value}}, and the model itself as the part `model`.

    summary: as the training left it, with the epochs of each training.
    """
    measured: dict[str, Any] = {
        part: over_trainings(figures, len(splits), overlap_of(splits, "test" if part == "cross_validation" else part))
        for part, figures in of_each.items()
    }
    epochs = summary["epochs"]
    measured["model"] = {
        "parameters": summary["parameters"],
        "epochs": float(np.mean(epochs)),
        "trainings": len(epochs),
    }
    if len(epochs) > 1:
        measured["model"]["epochs_std"] = round(float(np.std(epochs, ddof=1)), 6)
    return measured


def trainings(
    name: str, recipe: Recipe, of_each: dict[str, list[Metrics]], splits: list[Split], epochs: list[int]
) -> pd.DataFrame:
    """One row for each training: dataset, variant, split (0, 1, … of repeated ones), seed, epochs, <part>_<metric>."""
    seeds = range(recipe["seed"], recipe["seed"] + recipe["repeats"])
    rows = [
        {"dataset": recipe["dataset"], "variant": name, "split": split, "seed": seed}
        for split in range(len(splits))
        for seed in seeds
    ]
    for number, (row, count) in enumerate(zip(rows, epochs, strict=True)):
        row["epochs"] = count
        for part, figures in of_each.items():
            row |= {f"{part}_{metric}": value for metric, value in figures[number].items()}
    return pd.DataFrame(rows)
