"""The mean of a difference, how well it is known, and the verdict.

A difference has two sources of chance: the rows that happen to be in the test, and the seed of the training. Both
models of a comparison predict the same rows and, with several seeds, start from the same seeds, so what is estimated is
the variance of the difference in each row and each seed.

- One seed: the variance of the mean over test rows. It is about these two trained models, and says nothing of seeds.
- Several seeds: seeds and rows are both drawn at random. The variance of the mean over seeds, and that over rows less
  the part that both contain (as in a two-way analysis of variance), each have degrees of freedom of their own.
- Repeated splits of a small data set: splits take the place of rows. Their variance is corrected for the rows that the
  splits share (Nadeau & Bengio 2003, "Inference for the Generalization Error", Machine Learning 52). The same seeds
  train on every split: their variance, less the part that both contain, is added as above.

The half-width of an interval is the root of the sum of the squares of the half-widths of its parts, each with its own
t (Howe 1974, "Approximate Confidence Limits on the Mean of X + Y", Journal of the American Statistical Association 69).

Shares of rows, such as accuracy, have intervals that also fit few rows: those of one model are Wilson's (1927,
"Probable Inference", JASA 22), and of a difference, one row that only the one model has right and one that only the
other has right are added (Bonett & Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial
Proportions Based on Paired Data", Journal of Educational and Behavioral Statistics 37).
"""

from math import inf, isinf, isnan, nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import fisher_exact, norm, t

from stages.comparison.verdicts import Verdict

MAX_SEEDS = 10_000
"""Of more seeds than these, `seeds_to_decide` says that it takes as many."""


class Interval(NamedTuple):
    """A mean and its confidence limits, which are infinite for a single value."""

    mean: float
    low: float
    high: float


class Variances(NamedTuple):
    """The three variances of scores by seed and row; of repeated splits, by seed and split."""

    seed: float = nan
    """Of the means over rows, between seeds."""
    row: float = nan
    """Of the means over seeds, between rows."""
    rest: float = nan
    """Of what is left to seed and row, between single values."""


class Estimate(NamedTuple):
    """A mean, and the variances of that mean by their source."""

    mean: float
    middle: float
    """Of its interval: the mean, but for shares of rows."""
    parts: tuple[tuple[float, int], ...]
    """Variance and degrees of freedom of each source of chance; none where there is one value."""

    def half(self, error: float) -> float:
        """Half the width of the interval that misses with this chance; infinite for a single value."""
        if not self.parts:
            return inf
        return sqrt(sum(quantile(error, degrees) ** 2 * variance for variance, degrees in self.parts))

    def interval(self, error: float) -> Interval:
        """Interval that misses with this chance."""
        half = self.half(error)
        return Interval(self.mean, self.middle - half, self.middle + half)

    def p_value(self) -> float:
        """Chance of a difference of this size or more where there is none: the error at which 0 is just outside."""
        if not self.parts or isnan(self.middle):
            return nan
        if not any(variance > 0 for variance, _ in self.parts):
            return float(self.middle == 0)
        return float(brentq(lambda error: self.half(error) - abs(self.middle), 1e-300, 1, xtol=1e-12))


def quantile(error: float, degrees: int) -> float:
    """Two-sided quantile of Student's t: a value beyond it, on either side, has the chance of error."""
    return float(t.ppf(1 - error / 2, degrees)) if error > 1e-12 else float(-t.ppf(error / 2, degrees))


def variances_of(values: np.ndarray) -> Variances:
    """Analyze the variance of values, float (seeds, rows). What one seed or one row does not show is NaN."""
    seeds, rows = values.shape
    mean, seed_means, row_means = values.mean(), values.mean(axis=1, keepdims=True), values.mean(axis=0)
    return Variances(
        seed=float(np.var(seed_means, ddof=1)) if seeds > 1 else nan,
        row=float(np.var(row_means, ddof=1)) if rows > 1 else nan,
        rest=float(np.sum((values - seed_means - row_means + mean) ** 2)) / (seeds - 1) / (rows - 1)
        if min(seeds, rows) > 1
        else nan,
    )


def estimate(values: np.ndarray, overlap: float = 0.0, shares: bool = False) -> Estimate:
    """Estimate the mean of values, float (seeds, rows), or (seeds, splits) of a split that is repeated.

    overlap: of repeated splits, the number of test rows for each training row, else 0; shares: whether the values are
    differences of shares of single rows, -1 to 1.
    """
    mean = float(values.mean())
    if shares and values.shape[1] > 1:
        values = np.hstack([values, np.ones((len(values), 1)), -np.ones((len(values), 1))])
    return Estimate(
        mean, float(values.mean()), parts_of(variances_of(values), values.shape[0], values.shape[1], overlap)
    )


def parts_of(variances: Variances, seeds: int, rows: int, overlap: float = 0.0) -> tuple[tuple[float, int], ...]:
    """Variance of the mean and degrees of freedom by source of chance: seeds, and rows or splits."""
    by_seed = (variances.seed / seeds, seeds - 1)
    by_row = (variances.row * (1 / rows + overlap), rows - 1)
    if min(seeds, rows) == 1:
        return tuple(part for part in (by_seed, by_row) if part[1])
    both = variances.rest / seeds / rows  # the part of chance that is in the means over seeds and over rows
    if overlap:  # it is in the variance between splits
        return (max(by_seed[0] - both, 0.0), by_seed[1]), by_row
    return by_seed, (max(by_row[0] - both, 0.0), by_row[1])


def share_interval(found: Estimate, rows: int, error: float) -> Interval:
    """Wilson's interval of a share of rows, 0 to 1, for the variance that was found: over rows, or seeds and rows.

    found: the estimate of the share; rows: their number, from which a share of 0 or 1 has its interval.
    """
    if not found.parts:
        return Interval(found.mean, 0.0, 1.0)
    share = min(max(found.mean, 0.0), 1.0)
    spread = share * (1 - share)
    least = quantile(error, max(rows - 1, 1)) ** 2 / rows
    return _wilson(share, max(found.half(error) ** 2 / spread, least) if spread > 0 else least)


def share_of_seeds(count: int, seeds: int, error: float) -> Interval:
    """Share of so many seeds with Wilson's interval."""
    return _wilson(count / seeds, float(norm.ppf(1 - error / 2)) ** 2 / seeds)


def _wilson(share: float, squared: float) -> Interval:
    """Interval of a share. squared: the square of the quantile by the number of rows."""
    middle = (share + squared / 2) / (1 + squared)
    half = sqrt(squared * share * (1 - share) + squared**2 / 4) / (1 + squared)
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))


def verdict(difference: Estimate, less_is_better: bool, worth: float, error: float) -> Verdict:
    """Judge a difference.

    It is the same if both one-sided tests say that it is smaller than what is worth having (Schuirmann 1987, "A
    Comparison of the Two One-Sided Tests Procedure", Journal of Pharmacokinetics and Biopharmaceutics 15), else better
    or worse if its interval excludes 0, else open. worth: 0 where nothing counts as the same.
    """
    if isnan(difference.mean):
        return Verdict.NOT_MEASURED
    if not difference.parts:
        return Verdict.NO_INTERVAL
    if abs(difference.middle) + difference.half(2 * error) < worth:
        return Verdict.SAME
    if abs(difference.middle) <= difference.half(error):
        return Verdict.OPEN
    return Verdict.BETTER if (difference.middle > 0) != less_is_better else Verdict.WORSE


def verdict_with_divergence(
    difference: Estimate | None, diverged: tuple[int, int], seeds: int, less_is_better: bool, error: float
) -> Verdict:
    """Judge a difference where trainings diverged: by how many did, and by those seeds with which none of both did.

    Each of the two has half of the error. Diverging more often is worse (Fisher's exact test). If one says better and
    the other worse, the verdict is open. It is never `same`.
    difference: over the seeds with which neither diverged, None without any; diverged: of the variant and the baseline.
    """
    found = set()
    if diverged[0] != diverged[1] and share_p_value(diverged, seeds) <= error / 2:
        found.add(Verdict.WORSE if diverged[0] > diverged[1] else Verdict.BETTER)
    if difference is not None:
        found.add(verdict(difference, less_is_better, 0.0, error / 2))
    told = found & {Verdict.BETTER, Verdict.WORSE}
    return told.pop() if len(told) == 1 else Verdict.OPEN


def share_p_value(diverged: tuple[int, int], seeds: int) -> float:
    """Fisher's exact p of two shares of as many seeds."""
    return float(fisher_exact([[count, seeds - count] for count in diverged]).pvalue)


def seeds_to_decide(
    mean: float, variances: Variances, seeds: int, rows: int, overlap: float, worth: float, error: float
) -> float:
    """Estimate how many seeds would decide a comparison that is open, if its mean and its variances stay as they are.

    rows: of repeated splits, their number. Returns: more than `seeds`; infinite if no number would, by the chance of
    the rows alone; NaN if repeating the split more often would.
    """

    def decided(number: float, splits: float = rows) -> bool:
        found = Estimate(mean, mean, _parts_with(variances, seeds, rows, overlap, number, splits))
        return verdict(found, False, worth, error) != Verdict.OPEN

    if not decided(inf):
        return nan if overlap and decided(inf, inf) else inf
    low, high = seeds, 2 * seeds
    while not decided(high):
        if high >= MAX_SEEDS:
            return MAX_SEEDS
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high


def _parts_with(
    variances: Variances, seeds: int, rows: int, overlap: float, number: float, splits: float
) -> tuple[tuple[float, int], ...]:
    """What `parts_of` would give with another number of seeds, perhaps infinite, and of splits."""
    many = 10**9  # degrees of freedom of what is known
    seed_degrees = many if isinf(number) else int(number) - 1
    if rows == 1:
        return ((variances.seed / number, seed_degrees),)
    both = variances.rest / rows
    row = max(variances.row - variances.rest / seeds, 0.0)  # of the rows, without that of seeds
    if overlap:
        row_degrees = many if isinf(splits) else int(splits) - 1
        by_split = (row + variances.rest / number) * ((0.0 if isinf(splits) else 1 / splits) + overlap)
        return (max(variances.seed - both, 0.0) / number, seed_degrees), (by_split, row_degrees)
    return (variances.seed / number, seed_degrees), (row / rows, rows - 1)
