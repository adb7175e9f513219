"""Long tables of classifiers' predictions for their test rows, for the figures and the page."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.artifacts.tables import CLASSES, CONFUSION, PRECISION_RECALL, RELIABILITY, ROC, WORST
from stages.comparison.scores import shares
from stages.evaluation.metrics import confidence_bins, confusion_counts, scores_of_classes
from stages.splits import Split, split_of_each
from stages.training import predicted_classes


def classifier_tables(
    classes: tuple[str, ...], splits: list[Split], predictions: np.ndarray, seed: int
) -> dict[Path, pd.DataFrame]:
    """Tabulate one classifier's test rows: by path, all columns except the variant. Only two classes have curves.

    predictions: float32 (trainings, rows, outputs). Confusion, classes and worst rows are of the first training.
    Trainings that diverged, whose predictions are no numbers, are left out; there are no tables if all did.
    """
    ended = [number for number in range(len(predictions)) if np.isfinite(predictions[number]).all()]
    if not ended:
        return {}
    of_each = split_of_each(splits, len(predictions))
    targets = [of_each[number].y["test"] for number in ended]
    first, predictions = of_each[ended[0]], predictions[ended]
    y, probabilities = targets[0], predictions[0]
    tables = {
        CONFUSION: confusion(y, probabilities, classes),
        CLASSES: class_metrics(y, probabilities, classes),
        WORST: worst_rows(y, probabilities, first.rows["test"], classes),
        RELIABILITY: reliability(np.concatenate(targets), np.concatenate(predictions)),
    }
    if len(classes) == 2:
        seeds = len(of_each) // len(splits)
        for path, curve in ((ROC, roc), (PRECISION_RECALL, precision_recall)):
            curves = [curve(*training) for training in zip(targets, predictions, strict=True)]
            number = np.repeat(ended, [len(each) for each in curves])
            tables[path] = pd.concat(curves).assign(split=number // seeds, seed=seed + number % seeds)
    return tables


def confusion(y: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Count rows by actual and predicted class."""
    counts, names = confusion_counts(y, probabilities), np.array(classes, dtype=object)
    actual, predicted = np.repeat(names, len(classes)), np.tile(names, len(classes))
    return pd.DataFrame({"actual": actual, "predicted": predicted, "count": counts.ravel()})


def class_metrics(y: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Measure precision, recall and F1 of each class, one row each: class, precision, recall, f1, rows."""
    counts = confusion_counts(y, probabilities)
    return pd.DataFrame({"class": classes, **scores_of_classes(counts), "rows": counts.sum(axis=1)})


def worst_rows(
    y: np.ndarray, probabilities: np.ndarray, rows: np.ndarray, classes: tuple[str, ...], count: int = 10
) -> pd.DataFrame:
    """Find the wrong test rows to whose class the model gave the least probability, the worst first.

    y: int (n,); probabilities: float32 (n, classes), or (n, 1) that of class 1 of two; rows: int (n,) in the raw data.
    Returns: row, actual, predicted, and the probability of each of the two classes.
    """
    wide, predicted = shares(probabilities), predicted_classes(probabilities)
    of_actual, of_predicted = (wide[np.arange(len(y)), label] for label in (y, predicted))
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


def reliability(y: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """Tabulate accuracy by confidence in the predicted class, in the bins of `calibration_error`.

    y: int (n,); probabilities: float32 (n, classes), or (n, 1) that of class 1 of two.
    Returns: one row for each bin that has rows: confidence and accuracy (means), rows.
    """
    confidence, correct, bin_of_row = confidence_bins(y, shares(probabilities), bins)
    rows = np.bincount(bin_of_row, minlength=bins)
    sums = {"confidence": confidence, "accuracy": correct}
    filled = rows > 0
    means = {
        name: np.bincount(bin_of_row, weights=values, minlength=bins)[filled] / rows[filled]
        for name, values in sums.items()
    }
    return pd.DataFrame({**means, "rows": rows[filled]})


def roc(y: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Compute the ROC curve of one training.

    y: int (n,), 0 or 1; probabilities: float32 (n, 2), or (n, 1) that of class 1.
    """
    false_positive_rate, true_positive_rate, _ = metrics.roc_curve(y, probabilities[:, -1])
    return pd.DataFrame({"false_positive_rate": false_positive_rate, "true_positive_rate": true_positive_rate})


def precision_recall(y: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Compute the precision-recall curve of one training, by rising recall; y and probabilities as for `roc`."""
    precision, recall, _ = metrics.precision_recall_curve(y, probabilities[:, -1], drop_intermediate=True)
    return pd.DataFrame({"recall": recall[::-1], "precision": precision[::-1]})
