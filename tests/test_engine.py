"""What the engine computes: what Keras's `fit` computes on batches in the same order, and the same bits every time."""

import dataclasses
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small import (
    DENSE,
    DRAWING,
    ORDER_SEED,
    TWO_OUTPUTS,
    WIDE_AND_DEEP,
    compiled,
    files_below,
    part_of,
    recipe_of,
    split_of,
    store,
    train_once,
    trained_by_engine,
    trained_by_keras,
)

from stages.splits import Split
from stages.training.engine import EpochModel, batch_order, fit, tensors_of
from stages.training.recipe import Recipe, Spec, losses_of

pytestmark = pytest.mark.usefixtures("deterministic")

ROOT = Path(__file__).resolve().parents[1]
PLAIN = recipe_of(batch_size=16)


# The order of the rows


def test_an_order_visits_every_row_once_and_repeats() -> None:
    order = batch_order(1000, 42, 3).numpy()
    assert sorted(order) == list(range(1000))
    assert np.array_equal(order, batch_order(1000, 42, 3).numpy())


def test_the_orders_of_two_epochs_and_of_two_seeds_differ() -> None:
    orders = [batch_order(1000, seed, epoch).numpy().tobytes() for seed in (42, 43) for epoch in range(5)]
    assert len(set(orders)) == 10


# The engine computes what Keras's `fit` computes


Layers = dict[str, Spec]


def dense(**arguments: Any) -> Layers:
    return {"hidden": {"class": "Dense", "units": 6, **arguments}, "output": DENSE["output"]}


def between(*layers: Spec) -> Layers:
    hidden: Layers = {"hidden": {"class": "Dense", "units": 6}}
    return {**hidden, **{f"layer_{number}": layer for number, layer in enumerate(layers)}, "output": DENSE["output"]}


def in_a_row(*activations: str) -> Layers:
    hidden: Layers = {name: {"class": "Dense", "units": 5, "activation": name} for name in activations}
    return {**hidden, "output": DENSE["output"]}


def convolution(pooling: str) -> Layers:
    return {
        "reshape": {"class": "Reshape", "target_shape": [2, 4, 1]},
        "convolution": {"class": "Conv2D", "filters": 3, "kernel_size": 2, "padding": "same", "activation": "relu"},
        "pooling": {"class": pooling, "pool_size": 2},
        "flatten": {"class": "Flatten"},
        "output": DENSE["output"],
    }


def schedule(name: str, **arguments: Any) -> Spec:
    return {"class": "Adam", "learning_rate": {"class": name, **arguments}}


RELU: Spec = {"class": "Activation", "activation": "relu"}
NORMALIZATION: Spec = {"class": "BatchNormalization", "momentum": 0.8}
# Loss: number of classes of the target (0: a quantity), and the activation of the output.
LOSSES: dict[str, tuple[int, str]] = {
    "SparseCategoricalCrossentropy": (3, "softmax"),
    "CategoricalCrossentropy": (3, "softmax"),
    "CategoricalFocalCrossentropy": (3, "softmax"),
    "CategoricalHinge": (3, "softmax"),
    "BinaryCrossentropy": (2, "sigmoid"),
    "BinaryFocalCrossentropy": (2, "sigmoid"),
    "MeanSquaredLogarithmicError": (2, "sigmoid"),
    "Hinge": (2, "tanh"),
    "SquaredHinge": (2, "tanh"),
    "Poisson": (3, "exponential"),
    "MeanAbsoluteError": (0, "linear"),
    "MeanAbsolutePercentageError": (0, "linear"),
    "Huber": (0, "linear"),
    "LogCosh": (0, "linear"),
}


def specs(*classes: str) -> dict[str, Spec]:
    """Objects without arguments, by names that are those of their classes in small letters."""
    return {name.lower(): {"class": name} for name in classes}


def classifier(loss: str, metrics: dict[str, Spec], **arguments: Any) -> Recipe:
    """A recipe with a loss of `LOSSES`; arguments: the loss's own."""
    classes, activation = LOSSES[loss]
    units = classes if "Categorical" in loss else 1
    layers = {**DENSE, "output": {"class": "Dense", "units": units, "activation": activation}}
    return recipe_of(layers, loss={"class": loss, **arguments}, metrics=metrics)


def accuracy(loss: str) -> dict[str, Spec]:
    """The metric that Keras calls "accuracy" with this loss, if it has one."""
    form = re.match("(Sparse)?Categorical", loss)
    return {"accuracy": {"class": f"{form[0] if form else 'Binary'}Accuracy"}} if LOSSES[loss][0] else {}


LAYERS = {
    "activations relu, sigmoid, tanh, elu, selu": in_a_row("relu", "sigmoid", "tanh", "elu", "selu"),
    "activations leaky_relu, softmax, softplus, softsign, silu": in_a_row(
        "leaky_relu", "softmax", "softplus", "softsign", "silu"
    ),
    "activations gelu, mish, hard_sigmoid, exponential, relu6, celu": in_a_row(
        "gelu", "mish", "hard_sigmoid", "exponential", "relu6", "celu"
    ),
    "layers LeakyReLU, PReLU, ELU, ReLU, Softmax": between(
        *specs("LeakyReLU", "PReLU", "ELU", "ReLU", "Softmax").values()
    ),
    "BatchNormalization before the activation": between(NORMALIZATION, RELU),
    "BatchNormalization after the activation": between(RELU, NORMALIZATION),
    "BatchNormalization without scale and center": between(
        {"class": "BatchNormalization", "scale": False, "center": False}
    ),
    "LayerNormalization": between({"class": "LayerNormalization"}, RELU),
    "RMSNormalization, UnitNormalization, GroupNormalization": between(
        {"class": "RMSNormalization"}, {"class": "UnitNormalization"}, {"class": "GroupNormalization", "groups": 2}
    ),
    "Flatten": {"flatten": {"class": "Flatten"}, **DENSE},
    "convolution and average pooling": convolution("AveragePooling2D"),
    "convolution and max pooling": convolution("MaxPooling2D"),
    "no bias": dense(use_bias=False, activation="relu"),
    "a layer three times": {"hidden": {**DENSE["hidden"], "repeat": 3}, "output": DENSE["output"]},
    # The drawings are those of Keras too: a layer counts them, and draws from its seed and that number.
    "Dropout": between(RELU, {"class": "Dropout", "rate": 0.4}),
    "AlphaDropout": between({"class": "AlphaDropout", "rate": 0.4}),
    "GaussianDropout": between({"class": "GaussianDropout", "rate": 0.4}),
    "GaussianNoise": between({"class": "GaussianNoise", "stddev": 0.4}),
}
OPTIMIZERS: dict[str, Spec] = {
    "SGD": {"class": "SGD", "learning_rate": 0.01},
    "SGD with momentum": {"class": "SGD", "learning_rate": 0.01, "momentum": 0.9},
    "SGD with Nesterov momentum": {"class": "SGD", "learning_rate": 0.01, "momentum": 0.9, "nesterov": True},
    "SGD with clipnorm": {"class": "SGD", "learning_rate": 0.01, "clipnorm": 0.1},
    "SGD with global_clipnorm": {"class": "SGD", "learning_rate": 0.01, "global_clipnorm": 0.1},
    "SGD with clipvalue": {"class": "SGD", "learning_rate": 0.01, "clipvalue": 0.05},
    "SGD with weight decay": {"class": "SGD", "learning_rate": 0.01, "weight_decay": 0.1},
    "SGD with gradient accumulation": {"class": "SGD", "learning_rate": 0.01, "gradient_accumulation_steps": 3},
    "Adagrad": {"class": "Adagrad", "learning_rate": 0.01},
    "RMSprop": {"class": "RMSprop", "learning_rate": 0.01},
    "RMSprop, centered, with momentum": {"class": "RMSprop", "learning_rate": 0.01, "centered": True, "momentum": 0.9},
    "Adam": {"class": "Adam", "learning_rate": 0.01},
    "Adam with AMSGrad": {"class": "Adam", "learning_rate": 0.01, "amsgrad": True},
    "Adam with gradient accumulation": {"class": "Adam", "learning_rate": 0.01, "gradient_accumulation_steps": 2},
    "Adam with moving averages of the weights": {
        "class": "Adam",
        "learning_rate": 0.01,
        "use_ema": True,
        "ema_momentum": 0.5,
    },
    "Adam overwritten by moving averages": {
        "class": "Adam",
        "learning_rate": 0.01,
        "use_ema": True,
        "ema_momentum": 0.5,
        "ema_overwrite_frequency": 3,
    },
    "Adamax": {"class": "Adamax", "learning_rate": 0.01},
    "Nadam": {"class": "Nadam", "learning_rate": 0.01},
    "AdamW": {"class": "AdamW", "learning_rate": 0.01, "weight_decay": 0.1},
    "Adadelta": {"class": "Adadelta", "learning_rate": 1.0},
    "Ftrl": {"class": "Ftrl", "learning_rate": 0.01},
    "Lion": {"class": "Lion", "learning_rate": 0.01},
    "Lamb": {"class": "Lamb", "learning_rate": 0.01},
    "Adafactor": {"class": "Adafactor", "learning_rate": 0.01},
    "Muon": {"class": "Muon", "learning_rate": 0.01},
    # Not ScheduleFreeAdamW: it copies the initial weights when it is built, which Keras's `fit` does while it traces
    # a step and the engine does before; they part at once.
}
REGULARIZERS = {
    "L1": dense(kernel_regularizer={"class": "L1", "l1": 0.01}),
    "L2": dense(kernel_regularizer={"class": "L2", "l2": 0.01}, bias_regularizer={"class": "L2", "l2": 0.1}),
    "L1L2": dense(kernel_regularizer={"class": "L1L2", "l1": 0.01, "l2": 0.01}),
    "activity L1": dense(activation="relu", activity_regularizer={"class": "L1", "l1": 0.01}),
    "activity L2": dense(activation="tanh", activity_regularizer={"class": "L2", "l2": 0.01}),
    "OrthogonalRegularizer": dense(kernel_regularizer={"class": "OrthogonalRegularizer", "factor": 0.01}),
}
CONSTRAINTS = {
    "MaxNorm": dense(kernel_constraint={"class": "MaxNorm", "max_value": 0.5}),
    "NonNeg": dense(kernel_constraint={"class": "NonNeg"}),
    "UnitNorm": dense(kernel_constraint={"class": "UnitNorm"}),
    "MinMaxNorm": dense(kernel_constraint={"class": "MinMaxNorm", "min_value": 0.6, "max_value": 0.8, "rate": 0.5}),
}
SCHEDULES = {
    "ExponentialDecay": schedule("ExponentialDecay", initial_learning_rate=0.05, decay_steps=2, decay_rate=0.5),
    "ExponentialDecay by stairs": schedule(
        "ExponentialDecay", initial_learning_rate=0.05, decay_steps=2, decay_rate=0.5, staircase=True
    ),
    "InverseTimeDecay": schedule("InverseTimeDecay", initial_learning_rate=0.05, decay_steps=1, decay_rate=0.5),
    "CosineDecay": schedule("CosineDecay", initial_learning_rate=0.05, decay_steps=6),
    "CosineDecay with a warm-up": schedule(
        "CosineDecay", initial_learning_rate=0.001, decay_steps=6, warmup_target=0.05, warmup_steps=3
    ),
    "CosineDecayRestarts": schedule("CosineDecayRestarts", initial_learning_rate=0.05, first_decay_steps=3),
    "PiecewiseConstantDecay": schedule("PiecewiseConstantDecay", boundaries=[2, 5], values=[0.05, 0.02, 0.01]),
    "PolynomialDecay": schedule("PolynomialDecay", initial_learning_rate=0.05, decay_steps=6, power=2.0),
}
TWO_LOSSES: dict[str, Spec] = {"main": {"class": "Huber", "delta": 0.2}, "auxiliary": {"class": "MeanAbsoluteError"}}
QUANTITY_METRICS = specs("MeanSquaredError", "RootMeanSquaredError", "MeanAbsolutePercentageError", "R2Score")
MEAN_F1: Spec = {"class": "F1Score", "average": "macro"}
CASES: dict[str, Recipe] = {
    **{name: recipe_of(layers) for name, layers in {**LAYERS, **REGULARIZERS, **CONSTRAINTS}.items()},
    **{name: recipe_of(optimizer=optimizer) for name, optimizer in {**OPTIMIZERS, **SCHEDULES}.items()},
    **{loss: classifier(loss, accuracy(loss)) for loss in LOSSES},
    # A bias before a normalization has no gradient but rounding, which Adam makes as large as any other.
    "BatchNormalization of a bias, with Adam": recipe_of(between(NORMALIZATION, RELU), optimizer=OPTIMIZERS["Adam"]),
    "metrics of a quantity": recipe_of(metrics=QUANTITY_METRICS),
    "metrics of two classes": classifier("BinaryCrossentropy", specs("AUC", "Precision", "Recall", "BinaryAccuracy")),
    "metrics of three classes": classifier("CategoricalCrossentropy", specs("CategoricalAccuracy", "F1Score", "AUC")),
    "metrics with arguments": classifier("CategoricalCrossentropy", {"f1": MEAN_F1, **accuracy("CategoricalHinge")}),
    "Huber with delta": recipe_of(loss={"class": "Huber", "delta": 0.2}),
    "CategoricalCrossentropy with label smoothing": classifier("CategoricalCrossentropy", {}, label_smoothing=0.2),
    "wide and deep": recipe_of(graph=WIDE_AND_DEEP),
    "wide and deep, two inputs": recipe_of(graph=WIDE_AND_DEEP, inputs=TWO_OUTPUTS["inputs"]),
    "wide and deep, two outputs": recipe_of(**TWO_OUTPUTS),
    "wide and deep, two losses": recipe_of(**TWO_OUTPUTS, loss=TWO_LOSSES),
}


DRAWING_LAYERS = ["Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"]
# Each has a test of its own.
NOT_COMPILED = {*DRAWING_LAYERS, "convolution and max pooling", "BatchNormalization of a bias, with Adam"}
# One of each family; the others, and those compiled, are `slow` (tracing takes most of the time).
QUICK = {
    "activations relu, sigmoid, tanh, elu, selu",
    "BatchNormalization before the activation",
    "Dropout",
    "SGD with Nesterov momentum",
    "Nadam",
    "L1L2",
    "MaxNorm",
    "ExponentialDecay",
    "a layer three times",
    "metrics with arguments",
    "Huber with delta",
    "CategoricalCrossentropy with label smoothing",
    "wide and deep, two outputs",
    "wide and deep, two losses",
}
QUICK_COMPILED = {"Adam", "SparseCategoricalCrossentropy", "wide and deep, two outputs"}


class Result(NamedTuple):
    """The result of a training in memory."""

    paths: list[str]
    variables: list[np.ndarray]
    logs: pd.DataFrame


def rows_for(recipe: Recipe) -> Split:
    is_image = any(layer["class"] == "Flatten" for layer in recipe.get("layers", {}).values())
    loss, *_ = losses_of(recipe, ["main"]).values()
    classes, _ = LOSSES.get(loss["class"], (0, ""))
    return split_of(classes=classes, shape=(2, 4) if is_image else (8,))


def result_of(model: Any, logs: pd.DataFrame) -> Result:
    variables = [*model.weights, *model.optimizer.variables]
    return Result([each.path for each in variables], [np.asarray(each) for each in variables], logs)


@functools.cache
def keras_result(recipe: str) -> Result:
    loaded = json.loads(recipe)
    return result_of(*trained_by_keras(loaded, rows_for(loaded)))


@functools.cache
def engine_result(recipe: str) -> Result:
    loaded = json.loads(recipe)
    return result_of(*trained_by_engine(loaded, rows_for(loaded)))


def agrees(ours: Result, theirs: Result) -> None:
    """Every variable of model and optimizer to 1e-5 of its value, every logged number to 1e-6.

    1e-7 is the rounding of numbers near 1, such as the terms of a sum that is nearly zero.
    """
    assert len(ours.variables) == len(theirs.variables)
    for path, our_value, their_value in zip(ours.paths, ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(our_value, their_value, rtol=1e-5, atol=1e-7, err_msg=path)
    logged_alike(ours.logs, theirs.logs)


def logged_alike(our_logs: pd.DataFrame, their_logs: pd.DataFrame) -> None:
    assert set(our_logs) == set(their_logs)
    assert "val_loss" in our_logs
    for name in our_logs:
        if name in ("main_loss", "auxiliary_loss", "val_main_loss", "val_auxiliary_loss"):
            continue  # see the test of the loss of two outputs
        ours, theirs = (np.array(logs[name].tolist()) for logs in (our_logs, their_logs))  # some log an array
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6, err_msg=name)


def check(recipe: Recipe, jit_compile: bool, batch_size: int = 16) -> None:
    """50 rows in batches of 16: the last batch of an epoch has two."""
    plain: Recipe = {**recipe, "batch_size": batch_size, "jit_compile": False}
    ours = engine_result(json.dumps({**plain, "jit_compile": jit_compile}))
    theirs = keras_result(json.dumps(plain))
    (steps,) = (value for path, value in zip(ours.paths, ours.variables, strict=True) if path.endswith("/iteration"))
    assert steps == -(-50 // batch_size) * recipe["epochs"]
    agrees(ours, theirs)


def names(quick: set[str], cases: dict[str, Recipe] = CASES) -> list[Any]:
    assert quick <= set(cases)
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in cases]


@pytest.mark.parametrize("name", names(QUICK))
def test_an_epoch_is_that_of_keras(name: str) -> None:
    check(CASES[name], jit_compile=False)


@pytest.mark.parametrize(
    "name", names(QUICK_COMPILED, {name: CASES[name] for name in CASES if name not in NOT_COMPILED})
)
def test_a_compiled_epoch_is_that_of_keras(name: str) -> None:
    check(CASES[name], jit_compile=True)


@pytest.mark.slow
def test_a_bias_whose_gradient_is_rounding_alone_changes_nothing_in_training() -> None:
    # The normalization subtracts it again, from the moving mean too, which lags behind: validation sees a little of it.
    recipe: Recipe = {**CASES["BatchNormalization of a bias, with Adam"], "batch_size": 16, "jit_compile": False}
    ours = result_of(*trained_by_engine({**recipe, "jit_compile": True}, split_of()))
    theirs = keras_result(json.dumps(recipe))
    noise = [place for place, path in enumerate(theirs.paths) if theirs.variables[place].shape == (6,)]
    for place, (our_value, their_value) in enumerate(zip(ours.variables, theirs.variables, strict=True)):
        if place not in noise:
            np.testing.assert_allclose(our_value, their_value, rtol=1e-5, atol=1e-6, err_msg=ours.paths[place])
    np.testing.assert_allclose(ours.logs["loss"], theirs.logs["loss"], rtol=1e-6)


def test_a_layer_that_xla_cannot_compile_is_told_with_what_to_write(tmp_path: Path) -> None:
    recipe: Recipe = {**CASES["convolution and max pooling"], "jit_compile": True}
    expected = r"^variants\.it\.jit_compile: expected layers that XLA can compile, or false, got: .*MaxPool"
    with pytest.raises(ValueError, match=expected) as caught:
        train_once(recipe, rows_for(recipe), tmp_path)
    assert len(str(caught.value)) < 500


def test_what_xla_cannot_compile_trains_and_predicts_without_it(tmp_path: Path) -> None:
    resizing: Spec = {"class": "Resizing", "height": 3, "width": 3, "interpolation": "bicubic"}
    layers: Layers = {"resizing": resizing, "flatten": {"class": "Flatten"}, "output": DENSE["output"]}
    recipe = recipe_of(layers, jit_compile=False)
    assert train_once(recipe, split_of(shape=(2, 4, 1)), tmp_path).predictions["test"].shape == (10, 1)
    with pytest.raises(ValueError, match=r"^variants\.it\.jit_compile: .* or false, got: .*ResizeBicubic"):
        train_once({**recipe, "jit_compile": True}, split_of(shape=(2, 4, 1)), tmp_path)


def test_a_model_learns_from_the_rows_that_were_set_last() -> None:
    model, _ = trained_by_engine(PLAIN, split_of())
    x, y = part_of(PLAIN, split_of(), "train", model)
    learned = model.get_weights()
    model.set_data(x, y + 100, 16, ORDER_SEED, jit_compile=False)
    fit(model, 1)
    assert model.history.history["loss"][0] > 1000
    assert not np.array_equal(learned[0], model.get_weights()[0])


@pytest.mark.parametrize("batch_size", [25, 50, 64])
def test_batches_of_one_size_or_larger_than_the_data_are_those_of_keras(batch_size: int) -> None:
    check(recipe_of(), jit_compile=False, batch_size=batch_size)


def test_the_loss_of_two_outputs_is_the_weighted_sum_of_their_means_over_all_rows() -> None:
    # Keras's `fit` counts a smaller last batch as much as the others in the loss of each output.
    recipe = json.dumps(CASES["wide and deep, two outputs"] | {"batch_size": 16})
    logs, their_logs = engine_result(recipe).logs, keras_result(recipe).logs
    for prefix in ("", "val_"):
        total = 0.9 * logs[f"{prefix}main_loss"] + 0.1 * logs[f"{prefix}auxiliary_loss"]
        np.testing.assert_allclose(logs[f"{prefix}loss"], total, rtol=1e-6)
        np.testing.assert_allclose(logs[f"{prefix}loss"], their_logs[f"{prefix}loss"], rtol=1e-6)
        their_total = 0.9 * their_logs[f"{prefix}main_loss"] + 0.1 * their_logs[f"{prefix}auxiliary_loss"]
        assert not np.allclose(their_logs[f"{prefix}loss"], their_total, rtol=1e-3)


# Layers that draw

HALF: Spec = {"class": "Dropout", "rate": 0.5}


def test_dropout_draws_in_training_and_repeats() -> None:
    split = split_of()
    with_dropout = recipe_of({"hidden": DENSE["hidden"], "dropout": HALF, "output": DENSE["output"]})
    _, plain = trained_by_engine(recipe_of(), split)
    one, drawn = trained_by_engine(with_dropout, split)
    other, again = trained_by_engine(with_dropout, split)
    assert (plain["loss"] != drawn["loss"]).all()
    pd.testing.assert_frame_equal(drawn, again, check_exact=True)
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_dropout_draws_anew_for_every_batch_and_not_for_validation_rows(jit_compile: bool) -> None:
    # The layer and a head that learns nothing: the loss of an epoch is that of its drawings.
    head = {**DENSE["output"], "kernel_constraint": {"class": "UnitNorm"}}
    nothing = {"class": "SGD", "learning_rate": 1e-30}
    recipe = recipe_of(
        {"dropout": HALF, "head": head}, optimizer=nothing, batch_size=50, epochs=4, jit_compile=jit_compile
    )
    _, logs = trained_by_engine(recipe, split_of())
    drawn, held_out = (logs[name].to_numpy()[1:] for name in ("loss", "val_loss"))  # constrained from the first step on
    assert np.abs(np.diff(np.sort(drawn))).min() > 1e-4
    np.testing.assert_allclose(held_out, held_out[0], rtol=1e-5)


class Inference(EpochModel):
    """A faulty engine, which never lets a layer draw."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        del training
        return super().call(inputs, training=False, mask=mask)


@pytest.mark.slow
@pytest.mark.parametrize("layer", DRAWING_LAYERS)
def test_drawing_half_as_much_or_only_in_inference_would_be_told_from_keras(layer: str) -> None:
    # A control: what a layer draws is not lost in the tolerances.
    recipe: Recipe = {**CASES[layer], "batch_size": 16, "jit_compile": False}
    theirs = keras_result(json.dumps(recipe))
    halved = json.loads(json.dumps(recipe).replace("0.4", "0.2"))
    for ours in (trained_by_engine(halved, split_of()), trained_by_engine(recipe, split_of(), model_class=Inference)):
        with pytest.raises(AssertionError):
            agrees(result_of(*ours), theirs)
        assert abs(ours[1]["loss"].iloc[-1] - theirs.logs["loss"].iloc[-1]) > 1e-3


SEEDS = 20


@functools.cache
def final_losses(
    layer: str, strength: float, jit_compile: bool, model_class: type[EpochModel] = EpochModel
) -> np.ndarray:
    """Training and validation losses of the last epoch, by seed.

    Returns: float64 (seeds, 2).
    """
    layers: Layers = json.loads(json.dumps(CASES[layer]["layers"]).replace("0.4", str(strength)))
    recipe: Recipe = {**CASES[layer], "layers": layers, "batch_size": 16, "epochs": 10}
    model = compiled(recipe, model_class)
    train, validation = (part_of(recipe, split_of(), part, model) for part in ("train", "validation"))
    model.set_data(*train, recipe["batch_size"], ORDER_SEED, jit_compile)
    losses = []
    for seed in range(SEEDS):
        # A new start, without tracing and compiling anew.
        for variable, value in zip(model.variables, compiled(recipe, keras.Model, seed).variables, strict=False):
            variable.assign(value)
        for variable in model.optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(keras.ops.zeros_like(variable))
        fit(model, recipe["epochs"], validation)
        losses.append([model.history.history[name][-1] for name in ("loss", "val_loss")])
    return np.array(losses)


def standard_errors_apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """How many standard errors of their difference the mean training and validation losses are apart.

    A seed starts both from the same weights: the differences are those of pairs.
    """
    differences = ours - theirs
    return np.abs(differences.mean(axis=0)) / (differences.std(axis=0, ddof=1) / np.sqrt(len(differences)))


@pytest.mark.slow
@pytest.mark.parametrize("layer", DRAWING_LAYERS)
def test_a_compiled_layer_draws_other_numbers_that_cost_as_much_loss(layer: str) -> None:
    # XLA has a generator of its own. The kernels' drawings are those of Keras, see the test of every epoch.
    ours, theirs = final_losses(layer, 0.4, True), final_losses(layer, 0.4, False)
    assert (ours != theirs).all()
    assert (standard_errors_apart(ours, theirs) < 2).all()


@pytest.mark.slow
@pytest.mark.parametrize("layer", DRAWING_LAYERS)
def test_half_as_much_or_no_drawing_would_be_seen_in_the_losses(layer: str) -> None:
    # A control of the test above.
    theirs = final_losses(layer, 0.4, False)
    assert standard_errors_apart(final_losses(layer, 0.2, False), theirs).max() > 2
    assert standard_errors_apart(final_losses(layer, 0.4, False, Inference), theirs).max() > 2


# Callbacks see what they see in Keras's `fit`


# Too high a rate: the validation loss does not fall with every epoch.
ROUGH = recipe_of(optimizer={"class": "Adam", "learning_rate": 0.3}, batch_size=16, epochs=12)
CALLBACKS: dict[str, Callable[[Path], list[keras.callbacks.Callback]]] = {
    "EarlyStopping": lambda _: [keras.callbacks.EarlyStopping(patience=2)],
    "EarlyStopping that restores": lambda _: [keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)],
    "ReduceLROnPlateau": lambda _: [keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.1)],
    "LearningRateScheduler": lambda _: [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9**epoch)],
    "ModelCheckpoint": lambda folder: [
        keras.callbacks.ModelCheckpoint(folder / "best.weights.h5", save_best_only=True, save_weights_only=True)
    ],
    "CSVLogger": lambda folder: [keras.callbacks.CSVLogger(folder / "log.csv")],
}


@pytest.fixture(scope="module")
def with_callbacks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Any, Path, Path]]:
    @functools.cache
    def both(name: str) -> tuple[Any, Any, Path, Path]:
        folders = [tmp_path_factory.mktemp(who) for who in ("engine", "keras")]
        ours = trained_by_engine(ROUGH, split_of(), CALLBACKS[name](folders[0]))
        theirs = trained_by_keras(ROUGH, split_of(), CALLBACKS[name](folders[1]))
        return ours, theirs, folders[0], folders[1]

    return both


Both = Callable[[str], tuple[Any, Any, Path, Path]]


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_leaves_the_epochs_rates_and_weights_that_it_leaves_in_keras(
    name: str, with_callbacks: Both
) -> None:
    (ours, our_logs), (theirs, their_logs), _, _ = with_callbacks(name)
    assert len(our_logs) == len(their_logs)
    assert float(ours.optimizer.learning_rate) == float(theirs.optimizer.learning_rate)
    agrees(result_of(ours, our_logs), result_of(theirs, their_logs))


def test_the_callbacks_above_have_something_to_do(with_callbacks: Both) -> None:
    (_, stopped), _, _, _ = with_callbacks("EarlyStopping")
    assert len(stopped) < ROUGH["epochs"]
    (restored, logs), _, _, _ = with_callbacks("EarlyStopping that restores")
    assert logs["val_loss"].to_numpy().argmin() == len(logs) - 3
    rows = part_of(ROUGH, split_of(), "validation", restored)
    assert restored.evaluate(*rows, verbose=0)[0] == pytest.approx(logs["val_loss"].min(), rel=1e-6)
    (reduced, _), _, _, _ = with_callbacks("ReduceLROnPlateau")
    assert 0 < float(reduced.optimizer.learning_rate) < 0.2


def test_the_best_checkpoint_is_that_of_keras(with_callbacks: Both) -> None:
    (model, logs), (their_model, _), ours, theirs = with_callbacks("ModelCheckpoint")
    last = model.get_weights()
    model.load_weights(ours / "best.weights.h5")
    their_model.load_weights(theirs / "best.weights.h5")
    for our_value, their_value in zip(model.get_weights(), their_model.get_weights(), strict=True):
        np.testing.assert_allclose(our_value, their_value, rtol=1e-5, atol=1e-7)
    rows = part_of(ROUGH, split_of(), "validation", model)
    assert model.evaluate(*rows, verbose=0)[0] == pytest.approx(logs["val_loss"].min(), rel=1e-6)
    assert not all(np.array_equal(a, b) for a, b in zip(last, model.get_weights(), strict=True))


def test_the_logged_rows_are_the_history_and_those_of_keras(with_callbacks: Both) -> None:
    (_, logs), _, ours, theirs = with_callbacks("CSVLogger")
    ours_read, theirs_read = (pd.read_csv(folder / "log.csv") for folder in (ours, theirs))
    assert ours_read["epoch"].tolist() == list(range(12))
    pd.testing.assert_frame_equal(ours_read[list(logs)], logs, rtol=1e-12)
    assert list(ours_read) == list(theirs_read)
    logged_alike(ours_read, theirs_read)


def scalars(folder: Path) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for file in sorted(folder.glob("events.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.tag.startswith("epoch_"):
                    values.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
    return values


def test_tensorboards_scalars_are_the_history(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")  # TensorFlow 2.21 comes without it
    _, logs = trained_by_engine(PLAIN, split_of(), [keras.callbacks.TensorBoard(tmp_path)])
    for part, prefix in (("train", ""), ("validation", "val_")):
        written = scalars(tmp_path / part)
        for name in ("loss", "mean_absolute_error"):
            assert written[f"epoch_{name}"] == pytest.approx(logs[prefix + name].tolist(), rel=1e-6)
    assert scalars(tmp_path / "train")["epoch_learning_rate"] == pytest.approx([0.01, 0.01])


def test_a_loss_that_is_no_number_terminates_in_the_epoch_in_which_it_does_in_keras() -> None:
    # Keras stops at the batch, the engine at the end of the epoch: the weights, which are worth nothing, may differ.
    too_fast = {"class": "SGD", "learning_rate": 3.0}
    recipe = recipe_of({"output": DENSE["output"]}, optimizer=too_fast, batch_size=16, epochs=20)
    _, our_logs = trained_by_engine(recipe, split_of(), [keras.callbacks.TerminateOnNaN()])
    _, their_logs = trained_by_keras(recipe, split_of(), [keras.callbacks.TerminateOnNaN()])
    assert 2 < len(our_logs) == len(their_logs) < 20
    assert np.isfinite(our_logs["loss"].to_numpy()).tolist() == np.isfinite(their_logs["loss"].to_numpy()).tolist()
    np.testing.assert_allclose(our_logs["loss"].iloc[:-1], their_logs["loss"].iloc[:-1], rtol=1e-6)


# Tensors of arrays


def aligned(rows: int) -> np.ndarray:
    """float32 (rows,), 0, 1, 2, …, at an address that TensorFlow's kernels can work on."""
    memory = np.zeros(rows * 4 + 64, np.uint8)
    start = -memory.ctypes.data % 64
    array = memory[start : start + rows * 4].view(np.float32)
    array[:] = np.arange(rows)
    return array


def test_a_tensor_of_an_aligned_array_shares_its_memory() -> None:
    array = aligned(100)
    tensor = tensors_of(array)
    array[7] = -1
    assert tensor[7] == -1


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(lambda: aligned(100)[1:], id="unaligned"),
        pytest.param(lambda: aligned(100)[::2], id="not contiguous"),
        pytest.param(lambda: aligned(100).reshape(10, 10).T, id="transposed"),
    ],
)
def test_a_tensor_of_any_other_array_is_a_copy_of_it(array: Callable[[], np.ndarray]) -> None:
    original = array()
    tensor = tensors_of(original)
    assert np.array_equal(tensor, original)
    original += 1
    assert np.array_equal(tensor + 1, original)


def test_a_tensor_of_a_read_only_array_is_a_copy_of_it() -> None:
    array = aligned(100)
    tensor = tensors_of(read_only(array[:]))
    assert np.array_equal(tensor, np.arange(100))
    array += 1
    assert np.array_equal(tensor, np.arange(100))


def test_training_on_a_mapped_file_leaves_it_and_computes_what_it_computes_in_memory(tmp_path: Path) -> None:
    split = split_of()
    np.save(tmp_path / "x.npy", split.x["train"])
    before = (tmp_path / "x.npy").read_bytes()
    mapped = np.load(tmp_path / "x.npy", mmap_mode="c")
    recipe = recipe_of(batch_size=16)
    on_disk = trained_by_engine(recipe, dataclasses.replace(split, x={**split.x, "train": mapped}))[0]
    assert_same_bits(on_disk, trained_by_engine(recipe, split)[0])
    assert (tmp_path / "x.npy").read_bytes() == before


# The same bits


def bits(model: keras.Model) -> list[bytes]:
    return [np.asarray(variable).tobytes() for variable in (*model.weights, *model.optimizer.variables)]


def assert_same_bits(one: keras.Model, other: keras.Model) -> None:
    assert bits(one) == bits(other)


def left_bytes(recipe: Recipe, folder: Path, seed: int = 3) -> bytes:
    folder.mkdir(exist_ok=True)
    train_once(recipe, split_of(), folder, seed)
    return (folder / "model.keras").read_bytes()


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(PLAIN, id="kernels"),  # with Dropout: see test_training.py
        pytest.param({**PLAIN, "jit_compile": True}, id="XLA"),
        pytest.param({**DRAWING, "jit_compile": True}, id="XLA, with Dropout", marks=pytest.mark.slow),
    ],
)
def test_a_seed_gives_the_same_bits_and_another_gives_others(recipe: Recipe, tmp_path: Path) -> None:
    one = left_bytes(recipe, tmp_path / "one")
    assert left_bytes(recipe, tmp_path / "again") == one
    assert left_bytes(recipe, tmp_path / "other", seed=4) != one


def test_what_was_trained_before_changes_no_bit(tmp_path: Path) -> None:
    first, _, last = (left_bytes(recipe, tmp_path / "it") for recipe in (DRAWING, PLAIN, DRAWING))
    assert first == last


COMPILED: Recipe = {**DRAWING, "optimizer": OPTIMIZERS["Adam"], "batch_size": 16, "jit_compile": True}


def run_stage(root: Path, cores: int | None = None, environment: dict[str, str] | None = None) -> dict[str, bytes]:
    """Train in a process of its own, on so many cores, compiled by XLA."""
    store(COMPILED, split_of(), root)

    def pin() -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

    subprocess.run(
        [sys.executable, "-m", "stages.train", "it"],
        cwd=root,
        env={**os.environ, "XLA_FLAGS": "", "PYTHONPATH": str(ROOT), **(environment or {})},
        preexec_fn=pin if cores else None,
        check=True,
    )
    return files_below(root)


@pytest.fixture(scope="module")
def stage_left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return run_stage(tmp_path_factory.mktemp("stage"))


@pytest.mark.slow
def test_the_stage_compiles_what_its_recipe_says(stage_left: dict[str, bytes], tmp_path: Path) -> None:
    # XLA draws other numbers: these are the bytes of a compiled training, of this process as of the other.
    assert left_bytes(COMPILED, tmp_path / "it") == stage_left["data/models/it/model.keras"]
    assert left_bytes({**COMPILED, "jit_compile": False}, tmp_path / "it") != stage_left["data/models/it/model.keras"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "4"}, {"TF_NUM_INTRAOP_THREADS": "4"}],
    ids=lambda environment: "=".join(*environment.items()),
)
def test_the_number_of_threads_changes_no_byte(
    environment: dict[str, str], stage_left: dict[str, bytes], tmp_path: Path
) -> None:
    assert run_stage(tmp_path, environment=environment) == stage_left


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no process to a core")
@pytest.mark.parametrize("cores", [1, 2])
def test_the_number_of_cores_changes_no_byte(cores: int, stage_left: dict[str, bytes], tmp_path: Path) -> None:
    if cores > len(os.sched_getaffinity(0)):
        pytest.skip("this machine has one core")
    assert run_stage(tmp_path, cores) == stage_left


@pytest.mark.slow
def test_a_busy_machine_changes_no_byte(stage_left: dict[str, bytes], tmp_path: Path) -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        assert run_stage(tmp_path) == stage_left
    finally:
        for process in busy:
            process.kill()
            process.wait()


# The import of TensorFlow


def test_importing_tensorflow_hides_modules_only_while_it_imports() -> None:
    program = """
import gc, os, sys
from stages.training import import_tensorflow, xla
import_tensorflow()
assert gc.isenabled(), "garbage collection"
assert os.environ["XLA_FLAGS"].split() == ["--xla_cpu_enable_fast_math=false", *xla.FLAGS], "flags"
assert None not in sys.modules.values(), "hidden modules"
assert not {"sklearn", "matplotlib"} & sys.modules.keys(), "imported after all"
import sklearn.linear_model, matplotlib
assert sklearn.__version__ and matplotlib.__version__
import keras
assert keras.layers.Dense(1)
"""
    environment = {**os.environ, "XLA_FLAGS": "--xla_cpu_enable_fast_math=false", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
