"""Scores, comparisons of a study's members, and the answers that follow from them."""

import re
from dataclasses import replace
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from compared import RECIPE, trained
from simulated import at_most, criteria, difference_of, draw, moments_of_each
from sklearn.metrics import roc_auc_score

from stages.comparison import scores
from stages.comparison.cost import minutes
from stages.comparison.criteria import Criteria, read_criteria, read_looks
from stages.comparison.studies import (
    BESIDE,
    Comparison,
    answer_part,
    answer_parts,
    answer_study,
    compare_members,
    difference,
    mean_score,
    seeds_that_decide,
)
from stages.comparison.trained import TrainedVariant, joined, loss_function
from stages.comparison.verdicts import Answer, Verdict
from stages.datasets.spec import spec_of
from stages.documents import Study
from stages.params.differences import recipe_differences

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


def test_the_roc_auc_is_that_of_scikit_learn_where_probabilities_tie() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        y, ties = generator.integers(0, 2, 30), generator.integers(0, 5, (30, 1)).astype(np.float32) / 4
        assert scores.TRAINING_SCORES["roc_auc"](y, ties) == pytest.approx(roc_auc_score(y, ties[:, 0]), abs=1e-15)
    assert isnan(scores.TRAINING_SCORES["roc_auc"](np.zeros(30, np.int32), ties))


def test_a_score_of_a_training_is_computed_once_for_all_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def loss(evaluation: Any) -> float:
        asked.append(evaluation)
        return evaluation["train"]["loss"]

    monkeypatch.setitem(scores.EVALUATION_SCORES, "training_loss", loss)
    baseline, members = trained("old", 100, seeds=3), [trained(name, 120, seeds=3, loss=0.25) for name in "ab"]
    for member in members:
        assert difference(member, baseline, "training_loss").ours == 0.25
    assert len(asked) == 9
    assert baseline.with_seeds({42, 43, 44, 45}) is baseline
    assert difference(members[0].with_seeds({43, 44}), baseline, "training_loss").seeds == 2


def test_what_a_saved_model_and_its_epochs_say_of_overfitting() -> None:
    evaluation = {
        "train": {"loss": 1.0, "accuracy": 0.9},
        "validation": {"loss": 3.0},
        "model": {"near_zero_weights": 0.2},
    }
    found = {name: score(evaluation) for name, score in scores.EVALUATION_SCORES.items()}
    assert found == {"training_loss": 1, "training_accuracy": 0.9, "overfitting": 2, "near_zero_weights": 0.2}
    history = pd.DataFrame({"loss": [3.0, 2.0, 1.0], "val_loss": [4.0, 2.5, 3.0]})
    assert scores.HISTORY_SCORES["loss_rise"](history) == 0.5


# Studies


NEW: Any = {"variant": "new", "expected": "better"}


def study(*members: Any, beside: tuple[Any, ...] = (), **changes: Any) -> Study:
    """A claim of one part, that `new` is better than `plain`, unless it has other members."""
    parts = [{"members": list(members or (NEW,))}]
    base = {"question": "?", "claim": "it is", "documents": ["A"], "baseline": "plain"}
    return Study.model_validate(base | {"parts": parts, "beside": list(beside)} | changes)


def rows_of(asked: Study, *variants: TrainedVariant, by: Criteria | None = None) -> list[Comparison]:
    by = by or criteria(worth=0.02)
    return compare_members("it", asked, {each.name: each for each in variants}, lambda _: "accuracy", by)


def test_a_member_is_compared_on_the_same_rows() -> None:
    (row,) = rows_of(study(), trained("plain", 100), trained("new", 120))
    assert (row.ours, row.of_baseline, row.verdict) == (0.6, 0.5, "better")
    assert row.difference == pytest.approx(0.1)
    # 20 of 200 rows differ, all to one side: narrower than two proportions apart would be.
    assert 0.05 < row.low < 0.06
    assert (row.part, row.trainings, row.seeds, row.splits, row.rows, row.looks, row.worth) == (
        1,
        1,
        1,
        1,
        200,
        1,
        0.02,
    )
    (row,) = rows_of(study(), trained("plain", 100), trained("new", 101), by=criteria(worth=0.04))
    assert row.verdict == "same"


def test_an_interval_of_a_difference_of_shares_ends_at_1() -> None:
    (row,) = rows_of(study(), trained("plain", [0, 200], seeds=2), trained("new", [200, 100], seeds=2))
    assert (row.low, row.high) == (-1, 1)


def test_where_less_is_better_more_is_worse() -> None:
    (row,) = rows_of(study(metric="log_loss"), trained("plain", 120), trained("new", 100))
    assert row.difference > 0
    assert row.verdict == "worse"


def test_members_of_a_part_share_the_chance_of_an_error_of_what_one_is_enough_for() -> None:
    # Five seeds; p of the difference is 0.032, so it is told alone and not as one of two.
    plain, new = trained("plain", [100] * 5, seeds=5), trained("new", [116, 106, 104, 112, 108], seeds=5)
    shown = ({"variant": "new", "metric": "training_loss"},) * 3
    (alone,) = rows_of(study(), plain, new)
    with_shown, *_ = rows_of(study(beside=shown), plain, new)
    of_two, _ = rows_of(study(NEW, {**NEW, "metric": "log_loss"}), plain, new)
    assert [row.shared_verdict for row in (alone, with_shown, of_two)] == ["better", "better", "open"]
    assert len({(row.verdict, row.low, row.high) for row in (alone, with_shown, of_two)}) == 1


def test_members_beside_the_claim_have_no_part_in_it() -> None:
    _, row = rows_of(study(beside=({"variant": "new", "clean": False},)), trained("plain", 100), trained("new", 120))
    assert (row.part, row.expected, row.clean) == (BESIDE, None, False)


def test_a_member_may_have_a_baseline_and_a_metric_of_its_own() -> None:
    asked = study({**NEW, "baseline": "other", "metric": "accuracy"}, metric="log_loss")
    (row,) = rows_of(asked, trained("plain", 100), trained("new", 120), trained("other", 110))
    assert (row.baseline, row.metric, row.of_baseline) == ("other", "accuracy", 0.55)


def test_several_seeds_are_paired() -> None:
    # The luck of a seed is common to both: as a pair, they differ by 10 rows every time.
    (row,) = rows_of(study(), trained("plain", [80, 100, 120], seeds=3), trained("new", [90, 110, 130], seeds=3))
    assert row.difference == pytest.approx(0.05)
    assert (row.verdict, row.better_in, row.worse_in) == ("better", 3, 0)
    assert row.seed_variance == pytest.approx(0, abs=1e-12)
    assert row.row_variance > 0


def test_seeds_that_one_of_both_lacks_are_left_out() -> None:
    (row,) = rows_of(study(), trained("plain", [100, 100], seeds=2), trained("new", [0, 120], seeds=2, first=41))
    assert (row.seeds, row.difference) == (1, pytest.approx(0.1))


def test_a_metric_without_rows_needs_several_seeds() -> None:
    asked = study({**NEW, "metric": "training_loss"})
    (row,) = rows_of(asked, trained("plain", 1), trained("new", 1, loss=0.4))
    assert (row.low, row.high, row.verdict, row.rows) == (-inf, inf, "no interval", 1)
    (row,) = rows_of(asked, trained("plain", 1, seeds=3), trained("new", 1, seeds=3, loss=0.4))
    assert (row.difference, row.verdict) == (pytest.approx(-0.1), "better")


def test_a_tie_is_the_same_whatever_is_worth_having() -> None:
    asked = study({**NEW, "metric": "training_loss"})
    (row,) = rows_of(asked, trained("plain", 1, seeds=3), trained("new", 1, seeds=3), by=criteria(worth=0))
    assert (row.verdict, row.better_in, row.worse_in) == ("same", 0, 0)


def test_the_spread_over_seeds_is_that_of_the_seeds_of_a_split() -> None:
    asked = study({**NEW, "metric": "accuracy_spread"})
    (row,) = rows_of(asked, trained("plain", [80, 100, 120], seeds=3), trained("new", [99, 100, 101], seeds=3))
    # Distances from the median 0.1, 0, 0.1 and 0.005, 0, 0.005; times 3 / 2.
    assert (row.of_baseline, row.ours) == (pytest.approx(0.1), pytest.approx(0.005))
    split = trained("new", [80, 100, 120, 180, 180, 180], seeds=3, splits=2)
    assert split.scores("accuracy_spread")[:, 0] == pytest.approx([0.15, 0, 0.15, 0, 0, 0])


def test_repeated_splits_have_one_value_for_each_split_and_seed() -> None:
    few = mean_score(trained("it", [100, 120], splits=2), "accuracy", 0.05)
    assert few.mean == pytest.approx(0.55)
    assert (few.low, few.high) == pytest.approx((0.0865, 0.9404), abs=1e-4)  # of two values, 0.5 and 0.6, and t of 12.7
    # Now each split has a seed with 100 and one with 104: they differ, and the splits do not.
    (row,) = rows_of(
        study(), trained("plain", [0] * 4, seeds=2, splits=2), trained("new", [100, 104, 100, 104], seeds=2, splits=2)
    )
    assert (row.seed_variance, row.row_variance, row.rest_variance) == pytest.approx((0.0002, 0, 0))
    assert (row.trainings, row.seeds, row.splits, row.overlap) == (4, 2, 2, pytest.approx(1 / 3))
    assert row.high - row.difference == pytest.approx(12.7062 * (0.0002 / 2) ** 0.5, rel=1e-4)


def test_the_looks_of_a_run_widen_its_intervals() -> None:
    variants = trained("plain", [100] * 5, seeds=5), trained("new", [116, 106, 104, 112, 108], seeds=5)
    (one,), (three,) = (rows_of(study(), *variants, by=criteria(0.02, looks)) for looks in ((), (5, 10, 20)))
    assert (one.verdict, three.verdict) == ("better", "open")
    assert three.high - three.low > 1.3 * (one.high - one.low)
    assert 5 < three.seeds_needed < 20
    assert isnan(one.seeds_needed)


def test_criteria_are_those_of_params_yaml_and_looks_count_where_a_run_looked(tmp_path: Any) -> None:
    path = tmp_path / "criteria.json"
    path.write_text('{"confidence": 0.9, "looks": [5, 10], "worth": {"mse": 0.5}}')
    assert read_criteria(path) == Criteria(confidence=0.9, worth={"mse": 0.5})
    assert read_criteria(path).error == pytest.approx(0.1)
    assert read_looks(path).error == pytest.approx(0.05)
    with pytest.raises(
        ValueError, match=r"criteria.json: expected the file that `dvc repro configure` leaves, got none$"
    ):
        read_criteria(tmp_path / "none" / "criteria.json")


# Trainings that diverged


def test_the_means_are_those_of_trainings_that_ended_and_their_seeds_are_counted() -> None:
    plain = trained("plain", [100, 104, 96, 100, 102, 98], seeds=6, diverged=(1,))
    new = trained("new", [80, 84, 76, 80, 82, 78], seeds=6, diverged=(0, 1))
    (row,) = rows_of(study(), plain, new)
    assert (row.seeds, row.ended, row.diverged, row.baseline_diverged) == (6, 4, 2, 1)
    assert row.ours == pytest.approx(np.mean([76, 80, 82, 78]) / 200)
    assert row.of_baseline == pytest.approx(np.mean([100, 96, 100, 102, 98]) / 200)
    assert row.difference == pytest.approx(row.ours - row.of_baseline)
    # With one seed the new one alone diverged, with one both did, and with four it is worse.
    assert (row.better_in, row.worse_in) == (0, 5)
    assert row.verdict == "worse"
    assert row.low < row.difference < row.high
    assert row.seed_degrees <= 6


@pytest.mark.parametrize(("diverged", "verdict"), [((0, 1, 2, 3, 4), "worse"), ((0, 1, 2), "open"), ((0,), "open")])
def test_a_variant_that_ends_as_well_is_worse_if_it_diverges_much_more_often(
    diverged: tuple[int, ...], verdict: str
) -> None:
    (row,) = rows_of(study(), trained("plain", 100, seeds=5), trained("new", 100, seeds=5, diverged=diverged))
    assert row.verdict == verdict
    assert row.worse_in == len(diverged)
    assert isnan(row.low) == (len(diverged) > 2)
    assert (row.ours, isnan(row.difference)) == ((pytest.approx(0.5), False) if len(diverged) < 5 else (nan, True)) or (
        isnan(row.ours)
    )
    assert row.seeds_needed > 5 or verdict == "worse"


def test_where_everything_diverged_nothing_is_told_and_nothing_fails() -> None:
    everything = (0, 1, 2)
    (row,) = rows_of(
        study(), trained("plain", 1, seeds=3, diverged=everything), trained("new", 1, seeds=3, diverged=everything)
    )
    assert (row.verdict, row.ended, row.better_in, row.worse_in) == ("open", 0, 0, 0)
    assert isnan(row.seeds_needed)
    assert np.isnan(mean_score(trained("it", 1, seeds=3, diverged=everything), "accuracy", 0.05)).all()


def test_a_seed_that_diverged_on_one_split_is_left_out_on_all() -> None:
    found = trained("it", [100, 120, 140, 100, 120, 140], seeds=3, splits=2, diverged=(4,))
    assert found.diverged_seeds() == {43}
    assert mean_score(found, "accuracy", 0.05).mean == pytest.approx(0.6)


@pytest.mark.parametrize(
    "metric", ["accuracy", "log_loss", "training_loss", "near_zero_weights", "loss_rise", "accuracy_spread"]
)
def test_a_training_that_diverged_has_no_score(metric: str) -> None:
    found = trained("it", [100, 120, 140], seeds=3, diverged=(1,)).scores(metric)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()


def test_blocks_of_seeds_are_joined_split_by_split() -> None:
    blocks = [
        trained("it", [1, 2, 3, 4], seeds=2, splits=2, diverged=(3,)),
        trained("it", [5, 6], seeds=1, splits=2, first=44),
    ]
    found = joined(blocks)
    assert found.trainings == [(0, 42), (0, 43), (0, 44), (1, 42), (1, 43), (1, 44)]
    assert found.scores("accuracy").mean(axis=1) * 200 == pytest.approx([1, 2, 5, 3, nan, 6], nan_ok=True)
    assert [bool(each) for each in found.diverged] == [False] * 4 + [True, False]
    assert found.seeds == 3


# What is not compared


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
        ("accuracy_spread", "test"),
    ],
)
def test_a_score_is_compared_only_on_the_same_rows(metric: str, part: str) -> None:
    with pytest.raises(ValueError, match=rf"^new: expected the {part} rows of plain, got others$"):
        difference(with_rows("new", part, np.arange(200) + 50), trained("plain", 100), metric)


def test_a_score_is_compared_whatever_the_rows_that_it_is_not_measured_on() -> None:
    new, plain = with_rows("new", "train", np.arange(50)), trained("plain", 100)
    for metric in ("accuracy", "loss_rise", "near_zero_weights"):
        assert difference(new, plain, metric).ours == difference(new, plain, metric).of_baseline


def test_the_order_of_the_rows_counts_only_where_rows_are_paired() -> None:
    reversed_ = {part: rows[::-1] for part, rows in trained("plain", 100).splits[0].rows.items()}
    plain = trained("plain", 100)
    assert difference(with_rows("new", "train", reversed_["train"]), plain, "training_loss").rows == 1
    with pytest.raises(ValueError, match=r"^new: expected the test rows of plain, got others$"):
        difference(with_rows("new", "test", reversed_["test"]), plain, "accuracy")


def test_every_score_that_is_not_of_test_rows_has_the_parts_that_it_is_measured_on() -> None:
    assert scores.PARTS.keys() == {*scores.EVALUATION_SCORES, *scores.HISTORY_SCORES}


def changed_recipe(name: str, **recipe: Any) -> TrainedVariant:
    return replace(trained(name, 100), recipe=RECIPE | recipe)


@pytest.mark.parametrize(
    ("changed", "metric", "note"),
    [
        (trained("new", 100, first=43), None, r"^new: expected seeds in common with plain, got \[43\] and \[42\]"),
        (trained("new", 100, splits=2), None, "^new: expected the test rows of plain, got others"),
        (
            changed_recipe("new", loss={"class": "Poisson"}),
            "training_loss",
            "^new: expected the loss of plain, 'CategoricalCrossentropy', got 'Poisson'",
        ),
        (changed_recipe("new", dataset="thoracic"), None, "^new: expected the dataset of plain, 'fashion_mnist', got"),
        (trained("new", 100), "mse", "^new: expected a metric among accuracy, .*, got 'mse'"),
        (trained("new", 100), "roc_auc", "^new: expected a metric among accuracy, .*, got 'roc_auc'"),
        (
            trained("new", 100),
            "training_accuracy",
            "^new: expected an evaluation of 'accuracy' for training_accuracy, got none",
        ),
        (
            replace(trained("new", 100), history=pd.DataFrame({"seed": [42], "epoch": 1})),
            "loss_rise",
            "^new: expected a history with 'val_loss', got seed, epoch",
        ),
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
        difference(without, trained("plain", 1), "accuracy")


def test_a_comparison_names_the_keys_in_which_the_recipes_differ() -> None:
    wider = changed_recipe("new", layers={"output": {"class": "Dense", "units": 3}}, epochs=20, seed=5)
    noted = {**NEW, "note": "also longer"}
    (row,) = rows_of(study(noted), trained("plain", 100), wider)
    assert (row.differs_in, row.note) == ("layers.output.units; epochs", "also longer")
    (row,) = rows_of(study(noted, metric="mse"), trained("plain", 1), wider)
    assert re.match("new: expected a metric among .*; also longer$", row.note)


# Answers


def compared(expected: str, verdict: str, shared: str = "", *, seeds: int = 5, **others: Any) -> Comparison:
    return Comparison(
        study="it",
        variant="new",
        baseline="plain",
        metric="accuracy",
        clean=True,
        differs_in="",
        note="",
        seeds=seeds,
        expected=Verdict(expected),
        verdict=Verdict(verdict),
        shared_verdict=Verdict(shared or verdict),
        **{"part": 1} | others,
    )


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        ([("better", "better"), ("worse", "worse")], "yes"),
        ([("better", "better", "open"), ("worse", "worse", "open")], "yes"),  # all hold, each with the whole error
        ([("same", "same")], "yes"),
        ([("better", "worse")], "no"),
        ([("same", "better")], "no"),
        ([("better", "worse", "open"), ("better", "worse", "open")], "no"),  # the opposite of all
        ([("better", "worse", "open"), ("better", "open")], "open"),
        ([("better", "worse"), ("better", "open")], "no"),
        ([("better", "same"), ("better", "same", "open")], "no difference"),
        ([("better", "same"), ("better", "open")], "open"),
        ([("better", "better"), ("better", "worse")], "in part"),
        ([("better", "better"), ("better", "same")], "in part"),
        ([("better", "better", "open"), ("better", "worse")], "no"),
        ([("better", "better"), ("better", "worse", "open")], "open"),
        ([("better", "better"), ("same", "worse")], "in part"),
        ([("better", "better"), ("better", "open")], "open"),
        ([("better", "better"), ("better", "cannot be known")], "cannot be known"),
        ([("better", "open"), ("better", "cannot be known")], "open"),
        ([("better", "worse"), ("better", "cannot be known")], "no"),
        ([("better", "better"), ("worse", "not measured")], "not measured"),
        ([("better", "no interval")], "open"),
    ],
)
def test_a_part_of_a_claim_is_answered_by_its_comparisons(found: list[tuple[str, ...]], answer: str) -> None:
    rows = [compared(expected, verdict, *shared) for expected, verdict, *shared in found]
    assert answer_part(rows) == answer
    of_one_seed = answer_part([replace(each, seeds=1) for each in rows])
    assert of_one_seed in ("open", "not measured")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["yes", "yes"], "yes"),
        (["yes", "no"], "in part"),
        (["yes", "no", "open"], "in part"),
        (["yes", "cannot be known"], "in part"),
        (["in part"], "in part"),
        (["yes", "open"], "open"),
        (["no", "open"], "open"),
        (["no", "no difference"], "no"),
        (["no difference", "no difference"], "no difference"),
        (["cannot be known", "no difference"], "cannot be known"),
        (["yes", "not measured"], "not measured"),
        ([], "open"),
    ],
)
def test_a_study_is_answered_by_its_parts(parts: list[str], expected: str) -> None:
    assert answer_study([Answer(part) for part in parts]) == expected


def test_an_open_part_needs_the_seeds_of_its_open_comparisons() -> None:
    asked = study(NEW, NEW, NEW)
    rows = [
        compared("better", "open", seeds_needed=12.0),
        compared("better", "open", seeds_needed=30.0),
        compared("better", "cannot be known", seeds_needed=inf),
    ]
    (part,) = answer_parts("it", asked, rows)
    assert (part.claim, part.answer, part.seeds_needed) == ("it is", "open", 30)
    (part,) = answer_parts("it", asked, [compared("better", "worse"), *rows])
    assert (part.answer, isnan(part.seeds_needed)) == ("no", True)


def test_a_part_whose_comparisons_are_decided_one_by_one_needs_seeds_to_decide_them_together() -> None:
    rows = [compared("better", "better"), compared("better", "same", "open", shared_seeds_needed=25.0)]
    assert answer_part(rows) == "open"
    (part,) = answer_parts("it", study(NEW, NEW), rows)
    assert (part.answer, part.seeds_needed) == ("open", 25)
    assert seeds_that_decide(rows) == [(rows[1], 25)]
    # An open one comes first.
    rows.append(compared("better", "open", seeds_needed=9.0))
    assert seeds_that_decide(rows) == [(rows[2], 9)]


def test_the_seeds_that_decide_comparisons_together_are_more() -> None:
    # p is 0.032: it is told alone, and not as one of two.
    plain, new = trained("plain", [100] * 5, seeds=5), trained("new", [116, 106, 104, 112, 108], seeds=5)
    rows = rows_of(study(NEW, {**NEW, "metric": "log_loss"}), plain, new)
    assert all(isnan(row.seeds_needed) and 5 < row.shared_seeds_needed < 10 for row in rows)


def test_the_minutes_are_those_of_more_seeds_of_both_variants() -> None:
    row, seconds = compared("better", "open"), {"new": 20.0, "plain": 10.0}
    # Six seeds more of each, at most; 5 s to start each.
    assert minutes([(row, 11.0), (row, 8.0), (row, nan)], seconds) == round((6 * 30 + 10) / 60, 1)
    assert isnan(minutes([(row, nan)], seconds))


# Claims, simulated


def answers(
    truths: list[float],
    number: int,
    spread: float = 1.0,
    worth: float = 0.0,
    of_baseline: float = 0.0,
    sharing: int | None = None,
    seed: int = 0,
) -> list[Answer]:
    """Answers to claims that a variant is better in each of several comparisons, in which it is so by these truths.

    spread: of the differences over five seeds; of_baseline: the share of it that all comparisons have in common;
    sharing: for a control, by how many comparisons the chance of an error is divided in place of their number.
    """
    generator, by = np.random.default_rng(seed), criteria(worth)
    common = of_baseline**0.5 * draw(generator, "normal", (number, 1, 5))
    own = (1 - of_baseline) ** 0.5 * draw(generator, "normal", (number, len(truths), 5))
    values = np.array(truths)[:, None] + spread * (common + own)
    found = []
    for each in values:
        differences = [difference_of(moments, 5) for moments in moments_of_each(each[:, :, None])]
        rows = [compared("better", d.judge(by), d.judge(by, sharing or len(differences))) for d in differences]
        found.append(answer_part(rows))
    return found


def test_a_claim_of_three_links_that_hold_is_confirmed_as_often_as_its_links_allow() -> None:
    # Each is told with five seeds in three of four cases; with the correction in each, the claim would hardly be.
    found = answers([1.5] * 3, 400)
    assert found.count(Answer.YES) / 400 > 0.3
    generator = np.random.default_rng(0)
    moments = moments_of_each(1.5 + draw(generator, "normal", (1200, 5, 1)))
    corrected = np.reshape([difference_of(each, 5).judge(criteria(0), 3) == "better" for each in moments], (400, 3))
    assert corrected.all(axis=1).mean() < 0.15  # a control


@pytest.mark.parametrize("of_baseline", [0.0, 0.5])
@pytest.mark.parametrize("links", [1, 3, 6])
def test_answers_are_seldom_false(links: int, of_baseline: float) -> None:
    number = 500
    # One link does not hold, the others clearly do.
    found = answers([0.0] + [9.0] * (links - 1), number, of_baseline=of_baseline)
    assert at_most(found.count(Answer.YES) / number, number)
    # All hold, by hardly anything.
    found = answers([0.01] * links, number, of_baseline=of_baseline)
    assert at_most((found.count(Answer.NO) + found.count(Answer.IN_PART)) / number, number)
    # All hold, by just what is worth having.
    found = answers([1.0] * links, number, 0.4, 1.0, of_baseline)
    assert at_most(sum(map(found.count, (Answer.NO, Answer.IN_PART, Answer.NO_DIFFERENCE))) / number, number)
    # None makes a difference.
    found = answers([0.0] * links, number, 0.4, 1.0, of_baseline)
    assert at_most(sum(map(found.count, (Answer.YES, Answer.NO, Answer.IN_PART))) / number, number)


def test_without_sharing_the_error_six_links_would_often_be_refuted() -> None:
    # A control.
    found = answers([0.01] * 6, 500, sharing=1)
    assert (found.count(Answer.NO) + found.count(Answer.IN_PART)) / 500 > 0.09


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (None, ""),
        ({"class": "SparseCategoricalCrossentropy"}, "CategoricalCrossentropy"),
        ({"class": "CategoricalCrossentropy"}, "CategoricalCrossentropy"),
        ({"class": "CategoricalCrossentropy", "from_logits": True}, "CategoricalCrossentropy"),
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
