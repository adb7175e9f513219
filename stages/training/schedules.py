"""Functions for Keras's `LearningRateScheduler`, by name: `LearningRateScheduler: {schedule: {step: {…}}}`.

Each takes its arguments from `params.yaml` and returns a function (epoch from 0, learning rate) -> learning rate.
"""

from collections.abc import Callable

Schedule = Callable[[int, float], float]


def step(epochs: list[int], factor: float) -> Schedule:
    """Multiply the rate by `factor` at the start of each of these epochs (counted from 0) and keep it otherwise."""
    return lambda epoch, learning_rate: learning_rate * factor if epoch in epochs else learning_rate
