"""Intervals, verdicts and what would decide them: by hand, and by simulations with controls that fail."""

from math import inf, isnan, nan

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import binom, binomtest, fisher_exact, t, ttest_ind
from simulated import (
    at_most,
    coverage,
    covers,
    criteria,
    difference_of,
    diverging,
    draw,
    judged,
    moments_of_each,
    share_of,
)

from stages.comparison.changes import holm, verdicts
from stages.comparison.statistics import (
    Estimate,
    Interval,
    Moments,
    Variances,
    cannot_be_known,
    error_of_shares,
    moments_of,
    moments_of_two,
    quantile,
    seeds_to_decide,
    seeds_to_decide_with_divergence,
    share_interval,
    share_of_seeds,
    share_p_value,
    verdict,
    verdict_with_divergence,
)
from stages.comparison.trained import distances_from_median
from stages.comparison.verdicts import Verdict

BETTER, WORSE, SAME, OPEN = Verdict.BETTER, Verdict.WORSE, Verdict.SAME, Verdict.OPEN
TAILS = ("normal", "heavy")
SEEDS = (2, 5, 10, pytest.param(3, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.slow))
LOOKS = (5, 10, 20)


def interval(values: np.ndarray, overlap: float = 0.0, shares: bool = False) -> Interval:
    return moments_of(values, overlap, shares).estimate().interval(0.05)


def column(*values: float) -> np.ndarray:
    """One value for each seed."""
    return np.array(values)[:, None]


# Intervals by hand


def test_the_interval_is_students() -> None:
    # Mean 2, standard deviation 1, n 3; t of two degrees of freedom at 97.5 % is 4.302653.
    expected = Interval(2, 2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5)
    assert interval(column(1, 2, 3)) == pytest.approx(expected, rel=1e-6)


def test_one_value_has_no_limits() -> None:
    assert interval(column(0.5)) == Interval(0.5, -inf, inf)
    assert isnan(moments_of(column(0.5)).estimate().p_value())


def test_values_that_are_all_equal_are_certain() -> None:
    assert interval(np.zeros((5, 10))) == Interval(0, 0, 0)


def test_seeds_and_rows_each_widen_the_interval_by_their_own_t() -> None:
    # Two seeds and three rows: means of seeds 2 and 4, of rows 1, 3 and 5, nothing left.
    values = np.array([[0.0, 2.0, 4.0], [2.0, 4.0, 6.0]])
    seeds, rows = 12.7062**2 * 2 / 2, 4.302653**2 * 4 / 3
    assert interval(values).high == pytest.approx(3 + (seeds + rows) ** 0.5, rel=1e-5)


def test_of_repeated_splits_the_shared_rows_and_the_seeds_widen_the_interval() -> None:
    values = np.array([[0.0, 2.0, 4.0], [2.0, 4.0, 6.0]])
    seeds, splits = 12.7062**2 * 2 / 2, 4.302653**2 * 4 * (1 / 3 + 0.5)
    assert interval(values, overlap=0.5).high == pytest.approx(3 + (seeds + splits) ** 0.5, rel=1e-5)


def test_what_is_left_to_row_and_seed_is_not_counted_twice() -> None:
    values = np.random.default_rng(0).normal(size=(5, 400))
    alone = interval(values.mean(axis=1, keepdims=True))
    assert np.ptp(interval(values)) == pytest.approx(np.ptp(alone), rel=0.05)


@pytest.mark.parametrize("shape", [(5, 1), (1, 5)])
def test_of_one_row_or_one_seed_the_other_counts(shape: tuple[int, int]) -> None:
    assert interval(np.arange(5.0).reshape(shape)) == pytest.approx(interval(np.arange(5.0)[:, None]))


def test_two_means_have_the_interval_of_welch() -> None:
    generator = np.random.default_rng(0)
    ours, theirs = generator.normal(1, 2, size=(5, 1)), generator.normal(size=(5, 1))
    expected = ttest_ind(ours[:, 0], theirs[:, 0], equal_var=False).confidence_interval(0.95)
    assert moments_of_two(ours, theirs).estimate().interval(0.05)[1:] == pytest.approx(tuple(expected))


def test_two_means_of_the_same_rows_share_the_chance_of_the_rows() -> None:
    # Both models are as good on each row as the other, but for the luck of their seeds: rows have no part in it.
    generator = np.random.default_rng(0)
    rows, luck = generator.normal(size=(1, 500)), [generator.normal(size=(seeds, 1)) for seeds in (4, 6)]
    both = moments_of_two(rows + luck[0], rows + luck[1]).estimate()
    alone = moments_of_two(luck[0], luck[1]).estimate()
    assert both.half(0.05) == pytest.approx(alone.half(0.05))


def test_simulated_moments_are_those_of_the_values() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 6))
    for each, found in zip(values, moments_of_each(values, 0.25), strict=True):
        assert np.allclose(np.hstack(list(found)), np.hstack(list(moments_of(each, 0.25))))


def test_another_number_of_seeds_changes_the_part_of_the_seeds_alone() -> None:
    found = moments_of(np.random.default_rng(0).normal(size=(5, 30)) + np.arange(30) / 5)
    assert np.allclose(np.hstack(found.with_seeds(5).estimate().parts), np.hstack(found.estimate().parts))
    (few, of_rows), (many, of_rows_too) = found.estimate().parts, found.with_seeds(20).estimate().parts
    assert many == (pytest.approx(few[0] / 4), 19)
    assert of_rows_too == (pytest.approx(of_rows[0]), 29)
    assert found.with_seeds(inf).estimate().parts[0] == (0, inf)


# Coverage


@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize("seeds", SEEDS)
def test_intervals_over_seeds_and_rows_cover_the_true_difference_19_times_in_20(tails: str, seeds: int) -> None:
    # Two and three seeds cover more often, where seeds and rows matter alike: their parts are added up (Howe).
    generator, number, rows = np.random.default_rng(seeds), 1500, 100
    for of_seeds, of_rows, rest in ((1, 1, 1), (1, 10, 1), (0.1, 10, 3), (1, 0, 0), (0.3, 3, 6)):
        values = of_seeds * draw(generator, tails, (number, seeds, 1))
        values = values + of_rows * draw(generator, tails, (number, 1, rows))
        values += rest * draw(generator, tails, (number, seeds, rows))
        assert covers(coverage(moments_of_each(values), 0), number, most={2: 0.99, 3: 0.98, 5: 0.97}.get(seeds, 0.97))


def test_the_rows_alone_know_nothing_of_the_luck_of_seeds() -> None:
    # Which is why one seed decides no claim: a control.
    generator = np.random.default_rng(1)
    values = draw(generator, "normal", (1000, 1, 1)) + 10 * draw(generator, "normal", (1000, 1, 100))
    assert coverage(moments_of_each(values), 0) < 0.87


def test_single_values_that_count_as_independent_cover_too_seldom() -> None:
    generator = np.random.default_rng(2)
    values = draw(generator, "normal", (500, 5, 1)) + draw(generator, "normal", (500, 5, 100))
    assert coverage(moments_of_each(values.reshape(500, 500, 1)), 0) < 0.6


@pytest.mark.parametrize("tails", ["normal", pytest.param("heavy", marks=pytest.mark.slow)])
@pytest.mark.parametrize("seeds", [(3, 3), (3, 10), (8, 5), pytest.param((20, 13), marks=pytest.mark.slow)])
def test_two_means_cover_though_spreads_and_numbers_of_seeds_differ(tails: str, seeds: tuple[int, int]) -> None:
    generator, number = np.random.default_rng(seeds), 1500
    for spread in ((1, 1), (4, 1), (1, 4)):
        rows = draw(generator, tails, (number, 1, 50))
        values = [
            scale * draw(generator, tails, (number, count, 1)) + 3 * draw(generator, tails, (number, count, 50))
            for count, scale in zip(seeds, spread, strict=True)
        ]
        values[0] = values[0] + 5 * rows  # the difference has a part of each row
        found = [moments_of_two(*each) for each in zip(*values, strict=True)]
        assert covers(coverage(found, 0), number, most=0.985)


def test_two_seeds_beside_many_would_cover_too_seldom() -> None:
    # A control: at least MIN_ENDED seeds have to end.
    generator = np.random.default_rng(0)
    values = zip(4 * generator.normal(size=(1000, 2, 1)), generator.normal(size=(1000, 10, 1)), strict=True)
    assert coverage([moments_of_two(*each) for each in values], 0) < 0.93


@pytest.fixture(scope="module")
def of_splits() -> np.ndarray:
    """Differences in accuracy of two models that are as good as each other, (populations, splits).

    470 patients drawn anew each time, of whom 70 died; two thresholds learn from two features that are as good as each
    other in the population; 10 splits of 60, 20 and 20 %.
    """
    generator, died, lived = np.random.default_rng(3), np.arange(70), np.arange(70, 470)
    found = np.empty((1200, 10))
    for population in range(len(found)):
        features = generator.normal(size=(2, 470))
        features[:, died] += 1
        for split in range(10):
            ill, well = generator.permutation(died), generator.permutation(lived)
            means = [features[:, rows].mean(axis=1, keepdims=True) for rows in (ill[28:], well[160:])]
            above = features > (means[0] + means[1]) / 2
            up = means[0] > means[1]
            right = (above[:, ill[:14]] == up).sum(axis=1) + (above[:, well[:80]] != up).sum(axis=1)
            found[population, split] = (right[0] - right[1]) / 94
    return found


@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize("seeds", SEEDS)
def test_intervals_over_repeated_splits_allow_for_shared_rows_and_for_crossed_seeds(
    of_splits: np.ndarray, tails: str, seeds: int
) -> None:
    # The luck of a seed is in every split, and each training has some of its own.
    generator, number = np.random.default_rng(seeds), len(of_splits)
    for luck, rest in ((0, 0), (0.3, 0.5), (1, 0.5)):
        values = of_splits[:, None, :] + of_splits.std() * luck * draw(generator, tails, (number, seeds, 1))
        values = values + of_splits.std() * rest * draw(generator, tails, (number, seeds, 10))
        most = {2: 0.99, 3: 0.985, 5: 0.98}.get(seeds, 0.97)
        assert covers(coverage(moments_of_each(values, 94 / 282), 0), number, most=most)


def test_without_the_shared_rows_or_the_seeds_they_cover_too_seldom(of_splits: np.ndarray) -> None:
    luck = of_splits.std() * np.random.default_rng(1).normal(size=(len(of_splits), 5, 1))
    means = (of_splits[:, None, :] + luck).mean(axis=1, keepdims=True)
    assert coverage(moments_of_each(of_splits[:, None, :]), 0) < 0.8  # as if no rows were shared
    assert coverage(moments_of_each(means, 94 / 282), 0) < 0.91  # over splits alone


@pytest.mark.parametrize("seeds", [5, 20])
def test_another_training_lies_in_the_prediction_interval_19_times_in_20(seeds: int) -> None:
    # As `published` has it.
    values = np.random.default_rng(seeds).normal(size=(20_000, seeds + 1))
    mean, std = values[:, 1:].mean(axis=1), values[:, 1:].std(axis=1, ddof=1)
    inside = np.abs(values[:, 0] - mean) <= quantile(0.05, seeds - 1) * std * (1 + 1 / seeds) ** 0.5
    assert covers(inside.mean(), 20_000, 0.95, 0.95)
    three = np.abs(values[:, 0] - mean) <= 3 * std
    assert covers(three.mean(), 20_000, 0.95, 0.95) == (seeds == 5)  # a control


# Few rows


ROWS = (10, 30, 100, 1000, 10_000)


def of_one_seed(right: int, rows: int) -> Moments:
    share = right / rows
    return Moments(share, Variances(row=share * (1 - share) * rows / (rows - 1)), 1, 0, rows)


@pytest.mark.parametrize("rows", ROWS)
def test_an_interval_of_a_share_covers_with_few_rows_and_stays_within_0_and_1(rows: int) -> None:
    count = np.arange(rows + 1)
    limits = np.array([share_interval(of_one_seed(int(right), rows), rows, 0.05)[1:] for right in count])
    assert limits.min() >= 0
    assert limits.max() <= 1
    shares = np.linspace(0.01, 0.99, 50)
    covered = [binom.pmf(count, rows, each)[(limits[:, 0] <= each) & (each <= limits[:, 1])].sum() for each in shares]
    assert np.mean(covered) >= 0.93
    student = np.array([of_one_seed(int(right), rows).estimate().interval(0.05)[1:] for right in count])
    naive = [binom.pmf(count, rows, each)[(student[:, 0] <= each) & (each <= student[:, 1])].sum() for each in shares]
    assert (np.mean(naive) < 0.93) == (rows <= 100)  # a control


@pytest.mark.parametrize("rows", ROWS)
def test_an_interval_of_a_difference_of_shares_covers_with_few_rows(rows: int) -> None:
    generator, number = np.random.default_rng(rows), 500
    covered, naive = list[bool](), list[bool]()
    for ours, theirs in ((0.02, 0.005), (0.05, 0.02), (0.1, 0.02), (0.15, 0.05), (0.27, 0.03)):
        counts = generator.multinomial(rows, [ours, theirs, 1 - ours - theirs], size=number)
        for own, other, _ in counts:
            mean = (own - other) / rows
            row = ((own + other) / rows - mean**2) * rows / (rows - 1)
            for shares, found in ((True, covered), (False, naive)):
                low, high = Moments(mean, Variances(row=row), 1, 0, rows, 0.0, shares).estimate().interval(0.05)[1:]
                found.append(low <= ours - theirs <= high)
    assert np.mean(covered) >= 0.93
    assert (np.mean(naive) < 0.92) == (rows <= 30)  # a control


@pytest.mark.parametrize("seeds", [2, 5, 20])
@pytest.mark.parametrize("rows", [10, 30, 300])
def test_shares_of_few_rows_are_covered_with_several_seeds(seeds: int, rows: int) -> None:
    # Most rows are right, or wrong, with nearly every seed: the rows have a leaning of their own.
    generator, number = np.random.default_rng(rows + seeds), 400
    covered, of_differences = [], []
    for share in (0.8, 0.9, 0.97):
        leaning = generator.beta(0.3 * share, 0.3 * (1 - share), size=(number, 1, rows))
        one, other = (generator.random((2, number, seeds, rows)) < leaning).astype(float)
        limits = np.array([share_interval(each, rows, 0.05)[1:] for each in moments_of_each(one)])
        covered.append(((limits[:, 0] <= share) & (share <= limits[:, 1])).mean())
        of_differences.append(coverage(moments_of_each(one - other, shares=True), 0))
    assert np.mean(covered) >= 0.93
    assert min(covered) >= 0.9
    assert min(of_differences) >= 0.93


def test_29_of_30_right_is_a_share_between_0_and_1() -> None:
    assert share_interval(of_one_seed(29, 30), 30, 0.05)[1:] == pytest.approx((0.829, 0.995), abs=1e-3)
    assert of_one_seed(29, 30).estimate().interval(0.05).high > 1.03  # a control
    assert 0.85 < share_interval(of_one_seed(30, 30), 30, 0.05).low < 0.9


def test_two_models_with_the_same_errors_on_30_rows_are_not_known_to_be_the_same() -> None:
    found = interval(np.zeros((1, 30)), shares=True)
    assert found.high == -found.low == pytest.approx(0.092, abs=1e-3)
    assert interval(np.zeros((5, 30)), shares=True).high > 0.08


@pytest.mark.parametrize(("rows", "ours", "theirs"), [(48, 26, 4), (21, 1, 7), (30, 0, 0)])
def test_a_difference_of_shares_is_that_of_bonett_and_price(rows: int, ours: int, theirs: int) -> None:
    values = np.repeat([1.0, -1.0, 0.0], [ours, theirs, rows - ours - theirs])[None, :]
    found = moments_of(values, shares=True).estimate()
    one, other = (ours + 1) / (rows + 2), (theirs + 1) / (rows + 2)
    error = ((one + other - (one - other) ** 2) / (rows + 2)) ** 0.5
    if rows == 48:  # `ci.prop.ps(.05, 12, 4, 26, 6)` of the R package statpsych
        assert (found.middle, error) == (pytest.approx(0.44), pytest.approx(0.09448809))
    assert found.middle == pytest.approx(one - other)
    # Ours has t in place of the normal, and divides by one less.
    assert found.half(0.05) == pytest.approx(quantile(0.05, rows + 1) * error * ((rows + 2) / (rows + 1)) ** 0.5)


@pytest.mark.parametrize("seeds", [1, 4])
def test_rows_that_are_added_are_rows_like_others(seeds: int) -> None:
    values = np.random.default_rng(0).choice([-1.0, 0.0, 0.0, 1.0], size=(seeds, 25))
    longer = np.hstack([values, np.ones((seeds, 1)), -np.ones((seeds, 1))])
    found, expected = moments_of(values, shares=True).estimate(), moments_of(longer).estimate()
    assert found.middle == pytest.approx(expected.middle)
    assert np.allclose(found.parts, expected.parts)
    assert found.mean == pytest.approx(values.mean())


def test_shares_of_repeated_splits_are_known_no_better_than_all_their_rows() -> None:
    # A model that always says the same is as often right on every stratified split, and yet nothing is certain of it.
    found = moments_of(np.full((5, 10), 0.85), overlap=1 / 3)
    low, high = share_interval(found, 470, 0.05)[1:]
    assert high - low == pytest.approx(2 * 1.965 * (0.85 * 0.15 / 470) ** 0.5, rel=0.02)


def test_a_share_of_seeds_has_wilsons_interval() -> None:
    for count, seeds in ((7, 19), (0, 5), (5, 5)):
        expected = binomtest(count, seeds).proportion_ci(0.95, "wilson")
        assert share_of_seeds(count, seeds, 0.05) == pytest.approx((count / seeds, expected.low, expected.high))


# Verdicts


def known(middle: float, variance: float = 0.25) -> Estimate:
    """An estimate with a half-width of 0.98 at 5 %, and of 0.82 at 10 %."""
    return Estimate(middle, middle, ((variance, inf),))


@pytest.mark.parametrize(
    ("found", "less_is_better", "worth", "expected"),
    [
        (known(2), False, 0, BETTER),
        (known(2), True, 0, WORSE),
        (known(-2), False, 0, WORSE),
        (known(-2), True, 0, BETTER),
        (known(0.9), False, 0, OPEN),
        (known(0.9), False, 1.71, OPEN),
        (known(0.9), False, 1.73, SAME),
        (known(2), False, 3, SAME),  # known to be more than 0, and not to be worth having
        (known(2), False, 2, BETTER),
        (known(0, variance=0), False, 0, SAME),  # a tie
        (known(0.1, variance=0), False, 0, BETTER),
        (Estimate(1, 1, ()), True, 5, Verdict.NO_INTERVAL),
        (Estimate(nan, nan, ()), True, 5, Verdict.NOT_MEASURED),
    ],
)
def test_a_difference_is_better_or_worse_same_or_open(
    found: Estimate, less_is_better: bool, worth: float, expected: Verdict
) -> None:
    assert verdict(found, less_is_better, worth, 0.05) == expected


@pytest.mark.parametrize("values", [column(1, 2, 3), np.arange(12.0).reshape(3, 4) ** 2 - 20, column(1e-9, 1e-9, 1e-9)])
def test_a_p_value_is_the_error_at_which_the_verdict_turns(values: np.ndarray) -> None:
    found = moments_of(values).estimate()
    p = found.p_value()
    assert verdict(found, False, 0, p * 1.001 + 1e-9) in (BETTER, WORSE)
    assert p == 0 or verdict(found, False, 0, p * 0.999) == OPEN
    same = found.p_value_of_same(30)
    assert verdict(found, False, 30, same * 1.001 + 1e-9) == SAME
    assert same == 0 or verdict(found, False, 30, same * 0.999) != SAME


def test_a_tie_is_certain_to_be_the_same_and_no_difference() -> None:
    tie = known(0, variance=0)
    assert (tie.p_value(), tie.p_value_of_same(0)) == (1, 0)
    assert (known(0).p_value(), known(0).p_value_of_same(0)) == (1, 0.5)
    assert known(2).p_value_of_same(1) == 1


@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize("seeds", SEEDS)
def test_equal_variants_seldom_differ_and_a_difference_worth_having_is_seldom_the_same(tails: str, seeds: int) -> None:
    generator, number = np.random.default_rng(seeds), 1500
    for spread in (0.3, 1, 2):
        values = spread * draw(generator, tails, (number, seeds))
        assert at_most(share_of(judged(values, criteria()), BETTER, WORSE), number)
        at_margin = judged(values + 1, criteria())
        assert at_most(share_of(at_margin, SAME), number)
        assert share_of(at_margin, WORSE) < 0.02


def test_a_difference_that_is_not_told_is_not_the_same() -> None:
    # A control: by the old rule, nearly half of the differences worth having would be.
    values = 1 + np.random.default_rng(0).normal(size=(1500, 5))
    assert share_of(judged(values, criteria(worth=0)), OPEN) > 0.4


@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize(("truth", "false"), [(0.0, (BETTER, WORSE)), (1.0, (SAME, WORSE))])
def test_looks_share_the_chance_of_an_error(tails: str, truth: float, false: tuple[Verdict, ...]) -> None:
    # After 5, 10 and 20 seeds, until it is decided. The spread is that at which most is wrongly the same.
    number = 3000
    values = truth + draw(np.random.default_rng(5), tails, (number, max(LOOKS)))
    wrong = {}
    for name, by in (("shared", criteria(looks=LOOKS)), ("a control", criteria())):
        told = np.full(number, OPEN, dtype=object)
        for seeds in LOOKS:
            now = judged(values[:, :seeds], by)
            told = np.where((told == OPEN) & np.isin(now, (BETTER, WORSE, SAME)), now, told)
        wrong[name] = share_of(told, *false)
    assert at_most(wrong["shared"], number)
    assert wrong["a control"] > 1.4 * wrong["shared"]
    if truth and tails == "normal":
        assert not at_most(wrong["a control"], number)


# Trainings that diverge


@pytest.mark.parametrize("seeds", [1, 2, 5, 10, 20])
def test_shares_have_the_p_values_of_fisher(seeds: int) -> None:
    for own in range(seeds + 1):
        for other in range(seeds + 1):
            expected = fisher_exact([[own, seeds - own], [other, seeds - other]]).pvalue
            assert share_p_value((own, other), seeds) == pytest.approx(expected, abs=1e-12)


def test_fishers_test_has_as_much_of_the_error_as_it_can_use() -> None:
    assert error_of_shares(1, 5, 0.025) == error_of_shares(4, 5, 0.025) == 0
    assert error_of_shares(5, 5, 0.025) == pytest.approx(share_p_value((5, 0), 5))
    assert error_of_shares(5, 5, 0.005) == 0


@pytest.mark.parametrize(
    ("means", "diverged", "expected"),
    [
        (None, (5, 0), WORSE),
        (None, (0, 5), BETTER),
        (None, (3, 3), OPEN),
        (None, (1, 0), OPEN),
        (known(2), (1, 0), BETTER),  # one that diverged in five says nothing
        (known(2), (5, 0), OPEN),  # better where it ends, and it does not end
        (known(-2), (5, 0), WORSE),
        (known(0, variance=0), (1, 1), OPEN),
        (Estimate(1, 1, ()), (1, 0), OPEN),
    ],
)
def test_diverging_more_often_is_worse(means: Estimate | None, diverged: tuple[int, int], expected: Verdict) -> None:
    assert verdict_with_divergence(means, diverged, 5, False, 0.0, 0.05) == expected


def test_means_that_are_the_same_do_not_weigh_against_divergence() -> None:
    # Better where it ends, by less than is worth having, and it ends with none of five seeds.
    hardly = known(2, variance=0.01)
    assert verdict_with_divergence(hardly, (5, 0), 5, False, 0.0, 0.05) == OPEN
    assert verdict_with_divergence(hardly, (5, 0), 5, False, 3.0, 0.05) == WORSE
    assert verdict_with_divergence(hardly, (1, 0), 5, False, 3.0, 0.05) == OPEN  # never the same


@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize("seeds", SEEDS)
def test_variants_that_diverge_as_often_and_end_as_well_seldom_differ(tails: str, seeds: int) -> None:
    generator, number, by = np.random.default_rng(seeds), 600, criteria(worth=0)
    for chance in (0.05, 1 / 3, 0.7):
        for spread in ((1.0, 1.0), (1.0, 4.0)):
            found = diverging(generator, seeds, (chance, chance), 0.0, number, tails, spread)
            assert at_most(share_of([each.judge(by) for each in found], BETTER, WORSE), number)


def worse(seeds: int, chance: float, gap: float, number: int = 1000) -> float:
    """Share of the comparisons that call a variant worse which is, where it ends, and diverges with this chance."""
    found = diverging(np.random.default_rng(7), seeds, (chance, 0.0), -gap, number)
    judged_ = [each.judge(criteria(worth=0)) for each in found]
    assert at_most(share_of(judged_, BETTER), number, 0.025 if gap == 0 else 0.005)
    return share_of(judged_, WORSE)


@pytest.mark.parametrize(("seeds", "gap", "fall"), [(10, 1.0, 0.09), (10, 2.0, 0.02), (20, 1.0, 0.02)])
def test_a_variant_that_is_worse_is_called_so_however_often_it_diverges(seeds: int, gap: float, fall: float) -> None:
    # Measured: with 10 seeds .80 if none diverges, .75 if a third does, .94 of 70 %; with 20 seeds .99 and more.
    never = worse(seeds, 0.0, gap)
    assert never > 0.75
    for chance in (0.1, 1 / 3, 0.5, 0.8):
        assert worse(seeds, chance, gap) >= never - fall


def test_of_five_seeds_too_few_end_to_tell_as_much() -> None:
    # Measured: .91 if none diverges, .84 of a fifth, .68 of a third.
    assert worse(5, 0.0, 2.0) > 0.88
    assert worse(5, 0.2, 2.0) > 0.8
    assert worse(5, 1 / 3, 2.0) > 0.63


def test_a_score_of_the_epoch_before_would_hide_that_it_is_worse() -> None:
    # A control: of trainings that diverged, the epoch before counted, a score that is far off.
    generator, number = np.random.default_rng(7), 500
    values = generator.normal(-2, 1, size=(number, 5))
    told = share_of(judged(values, criteria(worth=0)), WORSE)
    values[generator.random((number, 5)) < 0.2] -= 30
    assert told > 0.85
    assert share_of(judged(values, criteria(worth=0)), WORSE) < 0.5


def test_a_variant_that_diverges_and_else_is_as_good_is_worse() -> None:
    assert worse(20, 0.5, 0.0) > 0.9
    assert worse(20, 0.0, 0.0) < 0.05


def test_seeds_that_tell_how_often_trainings_diverge_are_estimated() -> None:
    assert 10 <= seeds_to_decide_with_divergence(None, (2, 0), 5, False, 0.0, 0.05) <= 20
    assert isnan(seeds_to_decide_with_divergence(None, (2, 2), 5, False, 0.0, 0.05))
    found = moments_of_two(column(-1, 0, -2), column(0, 1, 0, -1, 1))
    assert 5 < seeds_to_decide_with_divergence(found, (2, 0), 5, False, 0.0, 0.05) <= 12
    # A mean that says the opposite of the divergence keeps it open, and where less is better it says the same.
    opposite = found._replace(mean=-found.mean)
    assert isnan(seeds_to_decide_with_divergence(opposite, (2, 0), 5, False, 0.0, 0.05))
    assert 5 < seeds_to_decide_with_divergence(opposite, (2, 0), 5, True, 0.0, 0.05) <= 12


# Several comparisons


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([0.01, 0.04, 0.03], [True, False, False]),  # 0.03 > 0.05 / 2 ends it
        ([0.01, 0.04, 0.02], [True, True, True]),
        ([0.02, 0.001], [True, True]),
        ([nan, 0.05], [False, True]),
        ([0.06], [False]),
        ([], []),
    ],
)
def test_holm_is_by_hand(p_values: list[float], expected: list[bool]) -> None:
    assert holm(p_values, 0.05) == expected


def family(generator: np.random.Generator, truths: list[float], seeds: int = 5) -> list[Verdict]:
    values = np.array(truths)[:, None, None] + generator.normal(size=(len(truths), seeds, 1)) * 0.3
    return verdicts([difference_of(each, seeds) for each in moments_of_each(values)], criteria())


def test_of_many_lines_of_a_diff_none_is_false_19_times_in_20() -> None:
    # 10 that do not differ, 4 that do by what is worth having, 6 that clearly do.
    generator, number, differ, same, told = np.random.default_rng(0), 400, 0, 0, 0
    for _ in range(number):
        found = family(generator, [0.0] * 10 + [1.0] * 4 + [4.0] * 6)
        differ += bool({BETTER, WORSE} & {*found[:10]})
        same += SAME in found[10:]
        told += found[14:].count(BETTER)
    assert at_most(differ / number, number)
    assert at_most(same / number, number)
    assert told / number / 6 > 0.98


def test_without_sharing_the_error_a_diff_would_often_be_false() -> None:
    # A control.
    values = np.random.default_rng(1).normal(size=(300, 10, 5))
    found = [judged(each, criteria(worth=0)) for each in values]
    assert np.mean([share_of(each, BETTER, WORSE) > 0 for each in found]) > 0.3


def test_one_line_of_a_diff_is_judged_as_a_comparison() -> None:
    generator = np.random.default_rng(2)
    for truth in (0.0, 0.5, 2.0):
        for values in truth + generator.normal(size=(20, 1, 5)):
            (found,) = verdicts([difference_of(moments_of(values.T), 5)], criteria())
            assert found == judged(values, criteria())[0]


# What would decide it


def test_what_decides_is_estimated_within_a_factor_of_two() -> None:
    generator, number = np.random.default_rng(0), 400
    for truth, worth in ((0.5, 0.0), (0.7, 0.0), (0.5, 1.0), (0.0, 1.0)):
        values = truth + generator.normal(size=(number, 60))
        half_decided = next(
            seeds for seeds in range(5, 60) if share_of(judged(values[:, :seeds], criteria(worth)), OPEN) <= 0.5
        )
        found = moments_of_each(values[:, :5, None])
        open_ = [each for each in found if verdict(each.estimate(), False, worth, 0.05) == OPEN]
        needed = [seeds_to_decide(each, worth, 0.05) for each in open_]
        assert half_decided / 2 <= np.median(needed) <= 2 * half_decided
        assert min(needed) > 5


def on_rows(seeds: int, mean: float, number: int, tails: str = "normal") -> list[Moments]:
    """Differences whose mean over infinitely many seeds is known to about 1 by the rows."""
    generator = np.random.default_rng(seeds)
    rows = generator.normal(size=(number, 1, 100))
    rows = 5 * (rows - rows.mean(axis=2, keepdims=True)) / rows.std(axis=2, keepdims=True)
    luck = 0.5 * draw(generator, tails, (number, seeds, 1)) + 2 * draw(generator, tails, (number, seeds, 100))
    return moments_of_each(mean + rows + luck)


@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize("seeds", [2, 5, 20])
def test_what_more_seeds_would_tell_is_seldom_said_to_be_unknowable(tails: str, seeds: int) -> None:
    number = 300
    for mean, worth in ((1.05, 0.0), (1.3, 0.0), (0.0, 1.0), (0.1, 1.0), (1.05, 1.0)):
        found = on_rows(seeds, mean, number, tails)
        open_ = [each for each in found if verdict(each.estimate(), False, worth, 0.05) == OPEN]
        assert at_most(sum(cannot_be_known(each, worth, 0.05) for each in open_) / number, number)


def test_by_the_mean_alone_much_would_be_said_to_be_unknowable() -> None:
    # A control: at the border it is a coin.
    found = on_rows(5, 1.05, 300)
    assert share_of([verdict(each.with_seeds(inf).estimate(), False, 0.0, 0.05) for each in found], OPEN) > 0.3


def test_what_no_number_of_seeds_tells_is_said() -> None:
    found = on_rows(20, 0.2, 200)
    assert np.mean([cannot_be_known(each, 0.0, 0.05) for each in found]) > 0.95
    assert seeds_to_decide(found[0], 0.0, 0.05) == inf
    assert difference_of(found[0], 20).judge(criteria(0)) == Verdict.UNKNOWABLE
    assert not cannot_be_known(found[0], 3.0, 0.05)  # of differences of less than 3, nothing is worth having


def test_seeds_cannot_tell_what_repeated_splits_leave_open() -> None:
    # Of splits that share their rows more would tell little more: 30 have hardly a wider interval than 1,000.
    generator = np.random.default_rng(0)
    values = 0.1 * generator.normal(size=(20, 30)) + generator.normal(size=30)
    found = moments_of(values - values.mean(), overlap=1 / 3)
    assert seeds_to_decide(found, 0.1, 0.05) == inf
    half = found.with_seeds(inf).estimate().half(0.05)
    assert half < 1.1 * found._replace(rows=1000).with_seeds(inf).estimate().half(0.05)
    assert 20 < seeds_to_decide(found._replace(mean=half - 0.004), 0.1, 0.05) < 10_000  # to say that it is so


# Spread over seeds


@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_spreads_over_seeds_are_compared_by_distances_from_the_median(tails: str, seeds: int) -> None:
    generator, number = np.random.default_rng(seeds), 1500
    one, other = draw(generator, tails, (2, number, seeds))
    apart = distances_from_median(one) - distances_from_median(other)
    assert at_most(share_of(judged(apart, criteria(worth=0)), BETTER, WORSE), number)
    assert distances_from_median(one).mean() == pytest.approx(
        np.abs(draw(generator, tails, (100_000,))).mean(), rel=0.1
    )
    # Five times the spread is told with 10 seeds, and hardly with 5.
    wider = distances_from_median(5 * one) - distances_from_median(other)
    assert share_of(judged(wider, criteria(worth=0)), BETTER) > {5: 0.04, 10: 0.55, 20: 0.9}[seeds]


def test_distances_are_from_the_median_of_their_split_and_of_those_that_ended() -> None:
    scores = np.array([[1.0, 2.0, 4.0], [10.0, np.nan, 30.0]])
    assert distances_from_median(scores) == pytest.approx(np.array([[1.5, 0, 3], [20, np.nan, 20]]), nan_ok=True)
    assert distances_from_median(np.array([[5.0]])) == 0


# Why variances of other comparisons are not borrowed


def test_borrowed_variances_would_fail_the_noisiest_comparisons() -> None:
    # limma's moderated variances (Smyth 2004), with a prior as that of our pairs: right on average, and 89 % where the
    # seeds matter most.
    generator, degrees, prior = np.random.default_rng(0), 4, 7.8
    variances = prior / generator.chisquare(prior, size=(400, 50))
    values = generator.normal(size=(400, 50, 5)) * np.sqrt(variances)[:, :, None]
    found, mean = values.var(axis=2, ddof=1), values.mean(axis=2)
    logs = np.log(found) - digamma(degrees / 2) + np.log(degrees / 2)
    excess = logs.var() - polygamma(1, degrees / 2)
    own = 2 * brentq(lambda half: polygamma(1, half) - excess, 1e-2, 1e3)
    center = np.exp(logs.mean() + digamma(own / 2) - np.log(own / 2))
    borrowed = (own * center + degrees * found) / (own + degrees)
    inside = np.abs(mean) <= t.ppf(0.975, own + degrees) * np.sqrt(borrowed / 5)
    noisiest = variances >= np.quantile(variances, 0.8, axis=1, keepdims=True)
    assert covers(inside.mean(), inside.size, 0.94, 0.96)
    assert inside[noisiest].mean() < 0.91
    students = np.abs(mean) <= quantile(0.05, degrees) * np.sqrt(found / 5)
    assert covers(students[noisiest].mean(), int(noisiest.sum()), 0.95, 0.95)
