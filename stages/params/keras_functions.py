"""Tables of Keras's own functions: activations, initializers and schedules; see `stages.params.keras_tables`."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.datasets.spec import spec_of
from stages.params.keras_tables import ACTIVATIONS, INITIALIZERS, SCHEDULES
from stages.training import custom_objects
from stages.training.objects import build
from stages.training.recipe import Recipe

DIGITS = 6
"""Products are in float64, which processors round differently only beyond the digits that are written."""
SEED = 42
"""Seed of the pictures' random numbers: no training depends on it."""
INITIALIZER_CLASSES = {"glorot_uniform": "GlorotUniform", "he_normal": "HeNormal", "lecun_normal": "LecunNormal"}
ACTIVATION_INITIALIZERS = (
    *(("sigmoid", "glorot_uniform"), ("tanh", "glorot_uniform"), ("relu", "glorot_uniform")),
    *(("relu", "he_normal"), ("leaky_relu", "he_normal"), ("elu", "he_normal"), ("selu", "lecun_normal")),
)
"""Activations with the initializers that the documents recommend, and ReLU with Keras's default as well."""
FAN_INS = (30, 100, 300, 784, 2000)


def keras_tables(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """Write the three tables as CSV, by the names of their files; the same recipes give the same text.

    activations.csv: input, and the output of each activation in a column of its own.
    initializers.csv: see `initializer_table`.
    schedules.csv: see `schedule_table`.

    recipes: complete ones by variant.
    """
    tables = {
        ACTIVATIONS: activation_table(),
        INITIALIZERS: initializer_table(),
        SCHEDULES: schedule_table(recipes),
    }
    form = f"%.{DIGITS}g"
    return {name: table.to_csv(index=False, float_format=form, lineterminator="\n") for name, table in tables.items()}


def activation_table() -> pd.DataFrame:
    """Tabulate the activations from -4 to 4: columns `input` and one for each activation, float64 (801 rows)."""
    inputs = np.linspace(-4, 4, 801)
    outputs = {name: np.asarray(function(inputs)) for name, function in _activations("float64").items()}
    return pd.DataFrame({"input": inputs, **outputs})


def initializer_table(layers: int = 100, units: int = 100) -> pd.DataFrame:
    """Tabulate how widely initializers spread weights and, in a deep network before any training, outputs.

    Returns: columns quantity, initializer, activation, x, value. By quantity,

        weights    how many of the weights of 300 inputs to 100 units (value) are in the bin around x
        spread     standard deviation of the weights of x inputs to 100 units
        signal     standard deviation of the outputs of layer x, the inputs of the first being standard normal;
                   the only quantity with an activation
    """
    generator = np.random.default_rng(SEED)
    rows: list[tuple[str, str, str, float, float]] = []
    for name in INITIALIZER_CLASSES:
        counts, edges = np.histogram(_weights(name, 300, 100, SEED), bins=60, range=(-0.2, 0.2))
        middles = (edges[1:] + edges[:-1]) / 2
        rows += [("weights", name, "", x, count) for x, count in zip(middles.tolist(), counts.tolist(), strict=True)]
        rows += [("spread", name, "", fan_in, _weights(name, fan_in, 100, SEED).std()) for fan_in in FAN_INS]
    inputs = generator.standard_normal((100, units))
    kernels = {
        name: [_weights(name, units, units, SEED + layer).astype(np.float64) for layer in range(layers)]
        for name in INITIALIZER_CLASSES
    }
    functions = _activations("float64")
    for activation, name in ACTIVATION_INITIALIZERS:
        outputs = inputs
        for layer, kernel in enumerate(kernels[name], start=1):
            outputs = np.asarray(functions[activation](outputs @ kernel))
            rows.append(("signal", name, activation, layer, outputs.std()))
    return pd.DataFrame(rows, columns=["quantity", "initializer", "activation", "x", "value"])


def schedule_table(recipes: Mapping[str, Recipe]) -> pd.DataFrame:
    """Tabulate the learning rates of the recipes whose optimizer has a schedule.

    Returns: columns variant, step, learning_rate (float32): a row for step 0 and for each later one that changes the
    rate. The steps are those that the recipe's epochs would take with all rows of the data set; a split has fewer.
    """
    tables = [pd.DataFrame({"variant": [], "step": [], "learning_rate": []})[:0]]
    for variant, schedule, steps in _schedules(recipes):
        with custom_objects.scope(custom_objects.source_of(recipes[variant])):
            rates = _rates(schedule, steps)
        changed = np.flatnonzero(np.append(True, rates[1:] != rates[:-1]))
        tables.append(pd.DataFrame({"variant": variant, "step": changed, "learning_rate": rates[changed]}))
    return pd.concat(tables[1:] or tables)


def _schedules(recipes: Mapping[str, Recipe]) -> Iterator[tuple[str, dict[str, Any], int]]:
    for variant, recipe in recipes.items():
        rate = recipe.get("optimizer", {}).get("learning_rate")
        if isinstance(rate, Mapping):
            steps_per_epoch = -(-spec_of(recipe["dataset"]).rows // recipe["batch_size"])
            yield variant, dict(rate), steps_per_epoch * recipe["epochs"]


def _rates(schedule: Mapping[str, Any], steps: int) -> np.ndarray:
    """Learning rate in each step, float32 (steps,)."""
    import keras

    made = build(keras.optimizers.schedules, dict(schedule), "learning_rate", {})
    return np.asarray(keras.ops.vectorized_map(made, np.arange(steps)))


def _activations(dtype: str) -> dict[str, Any]:
    """Keras's activations by name; the slope of leaky ReLU is the layer's, 0.3 (that of the function is 0.2)."""
    import keras

    functions: dict[str, Any] = {name: getattr(keras.activations, name) for name in ("sigmoid", "tanh", "relu")}
    functions["leaky_relu"] = keras.layers.LeakyReLU(dtype=dtype)
    return functions | {name: getattr(keras.activations, name) for name in ("elu", "selu")}


def _weights(initializer: str, fan_in: int, fan_out: int, seed: int) -> np.ndarray:
    """Initial weights, float32 (fan_in, fan_out)."""
    import keras

    made = getattr(keras.initializers, INITIALIZER_CLASSES[initializer])(seed=seed)
    return np.asarray(made((fan_in, fan_out)))
