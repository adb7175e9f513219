"""Measure what every variant predicted: `python -m stages.evaluate`.

Reads the recipes, the saved predictions, the targets and the histories; scikit-learn does the measuring. Leaves
`reports/metrics.json` ({data set: {variant: {part: {metric: value}}}}, means over trainings), `reports/trainings.csv`
(the same figures of each training apart) and long tables in `reports/plots/`, for `dvc plots` and the figures: of each
classifier's first training the confusion counts, each class's precision and recall and the most wrong test rows; of all
its trainings the reliability and, where there are two classes, the ROC and precision-recall curves.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.artifacts import HISTORY, PREDICTIONS, RECIPE, SUMMARY
from stages.comparison.scores import TRAINING_SCORES, predicted_classes, shares
from stages.comparison.statistics import interval
from stages.datasets import Split, load_splits, module_of, overlap_of, split_of_each
from stages.recipes.resolve import Recipe

METRICS = Path("reports/metrics.json")
TRAININGS = Path("reports/trainings.csv")
PLOTS = Path("reports/plots")
CONFUSION = PLOTS / "confusion.csv"
CLASSES = PLOTS / "classes.csv"
WORST = PLOTS / "worst.csv"
RELIABILITY = PLOTS / "reliability.csv"
ROC = PLOTS / "roc.csv"
PRECISION_RECALL = PLOTS / "precision_recall.csv"

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
    confidence, correct, bin_of_row = _confidence(y, probabilities, bins)
    gaps = np.bincount(bin_of_row, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(y))


def _confidence(y: np.ndarray, probabilities: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == y
    return confidence, correct, np.minimum((confidence * bins).astype(int), bins - 1)


def reliability(y: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """How often the predicted class is right by how sure the model is of it, in the bins of `calibration_error`.

    y: int (n,); probabilities: float32 (n, classes), or (n, 1) that of class 1 of two.
    Returns: one row for each bin that has rows: confidence and accuracy (means), rows.
    """
    confidence, correct, bin_of_row = _confidence(y, shares(probabilities), bins)
    rows = np.bincount(bin_of_row, minlength=bins)
    sums = {"confidence": confidence, "accuracy": correct}
    filled = rows > 0
    means = {
        name: np.bincount(bin_of_row, weights=values, minlength=bins)[filled] / rows[filled]
        for name, values in sums.items()
    }
    return pd.DataFrame({**means, "rows": rows[filled]})


def worst_rows(
    y: np.ndarray, probabilities: np.ndarray, rows: np.ndarray, classes: tuple[str, ...], count: int = 10
) -> pd.DataFrame:
    """The wrong test rows whose class the model thought least probable, most wrong first.

    y: int (n,); probabilities: float32 (n, classes), or (n, 1) that of class 1 of two; rows: int (n,) in the raw data.
    Returns: row, actual, predicted, and what probability each of the two was given.
    """
    of_class, predicted = shares(probabilities), predicted_classes(probabilities)
    of_actual, of_predicted = (of_class[np.arange(len(y)), label] for label in (y, predicted))
    wrong = np.flatnonzero(predicted != y)
    worst = wrong[np.argsort(of_actual[wrong], kind="stable")][:count]
    named = np.array(classes)
    return pd.DataFrame(
        {
            "row": rows[worst],
            "actual": named[y[worst]],
            "predicted": named[predicted[worst]],
            "probability_actual": of_actual[worst],
            "probability_predicted": of_predicted[worst],
        }
    )


def roc(y: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """The ROC curve of one training. y: int (n,), 0 or 1; probabilities: float32 (n, 1)."""
    false_positive_rate, true_positive_rate, _ = metrics.roc_curve(y, probabilities[:, 0])
    return pd.DataFrame({"false_positive_rate": false_positive_rate, "true_positive_rate": true_positive_rate})


def precision_recall(y: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """The precision-recall curve of one training, by rising recall; y and probabilities as those of `roc`."""
    precision, recall, _ = metrics.precision_recall_curve(y, probabilities[:, 0], drop_intermediate=True)
    return pd.DataFrame({"recall": recall[::-1], "precision": precision[::-1]})


def class_metrics(y: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Precision, recall and F1 of each class, one row each: class, precision, recall, f1, rows."""
    labels = range(len(classes))
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(
        y, predicted_classes(probabilities), labels=labels, zero_division=0
    )
    return pd.DataFrame({"class": classes, "precision": precision, "recall": recall, "f1": f1, "rows": rows})


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


def loss_function(recipe: Mapping[str, Any]) -> str:
    """Name what a variant loses, the same where the figures mean the same; empty for an estimator."""
    return str(recipe.get("loss", "")).removeprefix("sparse_")


def confusion(y: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Count rows by actual and predicted class."""
    counts = metrics.confusion_matrix(y, predicted_classes(probabilities), labels=range(len(classes)))
    index = pd.MultiIndex.from_product([classes, classes], names=["actual", "predicted"])
    return pd.DataFrame({"count": counts.ravel()}, index=index).reset_index()


CLASSIFIED = {
    CONFUSION: ["actual", "predicted", "count"],
    CLASSES: ["class", "precision", "recall", "f1", "rows"],
    WORST: ["row", "actual", "predicted", "probability_actual", "probability_predicted"],
    RELIABILITY: ["confidence", "accuracy", "rows"],
    ROC: ["split", "seed", "false_positive_rate", "true_positive_rate"],
    PRECISION_RECALL: ["split", "seed", "recall", "precision"],
}
"""The tables of classifiers and their columns beside `variant`."""


def classifier_tables(
    classes: tuple[str, ...], splits: list[Split], predictions: np.ndarray, seed: int
) -> dict[Path, pd.DataFrame]:
    """The tables of one classifier's test rows, see `CLASSIFIED`; the curves are those of two classes alone.

    predictions: float32 (trainings, rows, outputs). Confusion, classes and worst rows are of the first training.
    """
    targets = [split.y["test"] for split in split_of_each(splits, len(predictions))]
    y, probabilities = targets[0], predictions[0]
    tables = {
        CONFUSION: confusion(y, probabilities, classes),
        CLASSES: class_metrics(y, probabilities, classes),
        WORST: worst_rows(y, probabilities, splits[0].rows["test"], classes),
        RELIABILITY: reliability(np.concatenate(targets), np.concatenate(predictions)),
    }
    if len(classes) == 2:
        seeds = len(predictions) // len(splits)
        for path, curve in ((ROC, roc), (PRECISION_RECALL, precision_recall)):
            of_each = [
                curve(*training).assign(split=number // seeds, seed=seed + number % seeds)
                for number, training in enumerate(zip(targets, predictions, strict=True))
            ]
            tables[path] = pd.concat(of_each)
    return tables


def write_table(table: pd.DataFrame, path: Path, digits: int = 9) -> None:
    """Write a table as CSV, the same bytes on every system."""
    table.to_csv(path, index=False, float_format=f"%.{digits}g", lineterminator="\n")


def main() -> None:
    """Measure every variant."""
    measured: dict[str, dict[str, Any]] = {}
    each_training: list[pd.DataFrame] = []
    classified: dict[Path, list[pd.DataFrame]] = {path: [] for path in CLASSIFIED}
    for name, recipe in RECIPE.read_all().items():
        dataset = recipe["dataset"]
        splits = load_splits(dataset, recipe["split"])
        predictions, history, summary = PREDICTIONS.read(name), HISTORY.read(name), SUMMARY.read(name)
        of_each = metrics_of_each(recipe, splits, predictions, history)
        measured.setdefault(dataset, {})[name] = variant_metrics(of_each, splits, summary)
        each_training.append(trainings(name, recipe, of_each, splits, summary["epochs"]))
        classes = module_of(dataset).CLASSES
        if classes and "test" in splits[0].y:
            for path, table in classifier_tables(classes, splits, predictions["test"], recipe["seed"]).items():
                classified[path].append(table.assign(variant=name))
    METRICS.parent.mkdir(parents=True, exist_ok=True)
    METRICS.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_table(pd.concat(each_training), TRAININGS, digits=6)
    PLOTS.mkdir(parents=True, exist_ok=True)
    for path, columns in CLASSIFIED.items():
        table = pd.concat(classified[path]) if classified[path] else pd.DataFrame(columns=["variant", *columns])
        write_table(table[["variant", *columns]], path)
    print(f"{sum(map(len, measured.values()))} variants evaluated")


if __name__ == "__main__":
    main()
