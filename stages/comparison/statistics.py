"""The mean of a difference, its 95 % interval, and the verdict.

A difference has two sources of chance: the rows that happen to be in the test, and the seed of the training. Both
models of a comparison predict the same rows and, with several seeds, start from the same seeds, so the intervals are
those of the difference in each row and each seed.

- One seed: the t interval of the mean over test rows. It is about these two trained models, and says nothing of seeds.
- Several seeds: seeds and rows are both drawn at random. The variance of the mean over seeds and that over rows, less
  the part that both contain (as in a two-way analysis of variance), are added, each with the t of its own degrees of
  freedom (Cochran & Cox 1957, "Experimental Designs"): few seeds widen the interval only where seeds matter.
- Repeated splits of a small data set: one value for each split, with the variance corrected for the rows that the
  splits share (Nadeau & Bengio 2003, "Inference for the Generalization Error", Machine Learning 52).

The comparisons of a study share the error: each interval is that of 1 - 0.05 / comparisons (Bonferroni), so that the
intervals of one claim hold simultaneously at 95 %.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import t

from stages.comparison.verdicts import Verdict

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean and its confidence limits, which are infinite for a single value."""

    mean: float
    low: float
    high: float


def interval(values: np.ndarray, comparisons: int = 1, overlap: float = 0.0) -> Interval:
    """Mean of values, float (n,), with its t interval, which is infinite for one value.

    comparisons: the number of intervals that have to hold together; overlap: of repeated splits, the number of test
    rows for each training row, else 0.
    """
    n = len(values)
    if n == 1:
        return Interval(float(values[0]), -np.inf, np.inf)
    return _around(values, _t(n - 1, comparisons) * float(np.var(values, ddof=1) * (1 / n + overlap)) ** 0.5)


def interval_of_rows(values: np.ndarray, comparisons: int = 1) -> Interval:
    """Mean of values, float (seeds, rows), with its interval: over rows for one seed, over both for several."""
    seeds, rows = values.shape
    if min(seeds, rows) == 1:
        return interval(values.ravel(), comparisons)
    mean, seed_means, row_means = values.mean(), values.mean(axis=1, keepdims=True), values.mean(axis=0)
    by_seed = float(np.var(seed_means, ddof=1)) / seeds
    by_row = float(np.var(row_means, ddof=1)) / rows
    rest = float(np.mean((values - seed_means - row_means + mean) ** 2)) / (seeds - 1) / (rows - 1)
    squared = _t(seeds - 1, comparisons) ** 2 * by_seed + _t(rows - 1, comparisons) ** 2 * max(by_row - rest, 0.0)
    return _around(values, squared**0.5)


def _t(degrees: int, comparisons: int) -> float:
    return float(t.ppf(1 - (1 - CONFIDENCE) / 2 / comparisons, degrees))


def _around(values: np.ndarray, half: float) -> Interval:
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half)


def verdict(difference: Interval, less_is_better: bool) -> Verdict:
    """Judge a difference: better or worse if its interval excludes 0, else within noise."""
    if np.isnan(difference.mean):
        return Verdict.NOT_MEASURED
    if np.isinf(difference.low):
        return Verdict.NO_INTERVAL
    if difference.low <= 0 <= difference.high:
        return Verdict.WITHIN_NOISE
    return Verdict.BETTER if (difference.low > 0) != less_is_better else Verdict.WORSE
