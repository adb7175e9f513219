"""A split's arrays as a model takes them."""

import keras
import numpy as np

from stages.params.overrides import Recipe
from stages.training.engine import Arrays


def inputs_of(recipe: Recipe, x: np.ndarray) -> Arrays:
    """Give each of the recipe's inputs its columns; a model of one input takes x as it is.

    x: float32 (n, ...).
    """
    if "inputs" not in recipe:
        return x
    return tuple(np.ascontiguousarray(x[:, columns]) for columns in recipe["inputs"].values())


def targets_of(recipe: Recipe, y: np.ndarray, model: keras.Model) -> Arrays:
    """Give each output the targets in the form that the loss compares.

    y: (n,) class or quantity. Returns: int32 (n,) for sparse losses, one-hot float32 (n, classes) for categorical
    ones, else float32 (n, 1); several outputs all predict the same.
    """
    if recipe["loss"].startswith("sparse_"):
        targets = np.asarray(y)
    elif recipe["loss"].startswith("categorical_"):
        targets = keras.utils.to_categorical(y, model.output_shape[-1]).astype(np.float32)
    else:
        targets = np.asarray(y, dtype=np.float32).reshape(-1, 1)
    outputs = len(model.outputs)
    return targets if outputs == 1 else (targets,) * outputs
