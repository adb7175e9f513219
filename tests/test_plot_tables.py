import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.documents import Study
from stages.presentation import formats, metrics, plot_tables
from stages.reporting.page.charts import confusion_chart

COLORS = {"one": "#000001", "two": "#000002", "linear": "#000003", "houses": "#000004"}
TITLES = {"one": "First", "two": "Second", "houses": "Third, scaled"}
DATASETS = {"one": "fashion_mnist", "two": "fashion_mnist", "linear": "fashion_mnist", "houses": "housing"}


def study(question: str, baseline: str, *members: str) -> Study:
    rest: dict[str, Any] = {"claim": "so", "documents": ["A"], "beside": [{"variant": name} for name in members]}
    return Study.model_validate({"question": question, "baseline": baseline, **rest})


def history(seeds: int = 1, epochs: int = 3, first: float = 1.0) -> pd.DataFrame:
    """Losses that fall from the first one, and are by 0.1 higher for each next seed."""
    tables = []
    for seed in range(seeds):
        loss = first / np.arange(1, epochs + 1) + seed / 10
        tables.append(pd.DataFrame({"seed": seed, "epoch": range(1, epochs + 1), "loss": loss, "val_loss": loss + 1}))
    return pd.concat(tables)


def loss_of(studies: dict[str, Study], histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return plot_tables.learning_curves(studies, histories, DATASETS, COLORS, TITLES, "loss")


def test_a_study_shows_its_baseline_and_members_each_in_its_color_and_on_both_parts() -> None:
    table = loss_of({"s": study("Which?", "one", "two")}, {"one": history(), "two": history(first=2.0)})
    assert table.groupby(["study", "variant", "color", "part"]).size().to_dict() == {
        ("Which?", "one", "#000001", "training"): 3,
        ("Which?", "one", "#000001", "validation"): 3,
        ("Which?", "two", "#000002", "training"): 3,
        ("Which?", "two", "#000002", "validation"): 3,
    }
    (value,) = table.query("variant == 'two' and part == 'validation' and epoch == 2")["value"]
    assert value == pytest.approx(2.0)
    assert table[["low", "high"]].isna().all(axis=None)


def test_a_variant_is_in_every_study_that_names_it() -> None:
    studies = {"s": study("Which?", "one", "two"), "t": study("Why?", "two", "one")}
    table = loss_of(studies, {"one": history(), "two": history()})
    assert list(table["study"].unique()) == ["Which?", "Why?"]
    assert set(table["variant"]) == {"one", "two"}
    assert len(table) == 2 * 2 * 2 * 3


def test_five_seeds_take_no_more_rows_than_one_and_have_a_band() -> None:
    studies = {"s": study("Which?", "one", "two")}
    table = loss_of(studies, {"one": history(seeds=5), "two": history()})
    assert len(table) == len(loss_of(studies, {"one": history(), "two": history()}))
    row = table.query("variant == 'one' and part == 'training' and epoch == 1").iloc[0]
    assert (row["low"], row["value"], row["high"]) == pytest.approx((1.0, 1.2, 1.4))


def test_the_mean_ends_where_the_first_of_several_trainings_stops() -> None:
    stopped = pd.concat([history(epochs=2), history(epochs=5).assign(seed=1)])
    table = loss_of({"s": study("Which?", "one", "two")}, {"one": stopped, "two": history(epochs=5)})
    assert table.groupby("variant")["epoch"].max().to_dict() == {"one": 2, "two": 5}


def test_a_study_of_several_data_sets_is_one_for_each() -> None:
    studies = {"s": study("Better than simple?", "one", "houses")}
    table = loss_of(studies, {"one": history(), "houses": history()})
    titles = table.groupby("variant")["study"].unique().map(list).to_dict()
    assert titles == {"houses": ["Better than simple? (housing)"], "one": ["Better than simple? (fashion_mnist)"]}


def test_what_has_no_learning_curve_is_left_out() -> None:
    linear = pd.DataFrame({"seed": [0], "epoch": [1], "learning_rate": [0.1]})
    table = loss_of({"s": study("Which?", "one", "linear")}, {"one": history(), "linear": linear})
    assert set(table["variant"]) == {"one"}
    assert list(loss_of({}, {"linear": linear})) == plot_tables.CURVE_COLUMNS


def test_a_ranking_keeps_the_order_of_the_leaderboard_and_leaves_out_what_learned_nothing() -> None:
    leaderboard = pd.DataFrame(
        {
            "dataset": ["fashion_mnist", "fashion_mnist", "fashion_mnist", "housing"],
            "variant": ["two", "one", "linear", "houses"],
            "parameters": [9, 5, 0, 7],
            "diverged": [0.5, 0.0, 0.0, 0.0],
            "validation_accuracy": [0.9, 0.8, 0.1, np.nan],
            "test_accuracy": [0.8, 0.7, 0.1, np.nan],
            "test_accuracy_low": [0.7, 0.6, 0.1, np.nan],
            "test_accuracy_high": [0.9, 0.8, 0.1, np.nan],
            "test_mse": [np.nan, np.nan, np.nan, 0.3],
            "test_mse_low": [np.nan, np.nan, np.nan, 0.2],
            "test_mse_high": [np.nan, np.nan, np.nan, 0.4],
        }
    )
    table = plot_tables.ranking(leaderboard, {"fashion_mnist": "accuracy", "housing": "mse"}, COLORS, TITLES)
    assert table[["variant", "part", "value", "low"]].fillna(-1).values.tolist() == [
        ["two", "validation", 0.9, -1],
        ["one", "validation", 0.8, -1],
        ["two", "test", 0.8, 0.7],
        ["one", "test", 0.7, 0.6],
        ["houses", "test", 0.3, 0.2],
    ]
    assert list(table["color"].unique()) == ["#000002", "#000001", "#000004"]
    assert list(table["dataset"].unique()) == ["fashion_mnist: accuracy", "housing: MSE in (100,000 USD)²"]


def test_the_range_is_over_splits_and_seeds_and_the_mean_goes_as_far_as_all_of_them() -> None:
    longer = history(epochs=3).assign(split=0)
    shorter = history(first=2.0, epochs=2).assign(split=1)
    table = plot_tables.mean_and_range(pd.concat([longer, shorter]), "loss")
    assert list(table.loc[1]) == pytest.approx([1.5, 1.0, 2.0])
    assert table["mean"].isna().tolist() == [False, False, True]
    assert list(table.loc[3, ["low", "high"]]) == pytest.approx([1 / 3, 1 / 3])
    one = plot_tables.mean_and_range(longer[::-1], "loss")
    assert one["mean"].to_dict() == dict(zip(longer["epoch"], longer["loss"], strict=True))
    assert one[["low", "high"]].isna().all(axis=None)


def test_losses_of_several_functions_are_on_axes_of_their_own() -> None:
    axes = {"one": "fashion_mnist, mean_squared_error", "two": "fashion_mnist, poisson"}
    table = plot_tables.learning_curves(
        {"s": study("Which?", "one", "two")}, {"one": history(), "two": history()}, axes, COLORS, TITLES, "loss"
    )
    assert set(table["study"]) == {f"Which? ({axis})" for axis in axes.values()}


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        ("loss", [0.1, 1.5], True),
        ("loss", [0.1, 1.0], False),
        ("mean_absolute_error", [0.1, 1.5, np.nan, np.inf], True),
        ("loss", [0.0, 1.5], False),
        ("loss", [np.nan], False),
        ("loss", [], False),
        *((metric, [0.1, 1.5], True) for metric in ("mse", "MAE", "main_loss", "main_mse", "crossentropy")),
        *((metric, [0.01, 0.9], False) for metric in ("accuracy", "auc", "r2", "true_positives", "cosine_similarity")),
        ("mse", [-0.1, 1.5], False),
        ("gloss", [0.1, 1.5], False),
        ("learning_rate", [0.0001, 0.1], True),
    ],
)
def test_an_axis_is_logarithmic_where_losses_or_rates_are_far_apart(
    metric: str, values: list[float], expected: bool
) -> None:
    assert metrics.logarithmic(metric, values) is expected


def test_the_table_of_curves_says_by_that_rule_which_axis_a_study_has() -> None:
    far = history().assign(loss=[20.0, 1.0, 0.5])
    studies = {"s": study("Near?", "one", "two"), "t": study("Far?", "one", "houses")}
    table = loss_of(studies, {"one": history(), "two": history(), "houses": far})
    axes = table.groupby("study")["axis"].unique().map(list).to_dict()
    assert axes == {"Near?": ["linear"], "Far? (fashion_mnist)": ["linear"], "Far? (housing)": ["logarithmic"]}


def test_what_comes_after_the_end_of_a_mean_counts_for_the_axis_too() -> None:
    """Figures and the page follow the same rule: they draw the range of the trainings that go on."""
    loss = [0.5, 0.45, 0.4, 0.02, 0.01]
    stopped = pd.concat([history(epochs=2), history(epochs=5).assign(seed=1, loss=loss)])
    table = loss_of({"s": study("Which?", "one", "two")}, {"one": stopped, "two": history(epochs=2)})
    assert table["epoch"].max() == 2
    assert table["axis"].unique().tolist() == ["logarithmic"]


def compared(**changes: object) -> dict[str, object]:
    """A row of comparisons.csv in which little was found."""
    row = {"study": "s", "variant": "houses", "baseline": "one", "metric": "mse", "seeds": 5, "diverged": 0}
    row |= {
        "baseline_diverged": 0,
        "difference": 0.1,
        "low": -0.05,
        "high": 0.2,
        "verdict": "open",
        "expected": "worse",
    }
    return row | changes


def test_differences_stand_beside_those_of_the_same_quantity_in_its_unit() -> None:
    metrics_of_each = ("mse", "mae", "training_loss", "accuracy")
    comparisons = pd.DataFrame([compared(metric=metric) for metric in metrics_of_each])
    table = plot_tables.differences(comparisons, {"s": study("Which?", "one", "houses")}, DATASETS, TITLES)
    assert list(table) == plot_tables.DIFFERENCE_COLUMNS
    units = ["MSE in (100,000 USD)²", "MAE in 100,000 USD", "training loss", "accuracy in points"]
    assert table["quantity"].tolist() == units
    assert table["low"].tolist() == pytest.approx([-0.05, -0.05, -0.05, -5])
    assert set(table["study"]) == {"Which?"}


def test_a_comparison_is_named_by_titles_and_by_what_diverged_and_one_that_was_not_measured_is_left_out() -> None:
    rows = [compared(), compared(diverged=2), compared(baseline_diverged=5, difference=np.nan, low=np.nan, high=np.nan)]
    comparisons = pd.DataFrame([*rows, compared(verdict="not measured")])
    table = plot_tables.differences(comparisons, {"s": study("Which?", "one", "houses")}, DATASETS, TITLES)
    name = "Third, scaled against First"
    diverged = ["", "; diverged in 2 of 5", "; the other diverged in 5 of 5"]
    assert table["compared"].tolist() == [name + each for each in diverged]


def test_a_variant_of_which_every_training_diverged_stands_on_its_leaderboard_without_a_value() -> None:
    board = {"dataset": "housing", "variant": ["houses", "one"], "parameters": 7, "diverged": [0.0, 1.0]}
    ends = {f"test_mse{end}": [0.3, np.nan] for end in ("", "_low", "_high")}
    leaderboard = pd.DataFrame({**board, "multiply_adds": 1e6, "validation_mse": [0.4, np.nan], **ends})
    table = plot_tables.ranking(leaderboard, {"housing": "mse"}, COLORS, TITLES)
    assert table[["title", "part"]].to_numpy().tolist() == [
        ["Third, scaled", "validation"],
        ["Third, scaled", "test"],
        ["First (diverged)", "test"],
    ]
    assert plot_tables.cost(leaderboard, {"housing": "mse"}, TITLES)["variant"].tolist() == ["houses"]


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("mse", -1)])
def test_the_front_has_what_is_better_than_all_that_cost_no_more(metric: str, sign: int) -> None:
    scores = {"cheap": (1, 0.5), "twin": (1, 0.5), "worse": (2, 0.4), "dear": (3, 0.7), "same": (4, 0.7)}
    costs, values = zip(*scores.values(), strict=True)
    board = {"dataset": "housing", "variant": list(scores), "multiply_adds": costs, "parameters": 7}
    leaderboard = pd.DataFrame({**board, f"test_{metric}": [sign * value for value in values]})
    estimator = pd.DataFrame({"dataset": ["housing"], "variant": "linear", f"test_{metric}": sign * 0.9})
    table = plot_tables.cost(pd.concat([leaderboard, estimator]), {"housing": metric}, {})
    assert table["title"].tolist() == list(scores)
    assert table.loc[table["front"] == 1, "variant"].tolist() == ["cheap", "dear"]


def test_the_most_confused_pairs_are_in_the_same_order_in_words_as_in_the_figure() -> None:
    rows = [("shirt", "coat", 3), ("shirt", "shirt", 9), ("coat", "bag", 5), ("bag", "coat", 3), ("bag", "shirt", 0)]
    counts = pd.DataFrame(rows, columns=["actual", "predicted", "count"])
    most = plot_tables.most_confused(counts, 3)
    assert most["actual"].tolist() == ["coat", "shirt", "bag"]
    words = confusion_chart("mine", counts).description["en"]
    places = [
        re.search(f"{actual}[^;]*{predicted}[^;]*{count}", words)
        for actual, predicted, count in most.itertuples(index=False)
    ]
    starts = [place.start() for place in places if place]
    assert len(starts) == 3
    assert starts == sorted(starts)


def test_errors_are_in_the_unit_in_which_reports_give_the_target() -> None:
    assert formats.format_metric(0.5, "rmse", "housing") == "50,000"
    assert formats.format_metric(0.5, "mse", "housing") == "0.5000"
    assert formats.format_metric(0.5, "mae", "thoracic") == "0.5000"
    assert metrics.label("rmse", "housing", report_unit=True)["en"] == "RMSE in USD"
    assert metrics.label("rmse", "housing")["en"] == "RMSE in 100,000 USD"
