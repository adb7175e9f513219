"""Functions for Keras's `LearningRateScheduler`, by name: `{class: LearningRateScheduler, schedule: {class: step, …}}`.

Each takes its arguments from `params.yaml` and returns a function (epoch from 0, learning rate) -> learning rate.
"""

from collections.abc import Callable

Schedule = Callable[[int, float], float]


def step(**factors: float) -> Schedule:
    """Multiply the rate at the start of some epochs and keep it otherwise.

    factors: `epoch_5=0.5` halves it at the start of epoch 5 (counted from 0, as Keras does).
    """
    return lambda epoch, learning_rate: learning_rate * factors.get(f"epoch_{epoch}", 1.0)
