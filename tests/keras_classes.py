"""The public classes of Keras, what they need, and small recipes in which they may stand."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
from small import recipe_of

from stages.params import checks
from stages.training import builder
from stages.training.data import targets_of
from stages.training.objects import constructors_of
from stages.training.recipe import Recipe, Spec

MODULES = (
    *(keras.layers, keras.initializers, keras.regularizers, keras.constraints, keras.dtype_policies),
    *(keras.optimizers, keras.optimizers.schedules, keras.losses, keras.metrics, keras.callbacks),
)
SHAPES = [(8,), (6, 4), (8, 8, 3), (4, 4, 4, 2), (2, 4, 4, 4, 2), (600,)]
"""Shapes of rows for layers: one of them fits."""
LSTM: Spec = {"class": "LSTM", "units": 3}
NEEDED: dict[str, Any] = {
    "units": 3,
    "rate": 0.2,
    "stddev": 0.2,
    "filters": 2,
    "kernel_size": 2,
    "output_size": 2,
    "target_shape": [2, -1],
    "n": 2,
    "input_dim": 10,
    "output_dim": 3,
    "activation": "relu",
    "height": 2,
    "width": 2,
    "scale": 0.5,
    "pool_size": 2,
    "factor": 0.2,
    "height_factor": 0.1,
    "width_factor": 0.1,
    "num_bins": 3,
    "equation": "ab,bc->ac",
    "output_shape": 3,
    "max_number": 3,
    "layer": {"class": "Dense", "units": 3},
    "layers": [{"class": "Dense", "units": 3}, {"class": "ReLU"}],
    "cell": {"class": "LSTMCell", "units": 3},
    "inner_optimizer": {"class": "Adam"},
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "decay_rate": 0.5,
    "first_decay_steps": 10,
    "boundaries": [2, 5],
    "values": [0.1, 0.05, 0.01],
    "num_classes": 3,
    "target_class_ids": [0],
    "fn": "mean_absolute_error",
    "precision": 0.5,
    "recall": 0.5,
    "specificity": 0.5,
    "sensitivity": 0.5,
    "schedule": {"class": "step", "epoch_1": 0.5},
    "name": "float32",
    "mode": "int8",
}
"""Arguments without a default, by name."""
ALSO: dict[str, dict[str, Any]] = {
    "Bidirectional": {"layer": LSTM},
    "GroupNormalization": {"groups": 1},
    "CategoryEncoding": {"num_tokens": 10},
    "Normalization": {"mean": 0.5, "variance": 0.1},
    "Discretization": {"bin_boundaries": [0.3, 0.6]},
    "IntegerLookup": {"vocabulary": [0, 1, 2]},
    "RandomPosterization": {"factor": 4},
    "Permute": {"dims": [2, 1]},
    "STFTSpectrogram": {"frame_length": 4, "fft_length": 4, "frame_step": 2},
    "MelSpectrogram": {"fft_length": 64, "sequence_stride": 32, "sequence_length": 64, "num_mel_bins": 4},
    "AWQDTypePolicy": {"mode": "awq/4/8"},
    "GPTQDTypePolicy": {"mode": "gptq/4/8"},
    "Int4DTypePolicy": {"mode": "int4/8"},
    "Dice": {"axis": [1]},
    "Tversky": {"axis": [1]},
    "F1Score": {"average": "macro"},
    "FBetaScore": {"average": "macro"},
}
"""Arguments that a class needs although it has defaults for them, or that fit it better."""
PROBABILITY: Spec = {"class": "Dense", "units": 1, "activation": "sigmoid"}
CLASSES: Spec = {"class": "Dense", "units": 3, "activation": "softmax"}
TASKS: list[tuple[int, Spec, Spec]] = [
    (0, {"class": "Dense", "units": 1}, {"class": "MeanSquaredError"}),
    (0, {"class": "Dense", "units": 1, "activation": "exponential"}, {"class": "MeanSquaredError"}),
    (2, PROBABILITY, {"class": "BinaryCrossentropy"}),
    (3, CLASSES, {"class": "SparseCategoricalCrossentropy"}),
    (3, CLASSES, {"class": "CategoricalCrossentropy"}),
]
"""Numbers of classes, outputs and losses: one of them suits a metric or a loss."""


def classes_of(module: ModuleType) -> dict[str, type]:
    """The public classes by name, without aliases."""
    found = {name: each for name, each in constructors_of(module).items() if inspect.isclass(each)}
    return {name: each for name, each in found.items() if name == each.__name__ or each.__name__ not in found}


def spec_of(name: str, constructor: type) -> Spec:
    """The class with what it needs."""
    parameters = inspect.signature(constructor).parameters.values()
    files = builder.files_of_callbacks(Path("best.weights.h5"), Path("logs")).get(name, {})
    needed = {
        each.name: NEEDED[each.name]
        for each in parameters
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD and each.name not in files
        if each.name not in ALSO.get(name, {})
    }
    return {"class": name, **needed, **ALSO.get(name, {})}


def recipes_with(module: ModuleType, spec: Spec) -> Iterator[tuple[Recipe, tuple[int, ...], int]]:
    """Small recipes in one of which the object may stand, with the shape of the rows and the number of classes."""
    kind = module.__name__.rpartition(".")[2]
    output: Spec = {"class": "Dense", "units": 1}
    if kind == "layers":
        for shape in SHAPES:
            layers = {"it": spec, "flatten": {"class": "Flatten"}, "output": output}
            yield recipe_of(layers), shape, 0
    elif kind in ("losses", "metrics"):
        for classes, last, loss in TASKS:
            changed = {"metrics": {}, "loss": loss} | ({"loss": spec} if kind == "losses" else {"metrics": {"m": spec}})
            yield recipe_of({"output": last}, **changed), (8,), classes
    elif kind == "optimizers":
        yield recipe_of({"hidden": {"class": "Dense", "units": 3}, "output": output}, optimizer=spec), (8,), 0
    elif kind == "schedules":
        yield recipe_of(optimizer={"class": "SGD", "learning_rate": spec}), (8,), 0
    elif kind == "callbacks":
        use_ema = spec["class"] == "SwapEMAWeights"
        optimizer = {"class": "SGD", "learning_rate": 0.1, "use_ema": use_ema}
        yield recipe_of(callbacks={"it": spec}, optimizer=optimizer), (8,), 0
    else:
        argument = {"dtype_policies": "dtype"}.get(kind, f"kernel_{kind.removesuffix('s')}")
        yield recipe_of({"it": {"class": "Dense", "units": 8, argument: spec}, "output": output}), (8,), 0
        it: Spec = {"class": "Conv1D", "filters": 6, "kernel_size": 4, argument: spec}
        yield recipe_of({"it": it, "flatten": {"class": "Flatten"}, "output": output}), (8, 1), 0


def default_arguments(constructor: type) -> dict[str, Any]:
    """Arguments with their defaults, written as in a file, but for those that are not for `params.yaml` to say."""
    found = {}
    for each in inspect.signature(constructor).parameters.values():
        if each.default is not each.empty and each.name != "name":
            found[each.name] = list(each.default) if isinstance(each.default, tuple) else each.default
    return found


def as_spec(value: Any) -> Any:
    """What Keras's `get_config` gives, as it would stand in a file."""
    if isinstance(value, dict) and value.get("class_name") == "function":
        return value["config"]
    if isinstance(value, dict) and {"class_name", "config"} <= value.keys():
        own = value["config"].items() if isinstance(value["config"], dict) else ()
        return {"class": value["class_name"], **{key: as_spec(each) for key, each in own}}
    if isinstance(value, dict):
        return {key: as_spec(each) for key, each in value.items()}
    return [as_spec(each) for each in value] if isinstance(value, list | tuple) else value


def alternatives(constructor: type) -> Iterator[tuple[str, str]]:
    """Texts that the docstring of a class gives for its arguments: in quotes and backticks, in the argument's part."""
    text = inspect.cleandoc(constructor.__doc__ or "").partition("Args:")[2]
    defaults = default_arguments(constructor)
    for found in re.finditer(r"^ {4}(\w+):(.*?)(?=^ {4}\w+:|^\S|\Z)", text, re.DOTALL | re.MULTILINE):
        if isinstance(defaults.get(found[1]), str):
            yield from ((found[1], value) for value in re.findall(r"""`["'](\w*[^\W_])["']`""", found[2]))


def refusal(made: Recipe, shape: tuple[int, ...], classes: int) -> str | None:
    """What `configure` says of a recipe; None if it takes it."""
    try:
        made["optimizer"] = checks.with_learning_rate(made["optimizer"], "variants.it.optimizer")
        checks.check_model(made, shape, classes, True, "variants.it")
    except ValueError as error:
        return str(error)
    return None


def keras_trains(module: ModuleType, spec: Spec) -> bool:
    """Whether Keras itself trains one of the recipes, without any check."""
    for recipe, shape, classes in recipes_with(module, spec):
        try:
            model = builder.build_model(recipe, shape, "it")
            builder.compile_model(model, recipe, "it")
            x = np.random.default_rng(0).random((2, *shape), dtype=np.float32)
            model.train_on_batch(x, targets_of(recipe, np.arange(2, dtype=np.int32 if classes else np.float32), model))
        except Exception:  # noqa: S112 (Keras does not)
            continue
        return True
    return False
