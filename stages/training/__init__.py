"""Training: building models from recipes, fitting them, saving them and loading them back.

Everything here can move a byte of a model, and every training depends on it: words, progress and checks are elsewhere.
The package imports nothing of ours but itself and `stages.splits`. Only the modules of Keras models import TensorFlow.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from stages.splits import Split
from stages.training import xla
from stages.training.recipe import Recipe


def import_tensorflow(*flags: str) -> None:
    """Import it in half the time, and without its greetings (oneDNN, instruction sets), which would drown 70 processes.

    Some of these are written to the standard error before TensorFlow reads its own log level. flags: of XLA, beside
    those of every training.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    xla.set_flags(*flags)
    with silent(2), _hidden("sklearn", "matplotlib", "pandas"), _without_garbage_collection():
        import keras  # noqa: F401
        import tensorflow
    tensorflow.get_logger().setLevel("ERROR")
    tensorflow.config.set_visible_devices([], "GPU")  # but for `stages.training.device`


@contextmanager
def silent(descriptor: int) -> Iterator[None]:
    """Send what is written to a file descriptor nowhere: 2, the standard error of TensorFlow's own code."""
    kept, nowhere = os.dup(descriptor), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _hidden(*modules: str) -> Iterator[None]:
    # Keras imports them if they are there, for wrappers, visualizations and data frames, which nothing here uses.
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    # An import makes a million objects that live for ever; going through them again and again takes a second.
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


Predictions = dict[str, np.ndarray]
"""float32 (rows, outputs) by part; those of a further output as `<part>_<output>`."""


def predicted_parts(split: Split) -> list[str]:
    """Parts that a trained model predicts: the validation and test rows, or where there are none, the training rows."""
    return [part for part in split.x if part != "train"] or ["train"]


def trainings_of(recipe: Recipe, splits: Sequence[Split]) -> Iterator[tuple[str, Split, int]]:
    """Yield the name, the split and the seed of each training: the seeds of a split follow each other."""
    for number, split in enumerate(splits):
        for seed in range(recipe["seed"], recipe["seed"] + recipe["seeds"]):
            yield f"split {number}, seed {seed}" if len(splits) > 1 else f"seed {seed}", split, seed


def predicted_classes(probabilities: np.ndarray) -> np.ndarray:
    """Pick the likeliest class, int (n,). probabilities: float32 (n, classes), or (n, 1) that of class 1 of two."""
    return (probabilities[:, 0] > 0.5).astype(int) if probabilities.shape[1] == 1 else probabilities.argmax(axis=1)


Row = dict[str, Any]
"""An epoch: seed, epoch (from 1), loss and metrics, those of the validation rows, learning_rate."""


class Epoch(NamedTuple):
    """An epoch that has ended, for whoever shows the progress."""

    training: str
    """Name of the training: its seed and, of several, its split."""
    epoch: int
    """From 1."""
    epochs: int
    """At most so many."""
    logs: dict[str, float]


Observer = Callable[[Epoch], None]
"""Is told of each epoch of a Keras model that has ended."""


class Diverged(NamedTuple):
    """When and why a training did not end with finite numbers."""

    epoch: int
    """From 1."""
    reason: str


Evaluation = dict[str, dict[str, float]]
"""Metrics of a saved model by part, `train`, `validation` and `model`; see `stages.training.evaluation`."""


class Trained(NamedTuple):
    """The result of one training, apart from the files in its folder."""

    predictions: Predictions
    """Not a number where it diverged."""
    history: list[Row]
    """One row per epoch: seed, epoch (from 1), loss and metrics, those of the validation rows, and the learning rate of
    its first step."""
    summary: dict[str, Any]
    """Layers, shapes, parameter counts."""
    evaluation: Evaluation
    """Empty where it diverged, and for an estimator."""
    diverged: Diverged | None = None
    initial: Sequence[dict[str, Any]] = ()
    """Of each training before it, see `initial_weights`: `layers` as in the summary, and the number of `epochs`."""
