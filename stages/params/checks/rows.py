"""Made-up rows, in place of the data, which are not there yet."""

from typing import NamedTuple

import keras
import numpy as np

from stages.training.data import inputs_of, targets_of
from stages.training.engine import Arrays
from stages.training.recipe import Recipe, Spec, losses_of


class Data(NamedTuple):
    """What is known of the data of a variant."""

    shape: tuple[int, ...]
    """Of one row, without the batch."""
    classes: int
    """0 for a quantity."""
    has_validation: bool
    scaling: str
    """`standard`, `unit` or `none`."""


def random_rows(recipe: Recipe, data: Data, rows: int) -> tuple[np.ndarray, ...]:
    """Make rows, one array for each input, float32 (rows, ...), the same each time.

    They are normal for columns that are scaled so, and as far from 0 as some of many rows, and else between 0 and 1.
    """
    generator, shape = np.random.default_rng(0), (rows, *data.shape)
    x = generator.normal(scale=3, size=shape) if data.scaling == "standard" else generator.random(shape)
    return as_tuple(inputs_of(recipe, x.astype(np.float32)))


def targets(recipe: Recipe, data: Data, model: keras.Model, rows: int) -> Arrays:
    """Make targets of rows, in the forms that the losses compare: classes 0, 1, 0, …, or quantities between 0 and 1."""
    y = np.arange(rows, dtype=np.int32) % 2 if data.classes else np.linspace(0.1, 0.9, rows, dtype=np.float32)
    return targets_of(recipe, y, model)


def as_tuple(arrays: Arrays) -> tuple[np.ndarray, ...]:
    """Give one array for each input or output; a single one stands for itself elsewhere."""
    return arrays if isinstance(arrays, tuple) else (arrays,)


def losses_at(recipe: Recipe, outputs: list[str], place: str) -> list[tuple[str, Spec]]:
    """Give the place and the loss of each output, in their order. place: `variants.<name>`."""
    one_for_all = "class" in recipe["loss"]
    losses = losses_of(recipe, outputs).items()
    return [(f"{place}.loss" if one_for_all else f"{place}.loss.{name}", loss) for name, loss in losses]


def as_keras(inputs: tuple[np.ndarray, ...]) -> list[np.ndarray] | np.ndarray:
    """Give the inputs as a model takes them: a single one stands for itself."""
    return list(inputs) if len(inputs) > 1 else inputs[0]
