"""Intervals, verdicts and answers: the statistics by simulation, the rest on small tables."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.comparison import scores
from stages.comparison.statistics import Interval, interval, interval_of_rows, verdict
from stages.comparison.studies import Comparison, answer_study, compare_members, mean_difference, mean_score
from stages.comparison.trained import TrainedVariant, loss_function
from stages.comparison.verdicts import Answer, Verdict
from stages.datasets.spec import spec_of
from stages.documents import Study
from stages.params.differences import recipe_differences
from stages.splits import Split

# Simulated comparisons of the size of ours


COMPARISONS = 1000
ROWS = 10_000
EFFECT = 0.004
"""Our variants differ by about so much."""
LUCK = 0.004
"""Standard deviation over seeds of the accuracy of relu_100, measured."""


def simulated(generator: np.random.Generator, seeds: int, effect: float, rows: int = ROWS, luck: float = LUCK) -> Any:
    """Differences in correctness, float64 (seeds, rows), of two nets as alike as ours: they disagree on 8 % of rows.

    Each row has its own leaning, each seed its own luck, and the rest is left to the row and the seed.
    """
    leaning = generator.normal(scale=0.1, size=rows)
    of_seed = generator.normal(scale=luck * 2**0.5, size=(seeds, 1))  # two nets, each with its own
    tilt = np.clip(effect + of_seed + leaning, -1, 1)
    disagree = np.maximum(np.abs(tilt), 0.08)
    drawn = generator.random((seeds, rows))
    return np.where(drawn < (disagree + tilt) / 2, 1.0, np.where(drawn < disagree, -1.0, 0.0))


@pytest.mark.parametrize(("seeds", "luck"), [(1, 0.0), (3, LUCK), (5, LUCK)])
def test_intervals_over_rows_and_seeds_cover_the_true_difference_19_times_in_20(seeds: int, luck: float) -> None:
    # Of one seed, the difference of these two nets; of several, that of the technique.
    generator = np.random.default_rng(seeds)
    covered = 0
    for _ in range(COMPARISONS):
        found = interval_of_rows(simulated(generator, seeds, EFFECT, luck=luck))
        covered += found.low <= EFFECT <= found.high
    assert 0.93 <= covered / COMPARISONS <= 0.97


def test_two_seeds_cover_more_often_rather_than_less() -> None:
    generator = np.random.default_rng(2)
    found = [interval_of_rows(simulated(generator, 2, EFFECT, rows=2000)) for _ in range(COMPARISONS)]
    assert sum(each.low <= EFFECT <= each.high for each in found) / COMPARISONS >= 0.93


def test_one_seed_knows_nothing_of_the_luck_of_seeds() -> None:
    # Which is why no claim is decided by one.
    generator = np.random.default_rng(1)
    found = [interval_of_rows(simulated(generator, 1, EFFECT)) for _ in range(COMPARISONS)]
    assert sum(each.low <= EFFECT <= each.high for each in found) / COMPARISONS < 0.85


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_intervals_over_seeds_alone_cover_whatever_their_number(seeds: int) -> None:
    values = np.random.default_rng(seeds).normal(EFFECT, 0.004, size=(COMPARISONS, seeds))
    covered = sum(found.low <= EFFECT <= found.high for found in map(interval, values))
    assert 0.93 <= covered / COMPARISONS <= 0.97


@pytest.mark.parametrize("members", [1, 6])
@pytest.mark.parametrize(("seeds", "luck"), [(1, 0.0), (5, LUCK)])
def test_between_equal_variants_at_most_one_study_in_20_finds_a_difference(
    members: int, seeds: int, luck: float
) -> None:
    generator = np.random.default_rng(10 * members + seeds)
    studies, found = 400, 0
    for _ in range(studies):
        verdicts = {
            verdict(interval_of_rows(simulated(generator, seeds, 0, rows=2000, luck=luck), members), False)
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
        simulations = (simulated(generator, 1, 0, rows=2000, luck=0.0) for _ in range(6))
        found += any(verdict(interval_of_rows(each), False) != "within noise" for each in simulations)
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


def test_seeds_and_rows_each_widen_the_interval_by_their_own_t() -> None:
    # By hand, two seeds and three rows: means of seeds 2 and 4, of rows 1, 3 and 5, nothing left.
    values = np.array([[0.0, 2.0, 4.0], [2.0, 4.0, 6.0]])
    seeds, rows = 12.7062**2 * 2 / 2, 4.302653**2 * 4 / 3
    assert interval_of_rows(values).high == pytest.approx(3 + (seeds + rows) ** 0.5, rel=1e-5)


def test_what_is_left_to_row_and_seed_is_not_counted_twice() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(5, 400))
    alone = interval(values.mean(axis=1))
    assert np.ptp(interval_of_rows(values)) == pytest.approx(np.ptp(alone), rel=0.05)


@pytest.mark.parametrize("shape", [(5, 1), (1, 5)])
def test_of_one_row_or_one_seed_the_other_counts(shape: tuple[int, int]) -> None:
    values = np.arange(5.0)
    assert interval_of_rows(values.reshape(shape)) == interval(values)


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
        (Interval(1, -np.inf, np.inf), True, "no interval"),
        (Interval(np.nan, np.nan, np.nan), True, "not measured"),
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


@pytest.mark.parametrize("metric", scores.TRAINING_SCORES)
def test_two_classes_are_ranked_by_the_probability_of_class_1_whether_it_has_a_column_of_its_own(metric: str) -> None:
    y, ones = np.array([0, 1, 1, 0, 1]), np.array([[0.1], [0.9], [0.8], [0.2], [0.7]], np.float32)
    score = scores.TRAINING_SCORES[metric]
    assert score(y, ones) == 1
    assert score(y, np.hstack([1 - ones, ones])) == 1


def test_what_the_last_epoch_says_of_overfitting() -> None:
    history = pd.DataFrame({"loss": [3.0, 2.0, 1.0], "val_loss": [4.0, 2.5, 3.0]})
    assert scores.HISTORY_SCORES["training_loss"](history) == 1
    assert scores.HISTORY_SCORES["overfitting"](history) == 2
    assert scores.HISTORY_SCORES["loss_rise"](history) == 0.5


# Studies


RECIPE: Any = {
    "dataset": "fashion_mnist",
    "split": "any",
    "layers": {"output": {"class": "Dense", "units": 2}},
    "loss": {"class": "SparseCategoricalCrossentropy"},
}


def trained(
    name: str, right: int | list[int], seeds: int = 1, splits: int = 1, losses: Any = (1.0, 0.5)
) -> TrainedVariant:
    """A classifier of 200 test rows of class 0, of which so many are right in each training."""
    counts = right if isinstance(right, list) else [right] * (seeds * splits)
    parted = [
        Split(
            x={},
            y={"train": np.zeros(600, np.int32), "test": np.zeros(200, np.int32)},
            rows={
                "train": np.arange(600),
                "validation": np.arange(200) + 600,
                "test": np.arange(200) + 1000 * number,
            },
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
    history = history if splits > 1 else history.drop(columns="split")
    return TrainedVariant(name, RECIPE, parted, {"test": predicted}, history)


def study(**changes: Any) -> Study:
    base = {"question": "?", "claim": "it is", "documents": ["A"], "baseline": "plain", "members": [{"variant": "new"}]}
    return Study.model_validate(base | changes)


def rows_of(asked: Study, *variants: TrainedVariant) -> list[Comparison]:
    return compare_members("it", asked, {each.name: each for each in variants}, lambda _: "accuracy")


def test_a_member_is_compared_on_the_same_rows() -> None:
    (row,) = rows_of(study(), trained("plain", 100), trained("new", 120))
    assert (row.ours, row.of_baseline, row.verdict) == (0.6, 0.5, "better")
    assert row.difference == pytest.approx(0.1)
    # 20 of 200 rows differ, all to one side: narrower than two proportions apart would be.
    assert 0.055 < row.low < 0.06


def test_what_less_is_better_of_is_worse_when_it_is_more() -> None:
    (row,) = rows_of(study(metric="log_loss"), trained("plain", 120), trained("new", 100))
    assert row.difference > 0
    assert row.verdict == "worse"


def test_the_more_members_are_expected_to_differ_the_wider_their_intervals() -> None:
    expected = {"variant": "new", "expected": "better"}
    both = [expected, {**expected, "metric": "log_loss"}]
    shown = [{"variant": "new", "metric": metric} for metric in ("accuracy", "log_loss", "training_loss")]
    widths = []
    for members in ([expected], [expected, *shown], both):
        first, *_ = rows_of(study(members=members), trained("plain", 100), trained("new", 120))
        widths.append(first.high - first.low)
    assert widths[0] == widths[1] < widths[2]  # those that are only shown do not count


def test_a_member_may_have_a_baseline_and_a_metric_of_its_own() -> None:
    asked = study(metric="log_loss", members=[{"variant": "new", "baseline": "other", "metric": "accuracy"}])
    (row,) = rows_of(asked, trained("plain", 100), trained("new", 120), trained("other", 110))
    assert (row.baseline, row.metric, row.of_baseline) == ("other", "accuracy", 0.55)


def test_several_seeds_are_paired() -> None:
    # The luck of a seed is common to both: as a pair, they differ by 10 rows every time.
    (row,) = rows_of(study(), trained("plain", [80, 100, 120], seeds=3), trained("new", [90, 110, 130], seeds=3))
    assert row.difference == pytest.approx(0.05)
    assert row.verdict == "better"


def test_what_has_no_rows_needs_several_seeds() -> None:
    asked = study(metric="overfitting")
    (row,) = rows_of(asked, trained("plain", 1), trained("new", 1, losses=(1.0, 0.4)))
    assert (row.low, row.high, row.verdict) == (-np.inf, np.inf, "no interval")
    several = [trained("plain", 1, seeds=3), trained("new", 1, seeds=3, losses=(1.0, 0.4))]
    (row,) = rows_of(study(metric="training_loss"), *several)
    assert row.difference == pytest.approx(-0.1)
    assert row.verdict == "better"


def test_repeated_splits_count_once_each_however_many_seeds() -> None:
    few = mean_score(trained("it", [100, 120], splits=2), "accuracy")
    assert few.mean == pytest.approx(0.55)
    assert few.high - few.low > 0.5  # of two values, 0.5 and 0.6
    # Now each split has a seed with 100 and one with 120.
    many = mean_score(trained("it", [100, 120, 100, 120], seeds=2, splits=2), "accuracy")
    assert many == pytest.approx((0.55, 0.55, 0.55))


def with_rows(name: str, part: str, rows: np.ndarray) -> TrainedVariant:
    """A variant with other rows in a part of its split."""
    before = trained(name, 100)
    return replace(before, splits=[replace(split, rows=split.rows | {part: rows}) for split in before.splits])


@pytest.mark.parametrize(
    ("metric", "part"),
    [
        ("training_loss", "train"),
        ("training_accuracy", "train"),
        ("overfitting", "train"),
        ("overfitting", "validation"),
        ("loss_rise", "validation"),
        ("accuracy", "test"),
    ],
)
def test_a_score_is_compared_only_on_the_same_rows(metric: str, part: str) -> None:
    with pytest.raises(ValueError, match=rf"^new: expected the {part} rows of plain, got others$"):
        mean_difference(with_rows("new", part, np.arange(200) + 50), trained("plain", 100), metric)


def test_a_score_is_compared_whatever_the_rows_that_it_is_not_measured_on() -> None:
    new, plain = with_rows("new", "train", np.arange(50)), trained("plain", 100)
    assert mean_difference(new, plain, "accuracy").mean == 0
    assert mean_difference(new, plain, "loss_rise").mean == 0


def test_the_order_of_the_rows_counts_only_where_rows_are_paired() -> None:
    reversed_ = {part: rows[::-1] for part, rows in trained("plain", 100).splits[0].rows.items()}
    plain = trained("plain", 100)
    assert mean_difference(with_rows("new", "train", reversed_["train"]), plain, "training_loss").mean == 0
    with pytest.raises(ValueError, match=r"^new: expected the test rows of plain, got others$"):
        mean_difference(with_rows("new", "test", reversed_["test"]), plain, "accuracy")


def test_every_score_of_a_history_has_the_parts_that_it_is_measured_on() -> None:
    assert scores.HISTORY_PARTS.keys() == scores.HISTORY_SCORES.keys()


def changed_recipe(name: str, **recipe: Any) -> TrainedVariant:
    return replace(trained(name, 100), recipe=RECIPE | recipe)


@pytest.mark.parametrize(
    ("changed", "metric", "note"),
    [
        (trained("new", 100, seeds=2), None, r"^new: expected the seeds of plain, .*\(42,\).*, got .*\(43,\)"),
        (trained("new", 100, splits=2), None, "^new: expected the test rows of plain, got others"),
        (
            changed_recipe("new", loss={"class": "Poisson"}),
            "training_loss",
            "^new: expected the loss of plain, 'CategoricalCrossentropy', got 'Poisson'",
        ),
        (changed_recipe("new", dataset="thoracic"), None, "^new: expected the dataset of plain, 'fashion_mnist', got"),
        (trained("new", 100), "mse", "^new: expected a metric among accuracy, .*, got 'mse'"),
        (trained("new", 100), "roc_auc", "^new: expected a metric among accuracy, .*, got 'roc_auc'"),
        (trained("new", 100), "training_accuracy", "^new: expected a history with 'accuracy', got seed, epoch"),
    ],
)
def test_what_was_not_measured_alike_is_not_compared(changed: TrainedVariant, metric: str | None, note: str) -> None:
    (row,) = rows_of(study(metric=metric), trained("plain", 100), changed)
    assert row.verdict == "not measured"
    assert re.match(note, row.note)
    assert np.isnan([row.difference, row.low, row.high, row.ours, row.of_baseline]).all()


def test_a_variant_without_test_rows_is_told() -> None:
    without = replace(trained("new", 1), predictions={})
    with pytest.raises(ValueError, match=r"^new: expected predictions of test rows for accuracy"):
        mean_difference(without, trained("plain", 1), "accuracy")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([("better", "better"), (None, "worse")], "confirmed"),
        ([("better", "better"), ("worse", "within noise")], "not decided"),
        ([("better", "better"), ("worse", "better")], "refuted"),
        ([("worse", "within noise"), ("better", "worse")], "refuted"),
        ([("better", "better"), ("worse", "not measured")], "not decided"),
    ],
)
def test_a_claim_is_confirmed_by_all_and_refuted_by_one(verdicts: list[tuple[Any, str]], expected: str) -> None:
    def compared(seeds: int) -> list[Comparison]:
        names: Any = {"study": "it", "variant": "new", "baseline": "plain", "metric": "accuracy"}
        return [
            Comparison(
                **names,
                differs_in="",
                note="",
                trainings=seeds,
                seeds=seeds,
                expected=Verdict(wanted) if wanted else None,
                verdict=Verdict(found),
            )
            for wanted, found in verdicts
        ]

    assert answer_study(compared(5)) == expected
    assert answer_study(compared(1)) == "needs several seeds"


def test_a_study_that_expects_nothing_claims_nothing() -> None:
    (row,) = rows_of(study(), trained("plain", 100), trained("new", 120))
    assert (row.expected, answer_study([row])) == (None, Answer.NOT_DECIDED)


def test_a_comparison_names_the_keys_in_which_the_recipes_differ() -> None:
    wider = changed_recipe("new", layers={"output": {"class": "Dense", "units": 3}}, epochs=20, seed=5)
    noted = study(members=[{"variant": "new", "note": "also longer"}])
    (row,) = rows_of(noted, trained("plain", 100), wider)
    assert (row.differs_in, row.note) == ("layers.output.units; epochs", "also longer")
    (row,) = rows_of(
        study(metric="mse", members=[{"variant": "new", "note": "also longer"}]), trained("plain", 1), wider
    )
    assert re.match("new: expected a metric among .*; also longer$", row.note)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (None, ""),
        ({"class": "SparseCategoricalCrossentropy"}, "CategoricalCrossentropy"),
        ({"class": "CategoricalCrossentropy"}, "CategoricalCrossentropy"),
        ({"class": "Huber", "delta": 2.0}, "Huber(delta=2.0)"),
        ({"main": {"class": "Huber"}, "auxiliary": {"class": "Huber"}}, "Huber"),
        ({"main": {"class": "Huber"}, "auxiliary": {"class": "Poisson"}}, "main Huber, auxiliary Poisson"),
    ],
)
def test_losses_whose_values_mean_the_same_have_one_name(loss: Any, name: str) -> None:
    assert loss_function({"loss": loss} if loss else {}) == name


@pytest.mark.parametrize("dataset", ["fashion_mnist", "housing", "thoracic"])
def test_what_ranks_a_data_set_is_a_metric_that_fits_it(dataset: str) -> None:
    spec = spec_of(dataset)
    fitting = scores.metrics_for(len(spec.classes))
    assert spec.ranked_by in fitting
    assert set(fitting) <= set(scores.KNOWN)


def dense(units: int) -> dict[str, Any]:
    return {"class": "Dense", "units": units}


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ({"epochs": 5, "seed": 1}, {"epochs": 5, "seed": 2, "seeds": 3}, {}),
        ({"layers": {"hidden": dense(8)}}, {"layers": {"hidden": dense(4)}}, {"layers.hidden.units": (8, 4)}),
        (
            {"layers": {"hidden": dense(8)}},
            {"layers": {"hidden": dense(8), "output": dense(1)}},
            {"layers.output": (None, dense(1))},
        ),
        (
            {"layers": {"one": dense(8), "two": dense(4)}},
            {"layers": {"two": dense(4), "one": dense(8)}},
            {"layers": ("one two", "two one")},
        ),
        (
            {"optimizer": {"class": "SGD", "learning_rate": 0.1}},
            {"optimizer": {"class": "Adam", "learning_rate": {"class": "CosineDecay"}}},
            {"optimizer.class": ("SGD", "Adam"), "optimizer.learning_rate": (0.1, {"class": "CosineDecay"})},
        ),
        (
            {"estimator": {"class": "Ridge"}},
            {"epochs": 5},
            {"estimator": ({"class": "Ridge"}, None), "epochs": (None, 5)},
        ),
    ],
)
def test_two_recipes_differ_in_places(a: Any, b: Any, found: dict[str, Any]) -> None:
    assert recipe_differences(a, b) == found
