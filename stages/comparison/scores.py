"""Scores: one for every test row where the metric has one, else one value for each training."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.training import predicted_classes

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


def shares(probabilities: np.ndarray) -> np.ndarray:
    """Normalize probabilities to float64 (n, classes) that sum to 1: float32 ones almost do.

    probabilities: float32 (n, classes), or (n, 1) that of class 1 of two.
    """
    wide = probabilities.astype(np.float64)
    if wide.shape[1] == 1:
        return np.hstack([1 - wide, wide])
    return wide / wide.sum(axis=1, keepdims=True)


def _log_loss(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    label_shares = shares(probabilities)[np.arange(len(y)), y]
    return -np.log(np.clip(label_shares, np.finfo(np.float64).eps, 1))  # clipped as scikit-learn does


ROW_SCORES: dict[str, Score] = {
    "accuracy": lambda y, probabilities: (predicted_classes(probabilities) == y).astype(np.float64),
    "log_loss": _log_loss,
    "mse": lambda y, predicted: (predicted[:, 0].astype(np.float64) - y) ** 2,
    "mae": lambda y, predicted: np.abs(predicted[:, 0].astype(np.float64) - y),
}
"""Float64 (rows,) from y (rows,) and predictions, float32 (rows, outputs); the metric is their mean."""

TRAINING_SCORES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "roc_auc": lambda y, probabilities: metrics.roc_auc_score(y, probabilities[:, -1]),
    "average_precision": lambda y, probabilities: metrics.average_precision_score(y, probabilities[:, -1]),
}
"""One number for two classes, from y (rows,) and probabilities, float32 (rows, 2), or (rows, 1) those of class 1."""

HISTORY_SCORES: dict[str, Callable[[pd.DataFrame], float]] = {
    "training_loss": lambda history: history["loss"].iloc[-1],
    "training_accuracy": lambda history: history["accuracy"].iloc[-1],
    "overfitting": lambda history: history["val_loss"].iloc[-1] - history["loss"].iloc[-1],
    "loss_rise": lambda history: history["val_loss"].iloc[-1] - history["val_loss"].min(),
}
"""One number from the epochs of one training.

`overfitting` is validation loss less training loss, `loss_rise` the rise of the validation loss from its minimum.
"""

HISTORY_PARTS = {
    "training_loss": ("train",),
    "training_accuracy": ("train",),
    "overfitting": ("train", "validation"),
    "loss_rise": ("validation",),
}
"""The parts of the split on whose rows each of HISTORY_SCORES is measured."""

LESS_IS_BETTER = {"log_loss", "mse", "mae", "training_loss", "overfitting", "loss_rise"}

KNOWN = (*ROW_SCORES, *TRAINING_SCORES, *HISTORY_SCORES)


def metrics_for(classes: int) -> tuple[str, ...]:
    """Name the metrics that fit a data set of so many classes; 0: its target is a quantity."""
    if not classes:
        return ("mse", "mae", *(name for name in HISTORY_SCORES if name != "training_accuracy"))
    return ("accuracy", "log_loss", *(TRAINING_SCORES if classes == 2 else ()), *HISTORY_SCORES)
