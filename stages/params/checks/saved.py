"""Whether Keras can make a model again from what it saves of it."""

import json
from typing import Any

import keras
import numpy as np

from stages.params.messages import plain
from stages.training import custom_objects


def check_saved(model: keras.Model, x: Any, place: str) -> None:
    """Check that the layers, the loss and the metrics can be made again of their configurations.

    Layers of one's own must then give the same outputs. x: rows, as the model takes them; place: `variants.<name>`.
    Raises: ValueError.
    """
    what = "loss and metrics"
    try:
        keras.saving.deserialize_keras_object(json.loads(json.dumps(model.get_compile_config())))
        for layer in model.layers:
            what = f"{layer.name} ({type(layer).__name__})"
            type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    except Exception as error:  # whatever a class makes of its own configuration
        got = plain(error).partition(". ")[0]
        raise ValueError(f"{place}: expected {what} that Keras can save and load, got: {got}") from None
    layers = model._flatten_layers(include_self=False)
    own = sorted({type(layer).__name__ for layer in layers if type(layer).__module__ == custom_objects.MODULE})
    if own and not _is_remade(model, x):
        expected = f"{' and '.join(own)} with all arguments in get_config"
        raise ValueError(f"{place}: expected {expected}, got another model when it is loaded")


def _is_remade(model: keras.Model, x: Any) -> bool:
    """Whether a model of the same configuration and weights has the same outputs."""
    try:
        remade = keras.Model.from_config(json.loads(json.dumps(model.get_config())))
        for mine, theirs in zip(remade.layers, model.layers, strict=True):
            for variable, value in zip(mine.variables, theirs.variables, strict=True):
                variable.assign(value)  # the states of random numbers too
        several = [keras.tree.flatten(each(x, training=False)) for each in (remade, model)]
    except Exception:  # weights of another number or of other shapes
        return False
    return all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in zip(*several, strict=True))
