"""What one more seed costs: an estimate by counts, so that tables that name it repeat byte for byte.

On one core of 2026, within a factor of two: by the steps, by the multiplications and additions, and by the epochs.
"""

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any

from stages.comparison.studies import Comparison
from stages.comparison.trained import TrainedVariant

SECONDS = {"start": 5.0, "step": 2e-5, "multiply_add": 1e-11, "epoch": 6e-3, "estimator": 12.0}


def seconds_of_a_seed(measured: Mapping[str, Any], trained: Mapping[str, TrainedVariant]) -> dict[str, float]:
    """Estimate the seconds of one more seed of each variant, on all repetitions of its split.

    measured: as `stages.evaluate` writes it.
    """
    models = {name: parts["model"] for variants in measured.values() for name, parts in variants.items()}
    return {name: _seconds(each, models[name]) for name, each in trained.items()}


def _seconds(trained: TrainedVariant, model: Mapping[str, float]) -> float:
    recipe = trained.recipe
    if "estimator" in recipe:
        return len(trained.splits) * SECONDS["estimator"] * (1 + recipe.get("cross_validation", 0))
    epochs = model["epochs"]
    steps = epochs * -(-len(trained.splits[0].y["train"]) // recipe["batch_size"])
    once = SECONDS["step"] * steps + SECONDS["multiply_add"] * model["multiply_adds"] + SECONDS["epoch"] * epochs
    return len(trained.splits) * once


def minutes(needed: Iterable[tuple[Comparison, float]], seconds: Mapping[str, float]) -> float:
    """Estimate the minutes on one core that would decide comparisons.

    needed: open comparisons, and the number of seeds that would decide each, NaN where that is not known; seconds: see
    `seconds_of_a_seed`. Returns: NaN if no number is known.
    """
    more: dict[str, float] = {}
    for each, seeds in needed:
        if not isnan(seeds):
            for name in (each.variant, each.baseline):
                more[name] = max(more.get(name, 0.0), seeds - each.seeds)
    if not more:
        return float("nan")
    return round(sum(SECONDS["start"] + number * seconds[name] for name, number in more.items()) / 60, 1)
