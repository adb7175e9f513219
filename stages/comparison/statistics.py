"""How large a difference is, and how large it could be by chance.

A difference has two sources of chance: the rows that happened to be in the test, and the seed from which a net
happened to start. Both models of a comparison predict the same rows and, with several seeds, start from the same
seeds, so what is looked at is the difference in each row and each seed, never two figures apart.

- One seed: the t interval of the mean over test rows. It speaks of these two trained nets, and says nothing of seeds.
- Several seeds: seeds and rows are both drawn at random. The variances of the mean over seeds and over rows are added,
  less what both contain (the mean squares of a two-way analysis of variance), with Satterthwaite's degrees of freedom.
- Repeated splits of a small data set: one value for each split, with the variance corrected for the rows that the
  splits share (Nadeau & Bengio 2003, "Inference for the Generalization Error", Machine Learning 52).

Several comparisons in one study share the error: each interval is that of 1 - 0.05 / comparisons (Bonferroni), so that
all of them hold together in 95 % of studies.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import t

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean, and where its expectation lies with the stated confidence; infinite where nothing limits it."""

    mean: float
    low: float
    high: float


def interval(
    values: np.ndarray, comparisons: int = 1, overlap: float = 0.0, confidence: float = CONFIDENCE
) -> Interval:
    """The t interval of the mean of values, float (n,); infinite for one value.

    overlap: of repeated splits, the number of test rows for each training row, else 0.
    """
    n = len(values)
    variance = float(np.var(values, ddof=1)) if n > 1 else np.inf
    return _around(float(np.mean(values)), variance * (1 / n + overlap), n - 1, comparisons, confidence)


def interval_of_rows(values: np.ndarray, comparisons: int = 1, confidence: float = CONFIDENCE) -> Interval:
    """The interval of the mean of values, float (seeds, rows): over rows for one seed, over both for several."""
    seeds, rows = values.shape
    if seeds == 1:
        return interval(values[0], comparisons, confidence=confidence)
    mean, of_seeds, of_rows = values.mean(), values.mean(axis=1, keepdims=True), values.mean(axis=0)
    by_seed = float(np.var(of_seeds, ddof=1)) / seeds
    by_row = float(np.var(of_rows, ddof=1)) / rows
    rest = float(np.mean((values - of_seeds - of_rows + mean) ** 2)) / (seeds - 1) / (rows - 1)
    variance = max(by_seed + by_row - rest, by_seed, by_row)
    parts = by_seed**2 / (seeds - 1) + by_row**2 / (rows - 1) + rest**2 / (seeds - 1) / (rows - 1)
    return _around(float(mean), variance, variance**2 / parts if parts else 1, comparisons, confidence)


def _around(mean: float, variance: float, degrees: float, comparisons: int, confidence: float) -> Interval:
    if not np.isfinite(variance):
        return Interval(mean, -np.inf, np.inf)
    half = float(t.ppf(1 - (1 - confidence) / 2 / comparisons, degrees)) * variance**0.5
    return Interval(mean, mean - half, mean + half)


def verdict(difference: Interval, less_is_better: bool) -> str:
    """`better`, `worse` or `within noise`: whether 0 lies outside the interval, and on which side."""
    if not (difference.low > 0 or difference.high < 0):  # as with one that is not a number
        return "within noise"
    return "better" if (difference.low > 0) != less_is_better else "worse"
