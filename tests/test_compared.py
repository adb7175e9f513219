"""What the page compares and explores: differences of any two variants, recipes, the sample of test rows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from pages import reports_of, rows_of
from scipy import stats

from stages.artifacts.tables import COMPARISONS, TRAININGS
from stages.comparison.statistics import moments_of
from stages.comparison.verdicts import Verdict
from stages.reporting import stored
from stages.reporting.page import compared, explore
from stages.reporting.page.pairs import VERDICTS, pairs_of
from stages.reporting.page.reports import Reports, leaves

NAMES = ["best", "second", "plain"]
ACCURACIES = {"best": [0.90, 0.91, 0.93], "second": [0.89, 0.87, 0.90], "plain": [0.90, 0.90, 0.92]}


def with_trainings(accuracies: dict[str, list[float]], first: int = 42) -> Reports:
    """Reports of a run whose trainings have these accuracies, from a seed on, and that compares nothing."""
    reports = reports_of(NAMES, "plain")
    rows = [
        {"dataset": "fashion_mnist", "variant": name, "split": 0, "seed": seed, "test_accuracy": value}
        for name, values in accuracies.items()
        for seed, value in enumerate(values, first)
    ]
    trainings = pd.DataFrame(rows).assign(diverged=np.nan, reason=np.nan)
    return replace(
        reports, tables={**reports.tables, TRAININGS: trainings, COMPARISONS: reports.tables[COMPARISONS][:0]}
    )


def pair(reports: Reports, one: str, other: str) -> dict[str, Any]:
    found = pairs_of(reports, reports.criteria)["fashion_mnist"]
    names = found.pop("variants")
    pairs = [(first, second) for place, first in enumerate(names) for second in names[place + 1 :]]
    return {key: values[pairs.index((one, other))] for key, values in found.items()}


def test_the_interval_of_two_variants_is_students_over_their_common_seeds() -> None:
    found = pair(with_trainings(ACCURACIES), "best", "second")
    expected = stats.ttest_rel(*(ACCURACIES[name] for name in ("best", "second"))).confidence_interval()
    places = [found[key] / 100 for key in ("difference", "low", "high")]
    assert places == pytest.approx([0.08 / 3, expected.low, expected.high], rel=1e-3)
    assert [found[key] for key in ("seeds", "better", "worse", "study")] == [3, 3, 0, ""]


def test_only_common_seeds_count() -> None:
    reports = with_trainings({**ACCURACIES, "best": [*ACCURACIES["best"], 0.1]})
    assert pair(reports, "best", "second") == pair(with_trainings(ACCURACIES), "best", "second")


def test_one_common_seed_has_the_interval_of_the_test_rows() -> None:
    reports = with_trainings({"best": [0.90], "second": [0.85], "plain": [0.90]})
    right = [(rows_of(wrong).predicted.argmax(1) == rows_of(wrong).y).astype(float) for wrong in (0, 1)]
    _, low, high = moments_of((right[0] - right[1])[np.newaxis], shares=True).estimate().interval(0.05)
    found = pair(reports, "best", "second")
    assert [found[key] / 100 for key in ("difference", "low", "high")] == pytest.approx([0.05, low, high], rel=1e-3)


def test_what_was_measured_on_other_rows_is_not_compared() -> None:
    reports = with_trainings(ACCURACIES)
    moved = replace(reports.tested["second"], rows=reports.tested["second"].rows + 1)
    found = pair(replace(reports, tested={**reports.tested, "second": moved}), "best", "second")
    assert found["difference"] is found["verdict"] is None


def test_a_training_that_diverged_is_worse() -> None:
    reports = with_trainings({**ACCURACIES, "second": [0.89, np.nan, np.nan]})
    found = pair(reports, "best", "second")
    assert [found[key] for key in ("better", "worse", "low")] == [3, 0, None]
    assert VERDICTS[found["verdict"]] == Verdict.OPEN


def test_a_pair_of_a_study_has_its_interval_whichever_comes_first() -> None:
    reports = reports_of(NAMES, "plain")  # compares best and second with plain: 0.5 to 1.5 points better
    found = pair(reports, "best", "plain")
    assert [found[key] for key in ("difference", "low", "high", "study")] == [1.0, 0.5, 1.5, "dropout"]
    turned = reports.tables[COMPARISONS].assign(variant="plain", baseline="best")
    found = pair(replace(reports, tables={**reports.tables, COMPARISONS: turned}), "best", "plain")
    assert [found[key] for key in ("difference", "low", "high")] == [-1.0, -1.5, -0.5]
    assert VERDICTS[found["verdict"]] == Verdict.WORSE
    assert [found[key] for key in ("better", "worse")] == [0, 1]


def test_a_recipe_is_text_by_place() -> None:
    assert leaves({"a": {"b": {"c": 1}, "d": None}, "e": [2]}) == {"a.b.c": 1, "e": [2]}
    recipe = compared.recipes(reports_of(NAMES, "plain"))["best"]
    assert recipe["layers"] == "flatten → output"
    assert recipe["layers.output.units"] == "10"
    assert "seed" not in recipe


def test_the_sample_has_classes_predictions_and_pixels() -> None:
    reports = reports_of(NAMES, "plain")
    spoiled = reports.tested["plain"].predicted.copy()
    spoiled[0] = np.nan
    reports = replace(reports, tested={**reports.tested, "plain": replace(reports.tested["plain"], predicted=spoiled)})
    sample = compared.sample_of(reports, "fashion_mnist")
    assert sample
    header, content = sample
    assert header == {"variants": NAMES, "rows": 6, "of": 8, "height": 1, "width": 2}
    rows = np.frombuffer(content[:24], np.uint8).reshape(4, 6)
    assert rows.tolist() == [[5, 8] * 3, [5, 8] * 3, [8, 8, 5, 8, 5, 8], [compared.NOT_PREDICTED, 5, 5, 8, 5, 8]]
    assert content[24:] == bytes([0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC])


def test_the_data_are_the_same_bytes_twice() -> None:
    made = [compared.comparison_data(reports_of(NAMES, "plain")) for _ in range(2)]
    assert made[0] == made[1]
    assert {*json.loads(made[0])} == {"losses", "pairs", "recipes", "verdicts"}


def test_regularized_are_those_with_a_regularizer_or_a_constraint() -> None:
    reports = reports_of(NAMES, "plain")
    recipe = json.loads(reports.recipes["best"])
    recipe["layers"]["output"]["kernel_regularizer"] = {"class": "L1", "l1": 0.01}
    reports = replace(reports, recipes={**reports.recipes, "best": json.dumps(recipe).encode()})
    found = explore.board(reports)
    assert [name for name in NAMES if found[name]["regularized"]] == ["best"]
    kinds = [
        chart.spec["kind"]
        for _, _, chart in explore.explored(reports, {name: reports.title(name) for name in NAMES})[0].charts
    ]
    assert kinds == ["cost", "recall", "zeros"]


def test_near_zero_means_what_it_does_in_the_trainings() -> None:
    source = Path("stages/training/evaluation.py").read_text(encoding="utf-8")  # importing it would import TensorFlow
    assert f"NEAR_ZERO = {stored.NEAR_ZERO}\n" in source


def test_weights_near_zero_are_counted_by_layer(tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    with h5py.File(path, "w") as weights:
        weights["layers/dense/vars/0"] = np.array([[0.0005, 1], [0, -0.0001]])
        weights["layers/dense_1/vars/0"] = np.array([[0.001]])
    layers = [
        {"name": "flat", "class": "Flatten"},
        {"name": "hidden", "class": "Dense"},
        {"name": "out", "class": "Dense"},
    ]
    assert stored.near_zero_by_layer(path, layers) == {"hidden": 0.75, "out": 0.0}
