"""The record of a training, epoch by epoch."""

import math
from typing import Any

import keras

from stages.training import Diverged, Epoch, Observer, Row

Logs = dict[str, Any] | None


class History(keras.callbacks.Callback):
    """One row per epoch, with the learning rate; a loss that is not finite ends the training.

    The rate is that of the epoch's first step: a schedule may change it within the epoch.
    """

    def __init__(self, seed: int, training: str, epochs: int, observe: Observer) -> None:
        super().__init__()
        self.seed = seed
        self.rows: list[Row] = []
        self.diverged: Diverged | None = None
        self.training, self.epochs, self.observe = training, epochs, observe

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Note the learning rate of the epoch's first step, after every callback that sets it."""
        del batch, logs
        self._learning_rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Record the epoch (counted from 1)."""
        logs = logs if logs is not None else {}
        self.rows.append({"seed": self.seed, "epoch": epoch + 1, **logs, "learning_rate": self._learning_rate})
        self.observe(Epoch(self.training, epoch + 1, self.epochs, dict(logs)))
        for name in ("loss", "val_loss"):
            if self.diverged is None and not math.isfinite(logs.get(name, 0.0)):
                self.diverged = Diverged(epoch + 1, f"{name} {logs[name]}")
                self.model.stop_training = True
