"""Why a loss or a metric does not fit what a model gives."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from stages.params.checks.rows import Data, as_tuple, losses_at, targets
from stages.params.messages import plain, shown
from stages.training import builder
from stages.training.objects import build
from stages.training.recipe import Recipe


def check_measures(recipe: Recipe, model: keras.Model, data: Data, place: str) -> None:
    """Compare predictions of two rows with targets: the losses and the metrics must take them, and give one number."""
    losses, compared = losses_at(recipe, model.output_names, place), as_tuple(targets(recipe, data, model, 2))
    for (loss_place, loss), target, output in zip(losses, compared, model.outputs, strict=True):
        predictions = np.full((2, *output.shape[1:]), 0.5, dtype=np.float32)
        _measure(build(keras.losses, loss, loss_place, builder.NESTED), target, predictions, loss_place)
        for metric_name, spec in recipe.get("metrics", {}).items():
            own = f"{place}.metrics.{metric_name}"
            value = _measure(build(keras.metrics, spec, own, builder.NESTED), target, predictions, own)
            if np.ndim(value) != 0:
                got = f"an array of shape {np.shape(value)} from {shown(spec)}"
                raise ValueError(f"{own}: expected a metric of one number, got {got}")


def _measure(measure: Callable[..., Any], target: np.ndarray, predictions: np.ndarray, place: str) -> np.ndarray:
    try:
        return np.asarray(measure(target, predictions, sample_weight=None))  # as Keras calls it
    except Exception as error:  # whatever a class makes of shapes that it does not like
        expected = f"one that compares predictions of shape {predictions.shape[1:]} with targets of {target.shape[1:]}"
        raise ValueError(f"{place}: expected {expected} for each row, got: {plain(error)}") from None
