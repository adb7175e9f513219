"""The mean of a difference, how well it is known, and the verdict. docs/statistics.md explains and measures it.

A difference has two sources of chance: the rows that happen to be in the test, and the seed of the training. Both
models of a comparison predict the same rows and, with several seeds, start from the same seeds, so what is estimated is
the variance of the difference in each row and each seed.

- One seed: the variance of the mean over test rows. It is about these two trained models, and says nothing of seeds.
- Several seeds: seeds and rows are both drawn at random. The variance of the mean over seeds, and that over rows less
  the part that both contain (as in a two-way analysis of variance), each have degrees of freedom of their own.
- Repeated splits of a small data set: splits take the place of rows. Their variance is corrected for the rows that the
  splits share (Nadeau & Bengio 2003, "Inference for the Generalization Error", Machine Learning 52). The same seeds
  train on every split: their variance, less the part that both contain, is added.
- Trainings that diverged have no score. Then each variant has the seeds with which it ended: the variances of both
  means add up, with the degrees of freedom of Welch (1947, "The Generalization of 'Student's' Problem", Biometrika 34).

The half-width of an interval is the root of the sum of the squares of the half-widths of its parts, each with its own
t (Howe 1974, "Approximate Confidence Limits on the Mean of X + Y", Journal of the American Statistical Association 69).

Shares of rows, such as accuracy, have intervals that also fit few rows: those of one model are Wilson's (1927,
"Probable Inference", JASA 22), and of a difference, one row that only the one model has right and one that only the
other has right are added (Bonett & Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial
Proportions Based on Paired Data", Journal of Educational and Behavioral Statistics 37).
"""

from collections.abc import Callable
from functools import lru_cache
from math import exp, inf, isnan, log, nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import betaln, ndtri, stdtr, stdtrit  # scipy.stats takes a third of a second

from stages.comparison.verdicts import Verdict

MAX_SEEDS = 10_000
"""Of more seeds than these, `seeds_to_decide` says that it takes as many."""
MIN_ENDED = 3
"""Of fewer seeds that ended, where others diverged, the variance of their mean is too little known."""
LEAST_ERROR = 1e-300
"""Chances of less than this count as none."""


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
    parts: tuple[tuple[float, float], ...]
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
        return 1.0 if self.parts and self.middle == 0 else self._error_at(abs(self.middle))

    def p_value_of_same(self, worth: float) -> float:
        """Least error at which both one-sided tests say that the difference is smaller than what is worth having."""
        room = worth - abs(self.middle)
        return 1.0 if self.parts and room < 0 else self._error_at(room) / 2

    def _error_at(self, half: float) -> float:
        """Error of the interval that is so wide on each side; NaN for a single value."""
        if not self.parts or isnan(half):
            return nan
        if self.half(LEAST_ERROR) <= half:
            return 0.0
        if half <= 0:
            return 1.0
        if len(self.parts) == 1:
            variance, degrees = self.parts[0]
            return 2 * float(stdtr(degrees, -half / sqrt(variance)))
        from scipy.optimize import brentq  # here, since it takes a tenth of a second

        return exp(brentq(lambda error: self.half(exp(error)) - half, log(LEAST_ERROR), 0.0))


class Moments(NamedTuple):
    """What an interval depends on. The tables keep it, so that anyone can compute the interval again."""

    mean: float
    variances: Variances
    seeds: float
    seed_degrees: float
    """Degrees of freedom of the variance between seeds."""
    rows: float
    """Of repeated splits, their number."""
    overlap: float = 0.0
    """Of repeated splits, the number of test rows for each training row, else 0."""
    shares: bool = False
    """Whether the mean is a difference of shares of single rows, -1 to 1."""

    def estimate(self) -> Estimate:
        """Estimate the mean."""
        found = self.with_two_more_rows(1, -1) if self.shares and self.rows > 1 else self
        return Estimate(self.mean, found.mean, found._parts())

    def _parts(self) -> tuple[tuple[float, float], ...]:
        """Variance of the mean and degrees of freedom by source of chance: seeds, and rows or splits."""
        by_seed = (self.variances.seed / self.seeds, self.seed_degrees)
        by_row = (self.variances.row * (1 / self.rows + self.overlap), self.rows - 1)
        if min(self.seeds, self.rows) == 1:
            return tuple(part for part in (by_seed, by_row) if part[1])
        both = self.variances.rest / self.seeds / self.rows  # the chance in the means over seeds and over rows
        if self.overlap:  # it is in the variance between splits
            return (max(by_seed[0] - both, 0.0), by_seed[1]), by_row
        return by_seed, (max(by_row[0] - both, 0.0), by_row[1])

    def with_two_more_rows(self, one: float, other: float) -> "Moments":
        """Add two rows, each with the same value for every seed."""
        rows, (seed, row, rest) = self.rows, self.variances
        more, kept = rows + 2, rows / (rows + 2)
        mean = self.mean * kept + (one + other) / more
        squares = (rows - 1) * row + rows * self.mean**2 + one**2 + other**2 - more * mean**2
        rest = ((rows - 1) * rest + 2 * kept * seed) / (rows + 1)
        return self._replace(mean=mean, variances=Variances(seed * kept**2, squares / (rows + 1), rest), rows=more)

    def with_seeds(self, seeds: float) -> "Moments":
        """Expect the moments of another number of seeds than these, at least two; perhaps infinite."""
        seed, row, rest = self.variances
        if self.rows > 1:
            row = max(row - rest / self.seeds, 0.0) + rest / seeds  # of the rows, and of the chance of seeds in them
        return self._replace(
            variances=Variances(seed, row, rest),
            seeds=seeds,
            seed_degrees=self.seed_degrees * (seeds - 1) / (self.seeds - 1),
        )

    def chance_of_seeds(self, error: float) -> float:
        """How far the mean may be from that of infinitely many seeds on these rows, or splits."""
        return quantile(error, self.seed_degrees) * sqrt(self.variances.seed / self.seeds)


@lru_cache(4096)
def quantile(error: float, degrees: float) -> float:
    """Two-sided quantile of Student's t: a value beyond it, on either side, has the chance of error."""
    return float(-stdtrit(degrees, error / 2))


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


def moments_of(values: np.ndarray, overlap: float = 0.0, shares: bool = False) -> Moments:
    """Find the moments of values, float (seeds, rows), or (seeds, splits) of a split that is repeated."""
    seeds, rows = values.shape
    return Moments(float(values.mean()), variances_of(values), seeds, seeds - 1, rows, overlap, shares)


def moments_of_two(ours: np.ndarray, theirs: np.ndarray, overlap: float = 0.0, shares: bool = False) -> Moments:
    """Find the moments of the difference of two means over seeds of their own, at least MIN_ENDED each.

    ours, theirs: scores, float (seeds, rows), with as many rows, or splits.
    """
    found, rows = (variances_of(ours), variances_of(theirs)), ours.shape[1]
    seeds = min(len(ours), len(theirs))
    of_seeds = [each.seed / len(values) for each, values in zip(found, (ours, theirs), strict=True)]
    rest = sum(each.rest / len(values) for each, values in zip(found, (ours, theirs), strict=True))
    squares = [variance**2 / (len(values) - 1) for variance, values in zip(of_seeds, (ours, theirs), strict=True)]
    by_row = ours.mean(axis=0) - theirs.mean(axis=0)
    return Moments(
        mean=float(by_row.mean()),
        variances=Variances(
            seed=seeds * sum(of_seeds), row=float(np.var(by_row, ddof=1)) if rows > 1 else nan, rest=seeds * rest
        ),
        seeds=seeds,
        # Of few seeds beside many, Welch's are too many.
        seed_degrees=min(sum(of_seeds) ** 2 / sum(squares) if sum(squares) else inf, 2 * (seeds - 1)),
        rows=rows,
        overlap=overlap,
        shares=shares,
    )


def share_interval(found: Moments, rows: int, error: float) -> Interval:
    """Wilson's interval of a share of rows, 0 to 1, for as many rows as would have the variance that was found.

    That variance is of the rows and one more that is right and one that is wrong, so that it is not 0 where all are
    right. found: the moments of the share; rows: the number of all test rows, of repeated splits together: their share
    is known at best as well as that of so many.
    """
    share = min(max(found.mean, 0.0), 1.0)
    if found.overlap:
        squared, spread = quantile(error, rows - 1) ** 2 / rows, share * (1 - share)
        return _wilson(share, max(squared, found.estimate().half(error) ** 2 / spread) if spread else squared)
    if rows == 1:
        return Interval(share, 0.0, 1.0)
    more = found.with_two_more_rows(1, 0)
    return _wilson(share, more.estimate().half(error) ** 2 / (more.mean * (1 - more.mean)))


def share_of_seeds(count: int, seeds: int, error: float) -> Interval:
    """Share of so many seeds with Wilson's interval."""
    return _wilson(count / seeds, float(ndtri(1 - error / 2)) ** 2 / seeds)


def _wilson(share: float, squared: float) -> Interval:
    """Interval of a share. squared: the square of the quantile by the number of rows."""
    middle = (share + squared / 2) / (1 + squared)
    half = sqrt(squared * share * (1 - share) + squared**2 / 4) / (1 + squared)
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))


def verdict(difference: Estimate, less_is_better: bool, worth: float, error: float) -> Verdict:
    """Judge a difference.

    It is the same if both one-sided tests say that it is smaller than what is worth having (Schuirmann 1987, "A
    Comparison of the Two One-Sided Tests Procedure", Journal of Pharmacokinetics and Biopharmaceutics 15), else better
    or worse if its interval excludes 0, else open. worth: 0 where nothing but a tie counts as the same.
    """
    if isnan(difference.mean):
        return Verdict.NOT_MEASURED
    if not difference.parts:
        return Verdict.NO_INTERVAL
    if abs(difference.middle) + difference.half(2 * error) <= worth:
        return Verdict.SAME
    if abs(difference.middle) <= difference.half(error):
        return Verdict.OPEN
    return Verdict.BETTER if (difference.middle > 0) != less_is_better else Verdict.WORSE


def verdict_with_divergence(
    difference: Estimate | None, diverged: tuple[int, int], seeds: int, less_is_better: bool, worth: float, error: float
) -> Verdict:
    """Judge a difference where trainings diverged: by how many did, and by the means of those that ended.

    Diverging more often is worse (Fisher's exact test). It has as much of the error as it can use, at most half, and
    the means have the rest: of one training that diverged no test can tell (Tarone 1990, "A Modified Bonferroni Method
    for Discrete Data", Biometrics 46). If one says better and the other worse, the verdict is open, unless the means
    are the same as far as it is worth having. It is never `same`.

    difference: of the means, None where they are not known; diverged: of the variant and the baseline.
    """
    used = error_of_shares(sum(diverged), seeds, error / 2)
    found = set()
    if diverged[0] != diverged[1] and share_p_value(diverged, seeds) <= used:
        found.add(Verdict.WORSE if diverged[0] > diverged[1] else Verdict.BETTER)
    if difference is not None:
        found.add(verdict(difference, less_is_better, worth, error - used))
    told = found & {Verdict.BETTER, Verdict.WORSE}
    return told.pop() if len(told) == 1 else Verdict.OPEN


def share_p_value(diverged: tuple[int, int], seeds: int) -> float:
    """Fisher's exact p of two shares of as many seeds."""
    return _p_values_of_shares(sum(diverged), seeds)[diverged[0]]


def error_of_shares(diverged: int, seeds: int, error: float) -> float:
    """Chance with which Fisher's test errs at most, if so many trainings diverged in all: not more than error."""
    return max((p for p in _p_values_of_shares(diverged, seeds).values() if p <= error), default=0.0)


@lru_cache(1024)
def _p_values_of_shares(diverged: int, seeds: int) -> dict[int, float]:
    """Fisher's exact p by the count of one variant, if so many of both diverged in all."""
    counts = np.arange(max(0, diverged - seeds), min(diverged, seeds) + 1)
    ways = _log_choose(diverged, counts) + _log_choose(2 * seeds - diverged, seeds - counts)
    chances = np.exp(ways - _log_choose(2 * seeds, seeds))  # hypergeometric
    rising = np.sort(chances)
    as_rare = np.searchsorted(rising, chances * (1 + 1e-7), side="right")  # equal ones differ in their last bits
    return dict(zip(counts.tolist(), np.minimum(np.cumsum(rising)[as_rare - 1], 1.0).tolist(), strict=True))


def _log_choose(all_of_them: int, chosen: np.ndarray | int) -> np.ndarray:
    """Logarithm of the number of ways to choose so many."""
    return -betaln(all_of_them - chosen + 1, chosen + 1) - log(all_of_them + 1)


def cannot_be_known(found: Moments, worth: float, error: float) -> bool:
    """Tell whether no number of seeds would decide a comparison: these data have too few rows.

    That is so if the verdict of infinitely many seeds is open whatever their mean, as far as chance leaves it open. Of
    repeated splits their number stays; more of them would narrow the interval by little, since they share rows.
    """
    final = found.with_seeds(inf).estimate()
    room = found.chance_of_seeds(error)

    def stays_open(middle: float) -> bool:
        return verdict(final._replace(middle=middle), False, worth, error) == Verdict.OPEN

    ends = final.middle - room, final.middle + room
    return all(map(stays_open, ends)) and (ends[0] > 0 or ends[1] < 0 or stays_open(0.0))


def seeds_to_decide(found: Moments, worth: float, error: float) -> float:
    """Estimate how many seeds would decide a comparison that is open, if its mean and its variances stay as they are.

    Returns: more than it has; infinite if no number would, by the chance of the rows alone.
    """

    def decided(seeds: float) -> bool:
        more = found.with_seeds(seeds)
        return verdict(more.estimate(), False, worth, error) != Verdict.OPEN or cannot_be_known(more, worth, error)

    return inf if cannot_be_known(found, worth, error) else _first(int(found.seeds), decided)


def seeds_to_decide_with_divergence(
    found: Moments | None, diverged: tuple[int, int], seeds: int, less_is_better: bool, worth: float, error: float
) -> float:
    """Estimate how many seeds would decide a comparison in which trainings diverged, if as many do and the means stay.

    found: the difference of the means. Returns: more than `seeds`; NaN if MAX_SEEDS would not.
    """

    def decided(number: float) -> bool:
        times = number / seeds
        means = found and found.with_seeds(found.seeds * times).estimate()
        counts = round(diverged[0] * times), round(diverged[1] * times)
        return verdict_with_divergence(means, counts, int(number), less_is_better, worth, error) != Verdict.OPEN

    return _first(seeds, decided) if decided(MAX_SEEDS) else nan


def _first(seeds: int, decided: Callable[[float], bool]) -> float:
    """Find the least number of seeds, more than these, that decides; at most MAX_SEEDS."""
    low, high = seeds, 2 * seeds
    while not decided(high):
        if high >= MAX_SEEDS:
            return MAX_SEEDS
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
