"""Learning rates of variants by step or by epoch, and what they are compared with."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stages.documents import Study

RateCurve = tuple[np.ndarray, np.ndarray]
"""Epochs since the start and the learning rate from then on, float64 (n,) each."""


def learning_rate(history: pd.DataFrame, schedule: pd.DataFrame | None, steps_per_epoch: int) -> RateCurve:
    """Learning rate of the first training.

    schedule: rows of the variant in `schedules.csv`, see `stages.params.keras_tables`; None if its optimizer has none:
    then the rate is the one that the history has for each epoch.
    """
    first = history[(history["epoch"].diff() <= 0).cumsum() == 0]
    if schedule is None:
        epochs, rate = np.arange(len(first), dtype=np.float64), first["learning_rate"].to_numpy(np.float64)
    else:
        schedule = schedule[schedule["step"] < steps_per_epoch * len(first)]
        epochs, rate = schedule["step"].to_numpy() / steps_per_epoch, schedule["learning_rate"].to_numpy(np.float64)
    return np.append(epochs, len(first)), np.append(rate, rate[-1])


def rates_by_baseline(studies: Mapping[str, Study], rates: Mapping[str, RateCurve]) -> dict[str, dict[str, RateCurve]]:
    """Group the rates that change with those that studies compare them with.

    Returns: {baseline: {variant: rate}}, the baseline first. A variant that no study compares has a group of its own.
    """
    changing = {name for name, (_, rate) in rates.items() if len(np.unique(rate)) > 1}
    compared: dict[str, list[str]] = {}
    for study in studies.values():
        for member in study.members:
            compared.setdefault(member.baseline or study.baseline, []).append(member.variant)
    groups = {
        baseline: {name: rates[name] for name in dict.fromkeys([baseline, *members]) if name in rates}
        for baseline, members in compared.items()
        if changing & {*members}
    }
    single = changing.difference(*groups.values())
    return groups | {name: {name: rates[name]} for name in rates if name in single}
