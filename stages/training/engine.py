"""The training engine: Keras's `fit`, with one compiled call per epoch.

Keras's own `train_step` runs unchanged for every batch, so losses, regularization, constraints, moving statistics,
metrics and optimizers mean what Keras means. Only the way to it differs: the data stay where they are, and `fit` is
given one "batch" per epoch, in which a loop inside the graph gathers the rows of each real batch. That saves the share
of Python and of the input pipeline in every step, and it gives every epoch a batch order of its own: `fit` on arrays
repeats the order of the first epoch once a seed is set (Keras 3.15).

XLA compiles the epoch: it fuses the many small operations of a step, which for nets of this size cost as much as
their matrix products, and it can give the same bits on other processors (see `stages.training.xla`).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from stages.training import xla

Arrays = np.ndarray | tuple[np.ndarray, ...]
"""One array, or one per input or output of the model."""


def batch_order(rows: int, seed: int, epoch: int | tf.Tensor) -> tf.Tensor:
    """Order in which an epoch visits the training rows.

    Returns: int32 (rows,), a permutation that depends on nothing but its arguments.
    """
    return tf.random.experimental.stateless_shuffle(tf.range(rows), seed=[seed, epoch])


def make_deterministic() -> None:
    """Let the same seed give the same bits. Call it before anything else uses TensorFlow."""
    # Nets this small gain nothing from more threads. (Without XLA their number does not change a bit either.)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def tensors_of(arrays: Any) -> Any:
    """Tensors in the structure of the arrays, which share their memory where they can: a mapped file is not copied."""
    return tf.nest.map_structure(_tensor_of, arrays)


def _tensor_of(array: np.ndarray) -> tf.Tensor:
    aligned = array.ctypes.data % 64 == 0  # as TensorFlow's kernels expect it
    if aligned and array.flags.c_contiguous and array.flags.writeable:
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tf.constant(array)


class EpochModel(keras.Model):
    """A functional model whose `fit` takes whole epochs.

    Its training data are set by `set_data`; `fit` is then given a data set of epoch numbers. Set other data of the same
    shapes, or `restart`, and the next `fit` runs what is compiled already.
    """

    def set_data(
        self,
        x: Arrays,
        y: Arrays,
        batch_size: int,
        seed: int,
        jit_compile: bool = True,
        sample_weight: np.ndarray | None = None,
    ) -> None:
        """Set the rows to train on, and how.

        x: float32 (n, ...) or one such array per input; y: (n,) or (n, k) or one such array per output; they are not to
        change while the model trains. A permutation of the rows drawn from (seed, epoch) is the order of the batches in
        that epoch. jit_compile: whether XLA compiles the epochs and the validation. sample_weight: float32 (n,), the
        weight of each row in the losses.
        """
        data = tensors_of((x, y) if sample_weight is None else (x, y, sample_weight))
        how = (batch_size, jit_compile)
        if getattr(self, "_compiled_as", None) != how:
            self._compiled_as = how
            self._compile_steps(batch_size, jit_compile)
            # Builds metrics, loss and optimizer for the shapes of a real batch, which `fit` never sees.
            self._symbolic_build(data_batch=tf.nest.map_structure(lambda array: array[:1], data))
        rows = int(tf.nest.flatten(data)[0].shape[0])
        # XLA could not draw the order.
        self._train_epoch = lambda epoch: self._train_in_order(batch_order(rows, seed, epoch), data)

    def _compile_steps(self, batch_size: int, jit_compile: bool) -> None:
        self.run_eagerly = True  # what Keras would trace around them is no more than their call

        def train_in_order(order: tf.Tensor, data: Any) -> None:
            full, rest = divmod(order.shape[0], batch_size)

            def train_on(batch: tf.Tensor) -> None:
                keras.Model.train_step(self, tf.nest.map_structure(lambda array: tf.gather(array, batch), data))

            def train_on_full(number: tf.Tensor) -> tuple[tf.Tensor]:
                batch = tf.slice(order, [number * batch_size], [batch_size])
                train_on(tf.ensure_shape(batch, [batch_size]))
                return (number + 1,)

            if full:
                tf.while_loop(lambda number: number < full, train_on_full, [0], parallel_iterations=1)
            if rest:
                train_on(order[-rest:])

        self._train_in_order = xla.function(train_in_order, jit_compile)
        self._test = xla.function(super().test_step, jit_compile)

    def restart(self, other: keras.Model) -> None:
        """Take over the state of a model that was built and compiled alike: its weights, seeds and optimizer's."""
        self._initial_epoch = None  # of BackupAndRestore
        other.optimizer.build(other.trainable_variables)
        for mine, theirs in ((self, other), (self.optimizer, other.optimizer)):
            for variable, value in zip(mine.variables, theirs.variables, strict=True):
                variable.assign(value)

    def train_step(self, data: tf.Tensor) -> dict[str, Any]:
        """Train on every batch of the epoch whose number is `data` (an int64 scalar, from 0)."""
        self._train_epoch(tf.cast(data, tf.int32))
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate the rows of `data`, (x, y), all at once."""
        return self._test(data)


def _without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    # The thread that tunes an input pipeline sleeps for seconds, and the end of `fit` waits for it.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def fit(
    model: EpochModel,
    epochs: int,
    validation_data: tuple[Arrays, Arrays] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train for at most so many epochs; the callbacks see what Keras's `fit` shows them."""
    # One element is one batch: all validation rows at once, since their loss and metrics are means over rows.
    validation = None if validation_data is None else tf.data.Dataset.from_tensors(tensors_of(validation_data))
    model.fit(
        _without_autotune(tf.data.Dataset.range(epochs)),
        steps_per_epoch=1,
        epochs=epochs,
        validation_data=validation and _without_autotune(validation),
        callbacks=list(callbacks),
        shuffle=False,
        verbose=0,
    )
