"""Simulated comparisons: many at once, as fast as a test should be."""

from collections.abc import Iterable, Sequence
from math import nan

import numpy as np

from stages.comparison.criteria import Criteria
from stages.comparison.statistics import MIN_ENDED, Moments, Variances, moments_of_two
from stages.comparison.studies import Difference
from stages.comparison.verdicts import Verdict

WORTH = 1.0
"""A difference of one standard deviation between seeds is worth having, unless a test says otherwise."""


def draw(generator: np.random.Generator, tails: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values with mean 0 and standard deviation 1: normal, or with the heavy tails of t with 3 degrees of freedom."""
    return generator.normal(size=shape) if tails == "normal" else generator.standard_t(3, size=shape) / 3**0.5


def moments_of_each(values: np.ndarray, overlap: float = 0.0, shares: bool = False) -> list[Moments]:
    """`moments_of` of each comparison: values, float (comparisons, seeds, rows)."""
    count, seeds, rows = values.shape
    of_seeds, of_rows, mean = values.mean(axis=2), values.mean(axis=1), values.mean(axis=(1, 2))
    seed = of_seeds.var(axis=1, ddof=1) if seeds > 1 else np.full(count, nan)
    row = of_rows.var(axis=1, ddof=1) if rows > 1 else np.full(count, nan)
    rest = np.full(count, nan)
    if min(seeds, rows) > 1:
        centered = values - of_seeds[:, :, None] - of_rows[:, None, :] + mean[:, None, None]
        rest = (centered**2).sum(axis=(1, 2)) / (seeds - 1) / (rows - 1)
    found = np.stack([mean, seed, row, rest], axis=1).tolist()
    return [Moments(each[0], Variances(*each[1:]), seeds, seeds - 1, rows, overlap, shares) for each in found]


def coverage(found: Iterable[Moments], truth: float, error: float = 0.05) -> float:
    """Share of the intervals in which the truth lies."""
    limits = np.array([each.estimate().interval(error)[1:] for each in found])
    return float(((limits[:, 0] <= truth) & (truth <= limits[:, 1])).mean())


def at_most(share: float, number: int, error: float = 0.05) -> bool:
    """Whether a simulated share is at most the error, within three standard errors of the simulation."""
    return share <= error + 3 * (error * (1 - error) / number) ** 0.5


def covers(share: float, number: int, least: float = 0.93, most: float = 0.97) -> bool:
    """Whether a simulated coverage lies within limits, give or take three standard errors of the simulation."""
    chance = 3 * (0.05 * 0.95 / number) ** 0.5
    return least - chance <= share <= most + chance


def difference_of(
    moments: Moments | None, seeds: int, diverged: tuple[int, int] = (0, 0), metric: str = "accuracy"
) -> Difference:
    """A comparison with these moments; more is better."""
    return Difference(
        metric=metric,
        seeds=seeds,
        ended=seeds - max(diverged),
        splits=1,
        rows=1,
        overlap=0.0,
        ours=moments.mean if moments else nan,
        of_baseline=0.0,
        moments=moments,
        better_in=0,
        worse_in=0,
        diverged=diverged,
    )


def criteria(worth: float = WORTH, looks: Sequence[int] = ()) -> Criteria:
    return Criteria(confidence=0.95, worth={"accuracy": worth} if worth else {}, looks=tuple(looks))


def judged(values: np.ndarray, by: Criteria, comparisons: int = 1) -> np.ndarray:
    """Verdicts on differences by seed, float (comparisons, seeds)."""
    found = moments_of_each(values[:, :, None])
    return np.array([difference_of(each, values.shape[1]).judge(by, comparisons) for each in found])


def diverging(
    generator: np.random.Generator,
    seeds: int,
    chances: tuple[float, float],
    gap: float,
    comparisons: int,
    tails: str = "normal",
    spread: tuple[float, float] = (1.0, 1.0),
) -> list[Difference]:
    """Comparisons of a variant, better by the gap where it ends, with a baseline; each diverges with its chance.

    gap: in standard deviations of the difference between seeds; spread: of the two variants, in any unit.
    """
    scale = np.hypot(*spread)
    ended = generator.random((2, comparisons, seeds)) >= np.array(chances)[:, None, None]
    scores = draw(generator, tails, (2, comparisons, seeds)) * (np.array(spread) / scale)[:, None, None]
    scores[0] += gap
    found = []
    for own, of_baseline, of_own, of_theirs in zip(*ended, *scores, strict=True):
        diverged = seeds - int(own.sum()), seeds - int(of_baseline.sum())
        ours, theirs = of_own[own], of_theirs[of_baseline]
        moments = None
        if not any(diverged):
            moments = moments_of_each((ours - theirs)[None, :, None])[0]
        elif min(len(ours), len(theirs)) >= MIN_ENDED:
            moments = moments_of_two(ours[:, None], theirs[:, None])
        found.append(difference_of(moments, seeds, diverged))
    return found


def share_of(verdicts: Iterable[Verdict], *told: Verdict) -> float:
    """Share of the verdicts that are one of these."""
    return float(np.isin(list(verdicts), told).mean())
