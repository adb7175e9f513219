"""Scores: one for every test row where the metric has one, else one value for each training."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from stages.training import Evaluation, predicted_classes

if TYPE_CHECKING:
    import pandas as pd

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


def shares(probabilities: np.ndarray) -> np.ndarray:
    """Normalize probabilities to float64 (n, classes) that sum to 1: float32 ones almost do.

    probabilities: float32 (n, classes), or (n, 1) that of class 1 of two.
    """
    wide = probabilities.astype(np.float64)
    if wide.shape[1] == 1:
        return np.hstack([1 - wide, wide])
    return wide / wide.sum(axis=1, keepdims=True)


def log_losses(y: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Cross-entropy of each row in nats, float64 (n,), clipped as scikit-learn does. wide: as `shares` gives them."""
    return -np.log(np.clip(wide[np.arange(len(y)), y], np.finfo(np.float64).eps, 1))


def _roc_auc(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of the pairs of a row of each class that are in order, a tie being half of one (Mann & Whitney 1947).

    NaN without such a pair.
    """
    of_class_1 = probabilities[:, -1]
    negative, positive = np.sort(of_class_1[y == 0]), of_class_1[y == 1]
    in_order = sum(int(np.searchsorted(negative, positive, side).sum()) for side in ("left", "right")) / 2
    pairs = len(negative) * len(positive)
    return in_order / pairs if pairs else float("nan")


def _average_precision(y: np.ndarray, probabilities: np.ndarray) -> float:
    from sklearn import metrics  # here, since it takes half a second, and all other scores do without it

    return metrics.average_precision_score(y, probabilities[:, -1])


ROW_SCORES: dict[str, Score] = {
    "accuracy": lambda y, probabilities: (predicted_classes(probabilities) == y).astype(np.float64),
    "log_loss": lambda y, probabilities: log_losses(y, shares(probabilities)),
    "mse": lambda y, predicted: (predicted[:, 0].astype(np.float64) - y) ** 2,
    "mae": lambda y, predicted: np.abs(predicted[:, 0].astype(np.float64) - y),
}
"""Float64 (rows,) from y (rows,) and predictions, float32 (rows, outputs); the metric is their mean."""

TRAINING_SCORES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
}
"""One number for two classes, from y (rows,) and probabilities, float32 (rows, 2), or (rows, 1) those of class 1."""

EVALUATION_SCORES: dict[str, Callable[[Evaluation], float]] = {
    "training_loss": lambda evaluation: evaluation["train"]["loss"],
    "training_accuracy": lambda evaluation: evaluation["train"]["accuracy"],
    "overfitting": lambda evaluation: evaluation["validation"]["loss"] - evaluation["train"]["loss"],
    "near_zero_weights": lambda evaluation: evaluation["model"]["near_zero_weights"],
}
"""One number from the evaluation of one saved model in inference mode; see `stages.training.evaluation`.

`overfitting` is validation loss less training loss.
"""

HISTORY_SCORES: dict[str, Callable[["pd.DataFrame"], float]] = {
    "loss_rise": lambda history: history["val_loss"].iloc[-1] - history["val_loss"].min(),
}
"""One number from the epochs of one training: `loss_rise` is the rise of the validation loss from its minimum."""

SPREAD_SCORES = {"accuracy_spread": "accuracy"}
"""How far the score of each training is from the median over seeds, and that score: distances from the median tell a
difference in spread (Brown & Forsythe 1974, "Robust Tests for the Equality of Variances", JASA 69)."""

LOSSES = ("training_loss", "overfitting", "loss_rise")
"""Scores that are values of the recipe's loss."""

PARTS = {
    "training_loss": ("train",),
    "training_accuracy": ("train",),
    "overfitting": ("train", "validation"),
    "loss_rise": ("validation",),
    "near_zero_weights": (),
}
"""The parts of the split on whose rows a score is measured, where these are not the test rows."""

LESS_IS_BETTER = {"log_loss", "mse", "mae", *LOSSES, *SPREAD_SCORES}

BOUNDED = {"accuracy", *TRAINING_SCORES, "training_accuracy", "near_zero_weights"}
"""Scores from 0 to 1."""

_OF_A_TRAINING = (*EVALUATION_SCORES, *HISTORY_SCORES)

RANKING = (*ROW_SCORES, *TRAINING_SCORES)
"""Scores on test rows, by which a data set may be ranked."""

KNOWN = (*ROW_SCORES, *TRAINING_SCORES, *_OF_A_TRAINING, *SPREAD_SCORES)


def metrics_for(classes: int) -> tuple[str, ...]:
    """Name the metrics that fit a data set of so many classes; 0: its target is a quantity."""
    if not classes:
        return ("mse", "mae", *(name for name in _OF_A_TRAINING if name != "training_accuracy"))
    return ("accuracy", "log_loss", *(TRAINING_SCORES if classes == 2 else ()), *_OF_A_TRAINING, *SPREAD_SCORES)
