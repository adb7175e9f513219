"""From a recipe to Keras objects.

Nothing is registered here: every class of Keras is usable under its own name. The recipe was checked by
`stages.configure`; what only building shows raises ValueError, which names the place in `params.yaml`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from stages.training import graphs, schedules
from stages.training.objects import build, sentence
from stages.training.recipe import Recipe, Spec, is_block, losses_of

Shape = tuple[int, ...]

NESTED = {
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
    "initializer": keras.initializers,
    "activation": keras.layers,  # such as LeakyReLU with a slope
    "layer": keras.layers,
    "layers": keras.layers,
    "cell": keras.layers,
    "cells": keras.layers,
    "dtype": keras.dtype_policies,
    "policy": keras.dtype_policies,
    "optimizer": keras.optimizers,
    "learning_rate": keras.optimizers.schedules,
    "schedule": schedules,
    "fn": keras.metrics,
}
"""Modules of the classes of arguments that are objects; see `stages.training.objects.Nested`."""


def build_model(
    recipe: Recipe, input_shape: Shape, place: str, model_class: type[keras.Model] = keras.Model
) -> keras.Model:
    """Build the functional model of a recipe, not yet compiled.

    input_shape: the shape of one row of the data, without the batch; place: `variants.<name>`, for errors.
    """
    inputs = _inputs(recipe, input_shape)
    if "layers" in recipe:
        (tensor,) = inputs.values()
        for layer_place, layer in _layers(recipe["layers"], f"{place}.layers"):
            try:
                output = layer(tensor)
                if not isinstance(output, keras.KerasTensor):
                    raise ValueError(f"{len(output)} outputs, which need a graph")
                tensor = output
            except Exception as error:  # whatever a layer makes of an input that it does not like
                expected = f"a layer that fits rows of shape {tensor.shape[1:]}"
                raise ValueError(f"{layer_place}: expected {expected}, got: {sentence(error)}") from None
        outputs = {"main": tensor}
    else:
        outputs = build(graphs, recipe["graph"], f"{place}.graph", NESTED, inputs=inputs)
        if not (isinstance(outputs, dict) and all(isinstance(each, keras.KerasTensor) for each in outputs.values())):
            expected = "a function that returns a dictionary of outputs by name, main first"
            raise ValueError(f"{place}.graph: expected {expected}, got {outputs!r:.100}")
    try:
        return model_class(inputs=_one_or_all(inputs), outputs=_one_or_all(outputs))
    except ValueError as error:  # two layers of one name
        raise ValueError(f"{place}.layers: expected layers that make a model, got: {sentence(error)}") from None


def _one_or_all(tensors: graphs.Tensors) -> Any:
    # As in Keras's own examples, a single input or output stands for itself.
    several = list(tensors.values())
    return several if len(several) > 1 else several[0]


def _inputs(recipe: Recipe, shape: Shape) -> dict[str, keras.KerasTensor]:
    if "inputs" not in recipe:
        return {"x": keras.Input(shape, name="x")}
    return {name: keras.Input((len(columns),), name=name) for name, columns in recipe["inputs"].items()}


def _layers(layers: dict[str, Spec], place: str, prefix: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield the place and each layer, repeated ones as `hidden_1`, `hidden_2`, …, those of blocks as `block_1_conv`."""
    for name, spec in layers.items():
        times = spec.get("repeat", 1)
        for number in range(1, times + 1):
            own_name = f"{prefix}{name}_{number}" if times > 1 else f"{prefix}{name}"
            if is_block(spec):
                yield from _layers(spec["layers"], f"{place}.{name}.layers", f"{own_name}_")
            else:
                layer_place = f"{place}.{name}"
                once = {key: value for key, value in spec.items() if key != "repeat"}
                yield layer_place, build(keras.layers, once, layer_place, NESTED, name=own_name)


def build_optimizer(spec: Spec, place: str) -> keras.optimizers.Optimizer:
    """Build an optimizer, with its learning rate or schedule."""
    optimizer = build(keras.optimizers, spec, place, NESTED)
    try:
        optimizer.get_config()
    except Exception as error:  # a schedule of one's own without a configuration
        expected = "an optimizer and a schedule with get_config, which save them"
        raise ValueError(f"{place}: expected {expected}, got: {sentence(error)}") from None
    return optimizer


def build_loss(spec: Spec, place: str) -> keras.losses.Loss:
    """Build a loss."""
    return build(keras.losses, spec, place, NESTED)


def compile_model(
    model: keras.Model, recipe: Recipe, place: str, optimizer: keras.optimizers.Optimizer | None = None
) -> None:
    """Compile with the recipe's losses and metrics, new for each output, and its optimizer, new unless given."""
    outputs = model.output_names
    losses = [build_loss(loss, f"{place}.loss") for loss in losses_of(recipe, outputs).values()]
    metrics = [
        [
            build(keras.metrics, spec, f"{place}.metrics.{name}", NESTED, name=name)
            for name, spec in recipe.get("metrics", {}).items()
        ]
        for _ in outputs
    ]
    weights = recipe.get("loss_weights")
    several = len(outputs) > 1
    model.compile(
        optimizer=optimizer or build_optimizer(recipe["optimizer"], f"{place}.optimizer"),
        loss=losses if several else losses[0],
        loss_weights=weights and [weights[output] for output in outputs],
        metrics=metrics if several else metrics[0],
    )


def files_of_callbacks(checkpoint: Path, logs: Path) -> dict[str, dict[str, Any]]:
    """Arguments of callbacks that are not for `params.yaml` to say, by class: the files and folders that they write."""
    return {
        "ModelCheckpoint": {"filepath": str(checkpoint), "save_weights_only": True},
        "TensorBoard": {"log_dir": str(logs)},
        "CSVLogger": {"filename": str(logs.with_suffix(".csv"))},
        "BackupAndRestore": {"backup_dir": str(checkpoint.with_name(f"backup_{checkpoint.name}"))},
    }


def build_callbacks(recipe: Recipe, place: str, checkpoint: Path, logs: Path) -> list[keras.callbacks.Callback]:
    """Build the recipe's callbacks, new for every training; see `files_of_callbacks`."""
    given = files_of_callbacks(checkpoint, logs)
    if any(spec["class"] == "CSVLogger" for spec in recipe.get("callbacks", {}).values()):
        logs.parent.mkdir(parents=True, exist_ok=True)  # the others make their folders themselves
    return [
        build(keras.callbacks, spec, f"{place}.callbacks.{name}", NESTED, **given.get(spec["class"], {}))
        for name, spec in recipe.get("callbacks", {}).items()
    ]
