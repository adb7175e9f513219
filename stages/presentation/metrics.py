"""What a metric is called, its unit, and whether its axis is logarithmic: what tables, axes and charts ask.

The words are those of `stages/presentation/words/`.
"""

from collections.abc import Iterable

import numpy as np

from stages.presentation.words import Text, text

UNITS = {
    "housing": {
        "MedInc": "10,000 USD a year",
        "HouseAge": "years",
        "AveRooms": "rooms per household",
        "AveBedrms": "rooms per household",
        "Population": "people",
        "AveOccup": "people per household",
        "Latitude": "degrees north",
        "Longitude": "degrees east",
        "target": "100,000 USD",
    },
    "thoracic": {"PRE4": "litres", "PRE5": "litres", "AGE": "years"},
}
"""Of raw features and targets, as the data sets' modules have them; what is not named is a code, a count or 0 and 1."""
TARGETS = {"housing": "median house value"}
OWN_UNITS = {"housing": "USD"}
"""Of targets, in which people read the errors."""
ERRORS = ("mae", "rmse")
"""They are written in that."""
IN_UNIT_OF_TARGET = (*ERRORS, "mean_absolute_error")
IN_ITS_SQUARE = ("auxiliary_mse", "mean_squared_error", "mse")
UNBOUNDED = {
    *("loss", "error", "mae", "mape", "mse", "msle", "rmse"),
    *("cosh", "crossentropy", "divergence", "hinge", "huber", "kld", "logcosh", "poisson"),
}
"""One of these words is in each name that Keras, scikit-learn and we give to what has no greatest value.

All else (an accuracy, a precision, an area under a curve, R²) has one that is near, and ratios mean little.
"""
FAR_APART = 10
"""So many times the least must the greatest value be for a logarithmic axis."""


def unit(metric: str, dataset: str) -> str:
    """The unit of a metric as the tables under `reports/` hold it; empty where it has none."""
    of_target = UNITS.get(dataset, {}).get("target", "")
    if metric in IN_ITS_SQUARE and of_target:
        return f"({of_target})²"
    return "nats" if metric == "log_loss" else of_target if metric in IN_UNIT_OF_TARGET else ""


def label(metric: str, dataset: str, own: bool = False) -> Text:
    """A metric with its unit, if it has one, as axes and tables say it; own: see `formats.figure`."""
    of = OWN_UNITS.get(dataset, "") if own and metric in ERRORS else unit(metric, dataset)
    name = text("metrics", metric)
    return text("table", "in_unit", name=name, unit=of) if of else name


def target(dataset: str) -> str:
    """What a data set's target is called, with its unit."""
    of = UNITS.get(dataset, {}).get("target")
    name = TARGETS.get(dataset, "target")
    return f"{name} ({of})" if of else name


def logarithmic(metric: str, values: Iterable[float]) -> bool:
    """Whether the axis of a metric is logarithmic: that of losses, errors and learning rates that are far apart.

    An accuracy's never is, see `UNBOUNDED`; nor is that of values that are not all positive. What is not finite is left
    out. metric: as a history has it, after perhaps an output and `_`.
    """
    found = np.fromiter(values, float)
    found = found[np.isfinite(found)]
    if not len(found) or not (metric == "learning_rate" or UNBOUNDED & {*metric.lower().split("_")}):
        return False
    return bool(0 < found.min() < found.max() / FAR_APART)
