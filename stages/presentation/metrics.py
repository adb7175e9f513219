"""Labels and units of metrics, and whether their axes are logarithmic; for tables, axes and charts.

The words are those of `stages/presentation/words/`.
"""

from collections.abc import Iterable

import numpy as np

from stages.datasets.spec import spec_of
from stages.presentation.words import Text, text

ERRORS = ("mae", "rmse")
"""Metrics that tables write in the unit in which reports give the target."""
TARGET_UNIT_METRICS = (*ERRORS, "mean_absolute_error")
SQUARED_UNIT_METRICS = ("auxiliary_mse", "mean_squared_error", "mse")
UNBOUNDED = {
    *("loss", "error", "mae", "mape", "mse", "msle", "rmse"),
    *("cosh", "crossentropy", "divergence", "hinge", "huber", "kld", "logcosh", "poisson"),
}
"""Words of which the names of all unbounded metrics of Keras, scikit-learn and this project contain one.

All other metrics (accuracy, precision, area under a curve, R²) are at most 1, and ratios of them mean little.
"""
MIN_RATIO = 10
"""An axis is logarithmic if the greatest value is more than this many times the least."""


def unit(metric: str, dataset: str) -> str:
    """Unit of a metric in the tables under `reports/`; empty if it has none."""
    target_unit = spec_of(dataset).target.unit
    if metric in SQUARED_UNIT_METRICS and target_unit:
        return f"({target_unit})²"
    return "nats" if metric == "log_loss" else target_unit if metric in TARGET_UNIT_METRICS else ""


def label(metric: str, dataset: str, report_unit: bool = False) -> Text:
    """Name of a metric, with its unit if it has one, for axes and tables.

    report_unit: whether errors are in the unit of `formats.format_metric` rather than in that of the tables.
    """
    own = spec_of(dataset).target.report_unit if report_unit and metric in ERRORS else ""
    name, metric_unit = text("metrics", metric), own or unit(metric, dataset)
    return text("table", "in_unit", name=name, unit=metric_unit) if metric_unit else name


def unbounded(metric: str) -> bool:
    """Whether a metric may be of any size; ratios of its values mean something. metric: see `logarithmic`."""
    return metric == "learning_rate" or bool(UNBOUNDED & {*metric.lower().split("_")})


def logarithmic(metric: str, values: Iterable[float]) -> bool:
    """Whether a metric's axis is logarithmic: for losses, errors and learning rates that differ by orders of magnitude.

    Values that are not finite are ignored. If any value is not positive, the axis is linear.

    metric: name of a history's column, which may start with an output and `_`.
    """
    found = np.fromiter(values, float)
    found = found[np.isfinite(found)]
    return bool(len(found) and unbounded(metric) and 0 < found.min() < found.max() / MIN_RATIO)
