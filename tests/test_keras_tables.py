from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from stages.configure import write_keras_tables
from stages.params import keras_functions
from stages.training.recipe import Recipe

pytestmark = pytest.mark.usefixtures("deterministic")

EXPONENTIAL = {"class": "ExponentialDecay", "decay_steps": 30, "decay_rate": 0.5}
STAIRCASE = EXPONENTIAL | {"staircase": True}


def recipe_of(optimizer: dict[str, Any]) -> Recipe:
    """Of 7 steps an epoch, with all 470 rows."""
    return {"dataset": "thoracic", "split": "clean", "optimizer": optimizer, "batch_size": 70, "epochs": 15}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of products this small wait for each other where other processes are at work."""
    with threadpool_limits(1):
        yield


def schedule(**options: Any) -> dict[str, Any]:
    return {"class": "SGD", "learning_rate": {"initial_learning_rate": 0.01, **options}}


def test_the_tables_are_written_twice_with_the_same_bytes(tmp_path: Path) -> None:
    recipes = {"mine": recipe_of(schedule(**STAIRCASE))}
    for name in ("a", "b"):
        write_keras_tables(recipes, tmp_path / name)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert sorted(files) == ["activations.csv", "initializers.csv", "schedules.csv"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()} == files


def test_activations_have_their_values_and_leaky_relu_the_slope_of_its_layer() -> None:
    table = keras_functions.activation_table()
    x = table["input"].to_numpy()
    assert (x[0], x[-1], len(x)) == (-4, 4, 801)
    relu, leaky = np.maximum(x, 0), np.where(x > 0, x, 0.3 * x)
    for name, expected in {
        "sigmoid": 1 / (1 + np.exp(-x)),
        "tanh": np.tanh(x),
        "relu": relu,
        "leaky_relu": leaky,
    }.items():
        np.testing.assert_allclose(table[name], expected, rtol=1e-6, atol=1e-6)
    assert list(table) == ["input", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu"]


@pytest.mark.parametrize(
    ("name", "variance"), [("glorot_uniform", 2 / 400), ("he_normal", 2 / 300), ("lecun_normal", 1 / 300)]
)
def test_initial_weights_have_the_variance_of_their_initializer(name: str, variance: float) -> None:
    table = keras_functions.initializer_table(layers=1, units=5)
    rows = table[(table["initializer"] == name) & (table["quantity"] != "signal")]
    assert rows.loc[(rows["quantity"] == "spread") & (rows["x"] == 300), "value"].item() == pytest.approx(
        variance**0.5, rel=0.02
    )
    bins = rows[rows["quantity"] == "weights"]
    assert (len(bins), bins["value"].sum()) == (60, 300 * 100)
    assert (bins["x"] ** 2 * bins["value"]).sum() / bins["value"].sum() == pytest.approx(variance, rel=0.03)


def test_a_signal_stays_with_the_recommended_initializer_and_vanishes_with_another() -> None:
    table = keras_functions.initializer_table()
    signal = table[table["quantity"] == "signal"]
    assert len(signal) == 100 * len(keras_functions.ACTIVATION_INITIALIZERS)
    ends = signal[signal["x"] == 100].set_index(["activation", "initializer"])["value"]
    assert ends["relu", "glorot_uniform"] < 1e-6
    assert ends.drop(("relu", "glorot_uniform")).min() > 1e-2
    assert ends["selu", "lecun_normal"] == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(
    "options",
    [
        EXPONENTIAL,
        STAIRCASE,
        {"class": "InverseTimeDecay", "decay_steps": 30, "decay_rate": 0.5},
        {"class": "InverseTimeDecay", "decay_steps": 30, "decay_rate": 0.5, "staircase": True},
        {"class": "CosineDecay", "decay_steps": 30, "warmup_steps": 10, "warmup_target": 0.1},
        {"class": "CosineDecayRestarts", "first_decay_steps": 30},
        {"class": "CosineDecayRestarts", "first_decay_steps": 30, "t_mul": 1.0, "m_mul": 0.5, "alpha": 0.1},
    ],
)
def test_schedules_are_those_of_keras(options: dict[str, Any]) -> None:
    optimizer = schedule(**options)
    table = keras_functions.schedule_table({"mine": recipe_of(optimizer)})
    arguments = {name: value for name, value in optimizer["learning_rate"].items() if name != "class"}
    made = getattr(keras.optimizers.schedules, options["class"])(**arguments)
    # Keras computes in float32: where a period ends, a step may fall on its other side.
    steps = [step for step in range(7 * 15) if step % 30]
    found = table["learning_rate"].to_numpy()[np.searchsorted(table["step"], steps, side="right") - 1]
    np.testing.assert_allclose(found, [float(made(step)) for step in steps], rtol=1e-4, atol=1e-7)


def test_a_schedule_has_a_row_for_each_step_that_changes_the_rate() -> None:
    table = keras_functions.schedule_table({"mine": recipe_of(schedule(**STAIRCASE))})
    assert table["step"].tolist() == [0, 30, 60, 90]
    assert table["learning_rate"].tolist() == pytest.approx([0.01, 0.005, 0.0025, 0.00125])
    assert set(table["variant"]) == {"mine"}


def test_constant_rates_and_estimators_have_no_schedule(tmp_path: Path) -> None:
    estimator: Recipe = {"dataset": "thoracic", "split": "clean", "estimator": {"class": "LogisticRegression"}}
    recipes = {"constant": recipe_of({"class": "SGD", "learning_rate": 0.1}), "estimator": estimator}
    write_keras_tables(recipes, tmp_path)
    table = pd.read_csv(tmp_path / "schedules.csv")
    assert (list(table), len(table)) == (["variant", "step", "learning_rate"], 0)
