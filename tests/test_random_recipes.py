"""Recipes of random classes of Keras with random arguments: what `configure` takes trains, is saved and predicts."""

import json
import re
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from keras_classes import CLASSES, PROBABILITY, alternatives, classes_of, refusal, spec_of
from small import recipe_of, split_of, train_once

from stages.params.checks.specs import accepted_arguments
from stages.params.checks.usable import UNUSABLE
from stages.training import builder
from stages.training.recipe import Recipe, Spec

VALUES = (None, True, False, 0, 1, 2, 3, 7, -1, 0.0, 0.1, 0.5, 1.0, 2.0, -0.5, 1e-3, [1, 2], [0.1, 0.5], [2, 2], "auto")
FUNCTIONS = ("relu", "softmax", "sigmoid", "tanh", "linear", "gelu", "elu", "log_softmax", "sparsemax", "softplus")
NAMED = {
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
    "dtype": keras.dtype_policies,
}
GRAPHS = st.fixed_dictionaries(
    {"hidden_layers": st.integers(1, 2), "units": st.sampled_from([1, 4])},
    optional={"dropout": st.sampled_from([0.0, 0.3]), "auxiliary_output": st.booleans()},
)
"""Arguments of a graph."""
SHAPES = [(8,), (6, 4), (8, 8, 3)]
Record = Callable[[str, object], None]


@st.composite
def objects(draw: st.DrawFn, module: ModuleType, changes: int = 2) -> Spec:
    """An object of a class of the module with what it needs and up to so many arguments of its own."""
    usable = [name for name in classes_of(module) if name not in UNUSABLE.get(module.__name__, {})]
    name = draw(st.sampled_from(sorted(usable)))
    constructor = classes_of(module)[name]
    spec = deepcopy(spec_of(name, constructor))
    given = builder.files_of_callbacks(Path("best.weights.h5"), Path("logs")).get(name, {})
    known = sorted({*accepted_arguments(constructor)} - {"name", *given})
    texts = list(alternatives(constructor))
    for argument in draw(st.lists(st.sampled_from(known), max_size=changes, unique=True)) if known else ():
        kind = argument.rpartition("_")[2]
        if kind == "activation":
            spec[argument] = draw(st.sampled_from(FUNCTIONS))
        elif kind in NAMED:
            spec[argument] = draw(objects(NAMED[kind], changes=1))
        else:
            spec[argument] = draw(st.sampled_from([*VALUES, *(value for key, value in texts if key == argument)]))
    return spec


@st.composite
def recipes(draw: st.DrawFn) -> tuple[Recipe, tuple[int, ...], int]:
    """A recipe, the shape of its rows, and its number of classes."""
    shape, classes = draw(st.sampled_from(SHAPES)), draw(st.sampled_from([0, 0, 2, 3]))
    output = deepcopy({0: {"class": "Dense", "units": 1}, 2: PROBABILITY, 3: CLASSES}[classes])
    loss = {0: "MeanSquaredError", 2: "BinaryCrossentropy", 3: "SparseCategoricalCrossentropy"}[classes]
    layers: dict[str, Any] = {
        f"layer_{number}": draw(objects(keras.layers)) for number in range(draw(st.integers(0, 2)))
    }
    if draw(st.booleans()) and layers:
        layers = {"block": {"repeat": draw(st.integers(1, 2)), "layers": layers}}
    metrics = {f"metric_{number}": draw(objects(keras.metrics)) for number in range(draw(st.integers(0, 1)))}
    if draw(st.booleans()):
        output["activation"] = draw(st.sampled_from(FUNCTIONS))
    logits = {"class": loss, **({"from_logits": True} if classes else {})}
    made = recipe_of(
        {**layers, "flatten": {"class": "Flatten"}, "output": output},
        loss=draw(st.sampled_from([{"class": loss}, logits]) | objects(keras.losses)),
        metrics=metrics,
        optimizer=draw(objects(keras.optimizers)),
        callbacks={f"it_{number}": draw(objects(keras.callbacks)) for number in range(draw(st.integers(0, 1)))},
        epochs=1,
    )
    if classes and draw(st.booleans()):
        weights: list[Any] = ["balanced", [1.0, 3.0, 0.5][:classes]]
        made["class_weight"] = draw(st.sampled_from(weights))
    if (classes, shape) == (0, (8,)) and draw(st.booleans()):
        del made["layers"]
        made["graph"] = {"class": "wide_and_deep", "activation": draw(st.sampled_from(FUNCTIONS)), **draw(GRAPHS)}
    if draw(st.booleans()):
        made["optimizer"]["learning_rate"] = draw(objects(keras.optimizers.schedules))
    return made, shape, classes


@pytest.mark.usefixtures("deterministic")
@pytest.mark.bad_input("params.yaml", "random classes of Keras with random arguments: what is taken trains")
@pytest.mark.parametrize("times", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_what_is_taken_trains_and_all_else_is_told_in_one_line(
    times: int, record_property: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    taken = 0

    @settings(
        max_examples=times, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @hypothesis.given(recipes())
    def run(drawn: tuple[Recipe, tuple[int, ...], int]) -> None:
        nonlocal taken
        made, shape, classes = deepcopy(drawn)
        if (line := refusal(made, shape, classes)) is not None:
            assert re.fullmatch(r"variants\.it[\w.\[\]]*: expected .*got.*", line), line
            return
        taken += 1
        data = split_of(rows=60, classes=classes, shape=shape)
        for part in data.x.values():
            np.clip(part, 0, 1, out=part)
        shutil.rmtree(tmp_path / "it", ignore_errors=True)
        (tmp_path / "it").mkdir()
        hypothesis.note(json.dumps(made))
        trained = train_once(made, data, tmp_path / "it")
        assert {values.dtype for values in trained.predictions.values()} == {np.dtype(np.float32)}
        numbers = [np.array([*row.values()], dtype=float) for row in trained.history]
        are_finite = [np.isfinite(values).all() for values in (*trained.predictions.values(), *numbers)]
        assert trained.diverged or all(are_finite), trained.history

    run()
    record_property("times", times)
    assert taken > times / 20
