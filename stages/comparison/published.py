"""Published values beside ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple

import pandas as pd

from stages.comparison.statistics import quantile
from stages.comparison.verdicts import Reproduction
from stages.documents import PublishedValue

MIN_SEEDS = 5
"""Number of seeds from which their standard deviation is known well enough to say where another training may lie."""


@dataclass(frozen=True, kw_only=True)
class ReproducedValue:
    """A published value beside ours: one row of `published.csv`."""

    document: str
    variant: str
    part: str
    metric: str
    epoch: int | None
    published: float
    ours: float = nan
    """Mean over trainings."""
    std: float = nan
    """Standard deviation over several seeds."""
    seeds: int
    difference: float = nan
    tolerance: float
    result: Reproduction


class MeasuredValue(NamedTuple):
    """A mean over the trainings that ended, and the standard deviation over several seeds, if it is known."""

    mean: float
    std: float | None
    seeds: int
    """With which the trainings ended."""


def reproduce(
    published: Iterable[PublishedValue],
    measured: Mapping[str, Any],
    histories: Mapping[str, pd.DataFrame],
    error: float,
) -> list[ReproducedValue]:
    """Compare published values with ours.

    One is reproduced within its tolerance or, with MIN_SEEDS, in the interval in which one more training of ours would
    lie (a prediction interval), which misses with the chance of error.

    measured: as `stages.evaluate` writes it, {data set: {variant: {part: {metric: value}}}}. A value that was not
    measured (an override trains fewer epochs) has none of ours.
    """
    by_variant = {name: parts for variants in measured.values() for name, parts in variants.items()}
    return [_reproduced(value, by_variant[value.variant], histories[value.variant], error) for value in published]


def _reproduced(
    value: PublishedValue, parts: Mapping[str, Any], history: pd.DataFrame, error: float
) -> ReproducedValue:
    seeds = history["seed"].nunique()
    found, ours = measured_value(value, parts, history), {}
    result = Reproduction.NOT_MEASURED
    if found is not None:
        difference, within = found.mean - value.value, value.tolerance
        ours = {"ours": round(found.mean, 6), "difference": round(difference, 6)}
        if found.std is not None:
            ours["std"] = round(found.std, 6)
            if found.seeds >= MIN_SEEDS:
                within = max(within, quantile(error, found.seeds - 1) * found.std * (1 + 1 / found.seeds) ** 0.5)
        result = Reproduction.REPRODUCED if abs(difference) <= within else Reproduction.MISSED
    return ReproducedValue(
        document=value.document,
        variant=value.variant,
        part=value.part,
        metric=value.metric,
        epoch=value.epoch,
        published=value.value,
        seeds=seeds,
        tolerance=value.tolerance,
        result=result,
        **ours,
    )


def measured_value(value: PublishedValue, parts: Mapping[str, Any], history: pd.DataFrame) -> MeasuredValue | None:
    """Find our value: in the history for an epoch, else that of the saved model; None if it was not measured.

    The standard deviation is that of several seeds that all came to the epoch; repeated splits have none, since theirs
    is not that of seeds.
    """
    seeds = history["seed"].nunique()
    spreads = seeds > 1 and "split" not in history
    if value.epoch is None:
        part = parts.get(value.part, {})
        if value.metric not in part:
            return None
        ended = round(seeds * (1 - parts.get("model", {}).get("diverged", 0.0)))
        return MeasuredValue(float(part[value.metric]), part.get(f"{value.metric}_std") if spreads else None, ended)
    column = value.metric if value.part == "training" else f"val_{value.metric}"
    epochs = history[history["epoch"] == value.epoch]
    if column not in epochs or not epochs[column].count():
        return None
    all_came = epochs[column].count() == seeds
    std = float(epochs[column].std()) if spreads and all_came else None
    return MeasuredValue(float(epochs[column].mean()), std, seeds)
