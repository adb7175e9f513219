"""A split's arrays as a model takes them."""

from collections.abc import Sequence

import keras
import numpy as np

from stages.training.engine import Arrays
from stages.training.recipe import Recipe, Spec, has_logits, losses_of, takes_indices


def inputs_of(recipe: Recipe, x: np.ndarray) -> Arrays:
    """Give each of the recipe's inputs its columns; a model of one input takes x as it is.

    x: float32 (n, ...).
    """
    if "inputs" not in recipe:
        return x
    return tuple(np.ascontiguousarray(x[:, columns]) for columns in recipe["inputs"].values())


def targets_of(recipe: Recipe, y: np.ndarray, model: keras.Model) -> Arrays:
    """Give each output the targets in the form that its loss compares; all outputs predict the same.

    y: (n,) class or quantity. Returns: int32 (n,) for sparse losses; for others of classes one-hot float32 (n, classes)
    where the output has several units; else float32 (n, 1).
    """
    names = model.output_names
    losses = losses_of(recipe, names)
    targets = tuple(_form(losses[name], y, output.shape[-1]) for name, output in zip(names, model.outputs, strict=True))
    return targets if len(targets) > 1 else targets[0]


def _form(loss: Spec, y: np.ndarray, units: int) -> np.ndarray:
    if takes_indices(loss):
        return np.asarray(y)
    if units > 1 and np.issubdtype(y.dtype, np.integer):
        return keras.utils.to_categorical(y, units).astype(np.float32)
    return np.asarray(y, dtype=np.float32).reshape(-1, 1)


def probabilities_of(recipe: Recipe, names: list[str], outputs: Sequence[keras.KerasTensor]) -> list[keras.KerasTensor]:
    """Turn outputs that a loss takes as logits into probabilities; others stay as they are.

    names: of the outputs; outputs: float32 (n, units) each.
    """
    losses = losses_of(recipe, names)
    return [_probabilities(losses[name], output) for name, output in zip(names, outputs, strict=True)]


def _probabilities(loss: Spec, output: keras.KerasTensor) -> keras.KerasTensor:
    if not has_logits(loss):
        return output
    return keras.ops.sigmoid(output) if output.shape[-1] == 1 else keras.ops.softmax(output)


def sample_weight_of(recipe: Recipe, y: np.ndarray) -> np.ndarray | None:
    """Weigh each training row by its class, float32 (n,); None if all weigh the same.

    `balanced` weighs as scikit-learn's `compute_class_weight` does: n / (classes * rows of the class). y: int (n,).
    """
    weights = recipe.get("class_weight")
    if weights is None:
        return None
    if weights == "balanced":
        counts = np.bincount(y)
        weights = len(y) / ((counts > 0).sum() * np.maximum(counts, 1))
    return np.asarray(weights, dtype=np.float32)[y]
