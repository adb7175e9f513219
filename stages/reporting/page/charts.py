"""The charts of the report page: their data, which the page holds once, and what they show in words."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.presentation.metrics import label, logarithmic
from stages.presentation.plot_tables import curve_metrics, most_confused, over_trainings
from stages.presentation.words import Text, joined, text
from stages.reporting.page.reports import Context

DIGITS = 5
"""So many of each number in a chart."""


def trainings(history: pd.DataFrame | None) -> int:
    """Count the trainings of a variant."""
    return 0 if history is None or history.empty else int(history.groupby("epoch").size().max())


def curves_of(history: pd.DataFrame) -> dict[str, dict[str, dict[str, list[float | None]]]]:
    """The learning curves of a variant: {metric: {part: {mean, low, high: one number per epoch}}}.

    history: columns (split,) seed, epoch, <metric>, val_<metric>, learning_rate. Of one training the mean alone; the
    mean of several goes as far as all of them, since those that did not stop early are a selection. The learning rate
    has one part, which is called "".
    """
    series = {metric: {"training": metric, "validation": f"val_{metric}"} for metric in curve_metrics(history)}
    if series and "learning_rate" in history:
        series["learning_rate"] = {"": "learning_rate"}
    curves: dict[str, Any] = {}
    for metric, of_parts in series.items():
        curves[metric] = {}
        for part, column in of_parts.items():
            if column in history:
                table = over_trainings(history, column)
                shown = table if table["low"].notna().any() else table[["mean"]]
                curves[metric][part] = {str(name): numbers(values) for name, values in shown.items()}
    return curves


def numbers(values: Iterable[float]) -> list[float | None]:
    """For JSON, which knows no NaN."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values]


def changes_rate(name: str, curves: Mapping[str, Any]) -> bool:
    """Whether a variant's learning rate is not the same in all epochs."""
    return any(
        len(set(values["mean"]) - {None}) > 1 for values in curves.get(name, {}).get("learning_rate", {}).values()
    )


def described(names: list[str], axis: Text, metric: str, curves: Mapping[str, Any]) -> Text:
    """What a chart of curves shows, for those who do not see it."""
    series = []
    for name in names:
        for part, values in curves[name][metric].items():
            ends = [(epoch, value) for epoch, value in enumerate(values["mean"], 1) if value is not None]
            if ends and (part != "training" or len(names) == 1):
                (_, first), (epoch, last) = ends[0], ends[-1]
                of = text("page", "series", variant=name, part=text("parts", part)) if part else name
                series.append(text("page", "curves_of", series=of, first=first, last=last, epoch=epoch))
    return text("page", "curves_chart", metric=axis, series=joined(series) if series else "")


def chart(kind: str, label: Text, **of: Any) -> Context:
    """A chart that the script draws: its kind, what it is of, and its description."""
    return {"label": label, "spec": {"kind": kind, **of}}


def curve_charts(names: list[str], metrics: Iterable[str], curves: Mapping[str, Any], dataset: str) -> list[Context]:
    """One chart for each metric that some of the variants have, all of one data set."""
    charts = []
    for metric in metrics:
        having = [name for name in names if metric in curves.get(name, {})]
        if having:
            axis = label(metric, dataset)
            series = [values for name in having for part in curves[name][metric].values() for values in part.values()]
            values = (value for each in series for value in each if value is not None)
            of = {"variants": having, "metric": metric, "axis": axis, "logarithmic": logarithmic(metric, values)}
            charts.append(chart("curves", described(having, axis, metric, curves), **of))
    return charts


def confused(counts: pd.DataFrame, pairs: int = 3) -> Text:
    """The pairs of classes that are taken for each other most often, in words. counts: of one variant."""
    said = [
        text("page", "confused", actual=row["actual"], predicted=row["predicted"], count=row["count"])
        for _, row in most_confused(counts, pairs).iterrows()
    ]
    return text("page", "confusion_chart", pairs=joined(said) if said else text("page", "never_confused"))


def confusions(counts: pd.DataFrame) -> dict[str, Context]:
    """{variant: {classes, counts: one row per actual class}}."""
    tables = {}
    for name, rows in counts.groupby("variant"):
        classes = list(dict.fromkeys(rows["actual"].astype(str)))
        matrix = rows["count"].to_numpy().reshape(len(classes), len(classes))
        tables[str(name)] = {"classes": classes, "counts": matrix.tolist()}
    return tables
