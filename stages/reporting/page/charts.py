"""The charts of the report page: their data, which the page contains once, and their descriptions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.presentation.metrics import label, logarithmic, unbounded
from stages.presentation.plot_tables import curve_metrics, mean_and_range, most_confused
from stages.presentation.words import Text, joined, text
from stages.reporting.page.reports import Reports

DIGITS = 5
"""Significant digits of the numbers in a chart."""
MAX_PAIRS = 3
"""Pairs of classes in the description of a confusion matrix."""

Numbers = list[float | None]
Curves = Mapping[str, Mapping[str, Mapping[str, Numbers]]]
"""Learning curves of a variant: {metric: {part: {mean, low, high: one number per epoch}}}."""


@dataclass(frozen=True)
class Chart:
    """A chart that the script draws."""

    description: Text
    """Content of the chart in words, for screen readers."""
    spec: Mapping[str, Any]
    """`kind`, a function in js/charts.js, and its arguments."""


@dataclass(frozen=True)
class Plotted:
    """Learning curves and names of the variants, as charts need them."""

    curves: Mapping[str, Curves]
    """Curves by variant."""
    titles: Mapping[str, Text]
    """Titles by variant."""

    def has(self, name: str, metric: str) -> bool:
        """Whether a variant has curves of the metric."""
        return metric in self.curves.get(name, {})

    def changes_rate(self, name: str) -> bool:
        """Whether a variant's learning rate differs between epochs."""
        rates = self.curves.get(name, {}).get("learning_rate", {})
        return any(len(set(values["mean"]) - {None}) > 1 for values in rates.values())


def trainings(history: pd.DataFrame | None) -> int:
    """Count the trainings of a variant."""
    return 0 if history is None or history.empty else int(np.bincount(history["epoch"]).max())


def curves_of(history: pd.DataFrame) -> Curves:
    """Make the learning curves of a variant.

    One training has no low and high. The mean of several ends with the first training that ends. The part of the
    learning rate is "".

    history: columns (split,) seed, epoch, <metric>, val_<metric>, learning_rate.
    """
    columns = {metric: {"training": metric, "validation": f"val_{metric}"} for metric in curve_metrics(history)}
    if columns and "learning_rate" in history:
        columns["learning_rate"] = {"": "learning_rate"}
    return {
        metric: {part: _series(history, column) for part, column in of_parts.items() if column in history}
        for metric, of_parts in columns.items()
    }


def _series(history: pd.DataFrame, column: str) -> dict[str, Numbers]:
    table = mean_and_range(history, column)
    shown = table if table["low"].notna().any() else table[["mean"]]
    return {str(name): numbers(values) for name, values in shown.items()}


def numbers(values: Iterable[float]) -> Numbers:
    """Round numbers for JSON, which has no NaN: None."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values]


def axes(reports: Reports, plotted: Plotted) -> dict[str, dict[str, dict[str, Any]]]:
    """Give the `name` of each metric that has curves, and whether it may be `unbounded`, by data set and metric."""
    metrics: dict[str, set[str]] = {}
    for variant, curves in plotted.curves.items():
        metrics.setdefault(reports.dataset(variant), set()).update(curves)
    return {
        dataset: {each: {"name": label(each, dataset), "unbounded": unbounded(each)} for each in sorted(found)}
        for dataset, found in metrics.items()
    }


def described(names: Sequence[str], axis: Text, metric: str, plotted: Plotted) -> Text:
    """Describe a chart of curves."""
    series = []
    for name in names:
        for part, values in plotted.curves[name][metric].items():
            ends = [(epoch, value) for epoch, value in enumerate(values["mean"], 1) if value is not None]
            if ends and (part != "training" or len(names) == 1):
                (_, first), (epoch, last) = ends[0], ends[-1]
                title = plotted.titles[name]
                of = text("page", "series", variant=title, part=text("parts", part)) if part else title
                series.append(text("page", "curves_of", series=of, first=first, last=last, epoch=epoch))
    return text("page", "curves_chart", metric=axis, series=joined(series) if series else "")


def curve_charts(names: Sequence[str], metrics: Iterable[str], plotted: Plotted, dataset: str) -> list[Chart]:
    """Make a chart of each metric that any of the variants, all of one data set, has."""
    charts = []
    for metric in metrics:
        having = [name for name in names if plotted.has(name, metric)]
        if having:
            axis = label(metric, dataset)
            series = [
                values for name in having for part in plotted.curves[name][metric].values() for values in part.values()
            ]
            scale = logarithmic(metric, (value for values in series for value in values if value is not None))
            spec = {"kind": "curves", "variants": having, "metric": metric, "axis": axis, "logarithmic": scale}
            charts.append(Chart(described(having, axis, metric, plotted), spec))
    return charts


def confusion_chart(name: str, counts: pd.DataFrame) -> Chart:
    """Make the chart of a variant's confusion matrix. counts: its rows of confusion.csv."""
    pairs = [
        text("page", "confused", actual=row["actual"], predicted=row["predicted"], count=row["count"])
        for _, row in most_confused(counts, MAX_PAIRS).iterrows()
    ]
    description = text("page", "confusion_chart", pairs=joined(pairs) if pairs else text("page", "never_confused"))
    return Chart(description, {"kind": "confusion", "variant": name})


def reliability_chart(name: str, bins: pd.DataFrame) -> Chart:
    """Make the reliability diagram of a variant. bins: its rows of reliability.csv, by rising confidence."""
    rows = bins[["accuracy", "confidence", "rows"]].to_numpy().tolist()
    described = [
        text("page", "bin", accuracy=f"{accuracy:.2f}", confidence=f"{confidence:.2f}", count=int(count))
        for accuracy, confidence, count in [rows[0], *rows[1:][-1:]]
    ]
    return Chart(text("page", "reliability_chart", bins=joined(described)), {"kind": "reliability", "variant": name})


def reliabilities(bins: pd.DataFrame) -> dict[str, dict[str, Sequence[float | None]]]:
    """Make the data of the reliability diagrams: {variant: {confidence, accuracy, rows: a number for each bin}}."""
    return {
        str(name): {
            **{column: numbers(rows[column]) for column in ("confidence", "accuracy")},
            "rows": rows["rows"].tolist(),
        }
        for name, rows in bins.groupby("variant")
    }


def confusions(counts: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Make the data of the confusion matrices: {variant: {classes, counts: a row per actual class}}."""
    tables = {}
    for name, rows in counts.groupby("variant"):
        classes = list(dict.fromkeys(rows["actual"].astype(str)))
        matrix = rows["count"].to_numpy().reshape(len(classes), len(classes))
        tables[str(name)] = {"classes": classes, "counts": matrix.tolist()}
    return tables
