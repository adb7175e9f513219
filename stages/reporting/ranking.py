"""ROC and precision-recall curves of several trainings at the same points."""

import numpy as np
import pandas as pd

GRID = np.linspace(0, 1, 101)
"""Points at which the curves of several trainings are averaged."""


def by_training(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows of each training. table: columns split, seed and those of a curve."""
    return [rows for _, rows in table.groupby(["split", "seed"], sort=False)]


def roc_on_grid(curve: pd.DataFrame) -> np.ndarray:
    """True positive rate at each false positive rate of `GRID`, float64. curve: one training's rows."""
    on_grid = np.interp(GRID, curve["false_positive_rate"], curve["true_positive_rate"])
    return np.concatenate([[0.0], on_grid[1:]])


def precision_on_grid(curve: pd.DataFrame) -> np.ndarray:
    """Precision at each recall of `GRID`, float64. curve: one training's rows."""
    # The first row predicts nothing as positive. Between thresholds precision is that of the next one: there are no
    # straight lines between the points.
    recall, precision = curve["recall"].to_numpy()[1:], curve["precision"].to_numpy()[1:]
    place = np.searchsorted(recall, np.maximum(GRID, GRID[1]) - 1e-9)
    return precision[np.minimum(place, len(precision) - 1)]


def precision_without_skill(curves: list[pd.DataFrame]) -> float:
    """Precision of predicting all rows as positive: the share of positive rows."""
    return float(np.mean([curve["precision"].iloc[-1] for curve in curves]))
