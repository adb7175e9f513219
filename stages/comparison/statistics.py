"""How large a difference is, and how large it could be by chance.

A difference has two sources of chance: the rows that happened to be in the test, and the seed from which a net
happened to start. Both models of a comparison predict the same rows and, with several seeds, start from the same
seeds, so what is looked at is the difference in each row and each seed, never two figures apart.

- One seed: the t interval of the mean over test rows. It speaks of these two trained nets, and says nothing of seeds.
- Several seeds: seeds and rows are both drawn at random. The variance of the mean over seeds and that over rows, less
  what both contain (as in a two-way analysis of variance), are added, each with the t of its own degrees of freedom
  (Cochran & Cox 1957, "Experimental Designs"): few seeds widen the interval only where seeds matter.
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


def interval(values: np.ndarray, comparisons: int = 1, overlap: float = 0.0) -> Interval:
    """The t interval of the mean of values, float (n,); infinite for one value.

    overlap: of repeated splits, the number of test rows for each training row, else 0.
    """
    n = len(values)
    if n == 1:
        return Interval(float(values[0]), -np.inf, np.inf)
    return _around(values, _t(n - 1, comparisons) * float(np.var(values, ddof=1) * (1 / n + overlap)) ** 0.5)


def interval_of_rows(values: np.ndarray, comparisons: int = 1) -> Interval:
    """The interval of the mean of values, float (seeds, rows): over rows for one seed, over both for several."""
    seeds, rows = values.shape
    if min(seeds, rows) == 1:
        return interval(values.ravel(), comparisons)
    mean, of_seeds, of_rows = values.mean(), values.mean(axis=1, keepdims=True), values.mean(axis=0)
    by_seed = float(np.var(of_seeds, ddof=1)) / seeds
    by_row = float(np.var(of_rows, ddof=1)) / rows
    rest = float(np.mean((values - of_seeds - of_rows + mean) ** 2)) / (seeds - 1) / (rows - 1)
    squared = _t(seeds - 1, comparisons) ** 2 * by_seed + _t(rows - 1, comparisons) ** 2 * max(by_row - rest, 0.0)
    return _around(values, squared**0.5)


def _t(degrees: int, comparisons: int) -> float:
    return float(t.ppf(1 - (1 - CONFIDENCE) / 2 / comparisons, degrees))


def _around(values: np.ndarray, half: float) -> Interval:
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half)


def verdict(difference: Interval, less_is_better: bool) -> str:
    """`better` or `worse` if 0 lies outside the interval, else `within noise`.

    `no interval` where nothing limits it, `not measured` for what is no number.
    """
    if np.isnan(difference.mean):
        return "not measured"
    if np.isinf(difference.low):
        return "no interval"
    if difference.low <= 0 <= difference.high:
        return "within noise"
    return "better" if (difference.low > 0) != less_is_better else "worse"
