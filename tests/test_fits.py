"""What fits together trains; what does not is refused by `configure`, in one line with its place."""

from typing import Any

import keras
import numpy as np
import pytest
from small import compiled, recipe_of

from stages.datasets.spec import spec_of
from stages.params import checks
from stages.training import custom_objects
from stages.training.data import targets_of
from stages.training.recipe import Recipe, Spec

pytestmark = pytest.mark.usefixtures("deterministic")

SHAPES = {"columns": (8,), "steps": (6, 4), "image": (8, 8, 3)}
CROSS_ENTROPIES: dict[int, Spec] = {
    0: {"class": "MeanSquaredError"},
    2: {"class": "BinaryCrossentropy"},
    3: {"class": "SparseCategoricalCrossentropy"},
}
LOGITS = {"from_logits": True}
LSTM: Spec = {"class": "LSTM", "units": 3}
FLIP: Spec = {"class": "RandomFlip", "mode": "horizontal"}
CONVOLUTION: Spec = {"class": "Conv2D", "filters": 2, "kernel_size": 3}


def dense(units: int, activation: str | Spec = "linear", **arguments: Any) -> Spec:
    return {"class": "Dense", "units": units, "activation": activation, **arguments}


def recipe(classes: int, *layers: Spec, **others: Any) -> Recipe:
    """Layers one after the other; with `loss`, arguments of the loss that suits the classes, or a loss."""
    loss = others.pop("loss", {})
    named = {f"layer_{number}": layer for number, layer in enumerate(layers, 1)}
    return recipe_of(named, **{"loss": {**CROSS_ENTROPIES[classes], **loss}, "metrics": {}, **others})


def check(made: Recipe, classes: int, shape: tuple[int, ...]) -> None:
    made["optimizer"] = checks.with_learning_rate(made["optimizer"], "variants.it.optimizer")
    checks.check_model(made, shape, classes, True, "variants.it")


def before_output(*layers: Spec, **others: Any) -> Recipe:
    """A regression with these layers before its output."""
    return recipe(0, *layers, {"class": "Flatten"}, dense(1), **others)


def metric(name: str, **arguments: Any) -> dict[str, Any]:
    return {"metrics": {"m": {"class": name, **arguments}}}


PROBABILITIES = "expected outputs that are probabilities beside"
NOT_COMPILED: dict[str, dict[str, Any]] = {
    "RandomRotation": {"factor": 0.1},
    "RandomElasticTransform": {},
    "Hashing": {"num_bins": 3},
    "Resizing": {"height": 2, "width": 2, "interpolation": "bicubic"},
}
REFUSED: dict[str, tuple[Recipe, int, str, str]] = {
    "sigmoids taken for logits": (
        recipe(3, dense(3, "sigmoid"), loss={"from_logits": True}),
        3,
        "columns",
        "loss.from_logits: expected false beside outputs from 0 to 1",
    ),
    "no activation before a squared error of classes": (
        recipe(2, dense(1), loss={"class": "MeanSquaredError"}),
        2,
        "columns",
        f"layers: {PROBABILITIES} Mean",
    ),
    "a hinge of scores": (
        recipe(3, dense(3), loss={"class": "CategoricalHinge"}),
        3,
        "columns",
        f"layers: {PROBABILITIES} Cat",
    ),
    "no activation before a cross-entropy": (recipe(3, dense(3)), 3, "columns", f"layers: {PROBABILITIES} Sparse"),
    "tanh before a cross-entropy": (recipe(3, dense(3, "tanh")), 3, "columns", f"layers: {PROBABILITIES} Sparse"),
    "relu before a cross-entropy": (recipe(3, dense(3, "relu")), 3, "columns", f"layers: {PROBABILITIES} Sparse"),
    "a sigmoid for each class": (recipe(3, dense(3, "sigmoid")), 3, "columns", f"layers: {PROBABILITIES} Sparse"),
    "log_softmax": (recipe(3, dense(3, "log_softmax")), 3, "columns", f"layers: {PROBABILITIES} Sparse"),
    "sparsemax, which in Keras 3.15 has another sum than 1": (
        recipe(3, dense(3, "sparsemax")),
        3,
        "columns",
        f"layers: {PROBABILITIES} Sparse",
    ),
    "dropout after a softmax": (
        recipe(3, dense(3, "softmax"), {"class": "Dropout", "rate": 0.5}),
        3,
        "columns",
        f"layers: {PROBABILITIES} Sparse",
    ),
    "noise after a softmax": (
        recipe(3, dense(3, "softmax"), {"class": "GaussianNoise", "stddev": 0.5}),
        3,
        "columns",
        f"layers: {PROBABILITIES} Sparse",
    ),
    "a softmax that is scaled": (
        recipe(3, dense(3, "softmax"), {"class": "Rescaling", "scale": 2}),
        3,
        "columns",
        f"layers: {PROBABILITIES} Sparse",
    ),
    "logits after a softmax": (
        recipe(3, dense(3, "softmax"), loss=LOGITS),
        3,
        "columns",
        "loss.from_logits: expected false beside outputs from 0 to 1, got true",
    ),
    "logits after a sigmoid": (recipe(2, dense(1, "sigmoid"), loss=LOGITS), 2, "columns", "loss.from_logits: expected"),
    "no activation for two classes": (recipe(2, dense(1)), 2, "columns", f"layers: {PROBABILITIES} Binary"),
    "tanh for two classes": (recipe(2, dense(1, "tanh")), 2, "columns", f"layers: {PROBABILITIES} Binary"),
    "tanh of weights that are zero at first": (
        recipe(2, dense(1, "tanh", kernel_initializer="zeros")),
        2,
        "columns",
        f"layers: {PROBABILITIES} Binary",
    ),
    "relu for two classes": (recipe(2, dense(1, "relu")), 2, "columns", f"layers: {PROBABILITIES} Binary"),
    "a softmax of one unit": (
        recipe(2, dense(1, "softmax")),
        2,
        "columns",
        "layers: expected an output that depends on the row, as of a sigmoid, got 1 for all",
    ),
    "negative outputs of Poisson": (
        recipe(0, dense(1), loss={"class": "Poisson"}),
        0,
        "columns",
        "layers: expected outputs of at least 0 beside Poisson",
    ),
    "a threshold of probabilities beside logits": (
        recipe(2, dense(1), loss=LOGITS, **metric("BinaryAccuracy")),
        2,
        "columns",
        "metrics.m.threshold: expected a threshold of logits",
    ),
    "thresholds of probabilities beside logits": (
        recipe(2, dense(1), loss=LOGITS, **metric("Precision")),
        2,
        "columns",
        "metrics.m.thresholds: expected a threshold of logits",
    ),
    "a metric of probabilities beside logits": (
        recipe(2, dense(1), loss=LOGITS, **metric("PrecisionAtRecall", recall=0.5)),
        2,
        "columns",
        "metrics.m: expected a metric of logits",
    ),
    **{
        f"{name} of probabilities beside logits": (
            recipe(2, dense(1), loss=LOGITS, **metric(name)),
            2,
            "columns",
            "metrics.m.from_logits: expected true as in the loss, got false",
        )
        for name in ("AUC", "BinaryCrossentropy")
    },
    "a metric of logits beside probabilities": (
        recipe(2, dense(1, "sigmoid"), **metric("AUC", from_logits=True)),
        2,
        "columns",
        "metrics.m.from_logits: expected false as in the loss, got true",
    ),
    "a metric of equal numbers": (
        recipe(3, dense(3, "softmax"), **metric("Accuracy")),
        3,
        "columns",
        "metrics.m.class: expected SparseCategoricalAccuracy beside SparseCategoricalCrossentropy, got Accuracy",
    ),
    "a metric of one unit beside several": (
        recipe(3, dense(3, "softmax"), loss={"class": "CategoricalCrossentropy"}, **metric("BinaryAccuracy")),
        3,
        "columns",
        "metrics.m.class: expected CategoricalAccuracy beside CategoricalCrossentropy, got BinaryAccuracy",
    ),
    "a metric of several units beside one": (
        recipe(2, dense(1, "sigmoid"), **metric("CategoricalAccuracy")),
        2,
        "columns",
        "metrics.m.class: expected BinaryAccuracy beside BinaryCrossentropy, got CategoricalAccuracy",
    ),
    "an F1 score of the greatest of one unit": (
        recipe(2, dense(1, "sigmoid"), **metric("F1Score", average="macro")),
        2,
        "columns",
        "metrics.m.threshold: expected a threshold beside one unit, such as 0.5, got none",
    ),
    "a class that the loss leaves out": (
        recipe(3, dense(3, "softmax"), loss={"ignore_class": 0}),
        3,
        "columns",
        "loss.ignore_class: expected nothing, since the loss of an evaluation is a mean over all rows, got 0",
    ),
    "a normalization that is not adapted": (
        before_output({"class": "Normalization"}),
        0,
        "columns",
        "layers.layer_1.mean: expected a number, since the layer is not adapted to the data, got none",
    ),
    "a loss that is not finite": (
        recipe(0, dense(1, dtype="float16"), {"class": "Rescaling", "scale": 1e30}),
        0,
        "columns",
        ": expected a finite loss for made-up rows, got inf",
    ),
    "an F1 score of each class": (
        recipe(2, dense(1, "sigmoid"), **metric("F1Score", threshold=0.5)),
        2,
        "columns",
        "metrics.m: expected a metric of one number, got an array of shape (1,)",
    ),
    "a metric that Keras cannot load": (
        recipe(2, dense(1, "sigmoid"), **metric("AUC", label_weights=3)),
        2,
        "columns",
        ": expected loss and metrics that Keras can save and load",
    ),
    "a loss of all rows at once": (
        recipe(0, dense(1), loss={"class": "Dice"}),
        0,
        "columns",
        "loss: expected a loss of each row, got Dice",
    ),
    "a loss for each row": (
        recipe(0, dense(1), loss={"reduction": "none"}),
        0,
        "columns",
        "loss.reduction: expected one of 'sum', ",
    ),
    "a moving average that the optimizer does not keep": (
        recipe(0, dense(1), callbacks={"it": {"class": "SwapEMAWeights"}}),
        0,
        "columns",
        "callbacks.it: expected SwapEMAWeights with arguments that fit the model",
    ),
    "an activation that needs arguments": (
        recipe(0, dense(3, "threshold"), dense(1)),
        0,
        "columns",
        "layers: expected layers that fit rows of shape (8,), got layer_1: Exception encountered",
    ),
    "layers of images on columns": (before_output(FLIP), 0, "columns", "layers: expected layers that fit rows of"),
    "an embedding of few numbers": (
        before_output({"class": "Rescaling", "scale": 1000}, {"class": "Embedding", "input_dim": 2, "output_dim": 2}),
        0,
        "columns",
        "layers: expected layers that fit rows of shape (8,), got layer_2: ",
    ),
    "a layer without a gradient": (
        before_output(CONVOLUTION, {"class": "Resizing", "height": 2, "width": 2, "interpolation": "area"}),
        0,
        "image",
        ": expected layers, a loss, metrics and an optimizer that train together",
    ),
    "states of a recurrent layer": (
        recipe(0, {**LSTM, "return_state": True}, dense(1)),
        0,
        "steps",
        "layers.layer_1: expected a layer that fits rows of shape (6, 4), got: 3 outputs, which need a graph",
    ),
    "a recurrent layer with a state of each batch": (
        recipe(0, {**LSTM, "stateful": True}, dense(1)),
        0,
        "steps",
        "layers.layer_1: expected a layer that fits",
    ),
    "a layer of recurrent cells": (recipe(0, {"class": "LSTMCell", "units": 3}), 0, "steps", "layers.layer_1.class: "),
    "the name of an optimizer in another": (
        recipe(0, dense(1), optimizer={"class": "LossScaleOptimizer", "inner_optimizer": "Adam"}),
        0,
        "columns",
        "optimizer.inner_optimizer: expected {class: Adam, <argument>: <value>, …}, got 'Adam'",
    ),
    "two ways to clip gradients": (
        recipe(0, dense(1), optimizer={"class": "Adam", "clipnorm": 1.0, "clipvalue": 1.0}),
        0,
        "columns",
        "optimizer: expected arguments that Adam takes",
    ),
    **{
        f"{name} with XLA": (
            before_output({"class": name, **arguments}, jit_compile=True),
            0,
            "image",
            f"jit_compile: expected false, since XLA cannot compile layer_1 ({name}), got true",
        )
        for name, arguments in NOT_COMPILED.items()
    },
    "a count of numbers with XLA": (
        before_output({"class": "CategoryEncoding", "num_tokens": 3, "output_mode": "count"}, jit_compile=True),
        0,
        "columns",
        "jit_compile: expected false, since XLA cannot compile layer_1 (CategoryEncoding), got true",
    ),
    "max pooling with XLA": (
        before_output(CONVOLUTION, {"class": "MaxPooling2D"}, jit_compile=True),
        0,
        "image",
        "jit_compile: expected false, since XLA cannot compile layer_2 (MaxPooling2D), got true",
    ),
}
"""Recipes, numbers of classes, shapes of the rows, and how the line goes on after the name of the variant."""

TAKEN: dict[str, tuple[Recipe, int, str]] = {
    **{
        f"{loss} of three classes": (recipe(3, dense(3, "softmax"), loss={"class": loss}), 3, "columns")
        for loss in ("MeanSquaredError", "KLDivergence", "CategoricalHinge", "CategoricalGeneralizedCrossEntropy")
    },
    "logits of three classes": (recipe(3, dense(3), loss=LOGITS), 3, "columns"),
    "a softmax of its own": (recipe(3, dense(3), {"class": "Softmax"}), 3, "columns"),
    "a softmax as an object": (recipe(3, dense(3, {"class": "Softmax"})), 3, "columns"),
    "hard_sigmoid": (recipe(2, dense(1, "hard_sigmoid")), 2, "columns"),
    "a sigmoid of weights that are zero at first": (
        recipe(2, dense(1, "sigmoid", kernel_initializer="zeros")),
        2,
        "columns",
    ),
    "a sigmoid for a quantity": (recipe(0, dense(1, "sigmoid")), 0, "columns"),
    "counts": (recipe(0, dense(1, "softplus"), loss={"class": "Poisson"}), 0, "columns"),
    "a sum of the rows": (recipe(0, dense(1), loss={"reduction": "sum"}), 0, "columns"),
    "metrics of logits": (
        recipe(
            2,
            dense(1),
            loss=LOGITS,
            metrics={
                "a": {"class": "BinaryAccuracy", "threshold": 0.0},
                "b": {"class": "AUC", "from_logits": True},
                "c": {"class": "Precision", "thresholds": 0.0},
                "d": {"class": "BinaryCrossentropy", "from_logits": True},
            },
        ),
        2,
        "columns",
    ),
    "F1 scores of one number": (
        recipe(
            2,
            dense(1, "sigmoid"),
            metrics={
                kind: {"class": "F1Score", "average": kind, "threshold": 0.5} for kind in ("micro", "macro", "weighted")
            },
        ),
        2,
        "columns",
    ),
    "half precision": (recipe(3, dense(3, "softmax", dtype="float16")), 3, "columns"),
    "an embedding": (
        before_output({"class": "Embedding", "input_dim": 2, "output_dim": 2, "mask_zero": False}),
        0,
        "columns",
    ),
    "layers around layers": (
        before_output(
            {"class": "TimeDistributed", "layer": {"class": "Dense", "units": 3}},
            {"class": "Bidirectional", "layer": {**LSTM, "return_sequences": True}},
            {"class": "RNN", "cell": {"class": "StackedRNNCells", "cells": [{"class": "GRUCell", "units": 2}]}},
            {"class": "SpectralNormalization", "layer": {"class": "Dense", "units": 2}},
        ),
        0,
        "steps",
    ),
    "lists and texts where Keras takes them": (
        before_output(
            {"class": "RandomFlip", "mode": "horizontal"},
            {"class": "RandomRotation", "factor": [-0.1, 0.1]},
            {**CONVOLUTION, "dilation_rate": 2, "kernel_initializer": {"class": "VarianceScaling", "mode": "fan_avg"}},
            {"class": "LayerNormalization", "axis": [1, 2]},
        ),
        0,
        "image",
    ),
    "an optimizer around another": (
        recipe(0, dense(1), optimizer={"class": "LossScaleOptimizer", "inner_optimizer": {"class": "Adam"}}),
        0,
        "columns",
    ),
    "convolutions with XLA": (before_output(CONVOLUTION, jit_compile=True), 0, "image"),
    "a flip with XLA": (before_output(FLIP, jit_compile=True), 0, "image"),
}


@pytest.mark.bad_input("params.yaml", "layers, losses, metrics, callbacks and XLA that do not fit each other")
@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case: str) -> None:
    made, classes, rows, told = REFUSED[case]
    with pytest.raises(ValueError, match=r"^variants\.it") as caught:
        check(made, classes, SHAPES[rows])
    (line,) = str(caught.value).splitlines()
    assert line.removeprefix("variants.it").removeprefix(".").startswith(told), line
    assert ", got" in line


@pytest.mark.parametrize("case", TAKEN)
def test_what_fits_is_taken_and_trains(case: str) -> None:
    made, classes, rows = TAKEN[case]
    check(made, classes, SHAPES[rows])
    model = compiled(made, keras.Model, shape=SHAPES[rows])
    model.run_eagerly = True
    x = np.random.default_rng(0).random((2, *SHAPES[rows]), dtype=np.float32)
    y = targets_of(made, np.arange(2, dtype=np.int32 if classes else np.float32), model)
    assert np.isfinite(model.train_on_batch(x, y)).all()


@pytest.mark.bad_input("params.yaml", "layers, losses, metrics, callbacks and XLA that do not fit each other")
def test_more_folds_than_rows_of_a_class_are_refused() -> None:
    fewest = min(spec_of("thoracic").class_counts)
    made: Any = {"seed": 1, "dataset": "thoracic", "split": "clean", "estimator": {"class": "LogisticRegression"}}
    checks.check_estimator({**made, "cross_validation": fewest}, 2, "variants.it")
    with pytest.raises(
        ValueError, match=rf"^variants\.it\.cross_validation: expected at most {fewest} folds, "
    ) as caught:
        checks.check_estimator({**made, "cross_validation": fewest + 1}, 2, "variants.it")
    assert str(caught.value).endswith(f"got {fewest + 1}")


ESTIMATORS: list[tuple[Spec, int, str]] = [
    ({"class": "RANSACRegressor"}, 0, ": expected an estimator that can be fitted, saved and loaded, got RANSAC"),
    ({"class": "DummyRegressor", "strategy": "constant"}, 0, ": expected an estimator that can be fitted, saved"),
    ({"class": "DummyClassifier", "strategy": "constant"}, 2, ": expected an estimator that can be fitted, saved"),
    ({"class": "MultiTaskLasso"}, 0, ": expected an estimator that can be fitted, saved and loaded, got MultiTask"),
    ({"class": "LogisticRegression", "penalty": "l1"}, 2, ": expected an estimator that can be fitted, saved"),
    ({"class": "logistic_regression"}, 2, ".class: expected LogisticRegression, got 'logistic_regression'"),
]


@pytest.mark.bad_input("params.yaml", "estimators that cannot be fitted, saved or loaded")
@pytest.mark.parametrize(("spec", "classes", "told"), ESTIMATORS, ids=[each["class"] for each, *_ in ESTIMATORS])
def test_an_estimator_that_cannot_be_fitted_saved_and_loaded_is_refused(spec: Spec, classes: int, told: str) -> None:
    made: Any = {"seed": 1, "dataset": "thoracic" if classes else "housing", "split": "clean", "estimator": spec}
    with pytest.raises(ValueError, match=r"^variants\.it\.estimator") as caught:
        checks.check_estimator(made, classes, "variants.it")
    (line,) = str(caught.value).splitlines()
    assert line.removeprefix("variants.it.estimator").startswith(told), line


@pytest.mark.parametrize("name", ["HuberRegressor", "RidgeCV", "LassoCV", "SGDRegressor", "DummyRegressor"])
def test_a_regressor_is_taken(name: str) -> None:
    made: Any = {"seed": 1, "dataset": "housing", "split": "single", "estimator": {"class": name}}
    checks.check_estimator(made, 0, "variants.it")


def test_an_embedding_takes_rows_from_0_to_1_and_no_standard_scores() -> None:
    made = before_output({"class": "Embedding", "input_dim": 2, "output_dim": 2})
    checks.check_model(made, (8,), 0, True, "variants.it", scaling="unit")
    expected = (
        r"^variants\.it\.layers: expected layers that take numbers of any size beside scaling: none, got: .*Embedding"
    )
    with pytest.raises(ValueError, match=expected):
        checks.check_model(made, (8,), 0, True, "variants.it", scaling="none")
    with pytest.raises(
        ValueError, match=r"^variants\.it\.layers: expected layers that fit .*, got layer_1: .*Embedding"
    ):
        checks.check_model(made, (8,), 0, True, "variants.it", scaling="standard")


OWN = """
import keras

class Power(keras.layers.Layer):
    def __init__(self, exponent=1.0, **kwargs):
        super().__init__(**kwargs)
        self.exponent = exponent
    def call(self, inputs):
        return inputs**self.exponent
    def get_config(self):
        return {**super().get_config(), **KEPT}

class Refused(keras.callbacks.Callback):
    def __init__(self, number):
        super().__init__()
        self.number = number
    def on_train_begin(self, logs=None):
        if self.number == 2:
            raise ValueError("number is 2")
"""


@pytest.mark.bad_input("custom_objects", "a layer that forgets an argument when it is saved")
def test_an_own_layer_that_forgets_an_argument_is_refused() -> None:
    made = recipe(0, {"class": "Power", "exponent": 2.0}, dense(1))
    with custom_objects.scope(OWN.replace("KEPT", '{"exponent": self.exponent}')):
        check(made, 0, (8,))
    checks._passed.clear()
    with (
        custom_objects.scope(OWN.replace("KEPT", "{}")),
        pytest.raises(ValueError, match=r"^variants\.it: expected Power with all arguments in get_config, got another"),
    ):
        check(made, 0, (8,))


@pytest.mark.bad_input("custom_objects", "an argument that a callback refuses")
def test_each_number_of_an_own_callback_is_tried() -> None:
    with custom_objects.scope(OWN):
        check(recipe(0, dense(1), callbacks={"it": {"class": "Refused", "number": 1}}), 0, (8,))
        with pytest.raises(ValueError, match=r"^variants\.it\.callbacks\.it: expected Refused .*got: number is 2$"):
            check(recipe(0, dense(1), callbacks={"it": {"class": "Refused", "number": 2}}), 0, (8,))
