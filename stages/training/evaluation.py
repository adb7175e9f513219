"""The evaluation of a saved model in inference mode: without dropout, and with the moving statistics.

Keras's training loss is a mean over an epoch in which the weights change and dropout draws, and it includes penalties.
Here the finished model is measured on the training rows and on the validation rows alike.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from stages.splits import Split
from stages.training import Evaluation, predicted_classes, xla
from stages.training.builder import build_loss
from stages.training.data import inputs_of, probabilities_of, targets_of
from stages.training.recipe import Recipe, losses_of

NEAR_ZERO = 0.001
"""A weight of less than this is near zero, where a document says that most weights are zero."""
ROWS_AT_ONCE = 1000


class Evaluator:
    """Evaluates a model, compiled once: its weights may change in between."""

    def __init__(self, model: keras.Model, recipe: Recipe, place: str) -> None:
        names = model.output_names
        loss = build_loss(losses_of(recipe, names)[names[0]], f"{place}.loss")
        loss.reduction = "none"  # not every loss of one's own takes it as an argument
        self._model, self._recipe = model, recipe

        def evaluate(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            outputs = model(x, training=False)
            several = outputs if isinstance(outputs, list) else [outputs]
            return probabilities_of(recipe, names, several)[0], loss(y, several[0])

        self._evaluate = xla.function(evaluate, recipe["jit_compile"])

    def evaluate(self, split: Split) -> Evaluation:
        """Measure the model of the main output: the parts `train` and `validation`, as far as there are, and `model`.

        `loss` is the mean of the recipe's loss over the rows, without penalties; `accuracy` the share of right classes;
        `near_zero_weights` the share of the weights in kernels that are less than NEAR_ZERO.
        """
        parts = [part for part in ("train", "validation") if part in split.x]
        found: Evaluation = {part: self._part(split.x[part], split.y[part]) for part in parts}
        kernels = [np.asarray(weight) for weight in self._model.weights if weight.name == "kernel"]
        if weights := sum(kernel.size for kernel in kernels):
            near_zero = sum(int((np.abs(kernel) < NEAR_ZERO).sum()) for kernel in kernels)
            found["model"] = {"near_zero_weights": near_zero / weights}
        return found

    def _part(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        targets = targets_of(self._recipe, y, self._model)
        main = targets[0] if isinstance(targets, tuple) else targets
        losses, right = [], 0
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            count = len(x[rows])
            # All batches of one size: traced once. The last is filled up with its last row.
            filled = np.minimum(np.arange(ROWS_AT_ONCE), count - 1)
            predicted, loss = self._evaluate(inputs_of(self._recipe, x[rows][filled]), main[rows][filled])
            losses.append(np.asarray(loss, dtype=np.float64)[:count])
            right += int((predicted_classes(np.asarray(predicted)[:count]) == y[rows]).sum())
        measured = {"loss": math.fsum(np.concatenate(losses)) / len(x)}
        return measured | {"accuracy": right / len(x)} if np.issubdtype(y.dtype, np.integer) else measured
