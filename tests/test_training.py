"""What a training leaves, on small synthetic data."""

import dataclasses
import io
import json
import math
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import h5py
import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_score
from small import (
    DENSE,
    DRAWING,
    TWO_OUTPUTS,
    WIDE_AND_DEEP,
    files_below,
    ignore,
    recipe_of,
    split_of,
    store,
    train_once,
)

from stages import configure
from stages import train as train_stage
from stages.datasets.spec import spec_of
from stages.params import checks
from stages.params.schema import Params, read_params
from stages.splits import Split, load_split
from stages.training import Epoch, Trained, builder, estimators, keras_models
from stages.training.data import inputs_of, targets_of
from stages.training.engine import EpochModel, fit
from stages.training.recipe import Recipe, Spec, losses_of
from stages.training.saving import save_model
from stages.training.variant import train_variant, write_history

pytestmark = pytest.mark.usefixtures("deterministic")

ROOT = Path(__file__).resolve().parents[1]
VARIANTS: dict[str, dict[str, Any]] = {
    name: variant.model_dump(exclude_none=True) for name, variant in read_params(ROOT / "params.yaml").variants.items()
}
KERAS = {name: block for name, block in VARIANTS.items() if "estimator" not in block}
PARAMETERS = {
    "softmax": 7850,
    "softmax_adam": 7850,
    "sigmoid_100": 79510,
    "relu_100": 79510,
    "l2_l1": 50890,
    "wide_and_deep": 1239,
    "wide_and_deep_two_inputs": 1086,
    "wide_and_deep_two_outputs": 1207,
}


# Every variant


def techniques(block: dict[str, Any]) -> set[tuple[str, ...]]:
    """Everything of Keras that a block names: layers with their arguments, optimizer, schedule, loss, callbacks, …"""

    def named(value: Any, place: str) -> Iterator[tuple[str, ...]]:
        if isinstance(value, dict):
            holder = value.get("class", place)
            if "class" in value:
                yield (place, holder)
            for key, inner in value.items():
                if key != "class":
                    yield (holder, key)
                    yield from named(inner, key)
        elif isinstance(value, str | bool):
            yield (place, str(value))

    found: set[tuple[str, ...]] = {("dataset", block["dataset"])}
    for key in ("graph", "optimizer", "loss", "inputs", "loss_weights"):
        found.update(named(block.get(key), key))
    for key in ("layers", "metrics", "callbacks"):
        for spec in block.get(key, {}).values():  # their own names are free
            found.update(named(spec, key))
    return found


def quick_ones() -> list[str]:
    """A few variants of at most 30 layers that together hold every technique of all of those."""
    flat = {
        name: techniques(block)
        for name, block in KERAS.items()
        if sum(layer.get("repeat", 1) for layer in block.get("layers", {}).values()) <= 30
    }
    chosen: list[str] = []
    left = set().union(*flat.values())
    while left:
        chosen.append(max(flat, key=lambda name: len(flat[name] & left)))
        left -= flat[chosen[-1]]
    return chosen


QUICK = quick_ones()


def test_the_quick_variants_hold_every_technique_of_all_variants() -> None:
    everything = {technique for block in KERAS.values() for technique in techniques(block)}
    assert {technique for name in QUICK for technique in techniques(KERAS[name])} == everything - {("Dense", "repeat")}
    for technique in (
        *(
            ("layers", name)
            for name in ("Dense", "Dropout", "AlphaDropout", "BatchNormalization", "PReLU", "LeakyReLU")
        ),
        *(("optimizer", name) for name in ("SGD", "Adagrad", "RMSprop", "Adam", "Adamax", "Nadam")),
        *(("learning_rate", name) for name in ("ExponentialDecay", "InverseTimeDecay", "CosineDecayRestarts")),
        *(("callbacks", name) for name in ("ModelCheckpoint", "EarlyStopping", "ReduceLROnPlateau")),
        ("schedule", "step"),
        ("kernel_regularizer", "L2"),
        ("kernel_constraint", "MaxNorm"),
        ("metrics", "CategoricalAccuracy"),
        ("loss", "MeanSquaredLogarithmicError"),
        ("graph", "wide_and_deep"),
        ("loss_weights", "auxiliary"),
    ):
        assert technique in everything


def test_configure_takes_every_variant_and_adds_nothing_to_its_recipe(
    params: Params, recipes: dict[str, Recipe]
) -> None:
    assert configure.complete_recipes(params, configure.complete_splits(params)) == recipes


def random_rows(dataset: str, shape: tuple[int, ...], rows: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.random((rows, *shape), dtype=np.float32)
    classes = len(spec_of(dataset).classes)
    if not classes:
        return x, generator.random(rows, dtype=np.float32)
    return x, np.resize(np.arange(classes, dtype=np.int32), rows)


def shape_of(recipe: Recipe, params: Params) -> tuple[int, ...]:
    split = params.datasets[recipe["dataset"]].splits[recipe["split"]]
    return spec_of(recipe["dataset"]).row_shape(split.columns_left_out)


@pytest.mark.parametrize("name", KERAS)
def test_every_variant_builds_with_the_rows_of_its_split(name: str, recipes: dict[str, Recipe], params: Params) -> None:
    recipe = recipes[name]
    model = builder.build_model(recipe, shape_of(recipe, params), name)
    classes = len(spec_of(recipe["dataset"]).classes)
    losses = losses_of(recipe, model.output_names)
    for output, output_name in zip(model.outputs, model.output_names, strict=True):
        assert output.shape == (None, classes if "Categorical" in losses[output_name]["class"] else 1)
    assert model.count_params() == PARAMETERS.get(name, model.count_params())


def fits(recipe: Recipe, shape: tuple[int, ...], folder: Path) -> None:
    """Train on a few random rows for one epoch, and compare the prediction with the target."""
    keras.utils.set_random_seed(0)
    model = builder.build_model(recipe, shape, "variants.it", EpochModel)
    builder.compile_model(model, recipe, "variants.it")
    x, y = random_rows(recipe["dataset"], shape, rows=min(recipe["batch_size"], 40))
    inputs, targets = inputs_of(recipe, x), targets_of(recipe, y, model)
    before = [weight.copy() for weight in model.get_weights()]
    model.set_data(inputs, targets, recipe["batch_size"], seed=0, jit_compile=False)
    callbacks = builder.build_callbacks(recipe, "variants.it", folder / "best.weights.h5", folder / "logs")
    fit(model, 1, (inputs, targets), callbacks)
    assert np.isfinite(model.history.history["loss"]).all()
    assert np.isfinite(model.history.history["val_loss"]).all()
    assert any(not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    expected = targets if isinstance(targets, tuple) else (targets,)
    predictions = keras_models.predictor(model, {**recipe, "jit_compile": False})(x)
    losses = losses_of(recipe, model.output_names)
    for target, prediction, loss in zip(expected, predictions.values(), losses.values(), strict=True):
        is_sparse = loss["class"].startswith("Sparse")
        assert prediction.shape == ((len(x), 10) if is_sparse else target.shape)
        assert prediction.dtype == np.float32


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in KERAS]
)
def test_every_variant_fits_its_target(name: str, recipes: dict[str, Recipe], params: Params, tmp_path: Path) -> None:
    fits(recipes[name], shape_of(recipes[name], params), tmp_path)


def test_a_repeated_layer_fits(recipes: dict[str, Recipe], params: Params, tmp_path: Path) -> None:
    recipe = recipes["selu_50_layers"]
    assert recipe["layers"]["hidden"]["repeat"] == 50
    shorter: Recipe = {**recipe, "layers": {**recipe["layers"], "hidden": {**recipe["layers"]["hidden"], "repeat": 5}}}
    model = builder.build_model(shorter, (28, 28), "it")
    assert [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)] == [300, *[100] * 5, 10]
    fits(shorter, shape_of(recipe, params), tmp_path)


# What a training of one seed leaves


def train(recipe: Recipe, folder: Path, split: Split | None = None, seed: int = 3) -> Trained:
    folder.mkdir()
    return train_once(recipe, split or split_of(), folder, seed)


def history_of(trained: Trained) -> pd.DataFrame:
    return pd.DataFrame(trained.history)


def mean_squared_error(split: Split, trained: Trained, part: str = "validation") -> float:
    return float(np.mean((trained.predictions[part][:, 0] - split.y[part]) ** 2))


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, deterministic: None) -> tuple[Path, Trained]:
    folder = tmp_path_factory.mktemp("trained") / "model"
    return folder, train(DRAWING, folder)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(left: tuple[Path, Trained], tmp_path: Path) -> None:
    folder, trained = left
    again, other = train(DRAWING, tmp_path / "again"), train(DRAWING, tmp_path / "other", seed=4)
    for name in ("model.keras", "model.weights.h5"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (folder / name).read_bytes()
    for part in ("validation", "test"):
        assert np.array_equal(again.predictions[part], trained.predictions[part])
        assert not np.array_equal(other.predictions[part], trained.predictions[part])
    pd.testing.assert_frame_equal(history_of(again), history_of(trained), check_exact=True)


def test_plain_keras_opens_the_saved_model_and_predicts_the_same(left: tuple[Path, Trained]) -> None:
    folder, trained = left
    model = keras.models.load_model(folder / "model.keras")
    assert type(model).__module__.startswith("keras.")
    predicted = np.asarray(model(split_of().x["test"], training=False))
    np.testing.assert_allclose(predicted, trained.predictions["test"], rtol=1e-5)  # not compiled: other last bits
    assert model.optimizer.iterations == 2 * 2
    assert model.evaluate(split_of().x["test"], split_of().y["test"], verbose=0)


@pytest.mark.parametrize("case", ["a quantity", "classes", "one-hot classes", "two outputs"])
def test_a_saved_model_is_evaluated_as_keras_does_without_dropout_and_penalties(
    case: str, left: tuple[Path, Trained], tmp_path: Path
) -> None:
    split, (folder, trained) = split_of(), left
    if case != "a quantity":
        output = {"class": "Dense", "units": 3, "activation": "softmax"}
        loss = {"class": "CategoricalCrossentropy" if case == "one-hot classes" else "SparseCategoricalCrossentropy"}
        layers = {**DRAWING["layers"], "output": output}
        recipe = recipe_of(layers, loss=loss, metrics={"accuracy": {"class": f"{loss['class'][:-12]}Accuracy"}})
        recipe, split = (recipe_of(**TWO_OUTPUTS), split) if case == "two outputs" else (recipe, split_of(classes=3))
        folder = tmp_path / "model"
        trained = train(recipe, folder, split)
    model = keras.models.load_model(folder / "model.keras")
    for part in ("train", "validation"):
        x: Any = split.x[part]
        y: Any = split.y[part]
        if case == "two outputs":
            x, y = inputs_of(recipe_of(**TWO_OUTPUTS), x), [y, y]
        elif case == "one-hot classes":
            y = np.eye(3)[y]
        penalties = float(sum(map(float, (np.asarray(each) for each in model.losses))))
        # In one batch: Keras gives each batch the same weight in the loss of an output.
        found = model.evaluate(x, y, batch_size=50, verbose=0, return_dict=True)
        loss = found["main_loss"] if case == "two outputs" else found["loss"] - penalties
        assert (penalties > 0) == (case != "two outputs")
        assert trained.evaluation[part]["loss"] == pytest.approx(loss, rel=1e-5)
        if "classes" in case:
            assert trained.evaluation[part]["accuracy"] == pytest.approx(found["accuracy"])
    # Keras's own training loss is a mean over an epoch with dropout.
    assert trained.evaluation["train"]["loss"] != pytest.approx(history_of(trained)["loss"].iloc[-1], rel=1e-3)


def test_weights_near_zero_are_those_of_kernels_alone(tmp_path: Path) -> None:
    recipe = recipe_of(
        {"hidden": {**DENSE["hidden"], "kernel_initializer": {"class": "Zeros"}}, "output": DENSE["output"]}
    )
    # A rate of almost nothing: the 48 zeros stay almost so, and none of the 6 drawn weights is near zero.
    tiny: Recipe = {**recipe, "optimizer": {"class": "SGD", "learning_rate": 1e-6}}
    trained = train(tiny, tmp_path / "model")
    weights = keras.models.load_model(tmp_path / "model/model.keras").get_weights()
    assert (np.abs(weights[0]) < 0.001).all()
    assert (np.abs(weights[2]) >= 0.001).all()
    assert trained.evaluation["model"]["near_zero_weights"] == 48 / 54


def test_the_weights_alone_fill_a_model_that_is_built_anew(left: tuple[Path, Trained]) -> None:
    folder, trained = left
    keras.utils.clear_session()
    model = builder.build_model(DRAWING, (8,), "it")
    model.load_weights(folder / "model.weights.h5")
    predicted = np.asarray(model(split_of().x["test"], training=False))
    np.testing.assert_allclose(predicted, trained.predictions["test"], rtol=1e-5)  # not compiled: other last bits


def test_a_saved_model_holds_no_date_and_no_memory_address(left: tuple[Path, Trained]) -> None:
    with zipfile.ZipFile(left[0] / "model.keras") as saved:
        assert {entry.date_time for entry in saved.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(saved.read("metadata.json")) == {"keras_version": keras.__version__}
        assert shared_objects(saved.read("config.json")) <= {"1", "2", "3"}


def shared_objects(config: bytes) -> set[str]:
    return set(re.findall(r'"shared_object_id": (\d+)', config.decode()))


def test_shared_objects_are_numbered_and_still_load(tmp_path: Path) -> None:
    shared = keras.initializers.HeNormal(seed=1)
    inputs = keras.Input((3,))
    layers = [keras.layers.Dense(3, kernel_initializer=shared, name=name) for name in ("a", "b")]
    model = keras.Model(inputs, layers[1](layers[0](inputs)))
    save_model(model, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as saved:
        numbers = shared_objects(saved.read("config.json"))
    assert numbers == {str(number + 1) for number in range(len(numbers))} != set()
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(np.eye(3)), model(np.eye(3)))


def test_the_summary_counts_parameters_and_shows_shapes(left: tuple[Path, Trained]) -> None:
    summary = left[1].summary
    # 8 × 6 + 6, four numbers for each of 6 of which two are learned, 6 + 1
    assert (summary["parameters"], summary["trainable_parameters"]) == (54 + 24 + 7, 54 + 12 + 7)
    classes = ["InputLayer", "Dense", "Dropout", "BatchNormalization", "Dense"]
    assert [layer["class"] for layer in summary["layers"]] == classes
    assert summary["layers"][1]["output_shape"] == [None, 6]
    assert [layer["multiply_adds"] for layer in summary["layers"]] == [0, 8 * 6, 0, 0, 6 * 1]
    json.dumps(summary)


def test_products_of_a_convolution_are_those_of_its_kernel_at_each_position() -> None:
    layers: dict[str, Spec] = {
        "convolution": {"class": "Conv2D", "filters": 4, "kernel_size": 3, "strides": 2},
        "flatten": {"class": "Flatten"},
        "output": {"class": "Dense", "units": 10},
    }
    model = builder.build_model(recipe_of(layers), (9, 9, 2), "it")
    found = [layer["multiply_adds"] for layer in keras_models.summarize(model)["layers"]]
    assert found == [0, 3 * 3 * 2 * 4 * (4 * 4), 0, 64 * 10]  # 4 x 4 positions


def test_the_history_has_a_row_per_epoch_with_seed_logs_and_learning_rate(
    left: tuple[Path, Trained],
) -> None:
    history = history_of(left[1])
    assert list(history)[:2] == ["seed", "epoch"]
    assert list(history)[-1] == "learning_rate"
    logs = {"loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"}
    assert set(history) == {"seed", "epoch", "learning_rate"} | logs
    assert history["seed"].tolist() == [3, 3]
    assert history["epoch"].tolist() == [1, 2]
    assert history["learning_rate"].to_numpy() == pytest.approx(0.01)


def test_the_model_is_that_of_the_last_epoch_without_a_callback(left: tuple[Path, Trained]) -> None:
    last = history_of(left[1])["val_mean_absolute_error"].iloc[-1]
    predicted = left[1].predictions["validation"][:, 0]
    assert np.mean(np.abs(predicted - split_of().y["validation"])) == pytest.approx(last, rel=1e-5)


# Too high a rate: the validation loss does not fall with every epoch.
ROUGH = recipe_of(optimizer={"class": "Adam", "learning_rate": 0.3}, batch_size=16, epochs=12)
BEST = {"class": "ModelCheckpoint", "monitor": "val_loss", "save_best_only": True}
EARLY = {"class": "EarlyStopping", "monitor": "val_loss", "patience": 2, "restore_best_weights": True}


def test_the_best_checkpoint_is_the_epoch_of_the_lowest_validation_loss(tmp_path: Path) -> None:
    recipe: Recipe = {**ROUGH, "callbacks": {"best": BEST}}
    trained = train(recipe, tmp_path / "model")
    losses = history_of(trained)["val_loss"]
    assert losses.to_numpy().argmin() != len(losses) - 1
    assert len(losses) == 12
    assert mean_squared_error(split_of(), trained) == pytest.approx(losses.min(), rel=1e-5)
    assert [path.name for path in sorted((tmp_path / "model").iterdir())] == ["model.keras", "model.weights.h5"]


def test_early_stopping_stops_after_its_patience_and_restores_the_best_weights(tmp_path: Path) -> None:
    trained = train({**ROUGH, "epochs": 40, "callbacks": {"early_stopping": EARLY}}, tmp_path / "model")
    losses = history_of(trained)["val_loss"]
    assert len(losses) == int(losses.to_numpy().argmin()) + 1 + 2 < 40
    assert mean_squared_error(split_of(), trained) == pytest.approx(losses.min(), rel=1e-5)


def scheduler(**factors: float) -> Spec:
    return {"class": "LearningRateScheduler", "schedule": {"class": "step", **factors}}


@pytest.mark.parametrize(
    ("callback", "halvings"),
    [
        # Nothing after the first epoch is better by 1,000.
        ({"class": "ReduceLROnPlateau", "patience": 2, "factor": 0.5, "min_delta": 1000.0}, [0, 0, 0, 1, 1, 2]),
        (scheduler(epoch_2=0.5, epoch_3=0.5, epoch_5=0.5), [0, 0, 1, 2, 2, 3]),
        (scheduler(epoch_1=0.5), [0, 1, 1, 1, 1, 1]),  # epochs are counted from 0
        (scheduler(epoch_0=0.5, epoch_4=0.25), [1, 1, 1, 1, 3, 3]),
    ],
)
def test_callbacks_change_the_recorded_learning_rate_at_their_epochs(
    callback: Spec, halvings: list[int], tmp_path: Path
) -> None:
    trained = train(recipe_of(epochs=6, callbacks={"it": callback}), tmp_path / "model")
    assert history_of(trained)["learning_rate"].tolist() == pytest.approx([0.01 * 0.5**each for each in halvings])


def test_a_schedule_is_recorded_as_it_stands_at_the_first_step_of_the_epoch(tmp_path: Path) -> None:
    decay = {"class": "ExponentialDecay", "initial_learning_rate": 0.02, "decay_rate": 0.5, "staircase": True}
    # An epoch has two steps.
    recipe = recipe_of(optimizer={"class": "SGD", "learning_rate": {**decay, "decay_steps": 4}}, epochs=4)
    trained = train(recipe, tmp_path / "model")
    assert history_of(trained)["learning_rate"].tolist() == pytest.approx([0.02, 0.02, 0.01, 0.01])


def test_a_loss_that_is_no_number_ends_the_training_and_is_its_outcome(tmp_path: Path) -> None:
    recipe = recipe_of(optimizer={"class": "SGD", "learning_rate": 1e30}, epochs=3, callbacks={"best": BEST})
    trained = train(recipe, tmp_path / "model", seed=7)
    assert trained.diverged is not None
    assert trained.diverged.epoch == len(trained.history) <= 2
    assert re.fullmatch("(val_)?loss (nan|inf)", trained.diverged.reason)
    assert trained.evaluation == {}
    shapes = {part: values.shape for part, values in trained.predictions.items()}
    assert shapes == {"validation": (20, 1), "test": (10, 1)}
    assert all(np.isnan(values).all() for values in trained.predictions.values())


def test_no_callback_ever_sees_the_test_rows(tmp_path: Path) -> None:
    plateau = {"class": "ReduceLROnPlateau", "monitor": "val_loss", "patience": 1, "factor": 0.5}
    callbacks = {"early_stopping": EARLY, "plateau": plateau, "best": BEST}
    whole = split_of()
    without = dataclasses.replace(
        whole, **{key: {part: rows for part, rows in getattr(whole, key).items() if part != "test"} for key in "xy"}
    )
    one = train({**ROUGH, "callbacks": callbacks}, tmp_path / "one", whole)
    other = train({**ROUGH, "callbacks": callbacks}, tmp_path / "other", without)
    assert "test" not in other.predictions
    assert np.array_equal(one.predictions["validation"], other.predictions["validation"])
    pd.testing.assert_frame_equal(history_of(one), history_of(other), check_exact=True)
    assert (tmp_path / "one/model.keras").read_bytes() == (tmp_path / "other/model.keras").read_bytes()


def test_a_split_of_training_rows_alone_predicts_them(tmp_path: Path) -> None:
    split = split_of()
    alone = dataclasses.replace(split, x={"train": split.x["train"]}, y={"train": split.y["train"]})
    trained = train(recipe_of(), tmp_path / "model", alone)
    assert {part: values.shape for part, values in trained.predictions.items()} == {"train": (50, 1)}
    assert set(history_of(trained)) == {"seed", "epoch", "loss", "mean_absolute_error", "learning_rate"}


def test_two_outputs_are_predicted_by_name(tmp_path: Path) -> None:
    trained = train(recipe_of(**TWO_OUTPUTS), tmp_path / "model")
    assert set(trained.predictions) == {"validation", "validation_auxiliary", "test", "test_auxiliary"}
    auxiliary = float(np.mean((trained.predictions["validation_auxiliary"][:, 0] - split_of().y["validation"]) ** 2))
    total = 0.9 * mean_squared_error(split_of(), trained) + 0.1 * auxiliary
    assert history_of(trained)["val_loss"].iloc[-1] == pytest.approx(total, rel=1e-5)


# The stage


@pytest.fixture(scope="module")
def stage_left(tmp_path_factory: pytest.TempPathFactory, deterministic: None) -> Path:
    root = tmp_path_factory.mktemp("stage")
    store({**DRAWING, "seeds": 2}, split_of(), root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        # It set up this process already.
        patch.setattr("stages.training.engine.make_deterministic", lambda: None)
        train_stage.main(["it"])
    return root


def test_the_stage_leaves_what_it_says(stage_left: Path) -> None:
    model = ("model.keras", "model.weights.h5", "predictions.npz")
    texts = ("history.csv", "recipe.json", "scaling.json", "summary.json")
    assert set(files_below(stage_left)) == {f"data/models/it/{name}" for name in (*model, *texts)}
    with np.load(stage_left / "data/models/it/predictions.npz", allow_pickle=False) as predictions:
        assert {part: predictions[part].shape for part in predictions} == {"validation": (2, 20, 1), "test": (2, 10, 1)}
        assert all(predictions[part].dtype == np.float32 for part in predictions)
    history = pd.read_csv(stage_left / "data/models/it/history.csv")
    assert history[["seed", "epoch"]].to_numpy().tolist() == [[3, 1], [3, 2], [4, 1], [4, 2]]
    summary = json.loads((stage_left / "data/models/it/summary.json").read_text(encoding="utf-8"))
    assert summary["epochs"] == [2, 2]


def test_the_stage_keeps_the_model_of_the_first_seed(stage_left: Path, left: tuple[Path, Trained]) -> None:
    for name in ("model.keras", "model.weights.h5"):
        assert (stage_left / "data/models/it" / name).read_bytes() == (left[0] / name).read_bytes()
    with np.load(stage_left / "data/models/it/predictions.npz") as predictions:
        assert np.array_equal(predictions["test"][0], left[1].predictions["test"])


# What a training could leave for the next: drawn numbers, a lowered rate, restored weights, an optimizer's moments.
LEAKING: dict[str, dict[str, Any]] = {
    "plateau and checkpoint": {
        "callbacks": {
            "plateau": {
                "class": "ReduceLROnPlateau",
                "monitor": "loss",
                "patience": 0,
                "min_delta": 10.0,
                "factor": 0.5,
            },
            "best": BEST,
        }
    },
    "early stopping": {
        "callbacks": {
            "early_stopping": {
                "class": "EarlyStopping",
                "monitor": "val_loss",
                "min_delta": 0.01,
                "restore_best_weights": True,
            }
        },
        "optimizer": {"class": "SGD", "learning_rate": 0.05, "momentum": 0.9},
        "epochs": 8,
    },
    "Nadam with a schedule": {
        "optimizer": {
            "class": "Nadam",
            "learning_rate": {
                "class": "ExponentialDecay",
                "initial_learning_rate": 0.1,
                "decay_steps": 2,
                "decay_rate": 0.5,
            },
        }
    },
    "two outputs": {"layers": None, **TWO_OUTPUTS},
}


@pytest.mark.parametrize(
    ("case", "jit_compile"),
    [*((case, False) for case in LEAKING), pytest.param("early stopping", True, marks=pytest.mark.slow)],
)
def test_each_split_and_seed_trains_as_it_would_alone(case: str, jit_compile: bool, tmp_path: Path) -> None:
    base = {**DRAWING, "epochs": 3, "jit_compile": jit_compile, "seeds": 2}
    recipe = cast(Recipe, {key: value for key, value in {**base, **LEAKING[case]}.items() if value is not None})
    splits = [split_of(), split_of(generator_seed=2)]
    together = list(keras_models.train(recipe, splits, "it", tmp_path, ignore))
    alone = [train(recipe, tmp_path / f"{i}{seed}", split, seed) for i, split in enumerate(splits) for seed in (3, 4)]
    for one, other in zip(together, alone, strict=True):
        pd.testing.assert_frame_equal(history_of(one), history_of(other), check_exact=True)
        assert one.predictions.keys() == other.predictions.keys()
        for part, values in one.predictions.items():
            assert np.array_equal(values, other.predictions[part])
    assert len({each.predictions["test"].tobytes() for each in together}) == 4


@pytest.mark.bad_input("train", "a loss or predictions that are not finite")
def test_predictions_that_are_no_numbers_are_an_outcome_too(tmp_path: Path) -> None:
    # One step, whose loss is still finite, and no validation rows.
    split = split_of()
    alone = replace(split, x={"train": split.x["train"]}, y={"train": split.y["train"]})
    recipe = recipe_of(optimizer={"class": "SGD", "learning_rate": 1e38}, epochs=1, batch_size=50)
    trained = train(recipe, tmp_path / "model", alone)
    assert trained.diverged is not None
    assert re.fullmatch("prediction of train rows (nan|-?inf)", trained.diverged.reason)
    assert (trained.evaluation, np.isnan(trained.predictions["train"]).all()) == ({}, True)
    assert np.isfinite(history_of(trained)["loss"]).all()


@pytest.mark.bad_input("train", "a loss or predictions that are not finite")
def test_a_model_whose_predictions_are_no_numbers_makes_room_for_the_next(tmp_path: Path) -> None:
    # One step, whose loss is finite, and test rows alone: of the first split they are too large.
    def part_of(split: Split, factor: float) -> Split:
        x = {"train": split.x["train"], "validation": split.x["validation"], "test": split.x["test"] * factor}
        return replace(split, x={part: values.astype(np.float32) for part, values in x.items()})

    recipe = recipe_of(graph={**WIDE_AND_DEEP, "auxiliary_output": True}, epochs=1)
    splits = [part_of(split_of(), 1e38), part_of(split_of(), 1)]
    first, second = keras_models.train(recipe, splits, "it", tmp_path, ignore)
    assert first.diverged is not None
    assert second.diverged is None
    assert all(np.isnan(values).all() for values in first.predictions.values())
    (tmp_path / "alone").mkdir()
    train_once(recipe, splits[1], tmp_path / "alone")
    assert (tmp_path / "model.keras").read_bytes() == (tmp_path / "alone/model.keras").read_bytes()


@pytest.mark.bad_input("train", "a loss or predictions that are not finite")
@pytest.mark.parametrize("callbacks", [{}, {"stop_on_nan": {"class": "TerminateOnNaN"}}])
def test_trainings_go_on_after_one_that_diverged(
    callbacks: dict[str, Spec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first split has targets that no float32 holds the square of. The model that is left is the first that ended.
    monkeypatch.setattr("stages.training.engine.make_deterministic", lambda: None)
    rows = split_of()
    y = {part: values * 1e30 for part, values in rows.y.items()}
    huge = replace(rows, y=y, scaling={"offset": 3, "scale": 1})
    recipe = recipe_of(optimizer={"class": "SGD", "learning_rate": 0.01}, callbacks=callbacks)
    monkeypatch.setattr("stages.training.variant.load_splits", lambda *_: [huge, rows])
    store(recipe, rows, tmp_path)
    monkeypatch.chdir(tmp_path)
    last = train_variant("it", ignore, own_process=False)
    folder = tmp_path / "data/models/it"
    alone = train(recipe, tmp_path / "alone", rows)
    assert (folder / "model.weights.h5").read_bytes() == (tmp_path / "alone/model.weights.h5").read_bytes()
    with np.load(folder / "predictions.npz") as predictions:
        assert np.isnan(predictions["test"][0]).all()
        assert np.array_equal(predictions["test"][1], alone.predictions["test"])
    assert json.loads((folder / "scaling.json").read_text(encoding="utf-8")) == rows.scaling  # that of the model
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    diverged, ended = summary["diverged"]
    assert ended is None
    assert diverged["epoch"] == summary["epochs"][0] == last[0]["epoch"]
    assert re.fullmatch("(val_)?loss (nan|inf)", diverged["reason"])
    assert summary["evaluations"] == [{}, alone.evaluation]
    history = pd.read_csv(folder / "history.csv")
    assert history.groupby("split").size().tolist() == [diverged["epoch"], 2]


def test_the_trainings_of_a_recipe_are_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    set_data = EpochModel.set_data

    def noted(model: EpochModel, *arguments: Any, **named: Any) -> None:
        set_data(model, *arguments, **named)
        models.append(model)

    monkeypatch.setattr(EpochModel, "set_data", noted)
    recipe: Recipe = {**DRAWING, "seeds": 2}
    assert len(list(keras_models.train(recipe, [split_of(), split_of(generator_seed=2)], "it", tmp_path, ignore))) == 4
    assert len(models) == 4
    assert len({id(model) for model in models}) == 1
    assert models[0]._train_in_order.experimental_get_tracing_count() == 1
    assert models[0]._test.experimental_get_tracing_count() == 1


@pytest.mark.usefixtures("in_one_process")
def test_an_estimator_too_is_fitted_on_each_split_with_each_seed(tmp_path: Path) -> None:
    recipe: Recipe = {"estimator": {"class": "SGDClassifier", "loss": "log_loss"}, "seed": 3, "seeds": 2}
    splits = [split_of(classes=3), split_of(classes=3, generator_seed=2)]
    together = list(estimators.train(recipe, splits, "it", tmp_path, ignore))
    assert [int(history_of(each)["seed"].item()) for each in together] == [3, 4, 3, 4]
    for number, each in enumerate(together):
        alone = train_once(recipe, splits[number // 2], tmp_path, 3 + number % 2)
        assert np.array_equal(each.predictions["test"], alone.predictions["test"])


@pytest.mark.slow
def test_another_process_leaves_the_same_bytes(stage_left: Path, tmp_path: Path) -> None:
    store({**DRAWING, "seeds": 2}, load_split("housing", "single", stage_left / "data/normalized"), tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-m", "stages.train", "it"], cwd=tmp_path, env=environment, check=True)
    assert files_below(tmp_path) == files_below(stage_left)


def test_the_command_line_moves_no_byte(stage_left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store({**DRAWING, "seeds": 2}, split_of(), tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.training.engine.make_deterministic", lambda: None)
    last = train_variant("it", ignore, own_process=False)
    assert files_below(tmp_path) == files_below(stage_left)
    history = pd.read_csv(stage_left / "data/models/it/history.csv")
    assert pd.DataFrame(last).to_numpy() == pytest.approx(history[history["epoch"] == 2].to_numpy(), rel=1e-8)


def test_the_stage_counts_the_epochs_that_early_stopping_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store({**ROUGH, "epochs": 40, "callbacks": {"early_stopping": EARLY}, "seeds": 2}, split_of(), tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.training.engine.make_deterministic", lambda: None)
    seen: list[Epoch] = []
    last = train_variant("it", seen.append, own_process=False)
    summary = json.loads((tmp_path / "data/models/it/summary.json").read_text(encoding="utf-8"))
    history = pd.read_csv(tmp_path / "data/models/it/history.csv")
    lengths = history.groupby("seed").size().tolist()
    assert len(lengths) == 2
    assert max(lengths) < 40
    assert summary["epochs"] == lengths == [row["epoch"] for row in last]
    assert [(each.training, each.epoch) for each in seen] == [
        (f"seed {seed}", epoch) for seed, epoch in history[["seed", "epoch"]].to_numpy().tolist()
    ]
    assert {each.epochs for each in seen} == {40}
    for each, (_, row) in zip(seen, history.iterrows(), strict=True):
        assert each.logs.keys() == set(history) - {"seed", "epoch", "learning_rate"}
        assert [each.logs[name] for name in each.logs] == pytest.approx([row[name] for name in each.logs], rel=1e-8)


def trained_of(*histories: list[dict[str, Any]]) -> list[Trained]:
    return [Trained({}, history, {}, {}) for history in histories]


def test_a_history_writes_nine_digits_and_nothing_for_nan(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    tiny = float(np.float32(1.17549435e-38))
    first = {"seed": 3, "epoch": 1, "loss": 0.1 + 0.2, "learning_rate": 1e-30}
    second = {"seed": 3, "epoch": 2, "loss": math.nan, "learning_rate": tiny, "val_loss": math.inf}
    write_history(trained_of([first, second]), 1, path)
    assert path.read_bytes().decode() == (
        "seed,epoch,loss,val_loss,learning_rate\n"  # the learning rate is the last
        "3,1,0.3,,1e-30\n"
        "3,2,,inf,1.17549435e-38\n"
    )
    read = pd.read_csv(path)
    assert math.isnan(read["loss"][1])
    assert read["seed"].dtype == np.int64


def test_a_history_tells_any_two_float32_numbers_apart(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    numbers = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    numbers = np.concatenate([numbers, np.nextafter(numbers, np.float32(9))])
    rows = [{"seed": 1, "epoch": epoch, "loss": float(number)} for epoch, number in enumerate(numbers, start=1)]
    write_history(trained_of(rows), 1, path)
    assert np.array_equal(pd.read_csv(path)["loss"].to_numpy().astype(np.float32), numbers)


def test_a_history_of_several_splits_numbers_them(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    rows = [[{"seed": seed, "epoch": 1, "loss": 0.5}] for seed in (1, 2)] * 3
    write_history(trained_of(*rows), 3, path)
    assert path.read_text(encoding="utf-8") == (
        "split,seed,epoch,loss\n" + "".join(f"{split},{seed},1,0.5\n" for split in range(3) for seed in (1, 2))
    )


# Keras and scikit-learn import pandas themselves where there is one.
NOT_THERE = ("pandas", "pydantic", "yaml", "ruamel", "stages.datasets", "stages.params", "stages.artifacts")
COMMAND_LINE = f"""
import runpy, sys

class NotThere:
    def find_spec(self, name, path=None, target=None):
        if name in {NOT_THERE}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NotThere())
sys.argv[1:] = ["it"]
runpy.run_module("stages.train", run_name="__main__", alter_sys=True)  # as `python -m`
print(*sorted(name for name in sys.modules if name.partition(".")[0] in ("stages", "benchmarks")))
"""


@pytest.mark.parametrize("kind", ["layers", "estimator"])
def test_a_training_needs_no_pandas_and_no_pydantic_and_few_modules_of_ours(
    kind: str, stage_left: Path, tmp_path: Path
) -> None:
    recipe: Recipe = {"seed": 3, "seeds": 1, "dataset": "housing", "split": "single"}
    recipe["estimator"] = {"class": "LinearRegression"}
    store(recipe if kind == "estimator" else {**DRAWING, "seeds": 2}, split_of(), tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COMMAND_LINE]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    progress, modules = done.stdout.splitlines()
    assert progress.startswith("it (1 of 1): ")
    others = {name for name in modules.split() if not re.match(r"stages\.training(\.\w+)?$", name)}
    assert others == {"stages", "stages.splits"}
    assert f"stages.training.{'estimators' if kind == 'estimator' else 'engine'}" in modules.split()
    left = files_below(tmp_path)
    if kind == "estimator":
        assert {"data/models/it/estimator.npz", "data/models/it/recipe.json"} <= left.keys()
    else:
        assert left == files_below(stage_left)


def test_a_training_prints_nothing_but_the_line_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    store(recipe_of(), split_of(), tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.training.engine.make_deterministic", lambda: None)
    train_variant("it", ignore, own_process=False)
    assert capfd.readouterr().out == ""
    train_stage.main(["it"])
    names = "loss mean_absolute_error val_loss val_mean_absolute_error"
    values = "".join(rf" {name} \d+\.\d{{4}}" for name in names.split())
    assert re.fullmatch(rf"it \(1 of 1\):{values}, \d+ s\n", capfd.readouterr().out)


def test_a_variant_without_a_recipe_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"^softmx: data/recipes/softmx\.json: expected the recipe of a variant"):
        train_stage.main(["softmx"])


# The references


@pytest.fixture
def in_one_process() -> Iterator[None]:
    with joblib.parallel_config(backend="threading"):
        yield


@pytest.mark.usefixtures("in_one_process")
@pytest.mark.parametrize("name", sorted(VARIANTS.keys() - KERAS.keys()))
def test_every_estimator_fits_and_what_is_saved_predicts_the_same(
    name: str, recipes: dict[str, Recipe], tmp_path: Path
) -> None:
    recipe, split = recipes[name], split_of(classes=len(spec_of(VARIANTS[name]["dataset"]).classes))
    left = []
    for folder in (tmp_path / "one", tmp_path / "again"):
        folder.mkdir()
        left.append((train_once(recipe, split, folder, 42, name), folder))
    (trained, folder), (_, again) = left
    fitted = estimators.build_estimator(recipe, 42, name).fit(split.x["train"], split.y["train"])
    for part in ("validation", "test"):
        predicted = trained.predictions[part]
        assert np.array_equal(predicted, estimators.predict(fitted, split.x[part]))
        outputs = {0: 1, 2: 1}.get(len(spec_of(recipe["dataset"]).classes), 10)
        assert predicted.shape == (len(split.x[part]), outputs)
        assert predicted.dtype == np.float32
        assert np.isfinite(predicted).all()
    for file in ("estimator.npz", "estimator.json"):
        assert (folder / file).read_bytes() == (again / file).read_bytes()
    with np.load(io.BytesIO((folder / "estimator.npz").read_bytes()), allow_pickle=False) as learned:
        assert all(array.dtype != object for array in learned.values())
    assert history_of(trained)["epoch"].tolist() == [1]
    assert trained.summary["parameters"] == sum(np.size(getattr(fitted, each, ())) for each in ("coef_", "intercept_"))


@pytest.mark.usefixtures("in_one_process")
def test_cross_validation_is_over_all_rows_but_the_tests_in_the_order_of_the_file(
    recipes: dict[str, Recipe], tmp_path: Path
) -> None:
    recipe, split = recipes["sgd_classifier"], split_of(classes=10)
    trained = train_once(recipe, split, tmp_path, 42)
    numbers = np.concatenate([split.rows["train"], split.rows["validation"]])
    x = np.concatenate([split.x["train"], split.x["validation"]])[np.argsort(numbers)]
    y = np.concatenate([split.y["train"], split.y["validation"]])[np.argsort(numbers)]
    estimator = estimators.build_estimator(recipe, 42, "it")
    assert history_of(trained)["cross_validation_accuracy"].item() == cross_val_score(estimator, x, y, cv=5).mean()


def test_an_estimators_random_state_is_the_seed_unless_it_is_given() -> None:
    recipe: Recipe = {"estimator": {"class": "SGDClassifier"}}
    assert estimators.build_estimator(recipe, 9, "it").random_state == 9
    given: Recipe = {"estimator": {"class": "SGDClassifier", "random_state": 1}}
    assert estimators.build_estimator(given, 9, "it").random_state == 1


def test_naming_a_default_changes_no_weight() -> None:
    # Checking the name must not move the random state that the weights are drawn from.
    weights = []
    for arguments in ({}, {"kernel_initializer": "glorot_uniform", "activation": "linear"}):
        keras.utils.set_random_seed(42)
        model = builder.build_model(
            {"layers": {"output": {"class": "Dense", "units": 3, **arguments}}}, (4,), "variants.mine"
        )
        weights.append(model.get_weights()[0])
    assert np.array_equal(*weights)


# Names, losses and metrics


def names_of(recipe: Recipe, shape: tuple[int, ...] = (8,)) -> list[str]:
    return [layer.name for layer in builder.build_model(recipe, shape, "variants.it").layers]


def test_the_name_of_a_layer_is_its_name_in_keras_and_in_the_weights_file(left: tuple[Path, Trained]) -> None:
    names = ["hidden", "dropout", "normalization", "output"]
    assert list(DRAWING["layers"]) == names
    assert names_of(DRAWING) == ["x", *names]
    assert [layer["name"] for layer in left[1].summary["layers"]] == ["x", *names]
    assert [layer["inputs"] for layer in left[1].summary["layers"]] == [[], *([name] for name in ["x", *names[:-1]])]
    saved = keras.models.load_model(left[0] / "model.keras")
    assert [layer.name for layer in saved.layers] == ["x", *names]
    with zipfile.ZipFile(left[0] / "model.keras") as archive:
        inside = io.BytesIO(archive.read("model.weights.h5"))
    for file in (left[0] / "model.weights.h5", inside):
        with h5py.File(file) as weights:
            # Keras calls the groups by class, and gives each the name of its layer.
            groups = {group["vars"].attrs["name"]: name for name, group in weights["layers"].items()}
            assert groups == {
                "x": "input_layer",
                "hidden": "dense",
                "dropout": "dropout",
                "normalization": "batch_normalization",
                "output": "dense_1",
            }
            for name in ("hidden", "output"):
                kernel, bias = (weights["layers"][groups[name]]["vars"][number][:] for number in "01")
                assert np.array_equal(saved.get_layer(name).kernel, kernel)
                assert np.array_equal(saved.get_layer(name).bias, bias)


def test_the_copies_of_a_repeated_layer_are_numbered_from_1() -> None:
    once = DENSE["hidden"]
    assert names_of(recipe_of({**DENSE, "hidden": {**once, "repeat": 3}})) == [
        "x",
        "hidden_1",
        "hidden_2",
        "hidden_3",
        "output",
    ]
    assert names_of(recipe_of({**DENSE, "hidden": {**once, "repeat": 1}})) == ["x", "hidden", "output"]


@pytest.mark.parametrize(
    "layers",
    [
        {"x": DENSE["hidden"], "output": DENSE["output"]},
        {"hidden": {**DENSE["hidden"], "repeat": 2}, "hidden_2": DENSE["hidden"], "output": DENSE["output"]},
    ],
    ids=["that of the input", "that of a copy"],
)
def test_two_layers_of_one_name_are_told(layers: dict[str, Spec]) -> None:
    with pytest.raises(ValueError, match=r"^variants\.it\.layers: expected layers that make a model, got: .*unique"):
        names_of(recipe_of(layers))


def huber(error: np.ndarray, delta: float) -> float:
    small = np.abs(error) <= delta
    return float(np.mean(np.where(small, error**2 / 2, delta * np.abs(error) - delta**2 / 2)))


def test_a_loss_takes_its_arguments(tmp_path: Path) -> None:
    trained = train(recipe_of(loss={"class": "Huber", "delta": 0.2}), tmp_path / "model")
    error = trained.predictions["validation"][:, 0] - split_of().y["validation"]
    assert history_of(trained)["val_loss"].iloc[-1] == pytest.approx(huber(error, 0.2), rel=1e-5)


def test_each_output_has_the_loss_that_is_named_for_it(tmp_path: Path) -> None:
    # In another order than the outputs: they go by name.
    losses = {"auxiliary": {"class": "MeanAbsoluteError"}, "main": {"class": "Huber", "delta": 0.2}}
    trained = train(recipe_of(**TWO_OUTPUTS, loss=losses), tmp_path / "model")
    last = history_of(trained).iloc[-1]
    main, auxiliary = (
        trained.predictions[part][:, 0] - split_of().y["validation"] for part in ("validation", "validation_auxiliary")
    )
    assert last["val_main_loss"] == pytest.approx(huber(main, 0.2), rel=1e-5)
    assert last["val_auxiliary_loss"] == pytest.approx(np.abs(auxiliary).mean(), rel=1e-5)
    total = 0.9 * huber(main, 0.2) + 0.1 * np.abs(auxiliary).mean()
    assert last["val_loss"] == pytest.approx(total, rel=1e-5)


def test_metrics_take_their_arguments_and_are_called_as_the_recipe_calls_them(tmp_path: Path) -> None:
    recipe = recipe_of(
        SOFTMAX,
        loss={"class": "CategoricalCrossentropy", "label_smoothing": 0.2},
        metrics={"mean_f1": {"class": "F1Score", "average": "macro"}, "hits": {"class": "CategoricalAccuracy"}},
        epochs=4,
    )
    split = split_of(classes=3)
    trained = train(recipe, tmp_path / "model", split)
    assert set(history_of(trained)) == {
        *("seed", "epoch", "learning_rate"),
        *("loss", "mean_f1", "hits", "val_loss", "val_mean_f1", "val_hits"),
    }
    last = history_of(trained).iloc[-1]
    probabilities, y = trained.predictions["validation"], split.y["validation"]
    predicted = probabilities.argmax(axis=1)
    assert last["val_mean_f1"] == pytest.approx(f1_score(y, predicted, average="macro", zero_division=0), rel=1e-5)
    assert last["val_hits"] == pytest.approx(np.mean(predicted == y), rel=1e-5)
    smoothed = np.eye(3)[y] * 0.8 + 0.2 / 3
    assert last["val_loss"] == pytest.approx(-np.sum(smoothed * np.log(probabilities), axis=1).mean(), rel=1e-5)
    assert isinstance(trained.history[-1]["val_mean_f1"], float)


SOFTMAX: dict[str, Spec] = {**DENSE, "output": {"class": "Dense", "units": 3, "activation": "softmax"}}
THREE_CLASSES = recipe_of(SOFTMAX, loss={"class": "CategoricalCrossentropy"}, metrics={})


def told(recipe: Recipe, classes: int = 3) -> str:
    """The message of the check that `stages.configure` makes before anything trains; empty if there is none."""
    try:
        checks.check_model(recipe, (8,), classes, True, "variants.it")
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.bad_input("params.yaml", "a metric that the histories cannot hold")
@pytest.mark.parametrize(
    ("metric", "spec"),
    [
        ({"class": "F1Score"}, "{'class': 'F1Score'}"),
        ({"class": "R2Score", "class_aggregation": None}, "{'class': 'R2Score', 'class_aggregation': None}"),
    ],
)
def test_a_metric_of_several_numbers_is_told_before_anything_trains(metric: Spec, spec: str) -> None:
    recipe: Recipe = {**THREE_CLASSES, "metrics": {"mine": metric}}
    got = f"an array of shape (3,) from {spec}"
    assert told(recipe) == f"variants.it.metrics.mine: expected a metric of one number, got {got}"


@pytest.mark.bad_input("params.yaml", "a metric that the histories cannot hold")
@pytest.mark.parametrize(
    ("class_name", "expected"),
    [("Mean", "a metric that compares predictions with targets"), ("Metric", "one of AUC, Accuracy, BinaryAccuracy")],
)
def test_a_metric_of_other_values_is_told_before_anything_trains(class_name: str, expected: str) -> None:
    message = told({**THREE_CLASSES, "metrics": {"mine": {"class": class_name}}})
    assert message.startswith(f"variants.it.metrics.mine.class: expected {expected}")
    assert message.endswith((f", got {class_name}", f", got '{class_name}'"))


@pytest.mark.bad_input("params.yaml", "a metric that the histories cannot hold")
@pytest.mark.parametrize("name", ["split", "seed", "epoch", "loss", "learning_rate", "val_loss", "val_mine"])
def test_a_metric_does_not_take_the_name_of_another_column(name: str) -> None:
    assert told({**THREE_CLASSES, "metrics": {name: {"class": "CategoricalAccuracy"}}}) == (
        f"variants.it.metrics.{name}: expected a name that no history has for itself "
        f"(split, seed, epoch, loss, learning_rate, val_…), got {name!r}"
    )


def test_metrics_with_arguments_and_losses_by_output_pass_the_check() -> None:
    metrics = {"f1": {"class": "F1Score", "average": "macro"}, "accuracy": {"class": "CategoricalAccuracy"}}
    assert told({**THREE_CLASSES, "metrics": metrics}) == ""
    sparse: Recipe = {**THREE_CLASSES, "loss": {"class": "SparseCategoricalCrossentropy"}}
    assert told({**sparse, "metrics": {"accuracy": {"class": "SparseCategoricalAccuracy"}}}) == ""
    losses = {"auxiliary": {"class": "MeanAbsoluteError"}, "main": {"class": "Huber", "delta": 0.2}}
    assert told(recipe_of(**TWO_OUTPUTS, loss=losses), classes=0) == ""
    with_two = told(recipe_of(**TWO_OUTPUTS, loss={"main": {"class": "MeanSquaredError"}}), classes=0)
    assert with_two.startswith("variants.it.loss: expected one loss, or one for each of main, auxiliary, got ")
