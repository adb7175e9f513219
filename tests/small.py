"""Recipes, data and trainings that are small enough for a test: by the engine, and by Keras's own `fit`."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from stages.splits import Split
from stages.training import Epoch, Trained, builder, estimators, keras_models
from stages.training.data import inputs_of, targets_of
from stages.training.engine import EpochModel, batch_order, fit
from stages.training.recipe import Recipe, Spec

DENSE: dict[str, Spec] = {
    "hidden": {"class": "Dense", "units": 6, "activation": "relu"},
    "output": {"class": "Dense", "units": 1},
}
# With moments, as Adam has, but half as many operations to trace.
MOMENTUM: Spec = {"class": "SGD", "learning_rate": 0.01, "momentum": 0.9}
MSE: Spec = {"class": "MeanSquaredError"}
MAE: Spec = {"class": "MeanAbsoluteError"}
WIDE_AND_DEEP: Spec = {"class": "wide_and_deep", "hidden_layers": 2, "units": 5, "activation": "relu"}
TWO_OUTPUTS: dict[str, Any] = {
    "inputs": {"wide": [0, 1, 2], "deep": [2, 3, 4, 5, 6, 7]},
    "graph": {**WIDE_AND_DEEP, "auxiliary_output": True},
    "loss_weights": {"main": 0.9, "auxiliary": 0.1},
}
ORDER_SEED = 5


def recipe_of(layers: dict[str, Spec] | None = None, **others: Any) -> Recipe:
    """A regression on eight columns, as `data/recipes/` would hold it."""
    recipe: dict[str, Any] = {"seed": 3, "seeds": 1, "dataset": "housing", "split": "single"}
    if "graph" not in others:
        recipe["layers"] = layers or DENSE
    recipe |= {"optimizer": MOMENTUM, "loss": MSE, "metrics": {"mean_absolute_error": MAE}}
    return cast(Recipe, {**recipe, "batch_size": 25, "epochs": 2, "jit_compile": False, **others})


# One layer and a head, with dropout, a regularizer and normalization.
DRAWING = recipe_of(
    {
        "hidden": {**DENSE["hidden"], "kernel_regularizer": {"class": "L2", "l2": 0.01}},
        "dropout": {"class": "Dropout", "rate": 0.3},
        "normalization": {"class": "BatchNormalization"},
        "output": DENSE["output"],
    }
)


def split_of(rows: int = 50, classes: int = 0, shape: tuple[int, ...] = (8,), generator_seed: int = 1) -> Split:
    """Random rows of this shape, and a quantity or a class that goes with them."""
    generator = np.random.default_rng(generator_seed)
    sizes = {"train": rows, "validation": 20, "test": 10}
    x = {part: generator.normal(size=(size, math.prod(shape))).astype(np.float32) for part, size in sizes.items()}
    y = {
        part: generator.normal(size=size).astype(np.float32) + each[:, 0]
        for (part, size), each in zip(sizes.items(), x.values(), strict=True)
    }
    if classes:
        y = {part: np.resize(np.arange(classes, dtype=np.int32), size) for part, size in sizes.items()}
    starts = np.cumsum([0, *sizes.values()])
    order = generator.permutation(int(starts[-1])).astype(np.int32)
    numbers = {part: order[start : start + sizes[part]] for part, start in zip(sizes, starts, strict=False)}
    x = {part: each.reshape(-1, *shape) for part, each in x.items()}
    return Split(x=x, y=y, rows=numbers, scaling={"offset": 0, "scale": 1})


def compiled(
    recipe: Recipe, model_class: type[keras.Model], seed: int = 5, shape: tuple[int, ...] = (8,)
) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = builder.build_model(recipe, shape, "variants.it", model_class)
    builder.compile_model(model, recipe, "variants.it")
    return model


def part_of(recipe: Recipe, split: Split, part: str, model: keras.Model) -> tuple[Any, Any]:
    return inputs_of(recipe, split.x[part]), targets_of(recipe, split.y[part], model)


def trained_by_engine(
    recipe: Recipe,
    split: Split,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    model_class: type[EpochModel] = EpochModel,
) -> tuple[keras.Model, pd.DataFrame]:
    model = compiled(recipe, model_class, shape=split.x["train"].shape[1:])
    model.set_data(*part_of(recipe, split, "train", model), recipe["batch_size"], ORDER_SEED, recipe["jit_compile"])
    fit(model, recipe["epochs"], part_of(recipe, split, "validation", model), callbacks)
    return model, pd.DataFrame(model.history.history)


def trained_by_keras(
    recipe: Recipe, split: Split, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> tuple[keras.Model, pd.DataFrame]:
    """One call of Keras's own `fit`, given the batches of each epoch in the order that the engine draws."""
    model = compiled(recipe, keras.Model, shape=split.x["train"].shape[1:])
    x, y = part_of(recipe, split, "train", model)
    rows, batch_size = len(split.y["train"]), recipe["batch_size"]
    orders = np.stack([batch_order(rows, ORDER_SEED, epoch).numpy() for epoch in range(recipe["epochs"])])

    def batches(order: tf.Tensor) -> tf.data.Dataset:
        in_order = tf.nest.map_structure(lambda array: tf.gather(array, order), (x, y))
        return tf.data.Dataset.from_tensor_slices(in_order).batch(batch_size)

    training = tf.data.Dataset.from_tensor_slices(orders).flat_map(batches)
    # Batches of validation rows too, unlike the engine's.
    validation = tf.data.Dataset.from_tensor_slices(part_of(recipe, split, "validation", model)).batch(8)
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread sleeps for a second at the end of `fit`
    model.fit(
        training.with_options(options),
        steps_per_epoch=-(-rows // batch_size),
        epochs=recipe["epochs"],
        validation_data=validation.with_options(options),
        callbacks=list(callbacks),
        shuffle=False,
        verbose=0,
    )
    return model, pd.DataFrame(model.history.history)


def ignore(epoch: Epoch) -> None:
    """An observer that does nothing."""


def train_once(recipe: Recipe, split: Split, folder: Path, seed: int = 3, name: str = "it") -> Trained:
    """The one training of the recipe on the split with the seed, by the module that is for it."""
    train = estimators.train if "estimator" in recipe else keras_models.train
    once = cast(Recipe, {**recipe, "seed": seed, "seeds": 1})
    (only,) = train(once, [split], name, folder, ignore)
    return only


def store(recipe: Recipe, split: Split, root: Path) -> None:
    """Lay the recipe and the data where `stages.train` looks for them."""
    folder = root / "data" / "normalized" / recipe["dataset"]
    (folder / "arrays").mkdir(parents=True)
    for name in ("x", "y", "rows"):
        np.save(folder / "arrays" / f"{name}.npy", np.concatenate(list(getattr(split, name).values())))
    ends = np.cumsum([len(rows) for rows in split.y.values()]).tolist()
    parts = {part: [end - len(split.y[part]), end] for part, end in zip(split.y, ends, strict=True)}
    (folder / "arrays" / "scaling.json").write_text(json.dumps(split.scaling), encoding="utf-8")
    index = {recipe["split"]: {"arrays": "arrays", "parts": parts}}
    (folder / "splits.json").write_text(json.dumps(index), encoding="utf-8")
    (root / "data" / "recipes").mkdir(parents=True)
    (root / "data" / "recipes" / "it.json").write_text(json.dumps(recipe), encoding="utf-8")
    (root / "data" / "catalogue.json").write_text(json.dumps({"variants": {"it": {}}}), encoding="utf-8")


def files_below(root: Path) -> dict[str, bytes]:
    """The files that a training left, by path."""
    paths = [*root.glob("data/models/**/*"), *root.glob("reports/**/*")]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(paths) if path.is_file()}
