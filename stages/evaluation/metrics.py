"""Metrics of a variant's predictions, as scikit-learn defines them: of each training, and their means."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.comparison.scores import EVALUATION_SCORES, TRAINING_SCORES, log_losses, shares
from stages.comparison.statistics import share_of_seeds
from stages.evaluation.names import auxiliary_names
from stages.splits import Split, split_of_each
from stages.training import predicted_classes
from stages.training.recipe import Recipe

Metrics = dict[str, float]

ERROR = 0.05
"""Chance that an interval of the tables of one variant misses."""
NOT_OF_LAST = ("epoch", "learning_rate", "cross_validation_accuracy")
"""Columns of a history that are no metrics of its last epoch."""


def classification_metrics(y: np.ndarray, probabilities: np.ndarray) -> Metrics:
    """Measure a classifier.

    y: int (n,); probabilities: float32 (n, classes), or (n, 1) that of class 1 of two.
    log_loss is the mean cross-entropy in nats: Keras's `loss` without penalties, except for the smallest probabilities,
    which Keras takes from the logits and scikit-learn clips at 2e-16. Only two classes have TRAINING_SCORES.
    """
    wide = shares(probabilities)
    counts = confusion_counts(y, probabilities)
    measured = {
        "accuracy": float(counts.trace() / len(y)),
        "log_loss": float(log_losses(y, wide).mean()),
        "macro_f1": float(scores_of_classes(counts)["f1"].mean()),
        "calibration_error": calibration_error(y, wide),
    }
    if len(counts) == 2:
        measured |= {name: score(y, probabilities) for name, score in TRAINING_SCORES.items()}
    return measured


def confusion_counts(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Count rows by actual and by predicted class, int64 (classes, classes): what the scores of classes are made of.

    y: int (n,); probabilities: float32 (n, classes), or (n, 1) that of class 1 of two.
    """
    classes = max(probabilities.shape[1], 2)
    pairs = y.astype(np.int64) * classes + predicted_classes(probabilities)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def scores_of_classes(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1 of each class, float64 (classes,): 0 where there is nothing to divide by.

    counts: as `confusion_counts` gives them.
    """
    right, actual, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    parts = {"precision": (right, predicted), "recall": (right, actual), "f1": (2 * right, actual + predicted)}
    return {name: part / np.maximum(whole, 1) for name, (part, whole) in parts.items()}


def calibration_error(y: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the predicted class: |accuracy - confidence|, mean over bins weighted by rows.

    y: int (n,); probabilities: float64 (n, classes). The bins divide confidence, 0 to 1, evenly (Guo et al. 2017, "On
    Calibration of Modern Neural Networks").
    """
    confidence, correct, bin_of_row = confidence_bins(y, probabilities, bins)
    gaps = np.bincount(bin_of_row, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(y))


def confidence_bins(y: np.ndarray, probabilities: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the confidence in the predicted class, float64 (n,), whether it is right, bool (n,), and its bin, int (n,).

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
    """Measure the predictions of one training for one part.

    y: (n,) int class or float quantity; outputs: float32 (n, outputs) by output. A second output adds its own squared
    error and, if that is the loss, the weighted sum that was minimized.
    """
    main = outputs["main"]
    if not np.issubdtype(y.dtype, np.floating):
        return classification_metrics(y, main)
    measured = regression_metrics(y, main)
    if "auxiliary" in outputs:
        measured["auxiliary_mse"] = regression_metrics(y, outputs["auxiliary"])["mse"]
        if "loss" in auxiliary_names(recipe):
            weights = {"main": 1.0, "auxiliary": 1.0} | recipe.get("loss_weights", {})
            measured["loss"] = weights["main"] * measured["mse"] + weights["auxiliary"] * measured["auxiliary_mse"]
    return measured


def mean_metrics(measured: list[Metrics]) -> Metrics:
    """Average each metric over the trainings; of several, also `<metric>_std`. One without metrics, which diverged, is
    left out.
    """
    found = {}
    for name in dict.fromkeys(name for each in measured for name in each):
        values = np.array([each[name] for each in measured if not np.isnan(each.get(name, np.nan))])
        if len(values):
            found[name] = values.mean()
        if len(values) > 1:
            found[f"{name}_std"] = values.std(ddof=1)
    return {name: round(float(value), 6) for name, value in found.items() if np.isfinite(value)}


def training_metrics(
    recipe: Recipe,
    splits: list[Split],
    predictions: Mapping[str, np.ndarray],
    history: pd.DataFrame,
    summary: Mapping[str, Any],
) -> dict[str, list[Metrics]]:
    """Measure each training of a variant: {part: [metrics of the first training, of the next, …]}.

    splits: the split and its repetitions; summary: that of the variant. The saved model's own evaluation of the
    training rows is part `train`, that of its weights part `model`. A training that diverged has no metrics.
    """
    measured: dict[str, list[Metrics]] = {}
    for part in [part for part in ("train", "validation", "test") if part in predictions]:
        outputs = {"main": predictions[part]}
        if f"{part}_auxiliary" in predictions:
            outputs["auxiliary"] = predictions[f"{part}_auxiliary"]
        measured[part] = [
            {}
            if summary["diverged"][number]
            else part_metrics(split.y[part], {name: values[number] for name, values in outputs.items()}, recipe)
            for number, split in enumerate(split_of_each(splits, len(predictions[part])))
        ]
    for evaluated in ("train", "model"):
        found = [each.get(evaluated, {}) for each in summary["evaluations"]]
        if any(found):
            before = measured.get(evaluated, [{}] * len(found))
            measured[evaluated] = [ours | theirs for ours, theirs in zip(found, before, strict=True)]
    if "cross_validation_accuracy" in history:
        measured["cross_validation"] = [{"accuracy": value} for value in history["cross_validation_accuracy"]]
    return measured


def variant_metrics(
    by_training: dict[str, list[Metrics]], splits: list[Split], summary: Mapping[str, Any]
) -> dict[str, Any]:
    """Average the metrics of the trainings: {part: {metric: value}}, and the model's size and cost as the part `model`.

    by_training: as `training_metrics` gives them; summary: that of the training, with the epochs of each training.
    `diverged` is the share of the trainings that did, with Wilson's interval.
    """
    measured: dict[str, Any] = {part: mean_metrics(each) for part, each in by_training.items()}
    epochs = summary["epochs"]
    model = {"parameters": summary["parameters"], "epochs": float(np.mean(epochs)), "trainings": len(epochs)}
    if multiply_adds(summary["layers"]) is not None:
        rows = [len(split.y["train"]) for split in split_of_each(splits, len(epochs))]
        done = np.zeros(len(epochs))
        for each in (summary, *summary.get("initial_weights", [])):
            done += float(multiply_adds(each["layers"]) or 0) * np.array(rows) * np.array(each["epochs"])
        model["multiply_adds"] = float(np.mean(done))
    if len(epochs) > 1:
        model["epochs_std"] = round(float(np.std(epochs, ddof=1)), 6)
    if diverged := sum(map(bool, summary["diverged"])):
        share, low, high = share_of_seeds(diverged, len(epochs), ERROR)
        model |= {"diverged": round(share, 6), "diverged_low": round(low, 6), "diverged_high": round(high, 6)}
    measured["model"] = measured.get("model", {}) | model
    return measured


def multiply_adds(layers: list[dict[str, Any]]) -> int | None:
    """Count the multiplications, each with its addition, that train a model with one row for one step.

    Those of the matrix products and convolutions alone: of the kernel with the input, of the gradient of the kernel,
    where it is trained, and of the gradient of the input, where a layer below is. None for an estimator, whose steps
    are not known. layers: of the summary.
    """
    if any("multiply_adds" not in layer for layer in layers):
        return None
    trained_below: dict[str, bool] = {}
    count = 0
    for layer in layers:
        below = any(trained_below.get(name, False) for name in layer["inputs"])
        count += layer["multiply_adds"] * (1 + layer["trainable"] + below)
        trained_below[layer["name"]] = below or layer["trainable"]
    return count


def training_table(
    name: str,
    recipe: Recipe,
    by_training: dict[str, list[Metrics]],
    splits: list[Split],
    summary: Mapping[str, Any],
    history: pd.DataFrame,
) -> pd.DataFrame:
    """Tabulate the trainings, one row each: dataset, variant, split, seed, epochs, diverged, reason, <part>_<metric>.

    split: 0, or the number of the repetition; diverged: the epoch in which it did, and the reason. overfitting: of the
    saved model; last_<column>: of the history's last epoch; least_val_loss: the least of its validation losses.
    by_training: as `training_metrics` gives them.
    """
    seeds = range(recipe["seed"], recipe["seed"] + recipe["seeds"])
    rows: list[dict[str, Any]] = [
        {"dataset": recipe["dataset"], "variant": name, "split": split, "seed": seed}
        for split in range(len(splits))
        for seed in seeds
    ]
    keys = [column for column in ("split", "seed") if column in history]
    by_epoch = history.groupby(keys, sort=False)
    last = by_epoch.tail(1).drop(columns=[*keys, *NOT_OF_LAST], errors="ignore").add_prefix("last_")
    if "val_loss" in history:
        last["least_val_loss"] = by_epoch["val_loss"].min().to_numpy()
    of_history = zip(summary["epochs"], last.to_dict("records"), strict=True)
    for number, (row, (count, of_last)) in enumerate(zip(rows, of_history, strict=True)):
        row["epochs"] = count
        diverged = summary["diverged"][number] or {}
        row |= {"diverged": diverged.get("epoch"), "reason": diverged.get("reason")}
        for part, each in by_training.items():
            row |= {f"{part}_{metric}": value for metric, value in each[number].items()}
        evaluation = summary["evaluations"][number]
        if {"train", "validation"} <= evaluation.keys():
            row["overfitting"] = EVALUATION_SCORES["overfitting"](evaluation)
        row |= {str(column): value for column, value in of_last.items()}
    return pd.DataFrame(rows)
