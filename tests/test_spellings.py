"""Old and short names of Keras, as books and posts write them: the message has the one right word."""

from contextlib import nullcontext
from typing import Any

import pytest
from keras_classes import refusal
from pydantic import ValidationError
from small import recipe_of

from stages.params import checks
from stages.params.checks.usable import UNUSABLE
from stages.params.messages import spelled
from stages.params.schema import Base, Variant, explain

SPARSE = {"class": "SparseCategoricalCrossentropy"}
SOFTMAX = {"class": "Dense", "units": 3, "activation": "softmax"}


def with_layer(layer: dict[str, Any]) -> dict[str, Any]:
    return {"layers": {"it": layer, "output": {"class": "Dense", "units": 1}}}


def with_metric(name: str, **others: Any) -> dict[str, Any]:
    return {"metrics": {"it": {"class": name}}, **others}


DENSE = {"class": "Dense", "units": 3}
SCHEDULE = {"class": "ExponentialDecay", "decay_steps": 3, "decay_rate": 0.5}


@pytest.mark.bad_input("params.yaml", "names of older versions of Keras and short ones")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("block", "classes", "line"),
    [
        ({"optimizer": {"class": "sgd"}}, 0, "optimizer.class: expected SGD, got 'sgd'"),
        ({"optimizer": {"class": "rmsprop"}}, 0, "optimizer.class: expected RMSprop, got 'rmsprop'"),
        ({"optimizer": {"class": "SGD", "lr": 0.1}}, 0, "optimizer.lr: expected learning_rate, got 'lr'"),
        (
            {"optimizer": {"class": "SGD", "learning_rate": {**SCHEDULE, "lr": 0.1}}},
            0,
            "optimizer.learning_rate.lr: expected initial_learning_rate, got 'lr'",
        ),
        (
            {"optimizer": {"class": "SGD", "decay": 0.1}},
            0,
            "optimizer.decay: expected a schedule as the learning_rate, got decay",
        ),
        (with_layer({"class": "LeakyReLU", "alpha": 0.1}), 0, "layers.it.alpha: expected negative_slope, got 'alpha'"),
        (with_layer({"class": "Dropout", "p": 0.1}), 0, "layers.it.p: expected rate, got 'p'"),
        (with_layer({"class": "Dense", "output_dim": 3}), 0, "layers.it.output_dim: expected units, got 'output_dim'"),
        (with_layer({**DENSE, "init": "he_normal"}), 0, "layers.it.init: expected kernel_initializer, got 'init'"),
        (
            with_layer({**DENSE, "W_regularizer": "l2"}),
            0,
            "layers.it.W_regularizer: expected kernel_regularizer, got 'W_regularizer'",
        ),
        (
            with_layer({**DENSE, "input_shape": [8]}),
            0,
            "layers.it.input_shape: expected no such key, since the data give the shape, got [8]",
        ),
        (
            with_layer({**DENSE, "input_dim": 8}),
            0,
            "layers.it.input_dim: expected no such key, since the data give the shape, got 8",
        ),
        (with_layer({"class": "dense", "units": 3}), 0, "layers.it.class: expected Dense, got 'dense'"),
        (with_layer({**DENSE, "activation": "ReLU"}), 0, "layers.it.activation: expected relu, got 'ReLU'"),
        (
            with_layer({**DENSE, "kernel_regularizer": "l2(0.01)"}),
            0,
            "layers.it.kernel_regularizer: expected {class: L2, <argument>: <value>, …}, got 'l2(0.01)'",
        ),
        (
            with_layer({"class": "keras.layers.Dropout(0.5)"}),
            0,
            "layers.it: expected {class: Dropout, <argument>: <value>, …}, got 'keras.layers.Dropout(0.5)'",
        ),
        (
            with_layer({"class": "Bidirectional", "layer": "LSTM"}),
            0,
            "layers.it.layer: expected {class: LSTM, <argument>: <value>, …}, got 'LSTM'",
        ),
        (
            {"optimizer": {"class": "SGD", "learning_rate": "CosineDecay"}},
            0,
            "optimizer.learning_rate: expected {class: CosineDecay, <argument>: <value>, …}, got 'CosineDecay'",
        ),
        (with_layer({**DENSE, "activation": "none"}), 0, "layers.it.activation: expected linear, got 'none'"),
        (
            {"metrics": {"it": {"class": "MeanMetricWrapper", "fn": "mae"}}},
            0,
            "metrics.it.fn: expected mean_absolute_error, got 'mae'",
        ),
        (
            with_layer({"class": "Input"}),
            0,
            "layers.it.class: expected no layer for the input: the data give its shape, got Input",
        ),
        ({"loss": {"class": "mse"}}, 0, "loss.class: expected MeanSquaredError, got 'mse'"),
        ({"loss": {"class": "mae"}}, 0, "loss.class: expected MeanAbsoluteError, got 'mae'"),
        (
            {"loss": {"class": "categorical_crossentropy"}},
            3,
            "loss.class: expected CategoricalCrossentropy, got 'categorical_crossentropy'",
        ),
        (with_metric("mae"), 0, "metrics.it.class: expected MeanAbsoluteError, got 'mae'"),
        (
            with_metric("accuracy"),
            0,
            "metrics.it.class: expected a metric of a quantity, such as MeanAbsoluteError, got 'accuracy'",
        ),
        (
            with_metric("acc", loss={"class": "BinaryCrossentropy"}),
            2,
            "metrics.it.class: expected BinaryAccuracy, got 'acc'",
        ),
        (
            with_metric("accuracy", loss=SPARSE, layers={"output": SOFTMAX}),
            3,
            "metrics.it.class: expected SparseCategoricalAccuracy, got 'accuracy'",
        ),
        (
            {
                **with_metric("SparseCategoricalAccuracy", loss=SPARSE, layers={"output": SOFTMAX}),
                "metrics": {"accuracy": {"class": "SparseCategoricalAccuracy"}},
                "callbacks": {"stop": {"class": "EarlyStopping", "monitor": "val_acc"}},
            },
            3,
            "callbacks.stop.monitor: expected val_accuracy, got 'val_acc'",
        ),
    ],
)
def test_an_old_or_short_name_is_told_with_the_right_one(block: dict[str, Any], classes: int, line: str) -> None:
    made: Any = {**recipe_of(), "metrics": {}, **block}
    assert refusal(made, (8,), classes) == f"variants.it.{line}"


@pytest.mark.bad_input("params.yaml", "lists in place of objects by name")
@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("metrics", ["accuracy"], "a mapping, {<name>: {class: <name>, …}, …}"),
        ("callbacks", ["EarlyStopping"], "a mapping, {<name>: {class: <name>, …}, …}"),
        ("layers", [DENSE], "a mapping, {<name>: {class: <name>, …}, …}"),
        ("optimizer", ["SGD"], "a mapping"),
    ],
)
def test_a_list_in_place_of_objects_is_told_with_their_form(key: str, value: Any, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Base.model_validate({key: value})
    assert explain(caught.value) == f"{key}: expected {expected}, got {value}"


@pytest.mark.usefixtures("deterministic")
def test_a_whole_number_is_taken_as_a_learning_rate() -> None:
    taken = checks.with_learning_rate({"class": "SGD", "learning_rate": 1}, "optimizer")["learning_rate"]
    assert (taken, type(taken)) == (1.0, float)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("best", [False, True])
def test_a_checkpoint_of_every_epoch_needs_no_validation_rows(best: bool) -> None:
    made = recipe_of(callbacks={"keep": {"class": "ModelCheckpoint", "save_best_only": best}})
    needs = pytest.raises(ValueError, match=r"keep\.monitor: expected a split with validation rows, got")
    with needs if best else nullcontext():
        checks.check_model(made, (8,), 0, False, "variants.it")


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("given", ["Inputs", "Atention", "LSTMCel"])
def test_no_suggestion_is_a_class_that_is_refused(given: str) -> None:
    line = refusal(recipe_of(**with_layer({"class": given})), (8,), 0)
    assert line is not None
    suggested = line.partition("expected one of ")[2].partition(", got")[0].split(" or another")[0].split(", ")
    assert suggested
    assert not {*suggested} & UNUSABLE["keras.layers"].keys()


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("optimiser", "optimizer"),
        ("loss_function", "loss"),
        ("metric", "metrics"),
        ("callback", "callbacks"),
        ("batchsize", "batch_size"),
        ("nb_epoch", "epochs"),
    ],
)
def test_another_spelling_of_a_key_of_a_variant_is_known(given: str, key: str) -> None:
    assert spelled(given, Variant.model_fields) == key
