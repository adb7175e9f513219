"""A peer's clock as a Keras callback."""

from typing import Any

import keras

from benchmarks.peers import Clock


class Timed(keras.callbacks.Callback):
    """Tells the clock when an epoch has ended."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Pass the loss and the metric on."""
        del epoch
        values = dict(logs or {})
        loss = values.pop("loss")
        (metric,) = values.values()
        self._clock.epoch(loss, metric)


def trainable(model: keras.Model) -> int:
    """How many parameters the model trains."""
    return sum(int(weight.value.shape.num_elements()) for weight in model.trainable_weights)
