"""Axes of the charts of a sweep."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

MIN_VALUES = 3
"""A key of fewer numbers has no axis."""
MIN_RATIO = 10
"""An axis is logarithmic if the greatest number is so many times the least."""
SHOWN = 0.75
"""Share of the candidates that are inside of the axes; the worst may lie below."""


def numeric_keys(declared: Mapping[str, Any], members: pd.DataFrame) -> list[str]:
    """Keys of numbers that have an axis, without `best_for`. declared: as `stages.configure` writes it."""
    return [key for key in declared["keys"] if key != declared["best_for"] and _is_numeric(members[key])]


def _is_numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and values.dtype != bool and values.nunique() >= MIN_VALUES


def is_logarithmic(values: pd.Series) -> bool:
    """Whether the axis of a key is logarithmic."""
    return bool(values.min() > 0 and values.max() >= MIN_RATIO * values.min())


def limits(means: pd.Series, values: pd.Series, less_is_better: bool) -> tuple[float, float]:
    """Ends of the axis of the metric: from a little beyond the best seed to the share of candidates that is shown."""
    best = values.min() if less_is_better else values.max()
    worst = means.quantile(SHOWN if less_is_better else 1 - SHOWN)
    low, high = sorted([float(best), float(worst)])
    margin = 0.06 * (high - low) or 0.05
    return (low - margin, high + margin) if np.isfinite(margin) else (0.0, 1.0)
