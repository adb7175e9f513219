"""Intervals, verdicts and answers: the statistics by simulation, the rest on small tables."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.comparison import scores
from stages.comparison.statistics import Interval, interval, interval_of_rows, verdict
from stages.comparison.studies import OPPOSITE, Result, answer, compare_members, difference, own_figure
from stages.datasets import Split
from stages.recipes.schema import Study

# Simulated comparisons of the size of ours


COMPARISONS = 1000
ROWS = 10_000
EFFECT = 0.004
"""Of the order of what separates our variants."""


def simulated(generator: np.random.Generator, seeds: int, effect: float, rows: int = ROWS) -> np.ndarray:
    """Differences in correctness, float64 (seeds, rows), of two nets as alike as ours: they disagree on 8 % of rows.

    Each row has its own leaning, each seed its own luck (with a standard deviation of 0.4 %, as measured of relu_100),
    and the rest is left to the row and the seed.
    """
    leaning = generator.normal(scale=0.1, size=rows)
    luck = generator.normal(scale=0.004, size=(seeds, 1)) if seeds > 1 else 0.0
    tilt = np.clip(effect + luck + leaning, -1, 1)
    disagree = np.maximum(np.abs(tilt), 0.08)
    drawn = generator.random((seeds, rows))
    return np.where(drawn < (disagree + tilt) / 2, 1.0, np.where(drawn < disagree, -1.0, 0.0))


@pytest.mark.parametrize("seeds", [1, 5])
def test_intervals_over_rows_and_seeds_cover_the_true_difference_19_times_in_20(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    covered = 0
    for _ in range(COMPARISONS):
        found = interval_of_rows(simulated(generator, seeds, EFFECT))
        covered += found.low <= EFFECT <= found.high
    assert 0.93 <= covered / COMPARISONS <= 0.97


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_intervals_over_seeds_alone_cover_whatever_their_number(seeds: int) -> None:
    values = np.random.default_rng(seeds).normal(EFFECT, 0.004, size=(COMPARISONS, seeds))
    covered = sum(found.low <= EFFECT <= found.high for found in map(interval, values))
    assert 0.93 <= covered / COMPARISONS <= 0.97


@pytest.mark.parametrize("members", [1, 6])
@pytest.mark.parametrize("seeds", [1, 5])
def test_between_equal_variants_at_most_one_study_in_20_finds_a_difference(members: int, seeds: int) -> None:
    generator = np.random.default_rng(10 * members + seeds)
    studies, found = 400, 0
    for _ in range(studies):
        verdicts = {
            verdict(interval_of_rows(simulated(generator, seeds, effect=0, rows=2000), members), less_is_better=False)
            for _ in range(members)
        }
        found += verdicts != {"within noise"}
    # Three standard errors above 5 %, of as many studies.
    assert found / studies <= 0.05 + 3 * (0.05 * 0.95 / studies) ** 0.5


def test_without_the_correction_studies_would_find_differences_that_are_none() -> None:
    # A control: the simulation above can fail.
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(400):
        found += any(
            verdict(interval_of_rows(simulated(generator, 1, effect=0, rows=2000)), less_is_better=False)
            != "within noise"
            for _ in range(6)
        )
    assert found / 400 > 0.15


def correct(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Fit a threshold between the means of both classes on the training rows; which test rows it gets right."""
    means = [x[train][y[train] == label].mean() for label in (0, 1)]
    return ((x[test] > np.mean(means)) == (means[1] > means[0])) == (y[test] == 1)


def test_intervals_over_repeated_splits_allow_for_the_rows_that_they_share() -> None:
    # 470 patients drawn anew each time, of whom 70 have died; two models learn from two features that are as good as
    # each other in the population; 20 splits of 60, 20 and 20 %.
    generator = np.random.default_rng(3)
    overlap, outside = 94 / 282, {"shared": 0, "as if not shared": 0}
    for _ in range(COMPARISONS):
        y = (np.arange(470) < 70).astype(int)
        features = generator.normal(size=(2, 470)) + y
        differences = []
        for _ in range(20):
            order = generator.permutation(470)
            one, other = (correct(x, y, order[188:], order[:94]) for x in features)
            differences.append(one.mean() - other.mean())
        for name, found in (
            ("shared", interval(np.array(differences), overlap=overlap)),
            ("as if not shared", interval(np.array(differences))),
        ):
            outside[name] += not found.low <= 0 <= found.high
    assert 0.93 <= 1 - outside["shared"] / COMPARISONS <= 0.97
    assert outside["as if not shared"] / COMPARISONS > 0.2  # a control


# Intervals and verdicts


def test_the_interval_is_students() -> None:
    # By hand: mean 2, standard deviation 1, n 3; t of two degrees of freedom at 97.5 % is 4.302653.
    found = interval(np.array([1.0, 2.0, 3.0]))
    assert found == pytest.approx(Interval(2, 2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), rel=1e-6)


def test_one_value_has_no_limits() -> None:
    assert interval(np.array([0.5])) == Interval(0.5, -np.inf, np.inf)


def test_values_that_are_all_equal_are_certain() -> None:
    assert interval_of_rows(np.zeros((5, 10))) == Interval(0, 0, 0)


def test_with_several_seeds_both_seeds_and_rows_widen_the_interval() -> None:
    generator = np.random.default_rng(0)
    rows, luck = generator.normal(size=(1, 100)), generator.normal(size=(5, 1))
    width = {name: np.ptp(interval_of_rows(v)) for name, v in {"rows": rows + 0 * luck, "both": rows + luck}.items()}
    assert width["rows"] == pytest.approx(np.ptp(interval(rows[0])), rel=1e-6)
    assert width["both"] > width["rows"]


@pytest.mark.parametrize(
    ("found", "less_is_better", "expected"),
    [
        (Interval(2, 1, 3), False, "better"),
        (Interval(2, 1, 3), True, "worse"),
        (Interval(-2, -3, -1), False, "worse"),
        (Interval(-2, -3, -1), True, "better"),
        (Interval(1, -1, 3), False, "within noise"),
        (Interval(0, 0, 0), False, "within noise"),
        (Interval(1, -np.inf, np.inf), True, "within noise"),
        (Interval(np.nan, np.nan, np.nan), True, "within noise"),
    ],
)
def test_a_difference_is_called_one_if_0_lies_outside_its_interval(
    found: Interval, less_is_better: bool, expected: str
) -> None:
    assert verdict(found, less_is_better) == expected


# Scores


def test_the_mean_of_the_rows_scores_is_the_metric_of_scikit_learn() -> None:
    from sklearn import metrics

    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 50)
    probabilities = generator.dirichlet(np.ones(3), 50).astype(np.float32)
    assert scores.ROW_SCORES["accuracy"](y, probabilities).mean() == metrics.accuracy_score(y, probabilities.argmax(1))
    expected = metrics.log_loss(y, probabilities.astype(np.float64) / probabilities.astype(np.float64).sum(1)[:, None])
    assert scores.ROW_SCORES["log_loss"](y, probabilities).mean() == pytest.approx(expected, rel=1e-9)
    quantity, predicted = generator.normal(size=50).astype(np.float32), generator.normal(size=(50, 1))
    assert scores.ROW_SCORES["mse"](quantity, predicted).mean() == pytest.approx(
        metrics.mean_squared_error(quantity, predicted)
    )
    assert scores.ROW_SCORES["mae"](quantity, predicted).mean() == pytest.approx(
        metrics.mean_absolute_error(quantity, predicted)
    )


def test_what_the_last_epoch_says_of_overfitting() -> None:
    history = pd.DataFrame({"loss": [3.0, 2.0, 1.0], "val_loss": [4.0, 2.5, 3.0]})
    assert scores.HISTORY_SCORES["training_loss"](history) == 1
    assert scores.HISTORY_SCORES["overfitting"](history) == 2
    assert scores.HISTORY_SCORES["loss_rise"](history) == 0.5


# Studies


def result(name: str, right: int | list[int], seeds: int = 1, splits: int = 1, losses: Any = (1.0, 0.5)) -> Result:
    """A classifier of 200 test rows of class 0, of which so many are right in each training."""
    counts = right if isinstance(right, list) else [right] * (seeds * splits)
    parted = [
        Split(
            x={},
            y={"train": np.zeros(600, np.int32), "test": np.zeros(200, np.int32)},
            rows={"train": np.arange(600), "test": np.arange(200) + 1000 * number},
            scaling={},
        )
        for number in range(splits)
    ]
    predicted = np.zeros((len(counts), 200, 2), np.float32)
    for number, count in enumerate(counts):
        predicted[number, :, 0] = np.where(np.arange(200) < count, 0.9, 0.1)
    predicted[:, :, 1] = 1 - predicted[:, :, 0]
    epochs = [
        {"split": split, "seed": 42 + seed, "epoch": epoch + 1, "loss": loss, "val_loss": loss + seed + 1}
        for split in range(splits)
        for seed in range(seeds)
        for epoch, loss in enumerate(losses)
    ]
    history = pd.DataFrame(epochs)
    recipe = {"dataset": "fashion_mnist", "split": "any"}
    return Result(name, recipe, parted, {"test": predicted}, history if splits > 1 else history.drop(columns="split"))


def study(**changes: Any) -> Study:
    base = {"question": "?", "claim": "it is", "documents": ["A"], "baseline": "plain", "members": [{"variant": "new"}]}
    return Study.model_validate(base | changes)


def rows_of(asked: Study, *results: Result) -> list[dict[str, Any]]:
    return compare_members("it", asked, {each.name: each for each in results}, lambda _: "accuracy")


def test_a_member_is_compared_on_the_same_rows() -> None:
    (row,) = rows_of(study(), result("plain", 100), result("new", 120))
    assert (row["ours"], row["of_baseline"], row["verdict"]) == (0.6, 0.5, "better")
    assert row["difference"] == pytest.approx(0.1)
    # 20 of 200 rows differ, all to one side: narrower than two proportions apart would be.
    assert 0.055 < row["low"] < 0.06


def test_what_less_is_better_of_is_worse_when_it_is_more() -> None:
    (row,) = rows_of(study(metric="log_loss"), result("plain", 120), result("new", 100))
    assert row["difference"] > 0
    assert row["verdict"] == "worse"


def test_the_more_members_the_wider_the_intervals() -> None:
    one, two = study(), study(members=[{"variant": "new"}, {"variant": "new", "metric": "log_loss"}])
    (alone,) = rows_of(one, result("plain", 100), result("new", 120))
    beside, _ = rows_of(two, result("plain", 100), result("new", 120))
    assert beside["low"] < alone["low"] < alone["high"] < beside["high"]


def test_a_member_may_have_a_baseline_and_a_metric_of_its_own() -> None:
    asked = study(metric="log_loss", members=[{"variant": "new", "baseline": "other", "metric": "accuracy"}])
    (row,) = rows_of(asked, result("plain", 100), result("new", 120), result("other", 110))
    assert (row["baseline"], row["metric"], row["of_baseline"]) == ("other", "accuracy", 0.55)


def test_several_seeds_are_paired() -> None:
    # The luck of a seed is common to both: as a pair, they differ by 10 rows every time.
    (row,) = rows_of(study(), result("plain", [80, 100, 120], seeds=3), result("new", [90, 110, 130], seeds=3))
    assert row["difference"] == pytest.approx(0.05)
    assert row["verdict"] == "better"


def test_what_has_no_rows_needs_several_seeds() -> None:
    asked = study(metric="overfitting")
    (row,) = rows_of(asked, result("plain", 1), result("new", 1, losses=(1.0, 0.4)))
    assert (row["low"], row["high"], row["verdict"]) == (-np.inf, np.inf, "within noise")
    several = [result("plain", 1, seeds=3), result("new", 1, seeds=3, losses=(1.0, 0.4))]
    (row,) = rows_of(study(metric="training_loss"), *several)
    assert row["difference"] == pytest.approx(-0.1)
    assert row["verdict"] == "better"


def test_repeated_splits_count_once_each_however_many_seeds() -> None:
    few = own_figure(result("it", [100, 120], splits=2), "accuracy")
    assert few.mean == pytest.approx(0.55)
    assert few.high - few.low > 0.5  # of two values, 0.5 and 0.6
    # Now each split has a seed with 100 and one with 120.
    many = own_figure(result("it", [100, 120, 100, 120], seeds=2, splits=2), "accuracy")
    assert many == pytest.approx((0.55, 0.55, 0.55))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (result("new", 100, seeds=2), r"^studies\.it: new: expected the seeds of plain, .*\(42,\).*, got .*\(43,\)"),
        (result("new", 100, splits=2), r"^studies\.it: new: expected the test rows of plain, got others"),
    ],
)
def test_what_was_not_measured_alike_is_not_compared(changed: Result, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rows_of(study(), result("plain", 100), changed)


def test_a_variant_without_test_rows_or_without_the_history_is_told() -> None:
    without = Result("new", {"dataset": "fashion_mnist"}, result("new", 1).splits, {}, result("new", 1).history)
    with pytest.raises(ValueError, match=r"^new: expected predictions of test rows for accuracy"):
        difference(without, result("plain", 1), "accuracy")
    with pytest.raises(ValueError, match=r"^new: expected a history with 'accuracy'"):
        difference(without, result("plain", 1), "training_accuracy")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([("better", "better"), (None, "worse")], "confirmed"),
        ([("better", "better"), ("worse", "within noise")], "not decided"),
        ([("better", "better"), ("worse", "better")], "refuted"),
        ([("worse", "within noise"), ("better", "worse")], "refuted"),
        ([(None, "better")], "shown"),
    ],
)
def test_a_claim_is_confirmed_by_all_and_refuted_by_one(verdicts: list[tuple[Any, str]], expected: str) -> None:
    assert set(OPPOSITE) == {"better", "worse"}
    assert answer([{"expected": wanted, "verdict": found} for wanted, found in verdicts]) == expected
