"""Trained variants without a training: classifiers of 200 rows, right as often as a test says."""

from typing import Any

import numpy as np
import pandas as pd

from stages.comparison.trained import TrainedVariant
from stages.splits import Split
from stages.training import Evaluation

RECIPE: Any = {
    "dataset": "fashion_mnist",
    "split": "any",
    "layers": {"output": {"class": "Dense", "units": 2}},
    "loss": {"class": "SparseCategoricalCrossentropy"},
}


def trained(
    name: str,
    right: int | list[int],
    seeds: int = 1,
    splits: int = 1,
    loss: float | list[float] = 0.5,
    diverged: tuple[int, ...] = (),
    first: int = 42,
) -> TrainedVariant:
    """A classifier of 200 test rows of class 0, of which so many are right in each training that ended."""
    counts = right if isinstance(right, list) else [right] * (seeds * splits)
    parted = [
        Split(
            x={},
            y={"train": np.zeros(600, np.int32), "test": np.zeros(200, np.int32)},
            rows={
                "train": np.arange(600),
                "validation": np.arange(200) + 600,
                "test": np.arange(200) + 1000 * number,
            },
            scaling={},
        )
        for number in range(splits)
    ]
    predicted = np.zeros((len(counts), 200, 2), np.float32)
    for number, count in enumerate(counts):
        predicted[number, :, 0] = np.nan if number in diverged else np.where(np.arange(200) < count, 0.9, 0.1)
    predicted[:, :, 1] = 1 - predicted[:, :, 0]
    epochs = [
        {"split": split, "seed": first + seed, "epoch": epoch, "loss": 0.75, "val_loss": seed + epoch}
        for split in range(splits)
        for seed in range(seeds)
        for epoch in (1, 2)
    ]
    history = pd.DataFrame(epochs)
    losses = loss if isinstance(loss, list) else [loss] * len(counts)
    evaluations: list[Evaluation] = [
        {"train": {"loss": each}, "validation": {"loss": 2 * each + 1}, "model": {"near_zero_weights": 0.5}}
        for each in losses
    ]
    return TrainedVariant(
        name,
        RECIPE,
        parted,
        {"test": predicted},
        history if splits > 1 else history.drop(columns="split"),
        [{} if number in diverged else each for number, each in enumerate(evaluations)],
        [{"epoch": 2, "reason": "loss nan"} if number in diverged else None for number in range(len(counts))],
    )
