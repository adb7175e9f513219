"""What a person sees of a training, and what its history records."""

import math
import sys
import time
from typing import Any

import keras
import pandas as pd
from tqdm import tqdm

Logs = dict[str, Any] | None


class History(keras.callbacks.Callback):
    """One row per epoch, with the learning rate; an error as soon as the loss is not a number.

    The rate is that of the epoch's first step: a schedule may change it on the way.
    """

    def __init__(self, seed: int, run: str, stops_on_nan: bool) -> None:
        super().__init__()
        self.seed = seed
        self._run = run  # what to call the training in an error
        self._stops_on_nan = stops_on_nan  # by Keras's TerminateOnNaN: then it is a result like another
        self._rows: list[dict[str, Any]] = []

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Note the learning rate of the epoch's first step, after every callback that sets it."""
        del batch, logs
        self._learning_rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Record the epoch (counted from 1)."""
        logs = logs if logs is not None else {}
        for name in ("loss", "val_loss"):
            if not (math.isfinite(logs.get(name, 0.0)) or self._stops_on_nan):
                raise ValueError(f"{self._run}, epoch {epoch + 1}: expected a finite {name}, got {logs[name]}")
        self._rows.append({"seed": self.seed, "epoch": epoch + 1, **logs, "learning_rate": self._learning_rate})

    def table(self) -> pd.DataFrame:
        """See `stages.training.Trained.history`."""
        table = pd.DataFrame(self._rows)
        return table[[*(name for name in table if name != "learning_rate"), "learning_rate"]]


class Progress(keras.callbacks.Callback):
    """A bar on a terminal; elsewhere a line every ten seconds at most."""

    _SECONDS_BETWEEN_LINES = 10

    def __init__(self, title: str, epochs: int) -> None:
        super().__init__()
        self._title = title
        self._epochs = epochs
        self._bar = tqdm(total=epochs, desc=title, unit="epoch", disable=not sys.stderr.isatty())
        self._start = self._said = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Say how far the training is, unless that was said a moment ago."""
        losses = {name: f"{value:.4f}" for name, value in (logs or {}).items() if name in ("loss", "val_loss")}
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update()
        now = time.monotonic()
        if self._bar.disable and now - self._said > self._SECONDS_BETWEEN_LINES:
            self._said = now
            left = (now - self._start) / (epoch + 1) * (self._epochs - epoch - 1)
            values = " ".join(f"{name} {value}" for name, value in losses.items())
            print(f"{self._title}: epoch {epoch + 1} of {self._epochs}, {values}, {left:.0f} s left", flush=True)

    def on_train_end(self, logs: Logs = None) -> None:
        """Leave the bar as it is."""
        del logs
        self._bar.close()
